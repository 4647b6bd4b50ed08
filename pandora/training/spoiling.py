"""What generated frames suffer, done to true ones: a little, which a judge must see through, and too much.

Everything takes and gives (B, 5, 3, H, W) float 0..1: start frame first, then four of the clip's frames.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

_WINDOW = 16  # pixels, about the size of the smallest thing that matters
_ALIKE = 0.08  # mean absolute difference in every window up to which a spoilt clip counts as a true one
_CLEAN_START = 0.4  # the share of clips whose start frame is as it was: generated clips begin with true pictures
_BLOCK = 8  # pixels of a JPEG block
_GUESSES = 6  # outcomes whose mean is mist
_FAR = 24  # pixels that these lie apart at most
_CELL = 8  # pixels of a latent cell
_MOVED = 0.06  # by which a pixel that changes differs from the start


def worsen(seen: Tensor) -> Tensor:
    """Blur, blocks, colour, fading and noise, each a little and not everywhere: what is shown stays readable."""
    worse = seen.clone()
    for chance, done in ((0.4, lambda x: blur(x, float(torch.empty(()).uniform_(0.5, 1.2)))), (0.2, quantised)):
        rows = torch.rand(len(seen), device=seen.device) < chance
        some = worse[rows]
        worse[rows] = torch.lerp(some, done(some), torch.rand(len(some), 1, 1, 1, 1, device=seen.device))
    gain = 1 + 0.06 * torch.randn(len(seen), 1, 3, 1, 1, device=seen.device) * _chance(seen, 0.4)
    shift = 0.02 * torch.randn(len(seen), 1, 3, 1, 1, device=seen.device) * _chance(seen, 0.4)
    worse = worse * gain + shift
    worse = torch.cat([worse[:, :1], torch.lerp(worse[:, 1:], worse[:, :-1], _each(seen, 0.0, 0.18, 0.3))], 1)
    worse = worse + _each(seen, 0.0, 0.035, 0.6) * torch.randn_like(worse)
    kept = torch.rand(len(seen), 1, 1, 1, 1, device=seen.device) < _CLEAN_START
    return torch.cat([torch.where(kept, seen[:, :1], worse[:, :1]), worse[:, 1:]], 1).clamp(0, 1)


def spoil(seen: Tensor) -> tuple[Tensor, Tensor]:
    """Clips that can't be true, and (B,) bool: where that shows. Every way of going wrong has its share of the rows."""
    other = seen.roll(1, 0)
    ways: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (_ghost, _patch, _leap, _half, _smear, _mist)
    spoilt = torch.empty_like(seen)
    for number, way in enumerate(ways):
        spoilt[number :: len(ways)] = way(seen[number :: len(ways)], other[number :: len(ways)])
    difference = (spoilt - seen).abs().mean(2)
    return spoilt, F.avg_pool2d(difference, _WINDOW, _WINDOW // 2).amax((1, 2, 3)) > _ALIKE


def blur(seen: Tensor, sigma: float) -> Tensor:
    """Gaussian, of a standard deviation of `sigma` pixels."""
    reach = max(1, math.ceil(2.5 * sigma))
    places = torch.arange(-reach, reach + 1, device=seen.device, dtype=seen.dtype)
    kernel = torch.exp(-places.square() / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    for axis in (-1, -2):
        sides = (reach, reach, 0, 0) if axis == -1 else (0, 0, reach, reach)
        wide = F.pad(seen.flatten(0, 1), sides, "replicate").view(*seen.shape[:2], 3, *_padded(seen, axis, reach))
        length = seen.shape[axis]
        seen = torch.zeros_like(seen)
        for place, weight in enumerate(kernel.tolist()):  # faster on a CPU than a convolution of one channel
            seen.add_(wide.narrow(axis, place, length), alpha=weight)
    return seen


def _padded(seen: Tensor, axis: int, reach: int) -> tuple[int, int]:
    height, width = seen.shape[-2:]
    return (height, width + 2 * reach) if axis == -1 else (height + 2 * reach, width)


def quantised(seen: Tensor, step: float = 0.08) -> Tensor:
    """The cosine transform of 8x8 blocks, rounded coarser the finer the detail, as JPEG does."""
    place = torch.arange(_BLOCK, device=seen.device, dtype=seen.dtype)
    basis = torch.cos(math.pi / _BLOCK * (place[None] + 0.5) * place[:, None]) * math.sqrt(2 / _BLOCK)
    basis[0] /= math.sqrt(2)
    *rest, height, width = seen.shape
    blocks = seen.reshape(*rest, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).transpose(-2, -3)
    steps = step * (1 + (place[:, None] + place[None]) / 2)
    coefficients = ((basis @ blocks @ basis.T) / steps).round() * steps
    return (basis.T @ coefficients @ basis).transpose(-2, -3).reshape(seen.shape)


def _ghost(seen: Tensor, other: Tensor) -> Tensor:
    """Two clips at once."""
    share = torch.empty(len(seen), 1, 1, 1, 1, device=seen.device).uniform_(0.3, 0.6)
    return torch.cat([seen[:, :1], torch.lerp(seen[:, 1:], other[:, 1:], share)], 1)


def _patch(seen: Tensor, other: Tensor) -> Tensor:
    """A window into another clip."""
    height, width = seen.shape[-2:]
    mask = torch.zeros(len(seen), 1, 1, height, width, device=seen.device)
    for row in range(len(seen)):
        tall, wide = (int(x) for x in torch.randint(height // 4, height // 2, (2,)))
        top, left = int(torch.randint(height - tall, ())), int(torch.randint(width - wide, ()))
        mask[row, ..., top : top + tall, left : left + wide] = 1
    return torch.cat([seen[:, :1], torch.lerp(seen[:, 1:], other[:, 1:], mask)], 1)


def _leap(seen: Tensor, other: Tensor) -> Tensor:
    """In the middle of it, somewhere else."""
    first = int(torch.randint(1, seen.shape[1], ()))
    return torch.cat([seen[:, :first], other[:, first:]], 1)


def _half(seen: Tensor, other: Tensor) -> Tensor:
    """What changes, changes by half: it is here and there."""
    share = torch.empty(len(seen), 1, 1, 1, 1, device=seen.device).uniform_(0.4, 0.6)
    return torch.cat([seen[:, :1], torch.lerp(seen[:, 1:], seen[:, :1], share)], 1)


def _smear(seen: Tensor, other: Tensor) -> Tensor:
    """Nothing has an edge any more."""
    return torch.cat([seen[:, :1], blur(seen[:, 1:], float(torch.empty(()).uniform_(3.0, 5.0)))], 1)


def _mist(seen: Tensor, other: Tensor) -> Tensor:
    """The mean of what might be, where anything changes or everywhere: what a model draws that can't decide."""
    height, width = seen.shape[-2:]
    misty, far = torch.zeros_like(seen[:, 1:]), int(torch.randint(_FAR // 6, _FAR, ()))
    for _ in range(_GUESSES):
        down, right = (int(x) for x in torch.randint(-far, far + 1, (2,)))
        misty += seen[:, 1:].roll((down, right), (-2, -1)) / _GUESSES
    coarse = torch.randn(len(seen), 1, 3, height // _CELL, width // _CELL, device=seen.device).expand(-1, 4, -1, -1, -1)
    noise = F.interpolate(coarse.flatten(0, 1), (height, width), mode="bilinear").view_as(misty)
    misty = misty + torch.empty(len(seen), 1, 1, 1, 1, device=seen.device).uniform_(0.0, 0.06) * noise
    changed = ((seen[:, 1:] - seen[:, :1]).abs().amax(2) > _MOVED).float()
    near = F.max_pool2d(changed, 2 * _CELL + 1, 1, _CELL).unsqueeze(2)
    where = torch.where(torch.rand(len(seen), 1, 1, 1, 1, device=seen.device) < 0.5, near, torch.ones_like(near))
    return torch.cat([seen[:, :1], torch.lerp(seen[:, 1:], misty, where).clamp(0, 1)], 1)


def _each(seen: Tensor, low: float, high: float, chance: float) -> Tensor:
    """A number (B, 1, 1, 1, 1) for each clip, 0 for those left alone."""
    return torch.empty(len(seen), 1, 1, 1, 1, device=seen.device).uniform_(low, high) * _chance(seen, chance)


def _chance(seen: Tensor, chance: float) -> Tensor:
    return (torch.rand(len(seen), 1, 1, 1, 1, device=seen.device) < chance).to(seen.dtype)
