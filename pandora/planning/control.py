"""Model-predictive control: plan, act once, look, plan again; and say so where no plan can be trusted."""

import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Literal

from pandora.planning.interface import Action, Budget, State
from pandora.planning.plan import Plan
from pandora.planning.reasoner import Reasoner, Verified
from pandora.planning.search import Progress


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
        seed: int = 0,
    ):
        """`limit` actions a plan, `steps` in all (None: as many as a plan); `budget` is for one look."""
        self.reasoner, self.limit, self.budget = reasoner, limit, budget
        self.steps_left = limit if steps is None else steps
        self.max_spread, self.on_reject = max_spread, on_reject
        self._rng = random.Random(seed)
        self._known: dict[tuple[Hashable, Action], State] = {}
        self._last: tuple[Hashable, Action] | None = None

    def act(self, observation: Any, progress: Progress | None = None) -> Decision:
        """The next action for what is seen now.

        What followed the last action counts from the next look on: what failed once is tried once more.
        """
        plan = self.reasoner(
            observation, limit=min(self.limit, max(self.steps_left, 0)), budget=self.budget, progress=progress,
            known=self._known,
        )  # fmt: skip
        parts = self.reasoner.reasoner if isinstance(self.reasoner, Verified) else self.reasoner
        here, start = parts.dynamics.key(plan.states[0]), plan.states[0]
        if self._last is not None and here is not None:
            self._known[self._last] = start
        decision = self._decide(plan, lambda: parts.config.get_actions(start))
        self._last = None
        if decision.action is not None:
            self.steps_left -= 1
            self._last = None if here is None else (here, decision.action)
        return decision

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
