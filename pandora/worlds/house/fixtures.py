"""What the fixtures of kitchen, bathroom and hall are built of."""

from collections.abc import Callable

from pandora.worlds.house.parts import BLACK, BRASS, STEEL, WHITE, Bench, shade


def _cupboard(b: Bench, top: tuple[float, float, float]) -> None:
    """A kitchen unit with a door, a worktop, and a cupboard on the wall."""
    front = b.look.fabric
    b.box((b.back + 0.30, 0, 0.08), (0.60, 1.0, 0.78), front)
    b.box((b.back + 0.605, 0, 0.14), (0.02, 0.88, 0.66), shade(front, 1.15))
    b.box((b.back + 0.63, 0, 0.70), (0.03, 0.30, 0.03), STEEL)
    b.box((b.back + 0.31, 0, 0.86), (0.64, 1.0, 0.05), top)


def stove(b: Bench) -> None:
    b.box((b.back + 0.31, 0, 0), (0.62, 0.96, 0.88), WHITE)
    b.box((b.back + 0.625, 0, 0.16), (0.02, 0.76, 0.44), BLACK)
    b.box((b.back + 0.65, 0, 0.62), (0.03, 0.70, 0.04), STEEL)
    for knob in range(4):
        b.box((b.back + 0.63, -0.30 + 0.20 * knob, 0.74), (0.04, 0.08, 0.08), BLACK)
    b.box((b.back + 0.31, 0, 0.88), (0.60, 0.92, 0.02), (0.16, 0.16, 0.18))
    for front in (0.18, 0.44):
        for side in (-0.22, 0.22):
            b.add("cylinder", (b.back + front, side, 0.90), (0.20, 0.20, 0.02), (0.62, 0.25, 0.16))
    b.add("cylinder", (b.back + 0.20, 0.22, 0.92), (0.28, 0.28, 0.18), b.look.accent)
    b.box((b.back + 0.24, 0, 1.62), (0.48, 0.90, 0.12), STEEL)
    b.box((b.back + 0.16, 0, 1.74), (0.30, 0.34, 0.86), STEEL)


def sink(b: Bench) -> None:
    _cupboard(b, (0.86, 0.84, 0.80))
    b.box((b.back + 0.34, 0, 0.905), (0.40, 0.62, 0.012), STEEL)
    b.box((b.back + 0.36, 0, 0.912), (0.30, 0.50, 0.01), (0.38, 0.40, 0.43))
    b.add("cylinder", (b.back + 0.12, 0, 0.91), (0.05, 0.05, 0.26), STEEL)
    b.box((b.back + 0.20, 0, 1.15), (0.20, 0.05, 0.05), STEEL)
    b.add("cylinder", (b.back + 0.2, 0.38, 0.91), (0.10, 0.10, 0.22), (0.30, 0.62, 0.42))


def fridge(b: Bench) -> None:
    paint = b.pick(WHITE, (0.80, 0.24, 0.22), (0.62, 0.78, 0.76), STEEL)
    b.box((b.back + 0.32, 0, 0.03), (0.64, 0.84, 1.80), paint)
    b.box((b.back + 0.645, 0, 0.06), (0.02, 0.80, 1.08), shade(paint, 1.08))
    b.box((b.back + 0.645, 0, 1.18), (0.02, 0.80, 0.62), shade(paint, 1.08))
    b.box((b.back + 0.67, 0.32, 0.60), (0.04, 0.05, 0.46), BLACK)
    b.box((b.back + 0.67, 0.32, 1.28), (0.04, 0.05, 0.34), BLACK)


def bathtub(b: Bench) -> None:
    back = b.back
    for front in (0.06, 0.74):
        b.box((back + front, 0, 0), (0.10, 1.80, 0.56), WHITE)
    for side in (-0.85, 0.85):
        b.box((back + 0.40, side, 0), (0.72, 0.10, 0.56), WHITE)
    b.box((back + 0.40, 0, 0), (0.66, 1.66, 0.44), (0.42, 0.72, 0.86))
    b.add("cylinder", (back + 0.10, 0.60, 0.56), (0.05, 0.05, 0.24), BRASS)
    b.box((back + 0.19, 0.60, 0.76), (0.20, 0.05, 0.05), BRASS)
    b.add("sphere", (back + 0.42, -0.30, 0.42), (0.20, 0.20, 0.18), (0.98, 0.82, 0.15))
    b.add("sphere", (back + 0.46, -0.24, 0.54), (0.12, 0.12, 0.12), (0.98, 0.82, 0.15))


def toilet(b: Bench) -> None:
    b.box((b.back + 0.12, 0, 0.36), (0.22, 0.46, 0.46), WHITE)
    b.add("cylinder", (b.back + 0.44, 0, 0), (0.34, 0.30, 0.36), WHITE)
    b.add("cylinder", (b.back + 0.46, 0, 0.34), (0.56, 0.44, 0.08), WHITE)
    b.add("cylinder", (b.back + 0.46, 0, 0.42), (0.56, 0.44, 0.04), b.look.wood)


def washbasin(b: Bench) -> None:
    b.add("cylinder", (b.back + 0.24, 0, 0), (0.22, 0.22, 0.74), WHITE)
    b.box((b.back + 0.28, 0, 0.74), (0.52, 0.70, 0.14), WHITE)
    b.box((b.back + 0.32, 0, 0.875), (0.34, 0.52, 0.012), (0.70, 0.80, 0.85))
    b.add("cylinder", (b.back + 0.10, 0, 0.88), (0.05, 0.05, 0.18), STEEL)
    b.box((b.back + 0.03, 0, 1.16), (0.04, 0.72, 0.82), b.look.wood)
    b.add("box", (b.back + 0.055, 0, 1.20), (0.01, 0.64, 0.74), (0.74, 0.84, 0.90), glow=0.15)


def clock(b: Bench) -> None:
    wood = shade(b.look.wood, 0.8)
    b.box((b.back + 0.20, 0, 0), (0.40, 0.56, 0.24), wood, "wood")
    b.box((b.back + 0.18, 0, 0.24), (0.34, 0.44, 1.10), wood, "wood")
    b.box((b.back + 0.36, 0, 0.34), (0.02, 0.26, 0.86), (0.86, 0.80, 0.62))
    b.add("cylinder", (b.back + 0.37, 0, 0.48), (0.03, 0.18, 0.18), BRASS)
    b.box((b.back + 0.20, 0, 1.34), (0.40, 0.56, 0.52), wood, "wood")
    b.box((b.back + 0.41, 0, 1.40), (0.02, 0.40, 0.40), (0.97, 0.95, 0.88))
    b.box((b.back + 0.425, 0, 1.58), (0.01, 0.03, 0.18), BLACK)
    b.box((b.back + 0.425, -0.06, 1.58), (0.01, 0.14, 0.03), BLACK)
    b.add("prism", (b.back + 0.20, 0, 1.86), (0.40, 0.60, 0.16), wood)


def coat_rack(b: Bench) -> None:
    front = b.back + 0.36
    b.add("cylinder", (front, 0, 0), (0.46, 0.46, 0.05), b.look.wood)
    b.add("cylinder", (front, 0, 0), (0.07, 0.07, 1.80), b.look.wood)
    b.add("cone", (front, 0.16, 0.76), (0.36, 0.36, 0.92), b.look.fabric)
    b.add("cone", (front + 0.06, -0.18, 0.86), (0.32, 0.32, 0.82), b.look.accent)
    b.add("cylinder", (front, 0, 1.78), (0.34, 0.34, 0.04), (0.30, 0.24, 0.20))
    b.add("cylinder", (front, 0, 1.80), (0.20, 0.20, 0.14), (0.30, 0.24, 0.20))


def bench(b: Bench) -> None:
    b.box((b.back + 0.30, 0, 0.38), (0.48, 1.60, 0.07), b.look.wood, "wood")
    b.box((b.back + 0.30, 0, 0.45), (0.44, 1.54, 0.06), b.look.fabric)
    for side in (-0.70, 0.70):
        b.box((b.back + 0.30, side, 0), (0.42, 0.08, 0.38), shade(b.look.wood, 0.8))
    for side, colour in ((-0.4, (0.75, 0.25, 0.2)), (-0.2, (0.75, 0.25, 0.2)), (0.35, (0.25, 0.3, 0.4))):
        b.box((b.back + 0.42, side, 0), (0.30, 0.12, 0.12), colour)


BUILDERS: dict[str, Callable[[Bench], None]] = {
    "stove": stove, "sink": sink, "fridge": fridge, "bathtub": bathtub, "toilet": toilet, "washbasin": washbasin,
    "clock": clock, "coat_rack": coat_rack, "bench": bench,
}  # fmt: skip
