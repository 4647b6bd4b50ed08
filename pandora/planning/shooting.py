"""Planning by sampling whole sequences of actions: CEM, iCEM and MPPI, for continuous and for categorical actions.

A model says what sequences cost by `get_cost(info, actions)`, with actions (B, S, H, A): B problems, S sequences each,
H steps, A numbers a step (one-hot for categories). This is the interface of stable-worldmodel, so its models and these
solvers go together; the library itself needs lancedb, pyarrow and torchvision, and is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from pandora.planning.interface import Action, Dynamics, Goal, State


class Costs(Protocol):
    def get_cost(self, info: Any, actions: Tensor) -> Tensor:
        """The cost (B, S) float of every sequence (B, S, H, A); less is better."""
        ...


@dataclass(frozen=True, eq=False)
class Shot:
    """The best sequence of each problem (B, H, A), its cost (B,), the distribution it came from, and the calls spent.

    `mean` (B, H, A) starts the next search, moved on by a step: see `Solver.solve`.
    """

    actions: Tensor
    cost: Tensor
    mean: Tensor
    calls: int


@dataclass(frozen=True, kw_only=True)
class Solver:
    """Draw sequences, look at what they cost, draw better ones.

    `kind` is how they are improved: "cem" refits to the `elites` (Rubinstein 1999); "icem" also keeps elites, and its
    noise is coloured by `beta` so that actions persist (Pinneri et al. 2020); "mppi" weighs all by exp(-cost /
    `temperature`), of costs scaled to a spread of one (Williams et al. 2017). With `categories` actions are one-hot and
    the distribution is their probabilities; otherwise a Gaussian within `low` and `high`.
    """

    horizon: int
    size: int  # A: numbers a step, or how many categories
    kind: Literal["cem", "icem", "mppi"] = "cem"
    categories: bool = False
    samples: int = 64
    iterations: int = 6
    elites: int = 8
    keep: float = 0.3  # the share of elites that icem takes into the next iteration
    momentum: float = 0.1  # of the distribution
    temperature: float = 0.2
    beta: float = 2.0
    low: float = -1.0
    high: float = 1.0
    sigma: float = 0.5  # of the first draw, in halves of the range
    seed: int = 0

    def solve(self, model: Costs, info: Any, problems: int = 1, start: Tensor | None = None) -> Shot:
        """The best sequences found; `start` (B, H, A) is a mean to begin with, from the last `Shot` at best."""
        rng = torch.Generator().manual_seed(self.seed)
        mean, spread = self._begin(problems, start)
        best_cost, best, kept = torch.full((problems,), torch.inf), mean.clone(), None
        for _ in range(self.iterations):
            drawn = self._draw(mean, spread, rng)
            if kept is not None:
                drawn[:, : kept.shape[1]] = kept
            cost = model.get_cost(info, drawn)
            order = cost.argsort(1)[:, : self.elites]
            elite = torch.take_along_dim(drawn, order[..., None, None], 1)
            better = cost.amin(1) < best_cost
            best = torch.where(better[:, None, None], elite[:, 0], best)
            best_cost = torch.minimum(best_cost, cost.amin(1))
            mean, spread = self._refit(mean, spread, drawn, cost, elite)
            kept = elite[:, : max(1, int(self.keep * self.elites))] if self.kind == "icem" else None
        return Shot(best, best_cost, mean, problems * self.samples * self.iterations)

    def warm(self, last: Shot) -> Tensor:
        """The mean of the last search a step later, to start the next one with."""
        fresh = self._begin(last.mean.shape[0], None)[0][:, -1:]
        return torch.cat([last.mean[:, 1:], fresh], 1)

    def _begin(self, problems: int, start: Tensor | None) -> tuple[Tensor, Tensor]:
        shape = (problems, self.horizon, self.size)
        half = (self.high - self.low) / 2
        middle = torch.full(shape, 1 / self.size if self.categories else (self.high + self.low) / 2)
        return (middle if start is None else start.clone()), torch.full(shape, self.sigma * half)

    def _draw(self, mean: Tensor, spread: Tensor, rng: torch.Generator) -> Tensor:
        """Sequences (B, S, H, A)."""
        shape = (mean.shape[0], self.samples, self.horizon, self.size)
        if self.categories:
            noise = -torch.rand(shape, generator=rng).clamp_min(1e-12).log()  # exponential: the least ratio is a draw
            chosen = (noise / mean[:, None].clamp_min(1e-12)).argmin(-1)
            return torch.nn.functional.one_hot(chosen, self.size).float()
        noise = torch.randn(shape, generator=rng)
        if self.kind == "icem" and self.horizon > 1:
            noise = _coloured(noise, self.beta)
        return (mean[:, None] + spread[:, None] * noise).clamp(self.low, self.high)

    def _refit(self, mean: Tensor, spread: Tensor, drawn: Tensor, cost: Tensor, elite: Tensor) -> tuple[Tensor, Tensor]:
        if self.kind == "mppi":
            scaled = (cost - cost.amin(1, keepdim=True)) / cost.std(1, keepdim=True).clamp_min(1e-8)
            weight = torch.softmax(-scaled / self.temperature, 1)[..., None, None]
            new = (weight * drawn).sum(1)
            width = (weight * (drawn - new[:, None]) ** 2).sum(1).sqrt()
        else:
            new, width = elite.mean(1), elite.std(1, unbiased=False)
        if self.categories:
            new = 0.98 * new + 0.02 / self.size  # every action stays possible
        keep = self.momentum
        return keep * mean + (1 - keep) * new, keep * spread + (1 - keep) * width.clamp_min(1e-3)


def _coloured(noise: Tensor, beta: float) -> Tensor:
    """White noise (..., H, A) with power 1 / f**beta along H, of the same variance."""
    spectrum = torch.fft.rfft(noise, dim=-2)
    frequency = torch.fft.rfftfreq(noise.shape[-2])
    scale = torch.cat([frequency[1:2], frequency[1:]]) ** (-beta / 2)
    coloured = torch.fft.irfft(spectrum * scale[:, None], n=noise.shape[-2], dim=-2)
    # all but the first frequency, and the last one of an even number, stand for a second, negative one
    twice = torch.full_like(scale, 2.0)
    twice[0] = 1.0
    if noise.shape[-2] % 2 == 0:
        twice[-1] = 1.0
    return coloured / ((twice * scale.pow(2)).sum() / noise.shape[-2]).sqrt()


@dataclass(frozen=True, eq=False)
class SentenceCosts:
    """What sequences of sentences cost in a model: one less the best score on the way, and `step_cost` an action.

    The info of `get_cost` is a list of B states. A sequence ends where it reaches the goal or a state that can't be
    decoded; equal beginnings are stepped once.
    """

    dynamics: Dynamics
    goal: Goal
    sentences: tuple[Action, ...]
    step_cost: float = 0.01

    def get_cost(self, info: Sequence[State], actions: Tensor) -> Tensor:
        chosen = actions.argmax(-1).tolist()
        paths = {(b, tuple(row)) for b, rows in enumerate(chosen) for row in rows}
        states: dict[tuple[int, tuple[int, ...]], State] = {(b, ()): state for b, state in enumerate(info)}
        for depth in range(1, actions.shape[2] + 1):
            heads = {(b, row[: depth - 1]) for b, row in paths}
            alive = {head for head in heads if head in states and not self._ends(states[head])}
            tails = sorted({(b, row[:depth]) for b, row in paths if (b, row[: depth - 1]) in alive})
            before = [states[b, row[:-1]] for b, row in tails]
            stepped = self.dynamics.step(before, [self.sentences[row[-1]] for _, row in tails]) if tails else []
            states |= {tail: state for tail, (state, _) in zip(tails, stepped, strict=True)}
        costs = {path: self._cost(path, states) for path in paths}
        return torch.tensor([[costs[b, tuple(row)] for row in rows] for b, rows in enumerate(chosen)])

    def _ends(self, state: State) -> bool:
        return bool(self.goal.reached(state).reached) or self.dynamics.is_terminal(state)

    def _cost(self, path: tuple[int, tuple[int, ...]], states: dict[tuple[int, tuple[int, ...]], State]) -> float:
        problem, row = path
        scores = [
            (self.goal.score(states[problem, row[:depth]]) or 0.0) - self.step_cost * depth
            for depth in range(len(row) + 1)
            if (problem, row[:depth]) in states
        ]
        return 1 - max(scores)
