"""What each kind of furniture for living is built of; `fixtures` has those of kitchen, bathroom and hall."""

from collections.abc import Callable
from math import pi

from pandora.worlds.house.looks import Colour
from pandora.worlds.house.parts import BLACK, BRASS, LEAF, STEEL, WHITE, Bench, shade

_BOOKS: tuple[Colour, ...] = (
    (0.75, 0.22, 0.20), (0.20, 0.40, 0.62), (0.88, 0.72, 0.30), (0.25, 0.52, 0.36), (0.92, 0.88, 0.78),
    (0.50, 0.30, 0.52), (0.85, 0.48, 0.25),
)  # fmt: skip
_PAINTS: dict[str, Colour] = {
    "red": (0.86, 0.14, 0.13), "blue": (0.13, 0.33, 0.86), "green": (0.14, 0.66, 0.24), "yellow": (0.97, 0.83, 0.12),
    "orange": (0.96, 0.50, 0.10), "purple": (0.52, 0.20, 0.72), "pink": (0.96, 0.50, 0.70), "white": (0.96, 0.96, 0.96),
}  # fmt: skip


def sofa(b: Bench) -> None:
    cloth, back = b.look.fabric, b.back
    b.box((back + 0.46, 0, 0.08), (0.80, 1.84, 0.30), shade(cloth, 0.8))
    b.box((back + 0.12, 0, 0.08), (0.24, 1.84, 0.78), cloth)
    for side in (-1, 1):
        b.box((back + 0.44, 0.83 * side, 0.08), (0.84, 0.20, 0.54), cloth)
        b.box((back + 0.52, 0.37 * side, 0.38), (0.62, 0.70, 0.14), shade(cloth, 1.15))
        b.box((back + 0.30, 0.60 * side, 0.50), (0.16, 0.34, 0.30), b.look.accent)


def armchair(b: Bench) -> None:
    cloth, back = b.look.accent, b.back + 0.02
    b.box((back + 0.44, 0, 0.10), (0.72, 0.80, 0.30), shade(cloth, 0.8))
    b.box((back + 0.12, 0, 0.10), (0.20, 0.80, 0.82), cloth)
    for side in (-1, 1):
        b.box((back + 0.42, 0.35 * side, 0.10), (0.72, 0.16, 0.50), cloth)
    b.box((back + 0.48, 0, 0.40), (0.58, 0.52, 0.12), shade(cloth, 1.2))


def television(b: Bench) -> None:
    b.box((b.back + 0.28, 0, 0.08), (0.54, 1.74, 0.46), b.look.wood, "wood")
    for side in (-0.44, 0.44):
        b.box((b.back + 0.555, side, 0.14), (0.02, 0.80, 0.34), shade(b.look.wood, 1.2), "wood")
    b.box((b.back + 0.26, 0, 0.54), (0.20, 0.40, 0.06), BLACK)
    b.box((b.back + 0.24, 0, 0.60), (0.07, 1.36, 0.80), BLACK)
    show = b.pick((0.25, 0.55, 0.80), (0.18, 0.24, 0.34), (0.35, 0.60, 0.38), (0.75, 0.45, 0.30))
    b.add("box", (b.back + 0.282, 0, 0.64), (0.01, 1.28, 0.72), show, glow=0.55)


def table(b: Bench) -> None:
    top = b.look.wood
    b.add("cylinder", (0, 0, 0.40), (0.84, 0.84, 0.06), top)
    b.add("cylinder", (0, 0, 0), (0.14, 0.14, 0.40), shade(top, 0.7))
    b.add("cylinder", (0, 0, 0), (0.50, 0.50, 0.05), shade(top, 0.7))
    b.add("cylinder", (0.12, 0.1, 0.46), (0.15, 0.15, 0.16), b.look.accent)
    b.box((-0.14, -0.12, 0.46), (0.20, 0.28, 0.05), b.pick(*_BOOKS))


def dining_table(b: Bench) -> None:
    top = b.look.wood
    b.box((0, 0, 0.72), (0.86, 1.80, 0.06), top, "wood")
    b.legs(0.34, 0.80, 0.72, shade(top, 0.75), 0.08)
    b.add("sphere", (0, 0, 0.82), (0.16, 0.16, 0.14), (0.85, 0.25, 0.15))
    b.add("sphere", (0.12, 0.1, 0.82), (0.15, 0.15, 0.13), (0.95, 0.65, 0.15))
    b.add("cylinder", (0.05, 0.05, 0.78), (0.46, 0.46, 0.05), WHITE)
    for side in (-0.48, 0.48):
        for front in (-1, 1):
            _chair(b, front * 0.46, side, front)


def _chair(b: Bench, front: float, left: float, away: int) -> None:
    """A chair whose back is on the side `away` (1 or -1) from the table."""
    cloth = b.look.accent
    b.box((front, left, 0.40), (0.40, 0.42, 0.07), cloth)
    b.box((front + 0.18 * away, left, 0.40), (0.06, 0.42, 0.62), cloth)
    for f in (-0.16, 0.16):
        for s in (-0.17, 0.17):
            b.box((front + f, left + s, 0), (0.05, 0.05, 0.40), shade(b.look.wood, 0.75))


def piano(b: Bench) -> None:
    case = b.pick(BLACK, (0.36, 0.19, 0.12), WHITE)
    b.box((b.back + 0.20, 0, 0), (0.40, 1.56, 1.22), case)
    b.box((b.back + 0.48, 0, 0.60), (0.30, 1.56, 0.12), case)
    b.box((b.back + 0.51, 0, 0.72), (0.20, 1.40, 0.02), (0.97, 0.96, 0.92))
    for key in range(9):
        b.box((b.back + 0.47, -0.60 + key * 0.15, 0.74), (0.11, 0.05, 0.015), BLACK)
    b.box((b.back + 0.42, 0, 0.86), (0.04, 0.50, 0.30), (0.95, 0.94, 0.88))
    for side in (-0.70, 0.70):
        b.box((b.back + 0.56, side, 0), (0.08, 0.08, 0.60), case)


def bookshelf(b: Bench) -> None:
    wood, back = b.look.wood, b.back
    b.box((back + 0.02, 0, 0), (0.04, 0.92, 2.0), shade(wood, 0.7), "wood")
    for side in (-0.45, 0.45):
        b.box((back + 0.22, side, 0), (0.44, 0.05, 2.0), wood, "wood")
    for up in (0.0, 1.96):
        b.box((back + 0.22, 0, up), (0.44, 0.90, 0.05), wood, "wood")
    b.add("box", (back + 0.20, 0, 0.03), (0.34, 0.86, 1.92), wood, "books")


def fireplace(b: Bench) -> None:
    stone, back = b.pick((0.80, 0.77, 0.72), (0.62, 0.34, 0.27), (0.90, 0.89, 0.86)), b.back
    for side in (-0.60, 0.60):
        b.add("box", (back + 0.25, side, 0), (0.50, 0.44, 1.05), stone, "brick", colour2=shade(stone, 0.8))
    b.add("box", (back + 0.25, 0, 0.80), (0.50, 0.80, 0.30), stone, "brick", colour2=shade(stone, 0.8))
    b.add("box", (back + 0.16, 0, 1.10), (0.32, 1.20, 1.50), stone, "brick", colour2=shade(stone, 0.8))
    b.box((back + 0.29, 0, 1.06), (0.60, 1.80, 0.10), shade(b.look.wood, 0.9), "wood")
    b.box((back + 0.04, 0, 0), (0.06, 0.80, 0.80), (0.07, 0.06, 0.06))
    b.box((back + 0.26, 0, 0), (0.50, 0.80, 0.04), (0.12, 0.11, 0.11))
    for side in (-0.14, 0.14):
        b.add("cone", (back + 0.25, side, 0.08), (0.24, 0.26, 0.42), (1.0, 0.55, 0.10), glow=1.0)
    b.add("cone", (back + 0.27, 0, 0.08), (0.20, 0.22, 0.54), (1.0, 0.80, 0.25), glow=1.0)
    b.box((back + 0.28, 0, 0.04), (0.16, 0.60, 0.09), (0.30, 0.18, 0.10))
    b.fires.append((back + 0.9, 0.0, 0.5))


def plant(b: Bench) -> None:
    front, pot = b.back + 0.38, b.pick((0.76, 0.42, 0.28), WHITE, (0.25, 0.42, 0.58), BRASS)
    b.add("cylinder", (front, 0, 0), (0.42, 0.42, 0.40), pot)
    b.add("cylinder", (front, 0, 0.38), (0.36, 0.36, 0.03), (0.22, 0.15, 0.10))
    b.add("cylinder", (front, 0, 0.40), (0.07, 0.07, 0.36), (0.36, 0.25, 0.15))
    if b.piece.variant % 2:
        for index, (f, s, up, wide) in enumerate(
            ((0, 0, 0.66, 0.60), (0.12, 0.16, 0.96, 0.44), (-0.1, -0.14, 1.02, 0.46))
        ):
            b.add("sphere", (front + f, s, up), (wide, wide, wide), shade(LEAF, 0.85 + 0.2 * index))
    else:
        for index in range(3):
            wide = 0.68 - 0.16 * index
            b.add("cone", (front, 0, 0.52 + 0.30 * index), (wide, wide, 0.54), shade(LEAF, 0.8 + 0.22 * index))


def floor_lamp(b: Bench) -> None:
    front = b.back + 0.36
    b.add("cylinder", (front, 0, 0), (0.36, 0.36, 0.04), BLACK)
    b.add("cylinder", (front, 0, 0.04), (0.05, 0.05, 1.30), BRASS)
    b.add("cone", (front, 0, 1.25), (0.56, 0.56, 0.44), (1.0, 0.90, 0.68), "lamp", colour2=(1.0, 0.9, 0.68))
    b.lamps.append((front, 0.0, 1.35))


def bed(b: Bench) -> None:
    back, cloth = b.back, b.look.fabric
    b.box((back + 0.05, 0, 0), (0.10, 1.72, 1.08), b.look.wood, "wood")
    b.box((back + 0.98, 0, 0.06), (1.82, 1.64, 0.24), shade(b.look.wood, 0.85), "wood")
    b.box((back + 0.98, 0, 0.30), (1.78, 1.58, 0.22), WHITE)
    b.box((back + 1.24, 0, 0.32), (1.30, 1.66, 0.24), cloth)
    b.box((back + 0.62, 0, 0.34), (0.20, 1.66, 0.24), shade(cloth, 1.3))
    for side in (-0.40, 0.40):
        b.box((back + 0.32, side, 0.50), (0.36, 0.62, 0.16), (0.98, 0.97, 0.95))
    b.box((back + 1.60, 0, 0.56), (0.36, 1.67, 0.03), b.look.accent)


def wardrobe(b: Bench) -> None:
    wood = b.look.wood
    b.box((b.back + 0.30, 0, 0.05), (0.60, 0.96, 1.95), wood, "wood")
    for side in (-0.235, 0.235):
        b.box((b.back + 0.605, side, 0.12), (0.02, 0.44, 1.80), shade(wood, 1.15), "wood")
        b.box((b.back + 0.63, side * 0.25, 0.95), (0.03, 0.04, 0.20), BRASS)


def dresser(b: Bench) -> None:
    wood = b.look.wood
    b.box((b.back + 0.26, 0, 0.06), (0.52, 0.94, 0.80), wood, "wood")
    for level in range(3):
        b.box((b.back + 0.525, 0, 0.12 + level * 0.25), (0.02, 0.84, 0.21), shade(wood, 1.18))
        b.box((b.back + 0.545, 0, 0.21 + level * 0.25), (0.03, 0.18, 0.03), BRASS)
    b.add("cylinder", (b.back + 0.26, 0.24, 0.86), (0.16, 0.16, 0.24), b.look.accent)
    b.add("sphere", (b.back + 0.26, 0.24, 1.06), (0.30, 0.30, 0.26), b.pick((0.92, 0.40, 0.45), (0.95, 0.80, 0.30)))
    b.box((b.back + 0.22, -0.18, 0.86), (0.05, 0.30, 0.26), WHITE)


def desk(b: Bench) -> None:
    wood, back = b.look.wood, b.back
    b.box((back + 0.34, 0, 0.72), (0.68, 1.70, 0.05), wood, "wood")
    b.box((back + 0.34, 0.62, 0), (0.60, 0.42, 0.72), shade(wood, 0.88), "wood")
    b.box((back + 0.34, -0.78, 0), (0.60, 0.06, 0.72), shade(wood, 0.88))
    b.box((back + 0.20, 0, 0.77), (0.16, 0.24, 0.06), BLACK)
    b.box((back + 0.18, 0, 0.83), (0.05, 0.66, 0.42), BLACK)
    b.add("box", (back + 0.21, 0, 0.86), (0.01, 0.60, 0.36), (0.55, 0.75, 0.92), glow=0.6)
    b.add("cylinder", (back + 0.24, -0.58, 0.77), (0.05, 0.05, 0.30), BRASS)
    b.add("cone", (back + 0.24, -0.58, 1.02), (0.28, 0.28, 0.18), (0.20, 0.48, 0.34))
    b.box((back + 0.36, 0.58, 0.77), (0.30, 0.24, 0.10), b.pick(*_BOOKS))
    b.box((0.36, 0, 0.42), (0.40, 0.44, 0.08), b.look.accent)
    b.box((0.50, 0, 0.50), (0.06, 0.44, 0.44), b.look.accent)
    b.add("cylinder", (0.36, 0, 0), (0.34, 0.34, 0.42), shade(STEEL, 0.5))


def toy_chest(b: Bench) -> None:
    paint = b.pick((0.20, 0.55, 0.80), (0.88, 0.42, 0.40), (0.95, 0.78, 0.25))
    b.box((b.back + 0.30, 0, 0), (0.56, 0.88, 0.44), paint)
    b.box((b.back + 0.30, 0, 0.44), (0.60, 0.92, 0.07), WHITE)
    for index, name in enumerate(("red", "yellow", "green")):
        b.add("box", (b.back + 0.30, -0.26 + 0.26 * index, 0.51), (0.19, 0.19, 0.19), _PAINTS[name], turn=0.3 * index)


def play_tent(b: Bench) -> None:
    cloth = b.pick((0.94, 0.88, 0.76), (0.86, 0.50, 0.42), (0.50, 0.66, 0.80))
    b.add("cone", (0, 0, 0), (0.94, 0.94, 1.45), cloth, "stripes", colour2=b.look.fabric, scale=2.0, turn=pi / 4)
    b.add("prism", (0.32, 0, 0), (0.24, 0.40, 0.72), (0.16, 0.12, 0.12))


def ball(b: Bench) -> None:
    b.add("sphere", (0, 0, 0), (0.64, 0.64, 0.64), _PAINTS[b.piece.colour])


def crate(b: Bench) -> None:
    paint = _PAINTS[b.piece.colour]
    b.box((0, 0, 0), (0.58, 0.58, 0.58), paint)
    for up in (0.0, 0.52):
        b.box((0, 0, up), (0.61, 0.61, 0.07), shade(paint, 0.72))


BUILDERS: dict[str, Callable[[Bench], None]] = {
    "sofa": sofa, "armchair": armchair, "television": television, "table": table, "dining_table": dining_table,
    "piano": piano, "bookshelf": bookshelf, "fireplace": fireplace, "plant": plant, "floor_lamp": floor_lamp,
    "bed": bed, "wardrobe": wardrobe, "dresser": dresser, "desk": desk, "toy_chest": toy_chest,
    "play_tent": play_tent, "ball": ball, "box": crate,
}  # fmt: skip
