"""What happens in a world as it happens, without `await`."""

import weakref
from collections.abc import Iterator
from typing import Self

from server.bodies import Receipt
from server.client.frame import LiveFrame
from server.client.runner import Runner
from server.client.stream import AsyncStream
from server.protocol import ServerMessage


class Stream:
    """`for frame in stream` until the world ends; `with` connects at once and disconnects at the end."""

    def __init__(self, stream: AsyncStream, runner: Runner):
        self._stream = stream
        self._runner = runner
        weakref.finalize(self, runner.later, stream.close).atexit = False

    def open(self) -> None:
        """Connect, unless that was done; what happens from here on is not missed. Raises ServiceFailure."""
        self._runner.run(self._stream.open())

    def hand_in(self, text: str) -> Receipt:
        """Hand in an action and don't wait: its frames come here. Raises ServiceFailure."""
        return self._runner.run(self._stream.hand_in(text))

    def next(self) -> LiveFrame | ServerMessage | None:
        """The next frame or message of `protocol.py`; None when the world has ended. Raises ServiceFailure."""
        return self._runner.run(self._stream.next())

    def close(self) -> None:
        """Disconnect, for good."""
        self._runner.run(self._stream.close())

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[LiveFrame]:
        return self

    def __next__(self) -> LiveFrame:
        while (item := self.next()) is not None:
            if isinstance(item, LiveFrame):
                return item
        raise StopIteration
