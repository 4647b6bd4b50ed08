"""Goals by facts, in words, or by any function; and the search configuration that worlds with facts share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pandora.planning.interface import Action, Dynamics, Goal, Reached, SearchConfig, State
from pandora.worlds.base import Facts, Planning


@dataclass(frozen=True)
class FactsGoal(Goal):
    """All of `facts` shall hold. A state that can't be decoded is "don't know".

    The dynamics tell states apart by facts of these kinds from then on. Raises InvalidInput for a fact that the world
    can never show.
    """

    dynamics: Dynamics
    planning: Planning
    facts: Facts

    def __post_init__(self) -> None:
        self.planning.check_facts(self.facts)
        self.dynamics.attend({fact[0] for fact in self.facts})

    @classmethod
    def from_text(cls, dynamics: Dynamics, planning: Planning, text: str) -> "FactsGoal":
        """The goal that a sentence of the world says. Raises InvalidInput where it can't be read."""
        return cls(dynamics, planning, planning.goal(text))

    def score(self, state: State) -> float | None:
        found = self.dynamics.facts(state)
        return None if found is None else self.planning.progress(found, self.facts)

    def reached(self, state: State) -> Reached:
        found = self.dynamics.facts(state)
        return Reached(None, 0.0) if found is None else Reached(self.facts <= found)

    def distance(self, state: State) -> float | None:
        found = self.dynamics.facts(state)
        return None if found is None else self.planning.distance(found, self.facts)


@dataclass(frozen=True)
class FunctionGoal(Goal):
    """Any score 0..1 (None: "don't know"); from `threshold` on the goal counts as reached."""

    function: Callable[[State], float | None]
    threshold: float = 1.0

    def score(self, state: State) -> float | None:
        return self.function(state)

    def reached(self, state: State) -> Reached:
        score = self.function(state)
        return Reached(None, 0.0) if score is None else Reached(score >= self.threshold)


@dataclass(frozen=True)
class FactSearch(SearchConfig):
    """Actions from the action grammar and rewards from facts, all read from the model's own predictions.

    With `rules` only what the rules allow in the predicted state is proposed, as RAP does; without, everything that can
    be said. `use_prior` lets the world's prior speak before the model does. The reward is RAP's: half the prior, half
    `goal_reward` where the goal is reached and else, if `partial`, the share of it that holds.
    """

    dynamics: Dynamics
    planning: Planning
    goal: FactsGoal
    rules: bool = True
    use_prior: bool = True
    goal_reward: float = 100.0
    partial: bool = True

    def get_actions(self, state: State) -> list[Action]:
        found = self.dynamics.facts(state)
        return [] if found is None else list(self.planning.actions(found, self.rules))

    def get_vocabulary(self, state: State) -> list[Action]:
        found = self.dynamics.facts(state)
        return [] if found is None else list(self.planning.actions(found, rules=False))

    def fast_reward(self, state: State, action: Action) -> tuple[float, dict[str, Any]]:
        found = self.dynamics.facts(state)
        if not self.use_prior or found is None:
            return 0.0, {"prior": 0.0}
        prior = self.planning.prior(found, action, self.goal.facts)
        return 0.5 * prior, {"prior": prior}

    def reward(self, state: State, action: Action, **found: Any) -> tuple[float, dict[str, Any]]:
        reached = self.goal.reached(found["after"]).reached
        part = self.goal.score(found["after"]) or 0.0 if self.partial else 0.0
        worth = self.goal_reward if reached else part
        return 0.5 * found.get("prior", 0.0) + 0.5 * worth, {"reached": reached}
