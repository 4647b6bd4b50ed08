"""A scene of the house world: the house that a seed draws, where the viewer stands, and what was changed."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from pandora.worlds.base import Facts
from pandora.worlds.house.furnish import FURNITURE, Furnishing, furnish
from pandora.worlds.house.looks import Look, draw_looks
from pandora.worlds.house.plan import Cell, Edge, Plan, draw_plan, edge

HEADINGS = ("east", "north-east", "north", "north-west", "west", "south-west", "south", "south-east")
STEPS = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))  # one cell in each heading


@dataclass(frozen=True)
class House:
    """What never changes: rooms, furniture and finishes. The same seed gives the same house."""

    plan: Plan
    furnishing: Furnishing
    looks: tuple[Look, ...]
    outdoors: int  # which garden and sky the windows show
    blocked: frozenset[Cell] = field(repr=False)
    tall: frozenset[Cell] = field(repr=False)


@lru_cache(maxsize=64)
def house(seed: int, held_out: bool) -> House:
    """The house of a seed; with `held_out` in finishes that are kept out of training."""
    rng = np.random.default_rng([seed, int(held_out), 0x4005E])
    plan = draw_plan(rng)
    furnishing = furnish(plan, rng)
    looks = draw_looks(plan, rng, held_out)
    blocked = frozenset(cell for piece in furnishing.pieces for cell in piece.cells)
    tall = frozenset(c for p in furnishing.pieces if FURNITURE[p.kind].height > 1.3 for c in p.cells)
    return House(plan, furnishing, looks, int(rng.integers(1 << 16)), blocked, tall)


@dataclass(frozen=True)
class HouseState:
    """A viewer on a cell, looking along one of eight headings of 45 degrees, 0 along +x, growing to the left."""

    seed: int
    cell: Cell
    heading: int
    light: bool = True
    closed: frozenset[Edge] = frozenset()
    held_out: bool = False

    @property
    def house(self) -> House:
        return house(self.seed, self.held_out)

    def can_step(self, heading: int) -> bool:
        """Whether the next cell in that heading is free; corners are not cut."""
        x, y = self.cell
        dx, dy = STEPS[heading]
        if not (dx and dy):
            return self._is_open(self.cell, (x + dx, y + dy))
        target, one, other = (x + dx, y + dy), (x + dx, y), (x, y + dy)
        ways = ((self.cell, one), (self.cell, other), (one, target), (other, target))
        return all(self._is_open(*way) for way in ways)

    def _is_open(self, here: Cell, there: Cell) -> bool:
        plan = self.house.plan
        between = edge(here, there)
        inside = plan.room_of(there) is not None and there not in self.house.blocked
        return inside and not plan.has_wall(between) and between not in self.closed


def facts(state: HouseState) -> Facts:
    """Where the viewer stands and looks, in which kind of room, the light, and the doors that are closed."""
    room = state.house.plan.room_of(state.cell)
    assert room is not None
    found = {
        ("at", *(str(axis) for axis in state.cell)),
        ("looking", HEADINGS[state.heading]),
        ("in", room.kind),
        ("light", "on" if state.light else "off"),
    }
    doors = {("closed", *(str(axis) for cell in door for axis in cell)) for door in state.closed}
    return frozenset(found | doors)
