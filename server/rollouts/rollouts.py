"""All rollouts of the service: those at work, and for a while those that ended. In memory only."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from server.engine.engine import Engine
from server.errors import TooManyRollouts, UnknownRollout
from server.metrics import Metrics
from server.rollouts.job import Asked, RolloutJob
from server.settings import Settings

_YIELDING = 4  # while somebody watches a world, batches of imagined steps are so many times smaller


class Rollouts:
    """Used on the event loop only. `viewers` says how many there are now, of all worlds."""

    def __init__(self, engine: Engine, metrics: Metrics, settings: Settings, viewers: Callable[[], int]):
        self._engine = engine
        self._metrics = metrics
        self._settings = settings
        self._viewers = viewers
        self._jobs: dict[str, RolloutJob] = {}  # the oldest first
        self._coming: Counter[str] = Counter()

    @property
    def running(self) -> int:
        return sum(not job.ended.done() for job in self._jobs.values())

    @property
    def bytes(self) -> int:
        """Of pictures in memory."""
        return sum(job.bytes for job in self._jobs.values())

    @contextmanager
    def room(self, owner: str) -> Iterator[None]:
        """A place for one more rollout while it is prepared. Raises TooManyRollouts."""
        settings = self._settings
        mine = sum(job.asked.owner == owner and not job.ended.done() for job in self._jobs.values())
        if mine + self._coming[owner] >= settings.max_rollouts_per_user:
            told = f"{settings.max_rollouts_per_user} rollouts of yours are at work, and no more may be. Wait for one"
            raise TooManyRollouts(f"{told}, or cancel it.")
        if self.running + self._coming.total() >= settings.max_rollouts:
            raise TooManyRollouts(f"{settings.max_rollouts} rollouts are at work, and no more fit. Try again soon.")
        self._coming[owner] += 1
        try:
            yield
        finally:
            self._coming -= Counter([owner])

    def begin(self, asked: Asked) -> RolloutJob:
        """Set a rollout to work. Raises as Engine.submit."""
        job = RolloutJob(asked, self._engine, self._metrics, self._width, self._settings.jpeg_quality)
        self._jobs[job.id] = job
        job.ended.add_done_callback(lambda _: self._keep(job))
        return job

    def find(self, rollout_id: str, owner: str) -> RolloutJob:
        """Raises UnknownRollout, also for rollouts of others."""
        job = self._jobs.get(rollout_id)
        if job is None or job.asked.owner != owner:
            raise UnknownRollout
        return job

    def delete(self, job: RolloutJob) -> None:
        """Stop and forget it; who listens still hears its end."""
        self._jobs.pop(job.id, None)
        job.stop()

    async def drain(self) -> None:
        """Stop all that run, and have those who listen hear so."""
        running = [job for job in self._jobs.values() if not job.ended.done()]
        for job in running:
            job.stop("cancelled", "stopping")
        if running:
            await asyncio.wait([job.ended for job in running], timeout=self._settings.drain_seconds)

    def _width(self) -> int:
        most = self._settings.max_batch
        return max(1, most // _YIELDING) if self._viewers() else most

    def _keep(self, job: RolloutJob) -> None:
        """Forget it after a while, and others earlier where the pictures become too many."""
        if job.id not in self._jobs:
            return
        job.expire(self._settings.rollout_seconds)
        asyncio.get_running_loop().call_later(self._settings.rollout_seconds, self._jobs.pop, job.id, None)
        while self.bytes > self._settings.max_rollout_bytes:
            held = Counter[str]()
            for other in self._jobs.values():
                held[other.asked.owner] += other.bytes if other.ended.done() else 0
            greedy = held.most_common(1)[0][0]
            ended = (id for id, j in self._jobs.items() if j.asked.owner == greedy and j.ended.done() and j.bytes)
            if (oldest := next(ended, None)) is None:
                return
            del self._jobs[oldest]
