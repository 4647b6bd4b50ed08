"""What is imagined, without `await`: futures and rollouts, and the states of a plan."""

import os
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pandora.media import Frame
from server.client.plan import AsyncPlanNode
from server.client.rollout import AsyncFuture, AsyncRollout
from server.client.runner import Runner
from server.plans.bodies import NodeView
from server.rollouts.bodies import FutureView, RolloutView


class Future:
    """One candidate, imagined. What is asked of a sample is by default that of sample 0, of what would happen."""

    def __init__(self, future: AsyncFuture, runner: Runner):
        self._future = future
        self._runner = runner

    @property
    def view(self) -> FutureView:
        """All that the service said."""
        return self._future.view

    @property
    def index(self) -> int:
        """Of the candidate."""
        return self._future.index

    @property
    def actions(self) -> list[str]:
        return self._future.actions

    @property
    def complete(self) -> bool:
        return self._future.complete

    @property
    def score(self) -> float | None:
        """Mean over the samples; None without a goal, or where it can't be said."""
        return self._future.score

    @property
    def confidence(self) -> float:
        """How much the score can be trusted, 0..1."""
        return self._future.confidence

    def facts(self, sample: int = 0) -> frozenset[tuple[str, ...]] | None:
        """What the last frame shows; None where it can't be read, or facts were not asked for."""
        return self._future.facts(sample)

    def text_state(self, sample: int = 0) -> str | None:
        """What it shows in the model's own words; None where they were not asked for, or nothing was imagined."""
        return self._future.text_state(sample)

    def frame(self, sample: int = 0) -> Frame:
        """The last frame: (H, W, 3) uint8 RGB. Raises NotFound where nothing was imagined."""
        return self._runner.run(self._future.frame(sample))

    def latents(self, sample: int = 0) -> NDArray[np.float32]:
        """The latent frames it ended with, (C, L, h, w). Raises NotFound unless latents were asked for."""
        return self._runner.run(self._future.latents(sample))

    def save(self, path: str | os.PathLike[str], sample: int = 0) -> Path:
        """Write the film: .mp4, .gif, .webp, or a .png contact sheet. Raises NotFound unless films were asked for."""
        return self._runner.run(self._future.save(path, sample))

    def __repr__(self) -> str:
        return repr(self._future)


class Rollout:
    """`for future in rollout` until the rollout ends; it goes on where it was after a break."""

    def __init__(self, rollout: AsyncRollout, runner: Runner):
        self._rollout = rollout
        self._runner = runner
        weakref.finalize(self, runner.later, rollout.close).atexit = False

    @property
    def id(self) -> str:
        return self._rollout.id

    @property
    def view(self) -> RolloutView:
        """All that the service said last."""
        return self._rollout.view

    @property
    def futures(self) -> list[Future]:
        """So far, in the order of their ends."""
        return [Future(future, self._runner) for future in self._rollout.futures]

    @property
    def best(self) -> Future | None:
        """The complete future with the highest score so far; None without a goal."""
        return None if (best := self._rollout.best) is None else Future(best, self._runner)

    def refresh(self) -> RolloutView:
        """What the service says of the rollout now."""
        return self._runner.run(self._rollout.refresh())

    def next(self) -> Future | None:
        """The next future; None when there are no more. Raises ServiceFailure."""
        found = self._runner.run(self._rollout.next())
        return None if found is None else Future(found, self._runner)

    def cancel(self) -> None:
        """Stop it. Who iterates gets the rest as far as it came; the service forgets it."""
        self._runner.run(self._rollout.cancel())

    def close(self) -> None:
        """Listen no more; the rollout goes on."""
        self._runner.run(self._rollout.close())

    def __iter__(self) -> Iterator[Future]:
        return self

    def __next__(self) -> Future:
        if (future := self.next()) is None:
            raise StopIteration
        return future

    def __repr__(self) -> str:
        return repr(self._rollout)


class PlanNode:
    """An imagined state, after `action` in the state `parent`; the start is 0."""

    def __init__(self, node: AsyncPlanNode, runner: Runner):
        self._node = node
        self._runner = runner

    @property
    def view(self) -> NodeView:
        """All that the service said."""
        return self._node.view

    @property
    def id(self) -> int:
        return self._node.id

    @property
    def parent(self) -> int | None:
        """Id of the state before it; None at the start."""
        return self._node.parent

    @property
    def action(self) -> str | None:
        """What led here; None at the start."""
        return self._node.action

    @property
    def depth(self) -> int:
        """Actions since the start."""
        return self._node.depth

    @property
    def value(self) -> float | None:
        """How near the goal is, 0..1; None where the picture can't be read."""
        return self._node.value

    @property
    def reached(self) -> bool | None:
        """Whether the goal is; None where the picture can't be read."""
        return self._node.reached

    def facts(self) -> frozenset[tuple[str, ...]] | None:
        """What its picture shows; None where it can't be read."""
        return self._node.facts()

    def frame(self) -> Frame:
        """Its picture: (H, W, 3) uint8 RGB."""
        return self._runner.run(self._node.frame())

    def __repr__(self) -> str:
        return repr(self._node)
