"""How many actions are left from a state to each of several goals, by one search that serves them all.

The states that were imagined are one graph, told apart by their key. For every state asked about and every goal, the
cheapest way that is still thought possible leads either to the goal, and then it is the shortest, or out of the graph;
there the model imagines on. Where a search imagined something, all others find it. For one state and one goal this is
A* (Hart, Nilsson, Raphael 1968); searching on from where the best partial way ends is how LAO* (Hansen, Zilberstein
2001) grows its graph.
"""

import heapq
import math
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import count

from pandora.planning.interface import Action, Budget, Dynamics, Goal, State

_CHUNK = 16  # transitions between two looks at the budget

Proposals = Callable[[State], list[Action]]


@dataclass(eq=False)
class Place:
    """A decoded state of the graph: how many actions each goal is away at least, and where each action leads."""

    state: State
    least: tuple[float, ...]  # by goal, 0 where it is reached
    actions: list[Action]
    after: dict[Action, Hashable | None] | None = None  # None: not imagined yet; a key of None: it can't be decoded

    @property
    def is_dim(self) -> bool:
        """Whether an action leads to what can't be decoded: there may be a way that the graph does not show."""
        return self.after is not None and None in self.after.values()


class CostToGo:
    """The graph of what was imagined, and costs read off it. It may grow for as long as the goals stay the same.

    `propose` says what may be done in a state. Nothing is thought further away than `limit` actions. `calls` counts
    what the model was asked for.
    """

    def __init__(self, dynamics: Dynamics, goals: Sequence[Goal], propose: Proposals, limit: int = 20):
        self.dynamics, self.goals, self.propose, self.limit = dynamics, tuple(goals), propose, limit
        self.places: dict[Hashable, Place] = {}
        self.calls = 0
        self._before: dict[Hashable, set[Hashable]] = {}

    def add(self, state: State, is_seen: bool = False) -> Hashable | None:
        """The key of a state, which is in the graph from now on; None where it can't be decoded.

        What is seen takes the place of what was imagined, as long as nothing was imagined from there.
        """
        key = self.dynamics.key(state)
        if key is not None and key not in self.places:
            actions = [] if self.dynamics.is_terminal(state) else list(self.propose(state))
            self.places[key] = Place(state, tuple(_least(goal, state) for goal in self.goals), actions)
            self._before[key] = set()
        elif is_seen and key is not None and self.places[key].after is None:
            self.places[key].state = state
        return key

    def reached(self, key: Hashable) -> list[bool]:
        """Which goals hold in a state of the graph."""
        return [least == 0 for least in self.places[key].least]

    def outcomes(self, key: Hashable) -> dict[Action, Hashable | None]:
        """Where each action leads; imagined where that was not done before, whatever the budget."""
        place = self.places[key]
        if place.after is None:
            self._expand([key])
        return place.after or {}

    def step(self, key: Hashable, action: Action) -> State:
        """The state after any action, proposed or not."""
        place = self.places[key]
        after = (place.after or {}).get(action)
        return self.places[after].state if after is not None else self._imagine([(place.state, action)])[0]

    def __call__(self, keys: Sequence[Hashable], budget: Budget | None = None) -> list[list[float]]:
        """Actions left from each of these states of the graph (rows) to each goal, 0..limit.

        They are exact, or `limit`, where the budget suffices and all can be decoded; otherwise they are lower bounds:
        where a state that can't be decoded may be on the way, the goal's `distance` before it says what is left.
        """
        budget = budget or Budget()
        began, spent = time.perf_counter(), self.calls

        def is_over() -> bool:
            return budget.over(self.calls - spent, time.perf_counter() - began)

        settled: dict[int, _Ways] = {}
        while True:
            ways = [settled.get(goal) or self._ways(goal) for goal in range(len(self.goals))]
            ends = [[way.end(key, self.limit) for key in keys] for way in ways]
            wanted = list(dict.fromkeys(end for row in ends for end in row if end is not None))
            if not wanted or is_over():
                return [[min(way.cost.get(key, math.inf), self.limit) for way in ways] for key in keys]
            # where every way is known, none becomes shorter by what the graph will have more
            settled = {goal: ways[goal] for goal, row in enumerate(ends) if all(end is None for end in row)}
            self._expand(wanted, is_over)

    def _expand(self, keys: Sequence[Hashable], is_over: Callable[[], bool] = lambda: False) -> None:
        """Imagine what follows these states, several of them in one batch, each of them whole."""
        left = list(keys)
        while left and not is_over():
            chunk = [left.pop(0)]
            while left and sum(len(self.places[key].actions) for key in (*chunk, left[0])) <= _CHUNK:
                chunk.append(left.pop(0))
            pairs = [(key, action) for key in chunk for action in self.places[key].actions]
            states = self._imagine([(self.places[key].state, action) for key, action in pairs])
            after: dict[Hashable, dict[Action, Hashable | None]] = {key: {} for key in chunk}
            for (key, action), state in zip(pairs, states, strict=True):
                found = after[key][action] = self.add(state)
                if found is not None:
                    self._before[found].add(key)
            for key in chunk:
                self.places[key].after = after[key]

    def _imagine(self, pairs: Sequence[tuple[State, Action]]) -> list[State]:
        if not pairs:
            return []
        stepped = self.dynamics.step([state for state, _ in pairs], [action for _, action in pairs])
        self.calls += sum(aux.get("calls", 1) for _, aux in stepped)
        return [state for state, _ in stepped]

    def _ways(self, goal: int) -> "_Ways":
        """The cheapest way from every state of the graph that is still thought possible, searched from its ends."""
        ticket = count()
        heap: list[tuple[float, float, int, Hashable, Hashable | None]] = []
        for key, place in self.places.items():
            least = place.least[goal]
            is_new = place.after is None and bool(place.actions)
            if least == 0 or is_new or place.is_dim:
                heap.append((least, least, next(ticket), key, key if least and is_new else None))
        heapq.heapify(heap)
        cost: dict[Hashable, float] = {}
        ends: dict[Hashable, Hashable | None] = {}
        while heap:
            left, least, _, key, end = heapq.heappop(heap)
            if key in cost:
                continue
            cost[key], ends[key] = left, end
            for before in self._before[key]:
                if before not in cost:
                    heapq.heappush(heap, (left + 1, least, next(ticket), before, end))
        return _Ways(cost, ends)


@dataclass(frozen=True, eq=False)
class _Ways:
    """Of one goal: what each state's cheapest way costs at least, and where it leaves the graph; None: it does not."""

    cost: dict[Hashable, float]
    ends: dict[Hashable, Hashable | None]

    def end(self, key: Hashable, limit: int) -> Hashable | None:
        """Where to imagine on; None where the way is known, too long, or there is none."""
        return self.ends.get(key) if self.cost.get(key, math.inf) < limit else None


def _least(goal: Goal, state: State) -> float:
    return 0.0 if goal.reached(state).reached else max(1.0, goal.distance(state) or 0.0)
