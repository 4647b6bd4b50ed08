"""Goal-directed behaviour: rebuild the blocks into new towers, at times clearing the way by a shove or a drop."""

from collections.abc import Callable

import numpy as np

from pandora.worlds.base import Meaning
from pandora.worlds.tabletop.rules import PUSHES, is_legal
from pandora.worlds.tabletop.state import TABLE, TALLEST, TableScene

_LONGEST = 16


def demonstrate(
    scene: TableScene, rng: np.random.Generator, advance: Callable[[TableScene, Meaning], TableScene]
) -> list[Meaning]:
    """Actions towards a random goal, planned anew after each, as physics may have a say; at least one."""
    rough = rng.random() < 0.5
    goal = _random_goal(scene.blocks, rng)
    while next_action(scene, goal) is None:
        goal = _random_goal(scene.blocks, rng)
    actions: list[Meaning] = []
    while len(actions) < _LONGEST and (action := next_action(scene, goal)) is not None:
        action = _rougher(scene, action, rng) if rough else action
        if not is_legal(scene, action):
            break
        actions.append(action)
        scene = advance(scene, action)
    return actions or [Meaning("wait")]


def next_action(scene: TableScene, goal: dict[str, str]) -> Meaning | None:
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


def _rougher(scene: TableScene, action: Meaning, rng: np.random.Generator) -> Meaning:
    """Let a block go rather than set it down, or shove it off a tower rather than lift it, where that can be done."""
    block = action.arguments[0]
    choices = [Meaning("drop", (block,))] if action.verb == "put_down" else []
    if action.verb == "pick_up" and scene.support[block] != TABLE:
        choices = [Meaning(verb, (block,)) for verb in PUSHES]
    choices = [choice for choice in choices if is_legal(scene, choice)]
    return choices[rng.integers(len(choices))] if choices and rng.random() < 0.6 else action


def _random_goal(blocks: tuple[str, ...], rng: np.random.Generator) -> dict[str, str]:
    """What each block shall stand on, in towers of three at most."""
    goal: dict[str, str] = {}
    tops: dict[str, int] = {}
    for block in (str(b) for b in rng.permutation(blocks)):
        below = [TABLE, *(top for top, height in tops.items() if height < TALLEST)]
        goal[block] = below[rng.integers(len(below))]
        tops[block] = 1 + tops.pop(goal[block], 0)
    return goal
