"""The shell of the house as things of a stage: floors, ceilings, walls with their openings, windows and the garden."""

from collections.abc import Iterator
from math import cos, pi, sin

import numpy as np

from pandora.worlds.house.looks import Finish, Look
from pandora.worlds.house.parts import WHITE, shade
from pandora.worlds.house.plan import Cell, Edge, Plan, Room, edge, neighbour
from pandora.worlds.house.state import House
from pandora.worlds.stage import Thing

HEIGHT = 2.6  # metres
DOOR_HEIGHT = 2.1
_ARCH_HEIGHT = 2.3
_SILL, _HEAD = 0.85, 2.15  # where windows begin and end
_THICK = 0.06  # of a room's side of a wall
_JAMB = 0.07
_CEILING = (0.20, 0.19, 0.17)  # what the lamps throw back from it


def shell(house: House) -> list[Thing]:
    """Everything that stands still but the furniture."""
    things = _garden(house)
    for room, look in zip(house.plan.rooms, house.looks, strict=True):
        things += [
            _level(room, look.floor),
            Thing("box", (*room.centre, HEIGHT), (room.width, room.depth, 0.1), 0.0, WHITE, "lamp", _CEILING),
            Thing("cylinder", (*room.centre, HEIGHT - 0.16), (0.5, 0.5, 0.16), 0.0, WHITE, "lamp", (1.0, 0.93, 0.78)),
        ]
        for side in range(4):
            things += _wall(house.plan, room, side, look)
    things += [thing for door in sorted(house.plan.doors) for thing in _door_frame(house, door)]
    for number in sorted(house.furnishing.rugs):
        room, look = house.plan.rooms[number], house.looks[number]
        size = (room.width * 0.55, room.depth * 0.5, 0.02)
        things.append(Thing("box", (*room.centre, 0.0), size, 0.0, look.fabric, "rug", look.accent))
    for picture in house.furnishing.pictures:
        place, yaw = _on_wall(picture.cell, picture.side, 0.0, _THICK + 0.015)
        hue = (0.35, 0.25, 0.17) if picture.motif % 2 else (0.90, 0.78, 0.45)
        tint = (0.5 + 0.35 * cos(picture.motif * 2.4), 0.55 + 0.3 * cos(picture.motif * 2.4 + 2), 0.75)
        wide = 0.56 + 0.08 * (picture.motif % 3)
        size = (0.03, wide, 0.62)
        things.append(Thing("box", (*place, 1.22), size, yaw, hue, "picture", tint, seed=picture.motif / 7))
    return things


def _level(room: Room, finish: Finish) -> Thing:
    size = (float(room.width), float(room.depth), 1.0)
    return Thing("plane", (*room.centre, 0.0), size, 0.0, finish.colour, finish.material, finish.colour2, finish.scale)


def _wall(plan: Plan, room: Room, side: int, look: Look) -> Iterator[Thing]:
    """One side of a room, split into runs of cells that are alike."""
    cells = room.side(side)
    start = 0
    for end in range(1, len(cells) + 1):
        kind = _what(plan, cells[start], side)
        if end < len(cells) and _what(plan, cells[end], side) == kind:
            continue
        yield from _run(cells[start:end], side, kind, look)
        start = end


def _what(plan: Plan, cell: Cell, side: int) -> str:
    between: Edge = edge(cell, neighbour(cell, side))
    for kind, edges in (("door", plan.doors), ("arch", plan.arches), ("window", plan.windows)):
        if between in edges:
            return kind
    return "wall"


def _run(cells: list[Cell], side: int, kind: str, look: Look) -> Iterator[Thing]:
    length = float(len(cells))
    if kind == "wall":
        yield _panel(cells, side, length, 0.0, HEIGHT, look.wall)
        yield _strip(cells, side, length, 0.0, 0.10, 0.02)
        return
    if kind == "window":
        yield _panel(cells, side, length, 0.0, _SILL, look.wall)
        yield _panel(cells, side, length, _HEAD, HEIGHT, look.wall)
        yield _strip(cells, side, length, 0.0, 0.10, 0.02)
        yield _strip(cells, side, length + 0.1, _SILL - 0.05, _SILL, 0.10)
        yield _strip(cells, side, length, _HEAD - 0.05, _HEAD, 0.01)
        for at in np.linspace(-length / 2 + 0.03, length / 2 - 0.03, 2 * len(cells) + 1 if length == 1 else 3):
            yield _strip(cells, side, 0.05, _SILL, _HEAD, 0.01, float(at))
        yield _strip(cells, side, length, (_SILL + _HEAD) / 2, (_SILL + _HEAD) / 2 + 0.04, 0.0)
        for at in (-length / 2 - 0.06, length / 2 + 0.06):  # curtains
            middle, yaw = _on_wall(_middle(cells), side, at, _THICK + 0.05)
            size = (0.07, 0.34, 1.75)
            yield Thing("box", (*middle, 0.5), size, yaw, look.fabric, "stripes", shade(look.fabric, 0.8), 4.0)
        return
    yield _panel(cells, side, length, DOOR_HEIGHT if kind == "door" else _ARCH_HEIGHT, HEIGHT, look.wall)


def _panel(cells: list[Cell], side: int, length: float, low: float, high: float, finish: Finish) -> Thing:
    """A piece of wall over a run of cells."""
    place, yaw = _on_wall(_middle(cells), side, 0.0, _THICK / 2)
    size = (_THICK, length, high - low)
    return Thing("box", (*place, low), size, yaw, finish.colour, finish.material, finish.colour2, finish.scale)


def _strip(
    cells: list[Cell], side: int, length: float, low: float, high: float, out: float, along: float = 0.0
) -> Thing:
    """White trim that stands `out` metres before the wall."""
    place, yaw = _on_wall(_middle(cells), side, along, (_THICK + out) / 2)
    return Thing("box", (*place, low), (_THICK + out, length, high - low), yaw, WHITE)


def _middle(cells: list[Cell]) -> tuple[float, float]:
    return sum(x for x, _ in cells) / len(cells), sum(y for _, y in cells) / len(cells)


def _on_wall(cell: tuple[float, float], side: int, along: float, out: float) -> tuple[tuple[float, float], float]:
    """A point `out` metres before the wall of a cell, `along` it, and the yaw at which things look into the room."""
    angle = side * pi / 2
    ahead, left = (cos(angle), sin(angle)), (-sin(angle), cos(angle))
    x = cell[0] + 0.5 + ahead[0] * (0.5 - out) + left[0] * along
    y = cell[1] + 0.5 + ahead[1] * (0.5 - out) + left[1] * along
    return (round(x, 6), round(y, 6)), angle + pi


def _door_frame(house: House, door: Edge) -> Iterator[Thing]:
    place, yaw = door_place(door)
    paint = door_colour(house, door)
    left = (-sin(yaw), cos(yaw))
    for side in (-1, 1):
        at = (place[0] + left[0] * side * (0.5 - _JAMB / 2), place[1] + left[1] * side * (0.5 - _JAMB / 2), 0.0)
        yield Thing("box", at, (0.18, _JAMB, DOOR_HEIGHT), yaw, shade(paint, 0.75))
    yield Thing("box", (*place, DOOR_HEIGHT - 0.03), (0.18, 1.0, 0.09), yaw, shade(paint, 0.75))


def leaf(house: House, door: Edge, shut: float) -> list[Thing]:
    """A sliding door, `shut` 0 (in the wall, but for its edge) to 1."""
    (x, y), yaw = door_place(door)
    paint, slide = door_colour(house, door), 0.80 * (1.0 - shut)
    left = (-sin(yaw), cos(yaw))

    def at(along: float, up: float) -> tuple[float, float, float]:
        return x + left[0] * (along + slide), y + left[1] * (along + slide), up

    panels = [Thing("box", at(0, up), (0.07, 0.60, 0.78), yaw, shade(paint, 1.15)) for up in (0.16, 1.10)]
    knob = Thing("box", at(-0.37, 0.95), (0.10, 0.05, 0.16), yaw, (0.85, 0.70, 0.32))
    return [Thing("box", at(0, 0.0), (0.05, 0.88, DOOR_HEIGHT), yaw, paint), *panels, knob]


def door_place(door: Edge) -> tuple[tuple[float, float], float]:
    """The middle of a door on the floor, and the yaw of its face."""
    (a, b), (c, d) = door
    return ((a + c + 1) / 2, (b + d + 1) / 2), 0.0 if a != c else pi / 2


def door_colour(house: House, door: Edge) -> tuple[float, float, float]:
    paints = ((0.62, 0.40, 0.24), (0.30, 0.48, 0.58), (0.70, 0.28, 0.24), (0.38, 0.52, 0.38), (0.86, 0.70, 0.36))
    return paints[(house.outdoors + 3 * door[0][0] + 5 * door[0][1]) % len(paints)]


def _garden(house: House) -> list[Thing]:
    """A lawn with trees and a hedge around the house, as seen through the windows."""
    rng = np.random.default_rng([house.outdoors, 0x6A2DE])
    width = max(room.x + room.width for room in house.plan.rooms)
    depth = max(room.y + room.depth for room in house.plan.rooms)
    middle = (width / 2, depth / 2)
    things = [Thing("plane", (*middle, -0.25), (120, 120, 1), 0.0, (0.36, 0.58, 0.26), "grass", (0.52, 0.66, 0.30))]
    for angle in np.linspace(0, 2 * pi, 14, endpoint=False) + rng.uniform(0, 0.4, 14):
        away = float(rng.uniform(4.0, 9.0)) + max(width, depth) / 2 * 1.25
        x, y = middle[0] + away * cos(angle), middle[1] + away * sin(angle)
        tall, tone = float(rng.uniform(2.2, 4.0)), float(rng.uniform(0.8, 1.2))
        green = shade((0.24, 0.48, 0.22), tone)
        things.append(Thing("cylinder", (x, y, -0.25), (0.35, 0.35, tall * 0.5), 0.0, (0.40, 0.28, 0.18)))
        if rng.random() < 0.5:
            things.append(Thing("crown", (x, y, tall * 0.25), (tall * 0.8, tall * 0.8, tall), 0.0, green, "leaves"))
        else:
            things.append(Thing("cone", (x, y, tall * 0.15), (tall * 0.6, tall * 0.6, tall * 1.1), 0.0, green))
    return things
