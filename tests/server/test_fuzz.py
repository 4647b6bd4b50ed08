"""That nothing which is sent hurts the service, and that it would be seen if something did."""

import io
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from server.app import create_app
from server.bench import fuzz
from server.bench.bombs import bombs, film, seeds
from server.bench.document import read_operations
from server.bench.loaders import load_damaged
from server.bench.raw import Shot, exchange, request
from server.bench.shots import Shots
from server.bench.tiny import furnish
from server.engine.engine import Engine
from server.routes import worlds
from server.settings import Settings
from tests.server.wire import serve


@pytest.fixture
def address(settings: Settings, engine: Engine, kept: Path) -> Iterator[str]:
    with serve(create_app(settings.but(data=kept), engine)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.slow
def test_nothing_hurts_the_service() -> None:
    rows = fuzz.measure(replace(fuzz.QUICK, loads=0))
    assert [(row.name, row.value) for row in rows] == [("fuzz.crashes", 0)]
    assert rows[0].n > fuzz.QUICK.inputs


def test_a_failure_is_a_crash(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(family: Any) -> Any:
        raise RuntimeError("planted")

    world = furnish(address)["world_id"]
    found = fuzz.Fuzz(address, 1)
    tree = request("GET", f"/v1/worlds/{world}/tree")
    found.fire(Shot("a tree", tree))
    found.fire(Shot("no world", request("GET", "/v1/worlds/x/tree")))
    assert found.crashes == []
    monkeypatch.setattr(worlds, "view_tree", fail)
    found.fire(Shot("a tree", tree))
    assert len(found.crashes) == 1
    assert "a tree" in found.crashes[0]
    assert "500" in found.crashes[0]
    exchange(address, Shot("a tree", tree))  # heard by nobody but the service
    found.look(world, (0, 0))
    assert found.crashes[1:] == ["The service counts 2 failures, and 1 were heard of"]


def test_what_is_sent_follows_from_the_seed(client: TestClient) -> None:
    operations = read_operations(client.get("/openapi.json").json())

    def sent(seed: int) -> list[Shot]:
        shots = Shots(operations, random.Random(seed))
        return [shots.next({"world_id": "w"}) for _ in range(300)]

    assert sent(3) == sent(3)
    assert sent(3) != sent(4)
    assert len({shot.name for shot in sent(3)}) > 30


def test_bombs_are_small_and_seeds_can_be_read() -> None:
    found = dict(bombs(random.Random(0)))
    assert len(found) > 60
    assert max(map(len, found.values())) < 10 * 2**20
    for name, data in seeds().items():
        with Image.open(io.BytesIO(data)) as image:
            assert image.convert("RGB").size == (40, 40), name
    assert film()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xe9\r\n--x--\r\n', "; charset=punycode"),
        (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n--x--\r\n', "; charset=undefined"),
        (b'--x\r\nContent-Disposition: form-data; name="seed"\r\n\r\n' + b"9" * 5000 + b"\r\n--x--\r\n", ""),
    ],
)
def test_forms_that_make_no_sense(client: TestClient, body: bytes, kind: str) -> None:
    headers = {"content-type": f"multipart/form-data; boundary=x{kind}"}
    for path in ("/v1/worlds", "/v1/uploads"):
        answer = client.post(path, content=body, headers=headers)
        assert answer.status_code == 422, answer.text


def test_an_origin_that_is_no_address(client: TestClient) -> None:
    answer = client.post("/v1/worlds", json={"scene": "tower"}, headers={"origin": "http://["})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_origin")


@pytest.mark.parametrize("number", [2**31, 2**63 - 1, 2**63, 10**40])
def test_numbers_that_no_column_holds(client: TestClient, world: str, number: int) -> None:
    answer = client.get(f"/v1/worlds/{world}/events?after={number}")
    assert (answer.status_code, answer.json()) == (200, {"events": [], "next": number})
    assert client.get(f"/v1/worlds/{world}/frames/{number}").status_code == 404


def test_who_leaves_in_the_middle_is_no_failure_of_the_service(address: str) -> None:
    half = b"POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\nabc"
    assert exchange(address, Shot("half a picture", half, cut=True)) is None
    counted = exchange(address, Shot("metrics", request("GET", "/metrics")))
    assert counted is not None
    assert b'status="499"' in counted.body
    assert b'status="500"' not in counted.body


@pytest.mark.slow
def test_checkpoints_that_lie_are_refused() -> None:
    faults, loaded = load_damaged(1, 60)
    assert loaded == 60
    assert not faults
