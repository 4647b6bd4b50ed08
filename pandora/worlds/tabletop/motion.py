"""The hand's way through an action: waypoints with easing, and what it grasps, lets go of, or shoves on the way."""

from dataclasses import dataclass
from itertools import pairwise
from math import cos, dist, pi, sin

from pandora.worlds.base import Meaning
from pandora.worlds.tabletop.rules import PUSHES, half_extent, is_legal, landing
from pandora.worlds.tabletop.state import HOVER, STEP, Point, TableScene

OPEN, HOLDING, CLOSED = 0.78, 0.6, 0.1  # half the distance between the fingers
FIST = 0.14  # half the thickness of the closed fingers
_SHAKE = 0.3
_PUSH_SECONDS = 1.25  # slow enough for a tower to ride along; played in the same eight frames
_ARM_SECONDS = 0.96  # the arm is back before the clip ends, so that its last frames are the resting picture


@dataclass(frozen=True)
class Key:
    """A waypoint. `weight`: how long the way here takes among all. From here on the hand `holds` or `shoves`."""

    at: Point
    grip: float
    weight: float
    yaw: float = 0.0
    holds: str | None = None
    shoves: bool = False


@dataclass(frozen=True)
class Hand:
    """One moment of the hand."""

    at: Point
    yaw: float
    grip: float
    holds: str | None
    shoves: bool


class Script:
    """Waypoints over time; `seconds` long."""

    def __init__(self, keys: list[Key], seconds: float):
        self.seconds = seconds
        total = sum(key.weight for key in keys) or 1.0
        ends = [sum(key.weight for key in keys[: i + 1]) / total * seconds for i in range(len(keys))]
        self._legs = list(zip(pairwise(keys), pairwise(ends), strict=True))
        self._last = keys[-1]

    def at(self, time: float) -> Hand:
        """The hand at `time` in seconds; it stays where it is after the last waypoint."""
        for (a, b), (start, end) in self._legs:
            if start <= time < end:
                part = (time - start) / (end - start)
                part = part * part * (3 - 2 * part)
                at = (_mix(a.at[0], b.at[0], part), _mix(a.at[1], b.at[1], part), _mix(a.at[2], b.at[2], part))
                return Hand(at, _mix(a.yaw, b.yaw, part), _mix(a.grip, b.grip, part), a.holds, a.shoves)
        last = self._last
        return Hand(last.at, last.yaw, last.grip, last.holds, last.shoves)


def script(scene: TableScene, meaning: Meaning) -> Script:
    """What the hand does; what the rules forbid is approached, tried with a shake, and given up."""
    x, y = scene.hand
    start = Key((x, y, HOVER), HOLDING if scene.holding else OPEN, 0.0, holds=scene.holding)
    if not meaning.arguments:
        return Script([start], _ARM_SECONDS)
    if not is_legal(scene, meaning):
        keys = _attempt(scene, meaning, start)
    elif meaning.verb in PUSHES:
        return Script([start, *_push(scene, meaning, start)], _PUSH_SECONDS)
    elif meaning.verb == "pick_up":
        keys = _fetch(scene, meaning.arguments[0], start)
    elif meaning.verb == "drop":
        return Script([start, Key(start.at, HOLDING, 0.5, holds=None), Key(start.at, OPEN, 1.0)], 0.2)
    else:
        keys = _place(scene, meaning, start)
    return Script([start, *keys], _ARM_SECONDS)


def _fetch(scene: TableScene, block: str, start: Key) -> list[Key]:
    pose = scene.pose[block]
    x, y, z = pose.at
    above = (x, y, HOVER)
    return [
        Key(above, OPEN, _way(start.at, above), pose.yaw),
        Key((x, y, z), OPEN, _way(above, (x, y, z)), pose.yaw),
        Key((x, y, z), HOLDING, 0.6, pose.yaw, holds=block),
        Key(above, HOLDING, _way(above, (x, y, z)), 0.0, holds=block),
    ]


def _place(scene: TableScene, meaning: Meaning, start: Key) -> list[Key]:
    block = meaning.arguments[0]
    (x, y, z), yaw = landing(scene, meaning)
    above, down = (x, y, HOVER), (x, y, z + 0.01)
    return [
        Key(above, HOLDING, _way(start.at, above), yaw, holds=block),
        Key(down, HOLDING, _way(above, down), yaw),
        Key(down, OPEN, 0.6, yaw),
        Key(above, OPEN, _way(above, down)),
    ]


def _push(scene: TableScene, meaning: Meaning, start: Key) -> list[Key]:
    """The closed fingers come down behind the block, flat side first, and shove it one step."""
    right, away = PUSHES[meaning.verb]
    pose = scene.pose[meaning.arguments[0]]
    x, y, z = pose.at
    reach = half_extent(pose.yaw) + FIST
    yaw = pi / 2 if right else 0.0
    behind = (x - right * (reach + 0.05), y - away * (reach + 0.05))
    front = (x + right * (STEP - reach), y + away * (STEP - reach))
    back = (front[0] - right * 0.08, front[1] - away * 0.08)
    above, low, far = (*behind, HOVER), (*behind, z), (*front, z)
    return [
        Key(above, CLOSED, _way(start.at, above), yaw),
        Key(low, CLOSED, _way(above, low), yaw, shoves=True),
        Key(far, CLOSED, 3.6, yaw, shoves=True),
        Key((*back, z + 0.1), CLOSED, 0.3, yaw),
        Key((*back, HOVER), OPEN, _way(above, low)),
    ]


def _attempt(scene: TableScene, meaning: Meaning, start: Key) -> list[Key]:
    """Go to what can't be done, shake, and return. A held block stays in the hand all the way."""
    block = next((b for b in reversed(meaning.arguments) if b in scene.support), None)
    x, y = scene.pose[block].at[:2] if block else scene.hand
    tops = [p.at[2] + 0.5 for b, p in scene.poses if b != scene.holding and dist(p.at[:2], (x, y)) < 1.7]
    room = max(tops, default=0.0) + (0.62 if scene.holding else 0.45)
    above, low = (x, y, HOVER), (x, y, min(HOVER, max(room, HOVER - 2.6)))
    grip = HOLDING if scene.holding else CLOSED if meaning.verb in PUSHES else OPEN
    held = scene.holding
    shakes = [(low[0] + side * _SHAKE, low[1], low[2]) for side in (1, -1, 1, -1)]
    points = [(above, _way(start.at, above)), (low, _way(above, low)), *((p, 0.9) for p in shakes)]
    points += [(low, 0.5), (above, _way(above, low)), (start.at, _way(start.at, above))]
    keys = [Key(point, grip, weight, holds=held) for point, weight in points if weight]
    return [*keys, Key(start.at, start.grip, 0.2, holds=held)]


def turned(yaw: float) -> tuple[float, float, float, float]:
    """The rotation about the vertical as a quaternion."""
    return cos(yaw / 2), 0.0, 0.0, sin(yaw / 2)


def _way(a: Point, b: Point) -> float:
    """The weight of a leg: short ones still ease, long ones are faster."""
    length = dist(a, b)
    return 0.0 if length < 1e-9 else 0.5 + 0.3 * length


def _mix(a: float, b: float, part: float) -> float:
    return a + (b - a) * part
