"""The part of an inference that a thread does: it watches what was done, steps the engine, and waits for it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pandora.planning import Actor, Budget, Imagined, Moment, Watcher
from server.goals.bodies import InferGoals, InferredGoal, InferredGoals, InferredStep
from server.plans.goals import read_goal
from server.plans.search import Bounds
from server.plans.steps import EngineSteps

if TYPE_CHECKING:
    from pandora.media import Frame
    from pandora.types import WorldState


@dataclass(frozen=True, kw_only=True, eq=False)
class Deed:
    """Something that was done, and what followed: the words are known, or the picture, or both."""

    step: int
    action: str | None = None
    state: "WorldState | None" = None


class Watching:
    """`dynamics` steps `steps`; `observation` is the picture of the start, and `deeds` are what came after."""

    def __init__(
        self, dynamics: Imagined, steps: EngineSteps, body: InferGoals, observation: "Frame", deeds: Sequence[Deed],
        first: int, bounds: Bounds,
    ):  # fmt: skip
        self._dynamics = dynamics
        self._steps = steps
        self._observation = observation
        self._deeds = deeds
        self._first = first
        self._bounds = bounds
        self._goals = [read_goal(goal.facts, goal.text, dynamics) for goal in body.goals]
        self._prior = body.prior
        self._actor = Actor() if body.beta is None else Actor(beta=body.beta)
        self._began = time.perf_counter()

    def infer(self) -> InferredGoals:
        """Watch to the end, or until the time is up. Raises what the engine or the model raised."""
        facts = [frozenset(map(tuple, goal.facts or ())) for goal in self._goals]
        watcher = Watcher.of_facts(
            self._dynamics, self._dynamics.planning, facts, prior=self._prior, actor=self._actor,
            budget=Budget(should_stop=self._is_tired),
        )  # fmt: skip
        watcher.begin(self._dynamics.init(self._observation))
        watched = 0
        for deed in self._deeds:
            if self._is_late():
                break
            if deed.state is not None:
                watcher.see(self._moment(deed.state), deed.action)
            elif deed.action is not None:
                watcher.hear(deed.action)
            watched += 1
        return self._view(watcher, watched)

    def _moment(self, state: "WorldState") -> Moment:
        return Moment(state, self._dynamics.world.readout(state.frame.numpy()), seed=state.seed)

    def _is_tired(self) -> bool:
        """Whether the actions that are left are estimated from now on, and no more imagined."""
        steps, bounds = self._steps, self._bounds
        return steps.made >= bounds.calls or steps.bytes >= bounds.bytes or self._is_late()

    def _is_late(self) -> bool:
        return time.perf_counter() - self._began >= self._bounds.seconds

    def _view(self, watcher: Watcher, watched: int) -> InferredGoals:
        found = watcher.inference
        numbers = [self._first, *(deed.step for deed in self._deeds[:watched])]
        history = [
            InferredStep(step=number, posterior=list(row), evidence=told)
            for number, row, told in zip(numbers, found.history, (False, *found.told), strict=True)
        ]
        goals = [
            InferredGoal(index=index, text=goal.text, facts=goal.facts or [], prior=prior, posterior=posterior)
            for index, (goal, prior, posterior) in enumerate(
                zip(self._goals, found.history[0], found.posterior, strict=True)
            )
        ]
        return InferredGoals(
            goals=goals, steps=watched, history=history, complete=not self._is_tired(), calls=self._steps.made,
            seconds=round(time.perf_counter() - self._began, 3),
        )  # fmt: skip
