"""The parts composed: model, configuration and planner; and a planner that tries its plan again before it trusts it."""

import time
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

from pandora.errors import InvalidInput
from pandora.planning.interface import Action, Budget, Dynamics, SearchConfig, State
from pandora.planning.plan import Plan
from pandora.planning.search import Known, Planner, Progress, Watch


@dataclass(frozen=True)
class Reasoner:
    """Model, configuration and planner: called with an observation it returns a plan."""

    dynamics: Dynamics
    config: SearchConfig
    planner: Planner

    def __call__(
        self,
        observation: Any,
        *,
        limit: int,
        budget: Budget | None = None,
        progress: Progress | None = None,
        known: Known | None = None,
        watch: Watch | None = None,
    ) -> Plan:
        """The best plan of at most `limit` actions. See `Planner.plan`."""
        return self.from_state(self.dynamics.init(observation), limit, budget, progress, known, watch)

    def from_state(
        self,
        start: State,
        limit: int,
        budget: Budget | None = None,
        progress: Progress | None = None,
        known: Known | None = None,
        watch: Watch | None = None,
    ) -> Plan:
        """The same from a state of the model."""
        return self.planner.plan(
            self.dynamics, self.config, start, limit=limit, budget=budget, progress=progress, known=known, watch=watch
        )


@dataclass(frozen=True)
class Verified:
    """A reasoner that rolls its plan out `samples` more times, each with its own noise; 0 trusts it as it is.

    The share that reaches the goal becomes the plan's confidence. Below `at_least` of them, the step where they first
    part is taken for what most of them show, and the search runs again; where it finds no plan, with other noise. It
    runs `tries` times at most. The surest plan is returned, or the one that leads nearest; its calls and seconds are
    those of all searches and roll-outs. A plan that the budget leaves no time to check has no `trials`.
    """

    reasoner: Reasoner
    samples: int = 4
    at_least: float = 0.75
    tries: int = 3

    def __post_init__(self) -> None:
        if self.tries < 1 or self.samples < 0:
            raise InvalidInput(f"A plan takes 1 or more tries and 0 or more samples, not {self.tries}, {self.samples}.")

    def __call__(self, observation: Any, *, limit: int, **options: Any) -> Plan:
        dynamics = self.reasoner.dynamics
        start = dynamics.init(observation)
        budget, known = options.pop("budget", None) or Budget(), dict(options.pop("known", None) or {})
        began, calls, best = time.perf_counter(), 0, None

        def left() -> Budget:
            return budget.less(calls, time.perf_counter() - began)

        for attempt in range(self.tries):
            plan = self.reasoner.from_state(start, limit, left(), known=known, **options)
            calls += plan.calls
            if plan.reached:
                plan, spent, odd = self.verify(plan, left())
                calls += spent
                known |= odd
                if tell := options.get("progress"):
                    tell(plan)
            if best is None or _worth(plan) > _worth(best):
                best = plan
            if (plan.reached and plan.confidence >= self.at_least) or left().over(0, 0.0):
                break
            if not plan.reached:  # a start that is not understood stays so
                again = dynamics.resample(start, 1000 + attempt)
                if again is start:  # the model knows no chance
                    break
                start = again
        assert best is not None
        return replace(best, calls=calls, seconds=time.perf_counter() - began)

    def verify(
        self, plan: Plan, budget: Budget | None = None
    ) -> tuple[Plan, int, dict[tuple[Hashable, Action], State]]:
        """The plan with its confidence, the calls that took, and the first step that most samples take elsewhere."""
        if not self.samples:
            return plan, 0, {}
        budget, began = budget or Budget(), time.perf_counter()
        dynamics, goal = self.reasoner.dynamics, self.reasoner.config.goal
        states = [dynamics.resample(plan.states[0], 100 + sample) for sample in range(self.samples)]
        alive, calls = list(range(self.samples)), 0
        odd: dict[tuple[Hashable, Action], State] = {}
        for before, action, expected in zip(plan.states, plan.actions, plan.states[1:], strict=False):
            if budget.over(calls, time.perf_counter() - began):
                return plan, calls, {}
            alive = [i for i in alive if not dynamics.is_terminal(states[i])]
            stepped = dynamics.step([states[i] for i in alive], [action] * len(alive)) if alive else []
            for i, (state, aux) in zip(alive, stepped, strict=True):
                states[i] = state
                calls += aux.get("calls", 1)
            shown = Counter(dynamics.key(states[i]) for i in alive)
            if not odd and shown and (most := shown.most_common(1)[0][0]) != dynamics.key(expected):
                state = next(states[i] for i in alive if dynamics.key(states[i]) == most)
                odd = {(dynamics.key(before), action): state}
        sure = sum(bool(goal.reached(state).reached) for state in states) / self.samples
        checked = replace(plan, confidence=sure, spread=max(plan.spread, 1 - sure), trials=self.samples)
        return checked, calls, odd


def _worth(plan: Plan) -> tuple[bool, float, float]:
    """Of plans that reach the goal the surest is best, of others the one that leads nearest."""
    value = -1.0 if plan.value is None else plan.value
    return (True, plan.confidence, value) if plan.reached else (False, value, plan.confidence)
