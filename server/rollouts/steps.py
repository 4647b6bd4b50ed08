"""The steps of a rollout on their way through the engine, as many at a time as fit into one batch."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from pandora.errors import PandoraError
from server.engine.engine import Engine
from server.engine.job import ClipDone, ClipFailed, ClipFrames, ClipJob, Frame, JobEvent, Kind

if TYPE_CHECKING:
    from pandora.futures import Walk
    from pandora.rollout import Node, Tree
    from pandora.types import WorldState


class Steps:
    """What follows a step is handed in on the engine's thread, as it ends, so that it is there for the next batch.

    `hear` is called there too: with the candidates that are complete, or that an error keeps from ever being so, and
    whether that was all. It is not called any more after `stop`.
    """

    def __init__(
        self, tree: "Tree", engine: Engine, hear: Callable[[list[int], Exception | None, bool], object], *,
        owner: str, sampling_steps: int, films: bool, width: int,
    ):  # fmt: skip
        self.width = width  # steps that the engine has at a time
        self._tree = tree
        self._engine = engine
        self._hear = hear
        self._owner = owner
        self._sampling_steps = sampling_steps
        self._films = films
        self._running: set[ClipJob] = set()
        self._stopped = False
        self._lock = threading.Lock()  # never held while the engine is called, which has a lock of its own

    def feed(self) -> None:
        """Hand in what can run now. Raises as Engine.submit."""
        with self._lock:
            nodes = [] if self._stopped else self._tree.take(self.width - len(self._running))
            jobs = [self._job(node) for node in nodes]
            self._running.update(jobs)
        for job in jobs:
            self._engine.submit(job)

    def stop(self) -> list[int]:
        """Cancel what runs or waits; the candidates that are still open."""
        with self._lock:
            self._stopped = True
            jobs, left = list(self._running), sorted(self._tree.open)
        for job in jobs:
            job.cancel()
        return left

    def walks(self, index: int) -> "list[Walk]":
        """As far as each sample of a candidate came."""
        with self._lock:
            return self._tree.walks(index)

    def release(self, index: int) -> None:
        """Let go of what only this candidate needed."""
        with self._lock:
            self._tree.release(index)

    def _job(self, node: "Node") -> ClipJob:
        assert node.parent is not None, "the start is no step"
        assert node.parent.state is not None, "a step waits until the one before it has ended"
        frames: list[Frame] = []

        def listener(event: JobEvent) -> None:
            match event:
                case ClipFrames(made):
                    frames.extend(made)
                case ClipDone(state, _):
                    self._end(job, node, state, tuple(frames))
                case ClipFailed(error):
                    self._end(job, node, error)

        job = ClipJob(
            state=node.parent.state, action=node.action, sampling_steps=self._sampling_steps, listener=listener,
            owner=self._owner, kind=Kind.ROLLOUT, shown=self._films,
        )  # fmt: skip
        return job

    def _end(
        self, job: ClipJob, node: "Node", outcome: "WorldState | Exception", frames: tuple[Frame, ...] = ()
    ) -> None:
        error = outcome if isinstance(outcome, Exception) else None
        with self._lock:
            self._running.discard(job)
            if self._stopped:
                return
            told = self._tree.fail(node) if isinstance(outcome, Exception) else self._tree.finish(node, outcome, frames)
        try:
            self.feed()
        except PandoraError as refused:  # the service is stopping
            told, error = sorted({*told, *self.stop()}), refused
            self._hear(told, error, True)
            return
        with self._lock:
            over = not self._running
        self._hear(told, error, over)
