"""Inverse planning: which of several goals somebody has, told by what they do.

    watcher = Watcher.of_facts(Simulated(world), world.planning(), goals)
    watcher.watch(states)                  # of a film: the states at rest, the first one first
    watcher.posterior                      # one share a goal

Bayes' rule over goals, as in Baker, Saxe, Tenenbaum 2009 ("Action understanding as inverse planning") and in BIP-ALM
(Jin et al. 2024, "MMToM-QA"): P(goal | seen) is proportional to P(goal) times the product of P(step | state, goal). The
actor is rational up to a Boltzmann temperature: a step is chosen with a probability that falls exponentially by the
actions that are left after it, as in Ramírez, Geffner 2010. BIP-ALM asks a language model how likely an action is; here
the actions left come from planning in a `Dynamics`, a simulator or a world model that imagines.

What an actor chooses among are the states that one action leads to, by the model's word, and to let nothing happen.
Which of them was chosen, a film shows by its next state at rest, without any sentence; and of a sentence the model says
where it leads. So sentences that lead to one state are one choice, and a film that shows what the model would not have
thought possible is still told how far each goal is from there.
"""

import math
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pandora.errors import InvalidInput
from pandora.planning.cost_to_go import CostToGo, Proposals
from pandora.planning.goals import FactsGoal
from pandora.planning.interface import Action, Budget, Dynamics, Goal, State
from pandora.types import Frames
from pandora.worlds.base import Facts, Planning

BETA = 2.0
LAPSE = 0.1
_LEAST = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, kw_only=True)
class Actor:
    """How somebody acts who has a goal.

    A step after which c actions are left is chosen with probability proportional to exp(-`beta` * c); with probability
    `lapse` any step is, so that nothing anybody does is impossible. Nothing is left to do once the goal is reached, and
    then the actor rests. Raises InvalidInput.
    """

    beta: float = BETA
    lapse: float = LAPSE

    def __post_init__(self) -> None:
        if not (math.isfinite(self.beta) and self.beta >= 0):
            raise InvalidInput(f"beta is how rational an actor is, a number from 0, not {self.beta}.")
        if not 0 < self.lapse <= 1:
            raise InvalidInput(f"The lapse is above 0 and at most 1, not {self.lapse}.")

    def log_choice(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-probabilities (choices, goals) of choices that leave so many actions (choices, goals), all finite."""
        worth = -self.beta * (costs - costs.min(0))
        chosen = np.exp(worth)
        return np.log((1 - self.lapse) * chosen / chosen.sum(0) + self.lapse / len(costs))


@dataclass(frozen=True, kw_only=True)
class Inference:
    """`history` has the prior and then the posterior after each step, (1 + steps, goals), each row of sum 1.

    `told` says of each step whether it was evidence: states that can't be decoded are none. `calls` counts what the
    model was asked for, `seconds` is the time that took.
    """

    history: tuple[tuple[float, ...], ...]
    told: tuple[bool, ...]
    calls: int
    seconds: float

    @property
    def posterior(self) -> tuple[float, ...]:
        return self.history[-1]


class Watcher:
    """Watches an actor step by step, by `begin` and then `see` and `hear`, or all at once by `watch` and `follow`.

    `goals` may contain equals, which share what is theirs by their priors; `prior` has one weight a goal, not negative
    (None: all equal). `propose` says what may be done in a state. `budget` is for one step, and more only for what
    follows the state at hand at once; when it ends, actions left are estimated by the goals' `distance`. `limit`: no
    goal is thought further away. Raises InvalidInput.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        goals: Sequence[Goal],
        propose: Proposals,
        *,
        prior: Sequence[float] | None = None,
        actor: Actor | None = None,
        limit: int = 20,
        budget: Budget | None = None,
    ):
        self.dynamics, self.actor, self.budget = dynamics, actor or Actor(), budget
        self.costs = CostToGo(dynamics, goals, propose, limit)
        self.prior = _normalised(prior, len(goals))
        with np.errstate(divide="ignore"):
            self._log = np.log(self.prior)  # minus infinity where the prior is zero
        self._here: Hashable | None = None
        self._state: State = None
        self._history = [tuple(map(float, self.prior))]
        self._told: list[bool] = []
        self._seconds = 0.0

    @classmethod
    def of_facts(
        cls, dynamics: Dynamics, planning: Planning, goals: Sequence[Facts], *, rules: bool = True,
        prior: Sequence[float] | None = None, actor: Actor | None = None, limit: int = 20, budget: Budget | None = None,
    ) -> Self:  # fmt: skip
        """Of goals by facts, in a world with an action grammar; without `rules` the actor may try what they forbid."""

        def propose(state: State) -> list[Action]:
            found = dynamics.facts(state)
            return [] if found is None else list(planning.actions(found, rules))

        wanted = [FactsGoal(dynamics, planning, goal) for goal in goals]
        return cls(dynamics, wanted, propose, prior=prior, actor=actor, limit=limit, budget=budget)

    @property
    def posterior(self) -> tuple[float, ...]:
        """By goal, after what was seen so far; above zero where the prior is."""
        return self._history[-1]

    @property
    def inference(self) -> Inference:
        """All that was inferred so far."""
        return Inference(
            history=tuple(self._history), told=tuple(self._told), calls=self.costs.calls, seconds=self._seconds
        )

    def begin(self, state: State) -> None:
        """Where the actor is at first: no evidence by itself."""
        self._state, self._here = state, self.costs.add(state, is_seen=True)

    def see(self, state: State, action: Action | None = None) -> tuple[float, ...]:
        """The posterior after the next state at rest; where it can't be decoded, the `action` says what it would be."""
        began, seen = time.perf_counter(), self.costs.add(state, is_seen=True)
        if seen is None and action is not None and self._here is not None:
            state, seen = self._imagined(self._here, action)
        return self._move(state, seen, began)

    def hear(self, action: Action) -> tuple[float, ...]:
        """The posterior after an action, whose outcome the model imagines."""
        began, seen = time.perf_counter(), None
        state = self._state
        if self._here is not None:
            state, seen = self._imagined(self._here, action)
        return self._move(state, seen, began)

    def watch(self, states: Sequence[State]) -> Inference:
        """All states at rest of a film, from the start on. Raises InvalidInput where there are none."""
        if not states:
            raise InvalidInput("A film to be watched has at least the picture of its start.")
        self.begin(states[0])
        for state in states[1:]:
            self.see(state)
        return self.inference

    def follow(self, start: State, actions: Sequence[Action]) -> Inference:
        """A start and what was done from there on."""
        self.begin(start)
        for action in actions:
            self.hear(action)
        return self.inference

    def _imagined(self, here: Hashable, action: Action) -> tuple[State, Hashable | None]:
        self.costs.outcomes(here)
        state = self.costs.step(here, action)
        return state, self.costs.add(state)

    def _move(self, state: State, seen: Hashable | None, began: float) -> tuple[float, ...]:
        likelihood = None if self._here is None or seen is None else self._log_likelihood(self._here, seen)
        if likelihood is not None:
            self._log = self._log + likelihood
            self._log -= self._log.max()
        shares = np.exp(self._log)
        shares = np.where(self.prior > 0, np.maximum(shares / shares.sum(), _LEAST), 0.0)
        self._history.append(tuple(map(float, shares)))
        self._told.append(likelihood is not None)
        self._state, self._here = state, seen
        self._seconds += time.perf_counter() - began
        return self.posterior

    def _log_likelihood(self, here: Hashable, seen: Hashable) -> NDArray[np.float64] | None:
        """Of the step that was seen, by goal; None where nothing else could have been done."""
        choices = list(dict.fromkeys([here, *filter(_is_known, self.costs.outcomes(here).values()), seen]))
        if len(choices) == 1:
            return None
        costs = np.array(self.costs(choices, self.budget))
        rests = np.array(self.costs.reached(here))
        # what is not reached and rests has as much left as before, and an action less to spend
        costs = np.concatenate([np.where(rests, -1.0, costs[:1]), costs[1:]]) + 1.0
        return self.actor.log_choice(costs)[choices.index(seen)]


def resting(film: Frames, frames_per_action: int = 8) -> Frames:
    """The pictures at rest of a film, (1 + steps, H, W, 3) uint8: of its start and of the end of every clip.

    The film has 1 + steps * `frames_per_action` frames. Raises InvalidInput where it has not.
    """
    if len(film) % frames_per_action != 1 % frames_per_action:
        raise InvalidInput(
            f"A film has the picture of its start and {frames_per_action} frames an action, so not {len(film)} frames."
        )
    return film[::frames_per_action]


def _is_known(key: Hashable | None) -> bool:
    return key is not None


def _normalised(prior: Sequence[float] | None, goals: int) -> NDArray[np.float64]:
    if not goals:
        raise InvalidInput("There is no goal to choose from. Give at least one.")
    weights = np.ones(goals) if prior is None else np.asarray(prior, np.float64)
    if weights.shape != (goals,):
        raise InvalidInput(f"{goals} goals take as many weights in their prior, not {weights.size}.")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise InvalidInput("The weights of a prior are finite and not negative, and one of them is above zero.")
    return weights / weights.sum()
