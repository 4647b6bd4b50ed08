"""`pandora bench stream`: a real server in its own process, measured from outside through its WebSocket."""

import asyncio
import json
import os
import platform
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from pandora.errors import PandoraError
from pandora.media import encode_png
from server.protocol import FrameFlags, FrameHeader

_READY = "Pandora is ready: "
WHOLE, QUICK = (200, 120), (40, 30)  # clips back to back, and actions to an idle server
_IDLE_SECONDS = 0.05  # between a clip's end and the next action, where an idle server is measured


@dataclass(frozen=True)
class Row:
    """A measured value with its 95 % interval."""

    name: str
    value: float
    unit: str
    low: float
    high: float
    n: int


def measure(options: dict[str, str], *, quick: bool = False, json_path: Path | None = None) -> list[Row]:
    """Start a server with `options` of `serve`, measure, print a table, and write `json_path` if given."""
    clips, idle = QUICK if quick else WHOLE
    with start_server(options) as (address, process):
        model = get(f"{address}/v1/models")["models"][0]
        waits, seconds = asyncio.run(_drive(address, clips=clips, idle=idle))
        memory = _peak_memory(process)
    frames = model["frames_per_action"]
    rows = [
        _bootstrap("stream.frames_per_second", "frames/s", seconds, lambda s: frames / float(s.mean())),
        _bootstrap("stream.first_frame_p50_ms", "ms", waits, lambda w: float(np.percentile(w, 50))),
        _bootstrap("stream.first_frame_p95_ms", "ms", waits, lambda w: float(np.percentile(w, 95))),
    ]
    if memory is not None:
        rows.append(Row("server.peak_memory_bytes", memory, "bytes", memory, memory, 1))
    named = {name: Path(value).name if name == "weights" else value for name, value in options.items()}
    settings = named | {
        "model": model["id"], "fingerprint": model["fingerprint"], "sampling_steps": model["sampling_steps"],
        "width": model["width"], "height": model["height"], "cpus": os.cpu_count(), "machine": platform.machine(),
        "python": platform.python_version(), "quick": quick,
    }  # fmt: skip
    _print(rows, settings)
    if json_path:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_text(json.dumps({"rows": [asdict(row) for row in rows], "settings": settings}, indent=2) + "\n")
    return rows


@contextmanager
def start_server(options: dict[str, str]) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A warm server on a free port, and its address."""
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-m", "server.cli", "serve", "--port", "0", *flags]
    root = Path(__file__).resolve().parent.parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(root), os.environ.get("PYTHONPATH", "")))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith(_READY):
                    yield line.removeprefix(_READY).strip(), process
                    return
            raise PandoraError("The server did not start. " + "".join(said[-3:]).strip())
        finally:
            process.terminate()
            process.wait(20)


async def _drive(address: str, *, clips: int, idle: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Milliseconds to the first frame of `idle` actions, and seconds a clip of `clips` actions sent back to back."""
    scenes = get(f"{address}/v1/scenes")["scenes"]
    actions = scenes[0]["suggestions"] if scenes else ["wait"]
    async with _world(address, scenes[0]["id"] if scenes else None) as socket:
        for index in range(3):
            await _first_frame(socket, f"warm-{index}", actions[index % len(actions)])
        waits = []
        for index in range(idle):
            await asyncio.sleep(_IDLE_SECONDS)
            waits.append(await _first_frame(socket, f"idle-{index}", actions[index % len(actions)]))
        seconds = await _back_to_back(socket, clips, actions)
    return np.array(waits), np.array(seconds)


async def _first_frame(socket: ClientConnection, event_id: str, text: str) -> float:
    """Send an action to an idle world; milliseconds until its first frame. Returns after the clip's end."""
    started = time.perf_counter()
    await _act(socket, event_id, text)
    waited = 0.0
    async for message in _messages(socket):
        if isinstance(message, FrameHeader) and not message.flags & FrameFlags.STILL:
            waited = waited or (time.perf_counter() - started) * 1000
        elif isinstance(message, dict) and message["type"] == "clip.end":
            break
    return waited


async def _back_to_back(socket: ClientConnection, clips: int, actions: list[str]) -> list[float]:
    """Keep one action waiting while another runs; seconds between the last frames of the clips."""
    sent, seconds, since = 0, [], time.perf_counter()

    async def act() -> None:
        nonlocal sent
        await _act(socket, f"run-{sent}", actions[sent % len(actions)])
        sent += 1

    await act()
    async for message in _messages(socket):
        if isinstance(message, dict) and message["type"] == "action.applied" and sent < clips:
            await act()
        elif isinstance(message, FrameHeader) and message.flags & FrameFlags.LAST:
            now = time.perf_counter()
            seconds.append(now - since)
            since = now
            if len(seconds) == clips:
                break
    return seconds


@asynccontextmanager
async def _world(address: str, scene: str | None) -> AsyncIterator[ClientConnection]:
    """A new world's stream, up to its first picture."""
    if scene is None:
        grey = encode_png(np.full((128, 128, 3), 128, np.uint8))
        upload = post(f"{address}/v1/uploads", grey, "image/png")
        body: dict[str, Any] = {"upload": upload["id"]}
    else:
        body = {"scene": scene}
    world = post(f"{address}/v1/worlds", json.dumps(body).encode(), "application/json")
    url = f"{address.replace('http', 'ws', 1)}/v1/worlds/{world['id']}/stream"
    async with connect(url, compression=None, max_size=None) as socket:
        await socket.send(json.dumps({"type": "hello", "formats": ["jpeg"]}))
        async for message in _messages(socket):
            if isinstance(message, FrameHeader):
                break
        yield socket


async def _act(socket: ClientConnection, event_id: str, text: str) -> None:
    await socket.send(json.dumps({"type": "action", "event_id": event_id, "text": text}))


async def _messages(socket: ClientConnection) -> AsyncIterator[dict[str, Any] | FrameHeader]:
    async for message in socket:
        if isinstance(message, bytes):
            yield FrameHeader.unpack(message)[0]
            continue
        told = json.loads(message)
        if told["type"] in ("error", "action.rejected") or (told["type"] == "clip.end" and not told["committed"]):
            raise PandoraError(f"The server answered {told.get('code')}: {told.get('detail')}")
        yield told


def _bootstrap(
    name: str, unit: str, samples: NDArray[np.float64], statistic: Callable[[NDArray[np.float64]], float]
) -> Row:
    draws = np.random.default_rng(0).choice(samples, (1000, len(samples)))
    low, high = np.percentile([statistic(draw) for draw in draws], [2.5, 97.5])
    return Row(name, round(statistic(samples), 3), unit, round(float(low), 3), round(float(high), 3), len(samples))


def _peak_memory(process: "subprocess.Popen[str]") -> int | None:
    """The most memory that the process ever held, in bytes; None where there is no /proc."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=60) as response:
        return json.load(response)


def post(url: str, body: bytes, kind: str) -> dict[str, Any]:
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def _print(rows: list[Row], settings: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{settings['model']} on {settings['cpus']} CPUs")
    for heading in ("row", "value", "95 % interval", "unit", "n"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        interval = f"{row.low:,.1f} to {row.high:,.1f}" if row.n > 1 else ""
        table.add_row(row.name, f"{row.value:,.1f}", interval, row.unit, str(row.n))
    Console().print(table)
