"""From settings to a warm model."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pandora.world_model import WorldModel
    from server.settings import Settings


def load_model(settings: "Settings") -> "WorldModel":
    """Read the weights, set the process's threads, and run one clip so that the first user does not wait for caches."""
    from pandora.types import Sampler
    from pandora.world_model import WorldModel

    threads = int(settings.threads) if settings.threads.isdigit() else settings.threads
    model = WorldModel.from_pretrained(settings.weights, device=settings.device, threads=threads)
    model.runtime.apply()
    size = model.config.frame_size
    state = model.begin(np.full((size, size, 3), 128, np.uint8), seed=0)
    for _ in range(2):
        state, _ = model.step(state, "wait", sampler=Sampler(steps=settings.sampling_steps))
    return model
