"""The one owner of the model: a thread that loads it, takes jobs, batches those that fit together, and runs them.

Whoever submits is on another thread and never computes; results come back through each job's listener.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from pandora.errors import Cancelled, PandoraError
from server.engine.batch import run_batch
from server.engine.job import ClipFailed, ClipJob
from server.engine.schedule import Schedule
from server.errors import ModelUnavailable, NotReady, Stopping

if TYPE_CHECKING:
    from pandora.world_model import WorldModel

_NICENESS = 19
log = logging.getLogger(__name__)

Result = TypeVar("Result")


class EngineStatus(Enum):
    NEW = "new"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


MOVES: dict[EngineStatus, tuple[EngineStatus, ...]] = {
    EngineStatus.NEW: (EngineStatus.LOADING, EngineStatus.STOPPED),
    EngineStatus.LOADING: (EngineStatus.READY, EngineStatus.FAILED, EngineStatus.STOPPED),
    EngineStatus.READY: (EngineStatus.STOPPED,),
    EngineStatus.FAILED: (EngineStatus.STOPPED,),
    EngineStatus.STOPPED: (),
}


class Engine:
    """Runs what the schedule says comes next, the clips of several worlds together where they fit.

    `load` returns a warm model and is called on the engine's own thread. `observe_batch` hears each batch's size, and
    `observe_acting` which worlds are in the model's hands.
    """

    def __init__(
        self,
        load: Callable[[], "WorldModel"],
        *,
        max_batch: int = 8,
        jpeg_quality: int = 90,
        observe_batch: Callable[[int], None] = lambda size: None,
        observe_acting: Callable[[Sequence[str]], None] = lambda worlds: None,
    ):
        self.status = EngineStatus.NEW
        self.failure: Exception | None = None
        self.settled = threading.Event()  # loaded, or failed to
        self._load = load
        self._max_batch = max_batch
        self._room = max_batch
        self._jpeg_quality = jpeg_quality
        self._observe_batch = observe_batch
        self._observe_acting = observe_acting
        self._model: WorldModel | None = None
        self._schedule: Schedule[_Call] = Schedule()
        self._running: list[ClipJob] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    # --- any thread ---

    @property
    def model(self) -> "WorldModel":
        """The model, to read facts from; only jobs compute with it. Raises NotReady, ModelUnavailable or Stopping."""
        if self.status is EngineStatus.FAILED:
            raise ModelUnavailable("The model could not be loaded. The service's log says why.")
        if self.status is EngineStatus.STOPPED:
            raise Stopping("The service is stopping.")
        if self._model is None:
            raise NotReady("The model is still being loaded. Try again in a moment.")
        return self._model

    @property
    def waiting(self) -> int:
        """Jobs that have not begun."""
        return len(self._schedule)

    def start(self) -> None:
        self._move(EngineStatus.LOADING)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Cancel what runs and waits, and end the thread."""
        with self._changed:
            if self.status is EngineStatus.STOPPED:
                return
            self._move(EngineStatus.STOPPED)
            for job in self._running:
                job.cancel()
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def submit(self, *jobs: ClipJob) -> None:
        """Have jobs wait for their turn, from one moment on. Raises as `model` does."""
        self._enqueue(*jobs)
        if self._running and self._model is not None:
            for job in jobs:
                self._model.anticipate(job.action)

    def replace(self, old: ClipJob, new: ClipJob) -> bool:
        """Put `new` in the place of `old`, which then never runs and hears nothing; False when `old` has begun."""
        with self._changed:
            return self._schedule.replace(old, new)

    def call(self, function: Callable[["WorldModel"], Result]) -> "Future[Result]":
        """Run `function(model)` on the engine's thread, between clips. Raises as `model` does."""
        call = _Call(function)
        self._enqueue(call)
        return call.future

    # --- the engine's thread ---

    def _work(self) -> None:
        _give_way()
        try:
            model = self._load()
        except Exception as error:
            unexpected = None if isinstance(error, PandoraError) else error
            log.error("The model could not be loaded: %s", error, exc_info=unexpected)
            self.failure = error
            self._settle(EngineStatus.FAILED)
            return
        self._model = model
        self._settle(EngineStatus.READY)
        while (work := self._take()) is not None:
            if isinstance(work, _Call):
                work.run(model)
                continue
            self._run(model, work)
        self._abandon()

    def _run(self, model: "WorldModel", jobs: list[ClipJob]) -> None:
        """Run a batch; one that the memory does not hold halves the next ones, and each that fits adds one again."""
        self._observe_batch(len(jobs))
        self._observe_acting([job.world for job in jobs])
        started = time.perf_counter()
        fits = run_batch(model, jobs, self._jpeg_quality)
        self._room = min(self._max_batch, self._room + 1) if fits else max(1, len(jobs) // 2)
        self._observe_acting([])
        with self._changed:
            self._schedule.charge(jobs, time.perf_counter() - started)
            self._running = []

    def _take(self) -> "list[ClipJob] | _Call | None":
        """Wait for work: a call, or clips to be made together; None to end."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: len(self._schedule) or self.status is EngineStatus.STOPPED)
                if self.status is EngineStatus.STOPPED:
                    return None
                work = self._schedule.take(self._room)
                if not isinstance(work, list):
                    return work
                for job in work:
                    if job.cancelled.is_set():
                        job.tell(ClipFailed(Cancelled("The action was cancelled before it began.")))
                self._running = [job for job in work if not job.cancelled.is_set()]
                if self._running:
                    return self._running

    def _settle(self, status: EngineStatus) -> None:
        with self._changed:
            if self.status is not EngineStatus.STOPPED:
                self._move(status)
            self._changed.notify()
        self.settled.set()

    def _abandon(self) -> None:
        with self._changed:
            left = self._schedule.clear()
        for work in left:
            if isinstance(work, _Call):
                if work.future.set_running_or_notify_cancel():
                    work.future.set_exception(Stopping("The service is stopping."))
            else:
                work.tell(ClipFailed(Stopping("The service is stopping.")))

    def _enqueue(self, *works: "ClipJob | _Call") -> None:
        with self._changed:
            _ = self.model
            for work in works:
                if isinstance(work, _Call):
                    self._schedule.put_call(work)
                else:
                    self._schedule.put(work)
            self._changed.notify()

    def _move(self, status: EngineStatus) -> None:
        if status not in MOVES[self.status]:
            raise RuntimeError(f"An engine that is {self.status.value} can't become {status.value}.")
        self.status = status


class _Call:
    """A function to run with the model, and where its result goes."""

    def __init__(self, function: Callable[[Any], Any]):
        self.function = function
        self.future: Future[Any] = Future()

    def run(self, model: Any) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self.function(model))
        except Exception as error:
            if not isinstance(error, PandoraError):
                log.exception("A call on the engine failed")
            self.future.set_exception(error)


def _give_way() -> None:
    """Let those go first who send and show what is made: this thread, and those that torch starts from it, are nicer.

    Only Linux has a priority for each thread. Nothing is lost where nobody else wants the cores.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
