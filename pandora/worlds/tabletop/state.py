"""A scene of the table as a value: exact poses, the hand, the light; and what follows from them as facts.

Lengths are in block edges (a block is 1 x 1 x 1), x to the right, y away from the viewer, z up from the table.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import atan2, dist, pi

from pandora.worlds.base import Facts
from pandora.worlds.towers import TABLE

COLUMN_X = (-3.0, -1.5, 0.0, 1.5, 3.0)
ROW_Y = (-1.5, 0.0, 1.5)
STEP = 1.5  # how far a push goes
REACH_X, REACH_Y = 3.4, 1.9  # block centres stay within these
HOVER = 4.0  # height of the hand's grip at rest: a held block clears a tower of three
TALLEST = 3

Point = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]  # w, x, y, z


@dataclass(frozen=True)
class Pose:
    """Where a block is: its centre and its orientation."""

    at: Point
    turn: Quaternion = (1.0, 0.0, 0.0, 0.0)

    @property
    def yaw(self) -> float:
        """Rotation about the vertical in radians, -pi/4..pi/4: a block looks the same after a quarter turn."""
        w, x, y, z = self.turn
        full = atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
        return (full + pi / 4) % (pi / 2) - pi / 4

    @property
    def tilt(self) -> float:
        """How far from standing on a face, 0 (flat) .. 1: one minus the largest vertical part of its three axes."""
        w, x, y, z = self.turn
        rises = (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y))
        return 1 - max(abs(rise) for rise in rises)


@dataclass(frozen=True)
class TableScene:
    """A resting scene. `poses` has every block, in the order of COLOURS; `look` seeds colours, light and camera."""

    poses: tuple[tuple[str, Pose], ...]
    hand: tuple[float, float] = (0.0, 0.0)  # x and y of the hovering hand
    holding: str | None = None
    light: bool = True
    look: int = 0
    table: str | None = None  # a kind of table top; None: the look's own

    @cached_property
    def pose(self) -> dict[str, Pose]:
        return dict(self.poses)

    @property
    def blocks(self) -> tuple[str, ...]:
        """The colours in this scene, in the order of COLOURS."""
        return tuple(colour for colour, _ in self.poses)

    @cached_property
    def support(self) -> dict[str, str]:
        """What each block stands on: another block or "table"; the held block is absent."""
        return {block: self._below(block) for block in self.blocks if block != self.holding}

    def is_clear(self, block: str) -> bool:
        """Whether nothing stands on `block`, not even with an edge, and nobody holds it."""
        if block == self.holding or block not in self.pose:
            return False
        return not any(other != block and self._rests(other, block, 0.85) for other in self.support)

    def level(self, block: str) -> int:
        """How many blocks are below it: 0 on the table."""
        return round(self.pose[block].at[2] - 0.5)

    def cell(self, block: str) -> tuple[int, int]:
        """The nearest column (0 left .. 4 right) and row (0 near .. 2 far)."""
        x, y, _ = self.pose[block].at
        column = min(range(len(COLUMN_X)), key=lambda i: abs(COLUMN_X[i] - x))
        return column, min(range(len(ROW_Y)), key=lambda i: abs(ROW_Y[i] - y))

    def moved(self, poses: dict[str, Pose]) -> "TableScene":
        """The scene with other poses of the same blocks."""
        return replace(self, poses=tuple((block, poses[block]) for block in self.blocks))

    def _below(self, block: str) -> str:
        x, y, _ = self.pose[block].at
        under = [other for other in self.support_order if other != block and self._rests(block, other, 0.75)]
        if not under:
            return TABLE
        return min(under, key=lambda other: dist((x, y), self.pose[other].at[:2]))

    @cached_property
    def support_order(self) -> tuple[str, ...]:
        """The blocks that lie or stand somewhere, in the order of COLOURS."""
        return tuple(block for block in self.blocks if block != self.holding)

    def _rests(self, upper: str, lower: str, reach: float) -> bool:
        """Whether `upper` is one floor above `lower`, their centres at most `reach` apart seen from above."""
        a, b = self.pose[upper].at, self.pose[lower].at
        return 0.55 < a[2] - b[2] < 1.45 and dist(a[:2], b[:2]) < reach


def relations(scene: TableScene) -> Facts:
    """What stands on what, what is held, and the light: everything but places and looks."""
    held = ("holding", scene.holding) if scene.holding else ("hand", "empty")
    standing = ((TABLE, block) if below == TABLE else ("on", block, below) for block, below in scene.support.items())
    return frozenset((held, ("light", "on" if scene.light else "off"), *standing))


def facts(scene: TableScene) -> Facts:
    """The relations, and coarsely where on the table each block stands: ("at", block, column, row)."""
    standing = (block for block, below in scene.support.items() if below == TABLE)
    return relations(scene) | {("at", block, *map(str, scene.cell(block))) for block in standing}
