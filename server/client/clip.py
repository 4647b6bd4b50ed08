"""What actions became."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pandora.media import Frame, check_film_suffix, save_film
from server.bodies import StepView

if TYPE_CHECKING:
    from server.client.aio import AsyncWorld


class AsyncClip:
    """One or several steps. Their frames are fetched when they are first asked for, and kept."""

    def __init__(self, world: "AsyncWorld", steps: list[StepView]):
        self.world = world
        self.steps = steps
        self._frames: list[Frame] | None = None

    @property
    def step(self) -> int:
        """The number of the last step."""
        return self.steps[-1].step

    async def frames(self) -> list[Frame]:
        """Every frame of every step, in order: (H, W, 3) uint8 RGB."""
        if self._frames is None:
            self._frames = [frame.array for step in self.steps for frame in await self.world.fetch_frames(step)]
        return self._frames

    async def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the film: .mp4, .gif, .webp, or a .png contact sheet. Raises UnknownName."""
        import numpy as np

        check_film_suffix(Path(path))
        return save_film(path, np.stack(await self.frames()), await self.world.client.fps())

    def __repr__(self) -> str:
        return f"<clip of world {self.world.id}, step {', '.join(str(step.step) for step in self.steps)}>"
