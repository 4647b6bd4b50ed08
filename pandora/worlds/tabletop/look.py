"""How a scene looks, drawn from its seed: table top, room, light, camera, shades. What happens never depends on it."""

import colorsys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.towers import COLOURS

TABLES = ("wood", "planks", "cloth", "marble", "plain")
UNSEEN_TABLES = ("checker",)  # kept out of training
TEXTURE = 192  # pixels of the table top's picture, a side

Colour = tuple[float, float, float]  # red, green, blue, 0..1

_HUES = {"red": 0.0, "orange": 0.071, "yellow": 0.145, "green": 0.36, "blue": 0.605, "purple": 0.78}
_FULL = {"red": (0.84, 0.86), "orange": (0.90, 0.97), "yellow": (0.82, 0.97), "green": (0.78, 0.66),
         "blue": (0.82, 0.86), "purple": (0.66, 0.74)}  # fmt: skip
_TOPS: dict[str, tuple[Colour, ...]] = {
    "wood": ((0.66, 0.46, 0.29), (0.45, 0.30, 0.20), (0.78, 0.62, 0.43), (0.55, 0.42, 0.33)),
    "planks": ((0.70, 0.54, 0.37), (0.50, 0.38, 0.29), (0.74, 0.65, 0.52), (0.42, 0.36, 0.33)),
    "cloth": ((0.36, 0.44, 0.48), (0.70, 0.66, 0.58), (0.42, 0.50, 0.42), (0.52, 0.42, 0.44)),
    "marble": ((0.76, 0.75, 0.73), (0.30, 0.31, 0.33), (0.66, 0.68, 0.69)),
    "plain": ((0.74, 0.72, 0.68), (0.50, 0.56, 0.60), (0.30, 0.33, 0.37), (0.72, 0.74, 0.66)),
    "checker": ((0.68, 0.62, 0.54), (0.50, 0.56, 0.60)),
}
_WALLS: tuple[Colour, ...] = (
    (0.80, 0.78, 0.73), (0.62, 0.69, 0.74), (0.70, 0.75, 0.66), (0.78, 0.68, 0.62), (0.44, 0.50, 0.57),
    (0.88, 0.86, 0.82), (0.58, 0.55, 0.62), (0.36, 0.42, 0.43),
)  # fmt: skip
_ARMS: tuple[Colour, ...] = (
    (0.90, 0.91, 0.93), (0.94, 0.93, 0.90), (0.62, 0.66, 0.70), (0.80, 0.82, 0.84), (0.30, 0.33, 0.38),
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """`top` is the table's kind, `seed` its grain; angles in degrees, `sun` the direction light travels in."""

    blocks: dict[str, Colour]
    top: str
    seed: int
    tone: Colour
    wall: Colour
    floor: Colour
    arm: Colour
    sun: tuple[float, float, float]
    sunlight: Colour
    ambient: Colour
    azimuth: float
    elevation: float
    distance: float
    centre: tuple[float, float, float]


@lru_cache(maxsize=64)
def look_of(seed: int, table: str | None = None) -> Look:
    """The look of a seed, with its own table top or a given kind."""
    rng = np.random.default_rng([seed, 0x7AB1E])
    blocks = {}
    for colour in COLOURS:
        hue = _HUES[colour] + rng.uniform(-0.009, 0.009)
        full, bright = _FULL[colour]
        blocks[colour] = colorsys.hsv_to_rgb(
            hue % 1, full + rng.uniform(-0.05, 0.05), bright + rng.uniform(-0.03, 0.03)
        )
    own = TABLES[rng.integers(len(TABLES))]
    top = table or own
    around, height = rng.uniform(-1.0, 1.0), rng.uniform(1.3, 1.9)
    warmth = rng.uniform(-1.0, 1.0)
    bright = rng.uniform(0.52, 0.66)
    glow = rng.uniform(0.44, 0.54)
    return Look(
        blocks,
        top,
        seed,
        _near(_TOPS[top][rng.integers(len(_TOPS[top]))], rng),
        _near(_WALLS[rng.integers(len(_WALLS))], rng),
        _near((0.42, 0.38, 0.35), rng),
        _ARMS[rng.integers(len(_ARMS))],
        (-float(np.sin(around)), rng.uniform(-0.1, 0.75), -height),
        (bright * (1 + 0.06 * warmth), bright, bright * (1 - 0.08 * warmth)),
        (glow * (1 + 0.03 * warmth), glow, glow * (1 - 0.04 * warmth)),
        90.0 + rng.uniform(-13.0, 13.0),
        -rng.uniform(44.0, 52.0),
        rng.uniform(15.8, 16.6),
        (rng.uniform(-0.15, 0.15), rng.uniform(-0.1, 0.15), 1.75),
    )


def top_picture(look: Look) -> NDArray[np.uint8]:
    """The table top seen from above, (TEXTURE, TEXTURE, 3)."""
    rng = np.random.default_rng([look.seed, 0x70B])
    v, u = np.mgrid[0:TEXTURE, 0:TEXTURE] / TEXTURE
    shade = {
        "wood": _wood, "planks": _planks, "cloth": _cloth, "marble": _marble, "plain": _plain, "checker": _checker,
    }[look.top](u, v, rng)  # fmt: skip
    return (np.clip(np.asarray(look.tone) * shade[..., None], 0, 1) * 255).astype(np.uint8)


_Grid = NDArray[np.float64]  # (TEXTURE, TEXTURE)


def _wood(u: _Grid, v: _Grid, rng: np.random.Generator) -> _Grid:
    bend = _noise(rng, 2, 4)
    grain = np.sin(2 * np.pi * (9 * v + 1.6 * bend))
    return 1 + 0.055 * grain + 0.10 * _noise(rng, 3, 60) + 0.08 * (bend - 0.5)


def _planks(u: _Grid, v: _Grid, rng: np.random.Generator) -> _Grid:
    count = int(rng.integers(5, 8))
    plank = np.minimum((v * count).astype(int), count - 1)
    tint = rng.uniform(0.88, 1.08, count)[plank]
    seam = 1 - 0.35 * (np.abs(v * count % 1 - 0.5) > 0.47)
    return tint * seam + 0.10 * (_noise(rng, 4, 80) - 0.5)


def _cloth(u: _Grid, v: _Grid, rng: np.random.Generator) -> _Grid:
    return 1 + 0.05 * np.sin(u * 2 * np.pi * 48) * np.sin(v * 2 * np.pi * 48) + 0.10 * (_noise(rng, 4, 4) - 0.5)


def _marble(u: _Grid, v: _Grid, rng: np.random.Generator) -> _Grid:
    veins = np.abs(np.sin(np.pi * (2.5 * u + 1.5 * v + 2.2 * _noise(rng, 4, 4))))
    return 1.04 - 0.16 * np.exp(-veins / 0.10) + 0.05 * (_noise(rng, 6, 6) - 0.5)


def _plain(u: _Grid, v: _Grid, rng: np.random.Generator) -> _Grid:
    return 1 + 0.05 * (_noise(rng, 3, 3) - 0.5)


def _checker(u: _Grid, v: _Grid, rng: np.random.Generator) -> _Grid:
    return np.where(((u * 9).astype(int) + (v * 7).astype(int)) % 2, 1.10, 0.86) + 0.0 * u


def _noise(rng: np.random.Generator, across: int, down: int) -> _Grid:
    """Smooth noise 0..1 with so many bumps to either side."""
    grid = rng.uniform(0.0, 1.0, (down + 1, across + 1))
    rows, columns = (np.linspace(0, n, TEXTURE, endpoint=False) for n in (down, across))
    r, c = rows.astype(int), columns.astype(int)
    fr, fc = (f * f * (3 - 2 * f) for f in ((rows - r)[:, None], (columns - c)[None]))
    upper = grid[np.ix_(r, c)] * (1 - fc) + grid[np.ix_(r, c + 1)] * fc
    lower = grid[np.ix_(r + 1, c)] * (1 - fc) + grid[np.ix_(r + 1, c + 1)] * fc
    return upper * (1 - fr) + lower * fr


def _near(colour: Colour, rng: np.random.Generator) -> Colour:
    """A colour close by."""
    shift = rng.uniform(-0.03, 0.03, 3) + rng.uniform(-0.03, 0.03)
    red, green, blue = (float(np.clip(c + s, 0, 1)) for c, s in zip(colour, shift, strict=True))
    return red, green, blue
