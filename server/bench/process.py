"""A server in a process of its own with a store of its own, and plain calls to it."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pandora.errors import PandoraError
from pandora.media import encode_png

READY = "Pandora is ready: "
_PATIENCE = 600.0  # seconds for an answer
# A bench has its own store, talks to it alone, and reads what it says.
_NOT_OURS = ("CONFIG", "DATA", "DATABASE", "BLOBS", "REQUIRE_KEYS", "ALLOW_REMOTE", "HOST", "PORT", "LOG_FORMAT")


@dataclass(frozen=True)
class Server:
    """A warm server; `seconds` is what it took to become ready."""

    address: str
    process: "subprocess.Popen[str]"
    seconds: float

    @property
    def memory(self) -> int | None:
        """What the process holds of the memory, in bytes; None where there is no /proc."""
        return _memory(self.process.pid, "VmRSS")

    @property
    def peak_memory(self) -> int | None:
        """The most that it ever held."""
        return _memory(self.process.pid, "VmHWM")

    @property
    def model(self) -> dict[str, Any]:
        return get(f"{self.address}/v1/models")["models"][0]

    def metric(self, name: str) -> float:
        """A value of /metrics."""
        with urllib.request.urlopen(f"{self.address}/metrics", timeout=_PATIENCE) as response:
            lines = response.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


@contextmanager
def start_server(options: dict[str, str], data: Path | None = None, **settings: object) -> Iterator[Server]:
    """A server with `options` of `serve` and `settings` of PANDORA_*; its worlds lie in `data`, or nowhere for long."""
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    with tempfile.TemporaryDirectory(prefix="pandora-bench-") as folder:
        values = {f"PANDORA_{name.upper()}": value for name, value in settings.items()}
        began = time.perf_counter()
        with python("server.cli", "serve", "--port", "0", *flags, PANDORA_DATA=data or folder, **values) as process:
            yield Server(_await_ready(process), process, time.perf_counter() - began)


@contextmanager
def python(module: str, *arguments: str, **variables: object) -> Iterator["subprocess.Popen[str]"]:
    """A module of ours as a process that one can write to and read from; it is ended at the end."""
    root = Path(__file__).resolve().parents[2]
    dropped = [f"PANDORA_{name}" for name in _NOT_OURS]
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment |= {"PANDORA_LOG_LEVEL": "warning"} | {name: str(value) for name, value in variables.items()}
    environment["PYTHONPATH"] = os.pathsep.join((str(root), os.environ.get("PYTHONPATH", "")))
    command = [sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def _await_ready(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
    raise PandoraError("The server did not start. " + "".join(said[-3:]).strip())


def _memory(pid: int, field: str) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(field))


def get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=_PATIENCE) as response:
        return json.load(response)


def post(url: str, body: bytes, kind: str = "application/json") -> dict[str, Any]:
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=_PATIENCE) as response:
        return json.load(response)


def ask(url: str, **fields: Any) -> dict[str, Any]:
    """POST a JSON object."""
    return post(url, json.dumps(fields).encode())


def begin(address: str, seed: int = 0) -> tuple[str, list[str]]:
    """A new world from the first scene, or a grey picture where there is none; its id, and sentences that fit it."""
    scenes = get(f"{address}/v1/scenes")["scenes"]
    if scenes:
        world = ask(f"{address}/v1/worlds", scene=scenes[0]["id"], seed=seed)
        return world["id"], scenes[0]["suggestions"] or ["wait"]
    grey = encode_png(np.full((128, 128, 3), 128, np.uint8))
    upload = post(f"{address}/v1/uploads", grey, "image/png")
    return ask(f"{address}/v1/worlds", upload=upload["id"], seed=seed)["id"], ["wait"]
