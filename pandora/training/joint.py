"""The decoder trained along with the video model: what it makes of the prediction shall look like the film.

The loss is the autoencoder's own, `shown_error` of the decoded prediction, on a few rows. The encoder stays as it is,
and so do the latents; gradients reach the decoder and the video model.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pandora.media import Frames
from pandora.training.autoencoder import freeze_encoder, shown_error, to_video
from pandora.training.clips import Clips, Place
from pandora.training.filmcodec import decode_film
from pandora.training.shards import TarSample, samples
from pandora.video.autoencoder import TIME, Autoencoder

_KEPT = 32  # decoded films, a few MB each: rows that go on through an episode find theirs again
_MOVING, _REST = 8.0, 2.0  # weights as the autoencoder was trained with


class Films:
    """The films that encoded episodes were made of, from the shards beside them."""

    def __init__(self, clips: Clips):
        self.clips = clips
        self.listed: dict[Path, list[TarSample]] = {}
        self.kept: dict[Place, Frames] = {}

    def __call__(self, places: Sequence[tuple[Place, int]]) -> Tensor:
        """The frames of clips: (B, frames per action, H, W, 3) uint8."""
        count = self.clips.per_action
        found = [self._film(episode)[1 + clip * count :][:count] for episode, clip in places]
        return torch.from_numpy(np.stack(found))

    def _film(self, episode: Place) -> Frames:
        if episode not in self.kept:
            number, row = episode
            shard = self.clips.shards[number].path.with_suffix(".tar")
            if shard not in self.listed:
                self.listed[shard] = list(samples(shard))
            if len(self.kept) >= _KEPT:
                self.kept.pop(next(iter(self.kept)))
            sample = self.listed[shard][row]
            self.kept[episode] = decode_film(sample.film().read(), sample.key)
        return self.kept[episode]


class JointDecoder(nn.Module):
    """An autoencoder of which only the decoder learns."""

    def __init__(self, autoencoder: Autoencoder):
        super().__init__()
        self.autoencoder = autoencoder.train()
        freeze_encoder(autoencoder)

    def loss(self, last: Tensor, clean: Tensor, films: Tensor) -> Tensor:
        """Of the first rows of a batch, as many as there are films.

        last (B, C, 1, h, w) and clean (B, C, L, h, w) are latents before and in the clip; films (R, 4L, H, W, 3) uint8.
        """
        rows = len(films)
        latents = torch.cat([last[:rows], clean[:rows].to(last.dtype)], 2)
        memory = self.autoencoder.begin_memory(rows, *latents.shape[-2:])
        made = self.autoencoder.decode_step(latents, memory)[0][:, :, TIME:]
        return shown_error(made, to_video(films, made.device), _MOVING, _REST)
