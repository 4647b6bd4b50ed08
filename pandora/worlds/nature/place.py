"""What a seed draws: the land and its season, its trees, and what stands in it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Rgb = tuple[float, float, float]  # 0..1

SCALE = 2  # the land is drawn this much larger and shrunk, against jagged edges
SIZE = 128  # a view
STEP = 40  # pixels from one view to the next
MARGIN = 10  # pixels beyond the views at the ends, into which one can lean
WIDTH = SIZE + 2 * STEP + 2 * MARGIN  # the panorama
FOCAL = 122.0  # pixels per radian
HORIZON = 47.0  # row of the horizon
EYE = 3.6  # metres above the water
GROUND = 1.1  # metres of the near ground above the water

_FLAGS: tuple[Rgb, ...] = ((0.9, 0.16, 0.12), (0.98, 0.55, 0.08), (0.98, 0.82, 0.15), (0.88, 0.2, 0.5))  # seen in snow
_TENTS: tuple[Rgb, ...] = ((0.85, 0.38, 0.16), (0.25, 0.5, 0.7), (0.8, 0.7, 0.4), (0.62, 0.22, 0.2), (0.4, 0.55, 0.3))
_GRASS: dict[str, Rgb] = {
    "spring": (0.40, 0.54, 0.26), "summer": (0.36, 0.46, 0.22),
    "autumn": (0.56, 0.48, 0.22), "winter": (0.70, 0.73, 0.79),
}  # fmt: skip
_LEAVES: dict[str, tuple[Rgb, ...]] = {
    "spring": ((0.36, 0.58, 0.22), (0.50, 0.66, 0.30), (0.88, 0.66, 0.72)),
    "summer": ((0.20, 0.42, 0.16), (0.28, 0.48, 0.18), (0.16, 0.36, 0.18)),
    "autumn": ((0.82, 0.42, 0.12), (0.86, 0.60, 0.14), (0.66, 0.24, 0.12), (0.45, 0.45, 0.18)),
    "winter": ((0.42, 0.36, 0.32), (0.36, 0.32, 0.30)),
}
_PINE: Rgb = (0.12, 0.28, 0.18)


@dataclass(frozen=True)
class Place:
    """Distances and heights in metres, columns in panorama pixels, colours 0..1."""

    land: str
    season: str
    seed: int
    tree: str  # pine, round, palm
    mixed: float  # share of pines among other trees
    forest: float  # how dense the far woods are, 0..1
    grass: Rgb
    leaves: tuple[Rgb, ...]
    rock: Rgb
    sand: Rgb
    water: Rgb
    shore: float  # where the near ground ends
    far: float  # where the far land begins
    hills: float
    mountains: float
    snow_line: float
    sun: float  # column of the sun by day
    sets: float  # column where it sets; it rises on the other side
    moon: float
    fire: float | None  # column of the fireplace
    fire_distance: float
    pole: float
    flag: Rgb
    tent: tuple[float, float, Rgb] | None  # column, distance, colour
    jetty: float | None
    boat: tuple[float, float] | None
    cabin: tuple[float, float] | None  # column, metres behind the far shore
    bolt: float  # column of the lightning


@lru_cache(maxsize=64)
def make_place(land: str, pit: bool, look: int) -> Place:
    """The place of a seed; equal arguments give equal places."""
    rng = np.random.default_rng([look, 0xA7E])

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def column(low: float, high: float) -> float:
        return MARGIN + between(low, high)

    def tinted(colour: Rgb, spread: float = 0.03) -> Rgb:
        r, g, b = (float(np.clip(c + d, 0.02, 0.97)) for c, d in zip(colour, rng.normal(0, spread, 3), strict=True))
        return r, g, b

    warm = land in ("lagoon", "canyon")
    season = "summer" if warm else str(rng.choice(list(_GRASS), p=[0.25, 0.35, 0.25, 0.15]))
    far = {"river": (32, 48), "fjord": (90, 160), "sea": (500, 700), "lagoon": (160, 320), "canyon": (38, 60)}
    hills = {"river": (0.16, 0.3), "fjord": (0.35, 0.6), "alps": (0.2, 0.35), "sea": (0.03, 0.08), "canyon": (0.5, 0.7)}
    mountains = {"fjord": (0.2, 0.5), "alps": (0.7, 1.1), "canyon": (0.1, 0.3), "lake": (0.0, 0.6)}
    rock = {"canyon": (0.66, 0.34, 0.20), "lagoon": (0.42, 0.40, 0.34)}.get(land, (0.44, 0.42, 0.41))
    sand = {"canyon": (0.78, 0.56, 0.36), "lagoon": (0.93, 0.86, 0.68)}.get(land, (0.62, 0.56, 0.44))
    water = {"lagoon": (0.10, 0.55, 0.56), "canyon": (0.22, 0.36, 0.34), "alps": (0.10, 0.40, 0.44)}
    grass = {"lagoon": (0.52, 0.55, 0.28), "canyon": (0.62, 0.46, 0.28)}.get(land, _GRASS[season])
    leaves = tuple(tinted(c) for c in _LEAVES[season])
    tree = {"lagoon": "palm", "canyon": "round", "alps": "pine", "fjord": "pine"}.get(land, "round")
    # A fire, a pole and what else stands in the clearing share the columns that all three views show.
    left = bool(rng.random() < 0.5)
    fire, pole = (column(93, 99), column(110, 115)) if left else (column(109, 115), column(93, 98))
    side = column(46, 66) if left else column(142, 162)
    other = column(140, 166) if left else column(42, 68)
    sets = column(12, 75) if rng.random() < 0.5 else column(133, 196)
    sailed, settled = land in ("lake", "sea", "lagoon", "fjord"), land in ("lake", "fjord", "alps", "river")
    return Place(
        land, season, look, tree, mixed={"pine": 0.85, "palm": 0.0}.get(tree, between(0.0, 0.7)) if not warm else 0.0,
        forest={"canyon": 0.08, "sea": 0.4}.get(land, between(0.35, 1.0)), grass=tinted(grass),
        leaves=(*leaves, _PINE) if not warm else tuple(tinted(c) for c in _LEAVES["summer"]),
        rock=tinted(rock), sand=tinted(sand, 0.02), water=tinted(water.get(land, (0.10, 0.27, 0.36)), 0.02),
        shore=between(11.0, 15.0), far=between(*far.get(land, (70, 140))),
        hills=between(*hills.get(land, (0.15, 0.35))),
        mountains=between(*mountains.get(land, (0.0, 0.25))),
        snow_line={"alps": between(0.35, 0.9), "fjord": between(0.5, 0.8)}.get(land, 9.0),
        sun=column(70, 138), sets=sets, moon=column(64, 144), fire=fire if pit else None,
        fire_distance=between(6.2, 7.2), pole=pole, flag=_FLAGS[rng.integers(len(_FLAGS))],
        tent=(side, between(8.0, 9.5), tinted(_TENTS[rng.integers(len(_TENTS))])) if rng.random() < 0.6 else None,
        jetty=other if rng.random() < 0.45 and land != "canyon" else None,
        boat=(column(45, 163), between(38, 70)) if sailed and rng.random() < 0.5 else None,
        cabin=(column(40, 168), between(2, 8)) if settled and rng.random() < 0.5 else None,
        bolt=column(60, 148),
    )  # fmt: skip
