"""How fast each user may ask, and how many worlds each may have."""

import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from server.errors import TooManyRequests, TooManyWorldsOfYours


class Rate:
    """A token bucket for each owner: `burst` at once, `per_second` in the long run. A full one is forgotten."""

    def __init__(
        self,
        per_second: float,
        burst: float,
        error: type[TooManyRequests],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._per_second = per_second
        self._burst = burst
        self._error = error
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, and when there were so many
        self._swept_at = clock()

    def __len__(self) -> int:
        return len(self._buckets)

    def spend(self, owner: str, tokens: float = 1) -> None:
        """Take so many tokens, at most `burst`, or none. Raises the rate's error with the seconds to wait."""
        self._sweep()
        now, wanted = self._clock(), min(tokens, self._burst)
        left = self._tokens(owner, now) - wanted
        if left < 0:
            raise self._error(self._per_second, retry_after=max(1, math.ceil(-left / self._per_second)))
        self._buckets[owner] = (left, now)

    def _tokens(self, owner: str, now: float) -> float:
        left, since = self._buckets.get(owner, (self._burst, now))
        return min(self._burst, left + (now - since) * self._per_second)

    def _sweep(self) -> None:
        """Forget the full buckets, once in the time in which an empty one fills."""
        now = self._clock()
        if now - self._swept_at >= self._burst / self._per_second:
            self._swept_at = now
            for owner in [owner for owner in self._buckets if self._tokens(owner, now) >= self._burst]:
                del self._buckets[owner]


class Quota:
    """How many worlds an owner may have; `count` says how many there are."""

    def __init__(self, most: int, count: Callable[[str], Awaitable[int]]):
        self._most = most
        self._count = count
        self._coming: Counter[str] = Counter()

    @asynccontextmanager
    async def room(self, owner: str, more: int = 1) -> AsyncIterator[None]:
        """Room for `more` worlds while they are made. Raises TooManyWorldsOfYours."""
        self._coming[owner] += more  # before others are counted, or many at once would slip through
        try:
            held = await self._count(owner)
            if held + self._coming[owner] > self._most:
                raise TooManyWorldsOfYours(
                    f"You have {held} worlds, and {self._most} are the most that you may have. Delete one first."
                )
            yield
        finally:
            self._coming[owner] -= more
            if not self._coming[owner]:
                del self._coming[owner]
