"""The streets and what stands along them, junction by junction, drawn from the seed and the place alone."""

from functools import lru_cache

import numpy as np

from pandora.worlds.road.houses import Side, barn, house
from pandora.worlds.road.look import CARS, Look, draw, look
from pandora.worlds.road.state import BLOCK, HALF_ROAD
from pandora.worlds.road.vehicles import car
from pandora.worlds.stage import Light, Thing

Colour = tuple[float, float, float]
_TAR: Colour = (0.33, 0.33, 0.35)
_WHITE: Colour = (0.88, 0.88, 0.86)
_YELLOW: Colour = (0.86, 0.70, 0.22)
_LAMP: Colour = (1.0, 0.80, 0.50)
_REACH = 4  # junctions that are drawn ahead of the car; fog and perspective hide what is further
_ASIDE = 2


@lru_cache(64)
def street(
    seed: int, style: str, x: int, y: int, ahead: tuple[int, int]
) -> tuple[tuple[Thing, ...], tuple[Light, ...]]:
    """What can be seen around a junction towards `ahead` (a step), or all around for (0, 0): things and lamps.

    The same tuples come back for the same place, so what was prepared for drawing them is used again.
    """
    dx, dy = ahead
    things: list[Thing] = []
    lights: list[Light] = []
    for i in range(-_REACH, _REACH + 1):
        for j in range(-_REACH, _REACH + 1):
            along, aside = (i * dx + j * dy, abs(i * dy) + abs(j * dx)) if dx or dy else (0, max(abs(i), abs(j)))
            if along < -1 or aside > _ASIDE:
                continue
            more, lamps = corner(seed, style, x + i, y + j)
            things += more
            lights += lamps
    ground = Thing(
        "plane", (BLOCK * x, BLOCK * y, 0), (900, 900, 0), 0, look(seed, style).green, "grass", (0.44, 0.55, 0.25)
    )
    return (ground, *things), tuple(lights)


@lru_cache(2048)
def corner(seed: int, style: str, x: int, y: int) -> tuple[tuple[Thing, ...], tuple[Light, ...]]:
    """A junction and the blocks that go from it to the east and the north."""
    here = look(seed, style)
    things: list[Thing] = [_flat(BLOCK * x, BLOCK * y, 2 * HALF_ROAD, 2 * HALF_ROAD, 0.0, 0.055, _TAR, "asphalt")]
    lights: list[Light] = []
    for axis in (0, 1):
        rng = draw(seed, x, y, axis)
        yaw = axis * np.pi / 2
        country = is_country(seed, style, x, y)
        _road(things, x, y, yaw)
        for sign in (1, -1):
            side = Side(BLOCK * x, BLOCK * y, yaw, sign)
            if country:
                _country(things, side, axis, here, rng)
            else:
                _town(things, lights, side, axis, here, rng)
    return tuple(things), tuple(lights)


def is_country(seed: int, style: str, x: int, y: int) -> bool:
    """Whether the blocks that start here are in the country; neighbours are mostly alike."""
    return bool(draw(seed, x // 3, y // 3, 7).random() < look(seed, style).country)


def _flat(
    x: float, y: float, long: float, wide: float, yaw: float, z: float, colour: Colour, material: str,
    colour2: Colour = _TAR,
) -> Thing:  # fmt: skip
    return Thing("plane", (x, y, z), (long, wide, 0), yaw, colour, material, colour2)


def _road(things: list[Thing], x: int, y: int, yaw: float) -> None:
    side = Side(BLOCK * x, BLOCK * y, yaw, 1)
    half, long = HALF_ROAD, BLOCK - 2 * HALF_ROAD

    def strip(u: float, v: float, size: tuple[float, float], z: float, colour: Colour, material: str) -> None:
        px, py, _ = side.at(u, v)
        things.append(_flat(px, py, *size, yaw, z, colour, material))

    strip(BLOCK / 2, 0, (long, 2 * half), 0.05, _TAR, "asphalt")
    between = BLOCK - 2 * half - 7
    for v in (-0.16, 0.16):
        strip(BLOCK / 2, v, (between, 0.14), 0.08, _YELLOW, "paint")
    for v in (-half + 0.2, half - 0.2):
        strip(BLOCK / 2, v, (between, 0.14), 0.08, _WHITE, "paint")
    for v in (-half / 2, half / 2):
        strip(BLOCK / 2, v, (between, 0.16), 0.08, _WHITE, "dashes")
    for u, v in ((half + 3.3, half / 2), (BLOCK - half - 3.3, -half / 2)):  # where one stops: in one's own half
        strip(u, v, (0.45, half - 0.4), 0.085, _WHITE, "paint")
    for u in (half + 1.5, BLOCK - half - 1.5):
        px, py, _ = side.at(u, 0)
        things.append(_flat(px, py, 2 * half - 0.6, 2.2, yaw + np.pi / 2, 0.08, _WHITE, "zebra"))


def _town(
    things: list[Thing], lights: list[Light], side: Side, axis: int, here: Look, rng: np.random.Generator
) -> None:
    kerb, stone = (0.66, 0.64, 0.61), (0.45, 0.44, 0.43)
    for u, v, long, wide in ((10, 8.5, 8, 5), (30, 9.5, 32, 3), (50, 8.5, 8, 5)):  # cars park between the ends
        things.append(Thing("box", side.at(u, v), (long, wide, 0.16), side.yaw, kerb, "slabs", stone))
    things.append(_flat(*side.at(30, 7)[:2], 32, 2, side.yaw, 0.05, (0.38, 0.38, 0.39), "asphalt"))
    lots = ((17.6, 13.0), (31.5, 13.0), (45.4, 12.6)) if axis == 0 else ((25.6, 9.0), (35.2, 9.0))
    for u, wide in lots:
        deep = float(rng.uniform(7.5, 9.0))
        if rng.random() < 0.92:
            things += house(side, u, wide - float(rng.uniform(0.3, 1.8)), deep, here, rng)
        else:
            tree(things, side, u, 14, here, rng)
    for u in (15.0, 45.0):
        if (u < 30) == (side.sign > 0):
            _lamp(things, lights, side, u)
    for u in (22.5, 37.5):
        if rng.random() < 0.65:
            tree(things, side, u, 8.7, here, rng, small=True)
    for u in (19.0, 25.0, 31.0, 37.0):
        if rng.random() < 0.4:
            px, py, _ = side.at(u, 7.1)
            things += car(px, py, side.yaw + (np.pi if side.sign > 0 else 0.0), CARS[rng.integers(len(CARS))])


def _lamp(things: list[Thing], lights: list[Light], side: Side, u: float) -> None:
    iron = (0.22, 0.24, 0.25)
    things += [
        Thing("trunk", side.at(u, 8.4), (0.16, 0.16, 5.2), 0, iron, "flat", shadow=0.3),
        Thing("box", side.at(u, 7.6, 5.1), (0.12, 1.8, 0.12), side.yaw, iron, "flat"),
        Thing("box", side.at(u, 6.8, 4.95), (0.5, 0.8, 0.17), side.yaw, (0.8, 0.8, 0.76), "lamp", _LAMP),
    ]
    lights.append(Light(side.at(u, 6.8, 4.7), (2.1, 1.55, 0.9), 19.0))


def _country(things: list[Thing], side: Side, axis: int, here: Look, rng: np.random.Generator) -> None:
    crops = (((0.72, 0.62, 0.26), (0.60, 0.50, 0.20)), ((0.38, 0.30, 0.20), (0.30, 0.24, 0.16)),
             ((0.36, 0.52, 0.20), (0.28, 0.42, 0.16)), (here.green, (0.44, 0.55, 0.25)))  # fmt: skip
    crop = crops[rng.integers(len(crops))]
    if axis == 0:
        things.append(Thing("plane", side.at(30, 20, 0.03), (36, 18, 0), side.yaw, crop[0], "field", crop[1]))
    border = rng.random()
    if border < 0.4:
        _fence(things, side)
    elif border < 0.6:
        things.append(
            Thing(
                "box", side.at(30, 10.2), (38, 1.1, 1.3), side.yaw, here.green, "leaves", (0.42, 0.55, 0.24), shadow=0.5
            )
        )
    for u in (14.0, 30.0, 46.0):
        things += [
            Thing("box", side.at(u, 7.4), (0.14, 0.14, 1.0), side.yaw, (0.92, 0.92, 0.9), "flat", shadow=0.3),
            Thing("box", side.at(u, 7.4, 0.72), (0.16, 0.16, 0.16), side.yaw, (0.8, 0.2, 0.12), "flat", glow=0.5),
        ]
    for _ in range(int(rng.integers(2, 6))):
        tree(things, side, float(rng.uniform(12, 48)), float(rng.uniform(9.5, 19)), here, rng)
    if axis == 0 and rng.random() < 0.3:
        things += barn(side, float(rng.uniform(22, 38)), 22.0, rng)
    elif rng.random() < 0.4:
        for _ in range(3):
            bale = side.at(float(rng.uniform(14, 46)), float(rng.uniform(13, 24)))
            things.append(
                Thing("cylinder", bale, (1.6, 1.6, 1.3), 0, (0.80, 0.68, 0.34), "bark", (0.66, 0.54, 0.24), shadow=0.6)
            )


def _fence(things: list[Thing], side: Side) -> None:
    wood = (0.56, 0.44, 0.32)
    for z in (0.45, 0.85):
        things.append(Thing("box", side.at(30, 9.0, z), (40, 0.08, 0.13), side.yaw, wood, "flat"))
    for u in range(10, 51, 5):
        things.append(Thing("box", side.at(u, 9.0), (0.16, 0.16, 1.1), side.yaw, wood, "flat", shadow=0.25))


def tree(
    things: list[Thing], side: Side, u: float, v: float, here: Look, rng: np.random.Generator, small: bool = False
) -> None:
    """A leafy tree or a fir."""
    size = float(rng.uniform(0.75, 1.0) if small else rng.uniform(0.9, 1.5))
    bark, seed, turn = (0.33, 0.25, 0.19), float(rng.random()), float(rng.uniform(0, 6.28))
    if not small and rng.random() < 0.4:
        green = (0.13, 0.30 + 0.08 * seed, 0.18)
        things.append(Thing("trunk", side.at(u, v), (0.35, 0.35, 1.2), 0, bark, "bark", shadow=0.4))
        for z, wide, high in ((0.8, 3.2, 3.2), (2.6, 2.4, 2.8), (4.2, 1.6, 2.4)):
            things.append(
                Thing(
                    "cone",
                    side.at(u, v, z * size),
                    (wide * size, wide * size, high * size),
                    turn,
                    green,
                    "leaves",
                    (0.22, 0.42, 0.24),
                    seed=seed,
                )
            )
        return
    r, g, b = here.green
    leaf = (r * (0.75 + 0.5 * seed), g * (0.85 + 0.2 * seed), b * 0.9)
    trunk = 2.2 * size
    things += [
        Thing("trunk", side.at(u, v), (0.3, 0.3, trunk + 0.6), 0, bark, "bark", (0.24, 0.18, 0.14), shadow=0.45),
        Thing(
            "crown",
            side.at(u, v, trunk),
            (3.2 * size, 3.2 * size, 3.4 * size),
            turn,
            leaf,
            "leaves",
            (0.48, 0.60, 0.26),
            seed=seed,
        ),
    ]


def hills(seed: int, style: str, x: float, y: float) -> list[Thing]:
    """A ring of hills at the horizon; so far that they go along with the viewer at (x, y)."""
    rng = draw(seed, 11)
    r, g, b = look(seed, style).green
    things = []
    for k in range(14):
        angle = (k + float(rng.uniform(-0.3, 0.3))) / 14 * 2 * np.pi
        wide, high = float(rng.uniform(110, 190)), float(rng.uniform(14, 40))
        at = (x + 300 * np.cos(angle), y + 300 * np.sin(angle), -high)
        colour = (r * 0.9, g * 0.95, b * 1.25)
        things.append(
            Thing("sphere", (float(at[0]), float(at[1]), at[2]), (90, wide, 2 * high), angle, colour, "grass", colour)
        )
    return things
