"""One problem solved by one entry: planned from a picture and a sentence, carried out in the simulator.

The planner sees the start picture, the goal sentence and the action templates. In the open loop its one plan is carried
out and every action must be allowed; in the closed loop it acts once, sees the true picture, and plans again.
"""

import random
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from zlib import crc32

from pandora.config import DEFAULT_STEPS
from pandora.planning.benchmark.entries import MODELLED, Entry, make_planner
from pandora.planning.benchmark.loading import LateModel
from pandora.planning.control import Agent
from pandora.planning.goals import FactSearch, FactsGoal
from pandora.planning.imagined import Ablated, Imagined, Steps
from pandora.planning.interface import Budget, Dynamics
from pandora.planning.reasoner import Reasoner, Verified
from pandora.planning.simulated import Noisy, Simulated
from pandora.planning.sketched import Sketched
from pandora.planning.worded import Speaks, Worded
from pandora.types import Sampler
from pandora.worlds import make_world
from pandora.worlds.base import Facts, Problem, World


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How it is measured. `samples` and `redraws` are those of `Imagined`, `checks` and `tries` of `Verified`.

    `calls` bounds a plan of a learned model, tries and all; with `rules` only what they allow in the predicted state
    is proposed.
    """

    weights: Path
    fingerprint: str = ""  # of the weights
    data: Path | None = None
    world: str = "blocks"
    device: str = "auto"
    seed: int = 0
    steps: int = DEFAULT_STEPS
    samples: int = 1
    redraws: int = 2
    checks: int = 0
    tries: int = 3
    calls: int = 200
    rules: bool = True

    def mark(self, entry: Entry) -> str:
        """Changes with whatever may change an entry's result."""
        values = {"data": self.data is not None, "world": self.world, "seed": self.seed, "rules": self.rules}
        if entry.track in MODELLED:
            names = ("fingerprint", "steps", "samples", "redraws", "checks", "tries", "calls")
            values |= {name: getattr(self, name) for name in names}
        return sha256(repr(sorted(values.items())).encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a problem. `predicted` is the success that was expected, 0..1; `steps` were carried out."""

    entry: str
    problem: str
    length: int
    things: int
    held_out: bool
    success: bool
    predicted: float
    why: str
    steps: int
    calls: int
    seconds: float
    actions: tuple[str, ...]
    mark: str = ""
    processes: int = 1  # that shared the machine


class Bench(LateModel):
    """A world, its problems by layout, and the model, loaded when it is first needed."""

    def __init__(
        self, setup: Setup, world: World | None = None, model: Steps | None = None, threads: int | str = "auto"
    ):
        super().__init__(setup.weights, setup.device, threads, model)
        self.setup, self.world = setup, world or make_world(setup.world)
        self.planning = self.world.planning()
        self._problems: dict[int, list[Problem]] = {}

    def problems(self, layout: int) -> list[Problem]:
        """All problems, shortest first, in one of their layouts."""
        if layout not in self._problems:
            self._problems[layout] = self.planning.problems(self.setup.data, self.setup.seed, layout)
        return self._problems[layout]

    def solve(self, entry: Entry, problem: Problem) -> Result:
        """Plan and carry out."""
        goal, began = self.planning.goal(problem.goal), time.perf_counter()
        if entry.track == "reactive":
            outcome = self._react(problem, goal)
        elif entry.closed:
            outcome = self._replan(entry, problem, goal)
        else:
            outcome = self._plan(entry, problem, goal)
        return Result(
            entry=entry.name, problem=problem.id, length=problem.limit, things=problem.things,
            held_out=self.planning.needs_held_out(problem), seconds=round(time.perf_counter() - began, 4),
            mark=self.setup.mark(entry), **outcome,
        )  # fmt: skip

    def _reasoner(self, entry: Entry, problem: Problem, goal: Facts) -> Reasoner | Verified:
        seed = crc32(f"{problem.id} {self.setup.seed}".encode())
        dynamics = self._dynamics(entry, seed)
        config = FactSearch(
            dynamics, self.planning, FactsGoal(dynamics, self.planning, goal), rules=self.setup.rules,
            use_prior=entry.planner.endswith("prior"), partial=entry.planner.endswith("prior"),
        )  # fmt: skip
        planner = make_planner(entry.planner, seed)
        if entry.track == "sketched":
            planner = Sketched(planner, Worded(cast(Speaks, self.model), self.world))
        reasoner = Reasoner(dynamics, config, planner)
        if entry.track not in MODELLED:
            return reasoner
        return Verified(reasoner, samples=self.setup.checks, tries=self.setup.tries)

    def _dynamics(self, entry: Entry, seed: int) -> Dynamics:
        if entry.track == "oracle":
            perfect = Simulated(self.world)
            if not entry.noise:
                return perfect
            return Noisy(perfect, entry.noise, lambda scene: self.planning.actions(perfect.facts(scene)), seed)
        if entry.track == "text":
            return Worded(cast(Speaks, self.model), self.world)
        kind = Ablated if entry.track == "ablated" else Imagined
        sampler = Sampler(steps=self.setup.steps)
        return kind(
            self.model, self.world, samples=self.setup.samples, redraws=self.setup.redraws, sampler=sampler, seed=seed,
            rules=self.setup.rules,
        )  # fmt: skip

    def _budget(self, entry: Entry) -> Budget:
        return Budget() if entry.track == "oracle" else Budget(calls=self.setup.calls)

    def _look(self, entry: Entry, scene: Any) -> Any:
        """What the planner sees: the picture; of a simulator the scene."""
        return scene if entry.track == "oracle" else self.world.render(scene)

    def _plan(self, entry: Entry, problem: Problem, goal: Facts) -> dict[str, Any]:
        reasoner = self._reasoner(entry, problem, goal)
        seen = self._look(entry, problem.scene)
        plan = reasoner(seen, limit=problem.limit, budget=self._budget(entry))
        scene, steps = problem.scene, 0
        for action in plan.actions:
            after = self._act(scene, action)
            if after is None:
                break
            scene, steps = after, steps + 1
        success = steps == len(plan.actions) and goal <= self.world.facts(scene)
        why = "not allowed" if steps < len(plan.actions) else "no plan" if not plan.reached else "not reached"
        return {
            "success": success, "predicted": plan.confidence if plan.reached else 0.0, "why": "" if success else why,
            "steps": steps, "calls": plan.calls, "actions": tuple(map(str, plan.actions)),
        }  # fmt: skip

    def _replan(self, entry: Entry, problem: Problem, goal: Facts) -> dict[str, Any]:
        """Twice as many steps as the shortest plan has; what is not allowed costs a step.

        It looks after every action, and plans again where that is not what it predicted.
        """
        steps, reasoner = 2 * problem.limit, self._reasoner(entry, problem, goal)
        agent = Agent(reasoner, steps, steps=steps, budget=self._budget(entry), replan="surprise")
        scene, actions, calls, first, why = problem.scene, [], 0, None, "out of steps"
        while not goal <= self.world.facts(scene):
            decision = agent.act(self._look(entry, scene))
            calls += decision.plan.calls
            first = decision.plan if first is None else first
            if decision.action is None:
                why = decision.why
                break
            actions.append(str(decision.action))
            scene = self._act(scene, decision.action) or scene
        success = goal <= self.world.facts(scene)
        predicted = first.confidence if first is not None and first.reached else 0.0
        return {
            "success": success, "predicted": predicted, "why": "" if success else why, "steps": len(actions),
            "calls": calls, "actions": tuple(actions),
        }  # fmt: skip

    def _react(self, problem: Problem, goal: Facts) -> dict[str, Any]:
        """As many steps as the shortest plan has, each for what is seen now; chance decides between equals."""
        rng, scene, actions = random.Random(crc32(problem.id.encode())), problem.scene, []
        for _ in range(problem.limit):
            facts = self.world.readout(self.world.render(scene))
            if facts is None or goal <= facts:
                break
            choices = self.planning.actions(facts, self.setup.rules)
            promises = [(self.planning.prior(facts, action, goal), rng.random()) for action in choices]
            actions.append(choices[promises.index(max(promises))])
            scene = self._act(scene, actions[-1]) or scene
        success = goal <= self.world.facts(scene)
        return {
            "success": success, "predicted": 0.0, "why": "" if success else "not reached", "steps": len(actions),
            "calls": 0, "actions": tuple(actions),
        }  # fmt: skip

    def _act(self, scene: Any, sentence: str) -> Any | None:
        """The true scene after a sentence; None where the rules forbid it."""
        meaning = self.planning.meaning(sentence) or self.world.understand(scene, sentence)
        if meaning is None or not self.world.is_legal(scene, meaning):
            return None
        return self.world.advance(scene, meaning)
