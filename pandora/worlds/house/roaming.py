"""What viewers do: wander with open eyes, head for something, or go and come back."""

from collections import deque

import numpy as np

from pandora.worlds.base import Meaning
from pandora.worlds.house import rules
from pandora.worlds.house.plan import edge
from pandora.worlds.house.state import STEPS, HouseState

# How often a wandering viewer does each, where it can; what is against the rules is rarer.
_LEGAL = {
    "walk_forward": 0.55, "turn_left": 0.15, "turn_right": 0.15, "walk_back": 0.07, "turn_around": 0.06,
    "look_at": 0.08, "go_to": 0.09, "open_door": 0.40, "close_door": 0.16, "light_on": 0.04, "light_off": 0.03,
    "wait": 0.04,
}  # fmt: skip
_ILLEGAL = {
    "walk_forward": 0.7, "go_to": 0.12, "walk_back": 0.005, "look_at": 0.04, "open_door": 0.05, "close_door": 0.04,
}  # fmt: skip
_BUMPS = 0.07  # share of actions that are against the rules
_AVERSE = (0.85, 0.5, 0.0)  # how often one turns away from a wall right ahead, one a cell off, and farther ones


def sample(state: HouseState, rng: np.random.Generator, legal: bool | None) -> Meaning:
    """A random action of a curious viewer. ValueError where the scene has no such action."""
    known = rules.meanings(state)
    can = [meaning for meaning in known if rules.is_legal(state, meaning)]
    cannot = [meaning for meaning in known if meaning not in can]
    if legal is False and not cannot:
        raise ValueError("The scene has no illegal action.")
    if legal is False or (legal is None and cannot and rng.random() < _BUMPS):
        return _drawn(cannot, _ILLEGAL, rng)
    if rng.random() < _AVERSE[min(view_depth(state), len(_AVERSE) - 1)]:
        return Meaning(("turn_left", "turn_right", "turn_around")[rng.choice(3, p=(0.4, 0.4, 0.2))])
    return _drawn(can, _LEGAL | {"light_on": 0.004 if state.light else 0.3}, rng)


def _drawn(meanings: list[Meaning], shares: dict[str, float], rng: np.random.Generator) -> Meaning:
    verbs = sorted({meaning.verb for meaning in meanings})
    share = np.asarray([shares[verb] for verb in verbs])
    verb = verbs[rng.choice(len(verbs), p=share / share.sum())]
    fitting = [meaning for meaning in meanings if meaning.verb == verb]
    return fitting[rng.integers(len(fitting))]


def view_depth(state: HouseState) -> int:
    """Cells to the next wall, closed door or piece of tall furniture straight ahead; 6 where it is farther."""
    plan, (x, y), (dx, dy) = state.house.plan, state.cell, STEPS[state.heading]
    for steps in range(6):
        there = (x + dx, y + dy)
        crossed = [((x, y), there)] if not (dx and dy) else [((x, y), (x + dx, y)), ((x + dx, y), there)]
        for way in crossed:
            between = edge(*way)
            if plan.room_of(way[1]) is None or plan.has_wall(between) or between in state.closed:
                return steps
        if there in state.house.tall:
            return steps
        x, y = there
    return 6


def to_a_thing(state: HouseState, rng: np.random.Generator, most: int = 16) -> list[Meaning]:
    """The shortest way, opening doors, to where some piece of furniture in another room is right ahead.

    At most `most` actions; nearer goals are taken where there are none so near. Empty where the viewer is there.
    """
    found = _ways(state, most)
    here = state.house.plan.room_of(state.cell)
    goals: dict[str, HouseState] = {}
    for place in found:
        name = rules.ahead(place)
        if name not in ("free", "wall", "door") and place.heading % 2 == 0 and name not in goals:
            goals[name] = place
    others = [name for name, place in goals.items() if state.house.plan.room_of(place.cell) is not here]
    names = others or sorted(goals)
    if not names:
        return []
    place = goals[names[rng.integers(len(names))]]
    actions: list[Meaning] = []
    while (step := found[place]) is not None:
        place, meaning = step
        actions.append(meaning)
    return actions[::-1]


def _ways(state: HouseState, most: int) -> dict[HouseState, tuple[HouseState, Meaning] | None]:
    """Every state within reach by walking, turning and opening doors, with the step that first led there."""
    found: dict[HouseState, tuple[HouseState, Meaning] | None] = {state: None}
    queue = deque([(state, 0)])
    verbs = ("walk_forward", "turn_left", "turn_right", "open_door")
    while queue:
        here, steps = queue.popleft()
        if steps == most:
            continue
        for verb in verbs:
            if verb == "open_door" and not here.closed:
                continue
            meaning = Meaning(verb)
            there = rules.transition(here, meaning)
            if there not in found:
                found[there] = (here, meaning)
                queue.append((there, steps + 1))
    return found


def journey(state: HouseState, rng: np.random.Generator) -> list[Meaning]:
    """Four to eight legal actions after which the viewer stands and looks as before."""
    left, right = ("turn_left", "turn_right") if rng.random() < 0.5 else ("turn_right", "turn_left")
    forward, back, around, wait = "walk_forward", "walk_back", "turn_around", "wait"
    choices = [
        [left] * 8,
        [left, left, right, right],
        [left, left, left, right, right, right],
        [left, wait, wait, right],
        [around, wait, around, wait],
        [left, around, right, around],
        [left, left, around, left, left],
        [forward, back] * 2,
        [forward, forward, back, back],
        [forward, forward, forward, back, back, back],
        [forward, left, right, back],
        [forward, around, forward, around],
        [forward, forward, around, forward, forward, around],
        [left, forward, back, right],
        [left, left, forward, back, right, right],
        [back, wait, forward, wait],
        ["light_off", left, right, "light_on"],
    ]
    for index in rng.permutation(len(choices)):
        actions = [Meaning(verb) for verb in choices[index]]
        if _comes_back(state, actions):
            return actions
    raise AssertionError("Turning away and back is possible everywhere.")


def _comes_back(state: HouseState, actions: list[Meaning]) -> bool:
    here = state
    for meaning in actions:
        if not rules.is_legal(here, meaning):
            return False
        here = rules.transition(here, meaning)
    return here == state
