"""A real server in a thread, and a line to it that can be cut."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI


@contextmanager
def serve(app: FastAPI) -> Iterator[int]:
    """The port of `app` while it is served."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="error", access_log=False, ws_per_message_deflate=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.01)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()


class Wire:
    """Passes bytes on to `port`. WebSockets are cut after so many bytes as `cuts` says, one connection after another;
    of the next `swallowed` answers to other requests not a byte arrives."""

    def __init__(self, port: int):
        self.port = port
        self.cuts: list[int] = []
        self.swallowed = 0
        self.sockets = 0  # WebSockets so far
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Everything that is connected now."""
        ends, self._ends = self._ends, []
        for end in ends:
            _break(end)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self.port))
        except OSError:
            _break(near)
            return
        self._ends += [near, far]
        with suppress(OSError):
            first = near.recv(65536)
            live = b"upgrade: websocket" in first.lower()
            if live:
                self.sockets += 1
            budget = self.cuts.pop(0) if live and self.cuts else None
            far.sendall(first)
            threading.Thread(target=self._pass_back, args=(far, near, live, budget), daemon=True).start()
            while data := near.recv(65536):
                far.sendall(data)
        _break(near)
        _break(far)

    def _pass_back(self, far: socket.socket, near: socket.socket, live: bool, budget: int | None) -> None:
        with suppress(OSError):
            while data := far.recv(4096):
                if not live and self.swallowed:
                    self.swallowed -= 1
                    break
                if budget is not None and (budget := budget - len(data)) < 0:
                    break
                near.sendall(data)
        _break(near)
        _break(far)


def _break(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
