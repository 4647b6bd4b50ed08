"""The service's descriptions: complete, true, and changed on purpose only."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from server import asyncapi
from server.protocol import FRAME_HEADER_BYTES, FrameFlags, FrameHeader, ServerMessage, client_message
from tests.server.contract.documents import agreed, complaint, live

Document = dict[str, Any]


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return live()


def calls(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, found in document["paths"].items():
        for method, call in found.items():
            yield method, path, call


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_nothing_changes_unnoticed(documents: dict[str, Document], name: str) -> None:
    if told := complaint(name, agreed(name), documents[name]):
        pytest.fail(told, pytrace=False)


def test_every_call_is_described(documents: dict[str, Document]) -> None:
    document = documents["openapi"]
    OpenAPI.model_validate(document | {"info": document["info"] | {"version": "1"}})
    ids = [call["operationId"] for _, _, call in calls(document)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in ids), ids
    for method, path, call in calls(document):
        assert call["summary"], path
        assert call["description"], path
        statuses = set(call["responses"])
        assert any(status.startswith("2") for status in statuses), path
        if path.startswith("/v1"):
            assert statuses >= {"401", "403", "429", "503"}, path
            assert "404" in statuses or "{" not in path, path
        if "requestBody" in call:
            assert statuses >= {"400", "413", "422"}, path
        for kind, content in call.get("requestBody", {}).get("content", {}).items():
            assert content.get("examples") or not kind.endswith("json"), f"{method} {path} has no example"


def test_both_are_served(client: TestClient) -> None:
    served = client.get("/asyncapi.json")
    assert served.json() == asyncapi.describe()
    assert client.get("/openapi.json").json()["paths"].keys() == agreed("openapi")["paths"].keys()


def test_references_lead_somewhere(documents: dict[str, Document]) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            node = list(node.values())
        for entry in node if isinstance(node, list) else ():
            yield from references(entry)

    for document in documents.values():
        for reference in set(references(document)):
            found: Any = document
            for key in reference.removeprefix("#/").split("/"):
                found = found[key]


def test_examples_of_messages_are_messages() -> None:
    document = asyncapi.describe()
    server_message: TypeAdapter[Any] = TypeAdapter(ServerMessage)
    channel = document["channels"][asyncapi.CHANNEL]
    assert set(channel["messages"]) == set(document["components"]["messages"])
    for operation, adapter in (("hearClient", client_message), ("tellClient", server_message)):
        for reference in document["operations"][operation]["messages"]:
            name = reference["$ref"].rpartition("/")[2]
            message = document["components"]["messages"][name]
            for example in message["examples"]:
                assert type(adapter.validate_python(example["payload"])).__name__ == name
                assert example["payload"]["type"] == message["name"]


def test_the_header_is_as_described() -> None:
    header = FrameHeader(step=1, frame=2, frames=3, media_ms=4, timestamp_ms=5, flags=FrameFlags.STILL)
    packed, at = header.pack(), 0
    for offset, size, kind, name, _ in asyncapi.HEADER:
        assert offset == at
        at += size
        if kind.startswith("u"):
            assert int(kind[1:]) == size * 8
            value = int.from_bytes(packed[offset:at], "little")
            assert value == (1 if name == "version" else getattr(header, name)), name
    assert at == FRAME_HEADER_BYTES
    frame = asyncapi.describe()["components"]["messages"]["Frame"]
    assert [flag["name"] for flag in frame["payload"]["x-flags"]] == [flag.name for flag in FrameFlags]


def change_openapi(change: Callable[[Document], object]) -> Callable[[dict[str, Document]], tuple[str, Document]]:
    def changed(documents: dict[str, Document]) -> tuple[str, Document]:
        document = deepcopy(documents["openapi"])
        change(document)
        return "openapi", document

    return changed


def change_asyncapi(change: Callable[[Document], object]) -> Callable[[dict[str, Document]], tuple[str, Document]]:
    def changed(documents: dict[str, Document]) -> tuple[str, Document]:
        document = deepcopy(documents["asyncapi"])
        change(document)
        return "asyncapi", document

    return changed


def schema(document: Document, name: str) -> Document:
    return document["components"]["schemas"][name]


STEPS = "/v1/worlds/{world_id}/steps"
BREAKING = {
    "paths > /v1/models: the path was removed": change_openapi(lambda d: d["paths"].pop("/v1/models")),
    "delete: the operation was removed": change_openapi(lambda d: d["paths"]["/v1/worlds/{world_id}"].pop("delete")),
    "WorldView > properties > head: the field was removed": change_openapi(
        lambda d: schema(d, "WorldView")["properties"].pop("head")
    ),
    "WorldView > properties > seed > type: \"integer\" became \"string\"": change_openapi(
        lambda d: schema(d, "WorldView")["properties"]["seed"].update(type="string")
    ),
    "TakeSteps > required: expected_step is required now": change_openapi(
        lambda d: schema(d, "TakeSteps")["required"].append("expected_step")
    ),
    "ForkWorld > required: now required: step": change_openapi(
        lambda d: schema(d, "ForkWorld").update(required=["step"])
    ),
    "WorldView > required: name may be absent now": change_openapi(
        lambda d: schema(d, "WorldView")["required"].remove("name")
    ),
    "maxLength: 500 became 100": change_openapi(
        lambda d: schema(d, "TakeSteps")["properties"]["actions"]["items"].update(maxLength=100)
    ),
    "parameters > depth: the parameter was added": change_openapi(
        lambda d: d["paths"][STEPS]["post"]["parameters"].append({"name": "depth", "in": "query", "required": True})
    ),
    "operationId: \"take_steps\" became \"act\"": change_openapi(
        lambda d: d["paths"][STEPS]["post"].update(operationId="act")
    ),
    "messages > ClipEnd: the message was removed": change_asyncapi(
        lambda d: d["components"]["messages"].pop("ClipEnd")
    ),
    "Act > required: by is required now": change_asyncapi(lambda d: schema(d, "Act")["required"].append("by")),
    "x-header > step > offset: 4 became 5": change_asyncapi(
        lambda d: d["components"]["messages"]["Frame"]["payload"]["x-header"][3].update(offset=5)
    ),
}  # fmt: skip
HARMLESS = {
    "description: ": change_openapi(lambda d: d["paths"][STEPS]["post"].update(description="Do.")),
    "the field was added": change_openapi(
        lambda d: schema(d, "WorldView")["properties"].update(mood={"type": "string"})
    ),
    "mood is required now": change_openapi(lambda d: schema(d, "WorldView")["required"].append("mood")),
    "maxLength: 500 became 900": change_openapi(
        lambda d: schema(d, "TakeSteps")["properties"]["actions"]["items"].update(maxLength=900)
    ),
    "paths > /v2: the path was added": change_openapi(lambda d: d["paths"].update({"/v2": {}})),
    "Pong > properties > mood: the field was added": change_asyncapi(
        lambda d: schema(d, "Pong")["properties"].update(mood={"type": "string"})
    ),
}  # fmt: skip


@pytest.mark.parametrize("told", BREAKING)
def test_what_breaks_clients_is_named(documents: dict[str, Document], told: str) -> None:
    name, changed = BREAKING[told](documents)
    said = complaint(name, documents[name], changed) or ""
    line = next((line for line in said.splitlines() if told in line), said)
    assert told in line
    assert line.startswith("  BREAKING")
    assert "python -m tests.server.contract" in said


@pytest.mark.parametrize("told", HARMLESS)
def test_what_breaks_nobody_is_told_too(documents: dict[str, Document], told: str) -> None:
    name, changed = HARMLESS[told](documents)
    said = complaint(name, documents[name], changed) or ""
    assert told in said
    assert "none of them breaking" in said
    assert complaint(name, documents[name], documents[name]) is None
