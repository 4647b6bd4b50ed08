"""Hostile HTTP requests: calls of the document with changed bodies, paths and headers, pictures, forms, and no HTTP."""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from server.bench.bombs import bombs, film, seeds
from server.bench.document import FORM, JSON, Operation, encode_form
from server.bench.mutation import Mutator
from server.bench.raw import Shot, request

_KINDS = {"call": 60, "picture": 12, "form": 10, "path": 8, "wire": 10}
_CHARSETS = ("utf-7", "undefined", "punycode", "idna", "unicode_escape", "rot13", "utf-16", "\0", "x" * 5000, "é")
_PATHS = (
    "/../../../../etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/pyproject.toml", "//etc/passwd",
    "/v1/../healthz", "/v1/worlds/../../etc", "/v1/scenes/../../config.json/image", "/%00", "/a%00.js",
    "/%ff%fe", "/%", "/?", "/?=&=&&", "/#", "/v1/worlds/", "/v1//worlds", "/index.html/", "/v1/worlds?a[]=1&a[]=2",
    "/" + "a" * 4000, "/" + "a/" * 2000, "http://example.com/v1/worlds", "*", "/openapi.json?x=%00", "/favicon.ico",
    "/v1/scenes/..%2f..%2fconfig.json/image", "/v1/scenes/%2e%2e/image", "/C:%5cwindows%5cwin.ini", "/page.css%20",
)  # fmt: skip
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get")
_LOCAL = b"Host: localhost\r\n"
_SOCKET = b"GET /v1/worlds/x/stream HTTP/1.1\r\n" + _LOCAL + b"Connection: Upgrade\r\n"
_WIRE = (  # what is wrong with it, and the bytes
    ("a version to come", b"GET /healthz HTTP/9.9\r\n" + _LOCAL + b"\r\n"),
    ("no target", b"GET HTTP/1.1\r\n" + _LOCAL + b"\r\n"),
    ("no host", b"GET /healthz HTTP/1.0\r\n\r\n"),
    ("two hosts", b"GET /v1/worlds HTTP/1.1\r\n" + _LOCAL + b"Host: example.com\r\n\r\n"),
    ("a header without colon", b"GET /healthz HTTP/1.1\r\n" + _LOCAL + b"nonsense\r\n\r\n"),
    ("a header without name", b"GET /healthz HTTP/1.1\r\n" + _LOCAL + b": x\r\n\r\n"),
    ("NUL in a header", b"GET /healthz HTTP/1.1\r\n" + _LOCAL + b"X: a\0b\r\n\r\n"),
    ("two lengths", b"POST /v1/worlds HTTP/1.1\r\n" + _LOCAL + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    ("a negative length", b"POST /v1/worlds HTTP/1.1\r\n" + _LOCAL + b"Content-Length: -1\r\n\r\n"),
    ("an endless length", b"POST /v1/uploads HTTP/1.1\r\n" + _LOCAL + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n"),
    ("a length of 1 TiB", b"POST /v1/uploads HTTP/1.1\r\n" + _LOCAL + b"Content-Length: 1099511627776\r\n\r\n"),
    ("chunks of nonsense", b"POST /v1/worlds HTTP/1.1\r\n" + _LOCAL + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"),
    ("a chunk of 16 EiB", b"POST /v1/worlds HTTP/1.1\r\n" + _LOCAL + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17),
    ("an unknown coding", b"POST /v1/worlds HTTP/1.1\r\n" + _LOCAL + b"Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n"),
    ("length and chunks", b"POST /v1/worlds HTTP/1.1\r\n" + _LOCAL + b"Content-Length: 4\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"),
    ("another protocol", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(200)),
    ("a thousand headers", b"GET /healthz HTTP/1.1\r\n" + _LOCAL + b"X: y\r\n" * 1000 + b"\r\n"),
    ("a header of 200 KB", b"GET /healthz HTTP/1.1\r\n" + _LOCAL + b"X: " + b"y" * 200_000 + b"\r\n\r\n"),
    ("an upgrade to nothing", b"GET /healthz HTTP/1.1\r\n" + _LOCAL + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
    ("a socket without key", _SOCKET + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"),
    ("a socket of version 99", _SOCKET + b"Upgrade: websocket\r\nSec-WebSocket-Version: 99\r\n"
     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
    ("a socket with a bad key", _SOCKET + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
     b"Sec-WebSocket-Key: \xff\r\n\r\n"),
    ("a socket by POST", _SOCKET.replace(b"GET", b"POST") + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 0\r\n\r\n"),
    ("a socket of odd protocols", _SOCKET + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ,\xff, pandora.ticket.\r\n\r\n"),
)  # fmt: skip
_CUT = (
    b"GET", b"GET / HTTP/1.1\r\n", b"POST /v1/uploads HTTP/1.1\r\n" + _LOCAL + b"Content-Length: 9000\r\n\r\nabc",
)  # fmt: skip


class Shots:
    """Everything that is made follows from `dice` and the operations of the document."""

    def __init__(self, operations: list[Operation], dice: random.Random):
        self._operations = operations
        self._dice = dice
        self._mutator = Mutator(dice)

    def bombs(self) -> Iterator[Shot]:
        """Each bomb as an upload, or as the start of a world, in no order."""
        found = list(bombs(self._dice))
        self._dice.shuffle(found)
        for name, data in found:
            if self._dice.random() < 0.7:
                headers = [(b"Content-Type", b"image/png")]
                yield Shot(name, request("POST", "/v1/uploads", headers, data), "POST")
            else:
                kind, body = encode_form({"image": data})
                target = self._dice.choice(("/v1/uploads", "/v1/worlds"))
                headers = [(b"Content-Type", kind.encode())]
                yield Shot(f"{name}, in a form", request("POST", target, headers, body), "POST")

    def next(self, things: Mapping[str, str]) -> Shot:
        """One that may be aimed at these things, by the names of the parameters that take their ids."""
        match self._dice.choices(list(_KINDS), list(_KINDS.values()))[0]:
            case "picture":
                return self._picture()
            case "form":
                return self._form()
            case "path":
                method, target = self._dice.choice(_METHODS), self._dice.choice(_PATHS)
                return Shot(f"{method} of an odd path", request(method, target, self._headers()), method)
            case "wire":
                if self._dice.random() < 0.1:
                    return Shot("half a request", self._dice.choice(_CUT), cut=True)
                name, data = self._dice.choice(_WIRE)
                return Shot(name, data)
        return self._call(things)

    def _call(self, things: Mapping[str, str]) -> Shot:
        operation = self._dice.choice(self._operations)
        headers, body = self._headers(), b""
        if JSON in operation.bodies:
            body = self._mutator.as_json(self._example(operation, things))
            headers.append((b"Content-Type", self._or_odd(JSON.encode(), 0.07)))
        elif operation.bodies:
            body = self._mutator.spoil(self._dice.choice(list(seeds().values())))
        if operation.method == "POST" and self._dice.random() < 0.25:
            key = f"key-{self._dice.randrange(20)}".encode()
            headers.append((b"Idempotency-Key", self._or_odd(key, 0.5)))
        return Shot(
            str(operation), request(operation.method, self._target(operation, things), headers, body), operation.method
        )

    def _picture(self) -> Shot:
        """A picture, or seldom a film, with bytes spoilt."""
        if self._dice.random() < 0.04:
            kind, data = "a film", film()
        else:
            kind, data = self._dice.choice(list(seeds().items()))
        headers = [(b"Content-Type", self._or_odd(b"image/png", 0.2))]
        return Shot(f"spoilt: {kind}", request("POST", "/v1/uploads", headers, self._mutator.spoil(data)), "POST")

    def _form(self) -> Shot:
        """A picture and fields, in a form that may be spoilt."""
        fields: dict[str, Any] = {"image": seeds()["png"], "seed": 7, "name": "a name"}
        for name in self._dice.sample(list(fields), self._dice.randint(0, 2)):
            value = self._mutator.scalar()
            fields[name] = str(value).encode("utf-8", "replace").decode()[:6000]
        kind, body = encode_form(fields)
        fate = self._dice.random()
        if fate < 0.3:
            body = self._mutator.spoil(body)
        elif fate < 0.5:
            kind = f"{kind}; charset={self._dice.choice(_CHARSETS)}"
        elif fate < 0.6:
            kind = self._mutator.header_value().decode("latin-1")
        target = self._dice.choice(("/v1/uploads", "/v1/worlds"))
        headers = [*self._headers(), (b"Content-Type", kind.encode("latin-1").replace(b"\0", b"%00"))]
        return Shot(f"{FORM} to {target}", request("POST", target, headers, body), "POST")

    def _target(self, operation: Operation, things: Mapping[str, str]) -> str:
        target, query = operation.path, []
        for parameter in operation.parameters:
            name = parameter["name"]
            usual = things.get(name, str(self._dice.randrange(3)))
            value = usual if self._dice.random() < 0.8 else self._mutator.word()
            if parameter["in"] == "path":
                target = target.replace(f"{{{name}}}", value)
            elif parameter["in"] == "query" and self._dice.random() < 0.6:
                query.append(f"{name}={value if self._dice.random() < 0.3 else self._mutator.word()}")
        return f"{target}?{'&'.join(query)}" if query else target

    def _example(self, operation: Operation, things: Mapping[str, str]) -> dict[str, Any]:
        """A body as the document shows it, with ids of things that are there."""
        found = json.loads(json.dumps(self._dice.choice(operation.examples or ({},))))
        return found | {name: value for name, value in things.items() if name in found}

    def _headers(self) -> list[tuple[bytes, bytes]]:
        return [self._mutator.header() for _ in range(self._dice.choice((0, 0, 0, 0, 1, 1, 3)))]

    def _or_odd(self, value: bytes, share: float) -> bytes:
        return self._mutator.header_value() if self._dice.random() < share else value
