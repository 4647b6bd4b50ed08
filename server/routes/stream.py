"""The WebSocket of a world: `protocol.py` over a session and a viewer."""

import asyncio
import logging
import time
from contextlib import suppress

import anyio
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocketDisconnect

from pandora.errors import InvalidInput, PandoraError
from server.accounting import note
from server.errors import MalformedMessage, MissingScope, Stopping, StoreUnavailable, Unauthenticated, UnknownWorld
from server.limits import MAX_MESSAGE_BYTES
from server.problems import explain, is_retryable
from server.protocol import (
    FRAME_FORMATS,
    Ack,
    Act,
    ActionRejected,
    Control,
    ControlChanged,
    Ended,
    Hello,
    Ping,
    Pong,
    Ready,
    StreamError,
    client_message,
)
from server.routes.views import view_world
from server.service import Service
from server.sessions.lifecycle import Status
from server.sessions.packing import pack_replay
from server.sessions.session import Session
from server.sessions.viewer import PackedFrame, TooSlow, Viewer
from server.users.access import SUBPROTOCOL
from server.users.principal import NOBODY, Principal, Scope

log = logging.getLogger(__name__)
router = APIRouter(tags=["stream"])

HELLO_SECONDS = 10.0
REPLAYED_CLIPS = 32  # at most, for `resume_from`
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 50.0, 100.0
CHECK_SECONDS = 30.0  # between looks at whether the viewer's key was revoked
LAST_WORDS_SECONDS = 5.0  # for an error that is said before the socket closes

CLOSED, RESTART, TRY_LATER, POLICY, FAILED = 1000, 1012, 1013, 1008, 1011
REFUSED = {Unauthenticated: 4401, MissingScope: 4403, UnknownWorld: 4404, Stopping: RESTART}


@router.websocket("/worlds/{world_id}/stream")
async def stream(socket: WebSocket, world_id: str) -> None:
    """Say hello, then watch and act; the socket may break at any time and the world goes on."""
    await socket.accept(SUBPROTOCOL if SUBPROTOCOL in socket.scope["subprotocols"] else None)
    try:
        code = await _Stream(socket, socket.app.state.service).run(world_id)
    except WebSocketDisconnect:
        return
    except PandoraError as error:
        code = REFUSED.get(type(error), TRY_LATER if is_retryable(error) else POLICY)
        socket.app.state.service.metrics.refused(error)
        await _try_to_say(socket, _as_error(error))
    except Exception as error:
        log.exception("A stream failed")
        code = FAILED
        await _try_to_say(socket, _as_error(error))
    with suppress(RuntimeError, WebSocketDisconnect):  # the other side may have been faster
        await socket.close(code)


class _Stream:
    """One connection."""

    def __init__(self, socket: WebSocket, service: Service):
        self._socket = socket
        self._service = service
        self._allowance = MESSAGES_AT_ONCE
        self._counted_at = time.monotonic()
        self._principal = NOBODY  # until `_admit` has asked
        self._revoked = False

    async def run(self, world_id: str) -> int:
        """Until an end; returns the close code."""
        self._principal = await self._admit(world_id)
        note(owner=self._principal.owner)
        self._service.store.check_open()
        session = await self._service.sessions.find(world_id, self._principal.owner)
        note(world=world_id)
        hello = await self._hello()
        chosen = next(name for name in hello.formats if name in FRAME_FORMATS)
        viewer = session.new_viewer(h264=chosen == "h264")
        await session.settled()
        await self._send(self._ready(session, chosen))
        replayed = await self._replay(session, hello.resume_from)
        if session.status is Status.DELETED:
            await self._send(Ended(reason="deleted"))
            return CLOSED
        if not replayed:
            viewer.put(await session.still())
            await session.settled()
        session.attach(viewer)
        code = CLOSED
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._receive_all, session, viewer, group.cancel_scope)
                group.start_soon(self._end_when_revoked, group.cancel_scope)
                code = await self._send_all(viewer)
                group.cancel_scope.cancel()
        finally:
            session.detach(viewer)
        if self._revoked:
            raise Unauthenticated
        return code

    # --- before the flow ---

    async def _admit(self, world_id: str) -> Principal:
        access = self._service.access
        principal = await access.identify_socket(self._socket, world_id)
        principal.require(Scope.READ)
        access.count_request(principal)
        return principal

    async def _hello(self) -> Hello:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                while True:
                    try:
                        message = self._parse(await self._read())
                    except InvalidInput as error:
                        await self._send(_as_error(error))
                        continue
                    if isinstance(message, Hello) and any(name in FRAME_FORMATS for name in message.formats):
                        return message
                    await self._send(_as_error(MalformedMessage(_say_hello(message))))
        except TimeoutError:
            raise MalformedMessage(f"No hello came within {HELLO_SECONDS:g} seconds.") from None

    def _ready(self, session: Session, chosen: str) -> Ready:
        config = self._service.engine.model.config
        return Ready(
            format=chosen, world=view_world(session), fps=config.fps, width=config.width,
            height=config.height, frames_per_action=config.frames_per_action, paused=session.paused,
        )  # fmt: skip

    async def _replay(self, session: Session, resume_from: int | None) -> bool:
        """Send what was committed after that step, also what is committed meanwhile; True if there was anything."""
        world, last, replayed = session.world, resume_from, False
        if last is not None and last not in world.steps:
            await self._send(StreamError(code="unknown_step", detail=f"This world has no step {last} to resume from."))
        while last is not None:
            path = world.path()
            position = next((index for index, step in enumerate(path) if step.number == last), None)
            if position is None or position + 1 == len(path):
                break
            if not replayed:
                position = max(position, len(path) - 1 - REPLAYED_CLIPS)
            step = path[position + 1]
            clip = await session.clip(step.number)
            await session.settled()
            for item in pack_replay(step, clip, world.head, self._service.engine.model.config.fps):
                await self._send(item)
            last, replayed = step.number, True
        return replayed

    # --- the flow ---

    async def _send_all(self, viewer: Viewer) -> int:
        code = CLOSED
        try:
            while (item := await viewer.get()) is not None:
                await self._send(item)
                if isinstance(item, Ended) and item.reason == "draining":
                    code = RESTART
        except TooSlow:
            code = TRY_LATER
            await self._send(StreamError(code="too_slow", detail="Too much waits for this viewer.", retryable=True))
        except WebSocketDisconnect:
            pass
        return code

    async def _end_when_revoked(self, scope: anyio.CancelScope) -> None:
        while True:
            with suppress(StoreUnavailable):  # nothing can be known just now
                self._revoked = not await self._service.access.still_valid(self._principal)
            if self._revoked:
                scope.cancel()
            await anyio.sleep(CHECK_SECONDS)

    async def _receive_all(self, session: Session, viewer: Viewer, scope: anyio.CancelScope) -> None:
        while True:
            try:
                text = await self._read()
            except WebSocketDisconnect:
                scope.cancel()
                return
            try:
                self._spend()
                self._handle(self._parse(text), session, viewer)
            except PandoraError as error:
                viewer.put(_as_error(error))

    def _handle(self, message: BaseModel, session: Session, viewer: Viewer) -> None:
        match message:
            case Act(event_id=event_id, text=text):
                try:
                    self._principal.require(Scope.WRITE)
                    session.hand_in(text, event_id, viewer)
                except PandoraError as error:
                    self._service.metrics.refused(error)
                    code, detail = explain(error)
                    viewer.put(ActionRejected(event_id=event_id, code=code, detail=detail))
            case Control(command="rate", value=value):
                if value is None:
                    raise MalformedMessage("`rate` needs a `value`: 1 is the film's own speed, 0 is no pacing.")
                viewer.rate = value
                viewer.put(ControlChanged(paused=session.paused, rate=value))
            case Control(command=command):
                self._principal.require(Scope.WRITE)
                session.pause(command == "pause")
            case Ack(clip=clip):
                viewer.acknowledge(clip)
            case Ping(id=ping_id):
                viewer.put(Pong(id=ping_id, timestamp_ms=time.time_ns() // 1_000_000))
            case Hello():
                raise MalformedMessage("Hello was said already.")

    def _spend(self) -> None:
        now = time.monotonic()
        self._allowance = min(MESSAGES_AT_ONCE, self._allowance + (now - self._counted_at) * MESSAGES_PER_SECOND)
        self._counted_at = now
        if self._allowance < 1:
            raise MalformedMessage(f"More than {MESSAGES_PER_SECOND:g} messages a second; this one was not read.")
        self._allowance -= 1

    async def _read(self) -> str | bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", CLOSED))
        text = message.get("text")
        return message["bytes"] if text is None else text

    @staticmethod
    def _parse(text: str | bytes) -> BaseModel:
        """Raises MalformedMessage; never echoes what was sent."""
        if isinstance(text, bytes):
            raise MalformedMessage("Messages to the service are JSON text; this one is binary.")
        if len(text) > MAX_MESSAGE_BYTES:
            raise MalformedMessage(
                f"A message has at most {MAX_MESSAGE_BYTES:,} characters; this one has {len(text):,}."
            )
        try:
            return client_message.validate_json(text)
        except ValidationError as error:
            findings = error.errors(include_input=False, include_context=False, include_url=False)[:3]
            told = "; ".join(f"{'.'.join(map(str, f['loc'])) or 'message'}: {f['msg']}" for f in findings)
            raise MalformedMessage(told[:500]) from None

    async def _send(self, item: BaseModel | PackedFrame) -> None:
        try:
            if isinstance(item, PackedFrame):
                await self._socket.send_bytes(item.filmed or item.message)
            else:
                await self._socket.send_text(item.model_dump_json())
        except RuntimeError:  # closed below us, as after a text that is not UTF-8
            raise WebSocketDisconnect(CLOSED) from None


def _say_hello(message: BaseModel) -> str:
    if isinstance(message, Hello):
        return f"None of these formats is known. Known: {', '.join(FRAME_FORMATS)}."
    return 'Say hello first: {"type": "hello", "formats": ["jpeg"]}.'


def _as_error(error: Exception) -> StreamError:
    code, detail = explain(error)
    return StreamError(code=code, detail=detail, retryable=is_retryable(error))


async def _try_to_say(socket: WebSocket, message: StreamError) -> None:
    with suppress(RuntimeError, WebSocketDisconnect), anyio.move_on_after(LAST_WORDS_SECONDS):
        await socket.send_text(message.model_dump_json())
