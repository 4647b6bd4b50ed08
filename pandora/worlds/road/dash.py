"""The instruments below the windscreen: a speed gauge and two signal arrows, drawn over the picture."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_FINE = 4  # drawn so many times larger, then shrunk
_SPEEDS = 16  # needle positions


def overlay(picture: NDArray[np.uint8], speed: float, signal: str, glow: float) -> NDArray[np.uint8]:
    """The picture (128, 128, 3) uint8 with the instruments; `glow` 0..1 lights their backs."""
    colour, alpha = _drawn(round(speed * _SPEEDS), signal, round(glow * 4))
    top = 128 - colour.shape[0]
    low = picture[top:].astype(np.float32)
    made = picture.copy()
    made[top:] = (low + (colour - low) * alpha + 0.5).astype(np.uint8)
    return made


@lru_cache(256)
def _drawn(speed: int, signal: str, glow: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour (H, 128, 3) and alpha (H, 128, 1) of the lowest rows."""
    high, s = 30, _FINE
    layer = Image.new("RGBA", (128 * s, high * s), (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    base, rim = (24, 25, 28, 255), (52, 54, 58, 255)
    pen.ellipse((-40 * s, 17 * s, 168 * s, 70 * s), fill=rim)
    pen.ellipse((-40 * s, 18 * s, 168 * s, 70 * s), fill=base)
    middle, radius = (64, 18), 13
    pen.pieslice(_around(middle, radius + 2), 0, 360, fill=rim)
    face = (14 + 5 * glow, 16 + 7 * glow, 20 + 12 * glow, 255)
    pen.pieslice(_around(middle, radius + 1), 0, 360, fill=face)
    for k in range(9):
        angle = np.radians(150 + k * 30)
        ends = [(middle[0] + r * np.cos(angle), middle[1] + r * np.sin(angle)) for r in (radius - 3, radius)]
        pen.line([(x * s, y * s) for x, y in ends], fill=(200, 205, 210, 255), width=s // 2 + 1)
    angle = np.radians(150 + 195 * speed / _SPEEDS)
    tip = (middle[0] + (radius - 2) * np.cos(angle), middle[1] + (radius - 2) * np.sin(angle))
    pen.line([(middle[0] * s, middle[1] * s), (tip[0] * s, tip[1] * s)], fill=(240, 70, 40, 255), width=2 * s)
    pen.ellipse(_around(middle, 2.4), fill=(90, 92, 96, 255))
    for side, x, way in (("left", 36, -1), ("right", 92, 1)):
        fill = (70, 245, 95, 255) if side == signal else (40, 46, 44, 255)
        points = [(x + 7 * way, 23), (x, 17), (x, 20.5), (x - 6 * way, 20.5), (x - 6 * way, 25.5), (x, 25.5), (x, 29)]
        pen.polygon([(px * s, py * s) for px, py in points], fill=fill)
    small = np.asarray(layer.resize((128, high), Image.Resampling.BOX), np.float32)
    return small[..., :3], small[..., 3:] / np.float32(255)


def _around(middle: tuple[float, float], radius: float) -> tuple[float, float, float, float]:
    x, y = middle
    return (x - radius) * _FINE, (y - radius) * _FINE, (x + radius) * _FINE, (y + radius) * _FINE
