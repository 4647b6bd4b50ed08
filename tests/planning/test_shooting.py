"""Sampling planners find the least of known costs, for numbers and for categories, and stacks of blocks by sentence."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pandora.errors import InvalidInput
from pandora.planning import FactSearch, FactsGoal, Plan, Reasoner, Shooting, Simulated, Solver
from pandora.planning.shooting import _coloured
from pandora.worlds.base import Problem
from tests.planning.conftest import Seeing


class Reach:
    """A point that moves by the actions shall end at `info` (B, A)."""

    def get_cost(self, info: Tensor, actions: Tensor) -> Tensor:
        return (actions.sum(2) - info[:, None]).norm(dim=-1)


class Spell:
    """The right category at every step, `info` (B, H)."""

    def get_cost(self, info: Tensor, actions: Tensor) -> Tensor:
        return (actions.argmax(-1) != info[:, None]).float().mean(-1)


@pytest.mark.parametrize("kind", ["cem", "icem", "mppi"])
def test_continuous(kind) -> None:
    goal = torch.tensor([[0.8, -1.5], [-2.0, 0.3]])
    solver = Solver(horizon=4, size=2, kind=kind, samples=200, iterations=12, elites=20)
    shot = solver.solve(Reach(), goal, problems=2)
    assert shot.actions.shape == (2, 4, 2)
    assert shot.actions.abs().max() <= 1
    assert shot.cost.max() < 0.25
    assert torch.allclose(Reach().get_cost(goal, shot.actions[:, None])[:, 0], shot.cost)
    assert shot.calls == 2 * 200 * 12
    again = solver.solve(Reach(), goal, problems=2)
    assert torch.equal(again.actions, shot.actions)
    assert solver.warm(shot).shape == shot.mean.shape
    assert torch.equal(solver.warm(shot)[:, 0], shot.mean[:, 1])
    assert solver.solve(Reach(), goal, problems=2, start=shot.mean).cost.max() < 0.25


@pytest.mark.parametrize("kind", ["cem", "icem", "mppi"])
def test_categorical(kind) -> None:
    word = torch.tensor([[2, 0, 1, 3], [1, 1, 0, 2]])
    solver = Solver(horizon=4, size=4, kind=kind, categories=True, samples=100, iterations=10, elites=12)
    shot = solver.solve(Spell(), word, problems=2)
    assert torch.equal(shot.actions.argmax(-1), word)
    assert torch.equal(shot.actions.sum(-1), torch.ones(2, 4))


def test_what_can_not_be_done_does_not_spoil_the_rest() -> None:
    class Walled(Reach):
        def get_cost(self, info: Tensor, actions: Tensor) -> Tensor:
            return super().get_cost(info, actions).where(actions[:, :, 0, 0] < 0.5, torch.inf)

    for kind in ("cem", "icem", "mppi"):
        shot = Solver(horizon=2, size=1, kind=kind, samples=64).solve(Walled(), torch.tensor([[1.2]]))
        assert shot.mean.isfinite().all()
        assert shot.cost[0] < 0.4
    for wrong in ({"kind": "nope"}, {"samples": 1}, {"elites": 0}, {"horizon": 0}):
        options: dict[str, Any] = {"horizon": 2, "size": 1} | wrong
        with pytest.raises(InvalidInput, match="A solver"):
            Solver(**options)


def test_coloured_noise_persists() -> None:
    noise = torch.randn(2000, 16, 2, generator=torch.Generator().manual_seed(0))
    coloured = _coloured(noise, 2.0)
    assert coloured.std() == pytest.approx(1.0, abs=0.03)
    assert (coloured[:, 1:] * coloured[:, :-1]).mean() > 0.5 > (noise[:, 1:] * noise[:, :-1]).mean()


def shoot(world: Seeing, problem: Problem, planner: Shooting, **options: Any) -> tuple[Plan, FactsGoal]:
    dynamics, planning = Simulated(world), world.planning()
    goal = FactsGoal.from_text(dynamics, planning, problem.goal)
    reasoner = Reasoner(dynamics, FactSearch(dynamics, planning, goal), planner)
    return reasoner(problem.scene, limit=problem.limit, **options), goal


@pytest.mark.parametrize("kind", ["cem", "icem", "mppi"])
def test_sentences(world: Seeing, drawn: list[Problem], kind) -> None:
    plans = [shoot(world, problem, Shooting(kind=kind)) for problem in drawn]
    for problem, (plan, goal) in zip(drawn, plans, strict=True):
        scene, planning = problem.scene, world.planning()
        for action, state in zip(plan.actions, plan.states[1:], strict=True):
            meaning = world.understand(scene, action)
            assert meaning is not None
            assert world.is_legal(scene, meaning), "what the rules forbid is not taken"
            scene = world.advance(scene, meaning)
            assert planning.key(world.facts(scene)) == planning.key(world.facts(state))
        assert plan.reached == goal.reached(scene).reached
        assert plan.calls == len(plan.tree) - 1, "equal beginnings are imagined once"
    assert sum(bool(plan.reached) for plan, _ in plans) > 0.7 * len(drawn)


def test_the_same_seed_draws_the_same(world: Seeing, drawn: list[Problem]) -> None:
    first, again, other = (shoot(world, drawn[-1], Shooting(seed=seed))[0] for seed in (1, 1, 2))
    assert first.tree == again.tree != other.tree


def test_what_is_drawn_is_worth_more_than_chance(world: Seeing, drawn: list[Problem]) -> None:
    hard = [problem for problem in drawn if problem.limit >= 6]
    chance = Shooting(iterations=1, samples=64, elites=8)
    calls = [sum(shoot(world, problem, chance)[0].calls for problem in hard)]
    found = [
        sum(bool(shoot(world, problem, planner)[0].reached) for problem in hard) for planner in (chance, Shooting())
    ]
    assert calls[0] > 0
    assert found[1] > found[0]
