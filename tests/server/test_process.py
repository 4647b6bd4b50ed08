"""The service as a process of its own, driven through real sockets."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from pandora.errors import PandoraError
from server import run
from server.bench.process import ask, get, start_server
from server.settings import Settings


def next_message(viewer: ClientConnection) -> dict[str, Any]:
    """The next that is no frame."""
    while isinstance(message := viewer.recv(10), bytes):
        pass
    return json.loads(message)


def test_a_signal_lets_the_viewers_know(weights: Path) -> None:
    with start_server({"weights": str(weights), "threads": "1"}) as server:
        address, process = server.address, server.process
        world = ask(f"{address}/v1/worlds", scene="tower")["id"]
        with connect(f"{address.replace('http', 'ws')}/v1/worlds/{world}/stream") as viewer:
            viewer.send('{"type": "hello"}')
            assert json.loads(viewer.recv(10))["type"] == "ready"
            viewer.recv(10)
            process.send_signal(signal.SIGTERM)
            assert [json.loads(viewer.recv(10))["type"] for _ in range(2)] == ["draining", "ended"]
            with pytest.raises(ConnectionClosed) as closed:
                viewer.recv(10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        assert process.wait(20) == 0


def test_a_signal_loses_nothing_that_was_begun(weights: Path, kept: Path) -> None:
    with start_server({"weights": str(weights), "threads": "1"}, kept) as server:
        world = ask(f"{server.address}/v1/worlds", scene="tower")["id"]
        with connect(f"{server.address.replace('http', 'ws')}/v1/worlds/{world}/stream") as viewer:
            viewer.send('{"type": "hello"}')
            viewer.send('{"type": "action", "event_id": "a1", "text": "pick up the red block"}')
            while next_message(viewer)["type"] != "action.applied":
                pass
            server.process.send_signal(signal.SIGTERM)
            said: list[dict[str, Any]] = []
            while not said or said[-1]["type"] != "ended":
                said.append(next_message(viewer))
            assert [one["committed"] for one in said if one["type"] == "clip.end"] == [True]
            with pytest.raises(ConnectionClosed) as closed:
                viewer.recv(10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        assert server.process.wait(20) == 0
    with start_server({"weights": str(weights), "threads": "1"}, kept) as server:
        steps = get(f"{server.address}/v1/worlds/{world}")["steps"]
        assert [step["action"] for step in steps] == [None, "pick up the red block"]


def test_a_log_for_machines(weights: Path, kept: Path) -> None:
    command = [sys.executable, "-m", "server.cli", "serve", "--port", "0", "--log-format", "json", "--threads", "1"]
    environment = os.environ | {"PANDORA_DATA": str(kept), "PANDORA_WEIGHTS": str(weights)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        assert process.stderr is not None
        lines = []
        while not lines or not lines[-1]["message"].startswith("Pandora is ready: "):
            lines.append(json.loads(process.stderr.readline()))
        ask(f"{lines[-1]['message'].removeprefix('Pandora is ready: ')}/v1/worlds", scene="tower")
        process.send_signal(signal.SIGTERM)
        said, rest = process.communicate(timeout=20)
    lines += [json.loads(line) for line in rest.splitlines()]
    assert (process.returncode, said) == (0, "")
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert any(f"kept in  sqlite:///{kept}" in line["message"] for line in lines)
    assert any(line["message"].startswith("POST /v1/worlds 201") and line["owner"] == "local" for line in lines)


def test_a_port_that_is_taken(weights: Path, kept: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PandoraError, match="taken"):
        run.run(Settings(weights=weights, data=kept, port=taken.getsockname()[1]))


def test_weights_that_are_missing(tmp_path: Path, kept: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not run.run(Settings(weights=tmp_path, data=kept, port=0))
    assert "could not be loaded" in caplog.text
