"""One viewer of a world, as a client of `protocol.py`."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from pandora.errors import PandoraError
from server.protocol import FrameHeader

Told = dict[str, Any] | FrameHeader


@asynccontextmanager
async def watch(address: str, world: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """The stream of a world, up to its first picture; `options` are those of `connect`."""
    url = f"{address.replace('http', 'ws', 1)}/v1/worlds/{world}/stream"
    async with connect(url, **({"compression": None, "max_size": None, "open_timeout": 120} | options)) as socket:
        await socket.send(json.dumps({"type": "hello", "formats": ["jpeg"]}))
        async for message in messages(socket):
            if isinstance(message, FrameHeader):
                break
        yield socket


async def act(socket: ClientConnection, event_id: str, text: str) -> None:
    await socket.send(json.dumps({"type": "action", "event_id": event_id, "text": text}))


async def messages(socket: ClientConnection) -> AsyncIterator[Told]:
    """What the server tells, frames by their header. Raises PandoraError for what it refuses."""
    async for message in socket:
        if isinstance(message, bytes):
            yield FrameHeader.unpack(message)[0]
            continue
        told = json.loads(message)
        if told["type"] in ("error", "action.rejected") or (told["type"] == "clip.end" and not told["committed"]):
            raise PandoraError(f"The server answered {told.get('code')}: {told.get('detail')}")
        yield told


async def back_to_back(
    socket: ClientConnection, actions: list[str], *, clips: int | None = None, seconds: float | None = None
) -> list[float]:
    """Keep one action waiting while another runs, for so many clips or seconds; seconds of each clip.

    What is on its way at the end is waited for, so that the world is idle again.
    """
    began, run = time.perf_counter(), f"{time.time_ns():x}"
    sent, spans, since = 1, [], began
    await act(socket, f"{run}-0", actions[0])
    async for message in messages(socket):
        if not isinstance(message, dict):
            continue
        now = time.perf_counter()
        if message["type"] == "action.applied":
            if sent < clips if clips is not None else now - began < (seconds or 0.0):
                await act(socket, f"{run}-{sent}", actions[sent % len(actions)])
                sent += 1
        elif message["type"] == "clip.end":
            spans.append(now - since)
            since = now
            if len(spans) == sent:
                break
    return spans
