"""The state of the blocks world as a value: stacks, gripper, light; and the same as facts."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from pandora.worlds.base import Facts
from pandora.worlds.towers import COLOURS, TABLE

COLUMNS = 7  # 0 left .. 6 right
ROWS = 3  # 0 near .. 2 far
MIDDLE_ROW = 1


@dataclass(frozen=True, order=True)
class Stack:
    """Blocks on top of each other in one cell of the table; `blocks` runs from the bottom up and is never empty."""

    column: int
    row: int
    blocks: tuple[str, ...]


@dataclass(frozen=True)
class BlocksState:
    """A resting scene. `stacks` is sorted by column, at most one a column; `look` seeds tints and light direction."""

    stacks: tuple[Stack, ...]
    gripper: int  # the column above which the gripper hovers
    holding: str | None = None
    light: bool = True
    look: int = 0

    @cached_property
    def support(self) -> dict[str, str]:
        """What each block stands on: another block or "table"; the held block is absent."""
        return {block: below for stack in self.stacks for below, block in pairwise((TABLE, *stack.blocks))}

    @property
    def blocks(self) -> tuple[str, ...]:
        """The colours in this scene, in the order of COLOURS."""
        return tuple(colour for colour in COLOURS if colour in self.support or colour == self.holding)

    def stack_of(self, block: str) -> Stack | None:
        """The stack that `block` is part of; None while it is held or when the scene has no such block."""
        return next((stack for stack in self.stacks if block in stack.blocks), None)

    def stack_at(self, column: int) -> Stack | None:
        return next((stack for stack in self.stacks if stack.column == column), None)

    def is_clear(self, block: str) -> bool:
        """Whether `block` is the top of a stack."""
        return any(stack.blocks[-1] == block for stack in self.stacks)


def relations(state: BlocksState) -> Facts:
    """What stands on what and what is held: the state without positions, gripper column and light."""
    held = ("holding", state.holding) if state.holding else ("hand", "empty")
    standing = ((TABLE, block) if below == TABLE else ("on", block, below) for block, below in state.support.items())
    return frozenset((held, *standing))


def facts(state: BlocksState) -> Facts:
    """Everything about the state but its look."""
    places = (("at", stack.blocks[0], str(stack.column), str(stack.row)) for stack in state.stacks)
    rest = (("gripper", str(state.gripper)), ("light", "on" if state.light else "off"))
    return frozenset((*relations(state), *places, *rest))
