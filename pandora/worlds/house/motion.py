"""How the eye moves during a clip."""

from dataclasses import dataclass
from math import cos, pi, sin

from pandora.worlds.base import Meaning
from pandora.worlds.house import rules
from pandora.worlds.house.plan import Edge
from pandora.worlds.house.sight import BACK
from pandora.worlds.house.state import HouseState

EYE = 1.42  # metres above the floor
PITCH = -0.17  # radians: what stands in the next cell is in the picture
_PUSH, _PULL, _NOD = 0.2, 0.08, 0.07  # metres forward and back, and radians, of a bump


@dataclass(frozen=True)
class Pose:
    """One moment: the middle of the viewer in metres, yaw and pitch in radians, light 0..1, how far doors are shut."""

    x: float
    y: float
    yaw: float
    pitch: float = PITCH
    light: float = 1.0
    doors: tuple[tuple[Edge, float], ...] = ()  # 0 open, 1 shut; those that are open may be left out

    @property
    def eye(self) -> tuple[float, float, float]:
        return self.x - BACK * cos(self.yaw), self.y - BACK * sin(self.yaw), EYE


def rest(state: HouseState) -> Pose:
    """The pose of a resting viewer."""
    doors = tuple((door, 1.0) for door in sorted(state.closed))
    return Pose(state.cell[0] + 0.5, state.cell[1] + 0.5, state.heading * pi / 4, PITCH, float(state.light), doors)


def animate(state: HouseState, meaning: Meaning, after: HouseState, count: int) -> list[Pose]:
    """The poses of a clip of `count` frames; the last one is that of the resting scene afterwards."""
    kind = rules.motion(state, meaning)
    push = -_PULL if meaning.verb == "walk_back" else _PUSH
    return [_between(state, after, kind, push, (index + 1) / count) for index in range(count - 1)] + [rest(after)]


def _between(state: HouseState, after: HouseState, kind: str, push: float, time: float) -> Pose:
    part = time * time * (3 - 2 * time)
    if kind == "around":
        part = (part + time) / 2  # half a circle is far: steadier
    start, end = rest(state), rest(after)
    light = start.light + (end.light - start.light) * part
    doors = []
    for door in sorted(state.closed | after.closed):
        was, will = float(door in state.closed), float(door in after.closed)
        doors.append((door, was + (will - was) * part))
    yaw, pitch = start.yaw, PITCH
    if kind in ("left", "right", "around"):
        yaw += {"left": 1, "right": -1, "around": 4}[kind] * pi / 4 * part
    x, y = start.x + (end.x - start.x) * part, start.y + (end.y - start.y) * part
    if kind == "bump":
        pushed = push * sin(pi * time)
        x, y = x + pushed * cos(yaw), y + pushed * sin(yaw)
        pitch -= _NOD * sin(2 * pi * time)
    return Pose(x, y, yaw, pitch, light, tuple(doors))
