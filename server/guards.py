"""ASGI middleware that looks at a request before any route does: who asks, and how much is sent."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from server.limits import MAX_JSON_BYTES, MAX_UPLOAD_BYTES
from server.problems import problem

_LOCAL = ("localhost", "127.0.0.1", "::1")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_FORM_OVERHEAD = 64 * 1024  # boundaries and fields around a picture in multipart/form-data

_CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' ws: wss:; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "cache-control": "no-cache",  # ask again, unless a route says otherwise
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": _CONTENT_POLICY,
}


class SameOrigin:
    """Lets pages of this service in and no other site's: a browser sends `Origin`, other clients need none.

    On a local service the `Host` must be local too, or a name that an attacker points at 127.0.0.1 would pass.
    """

    def __init__(self, app: ASGIApp, local: bool):
        self.app = app
        self.local = local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or (reason := self._objection(scope)) is None:
            await self.app(scope, receive, send)
            return
        response = problem(403, "forbidden_origin", reason, scope["path"])
        if scope["type"] == "http":
            await response(scope, receive, send)
        elif "websocket.http.response" in scope.get("extensions", {}):
            await WebSocket(scope, receive, send).send_denial_response(response)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "forbidden_origin"})

    def _objection(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.local and _hostname(host) not in _LOCAL:
            return "This service answers only to localhost."
        origin = headers.get("origin")
        if origin is None or (scope["type"] == "http" and scope["method"] in _SAFE_METHODS):
            return None
        site = _netloc(origin)
        if site and (site == host or (self.local and _hostname(site) in _LOCAL)):
            return None
        return "Pages of other sites may not use this service."


class BodyLimit:
    """Stops reading a body at its limit: 64 KiB of JSON, or a picture where pictures are taken."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = _limit(scope)
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            response = problem(413, "body_too_large", _too_large(limit), scope["path"])
            await response(scope, receive, send)
            return
        await self.app(scope, _counted(receive, limit), send)


class SafeHeaders:
    """Adds the headers that tell a browser to trust nothing but this service's own files."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def _counted(receive: Receive, limit: int) -> Callable[[], Awaitable[Message]]:
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise HTTPException(413, _too_large(limit))
        return message

    return counted


def _limit(scope: Scope) -> int:
    if scope["path"].rstrip("/") == "/v1/uploads":
        return MAX_UPLOAD_BYTES + _FORM_OVERHEAD
    kind = Headers(scope=scope).get("content-type", "")
    if scope["path"].rstrip("/") == "/v1/worlds" and kind.startswith("multipart/form-data"):
        return MAX_UPLOAD_BYTES + _FORM_OVERHEAD
    return MAX_JSON_BYTES


def _too_large(limit: int) -> str:
    return f"The body is larger than the {limit:,} bytes that are allowed here."


def _netloc(url: str) -> str:
    """Nothing for what is no URL."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _hostname(netloc: str) -> str | None:
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None
