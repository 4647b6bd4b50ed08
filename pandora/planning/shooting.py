"""Planning by sampling whole sequences of actions: CEM, iCEM and MPPI, for continuous and for categorical actions.

A model says what sequences cost by `get_cost(info, actions)`, with actions (B, S, H, A): B problems, S sequences each,
H steps, A numbers a step (one-hot for categories). This is the interface of stable-worldmodel, so its models and these
solvers go together; the library itself needs lancedb, pyarrow and torchvision, and is not. `Shooting` is the planner
that draws sequences of sentences this way, in the tree that all planners share.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from pandora.errors import InvalidInput
from pandora.planning.interface import Action
from pandora.planning.plan import Node
from pandora.planning.search import Planner, Search

Kind = Literal["cem", "icem", "mppi"]
Measure = Literal["score", "distance"]
_NEVER = 1e4  # standard deviations away


class Costs(Protocol):
    def get_cost(self, info: Any, actions: Tensor) -> Tensor:
        """The cost (B, S) float of every sequence (B, S, H, A); less is better."""
        ...


@runtime_checkable
class Choosy(Costs, Protocol):
    """Costs of categories of which not all can be taken everywhere."""

    def take(self, info: Any, preferences: Tensor) -> Tensor:
        """What is taken, one-hot, of log-probabilities with Gumbel noise (B, S, H, A).

        The greatest is a draw, and so it is among those that can be taken (Kool, van Hoof, Welling 2019).
        """
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
    kind: Kind = "cem"
    categories: bool = False
    samples: int = 64
    iterations: int = 6
    elites: int = 8
    keep: float = 0.3  # the share of elites that icem takes into the next iteration
    momentum: float = 0.1  # of the distribution
    explore: float = 0.02  # share of the uniform distribution that categories keep
    temperature: float = 0.2
    beta: float = 2.0
    low: float = -1.0
    high: float = 1.0
    sigma: float = 0.5  # of the first draw, in halves of the range
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InvalidInput(f"A solver is one of {', '.join(get_args(Kind))}, not {self.kind!r}.")
        if min(self.horizon, self.size, self.iterations, self.elites) < 1 or self.samples < 2:
            raise InvalidInput("A solver takes 1 or more steps, numbers, iterations and elites, and 2 or more samples.")

    def solve(
        self, model: Costs, info: Any, problems: int = 1, start: Tensor | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Shot:  # fmt: skip
        """The best sequences found; `start` (B, H, A) is a mean to begin with, from the last `Shot` at best.

        `should_stop()` is asked before every iteration but the first.
        """
        rng = torch.Generator().manual_seed(self.seed)
        mean, spread = self._begin(problems, start)
        best_cost, best, kept = torch.full((problems,), torch.inf), mean.clone(), None
        done = 0
        while done < self.iterations and not (done and should_stop()):
            done += 1
            drawn = self._draw(mean, spread, rng)
            if self.categories:
                drawn = model.take(info, drawn) if isinstance(model, Choosy) else _greatest(drawn)
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
        return Shot(best, best_cost, mean, problems * self.samples * done)

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
        """Sequences (B, S, H, A); of categories, log-probabilities with Gumbel noise."""
        shape = (mean.shape[0], self.samples, self.horizon, self.size)
        if self.categories:
            exponential = -torch.rand(shape, generator=rng).clamp_min(1e-12).log()
            return mean[:, None].clamp_min(1e-12).log() - exponential.clamp_min(1e-12).log()
        noise = torch.randn(shape, generator=rng)
        if self.kind == "icem" and self.horizon > 1:
            noise = _coloured(noise, self.beta)
        return (mean[:, None] + spread[:, None] * noise).clamp(self.low, self.high)

    def _refit(self, mean: Tensor, spread: Tensor, drawn: Tensor, cost: Tensor, elite: Tensor) -> tuple[Tensor, Tensor]:
        if self.kind == "mppi":
            # what can't be done at all costs infinitely much, and has no say in the spread
            known = cost.isfinite()
            middle = cost.nan_to_num(posinf=0).sum(1, keepdim=True) / known.sum(1, keepdim=True).clamp_min(1)
            off = torch.where(known, cost - middle, 0.0)
            std = (off.square().sum(1, keepdim=True) / (known.sum(1, keepdim=True) - 1).clamp_min(1)).sqrt()
            least = torch.where(known, cost, torch.inf).amin(1, keepdim=True).nan_to_num(posinf=0)
            scaled = torch.where(known, (cost - least) / std.clamp_min(1e-8), _NEVER)
            weight = torch.softmax(-scaled / self.temperature, 1)[..., None, None]
            new = (weight * drawn).sum(1)
            width = (weight * (drawn - new[:, None]) ** 2).sum(1).sqrt()
        else:
            new, width = elite.mean(1), elite.std(1, unbiased=False)
        if self.categories:
            new = (1 - self.explore) * new + self.explore / self.size  # every action stays possible
        keep = self.momentum
        return keep * mean + (1 - keep) * new, keep * spread + (1 - keep) * width.clamp_min(1e-3)


def _greatest(preferences: Tensor) -> Tensor:
    return one_hot(preferences.argmax(-1), preferences.shape[-1]).float()


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


class TreeCosts:
    """What sequences of sentences cost in a search: what is left of the goal where it was nearest on the way.

    That is one less its score, or the actions that are left by those that there may be; and `step_cost` an action.
    There is one problem, so B is 1, and `info` says nothing. Only what is proposed in a state is taken there; a
    sequence ends where it reaches the goal, a state that can't be decoded, or the end of the budget. Equal beginnings
    are imagined once.
    """

    def __init__(self, search: Search, sentences: tuple[Action, ...], by: Measure, step_cost: float = 0.01):
        self._search, self._by, self._step_cost = search, by, step_cost
        self._sentences = sentences
        self._index = {sentence: index for index, sentence in enumerate(sentences)}
        self._proposed: dict[int, list[int]] = {}

    def take(self, info: Any, preferences: Tensor) -> Tensor:
        """Of the sentences proposed at its turn, the one preferred; (1, S, H, A) one-hot. Imagines what is new."""
        liked, taken = preferences[0].tolist(), preferences[0].argmax(-1)  # (S, H); after the end, whatever
        nodes = [self._search.root] * len(liked)
        for step in range(taken.shape[1]):
            turns: dict[int, tuple[Node, Action]] = {}
            for row, node in enumerate(nodes):
                if proposed := self._proposals(node):
                    taken[row, step] = index = max(proposed, key=liked[row][step].__getitem__)
                    turns[row] = node, self._sentences[index]
            for row, child in zip(turns, self._search.visit(list(turns.values())), strict=True):
                nodes[row] = child or nodes[row]
        return one_hot(taken, preferences.shape[-1])[None].float()

    def get_cost(self, info: Any, actions: Tensor) -> Tensor:
        """Of sequences (1, S, H, A) that were taken."""
        costs = []
        for sequence in actions[0].argmax(-1).tolist():
            node, cost = self._search.root, self._cost(self._search.root)
            for index in sequence:
                node = self._search.visited.get(
                    (node.id, self._sentences[index]), node
                )  # where nothing follows: itself
                cost = min(cost, self._cost(node))
            costs.append(cost)
        return torch.tensor(costs)[None]

    def _proposals(self, node: Node) -> list[int]:
        """The places of the sentences that are proposed."""
        if node.id not in self._proposed:
            proposed = self._search.actions(node)
            self._proposed[node.id] = [self._index[sentence] for sentence in proposed if sentence in self._index]
        return self._proposed[node.id]

    def _cost(self, node: Node) -> float:
        if self._by == "distance":
            left = 1.0 if node.distance is None else min(1.0, node.distance / self._search.limit)
        else:
            left = 1 - (node.score or 0.0)
        return left + self._step_cost * node.depth


@dataclass(frozen=True, kw_only=True)
class Shooting(Planner):
    """Draws whole sequences of sentences and moves towards those that score best; see `Solver` for the kinds.

    The categories are what the search's configuration says may ever be tried. It ends early once the goal is reached.
    """

    kind: Kind = "cem"
    samples: int = 64
    iterations: int = 12
    elites: int = 8
    explore: float = 0.3  # few of all sentences are proposed in one state, so that little would be left for each
    by: Measure = "distance"
    seed: int = 0
    name: str = "cem"

    def search(self, search: Search) -> Node | None:
        sentences = tuple(search.config.get_vocabulary(search.root.state))
        if not sentences or not search.limit:
            return None
        solver = Solver(
            horizon=search.limit, size=len(sentences), kind=self.kind, categories=True, samples=self.samples,
            iterations=self.iterations, elites=self.elites, explore=self.explore, seed=self.seed,
        )  # fmt: skip
        solver.solve(
            TreeCosts(search, sentences, self.by), None, should_stop=lambda: search.over or bool(search.best.reached)
        )
        return None
