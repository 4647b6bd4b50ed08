"""A viewer that does not read, through the whole service: the world goes on, and little is kept for the viewer."""

import asyncio
import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import numpy as np

from server.app import create_app
from server.engine.engine import Engine
from server.protocol import FrameFlags, FrameHeader
from server.service import Service
from server.settings import Settings


async def test_a_viewer_that_does_not_read(settings: Settings, engine: Engine, kept: Path) -> None:
    app = create_app(settings.but(viewer_frames=10, data=kept), engine)
    service: Service = app.state.service
    picture = np.zeros((128, 128, 3), np.uint8)
    session = await service.sessions.begin(picture, owner="local", name="slow", seed=0, scene=None, suggestions=())
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    reading = asyncio.Event()
    texts: list[dict[str, Any]] = []
    frames: list[FrameHeader] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        if message.get("bytes"):
            await reading.wait()
            frames.append(FrameHeader.unpack(message["bytes"])[0])
        elif message["type"] == "websocket.send":
            texts.append(json.loads(message["text"]))

    scope = {
        "type": "websocket", "path": f"/v1/worlds/{session.world.id}/stream", "query_string": b"", "subprotocols": [],
        "headers": [(b"host", b"localhost")],
    }  # fmt: skip
    inbox.put_nowait({"type": "websocket.connect"})
    inbox.put_nowait({"type": "websocket.receive", "text": '{"type": "hello"}'})
    stream = asyncio.create_task(app(scope, inbox.get, send))
    while not session.audience.viewers:
        await asyncio.sleep(0.01)

    steps = await session.take(["wait"] * 12)
    assert [step.number for step in steps] == list(range(1, 13))
    assert not frames
    reading.set()
    while not (texts[-1]["type"] == "clip.end" and texts[-1]["step"] == 12):
        await asyncio.sleep(0.01)
    inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await stream

    moving = [frame for frame in frames if not frame.flags & FrameFlags.STILL]
    ends = [text for text in texts if text["type"] == "clip.end"]
    assert [end["step"] for end in ends] == list(range(1, 13))
    assert len(moving) == 10
    assert sum(end["dropped"] for end in ends) == 12 * 8 - 10
    assert moving[-1].flags & FrameFlags.LAST
    assert not session.audience.viewers
