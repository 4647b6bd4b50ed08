"""The land: a height field seen around one point, one ray a pixel of the panorama."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.nature.noise import Array, fbm, noise, smooth
from pandora.worlds.nature.place import EYE, FOCAL, GROUND, HORIZON, SCALE, SIZE, WIDTH, Place

ROWS, COLUMNS = SIZE * SCALE, WIDTH * SCALE
FAR = 1e5  # the depth of the sky
_STEPS = (2.2 * np.exp(np.linspace(0, np.log(3000 / 2.2), 340))).astype(np.float32)


@dataclass
class Canvas:
    """What every pixel of the large panorama shows; (ROWS, COLUMNS) or with 3 channels, float32.

    `depth` in metres; `normal` a unit vector (right, up, away); `snow` how much of it snow would cover; `water` a mask.
    """

    depth: Array
    normal: Array
    albedo: Array
    snow: Array
    water: NDArray[np.bool_]
    light: Array  # what shines by itself at night


def azimuth(column: float | Array) -> Array:
    """Radians right of the middle of the panorama, from columns of a view's scale."""
    return np.asarray((column - WIDTH / 2) / FOCAL, np.float32)


def height(place: Place, angle: Array, distance: Array) -> Array:
    """Metres above the water, broadcast over both."""
    x, z = distance * np.sin(angle), distance * np.cos(angle)
    seed = place.seed % 4096
    shore = place.shore + 6.5 * (noise(angle * 2.2 + 9, np.float32(0.5) + 0 * angle, seed) - 0.5)
    near = GROUND * np.clip((shore - distance) / 4.5, -2, 1) + 0.3 * (noise(x * 0.35, z * 0.35, seed + 5) - 0.5)
    far = place.far * (0.65 + 0.9 * noise(angle * 2.5 + 40, np.float32(3.5) + 0 * angle, seed + 1))
    behind = (distance - far) / place.far
    size = place.far if place.land != "sea" else place.far * 0.5
    size = max(size, 60.0)
    beach = np.clip(behind * 3, -3, 1) * 1.5
    bumps = fbm(x / size * 0.9, z / size * 0.9, seed + 2, 4)
    if place.land == "canyon":  # terraces
        bumps = np.floor(bumps * 5) / 5 + 0.2 * smooth(bumps * 5 % 1, 0.6, 1.0)
        rise = smooth(behind, 0.25, 0.6)
    else:
        rise = smooth(behind, 0.0, 1.6)
    hills = place.hills * size * rise * (0.25 + 1.5 * np.clip(bumps - 0.25, 0, 1))
    ridges = 1 - np.abs(2 * fbm(x / size * 0.28, z / size * 0.28, seed + 7, 5) - 1)
    peaks = place.mountains * size * 1.7 * smooth(behind, 1.2, 5.0) * np.clip(ridges - 0.35, 0, 1) * 1.6
    return np.maximum(near, beach + hills + peaks)


def survey(place: Place) -> Canvas:
    """The bare land and its water, without trees and things."""
    angle = azimuth((np.arange(COLUMNS, dtype=np.float32) + 0.5) / SCALE)[None]
    steps = _STEPS[:, None]
    heights = height(place, angle, steps)
    row_of = (HORIZON + FOCAL * (EYE - np.maximum(heights, 0)) / steps) * SCALE
    highest = np.minimum.accumulate(row_of, axis=0)
    rows = np.arange(ROWS, dtype=np.float32) + 0.5
    first = np.stack([np.searchsorted(-highest[:, c], -rows) for c in range(COLUMNS)], axis=1)
    sky = first >= len(_STEPS)
    k1 = np.clip(first, 1, len(_STEPS) - 1)
    k0 = k1 - 1
    columns = np.broadcast_to(np.arange(COLUMNS), k1.shape)
    before, after = row_of[k0, columns], row_of[k1, columns]
    share = np.clip((before - rows[:, None]) / np.maximum(before - after, 1e-3), 0, 1)
    depth = _STEPS[k0] + share * (_STEPS[k1] - _STEPS[k0])
    ground = heights[k0, columns] * (1 - share) + heights[k1, columns] * share
    along = np.gradient(heights, axis=0) / np.gradient(_STEPS)[:, None]
    across = np.gradient(heights, axis=1) * (FOCAL * SCALE) / steps
    slope = along[k1, columns], across[k1, columns]
    sin, cos = np.sin(angle), np.cos(angle)
    normal = np.stack([-(slope[0] * sin + slope[1] * cos), np.ones_like(depth), -(slope[0] * cos - slope[1] * sin)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    water = (ground < 0) & ~sky
    albedo, snow = _ground(place, angle, depth, ground, normal[..., 1])
    depth[sky] = FAR
    shape = (ROWS, COLUMNS)
    return Canvas(depth, normal, albedo, snow, water, np.zeros((*shape, 3), np.float32))


def _ground(place: Place, angle: Array, depth: Array, ground: Array, up: Array) -> tuple[Array, Array]:
    """Colour, and how much of it snow would cover."""
    seed = place.seed % 4096
    x, z = depth * np.sin(angle), depth * np.cos(angle)
    coarse = noise(x * 0.5, z * 0.5, seed + 21)[..., None]
    fine = noise(x * 3.1, z * 1.3, seed + 22)[..., None]
    broad = fbm(x / 45, z / 45, seed + 23, 3)[..., None]
    near = (depth < place.shore + 6)[..., None]
    grass = np.asarray(place.grass, np.float32)
    if place.season != "winter":
        meadow = grass * (0.72 + 0.3 * coarse + 0.22 * (fine - 0.5) * near)
        wood = np.asarray(place.leaves[0], np.float32) * (0.6 + 0.6 * broad)
        meadow = np.where(near, meadow, meadow + (wood - meadow) * smooth(broad, 0.4, 0.6) * place.forest)
    else:
        meadow = grass * (0.9 + 0.1 * coarse)
    rocky = smooth(1 - up, 0.22, 0.4)[..., None] * ~near
    stone = np.asarray(place.rock, np.float32) * (0.75 + 0.5 * broad)
    if place.land == "canyon":
        stone = stone * (0.8 + 0.35 * noise(ground * 0.35, 0 * ground, seed + 25))[..., None]
        rocky = np.maximum(rocky, 0.7 * ~near)
    albedo = meadow + (stone - meadow) * rocky
    wet = smooth(0.55 - ground, 0.0, 0.35)[..., None]
    albedo = albedo + (np.asarray(place.sand, np.float32) * (0.88 + 0.2 * fine) - albedo) * wet
    line = place.snow_line * place.far * (0.8 + 0.5 * broad[..., 0])
    capped = (smooth(ground - line, 0, 0.15 * place.far) * smooth(up, 0.45, 0.7))[..., None]
    albedo = albedo + (np.array([0.78, 0.81, 0.87], np.float32) - albedo) * capped
    if place.fire is not None:
        centre = azimuth(place.fire)
        away = np.hypot(x - place.fire_distance * np.sin(centre), z - place.fire_distance * np.cos(centre))
        bare = smooth(1.9 - away, 0.0, 0.9)[..., None] * 0.85
        albedo = albedo + (np.array([0.36, 0.29, 0.22], np.float32) * (0.8 + 0.4 * fine) - albedo) * bare
        cover = smooth(up, 0.5, 0.8) * (1 - bare[..., 0]) * (1 - 0.6 * wet[..., 0])
    else:
        cover = smooth(up, 0.5, 0.8) * (1 - 0.6 * wet[..., 0])
    return albedo.astype(np.float32), cover.astype(np.float32)
