"""Which work comes next: between live clips the one whose viewers run dry first, with a fair share for every owner.

Owners are ordered by the compute they used lately, in quanta, so that within a quantum the deadline decides. Rollouts
fill what live clips leave of a batch, or run where none wait. Calls (a start picture, a replay) take turns with clips.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from server.engine.job import ClipJob, Kind

Call = TypeVar("Call")

HALF_LIFE = 10.0  # seconds after which used compute counts half
QUANTUM = 0.5  # seconds of compute that owners may differ by before fairness outweighs deadlines


class Schedule(Generic[Call]):
    """What waits for the engine. Not for several threads at once: the engine holds its lock."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self._clock = clock
        self._jobs: list[ClipJob] = []
        self._calls: deque[Call] = deque()
        self._called = False  # the last work was a call
        self._used: dict[str, tuple[float, float]] = {}  # by owner: seconds, and when they were right

    def __len__(self) -> int:
        return len(self._jobs) + len(self._calls)

    def put(self, job: ClipJob) -> None:
        self._jobs.append(job)

    def put_call(self, call: Call) -> None:
        self._calls.append(call)

    def replace(self, old: ClipJob, new: ClipJob) -> bool:
        """Put `new` in the place of `old`; False when `old` does not wait any more."""
        if old not in self._jobs:
            return False
        self._jobs[self._jobs.index(old)] = new
        return True

    def take(self, most: int) -> "list[ClipJob] | Call | None":
        """The next call, or the next clips to be made together: of one number of sampling steps, by one expert."""
        if self._calls and (not self._called or not self._jobs):
            self._called = True
            return self._calls.popleft()
        self._called = False
        if not self._jobs:
            return None
        self._jobs.sort(key=self._order)
        alike = _alike(self._jobs[0])
        chosen = [job for job in self._jobs if _alike(job) == alike][:most]
        self._jobs = [job for job in self._jobs if job not in chosen]
        return chosen

    def charge(self, jobs: list[ClipJob], seconds: float) -> None:
        """Count the compute of a batch, an equal part for each of its jobs."""
        for job in jobs:
            self._used[job.owner] = (self.used(job.owner) + seconds / len(jobs), self._clock())
        if len(self._used) > 4096:
            self._used = {owner: entry for owner, entry in self._used.items() if self.used(owner) > 0.01}

    def used(self, owner: str) -> float:
        """Seconds of compute that an owner used lately."""
        seconds, at = self._used.get(owner, (0.0, 0.0))
        return seconds * 0.5 ** ((self._clock() - at) / HALF_LIFE)

    def clear(self) -> "list[ClipJob | Call]":
        """Everything that waits; nothing does afterwards."""
        left = [*self._calls, *self._jobs]
        self._calls, self._jobs = deque(), []
        return left

    def _order(self, job: ClipJob) -> tuple[bool, int, float, float]:
        return job.kind is Kind.ROLLOUT, int(self.used(job.owner) / QUANTUM), job.dry_at, job.submitted_at


def _alike(job: "ClipJob") -> tuple[int, str]:
    """Jobs of one batch have this in common; another expert's share would only make it wait."""
    return job.sampling_steps, job.state.expert
