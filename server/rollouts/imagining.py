"""What rollouts and plans have in common: a name, a status, news that clients can listen to, and an end."""

import asyncio
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from server.rollouts.bodies import Status
from server.sessions.world import now

HEARTBEAT = 1.0  # seconds between words of progress at most


class Imagining(ABC):
    """Something that the service imagines for a user and no world keeps. Used on the event loop.

    `ended` is done when nothing follows; `bytes` are those of its pictures.
    """

    ended: "asyncio.Task[None]"

    def __init__(self, owner: str):
        self.id = secrets.token_hex(16)
        self.owner = owner
        self.status: Status = "running"
        self.code: str | None = None
        self.created_at = now()
        self.expires_at: str | None = None
        self.bytes = 0
        self.is_over = False
        self._news = asyncio.Event()  # set, and replaced, when something has changed
        self._loop = asyncio.get_running_loop()
        self._began = time.perf_counter()

    @abstractmethod
    def stop(self, status: Status = "cancelled", code: str | None = None) -> None:
        """Go no further; who listens hears as much as there is, and why it ended."""

    @abstractmethod
    def told(self, after: int) -> Sequence[BaseModel]:
        """What there is to tell so far, without the first so many."""

    @abstractmethod
    def told_progress(self) -> BaseModel: ...

    @abstractmethod
    def told_end(self) -> BaseModel: ...

    def expire(self, seconds: float) -> None:
        """Say when it will be forgotten."""
        self.expires_at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")

    async def lines(self, sent: int) -> AsyncIterator[str]:
        """What is told, as JSON, one object a line, as it comes; in between the progress, and at last the end."""
        heard = time.monotonic()
        while True:
            news, is_over = self._news, self.is_over
            fresh = self.told(sent)
            sent += len(fresh)
            for one in fresh:
                yield one.model_dump_json() + "\n"
            if is_over:
                yield self.told_end().model_dump_json() + "\n"
                return
            if not fresh or time.monotonic() - heard >= HEARTBEAT:
                heard = time.monotonic()
                yield self.told_progress().model_dump_json() + "\n"
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await news.wait()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
