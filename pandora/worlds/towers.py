"""Goals of worlds with blocks: towers to build, and the next action towards them."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from pandora.worlds.base import Meaning

TABLE = "table"
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple")  # of blocks


class Piled(Protocol):
    """A scene of blocks on a table."""

    @property
    def blocks(self) -> tuple[str, ...]: ...
    @property
    def holding(self) -> str | None: ...
    @cached_property
    def support(self) -> dict[str, str]: ...  # what each block stands on: another block or the table
    def is_clear(self, block: str) -> bool: ...


def random_towers(blocks: Sequence[str], rng: np.random.Generator, tallest: float = np.inf) -> dict[str, str]:
    """What each block shall stand on, in towers of at most so many blocks."""
    goal: dict[str, str] = {}
    tops: dict[str, int] = {}
    for block in (str(b) for b in rng.permutation(blocks)):
        below = [TABLE, *(top for top, height in tops.items() if height < tallest)]
        goal[block] = below[rng.integers(len(below))]
        tops[block] = 1 + tops.pop(goal[block], 0)
    return goal


def next_action(scene: Piled, goal: Mapping[str, str]) -> Meaning | None:
    """The next action towards the goal: build what can be built, else clear what is in the way. None: it is reached."""

    def is_done(block: str) -> bool:
        return block == TABLE or (scene.support.get(block) == goal[block] and is_done(goal[block]))

    def is_ready(block: str) -> bool:
        below = goal[block]
        return below == TABLE or (is_done(below) and scene.is_clear(below))

    if (held := scene.holding) is not None:
        on_block = goal[held] != TABLE and is_ready(held)
        return Meaning("stack", (held, goal[held])) if on_block else Meaning("put_down", (held,))
    loose = [block for block in scene.blocks if scene.is_clear(block) and not is_done(block)]
    movable = [b for b in loose if is_ready(b)] or [b for b in loose if scene.support[b] != TABLE]
    return Meaning("pick_up", (movable[0],)) if movable else None
