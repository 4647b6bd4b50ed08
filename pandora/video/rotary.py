"""Rotary positions of a grid of latent frames, as in Wan: a head's width is split over time, rows and columns."""

import torch
from torch import Tensor


def rope_3d(head_dim: int, length: int, rows: int, columns: int, device: torch.device) -> Tensor:
    """Rotations (length * rows * columns, head_dim / 2) complex64: axes split as in Wan's rotary embedding."""
    spatial = 2 * (head_dim // 6)
    parts = []
    for dim, count in ((head_dim - 2 * spatial, length), (spatial, rows), (spatial, columns)):
        inverse = 1.0 / 10000 ** (torch.arange(0, dim, 2, device=device, dtype=torch.float64) / dim)
        angles = torch.outer(torch.arange(count, device=device, dtype=torch.float64), inverse)
        parts.append(torch.polar(torch.ones_like(angles), angles))
    time, row, column = parts
    grid = (length, rows, columns, -1)
    table = torch.cat(
        [time[:, None, None].expand(grid), row[None, :, None].expand(grid), column[None, None].expand(grid)], 3
    )
    return table.flatten(0, 2).to(torch.complex64)


def as_real(rope: Tensor) -> Tensor:
    """Rotations (N, head_dim / 2) complex64 -> their cosines and sines, (N, 2, head_dim / 2) float32."""
    return torch.stack([rope.real, rope.imag], 1)


def rotate(x: Tensor, rope: Tensor) -> Tensor:
    """Rotate adjacent pairs of (…, N, heads, head_dim) by the table of `rope_3d`, or by its real form.

    Complex numbers are ten times faster on a CPU, and unknown to compilers for GPUs. Equal but for the last bit.
    """
    if rope.is_complex():
        pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * rope.unsqueeze(1)).flatten(-2).type_as(x)
    cosine, sine = rope.unsqueeze(1).unbind(2)
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).flatten(-2).type_as(x)
