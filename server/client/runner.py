"""An event loop on a thread of its own, for those who don't write `await`."""

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

Value = TypeVar("Value")


class Runner:
    """Runs until it is closed, is let go or the program ends; then `cleanup` runs, and the thread ends."""

    def __init__(self, cleanup: Callable[[], Awaitable[None]]):
        self._loop = asyncio.new_event_loop()
        stop = asyncio.Event()
        work = (self._loop, stop, cleanup)
        self._thread = threading.Thread(target=_serve, args=work, name="pandora-client", daemon=True)
        self._thread.start()
        self._end = weakref.finalize(self, _stop, self._loop, stop)

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Wait for `work`. What interrupts the waiting cancels the work."""
        if not self._end.alive:
            work.close()
            raise RuntimeError("This client is closed. Make a new one.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def later(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` without waiting, if there is still time for it."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: self._loop.create_task(work()))

    def close(self) -> None:
        self._end()
        self._thread.join(10)


def _serve(loop: asyncio.AbstractEventLoop, stop: asyncio.Event, cleanup: Callable[[], Awaitable[None]]) -> None:
    async def serve() -> None:
        await stop.wait()
        await cleanup()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(serve())


def _stop(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)
