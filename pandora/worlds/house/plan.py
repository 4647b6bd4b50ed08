"""Floor plans: rooms on a grid of cells, the openings between them, and their windows.

A cell is one square metre; cell (x, y) covers x..x+1 and y..y+1. A wall stands on the edge between two cells.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

Cell = tuple[int, int]
Edge = tuple[Cell, Cell]  # two neighbouring cells, the smaller one first

KINDS = ("living room", "kitchen", "bedroom", "bathroom", "study", "hall", "dining room", "playroom")
_COMMON = ("living room", "kitchen", "bedroom", "bathroom")  # every house has them
_SHAPES = ((2, 2), (2, 3), (3, 2), (3, 3))
_DOOR_SHARE = 0.5  # of the openings; the others are open archways
_LOOP = 0.35  # chance that two neighbouring rooms are connected though one can walk around


@dataclass(frozen=True)
class Room:
    """A rectangle of cells, from (x, y), `width` along x and `depth` along y."""

    kind: str
    x: int
    y: int
    width: int
    depth: int

    @property
    def cells(self) -> list[Cell]:
        return [(x, y) for x in range(self.x, self.x + self.width) for y in range(self.y, self.y + self.depth)]

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.depth / 2

    def side(self, heading: int) -> list[Cell]:
        """The cells along the wall in the direction 0 (+x), 1 (+y), 2 (-x) or 3 (-y)."""
        last = {0: self.x + self.width - 1, 1: self.y + self.depth - 1, 2: self.x, 3: self.y}[heading]
        return [cell for cell in self.cells if cell[heading % 2] == last]


@dataclass(frozen=True)
class Plan:
    """Rooms, doors that slide, open archways and windows."""

    rooms: tuple[Room, ...]
    doors: frozenset[Edge]
    arches: frozenset[Edge]
    windows: frozenset[Edge]

    def room_of(self, cell: Cell) -> Room | None:
        """The room of a cell; None outside."""
        return self._room_of.get(cell)

    @cached_property
    def _room_of(self) -> dict[Cell, Room]:
        return {cell: room for room in self.rooms for cell in room.cells}

    def has_wall(self, edge: Edge) -> bool:
        """Whether something solid stands between the two cells, doors left aside."""
        return edge not in self.doors and edge not in self.arches and self.room_of(edge[0]) is not self.room_of(edge[1])


def edge(one: Cell, other: Cell) -> Edge:
    return (one, other) if one < other else (other, one)


def neighbour(cell: Cell, side: int) -> Cell:
    """The next cell in the direction 0 (+x), 1 (+y), 2 (-x) or 3 (-y)."""
    dx, dy = ((1, 0), (0, 1), (-1, 0), (0, -1))[side]
    return cell[0] + dx, cell[1] + dy


def draw_plan(rng: np.random.Generator) -> Plan:
    """A house of four to nine rooms of 3 to 5 m, all of which can be reached."""
    across, along = _SHAPES[rng.choice(len(_SHAPES), p=(0.3, 0.3, 0.3, 0.1))]
    rooms = _rooms(across, along, rng)
    plan = Plan(tuple(rooms.values()), frozenset(), frozenset(), frozenset())
    doors: set[Edge] = set()
    arches: set[Edge] = set()
    for one, other, side in _connections(rooms, across, along, rng):
        cells = one.side(side)[1:-1]
        at = int(rng.integers(len(cells)))
        chosen = cells[at : at + 1]
        is_door = rng.random() < _DOOR_SHARE
        if not is_door and len(cells) > 1 and rng.random() < 0.7:
            at = int(rng.integers(len(cells) - 1))
            chosen = cells[at : at + 2]
        assert all(plan.room_of(neighbour(cell, side)) is other for cell in chosen)
        (doors if is_door else arches).update(edge(cell, neighbour(cell, side)) for cell in chosen)
    return Plan(tuple(rooms.values()), frozenset(doors), frozenset(arches), frozenset(_windows(plan, rng)))


def _rooms(across: int, along: int, rng: np.random.Generator) -> dict[Cell, Room]:
    sizes = (3, 4, 5)
    widths = [int(w) for w in rng.choice(sizes, across, p=(0.15, 0.5, 0.35))]
    depths = [int(d) for d in rng.choice(sizes, along, p=(0.15, 0.5, 0.35))]
    rest = [kind for kind in KINDS if kind not in _COMMON]
    kinds = [*_COMMON, *rng.permutation(rest), "bedroom"][: across * along]
    order = iter(str(kind) for kind in rng.permutation(kinds))
    return {
        (i, j): Room(next(order), sum(widths[:i]), sum(depths[:j]), widths[i], depths[j])
        for i in range(across)
        for j in range(along)
    }


def _connections(
    rooms: dict[Cell, Room], across: int, along: int, rng: np.random.Generator
) -> list[tuple[Room, Room, int]]:
    """Pairs of neighbouring rooms with an opening, and on which side of the first the second lies."""
    pairs = [((i, j), (i + 1, j), 0) for i in range(across - 1) for j in range(along)]
    pairs += [((i, j), (i, j + 1), 1) for i in range(across) for j in range(along - 1)]
    group = {place: place for place in rooms}
    chosen = []
    for index in rng.permutation(len(pairs)):
        one, other, side = pairs[index]
        if group[one] == group[other] and rng.random() > _LOOP:
            continue
        old = group[other]
        group = {place: group[one] if name == old else name for place, name in group.items()}
        chosen.append((rooms[one], rooms[other], side))
    return chosen


def _windows(plan: Plan, rng: np.random.Generator) -> list[Edge]:
    """One window a stretch of outer wall, one or two cells wide, away from the corners."""
    found = []
    for room in plan.rooms:
        for side in range(4):
            cells = room.side(side)
            if plan.room_of(neighbour(cells[0], side)) is not None or rng.random() < 0.15:
                continue
            inner = cells[1:-1]
            width = min(len(inner), int(rng.integers(1, 3)))
            at = int(rng.integers(len(inner) - width + 1))
            found += [edge(cell, neighbour(cell, side)) for cell in inner[at : at + width]]
    return found
