"""The live frames of a world, over connections that may break at any time.

What was shown is remembered, by steps. After a break the stream asks the service to go on from the last step on the
world's path that was shown; frames that come twice are dropped, and clips that are too old for the service to send
again are fetched one by one. So every frame of every committed step comes once, in order, unless the reader is so slow
that the service leaves frames out.
"""

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, TypeAdapter, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from server.bodies import Receipt, StepView
from server.client.failure import AccessDenied, InvalidRequest, NotFound, ServiceFailure, Unreachable
from server.client.frame import LiveFrame
from server.client.transport import backoff, unreachable
from server.protocol import (
    ClipEnd,
    ClipStart,
    Ended,
    FrameHeader,
    Hello,
    Ready,
    ServerMessage,
    StreamError,
    WorldRewound,
)

if TYPE_CHECKING:
    from server.client.aio import AsyncWorld

BREAKS = 10  # connections in a row that may break before they bring anything
STEADY_SECONDS = 10.0  # a connection that lasted so long was good
_AHEAD = 256  # messages that wait for the reader
_FINAL: dict[int, type[ServiceFailure]] = {
    1008: InvalidRequest, 4401: AccessDenied, 4403: AccessDenied, 4404: NotFound,
}  # fmt: skip
_message: TypeAdapter[ServerMessage] = TypeAdapter(Annotated[ServerMessage, Field(discriminator="type")])


class AsyncStream:
    """`async for frame in stream` until the world ends; `async with` connects at once and disconnects at the end."""

    def __init__(self, world: "AsyncWorld", resume_from: int | None = None):
        self.world = world
        self._shown = Shown(resume_from)
        self._socket: ClientConnection | None = None
        self._opened_at = 0.0
        self._breaks = 0
        self._flows = False  # the connection has brought more than its greeting
        self._ended = False
        self._was_there = False  # the world, on an earlier connection
        self._complaint: StreamError | None = None
        self._missed: list[StepView] = []  # committed while there was no connection
        self._items: deque[LiveFrame | ServerMessage] = deque()

    async def open(self) -> None:
        """Connect, unless that was done; what happens from here on is not missed. Raises ServiceFailure."""
        while not (self._flows or self._ended):
            try:
                socket = self._socket or await self._connect()
                await self._take(await socket.recv())
            except (ConnectionClosed, InvalidHandshake, OSError, ServiceFailure) as error:
                await self._break(error)

    async def hand_in(self, text: str) -> Receipt:
        """Hand in an action and don't wait: its frames come here. Raises ServiceFailure."""
        await self.open()
        return await self.world.hand_in(text)

    async def next(self) -> LiveFrame | ServerMessage | None:
        """The next frame or message of `protocol.py`; None when the world has ended. Raises ServiceFailure."""
        while not self._items and not self._ended:
            await self.open()
            if self._items or self._socket is None:
                continue
            try:
                await self._take(await self._socket.recv())
            except (ConnectionClosed, OSError) as error:
                await self._break(error)
        return self._items.popleft() if self._items else None

    async def close(self) -> None:
        """Disconnect, for good."""
        self._ended = True
        await self._disconnect()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LiveFrame:
        while (item := await self.next()) is not None:
            if isinstance(item, LiveFrame):
                return item
        raise StopAsyncIteration

    # --- connections ---

    async def _connect(self) -> ClientConnection:
        resume_from = await self._find_resume()
        transport = self.world.client.transport
        address = f"{transport.base_url.replace('http', 'ws', 1)}/v1/worlds/{self.world.id}/stream"
        headers = dict(transport.headers)
        agent = headers.pop("User-Agent")
        socket = await connect(
            address, additional_headers=headers, user_agent_header=agent, compression=None, max_size=None,
            max_queue=_AHEAD,
        )  # fmt: skip
        self._socket, self._opened_at, self._complaint = socket, time.monotonic(), None
        hello = Hello(type="hello", formats=["jpeg"], resume_from=resume_from)
        await socket.send(hello.model_dump_json(exclude_none=True))
        return socket

    async def _find_resume(self) -> int | None:
        """The last step on the world's path that was shown; what is later on the path was missed."""
        if not self._shown.steps:
            return None
        path = (await self.world.refresh(patience=0)).steps
        found = next((at for at in reversed(range(len(path))) if path[at].step in self._shown.steps), None)
        self._missed = [] if found is None else path[found + 1 :]
        return None if found is None else path[found].step

    async def _break(self, error: Exception) -> None:
        """Wait before the next connection, or raise what makes another one useless."""
        await self._disconnect()
        if self._ended:
            return
        failure = self._explain(error)
        if isinstance(failure, NotFound) and self._was_there:
            self._ended = True
            return
        if not failure.is_retryable:
            raise failure from error
        was_good = self._opened_at and time.monotonic() - self._opened_at > STEADY_SECONDS
        self._breaks, self._opened_at = 1 if was_good else self._breaks + 1, 0.0
        if self._breaks > BREAKS:
            raise failure from error
        await asyncio.sleep(max(backoff(self._breaks), failure.retry_after or 0))

    def _explain(self, error: Exception) -> ServiceFailure:
        address = self.world.client.transport.base_url
        match error:
            case ServiceFailure():
                return error
            case InvalidStatus(response=response):
                wait = response.headers.get("Retry-After")
                return ServiceFailure.from_answer(response.status_code, bytes(response.body or b""), wait)
            case ConnectionClosed(rcvd=close) if close is not None and close.code in _FINAL:
                told = self._complaint
                detail = told.detail if told else close.reason or f"The stream was closed with {close.code}."
                return _FINAL[close.code](detail, code=told.code if told else None)
            case _ if self._complaint is not None:
                return Unreachable(self._complaint.detail, code=self._complaint.code)
            case _:
                return unreachable(address, error)

    async def _disconnect(self) -> None:
        socket, self._socket, self._flows = self._socket, None, False
        if socket is not None:
            await socket.close()

    # --- what comes ---

    async def _take(self, data: str | bytes) -> None:
        if isinstance(data, bytes):
            self._flows = True
            self._items.extend(self._shown.take(LiveFrame.from_message(*FrameHeader.unpack(data))))
            return
        try:
            message = _message.validate_json(data)
        except ValidationError:
            return  # of a later protocol
        match message:
            case Ready(world=view):
                self.world.view, self._was_there = view, True
            case ClipStart():
                self._flows = True
                if message.replay:
                    await self._fetch_missed(message.step)
                if not self._shown.begin(message):
                    return
            case ClipEnd():
                if not self._shown.end(message):
                    return
                self._breaks = 0
                self.world.view = self.world.view.model_copy(update={"head": message.head})
            case WorldRewound(head=head):
                self.world.view = self.world.view.model_copy(update={"head": head})
            case StreamError():
                self._complaint = message
            case Ended(reason="deleted"):
                self._ended = True
        self._items.append(message)

    async def _fetch_missed(self, before: int) -> None:
        """What the service does not send again, since too much was committed meanwhile."""
        missed, self._missed = self._missed, []
        for step in missed:
            if step.step < before and step.parent is not None:
                start = ClipStart(
                    step=step.step, parent=step.parent, action=step.action or "", event_id=None, frames=step.frames,
                    fps=await self.world.client.fps(), replay=True,
                )  # fmt: skip
                if self._shown.begin(start):
                    self._items.append(start)
                    for frame in await self.world.fetch_frames(step):
                        self._items.extend(self._shown.take(frame))
                    self._shown.steps.add(step.step)


class Shown:
    """What a viewer has seen, to tell what is new."""

    def __init__(self, resume_from: int | None):
        self.steps: set[int] = set() if resume_from is None else {resume_from}  # to their ends
        self._picture: int | None = None  # the step whose last frame is what the viewer sees
        self._clip: tuple[Any, ...] | None = None
        self._next = 0  # frame of that clip

    def begin(self, clip: ClipStart) -> bool:
        """Whether this clip brings anything new. One that broke off goes on where it did."""
        if clip.step in self.steps:
            self._clip, self._next = None, clip.frames
            return False
        known = (clip.step, clip.parent, clip.action, clip.frames)
        if known == self._clip:
            return self._next == 0
        self._clip, self._next = known, 0
        return True

    def take(self, frame: LiveFrame) -> list[LiveFrame]:
        """The frame, if it is new."""
        if frame.still:
            if frame.step == self._picture:
                return []
            self.steps.add(frame.step)
        elif frame.index < self._next:
            return []
        else:
            self._next = frame.index + 1
        self._picture = frame.step if frame.last else None
        return [frame]

    def end(self, clip: ClipEnd) -> bool:
        """Whether this is news. A clip that was not committed counts for nothing, and its number may come again."""
        if clip.committed:
            is_new = clip.step not in self.steps
            self.steps.add(clip.step)
            return is_new
        self._clip, self._next = None, 0
        return True
