"""Whether two pictures show the same view: a measure that forgives noise, blur and a small shift."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from pandora.errors import InvalidInput
from pandora.worlds.base import Frame

_GRID = 32  # blocks along each side that are compared
_SHIFTS = (-1, 0, 1)  # blocks by which one picture may be shifted against the other
_FLAT = 0.02  # keeps pictures that are of one colour all over from dividing by nothing
# Of the same views after blur and noise, and a shift of 6 pixels or a zoom of 6 %, 99 in 100 differ by less than 0.31;
# of those one step or one turn away, 99 in 100 by more than 0.36.
_BORDER, _SOFT = 0.33, 0.03


def same_view(one: Frame, other: Frame) -> float:
    """0..1; above 0.5 the pictures show the same view. Both (S, S, 3) uint8 of one size of at least 32.

    Another place, heading or light is told apart; something small that changed, such as a door far off, is not.

    Raises InvalidInput for other shapes.
    """
    return float(1 / (1 + np.exp((difference(one, other) - _BORDER) / _SOFT)))


def difference(one: Frame, other: Frame) -> float:
    """How far apart the colour layouts are, as a share of their contrast: 0 for equal pictures, about 1 for unrelated.

    The least over small shifts.
    """
    if one.shape != other.shape or one.ndim != 3 or min(one.shape[:2]) < _GRID:
        raise InvalidInput(f"Views are compared as pictures of one size, {_GRID} at least: {one.shape}, {other.shape}.")
    first, second = _layout(one), _layout(other)
    contrast = _FLAT + sum(float(np.sqrt((layout.std((0, 1)) ** 2).sum())) for layout in (first, second))
    return min(_apart(first, second, *shift) for shift in product(_SHIFTS, repeat=2)) / contrast


def _apart(first: NDArray[np.float32], second: NDArray[np.float32], down: int, right: int) -> float:
    """Root mean square distance of the colours where the pictures overlap once shifted."""
    rows, columns = (slice(max(0, by), _GRID + min(0, by)) for by in (down, right))
    rows_other, columns_other = (slice(max(0, -by), _GRID + min(0, -by)) for by in (down, right))
    return float(np.sqrt(((first[rows, columns] - second[rows_other, columns_other]) ** 2).sum(-1).mean()))


def _layout(frame: Frame) -> NDArray[np.float32]:
    """Mean colours of the blocks, as brightness and two differences of colours: (32, 32, 3) float32."""
    high, wide = frame.shape[0] // _GRID, frame.shape[1] // _GRID
    blocks = frame[: high * _GRID, : wide * _GRID].reshape(_GRID, high, _GRID, wide, 3)
    red, green, blue = np.moveaxis(blocks.mean((1, 3), dtype=np.float32) / 255, -1, 0)
    return np.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue], -1)
