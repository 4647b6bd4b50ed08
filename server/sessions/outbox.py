"""What a world has to tell, held back until what it tells of is durable."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from server.errors import StoreUnavailable


class Outbox:
    """Things to do in order; a write among them holds back all that come after it. Used on the event loop only."""

    def __init__(self, failed: Callable[[Exception], None]):
        self._failed = failed
        self._held: deque[Callable[[], None] | Future[None]] = deque()
        self._loop = asyncio.get_running_loop()
        self._last: Future[None] | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Now, or when every write before it is durable."""
        if self._held:
            self._held.append(work)
        else:
            work()

    def wait_for(self, write: "Future[None]") -> None:
        """Hold back what comes from now on until `write` is done."""
        self._held.append(write)
        self._last = write
        write.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._flush))

    async def settled(self) -> None:
        """Until all that was written is durable, also what is written meanwhile. Raises StoreUnavailable."""
        while self._last is not None and not (self._last.done() and self._last.exception() is None):
            await asyncio.shield(asyncio.wrap_future(self._last))

    def _flush(self) -> None:
        while self._held:
            first = self._held[0]
            if not isinstance(first, Future):
                self._held.popleft()
                first()
            elif not first.done():
                return
            else:
                self._held.popleft()
                if error := first.exception():
                    self._held.clear()
                    self._failed(error if isinstance(error, Exception) else StoreUnavailable())
                    return
