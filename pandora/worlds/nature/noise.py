"""Smooth value noise from one fixed table, so that it is the same everywhere and for ever."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32, or bool for masks
_TABLE = np.random.default_rng(0x4E015E).random((256, 256), dtype=np.float32)


def noise(x: Array, y: Array, seed: int = 0, wrap_x: int = 256, wrap_y: int = 256) -> Array:
    """Noise of shape broadcast(x, y), 0..1, one bump per unit; repeats after `wrap_x`, `wrap_y` (powers of 2)."""
    shift_x, shift_y = (seed * 73) % 256, (seed * 151 + seed // 256) % 256
    column, row = np.floor(x), np.floor(y)
    u, v = x - column, y - row
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    c, r = column.astype(np.int32), row.astype(np.int32)
    c0, c1 = (c & (wrap_x - 1)) + shift_x, ((c + 1) & (wrap_x - 1)) + shift_x
    r0, r1 = ((r & (wrap_y - 1)) + shift_y) & 255, (((r + 1) & (wrap_y - 1)) + shift_y) & 255
    c0, c1 = c0 & 255, c1 & 255
    top = _TABLE[r0, c0] * (1 - u) + _TABLE[r0, c1] * u
    low = _TABLE[r1, c0] * (1 - u) + _TABLE[r1, c1] * u
    return top * (1 - v) + low * v


def fbm(x: Array, y: Array, seed: int = 0, octaves: int = 4, wrap_x: int = 256) -> Array:
    """Several octaves of noise, 0..1; repeats in x after `wrap_x`."""
    total: Array = np.zeros(np.broadcast(x, y).shape, np.float32)
    weight, whole = 0.5, 0.0
    for octave in range(octaves):
        total += weight * noise(x, y, seed + 17 * octave, min(256, wrap_x << octave))
        whole += weight
        x, y, weight = x * 2, y * 2, weight * 0.5
    return total / np.float32(whole)


def smooth(value: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, an S between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
