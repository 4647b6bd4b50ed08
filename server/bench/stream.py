"""`pandora bench stream`: frames a second, first frame and memory of one world, through its WebSocket."""

import asyncio
import time
from pathlib import Path

import numpy as np
from websockets.asyncio.client import ClientConnection

from server.bench.process import begin, start_server
from server.bench.rows import Row, Samples, bootstrap, report, settings, single
from server.bench.viewing import act, back_to_back, messages, watch
from server.protocol import FrameFlags, FrameHeader

WHOLE, QUICK = (200, 120), (40, 30)  # clips back to back, and actions to an idle server
_IDLE_SECONDS = 0.05  # between a clip's end and the next action, where an idle server is measured


def measure(options: dict[str, str], *, quick: bool = False, json_path: Path | None = None) -> list[Row]:
    """Start a server with `options` of `serve`, measure, print a table, and write `json_path` if given."""
    clips, idle = QUICK if quick else WHOLE
    with start_server(options) as server:
        model = server.model
        waits, seconds = asyncio.run(_drive(server.address, clips=clips, idle=idle))
        memory = server.peak_memory
    frames = model["frames_per_action"]
    rows = [
        bootstrap("stream.frames_per_second", "frames/s", seconds, lambda s: frames / float(s.mean())),
        bootstrap("stream.first_frame_p50_ms", "ms", waits, lambda w: float(np.percentile(w, 50))),
        bootstrap("stream.first_frame_p95_ms", "ms", waits, lambda w: float(np.percentile(w, 95))),
    ]
    if memory is not None:
        rows.append(single("server.peak_memory_bytes", "bytes", memory))
    report(rows, settings(options, model, quick=quick), json_path)
    return rows


async def _drive(address: str, *, clips: int, idle: int) -> tuple[Samples, Samples]:
    """Milliseconds to the first frame of `idle` actions, and seconds a clip of `clips` actions sent back to back."""
    world, actions = begin(address)
    async with watch(address, world) as socket:
        for index in range(3):
            await _first_frame(socket, f"warm-{index}", actions[index % len(actions)])
        waits = []
        for index in range(idle):
            await asyncio.sleep(_IDLE_SECONDS)
            waits.append(await _first_frame(socket, f"idle-{index}", actions[index % len(actions)]))
        seconds = await back_to_back(socket, actions, clips=clips)
    return np.array(waits), np.array(seconds)


async def _first_frame(socket: ClientConnection, event_id: str, text: str) -> float:
    """Send an action to an idle world; milliseconds until its first frame. Returns after the clip's end."""
    started = time.perf_counter()
    await act(socket, event_id, text)
    waited = 0.0
    async for message in messages(socket):
        if isinstance(message, FrameHeader) and not message.flags & FrameFlags.STILL:
            waited = waited or (time.perf_counter() - started) * 1000
        elif isinstance(message, dict) and message["type"] == "clip.end":
            break
    return waited
