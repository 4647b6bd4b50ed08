"""`Idempotency-Key` on POST: the same request again gets the same answer and does nothing (IETF draft-07)."""

import hashlib
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pandora.errors import PandoraError
from server.problems import problem, refusal
from server.service import Service

PATHS = ("/v1/worlds", "/v1/rollouts", "/v1/plans")  # of the POSTs that take a key
_KEPT_HEADERS = ("location", "content-type")
_MOST = 255  # characters of a key


class Idempotent:
    """Around the routes, inside the guards. Only what succeeded is kept; a request that failed may be sent again."""

    def __init__(self, app: ASGIApp, service: Service):
        self.app = app
        self.service = service
        self._running: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = HTTPConnection(scope).headers.get("idempotency-key") if scope["type"] == "http" else None
        if key is None or scope["method"] != "POST" or not scope["path"].startswith(PATHS):
            await self.app(scope, receive, send)
            return
        try:
            owner = (await self.service.access.identify(HTTPConnection(scope))).owner
        except PandoraError:
            await self.app(scope, receive, send)  # which says why not
            return
        if not 0 < len(key) <= _MOST:
            await _refuse(scope, send, 422, "invalid_request", f"An Idempotency-Key has 1 to {_MOST} characters.")
            return
        if (owner, key) in self._running:
            told = "A request with this Idempotency-Key is at work. Ask again in a moment."
            await _refuse(scope, send, 409, "idempotency_in_progress", told)
            return
        self._running.add((owner, key))
        try:
            await self._run(owner, key, scope, receive, send)
        except (PandoraError, HTTPException) as error:  # here, outside the routes, nobody else would answer
            await refusal(Request(scope), error)(scope, receive, send)
        finally:
            self._running.discard((owner, key))

    async def _run(self, owner: str, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None:
            return  # the client went away
        asked = f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')}\n".encode()
        fingerprint = hashlib.sha256(asked + body).hexdigest()
        known = await self.service.answers.begin(owner, key, fingerprint)
        if known is not None and known.fingerprint != fingerprint:
            told = "This Idempotency-Key was used for another request. Use a new one."
            await _refuse(scope, send, 422, "idempotency_mismatch", told)
        elif known is not None and known.status is None:
            told = "The service ended while it worked on this request. Look at the world, then use a new key."
            await _refuse(scope, send, 409, "outcome_unknown", told)
        elif known is not None:
            headers = {**known.headers, "idempotency-replayed": "true"}
            await Response(known.body, known.status or 200, headers)(scope, receive, send)
        else:
            await self._work(owner, key, body, scope, receive, send)

    async def _work(self, owner: str, key: str, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the routes answer, and keep a success before it is sent."""
        messages: list[Message] = []
        told = False

        async def again() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def hold(message: Message) -> None:
            messages.append(message)

        try:
            await self.app(scope, again, hold)
        except BaseException:
            with suppress(PandoraError):
                await self.service.answers.drop(owner, key)
            raise
        start = next(message for message in messages if message["type"] == "http.response.start")
        if 200 <= start["status"] < 300:
            content = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")
            headers = {k.decode(): v.decode() for k, v in start["headers"] if k.decode().lower() in _KEPT_HEADERS}
            await self.service.answers.end(owner, key, start["status"], headers, content.decode())
        else:
            await self.service.answers.drop(owner, key)
        for message in messages:
            await send(message)


async def _read(receive: Receive) -> bytes | None:
    """The whole body, whose size a guard limits; None where the client left."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _refuse(scope: Scope, send: Send, status: int, code: str, detail: str) -> None:
    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    await problem(status, code, detail, scope["path"])(scope, nothing, send)
