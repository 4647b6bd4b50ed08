"""What the service counts, for Prometheus. Names and labels are bounded; nothing of a user's appears."""

import time
from concurrent.futures import Future
from math import inf
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0, generate_latest

from pandora.errors import Cancelled, PandoraError

if TYPE_CHECKING:
    from server.sessions.turn import Turn
    from server.sessions.world import World

CONTENT_TYPE = CONTENT_TYPE_PLAIN_1_0_0
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_SLOW = (0.1, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WS")
_NOW = {
    "ready": "Whether the model is warm and no end is near.",
    "worlds": "Worlds in the store.",
    "worlds_active": "Worlds in memory.",
    "worlds_suspended": "Worlds that are in the store only.",
    "steps": "Steps in the store.",
    "viewers": "Viewers of all worlds.",
    "engine_waiting": "Clips and calls that wait for the model.",
    "rollouts_running": "Rollouts at work.",
    "plans_running": "Plans at work.",
    "rollout_bytes": "Pictures of rollouts and plans in memory.",
    "cached_bytes": "States and clips in memory.",
    "shared_bytes": "Of these, what more than one active world continues from or shows: forks share it.",
}


class Metrics:
    """The counters and histograms of one service, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # when a series began is of no use here
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._now = {name: Gauge(f"pandora_{name}", told, registry=self.registry) for name, told in _NOW.items()}
        self._began: WeakSet[World] = WeakSet()

        self.suspended = self._counter("suspensions", "Worlds that left the memory because nobody used them.")
        self.frames_sent = self._counter("frames_sent", "Frames handed to viewers' sockets.")
        self.frames_dropped = self._counter("frames_dropped", "Frames that slow viewers lost.")
        self._actions = self._counter("actions", "Actions by what became of them.", "outcome")
        self._clips = self._counter("clips", "Clips that the model took, by how they ended.", "outcome")
        self._due = self._counter("deadlines", "Clips handed in while their viewers still had something to see.")
        self._missed = self._counter("deadline_misses", "Of these, those whose first frame came too late.")
        self._refused = self._counter("refused", "Requests and messages refused, by the code of the error.", "reason")
        self._store_errors = self._counter("store_errors", "What the store could not do.", "operation")
        self._requests = self._counter("http_requests", "Requests and sockets.", "method", "route", "status")
        self._rollouts = self._counter("rollouts", "Rollouts by how they ended.", "outcome")
        self.rollout_steps = self._counter("rollout_steps", "Steps that were imagined.")
        self.rollout_steps_spared = self._counter("rollout_steps_spared", "Steps that shared beginnings saved.")
        self._plans = self._counter("plans", "Plans by how they ended.", "outcome")
        self._plan_clips = self._counter("plan_clips", "Clips that were imagined for plans.")
        for outcome in ("complete", "partial", "cancelled"):
            self._rollouts.labels(outcome)
            self._plans.labels(outcome)
        for outcome in ("applied", "superseded", "cancelled", "refused"):
            self._actions.labels(outcome)
        for outcome in ("committed", "failed", "cancelled"):
            self._clips.labels(outcome)
        for operation in ("read", "write", "blob"):
            self._store_errors.labels(operation)

        self._applied = self._histogram("action_applied_seconds", "From handing an action in until the model has it.")
        self._first_frame = self._histogram("first_frame_seconds", "From handing an action in to its first frame.")
        self._first_clip = self._histogram(
            "first_clip_seconds", "The first action of a world that came into memory, until its clip is whole."
        )
        self._generate = self._histogram("generate_seconds", "The model's part of a clip.")
        self._encode = self._histogram("encode_seconds", "Making pictures of a clip's frames.")
        self._commit = self._histogram("commit_seconds", "From handing a step to the store until durable.", _FAST)
        self.first_future = self._histogram("first_future_seconds", "From its start to a rollout's first one.", _SLOW)
        self._rollout = self._histogram("rollout_seconds", "From a rollout's start to its end.", _SLOW)
        self._plan = self._histogram("plan_seconds", "From a plan's start to its end.", _SLOW)
        self._batch = self._histogram("batch_worlds", "Clips made together.", (1, 2, 4, 8, 16, 32))
        self._request = self._histogram("http_request_seconds", "Requests, sockets left out.", _FAST, "route")

    # --- actions ---

    def applied(self, turn: "Turn") -> None:
        """The model has an action."""
        self._actions.labels("applied").inc()
        self._applied.observe(time.perf_counter() - turn.handed_in)

    def superseded(self) -> None:
        self._actions.labels("superseded").inc()

    def turned_away(self, error: PandoraError) -> None:
        """An action that never begins."""
        self._actions.labels("cancelled" if isinstance(error, Cancelled) else "refused").inc()

    def commit(self, turn: "Turn", now: float, write: "Future[None]") -> "Future[None]":
        """Follow a step whose first frames came `now`, by the event loop's clock, until they may be seen."""
        began = time.perf_counter()

        def durable(write: "Future[None]") -> None:
            if write.cancelled() or write.exception() is not None:
                return
            took = time.perf_counter() - began
            turn.commit = (began, took)
            self._commit.observe(took)
            self._first_frame.observe(began + took - turn.handed_in)
            job = turn.job
            if job is not None and now - (began - job.submitted_at) < job.dry_at < inf:
                self._due.inc()
                self._missed.inc(now + took > job.dry_at)

        write.add_done_callback(durable)
        return write

    def clip(self, world: "World", turn: "Turn", timings: dict[str, float]) -> None:
        """A clip is whole; `timings` in milliseconds."""
        self._clips.labels("committed").inc()
        self._generate.observe(timings["generate"] / 1000)
        self._encode.observe(timings["encode"] / 1000)
        if world not in self._began:
            self._began.add(world)
            self._first_clip.observe(time.perf_counter() - turn.handed_in)

    def clip_lost(self, error: PandoraError) -> None:
        self._clips.labels("cancelled" if isinstance(error, Cancelled) else "failed").inc()

    def observe_batch(self, size: int) -> None:
        self._batch.observe(size)

    def rollout(self, status: str, seconds: float) -> None:
        """A rollout has ended."""
        self._rollouts.labels(status).inc()
        self._rollout.observe(seconds)

    def plan(self, status: str, clips: int, seconds: float) -> None:
        """A plan has ended, after so many clips."""
        self._plans.labels(status).inc()
        self._plan_clips.inc(clips)
        self._plan.observe(seconds)

    # --- requests and the store ---

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is a template, never a path."""
        self._requests.labels(method if method in _METHODS else "other", route, status).inc()
        if method != "WS":
            self._request.labels(route).observe(seconds)

    def refused(self, error: Exception) -> None:
        """An error that a client is told of."""
        self._refused.labels(error.code if isinstance(error, PandoraError) else "internal_error").inc()

    def store_error(self, operation: str) -> None:
        """`operation`: read, write or blob."""
        self._store_errors.labels(operation).inc()

    def render(self, **now: float) -> bytes:
        """The text for `/metrics`, with what is true at this moment."""
        for name, value in now.items():
            self._now[name].set(value)
        return generate_latest(self.registry)

    def value(self, name: str, **labels: Any) -> float:
        """What a series without the prefix stands at; 0 where nothing was counted."""
        return self.registry.get_sample_value(f"pandora_{name}", {k: str(v) for k, v in labels.items()}) or 0.0

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"pandora_{name}", told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str, bounds: tuple[float, ...] = _SECONDS, *labels: str) -> Histogram:
        return Histogram(f"pandora_{name}", told, labels, registry=self.registry, buckets=bounds)
