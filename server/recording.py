"""Committed steps as a film."""

import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TypeVar

import anyio.from_thread
import anyio.to_thread
import numpy as np

from pandora.media import load_image, mp4_writer
from server.engine.job import Frame

Clip = tuple[Frame, ...]
Item = TypeVar("Item")


async def film(clips: AsyncIterator[Clip], fps: float, limiter: anyio.CapacityLimiter) -> bytes:
    """An MP4 (H.264) of the frames of all clips, at least one, one after another. Takes a while.

    One clip at a time is asked for and held. `limiter` says how many films are made at once.
    """

    async def following() -> Clip | None:
        return await anext(clips, None)

    def draw() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "film.mp4"
            with mp4_writer(path, fps) as add:
                while (clip := anyio.from_thread.run(following)) is not None:
                    add(np.stack([load_image(frame.jpeg) for frame in clip]))
            return path.read_bytes()

    return await anyio.to_thread.run_sync(draw, limiter=limiter)


async def each(items: Iterable[Item]) -> AsyncIterator[Item]:
    """What is there already, as `film` takes it."""
    for item in items:
        yield item
