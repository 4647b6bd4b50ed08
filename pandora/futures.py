"""What imagined steps come to: futures, with their scores and how much their samples differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pandora.backbone import Said
from pandora.scoring import Readout, SaidGoal, Score, Scorer, ask, combine
from pandora.types import Frames, WorldState
from pandora.worlds.base import Facts, Frame


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """As far as one sample of a candidate came: the state there, and the frames of each step."""

    sample: int
    depth: int
    complete: bool
    state: WorldState
    frames: list[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """What one sample of a future came to after `depth` actions; without `complete`, fewer than were asked for."""

    sample: int
    seed: int
    depth: int
    complete: bool
    frame: Frame  # (H, W, 3) uint8, the last one
    film: Frames | None = None  # (T, H, W, 3) uint8, all of them
    state: WorldState | None = None
    facts: Facts | None = None  # None where nothing was imagined, too
    said: Said | None = None  # the state in the model's own words, where that was asked for
    scores: Mapping[str, Score | None] = field(default_factory=dict)  # None where a scorer can't say

    @property
    def latents(self) -> Tensor | None:
        """(C, L, h, w) float32, where the state was asked for."""
        return None if self.state is None else self.state.latents


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How much complete samples of one future differ; None where fewer than two of them tell."""

    scores: Mapping[str, float | None]  # standard deviation of the values
    facts: float | None  # share of the pairs of samples that read differently; what can't be read differs from all
    pixels: float | None  # variance over samples, mean over the last frame, of values in 0..1
    latents: float | None  # the same of the last latent frame


@dataclass(frozen=True, kw_only=True, eq=False)
class Future:
    """One candidate, imagined. Where `complete` is false, a deadline, a cancel or a failure came first."""

    index: int  # of the candidate
    actions: tuple[str, ...]
    samples: tuple[Sample, ...]  # sample 0 first
    scores: Mapping[str, Score | None]  # over the samples; see `scoring.combine`
    spread: Spread
    complete: bool

    @property
    def frame(self) -> Frame:
        """(H, W, 3) uint8: the last frame of sample 0, of what would really happen."""
        return self.samples[0].frame

    @property
    def facts(self) -> Facts | None:
        """What sample 0 shows; None where it can't be read."""
        return self.samples[0].facts

    def rank(self, name: str | None = None) -> tuple[bool, float, float]:
        """What to compare futures by: the score of that name, the first by default. Complete ones go before others."""
        score = self.scores.get(name or next(iter(self.scores), ""))
        return (self.complete, score.value, score.confidence) if score else (False, -np.inf, 0.0)


def best_of(futures: Sequence[Future], name: str | None = None) -> Future | None:
    """The future with the highest score of that name, the first scorer's by default; None where none has one."""
    told = [future for future in futures if future.rank(name)[1] > -np.inf]
    return max(told, key=lambda future: future.rank(name), default=None)


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Makes futures of what was imagined. Only complete samples are scored."""

    readout: Readout | None = None
    describe: Callable[[Sequence[Frame]], Sequence[Said]] | None = None  # such as `WorldModel.describe`
    scorers: Mapping[str, Scorer] = field(default_factory=dict)
    films: bool = False  # walks carry frames as (T, H, W, 3) uint8 arrays
    states: bool = False

    def __call__(self, index: int, actions: tuple[str, ...], walks: Sequence[Walk]) -> Future:
        """One future of its walks, sample 0 first."""
        complete = [walk for walk in walks if walk.complete]
        frames = [walk.state.frame.numpy() for walk in complete]
        # in one batch, and nothing of what was broken off: who stops a rollout does not wait for more
        listens = next((scorer for scorer in self.scorers.values() if isinstance(scorer, SaidGoal)), None)
        describe = self.describe or (listens and listens.describe)
        said = describe(frames) if describe and frames else []
        told = {walk.sample: words for walk, words in zip(complete, said, strict=False)}
        samples = [self._sample(walk, told.get(walk.sample)) for walk in walks]
        kept = samples if self.states else [replace(sample, state=None) for sample in samples]
        return Future(
            index=index,
            actions=actions,
            samples=tuple(kept),
            scores={name: combine([sample.scores.get(name) for sample in samples]) for name in self.scorers},
            spread=self._spread([sample for sample in samples if sample.complete]),
            complete=all(walk.complete for walk in walks),
        )

    def _sample(self, walk: Walk, said: Said | None) -> Sample:
        frame = walk.state.frame.numpy()
        scores = {name: _ask(scorer, walk.state, said) for name, scorer in self.scorers.items() if walk.complete}
        return Sample(
            sample=walk.sample,
            seed=walk.state.seed,
            depth=walk.depth,
            complete=walk.complete,
            frame=frame,
            film=np.concatenate(walk.frames) if self.films and walk.frames else None,
            state=walk.state,
            facts=self.readout(frame) if self.readout and walk.depth else None,
            said=said if self.describe else None,
            scores=scores,
        )

    def _spread(self, samples: Sequence[Sample]) -> Spread:
        several = len(samples) > 1
        told = {name: [s.value for sample in samples if (s := sample.scores[name])] for name in self.scorers}
        states = [sample.state for sample in samples if sample.state is not None]
        return Spread(
            scores={name: float(np.std(values)) if len(values) > 1 else None for name, values in told.items()},
            facts=_disagreement([sample.facts for sample in samples]) if several and self.readout else None,
            pixels=_variance([torch.from_numpy(sample.frame) / 255 for sample in samples]) if several else None,
            latents=_variance([state.latents[:, -1] for state in states]) if several else None,
        )


def _ask(scorer: Scorer, state: WorldState, said: Said | None) -> Score | None:
    """A goal in words hears what was said already."""
    return scorer.of(said) if isinstance(scorer, SaidGoal) and said is not None else ask(scorer, state)


def _disagreement(readings: Sequence[Facts | None]) -> float:
    pairs = list(combinations(readings, 2))
    return sum(a is None or a != b for a, b in pairs) / len(pairs)


def _variance(values: Sequence[Tensor]) -> float:
    return float(torch.stack(list(values)).float().var(0, correction=0).mean())
