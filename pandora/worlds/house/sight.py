"""What the viewer sees of the furniture and the doors: only things that are clearly in the picture count."""

from collections.abc import Mapping
from functools import lru_cache
from math import atan2, ceil, cos, degrees, hypot, pi, sin

from pandora.worlds.house.furnish import Piece
from pandora.worlds.house.plan import Edge, edge
from pandora.worlds.house.state import HouseState

BACK = 0.32  # metres that the eye is behind the middle of the cell, so that no wall fills the picture
_WIDE, _SEEN, _NARROW = 55.0, 46.0, 35.0  # degrees off the middle: perhaps in the picture, partly, clearly
_FAR = 5.5  # metres within which a thing can be named
_DOOR = 4.2  # metres within which a door can be opened
_GRAZING = 0.4  # the sine of the angle to a door below which one hardly sees it


def eye(state: HouseState) -> tuple[float, float]:
    """Where the viewer's eye is, in metres."""
    angle = state.heading * pi / 4
    return state.cell[0] + 0.5 - BACK * cos(angle), state.cell[1] + 0.5 - BACK * sin(angle)


def bearing(state: HouseState, target: tuple[float, float]) -> float:
    """Degrees to the left of straight ahead at which the target is seen, -180..180."""
    x, y = eye(state)
    angle = degrees(atan2(target[1] - y, target[0] - x)) - 45 * state.heading
    return (angle + 180) % 360 - 180


@lru_cache(maxsize=256)
def named(state: HouseState) -> Mapping[str, Piece]:
    """The furniture in the picture, by name; names that fit several things there are left out."""
    seen: dict[str, list[Piece]] = {}
    for piece in state.house.furnishing.pieces:
        away = _metres(state, piece.middle)
        if 1.0 <= away <= _FAR + 2 and abs(bearing(state, piece.middle)) < _WIDE and _is_free(state, piece.middle):
            seen.setdefault(piece.name, []).append(piece)
    alone = {name: few[0] for name, few in seen.items() if len(few) == 1}
    return {
        name: piece
        for name, piece in alone.items()
        if abs(bearing(state, piece.middle)) < _SEEN and _metres(state, piece.middle) <= _FAR
    }


def turn_towards(state: HouseState, piece: Piece) -> int:
    """Eighths of a circle, to the left, after which a thing in the picture is ahead: -1, 0 or 1."""
    return round(bearing(state, piece.middle) / 45)


def is_clear(state: HouseState, piece: Piece) -> bool:
    """Whether a thing is well in the picture, and one can tell at a glance if it is ahead or beside."""
    off = abs(bearing(state, piece.middle))
    return off < _NARROW and abs(off - 22.5) > 4


def door_at_hand(state: HouseState, closed: bool) -> Edge | None:
    """The nearest door, closed or open, that is clearly in the picture and near."""
    return next(iter(_doors_at_hand(state, closed)), None)


def is_clear_door(state: HouseState, closed: bool) -> bool:
    """Whether one can tell at a glance if there is such a door, and which one is meant."""
    doors = _doors_at_hand(state, closed)
    if not doors:
        return not any(_is_in_sight(state, door, _WIDE, 9.0) for door in _doors(state, closed))
    return len(doors) == 1 or _metres(state, _middle(doors[1])) - _metres(state, _middle(doors[0])) > 0.7


def _doors_at_hand(state: HouseState, closed: bool) -> list[Edge]:
    """Clearly in the picture, seen at no grazing angle, the nearest first."""
    found = [
        door
        for door in _doors(state, closed)
        if _is_in_sight(state, door, _NARROW, _DOOR) and _slant(state, door) > _GRAZING
    ]
    return sorted(found, key=lambda door: (_metres(state, _middle(door)), door))


def _doors(state: HouseState, closed: bool) -> list[Edge]:
    return [door for door in state.house.plan.doors if (door in state.closed) == closed]


def _is_in_sight(state: HouseState, door: Edge, degrees_off: float, reach: float) -> bool:
    middle = _middle(door)
    near = 0.5 < _metres(state, middle) <= reach
    return near and abs(bearing(state, middle)) < degrees_off and _is_free(state, middle, door)


def _slant(state: HouseState, door: Edge) -> float:
    """1 where the door is seen straight on, 0 where only its edge is."""
    middle, axis = _middle(door), 0 if door[0][0] != door[1][0] else 1
    return abs(middle[axis] - eye(state)[axis]) / _metres(state, middle)


def _middle(door: Edge) -> tuple[float, float]:
    (a, b), (c, d) = door
    return (a + c + 1) / 2, (b + d + 1) / 2


def _metres(state: HouseState, target: tuple[float, float]) -> float:
    x, y = eye(state)
    return hypot(target[0] - x, target[1] - y)


def _is_free(state: HouseState, target: tuple[float, float], door: Edge | None = None) -> bool:
    """Whether no wall, closed door or tall furniture stands between the eye and the target."""
    (x, y), plan = eye(state), state.house.plan
    count = ceil(_metres(state, target) * 12)
    end = (int(target[0]), int(target[1]))
    cell = state.cell
    for index in range(count + 1):
        part = index / count
        here = (int(x + (target[0] - x) * part), int(y + (target[1] - y) * part))
        if here == cell:
            continue
        corner = here[0] != cell[0] and here[1] != cell[1]
        middle = (here[0], cell[1])
        for between in (edge(cell, middle), edge(middle, here)) if corner else (edge(cell, here),):
            if between != door and (plan.has_wall(between) or between in state.closed):
                return False
        if here in state.house.tall and here != end:
            return False
        cell = here
    return True
