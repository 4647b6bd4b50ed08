"""Reads the facts off a picture, from pixels alone.

Pixels are labelled with the block colour they match, under the light that the wall shows. The camera says where the
front of a block in every cell would be; a block is read where nearly all of that front carries one label. What is
left over must be background: colour in other places, misplaced edges or a second gripper make the picture unreadable.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from pandora.worlds.base import Facts, Frame
from pandora.worlds.blocks.camera import HOVER, SIZE, Point, block_centre, column_x, project, row_z
from pandora.worlds.blocks.look import GRAPHITE, PAINT, STEEL, tint
from pandora.worlds.blocks.motion import HOLDING, OPEN, TIP
from pandora.worlds.blocks.state import COLOURS, COLUMNS, MIDDLE_ROW, ROWS, BlocksState, Stack, facts

_HEIGHT = len(COLOURS)  # the tallest tower
_COVERED, _EMPTY = 0.8, 0.5  # the share of a front that must carry one label; what may carry one where no block is
_ANGLE = 0.15  # sine of the largest angle between a pixel and its colour
_SHADES = (0.78, 1.14)  # the brightness of a pixel relative to its colour
_STRAY = 6.0 / 9  # the share of any 3x3 pixels that may look like a block outside all blocks
_NONE = len(COLOURS)  # the label of what is no block


def readout(frame: Frame) -> Facts | None:
    """The facts of a resting picture, uint8 (128, 128, 3); None where it shows no possible scene."""
    if frame.shape != (SIZE, SIZE, 3):
        return None
    pixels = np.asarray(Image.fromarray(frame).filter(ImageFilter.BoxBlur(1)), np.float32)
    light = _read_light(pixels)
    if light is None:
        return None
    pixels = pixels / np.array(tint(float(light)), np.float32)
    labels = _label(pixels)
    coverage = _coverage(labels)
    stacks: list[Stack] = []
    for column in range(COLUMNS):
        found = _read_column(column, coverage)
        if len(found) > 1:
            return None
        stacks += found
    rows = {stack.column: stack.row for stack in stacks}
    gripper = _read_gripper(pixels, [rows.get(column, MIDDLE_ROW) for column in range(COLUMNS)])
    if gripper is None:
        return None
    row = rows.get(gripper, MIDDLE_ROW)
    holding = _colour_at(coverage[_atlas().cell[gripper, row, _HEIGHT]])
    state = BlocksState(tuple(stacks), gripper, holding, light)
    blocks = [block for stack in stacks for block in stack.blocks] + ([holding] if holding else [])
    if len(blocks) != len(set(blocks)) or len(blocks) < 2 or not _explains(state, pixels, labels):
        return None
    return facts(state)
