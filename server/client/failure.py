"""What the service answers when it does not do what it was asked, as errors."""

from http.client import responses
from typing import Self

from pydantic import ValidationError

from pandora.errors import PandoraError
from server.bodies import Problem


class ServiceFailure(PandoraError):
    """`code` is the service's own and stable; `status` is 0 where there was no answer."""

    code = "service_failure"

    def __init__(
        self, detail: str, *, code: str | None = None, status: int = 0, retry_after: int | None = None,
        head: int | None = None,
    ):  # fmt: skip
        super().__init__(detail)
        self.code = code or type(self).code
        self.detail = detail
        self.status = status
        self.retry_after = retry_after  # seconds
        self.head = head  # with `step_conflict`: where the world is now

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may well succeed in a moment."""
        return self.status in (429, 502, 503, 504) or self.code == "idempotency_in_progress"

    @classmethod
    def from_answer(cls, status: int, body: bytes, retry_after: str | None = None) -> "ServiceFailure":
        """By the status; the rest from the problem document, if the answer is one."""
        kind = _KINDS.get(status, ServiceFailure)
        try:
            problem = Problem.model_validate_json(body)
        except ValidationError:
            wait = int(retry_after) if retry_after and retry_after.isdecimal() else None
            phrase = responses.get(status, "which is no known status")
            return kind(f"The service answered {status}, {phrase}.", status=status, retry_after=wait)
        return kind(
            problem.detail, code=problem.code, status=status, retry_after=problem.retry_after, head=problem.head
        )


class InvalidRequest(ServiceFailure):
    code = "request_refused"


class AccessDenied(ServiceFailure):
    code = "access_denied"


class NotFound(ServiceFailure):
    code = "nothing_there"


class Conflict(ServiceFailure):
    code = "world_differs"


class Overloaded(ServiceFailure):
    code = "service_busy"


class Unavailable(ServiceFailure):
    code = "service_unavailable"


class Unreachable(ServiceFailure):
    """No answer came. `is_retryable` unless the time was up, after which the request may still be at work."""

    code = "service_unreachable"
    timed_out = False

    @property
    def is_retryable(self) -> bool:
        return not self.timed_out

    @classmethod
    def after_timeout(cls, seconds: float) -> Self:
        failure = cls(f"No answer came within {seconds:g} seconds. Pass a longer `timeout`, or ask for less at a time.")
        failure.timed_out = True
        return failure


_KINDS: dict[int, type[ServiceFailure]] = {
    400: InvalidRequest, 401: AccessDenied, 403: AccessDenied, 404: NotFound, 409: Conflict, 413: InvalidRequest,
    422: InvalidRequest, 429: Overloaded, 503: Unavailable,
}  # fmt: skip
