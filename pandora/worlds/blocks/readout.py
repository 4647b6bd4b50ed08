"""Reads the facts off a picture, from pixels alone.

Pixels are labelled with the block colour they match, under the light that the wall shows. The camera says where the
front of a block in every cell would be; a block is read where nearly all of that front carries one label. What is
left over must be background: colour in other places, half blocks and ghosts make the picture unreadable.
"""

from itertools import takewhile

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pandora.worlds.base import Facts, Frame
from pandora.worlds.blocks import atlas
from pandora.worlds.blocks.camera import SIZE
from pandora.worlds.blocks.look import PAINT, tint
from pandora.worlds.blocks.render import HORIZON
from pandora.worlds.blocks.state import COLUMNS, MIDDLE_ROW, ROWS, BlocksState, Stack, facts
from pandora.worlds.towers import COLOURS

_COSINE = {True: 0.98, False: 0.97}  # by light: of the largest angle between a pixel and its colour
_COVERED = {True: 0.84, False: 0.75}  # by light: the share of a front that must carry one label
_PALE = {True: 0.14, False: 0.18}  # by light: how far a front's mean may lie from its colour, relative to that
_SHADES = (0.76, 1.16)  # the brightness of a pixel relative to its colour
_STRAY = 0.6  # the share of any 3x3 pixels outside all blocks that may look like a block
_LIT, _UNLIT, _BLACK = 150.0, 105.0, 40.0  # red of the wall: lit at least, unlit at most and at least
_WRIST = 118.0  # brightness of a wrist at most
_WALL = 24.0  # how far any 5x5 pixels of the wall may lie from its smooth shading, of 255
_TABLE = 20.0  # how far any 5x5 pixels of the table may lie from its tint
_DIM_NOISE = 1.5  # noise is this much larger where the light is off
_ODD = 25.0  # how far a pixel lies at least from a background it does not belong to
_NONE = len(COLOURS)  # the label of what is no block
_EDGE = 6  # rows around the table's far edge that no background model covers
_PAINTS = np.array([PAINT[colour] for colour in COLOURS], np.float32)


def readout(frame: Frame) -> Facts | None:
    """The facts of a resting picture, uint8 (128, 128, 3); None where it shows no possible scene."""
    if frame.shape != (SIZE, SIZE, 3) or frame.dtype != np.uint8:
        return None
    pixels = np.asarray(Image.fromarray(frame).filter(ImageFilter.BoxBlur(1)), np.float32)
    light = _read_light(pixels)
    if light is None:
        return None
    pixels = pixels / np.array(tint(float(light)), np.float32)
    labels = _label(pixels, _COSINE[light])
    state = _read_state(pixels, labels, light)
    return facts(state) if state and _is_clean(pixels, labels, state) else None


def _read_light(pixels: NDArray[np.float32]) -> bool | None:
    """On or off by the wall's red; None while it fades."""
    red = float(np.median(pixels[: int(HORIZON * SIZE) - _EDGE, :, 0]))
    return True if red >= _LIT else False if _BLACK <= red <= _UNLIT else None


def _label(pixels: NDArray[np.float32], cosine: float) -> NDArray[np.intp]:
    """The index in COLOURS of each pixel that looks like a block's front, else `_NONE`: (H, W, 3) -> (H * W,)."""
    table = np.median(pixels[int(HORIZON * SIZE) + _EDGE :: 2, ::2].reshape(-1, 3), axis=0) + 1
    known = np.concatenate([_PAINTS, table[None]])
    lengths = np.linalg.norm(known, axis=1)
    flat = pixels.reshape(-1, 3)
    along = flat @ (known / lengths[:, None]).T
    best = along.argmax(axis=1)
    near = along[np.arange(len(best)), best]
    aside = near >= cosine * np.sqrt(np.einsum("pc,pc->p", flat, flat))
    shade = near / lengths[best]
    return np.where(aside & (shade >= _SHADES[0]) & (shade <= _SHADES[1]), best, _NONE)


def _read_state(pixels: NDArray[np.float32], labels: NDArray[np.intp], light: bool) -> BlocksState | None:
    fronts = _read_fronts(pixels, labels, light)
    feet = 1 - atlas.feet().shares(labels, _NONE + 1)[:, _NONE].reshape(COLUMNS, ROWS)
    stacks: list[Stack] = []
    for column in range(COLUMNS):
        towers = ((row, _read_tower(fronts[column, row], feet[column, row])) for row in range(ROWS))
        stacks += [Stack(column, row, blocks) for row, blocks in towers if blocks][:1]
    rows = {stack.column: stack.row for stack in stacks}
    gripper = _read_gripper(
        pixels @ np.full(3, 1 / 3, np.float32), [rows.get(column, MIDDLE_ROW) for column in range(COLUMNS)]
    )
    if gripper is None:
        return None
    held = fronts[gripper, rows.get(gripper, MIDDLE_ROW), atlas.HELD]
    holding = COLOURS[held] if held != _NONE else None
    blocks = [block for stack in stacks for block in stack.blocks] + ([holding] if holding else [])
    if len(blocks) != len(set(blocks)) or len(blocks) < 2:
        return None
    return BlocksState(tuple(stacks), gripper, holding, light)


def _read_fronts(pixels: NDArray[np.float32], labels: NDArray[np.intp], light: bool) -> NDArray[np.intp]:
    """The index in COLOURS of the block whose front each cell shows, else `_NONE`: (columns, rows, levels)."""
    regions = atlas.fronts()
    shares = regions.shares(labels, _NONE + 1)[:, :_NONE]
    best = shares.argmax(axis=1)
    paints = _PAINTS[best]
    means = np.stack([regions.means(pixels[..., channel].ravel()) for channel in range(3)], axis=1)
    pale = np.linalg.norm(means - paints, axis=1) / np.linalg.norm(paints, axis=1)
    shown = (shares.max(axis=1) >= _COVERED[light]) & (pale <= _PALE[light])
    return np.where(shown, best, _NONE).reshape(COLUMNS, ROWS, atlas.HELD + 1)


def _read_tower(fronts: NDArray[np.intp], foot: float) -> tuple[str, ...]:
    """The blocks that stand in a cell, from the bottom up; none where what is seen there has no foot in this row."""
    blocks = tuple(COLOURS[index] for index in takewhile(lambda index: index != _NONE, fronts[: atlas.HELD]))
    return blocks if foot <= 0.5 else ()


def _read_gripper(grey: NDArray[np.float32], rows: list[int]) -> int | None:
    """The one column above which a dark wrist stands out from the wall, in the row that its stack asks for."""
    wrists = atlas.wrists().means(grey.ravel()).reshape(COLUMNS, ROWS)
    flanks = atlas.flanks().means(grey.ravel()).reshape(COLUMNS, ROWS, 2)
    columns = [c for c in range(COLUMNS) if wrists[c, rows[c]] <= _WRIST and flanks[c, rows[c]].max() >= _WRIST + 20]
    return columns[0] if len(columns) == 1 else None


def _is_clean(pixels: NDArray[np.float32], labels: NDArray[np.intp], state: BlocksState) -> bool:
    """Whether everything outside the scene's blocks and gripper is wall and table."""
    free = ~atlas.silhouette(state)
    horizon = int(HORIZON * SIZE)
    wall, table = slice(0, horizon - _EDGE + 3), slice(horizon + _EDGE, SIZE)
    off = np.full((SIZE, SIZE), np.float32(_ODD))
    off[wall] = _wall_residual(pixels[wall], free[wall], atlas.wall_basis()[wall])
    off[table] = _table_residual(pixels[table], free[table])
    stray = free & (labels.reshape(SIZE, SIZE) != _NONE) & (off >= _ODD)
    noise = 1.0 if state.light else _DIM_NOISE
    return bool(
        _spread(stray.astype(np.float32), 1).max() <= _STRAY
        and _spread(off[wall], 2).max() <= _WALL * noise
        and _spread(off[table], 2).max() <= _TABLE * noise
    )


def _wall_residual(pixels: NDArray[np.float32], free: NDArray[np.bool_], basis: NDArray[np.float32]):
    """The distance (h, w) of each free pixel from the wall's shading, fitted to every 5th of them."""
    samples = np.flatnonzero(free.ravel())[::5]
    known, seen = basis.reshape(-1, basis.shape[-1]), pixels.reshape(-1, 3)
    weights = np.linalg.lstsq(known[samples], seen[samples], rcond=None)[0]
    off = np.abs(seen - known @ weights).max(axis=1).reshape(free.shape)
    return np.where(free, off, 0)


def _table_residual(pixels: NDArray[np.float32], free: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The distance (h, w) of each free pixel from the line of the table's tint: shadows only shorten it."""
    tint = np.median(pixels[free], axis=0) + 1
    tint /= np.linalg.norm(tint)
    along = pixels @ tint
    off = np.linalg.norm(pixels - along[..., None] * tint, axis=-1)
    return np.where(free, off, 0)


def _spread(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """The mean over the square of `radius` around each pixel inside the picture."""
    size = 2 * radius + 1
    sums = np.cumsum(np.cumsum(np.pad(values, ((1, 0), (1, 0))), axis=0), axis=1)
    return (sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]) / np.float32(size**2)
