"""How the video model in training does on films that it does not learn from.

The measure is the squared error of the clips it samples over the cells that should move, relative to that of standing
still: 1 is to have learned nothing, 0 is the truth. It tells overfitting from learning, world by world, in seconds.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pandora.training.clips import Clips, Place

if TYPE_CHECKING:
    from pandora.training.video import Trainer

_MOVED = 0.5  # standard deviations by which a latent cell differs from the last frame
_STEPS = 2  # of sampling


class Unseen:
    """The same clips, sentences and noise at every call: `count` of each folder of `clips`."""

    def __init__(self, clips: Clips, count: int, batch: int):
        self.clips, self.batch = clips, batch
        rng = np.random.default_rng(0)
        self.places: list[tuple[Place, int]] = []
        for source in clips.sources:
            chosen = rng.permutation(len(source.clips))[:count]
            self.places += [((shard, row), clip) for shard, row, clip in (source.clips[int(i)] for i in chosen)]

    @torch.no_grad()
    def __call__(self, model: "Trainer", average: Mapping[str, Tensor]) -> dict[str, float]:
        """By world, of the averaged weights. The model comes back as it was."""
        own = {name: value.clone() for name, value in model.state_dict().items()}
        model.load_state_dict(dict(average))
        try:
            return self._measure(model)
        finally:
            model.load_state_dict(own)

    def _measure(self, model: "Trainer") -> dict[str, float]:
        device, rng = next(model.parameters()).device, np.random.default_rng(1)
        noise = torch.Generator().manual_seed(1)
        sums: dict[str, Tensor] = {}
        for first in range(0, len(self.places), self.batch):
            places = self.places[first : first + self.batch]
            batch = self.clips.batch(places, self.clips.past(places), rng)
            history, target = batch.history.to(device), batch.target.to(device)
            start = torch.randn(target.shape, generator=noise).to(device)
            with torch.autocast(device.type, torch.bfloat16):
                told = model.condition(batch, device, tune=False)
                made = model.video.sample(history, told.context_BND, told.pooled_BD, start, _STEPS)
            still = target - history[:, :, -1:]
            moving = (still.abs().amax(1) > _MOVED).float()
            errors = torch.stack(
                [(error.square().mean(1) * moving).flatten(1).sum(1) for error in (made - target, still)], 1
            ).cpu()
            for place, pair in zip(places, errors, strict=True):
                world = self.clips.world(place[0])
                sums[world] = sums.get(world, torch.zeros(2)) + pair
        return {world: float(made / still.clamp(min=1e-9)) for world, (made, still) in sums.items()}
