"""One service over HTTP: sends, waits and sends again where that helps, and turns problems into failures."""

import asyncio
import random
from collections.abc import AsyncGenerator
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel

from pandora import __version__
from server.client.failure import InvalidRequest, ServiceFailure, Unreachable

Answer = TypeVar("Answer", bound=BaseModel)

ATTEMPTS = 8
CONNECT_SECONDS = 10.0
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0


class Transport:
    """`timeout` is for one answer, `patience` for all waits between the attempts of one request, in seconds."""

    def __init__(self, base_url: str, key: str | None, *, timeout: float, patience: float):
        if not base_url.startswith(("http://", "https://")):
            raise InvalidRequest(f"The address of a service begins with http:// or https://; got {base_url!r}.")
        self.base_url = base_url.rstrip("/")
        self.headers = {"User-Agent": f"pandora/{__version__}"}
        if key:
            self.headers["Authorization"] = f"Bearer {key}"
        self._timeout = timeout
        self._patience = patience
        limit = httpx.Timeout(timeout, connect=CONNECT_SECONDS)
        self._http = httpx.AsyncClient(base_url=self.base_url, headers=self.headers, timeout=limit)

    async def ask(self, kind: type[Answer], method: str, path: str, **request: Any) -> Answer:
        """As `send`; the answer as a `kind`."""
        return kind.model_validate_json((await self.send(method, path, **request)).content)

    async def send(self, method: str, path: str, *, patience: float | None = None, **request: Any) -> httpx.Response:
        """A successful answer. Each POST carries a key by which the service knows it again. Raises ServiceFailure."""
        patience = self._patience if patience is None else patience
        built = self._http.build_request(method, path, **request)
        if method == "POST":
            built.headers["Idempotency-Key"] = uuid4().hex
        await built.aread()  # a form draws its boundary anew otherwise, and would be another request
        waited = 0.0
        for attempt in count(1):
            try:
                return await self._try(built)
            except ServiceFailure as failure:
                wait = failure.retry_after or backoff(attempt)
                waited += wait
                if not failure.is_retryable or attempt >= ATTEMPTS or waited > patience:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("the loop ends by itself")

    async def lines(self, path: str, *, silence: float, **request: Any) -> AsyncGenerator[str, None]:
        """The lines of an answer as they come, at most `silence` seconds apart. Raises ServiceFailure."""
        limit = httpx.Timeout(silence, connect=CONNECT_SECONDS)
        built = self._http.build_request("GET", path, timeout=limit, **request)
        try:
            response = await self._http.send(built, stream=True)
            try:
                if not response.is_success:
                    body, wait = await response.aread(), response.headers.get("retry-after")
                    raise ServiceFailure.from_answer(response.status_code, body, wait)
                async for line in response.aiter_lines():
                    yield line
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise unreachable(self.base_url, error) from error

    async def close(self) -> None:
        await self._http.aclose()

    async def _try(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._http.send(request)
        except httpx.ReadTimeout:
            raise Unreachable.after_timeout(self._timeout) from None
        except httpx.TransportError as error:
            raise unreachable(self.base_url, error) from error
        if not response.is_success:
            failure = ServiceFailure.from_answer
            raise failure(response.status_code, response.content, response.headers.get("retry-after"))
        return response


def unreachable(address: str, error: Exception) -> Unreachable:
    """The failure to show where `error` kept an answer from coming."""
    reason = str(error) or type(error).__name__
    return Unreachable(f"{address} does not answer: {reason}. Is the service running? `pandora serve` starts one.")


def backoff(attempt: int) -> float:
    """Seconds to wait after attempt 1, 2, …: longer and longer, and never the same for two clients."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25)
