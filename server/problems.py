"""Errors as RFC 9457 problem documents: one table from exception to status, and the handlers that use it."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from pandora import errors as core
from server import errors, logs
from server.bodies import Problem

log = logging.getLogger(__name__)

# The most specific class of an error's ancestry that is listed here decides.
STATUS: dict[type[Exception], int] = {
    core.PandoraError: 500,
    core.InvalidInput: 422,
    core.InvalidConfig: 500,
    core.InvalidCheckpoint: 500,
    core.Cancelled: 409,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Overloaded: 429,
    errors.NotReady: 503,
    errors.GenerationFailed: 500,
    errors.Unauthenticated: 401,
    errors.MissingScope: 403,
    errors.Forbidden: 403,
}

_GONE = 499  # the client left before its request was whole
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


def status_of(error: Exception) -> int:
    """The status that the table gives to `error`; 500 for a stranger."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def is_retryable(error: Exception) -> bool:
    """Whether the same request may well succeed later."""
    return isinstance(error, errors.Overloaded | errors.GenerationFailed)


def problem(
    status: int, code: str, detail: str, instance: str, head: int | None = None, retry_after: int | None = None
) -> JSONResponse:
    """A problem document as a response."""
    body = Problem(
        type=f"/problems/{code}", title=HTTPStatus(status).phrase, status=status, detail=detail, code=code,
        instance=instance, head=head, retry_after=retry_after,
    )  # fmt: skip
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body.model_dump(exclude_none=True), status, headers, "application/problem+json")


def explain(error: Exception) -> tuple[str, str]:
    """Code and detail to show for `error`; an error that is none of ours is not shown at all."""
    if isinstance(error, core.PandoraError):
        return error.code, str(error) or error.code
    return "internal_error", "The service failed. Its log says more."


def explain_validation(findings: Sequence[Any]) -> tuple[int, str, str]:
    """Status, code and detail for what pydantic found; never echoes what was sent."""
    if any(finding["type"] == "json_invalid" for finding in findings):
        return 400, "malformed_json", "The body is not valid JSON."
    told = [f"{'.'.join(str(at) for at in finding['loc']) or 'body'}: {finding['msg']}" for finding in findings[:5]]
    return 422, "invalid_request", "; ".join(told)[:500]


def refusal(request: Request, error: core.PandoraError | HTTPException) -> JSONResponse:
    """The problem document of an error that was foreseen."""
    path = request.url.path
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, HTTPStatus(error.status_code).phrase.lower().replace(" ", "_"))
        return problem(error.status_code, code, str(error.detail), path)
    status = status_of(error)
    if status == 500:
        log.error("%s %s failed", request.method, path, exc_info=error)
    request.app.state.service.metrics.refused(error)
    code, detail = explain(error)
    head, retry_after = getattr(error, "head", None), getattr(error, "retry_after", None)
    return problem(status, code, detail, path, head, retry_after)


def install(app: FastAPI) -> None:
    """Have `app` answer every error as a problem document."""

    @app.exception_handler(core.PandoraError)
    @app.exception_handler(HTTPException)
    async def known(request: Request, error: core.PandoraError | HTTPException) -> JSONResponse:
        return refusal(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(*explain_validation(error.errors()), request.url.path)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=_GONE)  # nobody hears it; it is counted

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        response = problem(500, *explain(error), request.url.path)
        response.headers["X-Request-ID"] = logs.noted().get("request_id", "")  # this is outside of all middleware
        return response
