"""Somebody who builds something: a scene, what might be wanted, what is wanted, and what is then done. Drawn by a seed.

Scenes have three to five blocks, drawn as often as the public problems have so many. The candidate goals of a scene are
towers that its blocks could be built into. They are alike to whoever has not seen anything yet: each is drawn the same
way, is at least `LEAST` actions away, none follows from another, and any of them is the wanted one with the same
chance. And half of the way tells them apart: where a shortest plan for one of them is half done, no shortest plan for
another would have come by. Otherwise the draw would decide how soon a goal can be told, and not who watches.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from pandora.errors import PandoraError
from pandora.worlds.base import Facts, Meaning
from pandora.worlds.blocks import problems
from pandora.worlds.blocks.rules import transition
from pandora.worlds.blocks.state import TABLE, BlocksState, relations

LEAST = 4  # actions that the shortest plan for any candidate has
_SCENES, _GOALS = 1000, 60  # draws of a scene, and of goals for one


@dataclass(frozen=True)
class Intent:
    """`goals[wanted]` is what the actor wants, `lengths` how many actions each goal's shortest plan has at the start.

    `actions` lead from `scene` to the wanted goal; some of them may lead astray.
    """

    id: str
    scene: BlocksState
    goals: tuple[Facts, ...]
    lengths: tuple[int, ...]
    wanted: int
    actions: tuple[Meaning, ...]


def draw(seed: int, index: int, goals: int = 4, noise: float = 0.1) -> Intent:
    """The intent of that number. Each action is, with probability `noise`, any that is allowed, else one of the best.

    Raises PandoraError where no scene has so many goals.
    """
    rng = np.random.default_rng([seed, index, 0x901])
    for attempt in range(_SCENES):
        support = problems.random_support(problems.random_count(rng), rng)
        start = problems.Draft(f"intent/{seed}-{index}-{attempt}", support, (), 0)
        scene = problems.place(start, 0)
        space = _Space(scene)
        found = _candidates(space, scene, start, goals, rng)
        if len(found) == goals:
            wanted, lengths = int(rng.integers(goals)), tuple(left[relations(scene)] for left in found.values())
            actions = _act(space, scene, list(found.values())[wanted], noise, rng)
            return Intent(f"{seed}-{index}", scene, tuple(found), lengths, wanted, actions)
    raise PandoraError(f"No scene was found that has {goals} goals. Ask for fewer.")


class _Space:
    """All states that can be reached from a scene, by their relations, and where the actions lead."""

    def __init__(self, scene: BlocksState):
        self.after: dict[Facts, dict[Meaning, Facts]] = {}
        left = [scene]
        while left:
            state = left.pop()
            if (here := relations(state)) in self.after:
                continue
            states = {meaning: transition(state, meaning) for meaning in problems.legal_actions(state)}
            self.after[here] = {meaning: relations(other) for meaning, other in states.items()}
            left += states.values()

    def left(self, goal: Facts) -> dict[Facts, int]:
        """How many actions every state is away from a goal; empty where nothing reaches it."""
        found = {state: 0 for state in self.after if goal <= state}
        queue = deque(found)
        while queue:
            here = queue.popleft()
            for other in self.after[here].values():  # every action can be undone by one
                if other not in found:
                    found[other] = found[here] + 1
                    queue.append(other)
        return found

    def halves(self, start: Facts, left: dict[Facts, int]) -> set[Facts]:
        """Where the shortest plans are when half of their actions, rounded down, are done."""
        here = {start}
        for _ in range(left[start] // 2):
            here = {other for state in here for other in self.after[state].values() if left[other] < left[state]}
        return here


def _candidates(
    space: _Space, scene: BlocksState, start: problems.Draft, count: int, rng: np.random.Generator
) -> dict[Facts, dict[Facts, int]]:
    """So many goals and how far they are from everywhere; fewer where the scene does not yield them."""
    colours, here = problems.colours(start, 0), relations(scene)
    distances = space.left(here)  # from the start, as every action can be undone by one
    found: dict[Facts, dict[Facts, int]] = {}
    halves: dict[Facts, set[Facts]] = {}
    for _ in range(_GOALS):
        support = problems.random_support(len(start.support), rng)
        goal = problems.goal_facts(tuple((a, b) for a, b in support.items() if b != TABLE), colours)
        if any(goal <= other or other <= goal for other in found):
            continue
        left = space.left(goal)
        if left.get(here, 0) < LEAST:
            continue
        half = space.halves(here, left)
        ways = [(left, halves[other]) for other in found] + [(found[other], half) for other in found]
        if any(distances[state] + way[state] == way[here] for way, states in ways for state in states):
            continue
        found[goal], halves[goal] = left, half
        if len(found) == count:
            break
    return found


def _act(
    space: _Space, scene: BlocksState, left: dict[Facts, int], noise: float, rng: np.random.Generator
) -> tuple[Meaning, ...]:
    done: list[Meaning] = []
    here = relations(scene)
    while left[here]:
        choices = list(space.after[here])
        if rng.random() >= noise:
            choices = [meaning for meaning in choices if left[space.after[here][meaning]] < left[here]]
        done.append(choices[rng.integers(len(choices))])
        here = space.after[here][done[-1]]
    return tuple(done)
