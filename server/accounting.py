"""ASGI middleware around all others: every request gets an id, is counted, and has a line in the log."""

import logging
import re
import secrets
import time
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server import logs, tracing
from server.metrics import Metrics

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = ("/healthz", "/readyz", "/metrics")  # asked every few seconds by machines
_SAID = {"http.response.start": "status", "websocket.http.response.start": "status", "websocket.close": "code"}
_GONE = 499  # the client left before there was an answer
_UPGRADED = 101


class Accounted:
    """A socket counts when it ends, with its close code as status."""

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = asked if _SANE.fullmatch(asked) else secrets.token_hex(8)
        logs.begin(request_id=request_id, **tracing.trace_ids())
        status, began = _GONE, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start", "websocket.accept"):
                message["headers"] = list(message.get("headers") or [])
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            if message["type"] == "websocket.accept":
                status = _UPGRADED
            elif said := _SAID.get(message["type"]):
                status = message.get(said, 1000)
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            status = 500
            raise
        finally:
            self._tell(scope, status, time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method, path = scope.get("method", "WS"), scope["path"]
        self._metrics.request(method, template(scope), status, seconds)
        if path not in _QUIET:
            told = {"method": method, "path": quote(path), "status": status, "milliseconds": round(seconds * 1000, 1)}
            log.info("%(method)s %(path)s %(status)s in %(milliseconds)s ms", told, extra={"fields": told})


def note(**ids: str) -> None:
    """Have the log lines and the span of what is at work carry these ids: world, owner."""
    logs.note(**ids)
    tracing.tag(**ids)


def template(scope: Scope) -> str:
    """The path of a route with the names of its parameters in place of what was asked for."""
    path, is_call = getattr(scope.get("route"), "path", None), scope["path"].startswith("/v1/")
    if path:
        return f"/v1{path}" if is_call and not path.startswith("/v1/") else path  # a router does not know its prefix
    return "unmatched" if path is None or is_call else "page"
