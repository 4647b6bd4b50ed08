"""Fits what the trained worlds look like, so that the weights can say how strange a picture is: `pandora.novelty`.

The frames are drawn anew, of training scenes: half of them to fit, half of other scenes to find out what is usual.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from pandora import checkpoint
from pandora.config import Config
from pandora.media import to_tensor
from pandora.novelty import Familiar, NoveltyModel, Views, fit, join, view
from pandora.training.data import TRAINING_SEEDS
from pandora.video import Autoencoder
from pandora.world_model import WorldModelConfig
from pandora.worlds import make_world
from pandora.worlds.base import Frame
from pandora.worlds.footage import draw_frames

_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class NoveltyConfig(Config):
    """Whose frames are looked at."""

    weights: str = "weights/pandora-small"
    world: tuple[str, ...] = ()  # repeat for several; without it those that the weights themselves were trained on
    frames: int = 2000  # of each world to fit, and as many of other scenes to set the scales by
    seed: int = 0


def measure(config: NoveltyConfig) -> Path:
    """Write novelty.safetensors into the weights folder, and renew its manifest; returns its path.

    By the folder's own autoencoder: its experts have each their own, and need not be told yet.
    """
    values, parts = checkpoint.load(config.weights)
    described = WorldModelConfig.from_dict(values)
    autoencoder = Autoencoder(described.autoencoder)
    checkpoint.fill(autoencoder, parts["autoencoder"], config.weights)
    names = config.world or described.worlds
    familiar = NoveltyModel({name: learn(autoencoder, name, config.frames, config.seed) for name in names})
    path = familiar.save(config.weights)
    checkpoint.write_manifest(config.weights)
    return path


def learn(autoencoder: Autoencoder, name: str, frames: int, seed: int = 0) -> Familiar:
    """What the frames of a world look like to an autoencoder. Raises InvalidInput where the frames are too few."""
    world, half = make_world(name), TRAINING_SEEDS // 2
    return fit(
        look(autoencoder, draw_frames(world, frames, seed)), look(autoencoder, draw_frames(world, frames, half + seed))
    )


def look(autoencoder: Autoencoder, frames: Iterator[Frame]) -> Views:
    """All frames as the autoencoder sees them."""
    where, parts = autoencoder.from_latent.weight, []
    while batch := list(islice(frames, _BATCH)):
        parts.append(view(autoencoder, to_tensor(np.stack(batch), where.device).to(where.dtype)))
    return join(parts)
