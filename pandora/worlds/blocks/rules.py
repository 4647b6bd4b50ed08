"""The rules: which actions are allowed in a state, and the state each one leads to."""

from dataclasses import replace
from hashlib import sha256

from pandora.worlds.base import Meaning
from pandora.worlds.blocks.state import COLUMNS, MIDDLE_ROW, ROWS, TABLE, BlocksState, Stack, relations

VERBS = {
    "pick_up": 1,
    "put_down": 1,
    "stack": 2,
    "unstack": 2,
    "push_left": 1,
    "push_right": 1,
    "push_away": 1,
    "push_towards": 1,
    "light_on": 0,
    "light_off": 0,
    "wait": 0,
}
PUSHES = {"push_left": (-1, 0), "push_right": (1, 0), "push_away": (0, 1), "push_towards": (0, -1)}  # (column, row)


def is_legal(state: BlocksState, meaning: Meaning) -> bool:
    """Whether the rules allow the action; an argument that is not in the scene is never allowed."""
    verb, arguments = meaning.verb, meaning.arguments
    if verb in ("light_on", "light_off", "wait"):
        return True
    if verb == "put_down":
        return state.holding == arguments[0]
    if verb == "stack":
        return state.holding == arguments[0] and state.is_clear(arguments[1])
    block = arguments[0]
    if state.holding or not state.is_clear(block):
        return False
    if verb == "unstack":
        return state.support[block] == arguments[1]
    if state.support[block] != TABLE:
        return False
    return verb == "pick_up" or _push_target(state, meaning) is not None


def transition(state: BlocksState, meaning: Meaning) -> BlocksState:
    """The state after the action; the same state where the rules forbid it."""
    if not is_legal(state, meaning) or meaning.verb == "wait":
        return state
    if meaning.verb in ("light_on", "light_off"):
        return replace(state, light=meaning.verb == "light_on")
    block = meaning.arguments[0]
    if meaning.verb in ("pick_up", "unstack"):
        source = _standing(state, block)
        return replace(_changed(state, source, source.blocks[:-1]), gripper=source.column, holding=block)
    if meaning.verb == "put_down":
        placed = Stack(landing_column(state), MIDDLE_ROW, (block,))
        return replace(state, stacks=_sorted((*state.stacks, placed)), gripper=placed.column, holding=None)
    if meaning.verb == "stack":
        target = _standing(state, meaning.arguments[1])
        return replace(_changed(state, target, (*target.blocks, block)), gripper=target.column, holding=None)
    cell = _push_target(state, meaning)
    assert cell is not None
    pushed = Stack(*cell, (block,))
    others = (stack for stack in state.stacks if block not in stack.blocks)
    return replace(state, stacks=_sorted((*others, pushed)), gripper=pushed.column)


def landing_column(state: BlocksState) -> int:
    """Where a held block would be put down: the free column nearest to the gripper, the left one on a tie."""
    taken = {stack.column for stack in state.stacks}
    return min((c for c in range(COLUMNS) if c not in taken), key=lambda c: (abs(c - state.gripper), c))


def is_held_out(state: BlocksState, meaning: Meaning) -> bool:
    """A fifth of all (relations, action) pairs, by a stable hash that positions, light and looks don't enter."""
    text = "\n".join((*sorted(" ".join(fact) for fact in relations(state)), str(meaning)))
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") % 5 == 0


def _push_target(state: BlocksState, meaning: Meaning) -> tuple[int, int] | None:
    stack = _standing(state, meaning.arguments[0])
    right, away = PUSHES[meaning.verb]
    column, row = stack.column + right, stack.row + away
    inside = 0 <= column < COLUMNS and 0 <= row < ROWS
    return (column, row) if inside and (right == 0 or state.stack_at(column) is None) else None


def _standing(state: BlocksState, block: str) -> Stack:
    stack = state.stack_of(block)
    assert stack is not None
    return stack


def _changed(state: BlocksState, stack: Stack, blocks: tuple[str, ...]) -> BlocksState:
    """The state with one stack's blocks replaced; an empty stack is gone."""
    others = tuple(other for other in state.stacks if other != stack)
    return replace(state, stacks=_sorted((*others, replace(stack, blocks=blocks)) if blocks else others))


def _sorted(stacks: tuple[Stack, ...]) -> tuple[Stack, ...]:
    return tuple(sorted(stacks))
