"""What search needs: a model that steps, and a configuration that proposes and rewards. Names as in LLM Reasoners.

LLM Reasoners (maitrix-org, Apache-2.0) steps one state at a time; here `step` takes a batch. What `fast_reward` and
`step` say beside their result reaches `reward` as keyword arguments, as there.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pandora.worlds.base import Facts

State = Any  # opaque to planners: a scene, a generated moment, anything
Action = Any  # a sentence, or what else the model takes


class Dynamics(ABC):
    """A world to plan in: a simulator or a learned model."""

    kinds: frozenset[str] = frozenset()  # of facts by which keys tell states apart, beside those that always do

    @abstractmethod
    def init(self, observation: Any) -> State:
        """The state that an observation (a picture, a scene) shows."""

    @abstractmethod
    def step(self, states: Sequence[State], actions: Sequence[Action]) -> list[tuple[State, dict[str, Any]]]:
        """The next state and anything worth knowing about it, for each pair; one batch.

        "calls" among it says how many model calls the step took, one where it says nothing.
        """

    def is_terminal(self, state: State) -> bool:
        """Whether nothing follows this state: by default, where it can't be decoded."""
        return self.facts(state) is None

    def facts(self, state: State) -> Facts | None:
        """The decoded state; None where it can't be decoded."""
        return None

    def key(self, state: State) -> Hashable | None:
        """Equal for states that are one to the search; None where that is unknown."""
        return self.facts(state)

    def attend(self, kinds: Collection[str]) -> None:
        """From now on, states that differ in facts of these kinds have different keys: a goal speaks of them."""
        self.kinds |= frozenset(kinds)

    @property
    def calls_each(self) -> int:
        """Model calls that a step takes at least; budgets count with it."""
        return 1

    def spread(self, state: State) -> float:
        """The share of the model's samples that disagree about this state, 0..1."""
        return 0.0

    def resample(self, state: State, seed: int) -> State:
        """The same moment whose future is sampled afresh; the same state where the model knows no chance."""
        return state


@dataclass(frozen=True)
class Reached:
    """Whether a goal is reached, None for "don't know", and with what confidence, 0..1."""

    reached: bool | None
    confidence: float = 1.0


class Goal(ABC):
    """What shall be."""

    @abstractmethod
    def score(self, state: State) -> float | None:
        """How near the goal is, 0..1; None for "don't know"."""

    @abstractmethod
    def reached(self, state: State) -> Reached: ...

    def distance(self, state: State) -> float | None:
        """How many actions are left at least; None for "don't know"."""
        reached = self.reached(state).reached
        return None if reached is None else 0.0 if reached else 1.0


class SearchConfig(ABC):
    """What to try in a state and what it is worth."""

    goal: Goal

    @abstractmethod
    def get_actions(self, state: State) -> list[Action]:
        """What may be tried here, in a fixed order."""

    def get_vocabulary(self, state: State) -> list[Action]:
        """What may be tried in any state that can follow this one, for planners that draw whole sequences."""
        return self.get_actions(state)

    def fast_reward(self, state: State, action: Action) -> tuple[float, dict[str, Any]]:
        """How promising an action looks before the model runs, and details for `reward`."""
        return 0.0, {}

    def reward(self, state: State, action: Action, **found: Any) -> tuple[float, dict[str, Any]]:
        """What the step was worth. `found` has `after`, the next state, and the details of `fast_reward` and `step`."""
        return self.goal.score(found["after"]) or 0.0, {}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a search may use: model calls, seconds, and until `should_stop()`. None is no limit.

    A search may go over it by what one batch takes.
    """

    calls: int | None = None
    seconds: float | None = None
    should_stop: Callable[[], bool] = field(default=lambda: False)

    def over(self, calls: int, seconds: float) -> bool:
        """Whether it is used up by so much."""
        return (
            (self.calls is not None and calls >= self.calls)
            or (self.seconds is not None and seconds >= self.seconds)
            or self.should_stop()
        )

    def less(self, calls: int, seconds: float) -> "Budget":
        """What is left of it."""
        return replace(
            self,
            calls=None if self.calls is None else max(0, self.calls - calls),
            seconds=None if self.seconds is None else max(0.0, self.seconds - seconds),
        )
