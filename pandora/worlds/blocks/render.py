"""A software renderer: a pose and a look become a 128x128 picture, drawn at twice the size and averaged down."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from pandora.worlds.base import Frame
from pandora.worlds.blocks.camera import SIZE, Pixel, Point, project, row_z
from pandora.worlds.blocks.look import GRAPHITE, STEEL, Look, Rgb, make_look, tint
from pandora.worlds.blocks.motion import TIP, Pose

_UP = 2  # supersampling
_BIG = SIZE * _UP
_SHADOWS = 64  # shadows are blurred at this size
_FAR_EDGE = row_z(2) + 2.6  # where the table ends
HORIZON = project(0.0, 0.0, _FAR_EDGE)[1] / SIZE  # the same in the picture, as a share of its height
LAMP = (0.80, 0.115)  # the bulb, as shares of the picture
_LEVELS = 64  # light levels that are told apart


def render(pose: Pose, seed: int) -> Frame:
    """The picture of a pose in the look of `seed`."""
    look = make_look(seed)
    light = round(pose.light * _LEVELS) / _LEVELS
    image = _background(seed, light).copy()
    _draw_shadows(image, pose, look, light)
    brush = _Brush(ImageDraw.Draw(image), tint(light))
    gripper_z = pose.gripper[2] - 1e-6
    ordered = sorted(pose.blocks, key=lambda item: (-round(item[1][2], 6), -abs(round(item[1][0], 6)), item[1][1]))
    for colour, centre in (item for item in ordered if item[1][2] >= gripper_z):
        _draw_block(brush, look.paint[colour], centre, look.sun)
    _draw_gripper(brush, pose, look.sun)
    for colour, centre in (item for item in ordered if item[1][2] < gripper_z):
        _draw_block(brush, look.paint[colour], centre, look.sun)
    return np.asarray(image.reduce(_UP))


class _Brush:
    """Draws polygons given in world units, colours given as seen in full light."""

    def __init__(self, draw: ImageDraw.ImageDraw, tint: Rgb):
        self._draw, self._tint = draw, tint

    def colour(self, paint: Rgb, shade: float, gloss: float = 0.0) -> tuple[int, int, int]:
        """`paint` darkened by `shade` (1 leaves it) and moved to white by `gloss`, under the present light."""
        mixed = (min(255.0, p * shade * (1 - gloss) + 255 * gloss) for p in paint)
        r, g, b = (int(p * t) for p, t in zip(mixed, self._tint, strict=True))
        return r, g, b

    def face(self, corners: Iterable[Point], fill: tuple[int, int, int]) -> None:
        self._draw.polygon([project(*corner, _UP) for corner in corners], fill=fill)

    def edge(self, a: Point, b: Point, fill: tuple[int, int, int], width: int = 1) -> None:
        self._draw.line((project(*a, _UP), project(*b, _UP)), fill=fill, width=width)


def _draw_block(brush: _Brush, paint: Rgb, centre: Point, sun: float) -> None:
    x, y, z = centre
    left, right, bottom, top, near, far = x - 0.5, x + 0.5, y - 0.5, y + 0.5, z - 0.5, z + 0.5
    inner = right if x < 0 else left  # the side that the camera sees
    facing = sun if x < 0 else -sun
    brush.face(
        ((inner, bottom, near), (inner, bottom, far), (inner, top, far), (inner, top, near)),
        brush.colour(paint, 0.72 + 0.14 * facing),
    )
    brush.face(_quad(left, right, top, near, far), brush.colour(paint, 1.0, 0.30))
    rim = 0.1
    brush.face(_quad(left + rim, right - rim, top, near + rim, far - rim), brush.colour(paint, 1.0, 0.20))
    brush.face(_front(left, right, bottom, top, near), brush.colour(paint, 0.88))
    rim = 0.07
    brush.face(_front(left + rim, right - rim, bottom + rim, top - rim, near), brush.colour(paint, 1.0))
    brush.face(_front(left + rim, right - rim, bottom + rim, bottom + 0.3, near), brush.colour(paint, 0.95))
    lit = left if sun < 0 else right
    brush.edge((lit, bottom, near), (lit, top, near), brush.colour(paint, 1.0, 0.18))
    brush.edge((left, top, near), (right, top, near), brush.colour(paint, 1.0, 0.48))


def _draw_gripper(brush: _Brush, pose: Pose, sun: float) -> None:
    x, y, z = pose.gripper
    palm, shoulder, wrist = y + 0.62, y + 0.98, y + 1.4
    for side in (-1, 1):
        inner = x + side * pose.grip
        outer = inner + side * 0.15
        left, right = min(inner, outer), max(inner, outer)
        shade = 1.0 if side * sun > 0 else 0.8
        brush.face(_front(left, right, y - TIP, palm, z - 0.12), brush.colour(STEEL, 0.9 * shade))
        brush.face(_front(left, right, y - TIP, y - TIP + 0.16, z - 0.12), brush.colour(GRAPHITE, 0.8))
    half = 0.66
    brush.face(_quad(x - half, x + half, shoulder, z - 0.28, z + 0.28), brush.colour(STEEL, 1.0, 0.35))
    brush.face(_front(x - half, x + half, palm, shoulder, z - 0.28), brush.colour(STEEL, 0.86))
    lit = x + half * 0.5 * sun
    brush.face(_front(lit - 0.22, lit + 0.22, palm, shoulder, z - 0.28), brush.colour(STEEL, 1.0, 0.12))
    brush.edge((x - half, palm, z - 0.28), (x + half, palm, z - 0.28), brush.colour(GRAPHITE, 0.9))
    _draw_tube(brush, x, z, 0.27, shoulder - 0.04, wrist, GRAPHITE, sun)
    _draw_tube(brush, x, z, 0.16, wrist, y + 12.0, STEEL, sun)


def _draw_tube(brush: _Brush, x: float, z: float, radius: float, low: float, high: float, paint: Rgb, sun: float):
    """An upright cylinder, shaded in four strips that follow the light."""
    bounds = (-1.0, -0.55, 0.05, 0.6, 1.0)
    shades = (0.98, 1.16, 0.92, 0.68) if sun < 0 else (0.68, 0.92, 1.16, 0.98)
    if sun > 0:
        bounds = (-1.0, -0.6, -0.05, 0.55, 1.0)
    for (a, b), shade in zip(pairwise(bounds), shades, strict=True):
        brush.face(_front(x + a * radius, x + b * radius, low, high, z), brush.colour(paint, shade))


def _front(left: float, right: float, bottom: float, top: float, z: float) -> Sequence[Point]:
    return (left, bottom, z), (right, bottom, z), (right, top, z), (left, top, z)


def _quad(left: float, right: float, y: float, near: float, far: float) -> Sequence[Point]:
    return (left, y, near), (right, y, near), (right, y, far), (left, y, far)


def _draw_shadows(image: Image.Image, pose: Pose, look: Look, light: float) -> None:
    """Soft shadows on the table: contact below what is low, and a pale cast one to the side away from the light."""
    mask = Image.new("L", (_SHADOWS, _SHADOWS))
    draw = ImageDraw.Draw(mask)
    strength = 0.45 + 0.55 * light
    x, y, z = pose.gripper
    draw.polygon(_footprint(x - look.sun * 0.10 * y, z, 0.62, 0.3), fill=int(54 * strength))
    for _, (x, y, z) in sorted(pose.blocks, key=lambda item: -item[1][1]):
        height = y - 0.5
        shift = -look.sun * (0.16 + 0.10 * height)
        draw.polygon(_footprint(x + shift, z - 0.1, 0.5, 0.5), fill=int(max(70 - 9 * height, 24) * strength))
        if height < 0.5:
            draw.polygon(_footprint(x, z - 0.04, 0.56, 0.56), fill=int(130 * (1 - height) * strength))
    top = int(HORIZON * _SHADOWS)
    soft = mask.filter(ImageFilter.BoxBlur(0.9)).crop((0, top, _SHADOWS, _SHADOWS))
    box = (0, top * _BIG // _SHADOWS, _BIG, _BIG)
    dark = tuple(int(c * t * 0.28) for c, t in zip(look.table, tint(light), strict=True))
    image.paste(dark, box, soft.resize((_BIG, _BIG - box[1]), Image.Resampling.BILINEAR))


def _footprint(x: float, z: float, width: float, depth: float) -> list[Pixel]:
    return [project(*corner, _SHADOWS / SIZE) for corner in _quad(x - width, x + width, 0.0, z - depth, z + depth)]


@lru_cache(maxsize=128)
def _background(seed: int, light: float) -> Image.Image:
    """Wall, lamp and table at twice the size; never drawn into, only copied."""
    look = make_look(seed)
    full, glow = _room(seed)
    factors = np.array(tint(light), np.float32)
    shade = full * factors + glow[..., None] * (light * np.array([46.0, 38.0, 20.0], np.float32))
    image = Image.fromarray(np.clip(shade, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    _draw_lamp(draw, light)
    brush = _Brush(draw, tint(light))
    brush.face(_front(-9, 9, -0.16, 0.0, _FAR_EDGE), brush.colour(look.table, 0.7))
    return image


@lru_cache(maxsize=8)
def _room(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Wall and table in full light (H, W, 3), and how much the lamp adds to each pixel (H, W), 0..1."""
    look = make_look(seed)
    v, u = np.mgrid[0:_BIG, 0:_BIG].astype(np.float32) / _BIG
    horizon = HORIZON
    wall = np.array(look.wall, np.float32) * (0.86 + 0.14 * (v / horizon) + 0.05 * look.sun * (u - 0.5))[..., None]
    near = (v - horizon) / (1 - horizon)
    table = np.array(look.table, np.float32) * (0.86 + 0.18 * near + 0.10 * look.sun * (u - 0.5))[..., None]
    image = np.where((v >= horizon)[..., None], table, wall)
    rise = np.clip((horizon - v) / 0.05, 0, 1)
    image *= np.where(v < horizon, 0.90 + 0.10 * rise, 1.0)[..., None]
    _draw_seams(image, look)
    return image, lamp_glow(u, v) * (v < horizon)


def lamp_glow(u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of the lamp's light reaches a point of the wall, 0..1; u and v are shares of the picture."""
    return np.exp(-((u - np.float32(LAMP[0])) ** 2 + (v - np.float32(LAMP[1])) ** 2) / np.float32(0.045))


def _draw_seams(image: NDArray[np.float32], look: Look) -> None:
    """Seams between the table's planks, and the bright rim of its far edge."""
    mask = Image.new("L", (_BIG, _BIG))
    draw = ImageDraw.Draw(mask)
    for z in (-2.4, -0.8, 0.8, 2.4):
        draw.line([project(x, 0.0, z, _UP) for x in (-9.0, 9.0)], fill=255, width=1)
    seams = np.asarray(mask, np.float32)[..., None] / 255
    image *= 1 - 0.16 * look.grain * seams
    row = round(HORIZON * _BIG)
    image[row : row + 2] = np.minimum(image[row : row + 2] * 1.14, 250)


def _draw_lamp(draw: ImageDraw.ImageDraw, light: float) -> None:
    """A pendant lamp before the wall; its bulb tells the light."""
    x, y = LAMP[0] * _BIG, LAMP[1] * _BIG
    draw.line((x, 0, x, y - 12), fill=(70, 72, 80), width=2)
    warm = tuple(int(a + (b - a) * light) for a, b in zip((88, 96, 116), (255, 240, 190), strict=True))
    draw.ellipse((x - 6, y - 5, x + 6, y + 7), fill=warm)
    shade = tuple(int(c * (0.5 + 0.5 * light)) for c in (62, 66, 78))
    draw.polygon([(x - 4, y - 13), (x + 4, y - 13), (x + 13, y), (x - 13, y)], fill=shade)
