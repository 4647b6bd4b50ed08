"""Goal-directed behaviour: rebuild the blocks into new towers, at times clearing the way by a shove or a drop."""

from collections.abc import Callable

import numpy as np

from pandora.worlds.base import Meaning
from pandora.worlds.tabletop.rules import PUSHES, is_legal
from pandora.worlds.tabletop.state import TALLEST, TableScene
from pandora.worlds.towers import TABLE, next_action, random_towers

_LONGEST = 16


def demonstrate(
    scene: TableScene, rng: np.random.Generator, advance: Callable[[TableScene, Meaning], TableScene]
) -> list[Meaning]:
    """Actions towards a random goal, planned anew after each, as physics may have a say; at least one."""
    rough = rng.random() < 0.5
    goal = random_towers(scene.blocks, rng, TALLEST)
    while next_action(scene, goal) is None:
        goal = random_towers(scene.blocks, rng, TALLEST)
    actions: list[Meaning] = []
    while len(actions) < _LONGEST and (action := next_action(scene, goal)) is not None:
        action = _rougher(scene, action, rng) if rough else action
        if not is_legal(scene, action):
            break
        actions.append(action)
        scene = advance(scene, action)
    return actions or [Meaning("wait")]


def _rougher(scene: TableScene, action: Meaning, rng: np.random.Generator) -> Meaning:
    """Let a block go rather than set it down, or shove it off a tower rather than lift it, where that can be done."""
    block = action.arguments[0]
    choices = [Meaning("drop", (block,))] if action.verb == "put_down" else []
    if action.verb == "pick_up" and scene.support[block] != TABLE:
        choices = [Meaning(verb, (block,)) for verb in PUSHES]
    choices = [choice for choice in choices if is_legal(scene, choice)]
    return choices[rng.integers(len(choices))] if choices and rng.random() < 0.6 else action
