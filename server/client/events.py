"""Things that the service is at work on: what they come to, line by line."""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np
from PIL.Image import Image

from pandora.media import ImageSource
from server.client.failure import InvalidRequest, NotFound, ServiceFailure, Unreachable
from server.client.transport import ATTEMPTS, backoff
from server.rollouts.bodies import Status

if TYPE_CHECKING:
    from server.client.aio import AsyncClient

SILENCE = 30.0  # seconds without a line, after which a connection is taken for broken
Goal = Iterable[Sequence[str]] | ImageSource  # facts, a picture, or words as a str
Item = TypeVar("Item")


class AsyncEvents(ABC, Generic[Item]):
    """`async for item in events` until the end; it goes on where it was after a break."""

    def __init__(self, client: "AsyncClient", path: str):
        self._client = client
        self._path = path
        self._items: list[Item] = []  # so far
        self._lines: AsyncGenerator[str, None] | None = None
        self._deleted = False

    @abstractmethod
    def _is_running(self) -> bool:
        """By what was heard last."""

    @abstractmethod
    def _end(self, status: Status) -> None:
        """Take it for ended."""

    @abstractmethod
    def _take(self, line: str) -> Item | None:
        """Take in a line; the item that it brought, if it did."""

    async def next(self) -> Item | None:
        """The next one; None when there are no more. Raises ServiceFailure."""
        broken = 0
        while self._is_running():
            try:
                item = self._take(await self._hear())
            except ServiceFailure as failure:
                self._lines = None
                if self._deleted and isinstance(failure, NotFound):
                    self._end("cancelled")
                    return None
                broken += 1
                if not failure.is_retryable or broken >= ATTEMPTS:
                    raise
                await asyncio.sleep(failure.retry_after or backoff(broken))
                continue
            broken = 0
            if item is not None:
                self._items.append(item)
                return item
        return None

    async def cancel(self) -> None:
        """Stop it. Who iterates gets the rest as far as it came; the service forgets it."""
        self._deleted = True
        if self._lines is None:  # nobody listens who would be told
            self._end("cancelled")
        with suppress(NotFound):  # it was forgotten already
            await self._client.transport.send("DELETE", self._path)

    async def close(self) -> None:
        """Listen no more; the work goes on."""
        if self._lines is not None:
            lines, self._lines = self._lines, None
            await lines.aclose()

    async def _hear(self) -> str:
        if self._lines is None:
            params = {"after": len(self._items)}
            self._lines = self._client.transport.lines(f"{self._path}/events", silence=SILENCE, params=params)
        try:
            return await anext(self._lines)
        except StopAsyncIteration:
            raise Unreachable("The events broke off.") from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        if (item := await self.next()) is None:
            raise StopAsyncIteration
        return item


async def goal_body(client: "AsyncClient", goal: Goal) -> dict[str, Any]:
    """A goal as the service takes it; a picture is uploaded. Raises ServiceFailure."""
    if isinstance(goal, str):
        return {"text": goal}
    if isinstance(goal, os.PathLike | bytes | Image | np.ndarray):
        return {"upload": (await client.upload(goal)).id}
    return {"facts": fact_list(goal)}


def fact_list(facts: Iterable[Sequence[str]]) -> list[list[str]]:
    """As the service takes them. Raises InvalidRequest where one of them is no list of words."""
    facts = list(facts)
    if any(isinstance(fact, str) for fact in facts):
        raise InvalidRequest(f"Facts are lists of words, such as [('on', 'red', 'blue')], not {facts}.")
    return sorted(list(fact) for fact in facts)
