"""Every call of the OpenAPI document with whatever its schema allows, and with what it does not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pandora.errors import PandoraError
from server.app import create_app
from server.bench import schema, service
from server.engine.engine import Engine
from server.routes import worlds
from server.settings import Settings
from tests.server.wire import serve


@pytest.fixture
def address(settings: Settings, engine: Engine, tmp_path: Path) -> Iterator[str]:
    with serve(create_app(settings.but(data=tmp_path, max_rollout_steps=32), engine)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.slow
def test_every_call_answers_as_the_document_says(address: str) -> None:
    failures, called = schema.explore(address, service.QUICK.examples)
    assert not failures
    assert called >= 100


@pytest.mark.slow
def test_an_answer_that_is_not_as_the_document_says_is_found(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(event: Any) -> Any:
        raise RuntimeError("planted")

    monkeypatch.setattr(worlds, "view_event", fail)
    failures, _ = schema.explore(address, 2)
    assert failures
    assert all(failure.startswith("GET /v1/worlds/{world_id}/events: ") for failure in failures)


def test_what_makes_the_calls_may_be_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "find_spec", lambda name: None)
    with pytest.raises(PandoraError, match="extra `dev`"):
        schema.measure(1)
    assert service.measure({}, only=["schema"], quick=True) == []
    assert "left out" in capsys.readouterr().out
