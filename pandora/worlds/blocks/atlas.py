"""Where every block and gripper could appear in the picture: pixel regions and silhouettes, from the camera alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pandora.worlds.blocks.camera import HOVER, SIZE, Point, block_centre, column_x, project, row_z
from pandora.worlds.blocks.motion import HOLDING, OPEN, TIP
from pandora.worlds.blocks.render import HORIZON, LAMP, lamp_glow
from pandora.worlds.blocks.state import COLUMNS, MIDDLE_ROW, ROWS, BlocksState
from pandora.worlds.towers import COLOURS

HELD = len(COLOURS)  # the level of a block in the hovering gripper, above the tallest tower

Mask = NDArray[np.bool_]  # (H, W)


@dataclass(frozen=True)
class Regions:
    """Small sets of pixels, flat: `pixels` (P,) indexes the picture, `owner` (P,) says which region each belongs to."""

    pixels: NDArray[np.intp]
    owner: NDArray[np.intp]
    count: NDArray[np.intp]  # pixels in each region

    def shares(self, labels: NDArray[np.intp], kinds: int) -> NDArray[np.float64]:
        """The share of each label in each region, (regions, kinds), from labels (H * W,)."""
        flat = np.bincount(self.owner * kinds + labels[self.pixels], minlength=len(self.count) * kinds)
        return flat.reshape(-1, kinds) / self.count[:, None]

    def means(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """The mean of `values` (H * W,) in each region."""
        return np.bincount(self.owner, values[self.pixels], minlength=len(self.count)) / self.count


def centre_at(column: int, row: int, level: int) -> Point:
    """The block centre of a cell; level `HELD` is the hovering gripper's hand."""
    return (column_x(column), HOVER, row_z(row)) if level == HELD else block_centre(column, row, level)


@lru_cache(maxsize=1)
def fronts() -> Regions:
    """The inside of each block's front, all columns x rows x levels 0..HELD in that order."""
    cells = (centre_at(*cell) for cell in product(range(COLUMNS), range(ROWS), range(HELD + 1)))
    return _regions(((x - 0.4, x + 0.4, y - 0.38, y + 0.38, z - 0.5) for x, y, z in cells))


@lru_cache(maxsize=1)
def feet() -> Regions:
    """The strip of table right before each cell's block, all columns x rows."""
    cells = (block_centre(column, row, 0) for column, row in product(range(COLUMNS), range(ROWS)))
    return _regions(((x - 0.3, x + 0.3, y - 0.82, y - 0.64, z - 0.5) for x, y, z in cells))


@lru_cache(maxsize=1)
def wrists() -> Regions:
    """The dark wrist of the hovering gripper, all columns x rows."""
    return _regions((x - 0.2, x + 0.2, HOVER + 1.04, HOVER + 1.34, z) for x, z in _hovers())


@lru_cache(maxsize=1)
def flanks() -> Regions:
    """The wall on both sides of the hovering gripper's wrist, all columns x rows."""
    return _regions(
        (x + side - 0.1, x + side + 0.1, HOVER + 1.1, HOVER + 1.3, z) for x, z in _hovers() for side in (-0.48, 0.48)
    )


@lru_cache(maxsize=1)
def lamp() -> Mask:
    u, v = LAMP[0] * SIZE, LAMP[1] * SIZE
    return _mask([[(u - 9, 0), (u + 9, 0), (u + 9, v + 6), (u - 9, v + 6)]])


@lru_cache(maxsize=256)
def block(column: int, row: int, level: int) -> Mask:
    """The silhouette of one block, widened by about two pixels."""
    x, y, z = centre_at(column, row, level)
    box = list(product((x - 0.5, x + 0.5), (y - 0.5, y + 0.5), (z - 0.5, z + 0.5)))
    front, back = [p for p in box if p[2] < z], [p for p in box if p[2] > z]
    order = (0, 1, 3, 2)
    sides = [[front[i], front[j], back[j], back[i]] for i, j in ((0, 1), (1, 3), (3, 2), (2, 0))]
    faces = [[face[i] for i in order] for face in (front, back)] + sides
    return _mask([[project(*corner) for corner in face] for face in faces])


@lru_cache(maxsize=64)
def gripper(column: int, row: int, holds: bool) -> Mask:
    """The silhouette of the hovering gripper, widened by about two pixels."""
    x, y, z = column_x(column), HOVER, row_z(row)
    grip = HOLDING if holds else OPEN
    boxes = [(x - 0.66, x + 0.66, y + 0.62, y + 1.12, z - 0.28), (x - 0.27, x + 0.27, y + 0.9, y + 12.0, z)]
    fingers = (x - grip - 0.075, x + grip + 0.075)
    boxes += [(finger - 0.075, finger + 0.075, y - TIP, y + 0.62, z - 0.12) for finger in fingers]
    return _mask([_rectangle(*box) for box in boxes])


def silhouette(state: BlocksState) -> Mask:
    """All pixels that the blocks, the gripper and the lamp of a resting scene may touch."""
    at = state.stack_at(state.gripper)
    row = at.row if at else MIDDLE_ROW
    result = lamp() | gripper(state.gripper, row, state.holding is not None)
    if state.holding:
        result |= block(state.gripper, row, HELD)
    for stack in state.stacks:
        for level in range(len(stack.blocks)):
            result |= block(stack.column, stack.row, level)
    return result


@lru_cache(maxsize=1)
def wall_basis() -> NDArray[np.float32]:
    """Smooth functions (H, W, 5) whose mixtures are the wall's shading: constant, slopes, the lamp, the dark foot."""
    v, u = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE
    foot = np.clip((np.float32(HORIZON) - v) / 0.05, 0, 1)
    return np.stack([np.ones_like(u), u - 0.5, v / HORIZON - 0.5, lamp_glow(u, v), foot], axis=-1)


def _hovers() -> Iterator[tuple[float, float]]:
    return ((column_x(column), row_z(row)) for column, row in product(range(COLUMNS), range(ROWS)))


def _rectangle(left: float, right: float, bottom: float, top: float, z: float) -> list[tuple[float, float]]:
    return [project(*corner) for corner in ((left, bottom, z), (right, bottom, z), (right, top, z), (left, top, z))]


def _regions(boxes: Iterable[tuple[float, float, float, float, float]]) -> Regions:
    """The pixels whose centres lie in each upright rectangle (left, right, bottom, top, z) of the world."""
    pixels, counts = [], []
    for box in boxes:
        (left, bottom), (right, top) = _rectangle(*box)[0], _rectangle(*box)[2]
        us = np.arange(int(np.ceil(left - 0.5)), int(np.floor(right - 0.5)) + 1)
        vs = np.arange(int(np.ceil(top - 0.5)), int(np.floor(bottom - 0.5)) + 1)
        inside = (vs[:, None] * SIZE + us)[np.ix_((vs >= 0) & (vs < SIZE), (us >= 0) & (us < SIZE))].ravel()
        pixels.append(inside)
        counts.append(len(inside))
    assert min(counts) > 0
    return Regions(np.concatenate(pixels), np.repeat(np.arange(len(counts)), counts), np.array(counts))


def _mask(polygons: list[list[tuple[float, float]]]) -> Mask:
    image = Image.new("L", (SIZE, SIZE))
    draw = ImageDraw.Draw(image)
    for polygon in polygons:
        draw.polygon(polygon, fill=1)
        draw.line([*polygon, *polygon[:2]], fill=1, width=4, joint="curve")
    return np.asarray(image, bool)
