"""The land of a place as pictures that lights and weathers are mixed from; made once, as only light changes later."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.nature.noise import Array
from pandora.worlds.nature.place import FOCAL, SCALE, SIZE, WIDTH, Place
from pandora.worlds.nature.state import HOURS
from pandora.worlds.nature.terrain import COLUMNS, FAR, Canvas, azimuth, survey
from pandora.worlds.nature.things import furnish
from pandora.worlds.nature.trees import plant

_SNOW = np.array([0.74, 0.77, 0.83], np.float32)
_AIR = 1100.0  # metres after which a third of the light is left, in clear air
THICK = {"rain": 260.0, "snow": 130.0, "fog": 30.0, "storm": 330.0}  # the same in each weather


@dataclass(frozen=True)
class Layers:
    """Pictures of the panorama, (SIZE, WIDTH) or with 3 channels, float32; colours are weighted with `land`.

    `ambient` and `glow` (by the fire) are bare and snow-covered, `direct` too, by hour. `haze` is what clear air takes
    of the land, `veil` what each weather takes of everything.
    """

    place: Place
    ambient: tuple[Array, Array]
    direct: dict[str, tuple[Array, Array]]
    glow: tuple[Array, Array]
    light: Array
    land: Array
    water: Array
    haze: Array
    veil: dict[str, Array]
    mirror: NDArray[np.int64]  # by column, the row at which the water begins
    behind: NDArray[np.int64]  # (SIZE, WIDTH): the next column in the row where nothing near is in front
    sky_rows: int  # how many rows from the top have sky in them


@lru_cache(maxsize=12)
def make_layers(place: Place) -> Layers:
    """All layers of a place."""
    canvas = survey(place)
    wet = _shrink(canvas.water.astype(np.float32)) > 0.5  # before trees stand in front of it
    plant(canvas, place)
    furnish(canvas, place)
    land = (~canvas.water & (canvas.depth < FAR)).astype(np.float32)
    clear = np.exp(-canvas.depth / _AIR) * land
    cover = canvas.snow[..., None]
    albedos = canvas.albedo, canvas.albedo + (_SNOW - canvas.albedo) * cover
    up = 0.55 + 0.45 * canvas.normal[..., 1:2]
    ambient = tuple(_shrink(albedo * up * clear[..., None]) for albedo in albedos)
    direct = {}
    for hour, towards in sunlight(place).items():
        shone = (np.clip(canvas.normal @ towards, 0, 1) * clear)[..., None]
        direct[hour] = tuple(_shrink(albedo * shone) for albedo in albedos)
    near = _firelight(canvas, place)[..., None] * land[..., None]
    water = _shrink(canvas.water.astype(np.float32))
    below = (canvas.depth < FAR).astype(np.float32)  # the sky has its own grey
    whole = np.maximum(_shrink(below), 1e-6)
    veil = {n: _shrink(below - below * np.exp(-canvas.depth / depth)) / whole for n, depth in THICK.items()}
    mirror = np.where(wet.any(0), wet.argmax(0), SIZE)
    sky = _shrink((canvas.depth >= FAR).astype(np.float32))
    return Layers(
        place,
        ambient=(ambient[0], ambient[1]),
        direct={hour: (bare, snowy) for hour, (bare, snowy) in direct.items()},
        glow=(_shrink(albedos[0] * near), _shrink(albedos[1] * near)),
        light=_shrink(canvas.light * clear[..., None]),
        land=_shrink(land),
        water=water,
        haze=_shrink(land - clear),
        veil=veil,
        mirror=mirror,
        behind=_behind(canvas, place),
        sky_rows=int(np.flatnonzero(sky.max(1) > 0).max(initial=0)) + 1,
    )


def sunlight(place: Place) -> dict[str, Array]:
    """Unit vectors to the sun or moon (right, up, away) by hour. The day's sun stands a little behind the viewer.

    A light straight ahead would leave everything in its own shadow.
    """
    side = np.sign(place.sets - WIDTH / 2)
    towards = {
        "day": (0.35 * side, 0.8, -0.35),
        "dusk": (0.9 * side, 0.32, 0.1),
        "night": (0.2, 0.8, -0.3),
        "dawn": (-0.9 * side, 0.36, 0.0),
    }
    assert set(towards) == set(HOURS)
    return {h: np.asarray(v, np.float32) / np.float32(np.linalg.norm(v)) for h, v in towards.items()}


def _behind(canvas: Canvas, place: Place) -> NDArray[np.int64]:
    """What the water mirrors lies beyond it: what stands on the near shore is looked past, to the column beside it."""
    near = _shrink((canvas.depth < place.shore + 3).astype(np.float32)) > 0.02
    columns = np.broadcast_to(np.arange(WIDTH), near.shape)
    left = np.maximum.accumulate(np.where(near, -WIDTH, columns), axis=1)
    right = np.minimum.accumulate(np.where(near, 2 * WIDTH, columns)[:, ::-1], axis=1)[:, ::-1]
    found = np.where(columns - left <= right - columns, left, right)
    return np.where((found < 0) | (found >= WIDTH), columns, found).astype(np.int64)


def _firelight(canvas: Canvas, place: Place) -> Array:
    """How much of the fire's light each pixel gets, 0..1."""
    if place.fire is None:
        return np.zeros(canvas.depth.shape, np.float32)
    angle = azimuth((np.arange(COLUMNS, dtype=np.float32) + 0.5) / SCALE)[None]
    centre = azimuth(place.fire)
    depth = np.minimum(canvas.depth, 400.0)
    x = place.fire_distance * np.sin(centre) - depth * np.sin(angle)
    z = place.fire_distance * np.cos(centre) - depth * np.cos(angle)
    rows = (np.arange(canvas.depth.shape[0], dtype=np.float32)[:, None] + 0.5) / SCALE - 60
    y = depth * rows / FOCAL - 0.9  # how far the flames' middle is above the pixel
    square = x * x + y * y + z * z
    facing = (canvas.normal * np.stack([x, y, z], -1)).sum(-1) / np.sqrt(square + 0.01)
    return (0.25 + 0.75 * np.clip(facing, 0, 1)) / (1 + square / 3.2)


def _shrink(picture: Array) -> Array:
    rows, columns, *channels = picture.shape
    blocks = picture.reshape(rows // SCALE, SCALE, columns // SCALE, SCALE, *channels)
    return np.ascontiguousarray(blocks.mean((1, 3), dtype=np.float32))
