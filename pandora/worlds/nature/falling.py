"""Rain and snow in front of everything, and lightning. The patterns are the same in all places: they come round."""

from functools import lru_cache

import numpy as np

from pandora.worlds.nature.noise import Array
from pandora.worlds.nature.place import SIZE, Place
from pandora.worlds.nature.pose import Pose

LOOP = 8
FLASHES = {3: 1.0, 4: 0.45}  # strength by phase


@lru_cache(maxsize=1)
def _streaks() -> tuple[Array, Array]:
    """Near and far drops, (64, SIZE)."""
    rng = np.random.default_rng(0x8A14)
    tiles = []
    for count, length, strength in ((17, 10, 0.5), (34, 6, 0.3)):
        tile = np.zeros((64, SIZE), np.float32)
        for _ in range(count):
            row, column, bright = rng.integers(64), rng.integers(SIZE), strength * rng.uniform(0.6, 1.0)
            for k in range(length):
                tile[(row + k) % 64, column] = bright * (k + 1) / length
        tiles.append(tile)
    return tiles[0], tiles[1]


@lru_cache(maxsize=1)
def _flakes() -> tuple[Array, Array]:
    """Near flakes (64, SIZE), far ones (32, SIZE)."""
    rng = np.random.default_rng(0x50F7)
    near, far = np.zeros((64, SIZE), np.float32), np.zeros((32, SIZE), np.float32)
    soft = np.array([[0.25, 0.6, 0.2], [0.6, 1.0, 0.5], [0.2, 0.5, 0.15]], np.float32)
    for _ in range(42):
        row, column, bright = rng.integers(64), rng.integers(SIZE), rng.uniform(0.65, 1.0)
        rows, columns = (row + np.arange(3)) % 64, (column + np.arange(3)) % SIZE
        near[np.ix_(rows, columns)] = np.maximum(near[np.ix_(rows, columns)], soft * bright)
    for _ in range(58):
        row, column = rng.integers(32), rng.integers(SIZE)
        far[row, column] = rng.uniform(0.35, 0.7)
        far[row, (column + 1) % SIZE] = 0.3
    return near, far


def draw_falling(frame: Array, pose: Pose, ambient: Array) -> None:
    """Rain or snow as thick as the weather has it; `frame` (SIZE, SIZE, 3) is changed."""
    _, rain, snow, _, storm = (float(share) for share in pose.weather)
    wet = rain + 1.45 * storm
    if wet > 0.01:
        near, far = _streaks()
        slant = pose.wind * 0.5
        alpha = _scrolled(near, 24, slant, pose.phase) + _scrolled(far, 16, slant, pose.phase)
        colour = np.minimum(ambient * 0.6 + 0.42, 0.95)
        _over(frame, colour, np.minimum(alpha * wet, 0.8))
    if snow > 0.01:
        near, far = _flakes()
        alpha = np.maximum(
            _scrolled(near, 8, pose.wind * 0.85, pose.phase), _scrolled(far, 4, pose.wind * 0.85, pose.phase)
        )
        colour = np.minimum(ambient * 0.7 + 0.48, 1.0)
        _over(frame, colour, alpha * min(1.0, snow))


def draw_lightning(frame: Array, place: Place, pose: Pose) -> None:
    """In a storm, once a second: a bolt and its light; `frame` is changed."""
    flash = FLASHES.get(pose.phase, 0.0) * float(pose.weather[4])
    if flash < 0.2:
        return
    frame *= 1 + 0.75 * flash
    frame += 0.10 * flash
    rng = np.random.default_rng([place.seed, 0xB017])
    x = place.bolt - pose.offset
    y = np.arange(44)
    path = x + np.cumsum(rng.normal(0, 1.1, 44)) + 3 * np.sin(y / 5 + place.bolt)
    columns = np.arange(SIZE, dtype=np.float32)[None]
    away = np.abs(columns - path[:, None].astype(np.float32))
    glow = np.clip(1.6 - away, 0, 1) + 0.35 * np.exp(-away / 4)
    frame[:44] += (glow * flash)[..., None] * np.array([0.85, 0.88, 1.0], np.float32)


def _scrolled(tile: Array, speed: int, slant: float, phase: int) -> Array:
    y = np.arange(SIZE)[:, None]
    columns = (np.arange(SIZE)[None] - np.rint(slant * y).astype(np.int64)) % SIZE
    return tile[(y - speed * phase) % len(tile), columns]


def _over(frame: Array, colour: Array, alpha: Array) -> None:
    frame += (colour - frame) * alpha[..., None]
