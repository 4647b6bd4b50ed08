"""From settings to a warm model."""

import logging
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pandora.world_model import WorldModel
    from server.settings import Settings

log = logging.getLogger(__name__)


def load_model(settings: "Settings") -> "WorldModel":
    """Read the weights, set the process's threads, and run clips so that the first user does not wait for caches."""
    from pandora.types import Sampler
    from pandora.world_model import WorldModel

    threads = int(settings.threads) if settings.threads.isdigit() else settings.threads
    if settings.preset:
        model = _load_preset(settings)
    else:
        model = WorldModel.from_pretrained(settings.weights, device=settings.device, threads=threads)
        model.runtime.apply()
    grey = np.full((model.config.height, model.config.width, 3), 128, np.uint8)
    looks = {model.expert_for(world): world for world in model.worlds} if model.experts else {}  # one for each of them
    for look in looks.values() or (None,):
        state = model.begin(grey, seed=0, look=look)
        for _ in range(2):
            state, _ = model.step(state, "wait", sampler=Sampler(steps=settings.sampling_steps))
    return model


def _load_preset(settings: "Settings") -> "WorldModel":
    """A model of published parts; the log says what it takes of the device and what was chosen there."""
    from pandora.large import Speed, choose, load
    from server.settings import OF_PRESET

    config = choose(settings.preset, **{name: getattr(settings, name) for name in OF_PRESET})
    speed = Speed(attention=settings.attention, quantized=settings.quantized)
    return load(config, settings.device, speed=speed, report=log.info)
