"""What a seed draws of a street's looks, and random numbers that depend on nothing but a place."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Colour = tuple[float, float, float]

# Facades, roofs and cars; those of "unseen" are kept for evaluation.
_WALLS: dict[str, tuple[tuple[Colour, ...], ...]] = {
    "seen": (
        ((0.86, 0.80, 0.68), (0.80, 0.62, 0.46), (0.90, 0.87, 0.80), (0.72, 0.52, 0.42)),
        ((0.93, 0.90, 0.84), (0.62, 0.70, 0.74), (0.84, 0.74, 0.58), (0.78, 0.80, 0.76)),
        ((0.90, 0.72, 0.46), (0.83, 0.50, 0.38), (0.93, 0.85, 0.66), (0.60, 0.68, 0.56)),
        ((0.74, 0.72, 0.70), (0.60, 0.52, 0.50), (0.85, 0.83, 0.80), (0.66, 0.60, 0.52)),
        ((0.92, 0.78, 0.76), (0.70, 0.80, 0.84), (0.95, 0.91, 0.80), (0.80, 0.84, 0.70)),
    ),
    "unseen": (
        ((0.48, 0.72, 0.70), (0.92, 0.62, 0.62), (0.96, 0.86, 0.50), (0.70, 0.62, 0.82)),
        ((0.34, 0.44, 0.56), (0.88, 0.90, 0.93), (0.46, 0.58, 0.62), (0.74, 0.36, 0.30)),
    ),
}
_ROOFS: dict[str, tuple[Colour, ...]] = {
    "seen": ((0.58, 0.30, 0.22), (0.40, 0.33, 0.30), (0.34, 0.36, 0.40)),
    "unseen": ((0.24, 0.40, 0.40), (0.62, 0.44, 0.28)),
}
_BONNETS: dict[str, tuple[Colour, ...]] = {
    "seen": (
        (0.70, 0.10, 0.10), (0.12, 0.28, 0.55), (0.80, 0.80, 0.82), (0.14, 0.15, 0.17), (0.10, 0.36, 0.26),
        (0.88, 0.70, 0.18),
    ),
    "unseen": ((0.86, 0.42, 0.12), (0.46, 0.22, 0.52)),
}  # fmt: skip
CARS: tuple[Colour, ...] = (
    (0.75, 0.12, 0.10), (0.15, 0.30, 0.60), (0.85, 0.85, 0.87), (0.20, 0.21, 0.23), (0.55, 0.57, 0.60),
    (0.16, 0.42, 0.32), (0.85, 0.66, 0.20),
)  # fmt: skip
STYLES = tuple(_WALLS)


@dataclass(frozen=True)
class Look:
    """A scene's colours; `azimuth` (radians) is where the sun sets, `green` tints what grows."""

    walls: tuple[Colour, ...]
    roof: Colour
    bonnet: Colour
    azimuth: float
    green: Colour
    country: float  # the share of the blocks that are in the country


@lru_cache(256)
def look(seed: int, style: str) -> Look:
    rng = np.random.default_rng([seed, 0x0AD])
    walls, roofs, bonnets = _WALLS[style], _ROOFS[style], _BONNETS[style]
    warm = float(rng.uniform(-0.05, 0.08))
    return Look(
        walls=walls[rng.integers(len(walls))],
        roof=roofs[rng.integers(len(roofs))],
        bonnet=bonnets[rng.integers(len(bonnets))],
        azimuth=float(rng.uniform(0, 2 * np.pi)),
        green=(0.27 + warm, 0.44 + 0.3 * warm, 0.17),
        country=float(rng.choice([0.25, 0.5, 0.75])),
    )


def draw(seed: int, *place: int) -> np.random.Generator:
    """The random numbers of a place, the same from wherever it is seen."""
    return np.random.default_rng([seed, *(n + 1_000_000 for n in place)])
