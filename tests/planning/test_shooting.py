"""Sampling planners find the least of known costs, for numbers and for categories, and stacks of blocks by sentence."""

import pytest
import torch
from torch import Tensor

from pandora.planning import FactsGoal, SentenceCosts, Simulated, Solver
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


def test_coloured_noise_persists() -> None:
    noise = torch.randn(2000, 16, 2, generator=torch.Generator().manual_seed(0))
    coloured = _coloured(noise, 2.0)
    assert coloured.std() == pytest.approx(1.0, abs=0.03)
    assert (coloured[:, 1:] * coloured[:, :-1]).mean() > 0.5 > (noise[:, 1:] * noise[:, :-1]).mean()


def test_sentences(world: Seeing, drawn: list[Problem]) -> None:
    problem = next(problem for problem in drawn if problem.limit == 2)
    dynamics, planning = Simulated(world), world.planning()
    goal = FactsGoal.from_text(dynamics, planning, problem.goal)
    start = dynamics.init(problem.scene)
    sentences = tuple(planning.actions(dynamics.facts(start), rules=False))
    solver = Solver(horizon=2, size=len(sentences), categories=True, samples=64, iterations=8, elites=6)
    shot = solver.solve(SentenceCosts(dynamics, goal, sentences), [start])
    state = start
    for index in shot.actions[0].argmax(-1).tolist():
        ((state, _),) = dynamics.step([state], [sentences[index]])
    assert goal.reached(state).reached
    assert shot.cost[0] == pytest.approx(0.02)
