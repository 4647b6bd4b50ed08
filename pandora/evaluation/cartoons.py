"""Scenes of the blocks world as somebody draws them by hand, and whether a model acts on them as on the real ones.

A drawing can't be read as frames of the world are, so what happens is judged by where the colours are.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from pandora.worlds.base import Frame
from pandora.worlds.blocks.camera import HOVER, SIZE, block_centre, column_x, project
from pandora.worlds.blocks.render import HORIZON, LAMP
from pandora.worlds.blocks.state import BlocksState

Pixel = tuple[float, float]
Rgb = tuple[int, ...]

_UP = 4  # drawn so many times larger, then averaged down
_INK = (38, 34, 40)
_STEEL = (128, 134, 146)
_CRAYONS = {
    "red": (228, 38, 40), "orange": (250, 146, 30), "yellow": (252, 222, 60),
    "green": (46, 172, 74), "blue": (38, 104, 226), "purple": (152, 70, 196),
}  # fmt: skip
_PAPERS = ((255, 255, 255), (250, 246, 236), (236, 243, 250), (244, 238, 246))
_TABLES = ((214, 174, 128), (176, 184, 194), (232, 218, 190), (184, 216, 198))
_HUES = {"red": 0, "orange": 30, "yellow": 50, "green": 135, "blue": 218, "purple": 275}  # degrees
_NEAR_HUE, _SATURATED, _LIT = 16, 125, 60  # what counts as such a colour: degrees, then of 255
_FEWEST = 30  # pixels of a colour that is there
_MOST_OFF = 6.0  # pixels from where it should be: half a block


def cartoon(scene: BlocksState, rng: np.random.Generator, wobble: float = 0.8) -> Frame:
    """A scene of the blocks world as somebody draws it: ink and flat crayon on paper, no shading, no shadows.

    `wobble` is how far corners are off, in pixels of the frame.
    """
    side = SIZE * _UP
    image = Image.new("RGB", (side, side), _PAPERS[rng.integers(len(_PAPERS))])
    draw = ImageDraw.Draw(image)
    pen = max(2, int(_UP * rng.uniform(0.7, 1.3)))

    def at(*point: float) -> tuple[float, float]:
        u, v = project(*point, scale=_UP)
        return u + rng.normal() * wobble * _UP / 2, v + rng.normal() * wobble * _UP / 2

    def shape(corners: Sequence[tuple[float, float]], fill: tuple[int, int, int]) -> None:
        draw.polygon(corners, fill=fill)
        draw.line([*corners, corners[0], corners[1]], fill=_INK, width=pen, joint="curve")

    edge = HORIZON * side
    shape([(-9, edge), (side + 9, edge), (side + 9, side + 9), (-9, side + 9)], _TABLES[rng.integers(len(_TABLES))])
    x, y = LAMP[0] * side, LAMP[1] * side
    bulb = (255, 240, 190) if scene.light else (120, 120, 130)
    draw.line((x, 0, x, y), fill=_INK, width=pen)
    draw.ellipse((x - 5 * _UP, y - 5 * _UP, x + 5 * _UP, y + 5 * _UP), fill=bulb, outline=_INK, width=pen)

    def block(colour: str, centre: tuple[float, float, float]) -> None:
        x, y, z = centre
        a, b, c, d = (at(x + i * 0.5, y + j * 0.5, z - 0.5) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
        e, f = at(x + 0.5, y + 0.5, z + 0.5), at(x - 0.5, y + 0.5, z + 0.5)
        light = tuple(int(p + (255 - p) * 0.25) for p in _CRAYONS[colour])
        shape([d, c, e, f], light)  # type: ignore[arg-type]
        shape([a, b, c, d], _CRAYONS[colour])

    for stack in sorted(scene.stacks, key=lambda stack: -stack.row):
        for level, colour in enumerate(stack.blocks):
            block(colour, block_centre(stack.column, stack.row, level))
    x, y = column_x(scene.gripper), HOVER
    if scene.holding:
        block(scene.holding, (x, y, 0.0))
    grip = 0.56 if scene.holding else 0.62
    for hand in (-1, 1):
        draw.line([at(x + hand * grip, y - 0.45, 0), at(x + hand * grip, y + 0.8, 0)], fill=_STEEL, width=3 * _UP)
    shape(
        [at(x - 0.7, y + 0.65, 0), at(x + 0.7, y + 0.65, 0), at(x + 0.7, y + 1.0, 0), at(x - 0.7, y + 1.0, 0)],
        (160, 166, 178),
    )
    draw.line([at(x, y + 1.0, 0), at(x, y + 12, 0)], fill=_STEEL, width=4 * _UP)
    return np.asarray(image.reduce(_UP))


def places(frame: Frame, colours: Sequence[str]) -> dict[str, Pixel | None]:
    """Where the middle of each colour is in a picture, (u, v) in pixels; None where there is none to speak of."""
    hue, saturation, value = np.moveaxis(np.asarray(Image.fromarray(frame).convert("HSV")).astype(int), -1, 0)
    away = np.stack([np.abs((hue * 360 / 255 - at + 180) % 360 - 180) for at in _HUES.values()])
    vivid = (saturation > _SATURATED) & (value > _LIT) & (away.min(0) < _NEAR_HUE)
    found: dict[str, Pixel | None] = {}
    for colour in colours:
        v, u = np.nonzero(vivid & (away.argmin(0) == list(_HUES).index(colour)))
        found[colour] = None if len(u) < _FEWEST else (float(np.median(u)), float(np.median(v)))
    return found


def in_place(frame: Frame, truth: Frame, colours: Sequence[str]) -> bool:
    """Whether all these colours are where the true picture has them, give or take half a block."""
    found, wanted = places(frame, colours), places(truth, colours)
    pairs = [(found[colour], wanted[colour]) for colour in colours]
    return all(a is not None and b is not None and np.hypot(a[0] - b[0], a[1] - b[1]) < _MOST_OFF for a, b in pairs)
