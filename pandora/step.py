"""A step on its way: what a batch's worlds are given and what has been made of it, for each model that draws some."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from torch import Tensor

from pandora.types import WorldState

Model = TypeVar("Model")
Value = TypeVar("Value")


@dataclass(eq=False)
class Imagined:
    """Latents (B, C, chunk, h, w) float32, and what becomes of them as they are decoded.

    frames (B, T, H, W, 3) uint8 on the CPU; `memory` is the decoder's; `told` is for models that go on with it.
    """

    chunk: Tensor
    told: Any = None
    frames: list[Tensor] = field(default_factory=list)
    memory: tuple[Tensor, ...] = ()


@dataclass(eq=False)
class Share(Generic[Model]):
    """The rows of a batch that one model draws: its states, their actions, and once it has begun what it makes."""

    model: Model
    rows: list[int]
    states: list[WorldState]
    texts: list[str]
    made: Imagined
    pieces: Iterator[Tensor]  # (B, T, H, W, 3) uint8 of each latent frame


def gathered(shares: Sequence[Share[Model]], values: Callable[[Share[Model]], Sequence[Value]]) -> list[Value]:
    """Each share's values, a value a row, in the order of the batch."""
    found = {row: value for share in shares for row, value in zip(share.rows, values(share), strict=True)}
    return [found[row] for row in range(len(found))]


class Clock:
    """Adds the milliseconds since its last call to a stage."""

    def __init__(self, timings: dict[str, float]):
        self.timings, self.since = timings, time.perf_counter()

    def __call__(self, stage: str) -> None:
        now = time.perf_counter()
        self.timings[stage] = self.timings.get(stage, 0.0) + (now - self.since) * 1000
        self.since = now
