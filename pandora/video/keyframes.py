"""Memory beyond the window: a few earlier moments of a world that differ from each other, kept as clean latents.

A world that turns away and back must find what was there. Its key frames are the ends of earlier clips. When a newer
one comes and all places are taken, the older of the two that look most alike leaves: standing still costs nothing, and
every view stays until more different ones have come than there are places for. The choice depends on latents alone:
forks, replays and training choose alike. The transformer reads key frames coarsely, at a quarter of the tokens of newer
frames (as FramePack does with its past, 2504.12626).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

COARSE = 2  # times the side of a newer frame's patch
_CELLS = 4  # a side of the grid on which frames are compared


def begin(latent: Tensor, keyframes: int, history: int) -> Tensor:
    """The past (C, keyframes + history, h, w) of a world that stood still before its first latent (C, 1, h, w)."""
    return latent.expand(-1, keyframes + history, -1, -1).contiguous()


def carry(past: Tensor, chunk: Tensor, keyframes: int) -> Tensor:
    """The past after a chunk (C, L, h, w): (C, keyframes + history, h, w), key frames first, oldest first."""
    history = past.shape[1] - keyframes
    recent = torch.cat([past[:, keyframes:], chunk], 1)[:, -history:]
    if not keyframes:
        return recent
    met = torch.cat([past[:, :keyframes], past[:, -1:]], 1)
    gone = redundant(met)
    return torch.cat([met[:, :gone], met[:, gone + 1 :], recent], 1)


def redundant(frames: Tensor) -> int:
    """Which of the frames (C, N, h, w), N at least 2 and oldest first, the others miss least."""
    seen = F.adaptive_avg_pool2d(frames.transpose(0, 1).float(), _CELLS).flatten(1)
    count = len(seen)
    apart = torch.cdist(seen, seen)
    older, newer = torch.triu_indices(count, count, 1).unbind()
    return int(older[apart[older, newer].argmin()])


class KeyframeEmbedding(nn.Linear):
    """Cuts key frames into coarse patches."""

    def __init__(self, channels: int, patch: int, width: int):
        self.side = patch * COARSE
        super().__init__(channels * self.side**2, width)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, C, L, h, w) -> tokens (B, N, D)."""
        cells = frames.unflatten(4, (-1, self.side)).unflatten(3, (-1, self.side))  # B C L rows side columns side
        return super().forward(cells.permute(0, 2, 3, 5, 1, 4, 6).flatten(4).flatten(1, 3).to(self.weight.dtype))

    @torch.no_grad()
    def begin(self, fine: nn.Conv3d) -> None:
        """Start as the mean over the finer patches: what a transformer without key frames has learned."""
        weight = fine.weight[:, :, 0].repeat(1, 1, COARSE, COARSE) / COARSE**2
        self.weight.copy_(weight.flatten(1))
        if fine.bias is not None:
            self.bias.copy_(fine.bias)


def place_keyframes(rope: Tensor, keyframes: int) -> Tensor:
    """Rotations (L, rows, columns, …) of single patches -> (N, …) where the first frames have coarse ones.

    A coarse patch stands where the first of its finer ones would.
    """
    coarse = rope[:keyframes, ::COARSE, ::COARSE].flatten(0, 2)
    return torch.cat([coarse, rope[keyframes:].flatten(0, 2)])
