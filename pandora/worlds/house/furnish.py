"""Puts furniture into rooms: which pieces, on which cells, so that every free cell and doorway can still be reached."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pandora.worlds.house.plan import Cell, Plan, Room, edge, neighbour

COLOURS = ("red", "blue", "green", "yellow", "orange", "purple", "pink", "white")
SHAPES = ("ball", "box")  # coloured landmarks
PICTURES = 7  # different pictures that hang on walls
_PICTURE_SHARE = 0.55  # of the free wall cells
_LEAST_FREE = 0.42  # share of a room's cells that stays free


@dataclass(frozen=True)
class Piece:
    """A piece of furniture: its cells, its middle, and where its front looks (0 +x, 1 +y, 2 -x, 3 -y)."""

    kind: str
    cells: tuple[Cell, ...]
    facing: int
    variant: int
    colour: str = ""  # of a landmark

    @property
    def name(self) -> str:
        """What one calls it: "sofa", or "red_ball"."""
        return f"{self.colour}_{self.kind}" if self.colour else self.kind

    @cached_property
    def middle(self) -> tuple[float, float]:
        xs, ys = zip(*self.cells, strict=True)
        return sum(xs) / len(xs) + 0.5, sum(ys) / len(ys) + 0.5


@dataclass(frozen=True)
class Picture:
    """A picture on the wall of a cell, in the direction `side`."""

    cell: Cell
    side: int
    motif: int


@dataclass(frozen=True)
class Furnishing:
    """All that stands and hangs in a house."""

    pieces: tuple[Piece, ...]
    pictures: tuple[Picture, ...]
    rugs: frozenset[int]  # rooms, by their number in the plan, with a rug


@dataclass(frozen=True)
class Kind:
    """A kind of furniture: cells along the wall and out from it, whether it stands at a wall, and how tall it is."""

    width: int
    depth: int
    at_wall: bool = True
    height: float = 1.0  # metres; tall ones hide what is behind them


FURNITURE = {
    "sofa": Kind(2, 1, height=0.9),
    "armchair": Kind(1, 1, height=0.9),
    "television": Kind(2, 1, height=1.3),
    "table": Kind(1, 1, at_wall=False, height=0.5),
    "dining_table": Kind(2, 1, at_wall=False, height=0.9),
    "piano": Kind(2, 1, height=1.2),
    "bookshelf": Kind(1, 1, height=2.0),
    "fireplace": Kind(2, 1, height=2.5),
    "plant": Kind(1, 1, height=1.5),
    "floor_lamp": Kind(1, 1, height=1.6),
    "bed": Kind(2, 2, height=1.0),
    "wardrobe": Kind(1, 1, height=2.0),
    "dresser": Kind(1, 1, height=1.0),
    "stove": Kind(1, 1, height=1.8),
    "fridge": Kind(1, 1, height=1.8),
    "sink": Kind(1, 1, height=1.0),
    "bathtub": Kind(2, 1, height=0.6),
    "toilet": Kind(1, 1, height=0.9),
    "washbasin": Kind(1, 1, height=1.0),
    "desk": Kind(2, 1, height=1.2),
    "clock": Kind(1, 1, height=1.9),
    "coat_rack": Kind(1, 1, height=1.8),
    "bench": Kind(2, 1, height=0.5),
    "toy_chest": Kind(1, 1, height=0.6),
    "play_tent": Kind(1, 1, height=1.4),
    "ball": Kind(1, 1, at_wall=False, height=0.6),
    "box": Kind(1, 1, at_wall=False, height=0.6),
}
# What belongs into a room, the most telling first, with the chance that it is there.
_SETS: dict[str, tuple[tuple[str, float], ...]] = {
    "living room": (
        ("sofa", 1.0), ("television", 0.8), ("fireplace", 0.5), ("table", 0.6), ("armchair", 0.7), ("plant", 0.6),
        ("bookshelf", 0.5), ("floor_lamp", 0.5), ("piano", 0.35),
    ),
    "kitchen": (
        ("stove", 1.0), ("sink", 0.95), ("fridge", 0.95), ("dining_table", 0.4), ("table", 0.0), ("plant", 0.3),
    ),
    "bedroom": (("bed", 1.0), ("wardrobe", 0.9), ("dresser", 0.7), ("floor_lamp", 0.4), ("plant", 0.35)),
    "bathroom": (("bathtub", 1.0), ("washbasin", 0.95), ("toilet", 0.95), ("plant", 0.3)),
    "study": (
        ("desk", 1.0), ("bookshelf", 1.0), ("bookshelf", 0.6), ("armchair", 0.5), ("plant", 0.5), ("floor_lamp", 0.4),
    ),
    "hall": (("clock", 0.9), ("coat_rack", 0.8), ("bench", 0.8), ("plant", 0.6)),
    "dining room": (("dining_table", 1.0), ("dresser", 0.7), ("plant", 0.6), ("clock", 0.3), ("piano", 0.3)),
    "playroom": (("play_tent", 1.0), ("toy_chest", 0.9), ("table", 0.6), ("bookshelf", 0.4)),
}  # fmt: skip


def furnish(plan: Plan, rng: np.random.Generator) -> Furnishing:
    """Furniture, landmarks of distinct names, pictures and rugs for every room."""
    pieces: list[Piece] = []
    landmarks = [(shape, colour) for shape in SHAPES for colour in COLOURS]
    names = [landmarks[i] for i in rng.permutation(len(landmarks))]
    for room in plan.rooms:
        mine: list[Piece] = []
        for kind, chance in _SETS[room.kind]:
            if rng.random() < chance:
                mine += _placed(plan, room, kind, mine, rng)
        for _ in range(min(int(rng.integers(1, 3)), len(names))):
            shape, colour = names.pop()
            mine += [replace(piece, colour=colour) for piece in _placed(plan, room, shape, mine, rng)]
        pieces += mine
    rugs = frozenset(i for i, room in enumerate(plan.rooms) if room.kind != "bathroom" and rng.random() < 0.6)
    return Furnishing(tuple(pieces), tuple(_pictures(plan, pieces, rng)), rugs)


def _placed(plan: Plan, room: Room, kind: str, others: list[Piece], rng: np.random.Generator) -> list[Piece]:
    """The piece on a random fitting place; nothing where there is none."""
    places = _places(room, kind)
    taken = {cell for piece in others for cell in piece.cells}
    for index in rng.permutation(len(places)):
        cells, facing = places[index]
        if _fits(plan, room, kind, cells, facing, taken):
            return [Piece(kind, cells, facing, int(rng.integers(1 << 16)))]
    return []


def _places(room: Room, kind: str) -> list[tuple[tuple[Cell, ...], int]]:
    """Every place of a kind in an empty room: its cells, and where its front looks."""
    what = FURNITURE[kind]
    found = []
    for x, y in room.cells:
        for facing in range(4):
            width, depth = (what.depth, what.width) if facing % 2 == 0 else (what.width, what.depth)
            cells = tuple((x + i, y + j) for i in range(width) for j in range(depth))
            if not all(_inside(room, cell) for cell in cells):
                continue
            behind = (facing + 2) % 4
            if what.at_wall and not set(cells) & set(room.side(behind)):
                continue
            if kind == "dining_table" and set(cells) & {cell for side in range(4) for cell in room.side(side)}:
                continue
            found.append((cells, facing))
    return found


def _fits(plan: Plan, room: Room, kind: str, cells: tuple[Cell, ...], facing: int, taken: set[Cell]) -> bool:
    if taken & set(cells) or any(_at_opening(plan, cell) for cell in cells):
        return False
    behind = (facing + 2) % 4
    backs = [edge(cell, neighbour(cell, behind)) for cell in cells if cell in room.side(behind)]
    if FURNITURE[kind].height > 1.0 and FURNITURE[kind].at_wall and any(back in plan.windows for back in backs):
        return False
    front = [n for cell in cells if (n := neighbour(cell, facing)) not in cells]
    if not any(_inside(room, cell) and cell not in taken for cell in front):
        return False
    free = {cell for cell in room.cells if cell not in taken and cell not in cells}
    return len(free) >= _LEAST_FREE * len(room.cells) and is_connected(free)


def is_connected(cells: Iterable[Cell]) -> bool:
    """Whether one can walk between all of the cells, straight steps only."""
    left = set(cells)
    if not left:
        return False
    reached = [left.pop()]
    while reached:
        cell = reached.pop()
        for side in range(4):
            if (other := neighbour(cell, side)) in left:
                left.remove(other)
                reached.append(other)
    return not left


def _inside(room: Room, cell: Cell) -> bool:
    return room.x <= cell[0] < room.x + room.width and room.y <= cell[1] < room.y + room.depth


def _at_opening(plan: Plan, cell: Cell) -> bool:
    edges = {edge(cell, neighbour(cell, side)) for side in range(4)}
    return bool(edges & (plan.doors | plan.arches))


def _pictures(plan: Plan, pieces: list[Piece], rng: np.random.Generator) -> list[Picture]:
    tall = {cell for piece in pieces if FURNITURE[piece.kind].height > 1.2 for cell in piece.cells}
    found = []
    for room in plan.rooms:
        for side in range(4):
            for cell in room.side(side):
                place = edge(cell, neighbour(cell, side))
                is_free = plan.has_wall(place) and place not in plan.windows and cell not in tall
                if is_free and rng.random() < _PICTURE_SHARE:
                    found.append(Picture(cell, side, int(rng.integers(PICTURES))))
    return found
