"""What rooms are finished with: walls and floors, drawn by the seed. Some combinations are kept for evaluation."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from pandora.worlds.house.plan import Plan, Room

Colour = tuple[float, float, float]
_HELD_SHARE = 5  # one in so many combinations of kind of room, wall and floor is never trained on


@dataclass(frozen=True)
class Finish:
    """A surface: a material of the stage, its two colours (sRGB 0..1), and how fine its pattern is."""

    material: str
    colour: Colour
    colour2: Colour
    scale: float = 1.0


@dataclass(frozen=True)
class Look:
    """How one room is finished; `fabric` and `wood` colour its furniture."""

    wall: Finish
    floor: Finish
    fabric: Colour
    wood: Colour
    accent: Colour


WALLS = {
    "cream": Finish("plaster", (0.93, 0.88, 0.77), (0.86, 0.80, 0.68)),
    "sage": Finish("plaster", (0.66, 0.75, 0.62), (0.58, 0.68, 0.55)),
    "sky": Finish("plaster", (0.62, 0.76, 0.87), (0.55, 0.69, 0.81)),
    "rose": Finish("plaster", (0.88, 0.68, 0.67), (0.81, 0.61, 0.61)),
    "mustard": Finish("plaster", (0.89, 0.73, 0.37), (0.82, 0.66, 0.31)),
    "terracotta": Finish("plaster", (0.80, 0.51, 0.38), (0.73, 0.45, 0.33)),
    "lilac": Finish("plaster", (0.75, 0.69, 0.86), (0.68, 0.62, 0.80)),
    "navy": Finish("plaster", (0.27, 0.36, 0.53), (0.23, 0.31, 0.47)),
    "brick": Finish("brick", (0.68, 0.36, 0.28), (0.80, 0.74, 0.68), 1.7),
    "white brick": Finish("brick", (0.90, 0.88, 0.84), (0.72, 0.69, 0.65), 1.7),
    "blue stripes": Finish("stripes", (0.87, 0.90, 0.94), (0.46, 0.60, 0.78), 2.0),
    "green stripes": Finish("stripes", (0.92, 0.92, 0.82), (0.50, 0.66, 0.48), 2.0),
    "red stripes": Finish("stripes", (0.95, 0.89, 0.82), (0.76, 0.40, 0.38), 2.0),
    "panelling": Finish("wood", (0.66, 0.46, 0.29), (0.54, 0.36, 0.21), 1.5),
    "white tiles": Finish("tiles", (0.91, 0.94, 0.95), (0.72, 0.80, 0.83), 2.5),
    "teal tiles": Finish("tiles", (0.36, 0.66, 0.67), (0.85, 0.91, 0.90), 2.5),
}
FLOORS = {
    "oak": Finish("planks", (0.74, 0.55, 0.35), (0.60, 0.42, 0.25)),
    "walnut": Finish("planks", (0.47, 0.31, 0.21), (0.36, 0.23, 0.15)),
    "beech": Finish("planks", (0.85, 0.70, 0.50), (0.74, 0.58, 0.39)),
    "grey carpet": Finish("carpet", (0.60, 0.60, 0.62), (0.52, 0.52, 0.55)),
    "blue carpet": Finish("carpet", (0.34, 0.44, 0.62), (0.28, 0.37, 0.54)),
    "wine carpet": Finish("carpet", (0.55, 0.25, 0.29), (0.47, 0.20, 0.24)),
    "chequered tiles": Finish("checker", (0.92, 0.91, 0.88), (0.24, 0.25, 0.28), 1.6),
    "sand tiles": Finish("tiles", (0.84, 0.76, 0.63), (0.68, 0.59, 0.47), 1.6),
    "slate tiles": Finish("tiles", (0.42, 0.46, 0.50), (0.60, 0.63, 0.66), 1.6),
}
_WET = ("white tiles", "teal tiles", "sky", "sage", "white brick", "blue stripes")
_WET_FLOORS = ("chequered tiles", "sand tiles", "slate tiles", "beech")
_SOFT_FLOORS = ("oak", "walnut", "beech", "grey carpet", "blue carpet", "wine carpet")
_FABRICS: tuple[Colour, ...] = (
    (0.72, 0.22, 0.22), (0.20, 0.38, 0.62), (0.24, 0.50, 0.34), (0.84, 0.62, 0.22), (0.45, 0.30, 0.55),
    (0.28, 0.55, 0.58), (0.80, 0.45, 0.30), (0.58, 0.60, 0.64),
)  # fmt: skip
_WOODS: tuple[Colour, ...] = ((0.62, 0.42, 0.25), (0.42, 0.27, 0.18), (0.80, 0.63, 0.42), (0.90, 0.88, 0.84))


def draw_looks(plan: Plan, rng: np.random.Generator, held_out: bool) -> tuple[Look, ...]:
    """One look a room; `held_out` draws only combinations of finishes that are never trained on."""
    return tuple(_look(room, rng, held_out) for room in plan.rooms)


def _look(room: Room, rng: np.random.Generator, held_out: bool) -> Look:
    is_wet = room.kind in ("bathroom", "kitchen")
    walls = _WET if is_wet else tuple(name for name in WALLS if "tiles" not in name)
    floors = _WET_FLOORS if is_wet else (*_SOFT_FLOORS, "sand tiles") if room.kind == "hall" else _SOFT_FLOORS
    pairs = [(w, f) for w in walls for f in floors if is_held_out(room.kind, w, f) == held_out]
    wall, floor = pairs[rng.integers(len(pairs))]
    fabric, wood, accent = (few[rng.integers(len(few))] for few in (_FABRICS, _WOODS, _FABRICS))
    return Look(WALLS[wall], FLOORS[floor], fabric, wood, accent)


def is_held_out(kind: str, wall: str, floor: str) -> bool:
    digest = sha256(f"{kind}\n{wall}\n{floor}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _HELD_SHARE == 0
