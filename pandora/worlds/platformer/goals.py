"""Where a hero can get to, and the shortest way there."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pandora.worlds.base import Meaning
from pandora.worlds.platformer.rules import VERBS, Move, move
from pandora.worlds.platformer.state import Cell, Scene

_MOVES = tuple(verb for verb in VERBS if verb != "wait")


def reachable(scene: Scene) -> frozenset[Cell]:
    """Every cell that some sequence of actions touches, in the air as well."""
    touched = {scene.hero}
    queue, seen = deque([scene]), {_place(scene)}
    while queue:
        here = queue.popleft()
        for verb in _MOVES:
            found = move(here, verb)
            if not found.lost:
                touched.update(leg.cell for leg in found.legs)
                if (place := _place(found.after)) not in seen:
                    seen.add(place)
                    queue.append(found.after)
    return frozenset(touched)


def way(scene: Scene, done: Callable[[Move], bool], rng: np.random.Generator) -> list[str] | None:
    """The verbs of a shortest sequence of actions whose last is `done`; None where there is none. `rng` breaks ties."""
    start: tuple[Scene, list[str]] = (scene, [])
    queue, seen = deque([start]), {_place(scene)}
    verbs = [str(verb) for verb in rng.permutation(_MOVES)]
    while queue:
        here, path = queue.popleft()
        for verb in verbs:
            found = move(here, verb)
            if found.lost:
                continue
            if done(found):
                return [*path, verb]
            if (place := _place(found.after)) not in seen:
                seen.add(place)
                queue.append((found.after, [*path, verb]))
    return None


def tour(scene: Scene, rng: np.random.Generator) -> list[Meaning]:
    """Some of the coins, the nearest first, then the goal; empty where there is nothing left to do."""
    wanted = len(scene.coins) - int(rng.integers(0, len(scene.coins) + 1))
    verbs: list[str] = []
    for _ in range(wanted):
        before = len(scene.coins)
        found = way(scene, lambda m, n=before: len(m.after.coins) < n, rng)
        if found is None:
            break
        there = _after(scene, found)
        if not scene.reached and way(there, lambda m: m.after.reached, rng) is None:
            break  # from there no way leads to the goal
        verbs, scene = verbs + found, there
    if not scene.reached:
        verbs += way(scene, lambda m: m.after.reached, rng) or []
    return [Meaning(verb) for verb in verbs]


def _after(scene: Scene, verbs: list[str]) -> Scene:
    for verb in verbs:
        scene = move(scene, verb).after
    return scene


def _place(scene: Scene) -> Scene:
    """What decides where the hero can go from here."""
    return replace(scene, coins=(), reached=True, facing="right")
