"""Every call of the OpenAPI document with whatever its schema allows, and with what it does not."""

from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from server.app import create_app
from server.engine.engine import Engine
from server.settings import Settings
from tests.server.wire import serve

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
RUN = hypothesis_settings(
    max_examples=8,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=SLOW,
)
CHECKS = (not_a_server_error, response_schema_conformance, status_code_conformance)


@pytest.mark.slow
def test_every_call_answers_as_the_document_says(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    called = set()
    with serve(create_app(settings.but(data=tmp_path), engine)) as port:
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=address, timeout=60) as client:
            world = client.post("/v1/worlds", json={"scene": "tower"}).json()["id"]
            client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]})
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()

            @seed(1)
            @RUN
            @given(case=operation.as_strategy())
            def call(case: schemathesis.Case) -> None:
                if "world_id" in case.path_parameters and len(called) % 2:
                    case.path_parameters["world_id"] = world
                called.add((case.method, case.path))
                response = case.call(base_url=address)
                case.validate_response(response, checks=list(CHECKS))

            call()
        assert len(called) >= 15
        assert httpx.get(f"{address}/healthz").status_code == 200
