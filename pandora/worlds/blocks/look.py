"""The look of a scene, drawn from its seed: tints of table and wall, direction of the light, shades of the blocks."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.towers import COLOURS

Rgb = tuple[float, float, float]  # 0..255

PAINT: dict[str, Rgb] = {
    "red": (212.0, 52.0, 50.0),
    "orange": (238.0, 132.0, 30.0),
    "yellow": (246.0, 212.0, 70.0),
    "green": (60.0, 166.0, 84.0),
    "blue": (52.0, 110.0, 216.0),
    "purple": (146.0, 80.0, 190.0),
}
STEEL: Rgb = (172.0, 178.0, 188.0)
GRAPHITE: Rgb = (74.0, 80.0, 92.0)
DARK: Rgb = (0.34, 0.40, 0.54)  # what is left of each channel with the light off
_TABLES = ((190, 146, 104), (112, 124, 138), (208, 192, 160), (150, 190, 174))  # wood, slate, sand, mint
_WALLS = ((226, 222, 214), (206, 216, 226), (222, 212, 222), (214, 222, 208))


@dataclass(frozen=True)
class Look:
    table: Rgb
    wall: Rgb
    grain: float  # strength of the plank seams, 0..1
    sun: float  # where the light comes from: -1 left .. 1 right
    paint: dict[str, Rgb]  # front faces, light on


@lru_cache(maxsize=256)
def make_look(seed: int) -> Look:
    """The look of a seed; all of it varies continuously and mildly."""
    rng = np.random.default_rng([seed, 0x100C])
    shares = rng.dirichlet([0.35] * len(_TABLES))
    table = shares @ np.array(_TABLES, float) + rng.normal(0, 5, 3)
    wall = rng.dirichlet([0.6] * len(_WALLS)) @ np.array(_WALLS, float) + rng.normal(0, 4, 3)
    sun = float(rng.uniform(0.35, 1.0) * rng.choice([-1.0, 1.0]))
    shade = rng.normal(0, 0.025, (len(COLOURS), 1)) + rng.normal(0, 0.012, (len(COLOURS), 3))
    paint = np.clip(np.array([PAINT[c] for c in COLOURS]) * (1 + np.clip(shade, -0.07, 0.07)), 0, 255)
    colours = {colour: _rgb(values) for colour, values in zip(COLOURS, paint, strict=True)}
    return Look(_rgb(table), _rgb(np.clip(wall, 0, 240)), float(0.25 + 0.75 * shares[0]), sun, colours)


def tint(light: float) -> Rgb:
    """The factor on each channel at a light level 0..1."""
    r, g, b = (dark + (1 - dark) * light for dark in DARK)
    return r, g, b


def _rgb(values: NDArray[np.float64]) -> Rgb:
    r, g, b = (float(value) for value in values)
    return r, g, b
