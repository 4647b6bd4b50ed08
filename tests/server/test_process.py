"""The service as a process of its own, driven through real sockets."""

import json
import signal
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from pandora.errors import PandoraError
from server import bench, run
from server.cli import bench as bench_app
from server.settings import Settings


def test_bench_measures_a_real_server(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "QUICK", (10, 10))
    out = tmp_path / "out" / "bench.json"
    arguments = ["stream", "--quick", "--weights", str(weights), "--threads", "1", "--json", str(out)]
    result = CliRunner().invoke(bench_app, arguments)
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text())
    rows = {row["name"]: row for row in written["rows"]}
    streamed = {f"stream.{name}" for name in ("frames_per_second", "first_frame_p50_ms", "first_frame_p95_ms")}
    assert set(rows) == {*streamed, "server.peak_memory_bytes"}
    assert all(set(row) == {"name", "value", "unit", "low", "high", "n"} for row in rows.values())
    assert all(0 < row["low"] <= row["value"] <= row["high"] for row in rows.values())
    assert written["settings"]["model"] == "pandora-tiny"
    assert "stream.frames_per_second" in result.output


def test_a_signal_lets_the_viewers_know(weights: Path) -> None:
    with bench.start_server({"weights": str(weights), "threads": "1"}) as (address, process):
        world = bench.post(f"{address}/v1/worlds", b'{"scene": "tower"}', "application/json")["id"]
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
        assert process.wait(20) in (0, -signal.SIGTERM)


def test_a_port_that_is_taken(weights: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PandoraError, match="taken"):
        run.run(Settings(weights=weights, port=taken.getsockname()[1]))


def test_weights_that_are_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not run.run(Settings(weights=tmp_path, port=0))
    assert "could not be loaded" in caplog.text
