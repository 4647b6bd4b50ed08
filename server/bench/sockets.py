"""Hostile WebSocket clients: frames that are no messages, messages that make no sense, and connections that fall."""

import logging
import random
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from server.bench.mutation import Mutator
from server.bench.raw import PATIENCE
from server.protocol import FrameHeader

_LOG = logging.Logger("server.bench.sockets", logging.CRITICAL)  # the client library tells of what is meant to break
_HELLO = '{"type": "hello"}'
_MESSAGES: tuple[dict[str, Any], ...] = (
    {"type": "hello", "formats": ["jpeg"], "resume_from": 0}, {"type": "hello", "formats": ["h264"]},
    {"type": "action", "event_id": "a1", "text": "wait"}, {"type": "control", "command": "pause"},
    {"type": "control", "command": "rate", "value": 1.0}, {"type": "control", "command": "play"},
    {"type": "ack", "clip": 1}, {"type": "ping", "id": "p1"}, {"type": "nonsense"}, {},
)  # fmt: skip
_BROKEN = (  # bytes after the handshake that are no frames of a client
    b"\x83\x80\0\0\0\0", b"\xf1\x80\0\0\0\0", b"\x81\x05hello", b"\x89\xfe\x0f\xff\0\0\0\0", b"\x88\x81\0\0\0\0\x03",
    b"\x88\x82\0\0\0\0\x03\xe7", b"\x80\x80\0\0\0\0", b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    b"GET / HTTP/1.1\r\n\r\n",
)  # fmt: skip
_HARMLESS = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1013, 4404}  # 1011 and 1012 tell of a failure, none of a fall
_TOO_LARGE = bytes(17 * 2**20)  # the service may hang up in the middle of it


class Sockets:
    """Everything that is sent follows from `dice`."""

    def __init__(self, address: str, dice: random.Random):
        self._address = address.replace("http", "ws", 1)
        self._dice = dice
        self._mutator = Mutator(dice)

    def attack(self, world: str) -> tuple[list[str], str | None]:
        """What was sent to one socket, and what is wrong with how it took that."""
        sent: list[str] = []
        target = world if self._dice.random() < 0.9 else self._mutator.word()
        try:
            with connect(
                f"{self._address}/v1/worlds/{target}/stream", proxy=None, compression=None, max_size=None,
                open_timeout=PATIENCE, close_timeout=5, logger=_LOG,
            ) as socket:  # fmt: skip
                return sent, self._converse(socket, sent)
        except (InvalidHandshake, ValueError) as refused:
            status = getattr(getattr(refused, "response", None), "status_code", 0)
            return [f"a socket of {target[:100]}"], f"it was answered {status}" if status >= 500 else None
        except (OSError, EOFError) as error:
            return [f"a socket of {target[:100]}"], f"no answer came: {error!r}"

    def _converse(self, socket: ClientConnection, sent: list[str]) -> str | None:
        is_broken = False
        try:
            if self._dice.random() < 0.7:
                socket.send(_HELLO)
            for _ in range(self._dice.randint(1, 12)):
                data, kind = self._frame()
                sent.append(f"{kind} {data[:300]!r}" + (f" … {len(data):,} bytes" if len(data) > 300 else ""))
                is_broken = is_broken or kind == "wire" or data is _TOO_LARGE or not _is_text(data, kind)
                if kind == "wire":
                    socket.socket.sendall(data)
                else:
                    socket.send(data, text=kind == "text")
            if is_broken or self._dice.random() < 0.1:
                socket.socket.close()  # falls without a word
                return None
            return self._await_pong(socket)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            return None if code in _HARMLESS or is_broken else f"the socket closed with {code}"
        except OSError as error:
            return None if is_broken else f"the socket fell: {error!r}"

    def _await_pong(self, socket: ClientConnection) -> str | None:
        socket.send(_HELLO)
        socket.send('{"type": "ping", "id": "still-there"}')
        try:
            while True:
                message = socket.recv(PATIENCE)
                if isinstance(message, str) and '"pong"' in message and "still-there" in message:
                    return None
                if isinstance(message, str) and '"internal_error"' in message:
                    return f"the service failed: {message}"
        except TimeoutError:
            return f"nothing was said for {PATIENCE:g} seconds"

    def _frame(self) -> tuple[bytes, str]:
        """Content, and whether it goes as text, as binary or past the protocol."""
        fate = self._dice.random()
        if fate < 0.75:
            return self._mutator.as_json(self._dice.choice(_MESSAGES)), "text"
        if fate < 0.85:
            header = FrameHeader(step=0, frame=0, frames=1, media_ms=0, timestamp_ms=0).pack(b"\xff\xd8")
            return self._dice.choice((b"", header, self._mutator.spoil(header), self._dice.randbytes(2000))), "binary"
        if fate < 0.93:
            texts = (b"\xed\xa0\x80", b"\xff\xfe", b"\0", b"", b'"', b"null", b"[" * 60_000, b" " * 70_000)
            return self._dice.choice(texts), "text"
        if fate < 0.935:
            return _TOO_LARGE, "binary"
        if fate < 0.95:
            return self._dice.choice(_BROKEN), "wire"
        return b'{"type": "action", "event_id": "x", "text": "wait"}', "text"


def _is_text(data: bytes, kind: str) -> bool:
    """Or it goes as another kind."""
    try:
        return kind != "text" or data.decode() is not None
    except UnicodeDecodeError:
        return False
