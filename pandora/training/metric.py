"""What an error of the latents looks like: the decoder's own metric, so that the video loss counts what is seen."""

import numpy as np
import torch
from torch import Tensor

from pandora.training.clips import Clips
from pandora.video.autoencoder import Autoencoder

_SPACING = 4  # cells between two that are moved at once: further than one of them reaches in the picture
_MOVE = 0.5  # standard deviations


@torch.inference_mode()
def visible_metric(autoencoder: Autoencoder, clips: Clips, invisible: float = 0.15, samples: int = 16) -> Tensor:
    """A symmetric (C, C) float32 matrix by which latent errors are multiplied, so that their square is a pixel error.

    It is the root of the decoder's Gauss-Newton matrix G = E[J^T J] of one cell, by finite differences on `samples`
    latent frames, scaled to the trace of the identity; `invisible` of the identity is mixed in, as what the decoder
    hardly shows still has to be right for the next clip.
    """
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    gram = torch.zeros(())
    for _ in range(samples):
        episode = clips.latents(clips.draw(rng))
        frame = episode[None, :, 1 + _draw(episode.shape[1] - 1, generator)].unsqueeze(2)
        memory = autoencoder.begin_memory(1, *frame.shape[-2:])
        still, _ = autoencoder.decode_step(frame, memory)
        row, column = _draw(_SPACING, generator), _draw(_SPACING, generator)
        changes = []
        for channel in range(frame.shape[1]):
            moved = frame.clone()
            moved[:, channel, :, row::_SPACING, column::_SPACING] += _MOVE
            changes.append((autoencoder.decode_step(moved, memory)[0] - still).flatten())
        jacobian = torch.stack(changes)
        gram = gram + jacobian @ jacobian.T
    count = gram.shape[0]
    mixed = (1 - invisible) * gram * (count / gram.trace()) + invisible * torch.eye(count)
    values, vectors = torch.linalg.eigh(mixed)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def _draw(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))
