"""What one needs to run the service: health, metrics, logs, traces, a good end."""

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from pandora.errors import PandoraError
from pandora.world_model import WorldModel
from server import logs
from server.accounting import REQUEST_ID
from server.engine.engine import Engine
from server.errors import StoreUnavailable
from server.service import Service
from server.settings import Settings
from server.store.inspection import inspect

Open = Callable[..., AbstractContextManager[TestClient]]
Busy = Callable[[], AbstractContextManager[None]]


def service(client: TestClient) -> Service:
    return client.app.state.service  # type: ignore[attr-defined]


def begin(client: TestClient) -> str:
    return client.post("/v1/worlds", json={"scene": "tower", "seed": 7}).json()["id"]


def step(client: TestClient, world: str, *actions: str) -> dict[str, Any]:
    response = client.post(f"/v1/worlds/{world}/steps", json={"actions": list(actions) or ["wait"]})
    assert response.status_code == 200, response.text
    return response.json()


def measured(client: TestClient) -> dict[str, float]:
    """Every series of /metrics, as `name{label="value"}` without the prefix."""
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for name, labels, value, *_ in family.samples:
            told = ",".join(f"{key}={labels[key]}" for key in sorted(labels))
            found[name.removeprefix("pandora_") + (f"{{{told}}}" if told else "")] = value
    return found


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(0.01)


# --- metrics ---


def test_an_action_is_measured(client: TestClient, world: str) -> None:
    before = measured(client)
    assert before["clips_total{outcome=committed}"] == before["commit_seconds_count"] == 0
    step(client, world, "wait", "pick up the red block")
    now = measured(client)
    assert now["clips_total{outcome=committed}"] == now["actions_total{outcome=applied}"] == 2
    for name in ("action_applied", "first_frame", "generate", "encode", "commit"):
        assert now[f"{name}_seconds_count"] == 2, name
        assert now[f"{name}_seconds_sum"] > 0, name
    assert now["action_applied_seconds_sum"] < now["first_frame_seconds_sum"]
    assert now["first_clip_seconds_count"] == 1  # of two clips of one world
    assert now["first_clip_seconds_sum"] < now["first_frame_seconds_sum"] + now["generate_seconds_sum"]
    assert (now["worlds"], now["worlds_active"], now["worlds_suspended"], now["steps"]) == (1, 1, 0, 3)
    assert now["cached_bytes"] > 0
    assert now["ready"] == 1


def test_outcomes_are_counted(client: TestClient, world: str, busy: Busy) -> None:
    with busy():
        for text in ("wait", "pick up", "put it down"):
            client.post(f"/v1/worlds/{world}/actions", json={"text": text})
        until(lambda: measured(client)["actions_total{outcome=superseded}"] == 2)
        client.post(f"/v1/worlds/{world}/rewind", json={"step": 0})
    client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"], "expected_step": 5})
    client.get("/v1/worlds/never")
    now = measured(client)
    assert now["clips_total{outcome=cancelled}"] == 1
    assert now["refused_total{reason=step_conflict}"] == now["refused_total{reason=unknown_world}"] == 1


def test_a_deadline_is_missed_only_by_who_had_one(client: TestClient, world: str, watch, busy: Busy) -> None:
    session = service(client).sessions._live[world]
    with watch(world) as viewing:
        viewing.act("idle")  # there was nothing to see since long ago
        viewing.until("clip.end")
        assert measured(client)["deadlines_total"] == 0
        session._dry_at = time.monotonic() + 60
        viewing.act("in-time")
        viewing.until("clip.end")
        now = measured(client)
        assert (now["deadlines_total"], now["deadline_misses_total"]) == (1, 0)
        with busy():
            session._dry_at = time.monotonic() + 0.5
            viewing.act("late")
            time.sleep(1)
        viewing.until("clip.end")
        now = measured(client)
        assert (now["deadlines_total"], now["deadline_misses_total"]) == (2, 1)


def test_bytes_that_forks_share(client: TestClient, world: str) -> None:
    step(client, world, "wait", "wait")
    alone = measured(client)
    assert alone["shared_bytes"] == 0
    fork = client.post(f"/v1/worlds/{world}/forks", json={"step": 1}).json()["id"]
    step(client, fork, "pick up")
    both = measured(client)
    assert both["worlds_active"] == 2
    moments = service(client).sessions._moments
    shared = {(world, 0), (world, 1)}
    assert both["shared_bytes"] == sum(size for *key, size in moments.entries() if tuple(key) in shared) > 0
    assert both["shared_bytes"] < both["cached_bytes"]
    client.delete(f"/v1/worlds/{fork}")
    assert measured(client)["shared_bytes"] == 0


def test_requests_are_counted_by_template(client: TestClient, world: str, watch) -> None:
    client.get(f"/v1/worlds/{world}")
    client.get("/v1/worlds/never")
    client.get("/v1/nothing/at/all")
    client.request("BREW", "/v1/worlds")
    client.get("/index.html")
    with watch(world):
        pass
    until(lambda: any("method=WS" in name for name in measured(client)))
    now = measured(client)
    requests = {name for name in now if name.startswith("http_requests_total")}
    assert now["http_requests_total{method=GET,route=/v1/worlds/{world_id},status=200}"] == 1
    assert now["http_requests_total{method=GET,route=/v1/worlds/{world_id},status=404}"] == 1
    assert now["http_requests_total{method=POST,route=/v1/worlds,status=201}"] == 1
    assert now["http_requests_total{method=other,route=unmatched,status=405}"] == 1
    assert now["http_requests_total{method=GET,route=unmatched,status=404}"] == 1
    assert any("route=/v1/worlds/{world_id}/stream" in name for name in requests)
    assert not any(world in name or "never" in name or "nothing/at" in name or "index" in name for name in requests)


def test_services_count_for_themselves(open_client: Open, tmp_path: Path) -> None:
    with open_client() as one, open_client(data=tmp_path / "other") as two:
        begin(one)
        route = "http_requests_total{method=POST,route=/v1/worlds,status=201}"
        assert route in measured(one)
        assert route not in measured(two)


# --- health and the end ---


def test_not_ready_while_the_store_cannot_be_written(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/readyz").status_code == 200

    def refuse(path: str, data: bytes) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(service(client).store.blobs._files, "pipe_file", refuse)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["code"]) == (503, StoreUnavailable.code)
    assert measured(client)["store_errors_total{operation=blob}"] == 1
    assert client.get("/healthz").status_code == 200


def test_a_key_is_not_looked_up_in_a_store_out_of_reach(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*asked: str) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(service(client).answers, "begin", refuse)
    response = client.post("/v1/worlds", json={"scene": "row"}, headers={"Idempotency-Key": "k"})
    assert (response.status_code, response.json()["code"]) == (503, StoreUnavailable.code)
    assert response.headers["Retry-After"]


def test_not_ready_while_the_model_is_loaded(
    open_client: Open, settings: Settings, kept: Path, model: WorldModel
) -> None:
    from server.app import create_app

    gate = threading.Event()

    def load() -> WorldModel:
        gate.wait(20)
        return model

    engine = Engine(load)
    with TestClient(create_app(settings.but(data=kept), engine), base_url="http://localhost") as client:
        response = client.get("/readyz")
        assert (response.status_code, response.json()["code"]) == (503, "not_ready")
        assert measured(client)["ready"] == 0
        gate.set()
        engine.settled.wait(20)
        assert client.get("/readyz").status_code == 200
    engine.stop()


def test_the_end_finishes_what_runs(open_client: Open, busy: Busy, caplog: pytest.LogCaptureFixture) -> None:
    with open_client(drain_seconds=20) as client:
        world = begin(client)
        with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as socket:
            socket.send_json({"type": "hello"})
            assert socket.receive_json()["type"] == "ready"
            socket.receive_bytes()
            assert client.portal is not None
            with busy():
                socket.send_json({"type": "action", "event_id": "a1", "text": "pick up the red block"})
                assert socket.receive_json()["type"] == "action.received"
                until(lambda: service(client).engine.waiting == 1)
                socket.send_json({"type": "control", "command": "pause"})
                assert socket.receive_json()["type"] == "control"
                ending = client.portal.start_task_soon(service(client).sessions.drain)
                assert socket.receive_json()["type"] == "draining"
                for path, body in (
                    ("/v1/worlds", {"scene": "tower"}),
                    (f"/v1/worlds/{world}/forks", {}),
                    (f"/v1/worlds/{world}/steps", {"actions": ["wait"]}),
                    (f"/v1/worlds/{world}/actions", {"text": "wait"}),
                ):
                    refused = client.post(path, json=body)
                    assert (refused.status_code, refused.json()["code"]) == (503, "stopping"), path
                    assert refused.headers["retry-after"] == "2"
                assert client.get("/readyz").json()["code"] == "stopping"
                assert measured(client)["ready"] == 0
                assert client.get(f"/v1/worlds/{world}").json()["head"] == 0
                with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as late:
                    assert late.receive_json()["code"] == "stopping"
                    assert late.receive()["code"] == 1012
                assert not ending.done()
            said, closed = [], None
            while closed is None:
                message = socket.receive()
                closed = message.get("code")
                if message.get("text"):
                    said.append(json.loads(message["text"]))
            assert [m["type"] for m in said] == ["action.applied", "clip.start", "clip.end", "ended"]
            assert (said[2]["committed"], closed) == (True, 1012)
            ending.result(20)
        assert measured(client)["clips_total{outcome=committed}"] == 1
    with open_client() as client:
        found = client.get(f"/v1/worlds/{world}").json()
        assert (found["head"], found["steps"][1]["action"]) == (1, "pick up the red block")
        assert client.portal is not None
        session = client.portal.call(service(client).sessions.find, world, "local")
        assert session.world.step().snapshot is not None, "the head is found without replay"
    assert "without a snapshot" not in caplog.text


def test_the_end_does_not_wait_for_ever(open_client: Open, busy: Busy) -> None:
    with open_client(drain_seconds=1) as client:
        world = begin(client)
        assert client.portal is not None
        with busy():
            client.post(f"/v1/worlds/{world}/actions", json={"text": "pick up the red block"})
            until(lambda: service(client).engine.waiting == 1)
            began = time.monotonic()
            client.portal.call(service(client).sessions.drain)
            assert 0.9 < time.monotonic() - began < 10
        assert measured(client)["clips_total{outcome=cancelled}"] == 1


# --- logs ---


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the service logged, as its JSON formatter has it at that moment."""
    written: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(logs.JsonLines().format(record))

    handler, logger = Handler(), logging.getLogger("server")
    logger.addHandler(handler)
    with caplog.at_level(logging.INFO, "server"):
        yield lambda: [json.loads(line) for line in written]
    logger.removeHandler(handler)


def test_a_line_for_every_request(client: TestClient, lines) -> None:
    world = begin(client)
    secret = "pick up the red block"
    answer = client.post(f"/v1/worlds/{world}/steps", json={"actions": [secret]}, headers={REQUEST_ID: "mine-1"})
    for path in ("/healthz", "/readyz", "/metrics"):
        client.get(path)
    client.get("/v1/worlds/%0Anever", headers={REQUEST_ID: "no good\tid"})
    made, stepped, lost = [line for line in lines() if line["logger"] == "server.accounting"]
    assert (made["method"], made["path"], made["status"]) == ("POST", "/v1/worlds", 201)
    assert (made["world"], made["owner"]) == (world, "local")
    assert made["level"] == "info"
    assert made["milliseconds"] > 0
    assert stepped["request_id"] == answer.headers[REQUEST_ID] == "mine-1"
    assert stepped["world"] == world
    assert re.fullmatch("[0-9a-f]{16}", lost["request_id"])
    assert (lost["path"], lost["status"]) == ("/v1/worlds/%0Anever", 404)
    assert "world" not in lost  # an id that is none of the caller's is none
    assert secret not in json.dumps(lines())


def test_what_the_engine_tells_carries_the_ids(client: TestClient, world: str, monkeypatch, lines) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(type(service(client).engine.model), "stream", break_down)
    answer = client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]}, headers={REQUEST_ID: "the-one"})
    assert (answer.status_code, answer.json()["code"]) == (500, "generation_failed")
    told = next(line for line in lines() if line["logger"] == "server.sessions.session")
    assert (told["request_id"], told["world"], told["owner"]) == ("the-one", world, "local")
    assert "RuntimeError: a bug" in told["exception"]


def test_an_unknown_error_has_an_id_too(settings: Settings, engine: Engine, kept: Path) -> None:
    from server.app import create_app

    app = create_app(settings.but(data=kept), engine)

    @app.get("/v1/broken")
    async def broken() -> None:
        raise RuntimeError("a bug")

    app.router.routes.insert(0, app.router.routes.pop())  # before the page
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        answer = client.get("/v1/broken", headers={REQUEST_ID: "mine-2"})
        assert (answer.status_code, answer.headers[REQUEST_ID]) == (500, "mine-2")
        assert measured(client)["http_requests_total{method=GET,route=/v1/broken,status=500}"] == 1


def test_text_lines_end_in_ids() -> None:
    record = logging.LogRecord("server.x", logging.WARNING, "x.py", 1, "%s of %d", ("one", 2), None)
    logs.begin(request_id="r1")
    logs.note(world="w1")
    assert logs.TextLines().format(record).endswith(" warning server.x: one of 2 request_id=r1 world=w1")


# --- traces ---


def test_spans_of_an_action(settings: Settings, engine: Engine, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from server.app import create_app

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    with TestClient(create_app(settings.but(data=kept), engine), base_url="http://localhost") as client:
        world = begin(client)
        step(client, world)
        client.get("/healthz")
        until(lambda: any(span.name == "action" for span in exporter.get_finished_spans()))
        client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"], "expected_step": 7})
    spans = exporter.get_finished_spans()
    request = next(span for span in spans if span.name == "POST /v1/worlds/{world_id}/steps")
    assert {"pandora.world": world, "pandora.owner": "local"}.items() <= dict(request.attributes or {}).items()
    action = next(span for span in spans if span.name == "action")
    assert dict(action.attributes or {}) == {"pandora.world": world, "pandora.step": 1}
    assert parent(action) == own(request)
    stages = {span.name: (span.start_time or 0, span.end_time or 0) for span in spans if parent(span) == own(action)}
    assert set(stages) == {"queue", "read", "denoise", "decode", "encode", "commit"}
    assert all(until >= since >= (action.start_time or 0) - 1_000_000 for since, until in stages.values())
    assert stages["read"][0] < stages["read"][1] == stages["denoise"][0] < stages["denoise"][1]
    assert not any("healthz" in span.name for span in spans)


def own(span: ReadableSpan) -> int | None:
    return span.context.span_id if span.context else None


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


# --- the doctor ---


def test_the_doctor_looks_and_touches_nothing(open_client: Open, kept: Path, tmp_path: Path) -> None:
    none = tmp_path / "not" / "there"
    assert "not there yet" in inspect(Settings(data=none))
    assert not none.parent.exists()
    with open_client() as client:
        begin(client)
    before = sorted(path.relative_to(kept) for path in kept.rglob("*"))
    assert re.search(r"writable, .* GiB free; 1 worlds in sqlite", inspect(Settings(data=kept)))
    assert sorted(path.relative_to(kept) for path in kept.rglob("*")) == before


def test_the_doctor_finds_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "pandora.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(PandoraError, match=r"can't be read: .*not a database"):
        inspect(Settings(data=tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(PandoraError, match="can't be written"):
        inspect(Settings(data=tmp_path / "file"))
    with pytest.raises(PandoraError, match="PANDORA_DATABASE"):
        inspect(Settings(data=tmp_path, database="nonsense"))
