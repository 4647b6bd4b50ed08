"""Which worlds are in the model's hands, written where the end of the process can't erase it."""

import json
import os
from collections.abc import Sequence
from pathlib import Path


class Acting:
    """A small file that is overwritten before and after each batch. A crash, unlike a stop, leaves names in it."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def left(self) -> list[str]:
        """The worlds that were acting when the process ended, if it ended then."""
        try:
            names = json.loads(os.pread(self._file, 1 << 20, 0) or b"[]")
        except ValueError:  # the end came in the middle of a write
            return []
        return [name for name in names if isinstance(name, str)]

    def write(self, worlds: Sequence[str]) -> None:
        data = json.dumps([world for world in worlds if world]).encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, data, 0)

    def close(self) -> None:
        os.close(self._file)
