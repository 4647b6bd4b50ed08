"""Small things that stand on the ground or hang on the wall and mean nothing. Some flicker or sway."""

from collections.abc import Callable

from PIL import Image, ImageDraw

from pandora.worlds.platformer.backdrop import Draw, Rng, mix
from pandora.worlds.platformer.palettes import Palette
from pandora.worlds.platformer.state import AIR, CELL, CELLS, SOLID, Cell, Scene

SWAY = (0, 0, 1, 1, 1, 1, 0, 0)  # by phase
_BRIGHT = ((255, 110, 130), (255, 226, 90), (250, 250, 255), (206, 130, 255), (120, 206, 255))


def places(scene: Scene, palette: Palette, rng: Rng) -> list[tuple[str, Cell, int]]:
    """What stands where, as (name, cell, seed), in about half of the cells above solid ground."""
    free = [(x, y) for y in range(CELLS) for x in range(CELLS) if _is_free(scene, (x, y))]
    names = [palette.decor[i] for i in rng.choice(len(palette.decor), len(free), p=(0.45, 0.3, 0.25))]
    seeds = rng.integers(1 << 30, size=len(free)).tolist()
    kept = rng.random(len(free)) < 0.5
    return [entry for entry, keep in zip(zip(names, free, seeds, strict=True), kept, strict=True) if keep]


def _is_free(scene: Scene, cell: Cell) -> bool:
    return scene.at(cell) == AIR and scene.at((cell[0], cell[1] + 1)) == SOLID


def plant(image: Image.Image, name: str, cell: Cell, rng: Rng, palette: Palette, sway: int) -> None:
    """Draw one of them, leaning one way (0) or the other (1)."""
    x, y = cell[0] * CELL, cell[1] * CELL + CELL - 1
    _DECOR[name](ImageDraw.Draw(image), x, y, rng, palette, sway)


def _grass(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    for _ in range(int(rng.integers(4, 8))):
        px, height = x + int(rng.integers(1, 15)), int(rng.integers(2, 6))
        draw.line((px, y, px + (sway if height > 3 else 0), y - height), fill=palette.cap[rng.integers(3)])


def _flower(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    for px in (x + int(rng.integers(2, 6)), x + int(rng.integers(9, 13))):
        height, tint = int(rng.integers(4, 7)), _BRIGHT[rng.integers(len(_BRIGHT))]
        draw.line((px, y, px + sway, y - height), fill=palette.cap[0])
        px += sway
        draw.rectangle((px - 1, y - height - 1, px + 1, y - height + 1), fill=tint)
        draw.point((px, y - height), fill=(255, 214, 80))


def _bush(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    for px, r in ((x + 4, 3), (x + 11, 3), (x + 7, 4)):
        draw.ellipse((px - r, y - 2 * r + 1, px + r, y + 1), fill=palette.cap[0])
        draw.ellipse((px - r + 1, y - 2 * r + 1, px + r - 2, y - r), fill=palette.cap[1])


def _mushroom(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px = x + int(rng.integers(4, 11))
    tint = ((206, 70, 60), (190, 120, 60))[rng.integers(2)]
    draw.rectangle((px, y - 3, px + 1, y), fill=(240, 226, 200))
    draw.ellipse((px - 3, y - 7, px + 4, y - 3), fill=tint)
    draw.point([(px - 1, y - 6), (px + 2, y - 5)], fill=(255, 240, 226))


def _fern(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px = x + int(rng.integers(5, 11))
    for dx, dy in ((-5, -3), (-3, -6), (0, -7), (3, -6), (5, -3)):
        draw.line((px, y, px + dx + sway, y + dy), fill=palette.cap[1 if dx else 2])


def _cactus(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px, green, shade = x + int(rng.integers(5, 10)), (92, 150, 84), (64, 116, 72)
    draw.rectangle((px, y - 10, px + 2, y), fill=green)
    draw.line((px + 2, y - 10, px + 2, y), fill=shade)
    draw.line([(px - 3, y - 7), (px - 3, y - 4), (px, y - 4)], fill=green)
    draw.line([(px + 5, y - 9), (px + 5, y - 6), (px + 2, y - 6)], fill=shade)


def _bone(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px = x + int(rng.integers(2, 7))
    draw.line((px, y - 1, px + 6, y - 1), fill=(232, 224, 204))
    draw.point([(px, y), (px, y - 2), (px + 6, y), (px + 6, y - 2)], fill=(232, 224, 204))


def _pebble(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    for px in rng.integers(1, 13, 2):
        draw.ellipse((x + px, y - 2, x + px + 3, y + 1), fill=palette.body[1])
        draw.point((x + int(px) + 1, y - 2), fill=palette.body[2])


def _icicle(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px = x + int(rng.integers(3, 10))
    for dx, height in ((0, 9), (4, 6)):
        draw.polygon([(px + dx, y), (px + dx + 3, y), (px + dx + 1, y - height)], fill=(170, 220, 250))
        draw.line((px + dx + 1, y - height, px + dx + 1, y - 1), fill=(236, 250, 255))


def _snowpine(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    for part, half in ((0, 5), (4, 4), (8, 3)):
        draw.polygon([(x + 7 - half, y - part), (x + 7 + half, y - part), (x + 7, y - part - 6)], fill=(60, 112, 110))
        draw.line((x + 8 - half, y - part, x + 6 + half, y - part), fill=(236, 246, 255))


def _crystal(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    tint = ((96, 190, 236), (190, 110, 240), (110, 226, 180))[rng.integers(3)]
    px = x + int(rng.integers(4, 9))
    for dx, height in ((-3, 5), (3, 6), (0, 10)):
        draw.polygon([(px + dx - 2, y), (px + dx + 2, y), (px + dx, y - height)], fill=mix(tint, (30, 24, 60), 0.25))
        draw.line((px + dx, y - height, px + dx - 1, y), fill=mix(tint, (255, 255, 255), 0.5 + 0.2 * sway))


def _glowshroom(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    for px, height in ((x + 4, 4), (x + 10, 6)):
        draw.line((px, y, px, y - height), fill=(190, 206, 200))
        draw.ellipse((px - 3, y - height - 2, px + 3, y - height + 1), fill=(60, 190 + 30 * sway, 170 + 30 * sway))


def _torch(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    draw.rectangle((x + 7, y - 8, x + 8, y - 3), fill=(92, 60, 44))
    draw.line((x + 6, y - 8, x + 9, y - 8), fill=(60, 44, 50))
    draw.polygon([(x + 5, y - 9), (x + 10, y - 9), (x + 7 + sway, y - 15)], fill=(240, 130, 40))
    draw.polygon([(x + 6, y - 9), (x + 9, y - 9), (x + 8 - sway, y - 12)], fill=(255, 226, 110))


def _banner(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    tint = ((140, 40, 56), (44, 66, 140), (56, 100, 66))[rng.integers(3)]
    draw.polygon([(x + 4, y - 14), (x + 11, y - 14), (x + 11, y - 4), (x + 7 + sway, y - 1), (x + 4, y - 4)], fill=tint)
    draw.line((x + 3, y - 14, x + 12, y - 14), fill=(206, 170, 80))
    draw.rectangle((x + 7, y - 11, x + 8, y - 6), fill=mix(tint, (255, 230, 150), 0.6))


def _candy(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px, tint = x + int(rng.integers(3, 10)), _BRIGHT[rng.integers(len(_BRIGHT))]
    draw.ellipse((px, y - 5, px + 5, y), fill=tint)
    draw.line((px + 1, y - 4, px + 2, y - 4), fill=(255, 255, 255))
    draw.polygon([(px, y - 2), (px - 2, y - 4), (px - 2, y)], fill=mix(tint, (255, 255, 255), 0.4))


def _lolly(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px, tint = x + int(rng.integers(4, 10)), ((240, 120, 170), (120, 180, 240), (150, 206, 110))[rng.integers(3)]
    draw.line((px, y, px, y - 7), fill=(255, 250, 246))
    draw.ellipse((px - 3, y - 12, px + 3, y - 6), fill=tint)
    draw.arc((px - 2, y - 11, px + 2, y - 7), 0, 270, fill=(255, 255, 255))


def _sprinkle(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    for px in rng.integers(1, 14, 5).tolist():
        draw.line((x + px, y, x + px + 1, y - 1), fill=_BRIGHT[rng.integers(len(_BRIGHT))])


def _antenna(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px = x + int(rng.integers(4, 11))
    draw.line((px, y, px, y - 11), fill=(120, 126, 150))
    for dy, half in ((10, 4), (7, 3), (4, 2)):
        draw.line((px - half, y - dy, px + half, y - dy), fill=(120, 126, 150))
    draw.point((px, y - 12), fill=((150, 60, 60), (255, 90, 80))[sway])


def _chimney(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px = x + int(rng.integers(3, 8))
    draw.rectangle((px, y - 8, px + 5, y), fill=palette.body[0])
    draw.rectangle((px - 1, y - 9, px + 6, y - 8), fill=palette.body[2])
    draw.ellipse((px + 1 + sway, y - 14, px + 4 + sway, y - 11), fill=(150, 140, 166))


def _lamp(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    draw.line((x + 7, y, x + 7, y - 10), fill=(60, 58, 84))
    draw.rectangle((x + 5, y - 13, x + 9, y - 10), fill=((240, 200, 110), (255, 224, 150))[sway], outline=(60, 58, 84))


def _ember(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    for px in rng.integers(2, 13, 3).tolist():
        draw.line((x + px, y - 1 - sway, x + px, y), fill=(255, 190, 70))
        draw.point((x + px, y - 5 - 2 * sway), fill=(255, 140, 50))


def _coral(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    tint, px = ((240, 120, 150), (250, 170, 90), (190, 120, 220))[rng.integers(3)], x + int(rng.integers(5, 10))
    for line in (
        ((0, 0), (0, -9)),
        ((0, -3), (-4, -7)),
        ((0, -4), (4, -8)),
        ((-4, -7), (-4, -10)),
        ((4, -8), (3, -11)),
    ):
        draw.line([(px + dx, y + dy) for dx, dy in line], fill=tint, width=2)


def _anemone(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px = x + int(rng.integers(5, 10))
    for dx in (-4, -2, 0, 2, 4):
        draw.line((px + dx // 2, y, px + dx + sway, y - 6 + abs(dx) // 2), fill=(140, 226, 190))
    draw.rectangle((px - 2, y - 1, px + 2, y), fill=(90, 170, 150))


def _starfish(draw: Draw, x: int, y: int, rng: Rng, palette: Palette, sway: int) -> None:
    px = x + int(rng.integers(4, 11))
    draw.polygon([(px, y - 5), (px + 4, y), (px, y - 2), (px - 4, y)], fill=(250, 150, 110))
    draw.line((px - 4, y - 3, px + 4, y - 3), fill=(250, 150, 110))


_DECOR: dict[str, Callable[[Draw, int, int, Rng, Palette, int], None]] = {
    "grass": _grass,
    "flower": _flower,
    "bush": _bush,
    "mushroom": _mushroom,
    "fern": _fern,
    "cactus": _cactus,
    "bone": _bone,
    "pebble": _pebble,
    "icicle": _icicle,
    "snowpine": _snowpine,
    "crystal": _crystal,
    "glowshroom": _glowshroom,
    "torch": _torch,
    "banner": _banner,
    "candy": _candy,
    "lolly": _lolly,
    "sprinkle": _sprinkle,
    "antenna": _antenna,
    "chimney": _chimney,
    "lamp": _lamp,
    "ember": _ember,
    "coral": _coral,
    "anemone": _anemone,
    "starfish": _starfish,
}
