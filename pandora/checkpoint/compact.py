"""Weights in few bits: whole numbers around 0, and the scales that they are in.

Symmetric, a scale for each group of weights of a row (block-wise quantisation, 2110.02861, section 2.1). In eight bits,
with groups of at most 64, half the room of float16 and an error of at most 1/254 of the largest weight of the group;
in six, with groups of at most 32, two fifths of the room and 1/62. Vectors and small tensors stay float16.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

Bits = Literal[16, 8, 6]  # of a stored weight; 16 is float16

_SCALES = {bits: f".int{bits}_scale" for bits in (8, 6)}  # what the key of a tensor's scales ends with
_WIDEST = {8: 64, 6: 32}  # weights of a row that share a scale, at most
_LEAST = 16  # and at least; rows that can't be cut so have one scale
_SMALL = 1024  # numbers; below, there is nothing to save
_FINEST = 2**-24  # the smallest scale that float16 can tell from none
_FOUR = 4  # rows of six bits a weight lie in the bytes of three


def pack(state: Mapping[str, Tensor], bits: Bits) -> dict[str, Tensor]:
    """Floating-point tensors as stored: large ones (R, ...) as int8, with scales (R, groups) float16 beside them.

    Of six bits four rows lie in three of uint8, (R * 3 / 4, ...); where R is no multiple of four, eight bits are taken.
    """
    stored: dict[str, Tensor] = {}
    for key, value in state.items():
        if not value.is_floating_point():
            stored[key] = value
        elif bits == 16 or value.ndim < 2 or value.numel() < _SMALL:
            stored[key] = value.half()
        else:
            fewer = 6 if bits == 6 and value.shape[0] % _FOUR == 0 else 8
            whole, scale = _round(value.float(), fewer)
            stored[key] = _squeeze(whole) if fewer == 6 else whole.to(torch.int8)
            stored[key + _SCALES[fewer]] = scale
    return stored


def unpack(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse: tensors that have a scale beside them become float32, all others stay as they are."""
    state: dict[str, Tensor] = {}
    for key, value in stored.items():
        if key.endswith(tuple(_SCALES.values())):
            continue
        if (scale := stored.get(key + _SCALES[8])) is not None:
            value = _widen(value, scale)
        elif (scale := stored.get(key + _SCALES[6])) is not None:
            value = _widen(_stretch(value), scale)
        state[key] = value
    return state


def _round(value: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Whole numbers (R, ...) float32, from -(2**(bits - 1) - 1) to as much above 0, and scales (R, groups) float16."""
    largest, rows = 2 ** (bits - 1) - 1, value.flatten(1)
    widths = range(_WIDEST[bits], _LEAST - 1, -1)
    width = next((width for width in widths if rows.shape[1] % width == 0), rows.shape[1])
    groups = rows.unflatten(1, (-1, width))
    scale = groups.abs().amax(2, keepdim=True).div(largest).clamp_min(_FINEST).half()
    whole = groups.div(scale.float()).round().clamp(-largest, largest)
    return whole.view(value.shape), scale[..., 0]


def _widen(whole: Tensor, scale: Tensor) -> Tensor:
    rows = whole.float().flatten(1).unflatten(1, (scale.shape[1], -1))
    return (rows * scale.float()[..., None]).view(whole.shape)


def _squeeze(whole: Tensor) -> Tensor:
    """(R, ...) from -31 to 31 -> (R * 3 / 4, ...) uint8: of each four rows three, with two bits of the fourth above."""
    rows = (whole + 32).to(torch.uint8).unflatten(0, (-1, _FOUR))
    last = rows[:, 3]
    return torch.stack([rows[:, i] | (last >> 2 * i & 3) << 6 for i in range(3)], 1).flatten(0, 1)


def _stretch(squeezed: Tensor) -> Tensor:
    """The inverse of `_squeeze`, int8."""
    rows = squeezed.unflatten(0, (-1, 3))
    last = sum((rows[:, i] >> 6) << 2 * i for i in range(3))
    assert isinstance(last, Tensor)
    return torch.cat([rows & 63, last[:, None]], 1).flatten(0, 1).to(torch.int8) - 32
