"""Problems for planners: rooms that nobody trained on, and a goal that a few actions reach."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from pandora.worlds.base import Facts, Problem
from pandora.worlds.platformer import levels
from pandora.worlds.platformer.rules import VERBS, move
from pandora.worlds.platformer.state import TRAINED_GAMES, TRAINED_TILES, Scene, facts

GENERATED = 120
LONGEST = 6  # actions
_FIRST_SEED = 10**9  # of rooms; training stays below
_MOVES = tuple(verb for verb in VERBS if verb != "wait")
_GOALS = ("the goal is reached", "all coins are collected", "all foes are beaten")


@cache
def generate(seed: int, read: Callable[[str], Facts], count: int = GENERATED) -> tuple[tuple[Scene, str, int], ...]:
    """Scenes with a goal in words and the length of a shortest plan, shortest first; as many of each length."""
    wanted = {length: -(-count // LONGEST) for length in range(1, LONGEST + 1)}
    found: list[tuple[Scene, str, int]] = []
    number = _FIRST_SEED + seed * 10**6
    while len(found) < count:
        rng = np.random.default_rng([number, 0x9B0B])
        game, tiles = str(rng.choice(TRAINED_GAMES)), str(rng.choice(TRAINED_TILES))
        scene, goal = levels.draw(rng, game, tiles, number), _GOALS[int(rng.integers(len(_GOALS)))]
        length = shortest(scene, read(goal), LONGEST)
        number += 1
        if length and wanted[length]:
            wanted[length] -= 1
            found.append((scene, goal, length))
    return tuple(sorted(found, key=lambda problem: problem[2]))


def pose(scene: Scene, goal: str, length: int, layout: int) -> Problem:
    """Another layout is the same room with other clouds and flowers."""
    shown = replace(scene, look=scene.look + layout)
    return Problem(f"{scene.look}@{layout}", shown, goal, length, len(scene.coins) + len(scene.foes))


def shortest(
    scene: Scene, goal: Facts, most: int, allowed: Callable[[Scene, str], bool] = lambda scene, verb: True
) -> int | None:
    """How many actions the shortest plan has that takes `allowed` ones only; None where `most` don't do."""
    level, seen = [scene], {scene}
    for depth in range(most + 1):
        if any(goal <= facts(state) for state in level):
            return depth
        steps = (move(state, verb).after for state in level for verb in _MOVES if allowed(state, verb))
        level = [state for state in dict.fromkeys(steps) if state not in seen]
        seen.update(level)
    return None
