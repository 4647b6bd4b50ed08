"""Model-predictive control: plan, act once, look, plan again; and say so where no plan can be trusted.

Where looking shows what the plan predicted, the rest of the plan may go on (execution monitoring): the world then gives
no reason to search anew.
"""

import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from pandora.errors import InvalidInput
from pandora.planning.interface import Action, Budget, Dynamics, State
from pandora.planning.plan import Plan
from pandora.planning.reasoner import Reasoner, Verified
from pandora.planning.search import Progress

Replan = Literal["always", "surprise"]


@dataclass(frozen=True)
class Decision:
    """What to do now; no action where the goal is reached or the agent would rather not. `why` says which."""

    action: Action | None
    plan: Plan
    why: Literal["planned", "reached", "rejected", "explores", "out of steps", "nothing to do"]


class Agent:
    """Replans after every action, and remembers what truly followed where it had imagined otherwise.

    A plan is rejected where its goal is not predicted to be reached, or its spread is above `max_spread`. Then the
    agent does the most promising thing anyway ("best"), something random ("explore"), or nothing ("stop").
    """

    def __init__(
        self,
        reasoner: Reasoner | Verified,
        limit: int,
        *,
        steps: int | None = None,
        budget: Budget | None = None,
        max_spread: float = 0.5,
        on_reject: Literal["best", "explore", "stop"] = "best",
        replan: Replan = "always",
        seed: int = 0,
    ):
        """`limit` actions a plan, `steps` in all (None: as many as a plan); `budget` is for one look.

        With `replan` "surprise" a plan that was trusted is followed as long as what is seen is what it predicted.
        """
        if replan not in get_args(Replan):
            raise InvalidInput(f"An agent replans {' or '.join(get_args(Replan))}, not {replan!r}.")
        self.reasoner, self.limit, self.budget = reasoner, limit, budget
        self.replan: Replan = replan
        self._rest: Plan | None = None  # of a plan that was trusted, from what should be seen next
        self.steps_left = limit if steps is None else steps
        self.max_spread, self.on_reject = max_spread, on_reject
        self._rng = random.Random(seed)
        self._known: dict[tuple[Hashable, Action], State] = {}
        self._last: tuple[Hashable, Action] | None = None

    def act(self, observation: Any, progress: Progress | None = None) -> Decision:
        """The next action for what is seen now.

        What followed the last action counts from the next look on: what failed once is tried once more.
        """
        parts = self.reasoner.reasoner if isinstance(self.reasoner, Verified) else self.reasoner
        plan = self._expected(observation, parts.dynamics) or self.reasoner(
            observation, limit=min(self.limit, max(self.steps_left, 0)), budget=self.budget, progress=progress,
            known=self._known,
        )  # fmt: skip
        here, start = parts.dynamics.key(plan.states[0]), plan.states[0]
        if self._last is not None and here is not None:
            self._known[self._last] = start
        decision = self._decide(plan, lambda: parts.config.get_actions(start))
        self._last = None
        if decision.action is not None:
            self.steps_left -= 1
            self._last = None if here is None else (here, decision.action)
        self._rest = _without_first(plan) if decision.why == "planned" and self.replan == "surprise" else None
        return decision

    def _expected(self, observation: Any, dynamics: Dynamics) -> Plan | None:
        """The rest of the plan from what is seen, where that is what it predicted."""
        if self._rest is None:
            return None
        seen = dynamics.init(observation)
        key = dynamics.key(seen)
        if key is None or key != dynamics.key(self._rest.states[0]):
            return None
        return replace(self._rest, states=(seen, *self._rest.states[1:]))

    def _decide(self, plan: Plan, proposals: Callable[[], list[Action]]) -> Decision:
        if plan.reached and not plan.actions:
            return Decision(None, plan, "reached")
        if self.steps_left <= 0:
            return Decision(None, plan, "out of steps")
        if plan.reached and plan.spread <= self.max_spread:
            return Decision(plan.actions[0], plan, "planned")
        if self.on_reject == "stop":
            return Decision(None, plan, "rejected")
        if self.on_reject == "best" and plan.actions:
            return Decision(plan.actions[0], plan, "explores")
        choices = proposals()
        return (
            Decision(self._rng.choice(choices), plan, "explores") if choices else Decision(None, plan, "nothing to do")
        )


def _without_first(plan: Plan) -> Plan:
    """What is left once the first action is done; it costs no calls more, and has no tree of its own."""
    return replace(plan, actions=plan.actions[1:], states=plan.states[1:], calls=0, seconds=0.0, tree=())
