"""How fast each user may ask, and how many worlds each may have."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

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


@dataclass
class _Making:
    """What is being made for one owner: how many worlds, how many were since somebody asked, and who is inside."""

    coming: int = 0
    ended: int = 0
    guests: int = 0
    end: asyncio.Event = field(default_factory=asyncio.Event)


class Quota:
    """How many worlds an owner may have; `count` says how many there are. Exact, however many are made at once."""

    def __init__(self, most: int, count: Callable[[str], Awaitable[int]]):
        self._most = most
        self._count = count
        self._making: dict[str, _Making] = {}

    def __len__(self) -> int:
        return len(self._making)

    @asynccontextmanager
    async def room(self, owner: str, more: int = 1) -> AsyncIterator[None]:
        """Room for `more` worlds while they are made; waits while others decide. Raises TooManyWorldsOfYours."""
        making = self._making.setdefault(owner, _Making())
        making.guests += 1
        try:
            await self._find_room(owner, making, more)
            making.coming += more  # nothing was awaited since room was found
            try:
                yield
            finally:
                making.coming -= more
                making.ended += more
                making.end.set()
                making.end = asyncio.Event()
        finally:
            making.guests -= 1
            if not making.guests:
                del self._making[owner]

    async def _find_room(self, owner: str, making: _Making, more: int) -> None:
        """Returns when `more` fit for certain: a world being made may be among those counted, or not."""
        while True:
            ended = making.ended
            held = await self._count(owner)
            if held + more > self._most:
                raise TooManyWorldsOfYours(
                    f"You have {held} worlds, and {self._most} are the most that you may have. Delete one first."
                )
            if held + making.coming + (making.ended - ended) + more <= self._most:
                return
            if making.coming:
                await making.end.wait()
