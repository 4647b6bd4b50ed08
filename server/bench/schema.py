"""`pandora bench service --only schema`: does every operation answer as the served document says it does?

Schemathesis makes calls of what the schemas allow, and of what they don't; every other one is aimed at things that are
there. What comes back must be no failure of the service, of a status that the document names, and as it describes it.
"""

from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from pandora.errors import PandoraError
from server.bench.process import get
from server.bench.rows import Row, single
from server.bench.tiny import furnish, start_tiny

if TYPE_CHECKING:
    import schemathesis

_SETTINGS: dict[str, Any] = {
    "max_worlds": 1_000_000, "max_worlds_per_user": 1_000_000, "max_rollout_steps": 32, "max_rollouts": 10_000,
    "max_rollouts_per_user": 10_000,
}  # fmt: skip
_PATIENCE = 120.0
_SHOWN = 20


def measure(examples: int, seed: int = 1) -> list[Row]:
    """Answers that are not as the document says, over so many calls of each operation.

    Raises PandoraError where what makes the calls is not installed.
    """
    _check_installed()
    with start_tiny(**_SETTINGS) as server:
        failures, called = explore(server.address, examples, seed)
    for failure in failures[:_SHOWN]:
        print(f"  {failure}")
    return [single("schema.failures", "failures", len(failures), called)]


def explore(address: str, examples: int, seed: int = 1) -> tuple[list[str], int]:
    """What is wrong with a running service, each with a call that shows it, and how many calls were made."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from schemathesis.core.result import Ok

    calls = _Calls(address)
    patient = settings(
        max_examples=examples, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )  # fmt: skip
    for found in schemathesis.openapi.from_url(f"{address}/openapi.json").get_all_operations():
        if not isinstance(found, Ok):
            calls.failures.setdefault(str(found), f"The document has an operation that can't be called: {found}")
            continue

        @seeded(seed)
        @patient
        @given(case=found.ok().as_strategy())
        def call(case: "schemathesis.Case") -> None:
            calls.make(case)

        call()
    with suppress(URLError):
        if get(f"{address}/healthz")["status"] == "ok":
            return list(calls.failures.values()), calls.made
    return [*calls.failures.values(), "/healthz is not well afterwards"], calls.made


class _Calls:
    """`failures` by what failed, so that one is told once."""

    def __init__(self, address: str):
        self.failures: dict[str, str] = {}
        self.made = 0
        self._address = address
        self._things = furnish(address)

    def make(self, case: "schemathesis.Case") -> None:
        """Send it and check the answer."""
        from schemathesis.checks import not_a_server_error
        from schemathesis.core.failures import FailureGroup
        from schemathesis.specs.openapi import checks

        self.made += 1
        if self.made % 2:
            self._aim(case)
        response = case.call(base_url=self._address, timeout=_PATIENCE)
        if case.method.upper() == "DELETE" and response.status_code == 204:
            self._things = furnish(self._address)
        for check in (
            not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_headers_conformance,
            checks.response_schema_conformance,
        ):
            try:
                case.validate_response(response, checks=[check])
            except FailureGroup as error:
                operation = f"{case.method} {case.path}"
                told = " ".join(f"{one} {getattr(one, 'message', '')}" for one in error.exceptions)
                told = f"{' '.join(told.split())} for {case.formatted_path} {case.query or ''} {case.body!r:.300}"
                self.failures.setdefault(f"{operation} {check.__name__}", f"{operation}: {told[:600]}")

    def _aim(self, case: "schemathesis.Case") -> None:
        """At things that are there."""
        for name in case.path_parameters.keys() & self._things.keys():
            case.path_parameters[name] = self._things[name]
        if isinstance(case.body, dict):
            body: dict[str, Any] = case.body
            for name in body.keys() & self._things.keys():
                body[name] = self._things[name]


def _check_installed() -> None:
    if not all(map(find_spec, ("hypothesis", "schemathesis"))):
        raise PandoraError("The document is tried with schemathesis: install the extra `dev`.")
