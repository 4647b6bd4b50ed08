"""Weights in eight bits: each row of a matrix as whole numbers from -127 to 127 and the scale that they are in.

Symmetric, a scale an output channel (1712.05877, section 2.1): half the room of float16, and an error of at most
1/254 of the largest weight of the row. Vectors and small tensors stay float16.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

_SCALE = ".int8_scale"
_SMALL = 1024  # numbers; below, there is nothing to save
_LARGEST = 127


def pack(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors as they are stored: large ones (R, ...) as int8 with scales (R,) float32 beside them."""
    stored: dict[str, Tensor] = {}
    for key, value in state.items():
        if not value.is_floating_point():
            stored[key] = value
        elif value.ndim < 2 or value.numel() < _SMALL:
            stored[key] = value.half()
        else:
            rows = value.float().flatten(1)
            scale = rows.abs().amax(1).div(_LARGEST).clamp_min(torch.finfo(torch.float32).tiny)
            stored[key] = rows.div(scale[:, None]).round().to(torch.int8).view(value.shape)
            stored[key + _SCALE] = scale
    return stored


def unpack(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse: tensors that have a scale beside them become float32, all others stay as they are."""
    return {
        key: value if (scale := stored.get(key + _SCALE)) is None else _wide(value, scale)
        for key, value in stored.items()
        if not key.endswith(_SCALE)
    }


def _wide(value: Tensor, scale: Tensor) -> Tensor:
    return value.float() * scale.view(-1, *[1] * (value.ndim - 1))
