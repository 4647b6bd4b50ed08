"""Answers of a service in a form in which two of them can be compared."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

_CHANCE = ("date", "x-request-id")  # headers that differ from one answer to the next
_PATIENCE = 120.0


@dataclass(frozen=True)
class Heard:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """A connection that is kept open from one request to the next."""

    def __init__(self, address: str):
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=_PATIENCE)

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Heard:
        """Raises OSError or HTTPException where no answer comes."""
        is_kept = self._connection.sock is not None
        try:
            return self._request(method, target, headers, body)
        except (RemoteDisconnected, ConnectionError):
            self._connection.close()
            if not is_kept:
                raise
            return self._request(method, target, headers, body)  # a server ends connections that rest

    def ask(self, method: str, target: str, headers: Mapping[str, str], fields: Any = None) -> Heard:
        """With a JSON body, if `fields` is given."""
        body = None if fields is None else json.dumps(fields).encode()
        return self.request(method, target, {**headers, "Content-Type": "application/json"}, body)

    def close(self) -> None:
        self._connection.close()

    def _request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Heard:
        self._connection.request(method, target, body, dict(headers))
        answer = self._connection.getresponse()
        return Heard(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


@dataclass(frozen=True)
class Received:
    """An answer, or all that a socket said, with a mark in place of each id that was sent."""

    status: int
    headers: Mapping[str, str]
    text: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.status} {self.text[:200]!r} {dict(self.headers)}"

    def told(self) -> Any:
        """What must be alike. Of what was made there are new ids and times, so the names alone."""
        if not 200 <= self.status < 300:
            return self.whole()
        try:
            return self.status, sorted(self.headers), _shape(json.loads(self.text))
        except ValueError:
            return self.status, sorted(self.headers)

    def tells(self, secret: str) -> bool:
        return any(secret in text for text in (self.text, *self.headers.values()))

    def whole(self) -> Any:
        return self.status, dict(self.headers), self.text


def receive(answer: Heard, sent: Mapping[str, str]) -> Received:
    headers = {name.lower(): _mark(value, sent) for name, value in answer.headers.items()}
    kept = {name: value for name, value in headers.items() if name not in _CHANCE}
    return Received(answer.status, kept, _mark(answer.body.decode("latin-1"), sent))


def listen(address: str, headers: Mapping[str, str], ticket: str | None, sent: Mapping[str, str]) -> Received:
    """Say hello to a socket and hear it until it closes; the status is its close code, or that of a refusal.

    A socket that lets its visitor in closes at its first picture, with status 0.
    """
    offered: list[Any] = ["pandora.v1", f"pandora.ticket.{ticket}"] if ticket else []
    said: list[str] = []
    try:
        with connect(
            address, additional_headers=dict(headers), subprotocols=offered or None, proxy=None, open_timeout=_PATIENCE
        ) as socket:
            assert socket.response is not None, "it is there once the socket is open"
            told = dict(socket.response.headers.raw_items())
            status = 0
            with suppress(ConnectionClosed):  # there may be last words all the same
                socket.send('{"type": "hello"}')
            try:
                while isinstance(message := socket.recv(_PATIENCE), str):
                    said.append(message)
            except ConnectionClosed as closed:
                status = closed.rcvd.code if closed.rcvd else 1006
                said.append(closed.rcvd.reason if closed.rcvd else "")
    except InvalidStatus as refused:
        answer = refused.response
        return receive(Heard(answer.status_code, dict(answer.headers.raw_items()), bytes(answer.body or b"")), sent)
    accept = "sec-websocket-accept"  # follows from what the client drew
    told = {name: value for name, value in told.items() if name.lower() != accept}
    return receive(Heard(status, told, "\n".join(said).encode("latin-1", "replace")), sent)


def _mark(text: str, sent: Mapping[str, str]) -> str:
    for name, value in sent.items():
        text = text.replace(value, f"<{name}>")
    return text


def _shape(node: Any) -> Any:
    return {name: _shape(value) for name, value in node.items()} if isinstance(node, dict) else None
