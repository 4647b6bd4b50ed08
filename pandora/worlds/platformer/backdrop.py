"""What lies behind a room: sky, far layers, and what stands in them; softer than anything that matters."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pandora.worlds.platformer.palettes import Colour, Palette

_SIDE = 128
_BANDS = 12
Draw = ImageDraw.ImageDraw
Rng = np.random.Generator


def backdrop(palette: Palette, rng: Rng) -> Image.Image:
    """The (128, 128) RGB picture behind everything."""
    top, bottom = palette.skies[rng.integers(len(palette.skies))]
    image = Image.fromarray(_sky(top, bottom))
    draw = ImageDraw.Draw(image)
    for name in palette.scenery:
        _SCENERY[name](draw, palette, rng, bottom)
    return image


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the one."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _sky(top: Colour, bottom: Colour) -> NDArray[np.uint8]:
    """Bands from top to bottom, each dithered into the next, as old machines did it."""
    y, x = np.mgrid[:_SIDE, :_SIDE]
    height = y / (_SIDE - 1) * _BANDS
    dither = np.array([[0.2, 0.7], [0.9, 0.4]])[y // 2 % 2, x // 2 % 2]
    band = np.floor(height) + (height % 1 > 0.7 + 0.3 * dither)
    share = (band / _BANDS).clip(0, 1)[..., None]
    return (np.array(top) * (1 - share) + np.array(bottom) * share).round().astype(np.uint8)


def _ridge(rng: Rng, base: float, height: float, rough: float) -> list[tuple[float, float]]:
    """A skyline of waves, closed at the bottom."""
    x = np.arange(_SIDE + 1)
    waves = [(rng.uniform(0.5, 1.0), rng.uniform(0.5, 1.5) * 2**i, rng.uniform(0, 7)) for i in range(3)]
    line = sum(a / (1 + rough * i) * np.sin(x / _SIDE * 6.3 * f + p) for i, (a, f, p) in enumerate(waves))
    edge = list(zip(x.tolist(), (base - height * np.asarray(line)).tolist(), strict=True))
    return [*edge, (_SIDE, _SIDE), (0, _SIDE)]


def _hills(draw: Draw, palette: Palette, rng: Rng, _: Colour) -> None:
    for colour, base in zip(palette.layers[1:], (92, 108), strict=True):
        draw.polygon(_ridge(rng, base, 7, 1.0), fill=colour)


def _mountains(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    far = palette.layers[0]
    for x in range(-10, _SIDE + 20, 34):
        peak, foot = x + int(rng.integers(-8, 9)), int(rng.integers(26, 38))
        top = int(rng.integers(40, 62))
        draw.polygon([(peak, top), (peak - foot, 112), (peak + foot, 112)], fill=far)
        draw.polygon([(peak, top), (peak + 4, 112), (peak + foot, 112)], fill=mix(far, palette.layers[1], 0.35))
        snow = mix(far, (255, 255, 255), 0.7)
        draw.polygon(
            [(peak, top), (peak - 7, top + 14), (peak - 2, top + 11), (peak + 3, top + 15), (peak + 7, top + 14)],
            fill=snow,
        )
    draw.rectangle((0, 110, _SIDE, _SIDE), fill=mix(palette.layers[2], low, 0.2))


def _clouds(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    for _ in range(int(rng.integers(2, 5))):
        x, y, size = int(rng.integers(_SIDE)), int(rng.integers(6, 44)), int(rng.integers(4, 8))
        for tint, drop in ((mix(low, (255, 255, 255), 0.35), 2), (mix(low, (255, 255, 255), 0.75), 0)):
            for dx, dy, r in ((-size * 1.4, 2, 0.7), (0, 0, 1.0), (size * 1.3, 2, 0.8)):
                box = (x + dx - size * r, y + dy + drop - size * r, x + dx + size * r, y + dy + drop + size * r * 0.6)
                draw.ellipse([round(v) for v in box], fill=tint)


def _sun(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    x, y = int(rng.integers(16, 112)), int(rng.integers(14, 34))
    for radius, share in ((13, 0.35), (10, 0.6), (8, 1.0)):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=mix(low, (255, 248, 206), share))


def _moon(draw: Draw, palette: Palette, rng: Rng, _: Colour) -> None:
    x, y = int(rng.integers(16, 112)), int(rng.integers(14, 30))
    draw.ellipse((x - 10, y - 10, x + 10, y + 10), fill=(244, 238, 214))
    for dx, dy, r in ((-3, -3, 2), (4, 1, 2), (-1, 5, 1)):
        draw.ellipse((x + dx - r, y + dy - r, x + dx + r, y + dy + r), fill=(216, 206, 186))


def _stars(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    for _ in range(30):
        x, y = int(rng.integers(_SIDE)), int(rng.integers(70))
        draw.point((x, y), fill=mix(low, (255, 255, 255), rng.uniform(0.3, 1.0)))


def _aurora(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    phase, tint = rng.uniform(0, 6), (((110, 255, 190), (170, 150, 255))[rng.integers(2)])
    for x in range(0, _SIDE, 2):
        y = 24 + 8 * np.sin(x / 22 + phase) + 3 * np.sin(x / 7)
        for step in range(5):
            draw.rectangle(
                (x, round(y) + step * 4, x + 1, round(y) + step * 4 + 3), fill=mix(low, tint, 0.5 - step * 0.09)
            )


def _pines(draw: Draw, palette: Palette, rng: Rng, _: Colour) -> None:
    for colour, base, size in zip(palette.layers, (96, 108, 122), (34, 40, 46), strict=True):
        for x in range(-6, _SIDE + 12, 15):
            middle, height = x + int(rng.integers(-5, 6)), size + int(rng.integers(-8, 9))
            for part in range(3):
                top = base - height + part * height // 4
                draw.polygon(
                    [
                        (middle, top),
                        (middle - 5 - part * 3, top + height // 2),
                        (middle + 5 + part * 3, top + height // 2),
                    ],
                    fill=colour,
                )
        draw.rectangle((0, base - 2, _SIDE, _SIDE), fill=colour)


def _trunks(draw: Draw, palette: Palette, rng: Rng, _: Colour) -> None:
    dark = mix(palette.layers[2], (20, 20, 30), 0.35)
    for x in rng.permutation(8)[:2]:
        left = int(x) * 16 + int(rng.integers(4, 8))
        draw.rectangle((left, 0, left + 6, _SIDE), fill=dark)
        draw.line((left + 1, 0, left + 1, _SIDE), fill=mix(dark, palette.layers[1], 0.5))
    for x in range(0, _SIDE + 8, 9):
        r = int(rng.integers(6, 11))
        draw.ellipse((x - r, -r - 2, x + r, r - 2), fill=mix(dark, palette.layers[2], 0.5))


def _pyramids(draw: Draw, palette: Palette, rng: Rng, _: Colour) -> None:
    for middle, size in ((int(rng.integers(10, 50)), 30), (int(rng.integers(70, 120)), 40)):
        top, light = 104 - size, palette.layers[0]
        draw.polygon([(middle, top), (middle - size, 106), (middle + size, 106)], fill=light)
        draw.polygon([(middle, top), (middle + size // 4, 106), (middle + size, 106)], fill=palette.layers[1])
        for y in range(top + 8, 104, 8):
            draw.line((middle - (y - top), y, middle + (y - top) // 4, y), fill=mix(light, palette.layers[1], 0.5))


def _stalactites(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    for colour, size in zip(palette.layers, (40, 28, 18), strict=True):
        for x in range(0, _SIDE + 8, 12):
            middle, tip = x + int(rng.integers(-4, 5)), size + int(rng.integers(-10, 11))
            draw.polygon([(middle - 8, -1), (middle + 8, -1), (middle, tip)], fill=colour)
            draw.polygon([(middle - 9, _SIDE), (middle + 9, _SIDE), (middle, _SIDE - tip - 6)], fill=colour)


def _crystals(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    tint = ((90, 200, 255), (200, 110, 255), (120, 255, 190))[rng.integers(3)]
    for _ in range(5):
        x, y, size = int(rng.integers(_SIDE)), int(rng.integers(30, 110)), int(rng.integers(4, 9))
        soft = mix(low, tint, 0.45)
        draw.polygon([(x, y - size), (x - size // 2, y), (x, y + size // 2), (x + size // 2, y)], fill=soft)
        draw.line((x, y - size + 1, x, y), fill=mix(soft, (255, 255, 255), 0.4))


def _wall(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    line = palette.layers[1]
    for row, y in enumerate(range(0, _SIDE, 8)):
        draw.line((0, y, _SIDE, y), fill=line)
        for x in range((row % 2) * 8, _SIDE + 8, 16):
            draw.line((x, y, x, y + 8), fill=line)
            if rng.random() < 0.12:
                draw.rectangle((x + 1, y + 1, x + 15, y + 7), fill=mix(palette.layers[0], low, rng.uniform(0.3, 0.8)))


def _windows(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    glow = ((120, 170, 230), (250, 196, 120), (90, 96, 160))[rng.integers(3)]
    for x in (16, 56, 96):
        y = int(rng.integers(12, 30))
        draw.ellipse((x, y - 8, x + 15, y + 8), fill=palette.layers[2])
        draw.rectangle((x, y, x + 15, y + 26), fill=palette.layers[2])
        draw.ellipse((x + 2, y - 6, x + 13, y + 6), fill=mix(low, glow, 0.7))
        draw.rectangle((x + 2, y, x + 13, y + 24), fill=mix(low, glow, 0.7))
        draw.line((x + 7, y - 6, x + 7, y + 24), fill=palette.layers[2], width=2)
        draw.line((x + 2, y + 8, x + 13, y + 8), fill=palette.layers[2], width=2)


def _lollipops(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    for x in range(8, _SIDE, 30):
        middle, y, r = x + int(rng.integers(-6, 7)), int(rng.integers(58, 84)), int(rng.integers(8, 13))
        draw.rectangle((middle - 1, y, middle + 1, _SIDE), fill=mix(low, (255, 255, 255), 0.6))
        tint = ((255, 150, 190), (150, 200, 255), (190, 230, 150), (255, 210, 130))[rng.integers(4)]
        for ring, radius in enumerate(range(r, 0, -3)):
            fill = mix(low, tint, 0.75) if ring % 2 == 0 else mix(low, (255, 255, 255), 0.7)
            draw.ellipse((middle - radius, y - radius, middle + radius, y + radius), fill=fill)


def _skyline(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    for colour, base, lit in zip(palette.layers, (52, 70, 88), (0.25, 0.45, 0.6), strict=True):
        x = -int(rng.integers(8))
        while x < _SIDE:
            width, top = int(rng.integers(12, 24)), base + int(rng.integers(-14, 12))
            draw.rectangle((x, top, x + width - 2, _SIDE), fill=colour)
            for y in range(top + 4, _SIDE, 6):
                for column in range(x + 3, x + width - 5, 5):
                    if rng.random() < 0.3:
                        draw.rectangle((column, y, column + 1, y + 2), fill=mix(colour, (255, 214, 120), lit))
            x += width


def _volcano(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    middle, top = int(rng.integers(40, 90)), 46
    far = palette.layers[0]
    draw.polygon([(middle - 9, top), (middle + 9, top), (middle + 62, 116), (middle - 62, 116)], fill=far)
    draw.polygon([(middle + 2, top), (middle + 9, top), (middle + 62, 116), (middle + 10, 116)], fill=palette.layers[1])
    hot = mix(low, (255, 200, 80), 0.7)
    draw.polygon(
        [(middle - 8, top), (middle + 8, top), (middle + 3, top + 12), (middle - 1, top + 34), (middle - 4, top + 10)],
        fill=hot,
    )
    for step in range(4):
        r = 7 + step * 3
        x, y = middle + step * 6, top - 8 - step * 9
        draw.ellipse((x - r, y - r // 2, x + r, y + r // 2), fill=mix(palette.layers[2], low, 0.25 + step * 0.12))


def _embers(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    for _ in range(24):
        x, y = int(rng.integers(_SIDE)), int(rng.integers(100))
        draw.point((x, y), fill=mix(low, (255, 220, 120), rng.uniform(0.3, 0.9)))


def _rays(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    for x in range(-20, _SIDE, 28):
        left = x + int(rng.integers(12))
        draw.polygon(
            [(left, 0), (left + 9, 0), (left + 34, 100), (left + 16, 100)], fill=mix(low, palette.skies[0][0], 0.6)
        )


def _fish(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    for _ in range(6):
        x, y = int(rng.integers(8, 120)), int(rng.integers(10, 90))
        tint = mix(low, ((255, 190, 120), (150, 230, 230), (240, 150, 190))[rng.integers(3)], 0.45)
        draw.ellipse((x - 4, y - 2, x + 4, y + 2), fill=tint)
        draw.polygon([(x - 4, y), (x - 7, y - 2), (x - 7, y + 2)], fill=tint)


def _bubbles(draw: Draw, palette: Palette, rng: Rng, low: Colour) -> None:
    for _ in range(14):
        x, y, r = int(rng.integers(_SIDE)), int(rng.integers(_SIDE)), int(rng.integers(1, 3))
        draw.ellipse((x - r, y - r, x + r, y + r), outline=mix(low, (220, 250, 255), 0.5))


_SCENERY: dict[str, Callable[[Draw, Palette, Rng, Colour], None]] = {
    "hills": _hills,
    "mountains": _mountains,
    "clouds": _clouds,
    "sun": _sun,
    "moon": _moon,
    "stars": _stars,
    "aurora": _aurora,
    "pines": _pines,
    "trunks": _trunks,
    "pyramids": _pyramids,
    "stalactites": _stalactites,
    "crystals": _crystals,
    "wall": _wall,
    "windows": _windows,
    "lollipops": _lollipops,
    "skyline": _skyline,
    "volcano": _volcano,
    "embers": _embers,
    "rays": _rays,
    "fish": _fish,
    "bubbles": _bubbles,
}
