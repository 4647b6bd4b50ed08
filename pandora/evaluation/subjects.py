"""Who is measured: the model, the model told something else, the start repeated, the truth through the decoder."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from pandora.evaluation.stories import Story
from pandora.media import to_tensor, to_uint8
from pandora.types import Clip, Sampler
from pandora.world_model import WorldModel
from pandora.worlds.base import Frame, Frames


class Subject(Protocol):
    """Continues stories."""

    def imagine(self, stories: Sequence[Story]) -> Iterator[list[Frames]]:
        """For each turn in order, one clip (T, H, W, 3) uint8 a story; the stories have equally many turns."""
        ...


class Steps(Protocol):
    """The part of `WorldModel` that is measured."""

    def begin(self, image: Frame, seed: int = 0) -> Any: ...
    def step(
        self, states: Sequence[Any], actions: Sequence[str], sampler: Sampler | None = None
    ) -> tuple[list[Any], list[Clip]]: ...


class Told:
    """The model on its own frames; with `ablated` it is told what was said in another random scene instead."""

    def __init__(self, model: Steps, sampler: Sampler, ablated: bool = False):
        self.model, self.sampler, self.ablated = model, sampler, ablated

    def imagine(self, stories: Sequence[Story]) -> Iterator[list[Frames]]:
        states = [self.model.begin(story.start, seed=story.seed) for story in stories]
        for turn in range(len(stories[0].turns)):
            turns = [story.turns[turn] for story in stories]
            texts = [turn.distraction if self.ablated else turn.sentence for turn in turns]
            states, clips = self.model.step(states, texts, sampler=self.sampler)
            yield [clip.frames for clip in clips]


class CopyLast:
    """Nothing ever happens."""

    def imagine(self, stories: Sequence[Story]) -> Iterator[list[Frames]]:
        for turn in range(len(stories[0].turns)):
            yield [np.broadcast_to(story.start, story.turns[turn].frames.shape) for story in stories]


class Oracle:
    """The true film through the model's encoder and decoder: the most that model and readout could reach."""

    def __init__(self, model: WorldModel):
        self.model = model

    @torch.inference_mode()
    def imagine(self, stories: Sequence[Story]) -> Iterator[list[Frames]]:
        films = [self._round_trip(np.concatenate([s.start[None], *(t.frames for t in s.turns)])) for s in stories]
        first = 1
        for turn in stories[0].turns:
            yield [film[first : first + len(turn.frames)] for film in films]
            first += len(turn.frames)

    def _round_trip(self, film: Frames) -> Frames:
        runtime = self.model.runtime
        autoencoder = self.model.given_to(film[0]).autoencoder
        pixels = to_tensor(film, runtime.device).to(runtime.dtype).transpose(0, 1)[None]
        decoded = autoencoder.decode(autoencoder.encode(pixels))
        return to_uint8(decoded[0].transpose(0, 1)).cpu().numpy()
