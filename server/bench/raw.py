"""HTTP as bytes on a socket: what no client library would send, and what comes back."""

import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

PATIENCE = 120.0  # seconds; a film may be decoded for forty


@dataclass(frozen=True)
class Shot:
    """Bytes for one connection, and how a person would call them; a `cut` one is no whole request."""

    name: str
    data: bytes
    method: str = "GET"
    cut: bool = False

    def __str__(self) -> str:
        tail = f" … {len(self.data):,} bytes" if len(self.data) > 400 else ""
        return f"{self.name}: {self.data[:400]!r}{tail}"


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    seconds: float


def request(method: str, target: str, headers: Sequence[tuple[bytes, bytes]] = (), body: bytes = b"") -> bytes:
    """A request as it goes over the wire; `headers` come after the usual ones and may say otherwise."""
    told = {name.lower() for name, _ in headers}
    usual = [(b"Host", b"localhost"), (b"Content-Length", str(len(body)).encode())]
    lines = [*((name, value) for name, value in usual if name.lower() not in told), *headers]
    head = f"{method} {target} HTTP/1.1\r\n".encode("latin-1", "replace")
    return head + b"".join(name + b": " + value + b"\r\n" for name, value in lines) + b"\r\n" + body


def exchange(address: str, shot: Shot) -> Reply | None:
    """Send it and await the answer; None where the connection ends, or time runs out, without one."""
    began = time.perf_counter()
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port or 80), PATIENCE) as line:
        with suppress(BrokenPipeError, ConnectionResetError):  # an early answer may be there all the same
            line.sendall(shot.data)
            if shot.cut:
                line.shutdown(socket.SHUT_WR)
        answer = HTTPResponse(line, method=shot.method)
        try:
            answer.begin()
            return Reply(answer.status, answer.read(), time.perf_counter() - began)
        except (HTTPException, OSError):
            return None
        finally:
            answer.close()
