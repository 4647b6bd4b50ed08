"""That nobody learns of what another user has, and that it would be seen if somebody did."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.bench import probe
from server.bench.document import Operation, Unfilled, calls, read_operations
from server.engine.engine import Engine
from server.errors import MissingScope, UnknownWorld
from server.sessions.sessions import Sessions
from server.settings import Settings
from server.uploads import Uploads
from tests.server.wire import serve

LIMITS: dict[str, Any] = {
    "requests_per_second": 10_000, "worlds_per_minute": 10_000, "max_rollouts": 1000, "max_rollouts_per_user": 1000,
}  # fmt: skip


@pytest.fixture
def started(settings: Settings, engine: Engine, kept: Path) -> Iterator[probe.Probe]:
    """A probe of a service in this process."""
    with serve(create_app(settings.but(data=kept, require_keys=True, **LIMITS), engine)) as port:
        found = probe.Probe(f"http://127.0.0.1:{port}", probe.make_keys(kept), random.Random(0), share=0.0)
        with closing(found):
            yield found


@pytest.mark.slow
def test_nobody_learns_of_what_another_has() -> None:
    rows = probe.measure(probe.QUICK)
    assert [(row.name, row.value) for row in rows] == [("probe.leaks", 0)]
    assert rows[0].n > 500


@pytest.mark.slow
def test_another_answer_for_a_world_of_another_is_a_leak(started: probe.Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    find = Sessions.find

    async def tell(self: Sessions, world_id: str, owner: str) -> Any:
        try:
            return await find(self, world_id, owner)
        except UnknownWorld:
            if world_id in self._live:
                raise MissingScope("It is somebody else's.") from None
            raise

    monkeypatch.setattr(Sessions, "find", tell)
    started.run()
    told = "\n".join(started.leaks)
    assert "another user: GET /v1/worlds/" in told
    assert "an operator: ws://" in told
    assert "nobody" not in told


@pytest.mark.slow
def test_a_picture_of_another_is_a_leak(started: probe.Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(self: Uploads, owner: str, upload_id: str) -> Any:
        return next((found for mine in self._uploads.values() for name, found in mine.items() if name == upload_id))

    started._share = 1.0  # the first call begins from a scene
    started._operations = [one for one in started._operations if str(one) == "POST /v1/worlds"]
    monkeypatch.setattr(Uploads, "get", get)
    started.run()
    assert any("upload" in leak for leak in started.leaks)


def test_every_operation_is_known(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = read_operations(document)
    assert len(operations) == sum(map(len, document["paths"].values()))
    assert {str(one) for one in operations} >= {"GET /v1/worlds", "POST /v1/worlds/{world_id}/steps"}


def test_what_cannot_be_filled_is_told() -> None:
    unknown = Operation(
        method="GET", path="/v1/recordings/{recording_id}", bodies={}, examples=(),
        parameters=({"name": "recording_id", "in": "path"},),
    )  # fmt: skip
    with pytest.raises(Unfilled, match="recording_id"):
        calls(unknown, {"world_id": ["w"]})
    found = calls(unknown, {"recording_id": ["a/b", "c"]})
    assert [call.target for call in found] == ["/v1/recordings/a%2Fb", "/v1/recordings/c"]
