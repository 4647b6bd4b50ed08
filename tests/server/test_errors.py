"""What a client hears when it is wrong, and that the worlds go on."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from pandora import errors as core
from server import errors, problems


def check(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"/problems/{code}")
    assert problem["detail"]
    assert "Traceback" not in response.text
    return problem


def every(error: type[core.PandoraError]) -> Iterator[type[core.PandoraError]]:
    yield error
    for child in error.__subclasses__():
        yield from every(child)


def test_every_error_has_a_status_and_a_code_of_its_own() -> None:
    kinds = list(every(core.PandoraError))
    assert errors.UnknownWorld in kinds
    assert all(any(base in problems.STATUS for base in kind.__mro__) for kind in kinds)
    ours = [kind.code for kind in kinds if kind.__module__.startswith(("pandora", "server"))]
    assert len(set(ours)) == len(ours)


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("", "invalid_action", 422),
        ("  \n\t ", "invalid_action", 422),
        ("x" * 501, "invalid_action", 422),
        ("x" * 10_000_000, "body_too_large", 413),
        (7, "invalid_request", 422),
        (None, "invalid_request", 422),
    ],
)
def test_actions_that_are_none(client: TestClient, world: str, text: object, code: str, status: int) -> None:
    check(client.post(f"/v1/worlds/{world}/steps", json={"actions": [text]}), status, code)
    check(client.post(f"/v1/worlds/{world}/actions", json={"text": text}), status, code)
    assert client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]}).json()["world"]["head"] == 1


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"actions": ["\\ud800"]}', b"[" * 30_000, b"null", b""])
def test_bodies_that_are_none(client: TestClient, world: str, body: bytes) -> None:
    for path in (f"/v1/worlds/{world}/steps", "/v1/worlds"):
        response = client.post(path, content=body, headers={"content-type": "application/json"})
        assert response.status_code in (400, 422), response.text
        assert response.json()["code"] in ("malformed_json", "invalid_request", "bad_request", "invalid_action")


def test_a_body_is_refused_while_it_is_read(client: TestClient, world: str) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while read < 10_000_000:
            read += 10_000
            yield b" " * 10_000

    path = f"/v1/worlds/{world}/steps"
    check(client.post(path, content=endless()), 413, "body_too_large")
    read = 0
    check(client.post(path, content=endless(), headers={"Idempotency-Key": "k"}), 413, "body_too_large")
    check(client.post("/v1/uploads", content=bytes(9_000_000)), 413, "body_too_large")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_worlds_look_alike(client: TestClient, world: str, method: str) -> None:
    client.delete(f"/v1/worlds/{world}")
    gone, never = (client.request(method, f"/v1/worlds/{one}") for one in (world, "never"))
    a, b = check(gone, 404, "unknown_world"), check(never, 404, "unknown_world")
    assert {**a, "instance": ""} == {**b, "instance": ""}
    for path, body in (("steps", {"actions": ["wait"]}), ("actions", {}), ("forks", {}), ("rewind", {"step": 0})):
        check(client.post(f"/v1/worlds/{world}/{path}", json=body), 404, "unknown_world")


def test_unknown_things(client: TestClient, world: str) -> None:
    check(client.get("/v1/nothing"), 404, "not_found")
    check(client.put("/v1/worlds"), 405, "method_not_allowed")
    check(client.get("/v1/scenes/nothing/image"), 404, "unknown_scene")
    check(client.get("/v1/scenes/..%2f..%2fconfig.json/image"), 404, "not_found")
    check(client.get(f"/v1/worlds/{world}/frames/9"), 404, "unknown_step")
    check(client.get(f"/v1/worlds/{world}/frames/0?frame=5"), 404, "unknown_step")
    check(client.get(f"/v1/worlds/{world}/frames/x"), 422, "invalid_request")
    check(client.get(f"/v1/worlds/{world}/events?after=-1"), 422, "invalid_request")
    check(client.post(f"/v1/worlds/{world}/rewind", json={"step": 9}), 404, "unknown_step")
    check(client.post(f"/v1/worlds/{world}/forks", json={"step": 9}), 404, "unknown_step")
    problem = check(client.post("/v1/worlds", json={"scene": "towr"}), 422, "unknown_name")
    assert "'tower'" in problem["detail"]
    check(client.post("/v1/worlds", json={"upload": "nothing"}), 422, "unknown_upload")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scene": "tower", "upload": "x"},
        {"scene": "tower", "seed": -1},
        {"scene": "tower", "seed": 2**53},
        {"scene": "tower", "seed": "1"},
        {"scene": "tower", "name": ""},
        {"scene": "tower", "colour": "red"},
    ],
)
def test_worlds_that_cannot_begin(client: TestClient, body: dict[str, Any]) -> None:
    response = client.post("/v1/worlds", json=body)
    assert response.status_code == 422, response.text
    assert response.json()["code"] in ("invalid_request", "invalid_input")
    assert client.get("/v1/worlds").json() == {"worlds": []}


def bomb() -> bytes:
    """A PNG of 30,000 x 30,000 pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("data", [b"", b"just text, " * 50, b"\x89PNG\r\n\x1a\n" + bytes(50), bomb(), b"GIF89a"])
def test_pictures_that_are_none(client: TestClient, world: str, data: bytes) -> None:
    check(client.post("/v1/uploads", content=data), 422, "invalid_image")
    files = {"image": ("picture.png", io.BytesIO(data), "image/png")}
    check(client.post("/v1/uploads", files=files), 422, "invalid_image")
    check(client.post("/v1/worlds", files=files), 422, "invalid_image")
    check(client.post("/v1/uploads", data={"image": "text"}, files={"x": b""}), 422, "invalid_image")
    assert client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]}).status_code == 200


def test_a_form_that_is_none(client: TestClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    for body in (b"", b"--x\r\nnonsense", b"--x--"):
        response = client.post("/v1/worlds", content=body, headers=headers)
        assert response.status_code in (400, 422), response.text
        assert response.headers["content-type"] == "application/problem+json"


def test_somebody_else_was_faster(client: TestClient, world: str) -> None:
    client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]})
    response = client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"], "expected_step": 0})
    assert check(response, 409, "step_conflict")["head"] == 1
    client.post(f"/v1/worlds/{world}/actions", json={"text": "wait", "event_id": "a1"})
    response = client.post(f"/v1/worlds/{world}/actions", json={"text": "pick up", "event_id": "a1"})
    check(response, 409, "event_id_conflict")


def test_there_is_an_end_to_everything(open_client) -> None:
    with open_client(max_worlds=1, max_steps=3, max_waiting=2, max_uploads=1) as client:
        world = client.post("/v1/worlds", json={"scene": "tower"}).json()["id"]
        full = client.post("/v1/worlds", json={"scene": "tower"})
        assert full.headers["retry-after"] == str(check(full, 429, "too_many_worlds")["retry_after"])
        check(client.post(f"/v1/worlds/{world}/forks", json={}), 429, "too_many_worlds")
        check(client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"] * 3}), 429, "too_many_waiting")
        assert client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"] * 2}).status_code == 200
        check(client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]}), 429, "too_many_steps")
        check(client.post(f"/v1/worlds/{world}/actions", json={"text": "wait"}), 429, "too_many_steps")


@pytest.mark.parametrize("origin", ["https://example.com", "null", "http://localhost.example.com", "nonsense"])
def test_pages_of_other_sites_are_kept_out(client: TestClient, origin: str) -> None:
    headers = {"origin": origin}
    check(client.post("/v1/worlds", json={"scene": "tower"}, headers=headers), 403, "forbidden_origin")
    assert client.get("/v1/worlds").json() == {"worlds": []}


@pytest.mark.parametrize("origin", ["http://localhost", "http://localhost:5173", "http://127.0.0.1:8000"])
def test_local_pages_are_let_in(client: TestClient, origin: str) -> None:
    assert client.post("/v1/worlds", json={"scene": "tower"}, headers={"origin": origin}).status_code == 201


def test_a_local_service_answers_to_local_names_only(client: TestClient, open_client) -> None:
    check(client.get("/v1/worlds", headers={"host": "example.com"}), 403, "forbidden_origin")
    with open_client(host="0.0.0.0", allow_remote=True) as remote:
        assert remote.get("/v1/worlds", headers={"host": "example.com"}).status_code == 200
        headers = {"host": "example.com", "origin": "http://localhost"}
        check(remote.post("/v1/worlds", json={"scene": "tower"}, headers=headers), 403, "forbidden_origin")


def test_half_a_character_harms_nobody(client: TestClient, world: str) -> None:
    headers = {"content-type": "application/json"}
    for path, body in (
        ("forks", b'{"name": "\\ud800"}'),
        ("actions", b'{"text": "wait", "event_id": "\\ud800"}'),
        ("actions", b'{"text": "wait \\ud800"}'),
        ("steps", b'{"actions": ["wait \\udfff"]}'),
    ):
        assert client.post(f"/v1/worlds/{world}/{path}", content=body, headers=headers).status_code < 500
    for path in ("", "/events", "/tree"):
        assert client.get(f"/v1/worlds/{world}{path}").status_code == 200
