"""All that is imagined: rollouts and plans at work, and for a while those that ended. In memory only."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from server.errors import TooManyRollouts
from server.rollouts.imagining import Imagining
from server.settings import Settings

_YIELDING = 4  # while somebody watches a world, batches of imagined steps are so many times smaller

Job = TypeVar("Job", bound=Imagining)


class Pool:
    """Used on the event loop only. `viewers` says how many there are now, of all worlds."""

    def __init__(self, settings: Settings, viewers: Callable[[], int]):
        self._settings = settings
        self._viewers = viewers
        self._jobs: dict[str, Imagining] = {}  # the oldest first
        self._coming: Counter[str] = Counter()

    @property
    def bytes(self) -> int:
        """Of pictures in memory."""
        return sum(job.bytes for job in self._jobs.values())

    def running(self, kind: type[Imagining] = Imagining) -> int:
        """How many of a kind are at work."""
        return sum(isinstance(job, kind) and not job.ended.done() for job in self._jobs.values())

    def width(self) -> int:
        """How many steps each shall have with the engine at a time, now."""
        most = self._settings.max_batch
        return max(1, most // _YIELDING) if self._viewers() else most

    @contextmanager
    def room(self, owner: str) -> Iterator[None]:
        """A place for one more while it is prepared. Raises TooManyRollouts."""
        settings = self._settings
        mine = sum(job.owner == owner and not job.ended.done() for job in self._jobs.values())
        if mine + self._coming[owner] >= settings.max_rollouts_per_user:
            told = f"{settings.max_rollouts_per_user} rollouts or plans of yours are at work, and no more may be"
            raise TooManyRollouts(f"{told}. Wait for one, or cancel it.")
        if self.running() + self._coming.total() >= settings.max_rollouts:
            told = f"{settings.max_rollouts} rollouts and plans are at work, and no more fit"
            raise TooManyRollouts(f"{told}. Try again soon.")
        self._coming[owner] += 1
        try:
            yield
        finally:
            self._coming -= Counter([owner])

    def add(self, job: Imagining) -> None:
        """Take one in that has begun."""
        self._jobs[job.id] = job
        job.ended.add_done_callback(lambda _: self._keep(job))

    def find(self, kind: type[Job], job_id: str, owner: str) -> Job | None:
        """None also for those of others."""
        job = self._jobs.get(job_id)
        return job if isinstance(job, kind) and job.owner == owner else None

    def delete(self, job: Imagining) -> None:
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

    def _keep(self, job: Imagining) -> None:
        """Forget it after a while, and others earlier where the pictures become too many."""
        if job.id not in self._jobs:
            return
        job.expire(self._settings.rollout_seconds)
        asyncio.get_running_loop().call_later(self._settings.rollout_seconds, self._jobs.pop, job.id, None)
        while self.bytes > self._settings.max_rollout_bytes:
            held = Counter[str]()
            for other in self._jobs.values():
                held[other.owner] += other.bytes if other.ended.done() else 0
            greedy = held.most_common(1)[0][0]
            ended = (id for id, j in self._jobs.items() if j.owner == greedy and j.ended.done() and j.bytes)
            if (oldest := next(ended, None)) is None:
                return
            del self._jobs[oldest]
