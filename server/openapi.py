"""What the routes can't say of themselves in the OpenAPI document: which errors a call may answer, and with what."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from pandora import errors as core
from server import errors
from server.idempotency import PATHS
from server.problems import STATUS

LINES = "application/x-ndjson"
_ERRORS = {  # named here, since Python's names of some differ from version to version
    400: ("BadRequest", "The body is not valid JSON."),
    401: ("Unauthorized", "No key came with the request, or one that is not valid."),
    403: ("Forbidden", "The key lacks a scope, or a page of another site asks."),
    404: ("NotFound", "There is no such thing, or it belongs to somebody else."),
    409: ("Conflict", "The world is not in a state for this."),
    413: ("ContentTooLarge", "The body is too large."),
    422: ("UnprocessableContent", "The request can't be used as it is; `detail` says what is allowed."),
    429: ("TooManyRequests", "Too much at once. Try again after as many seconds as `Retry-After` says."),
    500: ("InternalServerError", "The service failed. The world is as it was."),
    503: ("ServiceUnavailable", "The service is not ready. Try again after as many seconds as `Retry-After` says."),
}
_MORE_CODES = {  # of answers that no exception stands behind
    400: ("malformed_json",),
    409: ("idempotency_in_progress", "outcome_unknown"),
    413: ("body_too_large",),
    422: ("idempotency_mismatch", "invalid_request"),
    500: ("internal_error",),
}
_USUAL = {404: "unknown_world", 409: "step_conflict", 422: "invalid_action", 429: "too_many_requests", 503: "not_ready"}
_RETRY_AFTER = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Made up by the client: the same request with the same key is done once, and answered alike.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def install(app: FastAPI) -> None:
    """Have `app` serve the completed document at /openapi.json. Operations are named as their functions are."""
    plain = app.openapi

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(plain())
        assert app.openapi_schema is not None, "the plain one was kept"
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def operation_id(route: APIRoute) -> str:
    return route.name


def _complete(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    document["components"]["responses"] = {
        name: _answer(status, name, hint) for status, (name, hint) in _ERRORS.items()
    }
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            for status in _statuses(path, method, call):
                call["responses"].setdefault(str(status), {"$ref": f"#/components/responses/{_ERRORS[status][0]}"})
            if method == "post" and path.startswith(PATHS):
                call.setdefault("parameters", []).append(_KEY_PARAMETER)
            for answer in call["responses"].values():  # FastAPI takes all that is not JSON for texts
                answer.get("content", {}).get(LINES, {}).get("schema", {}).pop("type", None)
            for content in call.get("requestBody", {}).get("content", {}).values():
                name = content["schema"].get("$ref", "").rpartition("/")[2]
                examples = schemas.get(name, {}).get("examples", [])
                if examples and "examples" not in content:
                    content["examples"] = {f"example{at}": {"value": value} for at, value in enumerate(examples, 1)}


def _statuses(path: str, method: str, call: dict[str, Any]) -> list[int]:
    """Which errors a call may answer, by what it takes."""
    if not path.startswith("/v1"):
        return {"/readyz": [503], "/metrics": [401, 403]}.get(path, [])
    found = [401, 403, 429, 503]
    found += [404] if "{" in path or path in ("/v1/rollouts", "/v1/plans", "/v1/goals/infer") else []
    found += [422] if "requestBody" in call or "parameters" in call else []
    found += [400, 413] if "requestBody" in call else []
    if method == "post" and path.startswith(PATHS):
        found += [409, 422, 500]
    if path == "/v1/goals/infer":
        found += [409, 500]
    return sorted(set(found))


def _codes(status: int) -> list[str]:
    kinds = [kind for kind in (*vars(errors).values(), *vars(core).values()) if isinstance(kind, type)]
    named = [kind for kind in kinds if issubclass(kind, errors.ServiceError | core.InvalidInput)]
    given = {kind.code for kind in named if next(STATUS[base] for base in kind.__mro__ if base in STATUS) == status}
    return sorted(given.union(_MORE_CODES.get(status, ())))


def _answer(status: int, name: str, hint: str) -> dict[str, Any]:
    codes = _codes(status)
    code = _USUAL.get(status, codes[0])
    title = re.sub("(?<=[a-z])(?=[A-Z])", " ", name)
    example: dict[str, Any] = {
        "type": f"/problems/{code}", "title": title, "status": status, "detail": hint, "code": code,
        "instance": "/v1/worlds",
    }  # fmt: skip
    if status in (429, 503):
        example["retry_after"] = 1
    answer = {
        "description": f"{hint} Codes: {', '.join(codes)}.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        },
    }
    return answer | ({"headers": _RETRY_AFTER} if status in (429, 503) else {})
