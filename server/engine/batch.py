"""Running clip jobs through the model together; one that fails fails alone."""

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from pandora.errors import Cancelled
from pandora.media import Frames, encode_jpeg
from pandora.types import Sampler, WorldState
from server.engine.h264 import H264Clip
from server.engine.job import ClipBegun, ClipDone, ClipFailed, ClipFrames, ClipJob, Frame
from server.errors import OutOfMemory

if TYPE_CHECKING:
    from pandora.world_model import WorldModel

log = logging.getLogger(__name__)


def run_batch(model: "WorldModel", jobs: Sequence[ClipJob], jpeg_quality: int) -> bool:
    """Run `jobs`, which share their sampling steps; each listener hears ClipBegun, ClipFrames…, ClipDone or ClipFailed.

    When a batch of several fails, each is run again alone. Frames depend on a world's seed and step only, so those that
    went out before are simply not sent twice. Returns False where the memory did not hold the batch.
    """
    fits = True
    runs = [_Run(job, jpeg_quality, model.config.fps) for job in jobs]
    for run in runs:
        run.job.tell(ClipBegun())
    if len(runs) > 1:
        try:
            _generate(model, runs)
            return True
        except Exception as error:
            fits = not _is_out_of_memory(error)
            if not isinstance(error, Cancelled):
                log.warning("A batch of %d failed (%s); running its jobs one by one", len(runs), error)
    for run in runs:
        if run.finished:
            continue
        try:
            _generate(model, [run])
        except Exception as error:
            run.fail(OutOfMemory() if _is_out_of_memory(error) else error)
    return fits


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _generate(model: "WorldModel", runs: "list[_Run]") -> None:
    timings: dict[str, float] = {}
    parts = model.stream(
        [run.job.state for run in runs],
        [run.job.action for run in runs],
        sampler=Sampler(steps=runs[0].job.sampling_steps),
        should_stop=lambda: all(run.job.cancelled.is_set() for run in runs),
        timings=timings,
    )
    started = time.perf_counter()
    for run in runs:
        run.start(started)
    for part in parts:
        for index, run in enumerate(runs):
            run.publish(part.index, part.frames[index])
        if part.states is not None:
            for run, state in zip(runs, part.states, strict=True):
                run.finish(state, timings)


class _Run:
    """One job on its way through the model."""

    def __init__(self, job: ClipJob, jpeg_quality: int, fps: float):
        self.job = job
        self.finished = False
        self._quality = jpeg_quality
        self._fps = fps
        self._encoder: H264Clip | None = None
        self._sent = 0  # parts that are out
        self._timings = {"queue": _ms(job.submitted_at)}
        self._encode = 0.0
        self._started = 0.0

    def start(self, now: float) -> None:
        self._started, self._encode = now, 0.0

    def publish(self, index: int, frames: Frames) -> None:
        """Encode and tell a part, unless it is out already or nobody wants it."""
        if not self.job.shown or index < self._sent or self.job.cancelled.is_set() or not len(frames):
            return
        timestamp_ms = time.time_ns() // 1_000_000
        before = time.perf_counter()
        encoded = tuple(
            Frame(jpeg=encode_jpeg(f, self._quality), timestamp_ms=timestamp_ms, h264=self._film(f)) for f in frames
        )
        self._encode += _ms(before)
        self._sent = index + 1
        self._timings.setdefault("first_frame", _ms(self.job.submitted_at))
        self.job.tell(ClipFrames(encoded))

    def _film(self, frame: Frames) -> bytes | None:
        if not self.job.h264:
            return None
        if self._encoder is None:
            self._encoder = H264Clip(frame.shape[0], frame.shape[1], self._fps)
        return self._encoder.encode(frame)

    def finish(self, state: WorldState, stages: dict[str, float]) -> None:
        """Tell the end; `stages` are the model's own milliseconds, named `…_ms`."""
        if self.job.cancelled.is_set():
            self.fail(Cancelled("The action was cancelled."))
            return
        self.finished = True
        self._timings |= {name.removesuffix("_ms"): round(spent, 3) for name, spent in stages.items()}
        self._timings["generate"] = round(_ms(self._started) - self._encode, 3)
        self._timings["encode"] = round(self._encode, 3)
        self._timings["total"] = _ms(self.job.submitted_at)
        self.job.tell(ClipDone(state, dict(self._timings)))

    def fail(self, error: Exception) -> None:
        self.finished = True
        self.job.tell(ClipFailed(error))


def _ms(since: float) -> float:
    return round((time.perf_counter() - since) * 1000.0, 3)
