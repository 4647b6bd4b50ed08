"""Weights in eight bits: whole numbers from -127 to 127, and the scales that they are in.

Symmetric, a scale for each group of at most 64 weights of a row (block-wise quantisation, 2110.02861, section 2.1):
about half the room of float16, and an error of at most 1/254 of the largest weight of the group. Vectors and small
tensors stay float16.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

_SCALE = ".int8_scale"
_SMALL = 1024  # numbers; below, there is nothing to save
_LARGEST = 127
_GROUP = 16, 64  # weights of a row that share a scale, at least and at most; rows that can't be cut so have one scale
_FINEST = 2**-24  # the smallest scale that float16 can tell from none


def pack(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors as stored: large ones (R, ...) as int8, with scales (R, groups) float16 beside them."""
    stored: dict[str, Tensor] = {}
    for key, value in state.items():
        if not value.is_floating_point():
            stored[key] = value
        elif value.ndim < 2 or value.numel() < _SMALL:
            stored[key] = value.half()
        else:
            groups = _groups(value.float())
            scale = groups.abs().amax(2, keepdim=True).div(_LARGEST).clamp_min(_FINEST).half()
            whole = groups.div(scale.float()).round().clamp(-_LARGEST, _LARGEST)
            stored[key], stored[key + _SCALE] = whole.to(torch.int8).view(value.shape), scale[..., 0]
    return stored


def unpack(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse: tensors that have a scale beside them become float32, all others stay as they are."""
    return {
        key: value if (scale := stored.get(key + _SCALE)) is None else _wide(value, scale)
        for key, value in stored.items()
        if not key.endswith(_SCALE)
    }


def _groups(value: Tensor) -> Tensor:
    """(R, ...) -> (R, groups, weights of a group)."""
    rows = value.flatten(1)
    least, most = _GROUP
    wide = next((width for width in range(most, least - 1, -1) if rows.shape[1] % width == 0), rows.shape[1])
    return rows.unflatten(1, (-1, wide))


def _wide(value: Tensor, scale: Tensor) -> Tensor:
    rows = value.float().flatten(1).unflatten(1, (scale.shape[1], -1))
    return (rows * scale.float()[..., None]).view(value.shape)
