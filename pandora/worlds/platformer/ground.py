"""Solid ground, thin platforms, ladders, spikes and liquids, in the colours of a tile set."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pandora.worlds.platformer.backdrop import Draw, Rng, mix
from pandora.worlds.platformer.palettes import Palette
from pandora.worlds.platformer.state import CELL, CELLS, LADDER, LIQUID, SOLID, SPIKES, THIN, Scene

_SIDE = CELL * CELLS


def lay(image: Image.Image, scene: Scene, palette: Palette, rng: Rng) -> None:
    """Draw all that a room is made of, except liquids, which move."""
    draw = ImageDraw.Draw(image)
    earth = Image.new("RGB", (_SIDE, _SIDE), palette.body[1])
    _TEXTURES[palette.texture](ImageDraw.Draw(earth), palette, rng)
    mask = Image.new("L", (_SIDE, _SIDE))
    for x, y in _cells(scene, SOLID):
        mask.paste(255, (x * CELL, y * CELL, (x + 1) * CELL, (y + 1) * CELL))
    image.paste(earth, mask=mask)
    for x, y in _cells(scene, SOLID):
        _rim(draw, scene, palette, x, y)
    for x, y in _cells(scene, SOLID):
        if scene.at((x, y - 1)) != SOLID:
            _cap(draw, palette, rng, scene, x, y)
    for x, y in _cells(scene, THIN):
        _plank(draw, palette, scene, x, y)
    for x, y in _cells(scene, LADDER):
        _rungs(draw, palette, scene, x, y)
    for x, y in _cells(scene, SPIKES):
        _spikes(draw, palette, x, y)


def liquid(picture: NDArray[np.uint8], scene: Scene, palette: Palette, phase: int) -> None:
    """Draw the pits at an eighth of their second."""
    deep, light = (np.array(colour, float) for colour in palette.liquid)
    for x, y in _cells(scene, LIQUID):
        row, column = np.mgrid[:CELL, :CELL]
        wave = np.round(1.5 * np.sin((column + x * CELL) * np.pi / 8 + phase * np.pi / 4)).astype(int)
        depth = row - 4 - wave
        share = (depth / 12).clip(0, 1)[..., None]
        colour = (light * 0.45 + deep * 0.55) * (1 - share) + deep * 0.75 * share
        colour[(depth >= 0) & (depth < 2)] = light
        glint = ((column + x * CELL + 2 * phase) % 16 < 3) & (depth == 5)
        colour[glint] = light * 0.6 + deep * 0.4
        part = picture[y * CELL : (y + 1) * CELL, x * CELL : (x + 1) * CELL]
        part[depth >= 0] = colour[depth >= 0].round().astype(np.uint8)


def _cells(scene: Scene, kind: str) -> list[tuple[int, int]]:
    return [(x, y) for y in range(CELLS) for x in range(CELLS) if scene.room[y][x] == kind]


def _dirt(draw: Draw, palette: Palette, rng: Rng) -> None:
    dark, middle, light = palette.body
    for _ in range(110):
        x, y, size = int(rng.integers(_SIDE)), int(rng.integers(_SIDE)), int(rng.integers(1, 4))
        draw.ellipse((x, y, x + size + 1, y + size), fill=mix(middle, dark, 0.6))
        draw.line((x, y, x + size, y), fill=mix(middle, light, 0.7))
    for _ in range(160):
        draw.point((int(rng.integers(_SIDE)), int(rng.integers(_SIDE))), fill=mix(middle, light, 0.6))


def _strata(draw: Draw, palette: Palette, rng: Rng) -> None:
    dark, middle, light = palette.body
    for y in range(0, _SIDE, 5):
        phase, tint = rng.uniform(0, 6), (mix(middle, dark, 0.5), mix(middle, light, 0.5))[y // 5 % 2]
        line = [(x, y + round(1.3 * np.sin(x / 9 + phase))) for x in range(_SIDE)]
        draw.line(line, fill=tint, width=2)
    for _ in range(60):
        draw.point((int(rng.integers(_SIDE)), int(rng.integers(_SIDE))), fill=dark)


def _ice(draw: Draw, palette: Palette, rng: Rng) -> None:
    dark, middle, light = palette.body
    for offset in range(-_SIDE, _SIDE, 16):
        shift = int(rng.integers(8))
        draw.line((offset + shift, _SIDE, offset + shift + _SIDE, 0), fill=mix(middle, light, 0.6), width=3)
        draw.line((offset + shift + 6, _SIDE, offset + shift + 6 + _SIDE, 0), fill=mix(middle, dark, 0.4))
    for _ in range(50):
        x, y = int(rng.integers(_SIDE)), int(rng.integers(_SIDE))
        draw.line((x, y, x + 2, y), fill=light)


def _stone(draw: Draw, palette: Palette, rng: Rng) -> None:
    dark, middle, light = palette.body
    draw.rectangle((0, 0, _SIDE, _SIDE), fill=dark)
    for y in range(-2, _SIDE, 8):
        for x in range(-6 + y % 16 // 8 * 5, _SIDE, 10):
            dx, dy = (int(v) for v in rng.integers(-1, 2, 2))
            tint = mix(middle, dark, rng.uniform(0, 0.35))
            draw.rounded_rectangle((x + dx, y + dy, x + dx + 8, y + dy + 6), 2, fill=tint)
            draw.line((x + dx + 2, y + dy + 1, x + dx + 5, y + dy + 1), fill=mix(tint, light, 0.6))


def _brick(draw: Draw, palette: Palette, rng: Rng) -> None:
    dark, middle, light = palette.body
    draw.rectangle((0, 0, _SIDE, _SIDE), fill=dark)
    for y in range(0, _SIDE, 8):
        for x in range(-8 + y % 16, _SIDE, 16):
            for left, width in ((x, 10), (x + 11, 4)):
                tint = mix(middle, (dark, light)[rng.integers(2)], rng.uniform(0, 0.25))
                draw.rectangle((left, y, left + width - 1, y + 6), fill=tint)
                draw.line((left, y, left + width - 1, y), fill=mix(tint, light, 0.6))


def _cake(draw: Draw, palette: Palette, rng: Rng) -> None:
    dark, middle, light = palette.body
    for y in range(0, _SIDE, 16):
        draw.rectangle((0, y + 8, _SIDE, y + 10), fill=mix(light, (255, 240, 230), 0.6))
        draw.line((0, y + 11, _SIDE, y + 11), fill=mix(middle, dark, 0.5))
    for _ in range(170):
        x, y = int(rng.integers(_SIDE)), int(rng.integers(_SIDE))
        draw.point((x, y), fill=(dark, light)[rng.integers(2)])


_TEXTURES: dict[str, Callable[[Draw, Palette, Rng], None]] = {
    "dirt": _dirt,
    "strata": _strata,
    "ice": _ice,
    "stone": _stone,
    "brick": _brick,
    "cake": _cake,
}


def _rim(draw: Draw, scene: Scene, palette: Palette, x: int, y: int) -> None:
    """A dark edge where the ground ends, and a lighter one inside it to the left."""
    left, top = x * CELL, y * CELL
    right, bottom = left + CELL - 1, top + CELL - 1
    ink = mix(palette.body[0], (10, 8, 20), 0.5)
    if x > 0 and scene.at((x - 1, y)) != SOLID:
        draw.line((left + 1, top, left + 1, bottom), fill=palette.body[2])
        draw.line((left, top, left, bottom), fill=ink)
    if x < CELLS - 1 and scene.at((x + 1, y)) != SOLID:
        draw.line((right - 1, top, right - 1, bottom), fill=palette.body[0])
        draw.line((right, top, right, bottom), fill=ink)
    if y < CELLS - 1 and scene.at((x, y + 1)) != SOLID:
        draw.line((left, bottom - 1, right, bottom - 1), fill=palette.body[0])
        draw.line((left, bottom, right, bottom), fill=ink)


def _cap(draw: Draw, palette: Palette, rng: Rng, scene: Scene, x: int, y: int) -> None:
    """What lies on top of the ground: grass, snow, icing, or just worn stone."""
    dark, middle, light = palette.cap
    left, top = x * CELL, y * CELL
    if palette.edge == "rim":
        draw.rectangle((left, top, left + 15, top + 3), fill=middle)
        draw.line((left, top, left + 15, top), fill=light)
        draw.line((left, top + 3, left + 15, top + 3), fill=dark)
        draw.line((left + int(rng.integers(3, 13)), top, left + int(rng.integers(3, 13)), top + 2), fill=dark)
        return
    for column in range(CELL):
        depth = {
            "grass": 4 + int(rng.integers(0, 3)),
            "snow": 5 + round(1.5 * np.sin((left + column) / 2.6)),
            "sand": 3 + round(0.8 * np.sin((left + column) / 3.1)),
            "icing": 5 + round(2.2 * max(-0.4, np.sin((left + column) * 0.785))),
            "drip": 3 + int(3.5 * max(0.0, np.sin((left + column) * 1.1 + top))),
        }[palette.edge]
        px = left + column
        draw.line((px, top, px, top + depth), fill=middle)
        draw.point((px, top + depth), fill=dark)
        draw.point((px, top), fill=light)
        if palette.edge in ("grass", "snow", "icing") and rng.random() < 0.5:
            draw.point((px, top + 1), fill=light)


def _plank(draw: Draw, palette: Palette, scene: Scene, x: int, y: int) -> None:
    """A thin platform: six pixels high, with brackets at its ends."""
    dark, light = palette.ladder
    left, top = x * CELL, y * CELL
    middle, ink = mix(dark, light, 0.5), mix(dark, (10, 8, 20), 0.5)
    draw.rectangle((left, top, left + 15, top + 5), fill=middle)
    draw.line((left, top, left + 15, top), fill=mix(light, (255, 255, 255), 0.2))
    draw.line((left, top + 1, left + 15, top + 1), fill=light)
    draw.line((left, top + 5, left + 15, top + 5), fill=ink)
    draw.line((left, top + 4, left + 15, top + 4), fill=dark)
    for column in (7, 15):
        draw.line((left + column, top + 1, left + column, top + 4), fill=dark)
    for beside, px in ((x - 1, left + 1), (x + 1, left + 13)):
        if scene.at((beside, y)) != THIN:
            draw.rectangle((px, top + 5, px + 1, top + 9), fill=dark)
            draw.point((px, top + 9), fill=ink)


def _rungs(draw: Draw, palette: Palette, scene: Scene, x: int, y: int) -> None:
    dark, light = palette.ladder
    left, top = x * CELL, y * CELL
    ink = mix(dark, (10, 8, 20), 0.55)
    if palette.rungs == "ladder":
        for px in (left + 3, left + 11):
            draw.rectangle((px - 1, top, px + 2, top + 15), fill=ink)
            draw.rectangle((px, top, px + 1, top + 15), fill=light)
        for py in (top + 2, top + 7, top + 12):
            draw.rectangle((left + 3, py, left + 12, py + 2), fill=ink)
            draw.rectangle((left + 4, py, left + 11, py + 1), fill=light)
            draw.line((left + 4, py + 1, left + 11, py + 1), fill=mix(dark, light, 0.4))
        return
    if palette.rungs in ("vine", "kelp"):
        for py in range(CELL):
            sway = round(2 * np.sin((top + py) * np.pi / 8))
            for px in (left + 5 + sway, left + 10 - sway):
                draw.line((px - 1, top + py, px + 1, top + py), fill=dark)
                draw.point((px, top + py), fill=light)
        for py, px in ((2, 1), (6, 11), (10, 2), (14, 10)):
            draw.ellipse((left + px, top + py - 1, left + px + 4, top + py + 1), fill=light, outline=ink)
        return
    for px in (left + 4, left + 10):
        for py in range(0, CELL, 4):
            draw.rectangle((px - 1, top + py, px + 2, top + py + 3), fill=ink)
            if palette.rungs == "cane":
                draw.rectangle((px - 1, top + py, px + 2, top + py + 1), fill=light)
                draw.rectangle((px - 1, top + py + 2, px + 2, top + py + 3), fill=dark)
            else:
                draw.rectangle((px, top + py, px + 1, top + py + 2), fill=light)
    for py in (top + 3, top + 11):
        draw.rectangle((left + 3, py, left + 12, py + 2), fill=ink)
        draw.line((left + 4, py, left + 11, py), fill=light)
        draw.line((left + 4, py + 1, left + 11, py + 1), fill=mix(dark, light, 0.5))


def _spikes(draw: Draw, palette: Palette, x: int, y: int) -> None:
    left, bottom = x * CELL, y * CELL + CELL - 1
    pale = mix(palette.cap[2], (236, 238, 250), 0.75)
    for px in (0, 5, 10):
        tip = bottom - 10
        draw.polygon([(left + px, bottom), (left + px + 5, bottom), (left + px + 2, tip)], fill=(40, 32, 52))
        draw.polygon([(left + px + 1, bottom), (left + px + 4, bottom), (left + px + 2, tip + 2)], fill=(150, 154, 176))
        draw.line((left + px + 2, tip + 1, left + px + 1, bottom), fill=pale)
