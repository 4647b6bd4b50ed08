"""Flames, sparks and smoke over the fireplace, and the flag in the wind; all of it comes round every eight frames."""

import numpy as np

from pandora.worlds.nature.noise import Array, noise, smooth
from pandora.worlds.nature.place import FOCAL, SIZE, Place
from pandora.worlds.nature.pose import Pose
from pandora.worlds.nature.things import POLE_DISTANCE, hearth, pole_top

LOOP = 8
_TALL = 34.0  # pixels of a high fire
_RAMP = np.array(
    [(0.55, 0.08, 0.02), (0.90, 0.26, 0.04), (1.0, 0.52, 0.10), (1.0, 0.80, 0.30), (1.0, 0.96, 0.74)], np.float32
)
_FINE = 2  # flames and flag are drawn this much larger and shrunk


def draw_smoke(frame: Array, place: Place, pose: Pose, ambient: Array) -> None:
    """Smoke over the fire, thicker after a puff; `frame` (SIZE, SIZE, 3) is changed."""
    strength = 0.30 * min(pose.fire * 3, 1) + 0.75 * pose.puff
    if place.fire is None or strength < 0.01:
        return
    column, row = hearth(place)
    base = row - 4 - _TALL * 0.55 * pose.fire
    y = np.arange(max(0, int(base)), dtype=np.float32)[:, None]
    rise = base - y
    x = np.arange(SIZE, dtype=np.float32)[None] + pose.offset + 0.5 - column
    bent = x - pose.wind * (rise * 0.55 + 7 * pose.fire) - 2.0 * np.sin(rise / 11 - 2 * np.pi * pose.phase / LOOP)
    wide = 3.2 + rise * 0.16
    cloud = noise(bent / 7 + 128, y / 9 + pose.phase * 4 / LOOP, 61, wrap_y=4)
    body = np.exp(-((bent / wide) ** 2)) * (0.25 + 0.95 * cloud) * np.exp(-rise / 42) * smooth(rise, 0, 7)
    alpha = np.clip(body * strength, 0, 0.85)[..., None]
    colour = np.minimum(ambient * 1.05 + 0.06, 0.9)
    part = frame[: len(y)]
    part += (colour - part) * alpha


def draw_flames(frame: Array, place: Place, pose: Pose) -> None:
    """Flames, their halo and sparks; `frame` is changed."""
    if place.fire is None or pose.fire < 0.02:
        return
    column, row = hearth(place)
    column -= pose.offset
    tall = 5 + (_TALL - 5) * pose.fire
    left, right = max(0, int(column) - 44), min(SIZE, int(column) + 44)
    top, bottom = max(0, int(row - tall * 1.2) - 4), min(SIZE, int(row) + 6)
    if left >= right:
        return
    _halo(frame, column, row - tall * 0.35, pose)
    y = row - (np.arange((bottom - top) * _FINE, dtype=np.float32)[:, None] + 0.5) / _FINE - top
    x = (np.arange((right - left) * _FINE, dtype=np.float32)[None] + 0.5) / _FINE + left - column
    v = y / tall
    up = np.clip(v, 0, 1.3)
    turn = 2 * np.pi * pose.phase / LOOP
    x = x - pose.wind * tall * 0.72 * up**1.35 - 1.1 * up * np.sin(4 * up - turn) * (0.5 + pose.fire)
    wide = (4.6 + 5.6 * pose.fire) * (0.45 + 0.75 * np.sqrt(np.clip(1 - up, 0, 1)))
    rising = y / 7.0 - pose.phase * 4 / LOOP
    tongues = noise(x / 3.6 + 64, rising, 71, wrap_y=4) * 0.65 + noise(x / 2.0 + 64, 2 * rising, 72, wrap_y=8) * 0.35
    heat = 1.12 - np.abs(x / wide) ** 1.6 - 1.05 * up**1.3 + (tongues - 0.52) * (0.35 + 1.5 * up)
    heat = np.where(v < -0.02, heat - (np.abs(v) * tall / 2.5) ** 2, heat)
    alpha = np.clip(heat * 3.2, 0, 1)
    level = np.clip(heat * 1.05, 0, 0.999) * (len(_RAMP) - 1)
    index = level.astype(np.int32)
    share = (level - index)[..., None]
    colour = _RAMP[index] * (1 - share) + _RAMP[index + 1] * share
    colour, alpha = _shrink(colour * alpha[..., None]), _shrink(alpha[..., None])
    part = frame[top:bottom, left:right]
    part *= 1 - alpha
    part += colour * 1.15
    _sparks(frame, column, row, pose)


def flicker(pose: Pose) -> float:
    """How bright the fire is, around its size."""
    turn = 2 * np.pi * pose.phase / LOOP
    return pose.fire * float(1 + 0.07 * np.sin(turn) + 0.05 * np.sin(2 * turn + 1))


def _halo(frame: Array, column: float, row: float, pose: Pose) -> None:
    y = np.arange(SIZE, dtype=np.float32)[:, None] - row
    x = np.arange(SIZE, dtype=np.float32)[None] - column
    glow = np.exp(-np.sqrt(x * x + y * y) / (9 + 9 * pose.fire)) * 0.42 * min(1.0, flicker(pose) * 1.3)
    frame += glow[..., None] * np.array([1.0, 0.46, 0.12], np.float32)


def _sparks(frame: Array, column: float, row: float, pose: Pose) -> None:
    if pose.fire < 0.5:
        return
    for k in range(7):
        life = (pose.phase / LOOP + k * 0.37) % 1
        y = int(row - 12 - life * 52)
        x = int(column + (k * 5 % 11 - 5) * (0.4 + life) + pose.wind * (10 + 34 * life) + 2 * np.sin(7 * life + k))
        if 0 <= x < SIZE and 0 <= y < SIZE:
            frame[y, x] += np.array([1.0, 0.6, 0.2], np.float32) * (1 - life) * (pose.fire - 0.4)


def draw_flag(frame: Array, place: Place, pose: Pose, light: Array) -> None:
    """The pennant at the pole: it hangs in a calm and streams with the wind; `light` is what shines on it."""
    column, row = pole_top(place)
    column -= pose.offset
    unit = FOCAL / POLE_DISTANCE
    length, half = 1.3 * unit, 0.25 * unit
    left, right = max(0, int(column - length - 3)), min(SIZE, int(column + length + 4))
    top, bottom = max(0, int(row - 3)), min(SIZE, int(row + length + 5))
    if left >= right or top >= bottom:
        return
    y = ((np.arange((bottom - top) * _FINE, dtype=np.float32)[:, None] + 0.5) / _FINE + top - row).reshape(-1, 1)
    x = (np.arange((right - left) * _FINE, dtype=np.float32)[None] + 0.5) / _FINE + left - column
    turn = 2 * np.pi * pose.phase / LOOP
    best = np.full(np.broadcast(x, y).shape, 9.0, np.float32)
    fold = np.zeros_like(best)
    lean = float(np.clip(pose.wind, -1, 1)) * 1.42
    px, py = 0.0, half * float(abs(np.sin(lean)))
    for k in range(9):
        s = k / 8
        wave = np.sin(turn - 5 * s)
        width = half * (1 - 0.85 * s) + 0.2
        away = np.sqrt((x - px) ** 2 + (y - py) ** 2) - width
        if k == 0:  # the edge at the pole is straight
            away = np.where(x * np.sin(lean) + (y - py) * np.cos(lean) < 0, 9, away)
        closer = away < best
        best = np.where(closer, away, best)
        fold = np.where(closer, wave * (0.3 + abs(lean)), fold)
        angle = lean + (0.42 * abs(pose.wind) + 0.06) * wave * min(1.0, s * 2 + 0.2)
        px += np.sin(angle) * length / 8
        py += np.cos(angle) * length / 8
    alpha = np.clip(0.5 - best * _FINE * 0.5, 0, 1)[..., None]
    colour = np.asarray(place.flag, np.float32) * light * (1 + 0.14 * fold[..., None])
    colour, alpha = _shrink(colour * alpha), _shrink(alpha)
    part = frame[top:bottom, left:right]
    part *= 1 - alpha
    part += colour


def _shrink(picture: Array) -> Array:
    rows, columns, channels = picture.shape
    shape = (rows // _FINE, _FINE, columns // _FINE, _FINE, channels)
    return picture.reshape(shape).mean((1, 3), dtype=np.float32)
