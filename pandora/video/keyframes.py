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
    return carry_all(past[None], chunk[None], keyframes)[0]


def carry_all(past: Tensor, chunk: Tensor, keyframes: int) -> Tensor:
    """`carry` for B worlds at once: (B, C, keyframes + history, h, w) and (B, C, L, h, w)."""
    history = past.shape[2] - keyframes
    recent = torch.cat([past[:, :, keyframes:], chunk], 2)[:, :, -history:]
    if not keyframes:
        return recent
    met = torch.cat([past[:, :, :keyframes], past[:, :, -1:]], 2)
    places = torch.arange(keyframes, device=past.device).expand(len(past), -1)
    stay = places + (places >= redundant(grid(met))[:, None])
    kept = met.gather(2, stay[:, None, :, None, None].expand(-1, met.shape[1], -1, *met.shape[3:]))
    return torch.cat([kept, recent], 2)


def trace(latents: Tensor, keyframes: int, history: int, chunk: int) -> Tensor:
    """Which frames of an episode (C, 1 + clips * chunk, h, w) are its past before each clip, and after the last.

    Returns:
        (clips + 1, keyframes + history) int64, such that `latents[:, row]` is what `carry` would have led to.
    """
    frames = range(1, latents.shape[1], chunk)
    if not keyframes:
        ends = torch.tensor([0, *(first + chunk - 1 for first in frames)])
        return (ends[:, None] - torch.arange(history - 1, -1, -1)).clamp(min=0)
    seen, past = grid(latents), [0] * (keyframes + history)
    rows = [past]
    for first in frames:
        met = [*past[:keyframes], past[-1]]
        met.pop(int(redundant(seen[met][None])[0]))
        past = [*met, *[*past[keyframes:], *range(first, first + chunk)][-history:]]
        rows.append(past)
    return torch.tensor(rows)


def grid(frames: Tensor) -> Tensor:
    """What frames (..., C, N, h, w) are compared by: (..., N, D) float32."""
    flat = frames.transpose(-4, -3).float()
    return F.adaptive_avg_pool2d(flat.flatten(0, -4), _CELLS).flatten(1).unflatten(0, flat.shape[:-3])


def redundant(seen: Tensor) -> Tensor:
    """Which of the frames of each world, N at least 2 and oldest first, the others miss least: (B, N, D) -> (B,)."""
    count = seen.shape[1]
    older, newer = torch.triu_indices(count, count, 1, device=seen.device).unbind()
    apart = torch.cdist(seen, seen, compute_mode="donot_use_mm_for_euclid_dist")
    return older[apart[:, older, newer].argmin(1)]


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
