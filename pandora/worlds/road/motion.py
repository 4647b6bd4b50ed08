"""How the car moves in the frames of one action."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.base import Meaning
from pandora.worlds.road import rules
from pandora.worlds.road.state import BLOCK, HOURS, LANE_OFFSET, PACE, STEPS, WEATHERS, RoadState

_BLINK = (True, True, False, False, True, True, False, False)  # the last frame is like the state at rest
_CORNER = 0.75  # how near a turn comes to the corner of its two lanes' middle lines, 0..1


@dataclass(frozen=True)
class Pose:
    """The car at one moment: metres, radians; `speed` 0..1 as the gauge shows it; `signal` "", "left" or "right".

    `weather` holds the weights of WEATHERS, which sum to 1; `hour` goes from 0 (day) over 1 (dusk) to 2 (night).
    """

    x: float
    y: float
    yaw: float
    speed: float
    signal: str
    weather: tuple[float, ...]
    hour: float
    time: float


def rest(state: RoadState) -> Pose:
    """The moment that a state stands for."""
    x, y = place(state, state.along, LANE_OFFSET[state.lane])
    weather = tuple(float(state.weather == w) for w in WEATHERS)
    yaw = state.heading * np.pi / 2
    return Pose(x, y, yaw, float(state.driving), "", weather, float(HOURS.index(state.hour)), float(state.clock))


def place(state: RoadState, along: float, offset: float) -> tuple[float, float]:
    """World coordinates of a point of the state's road, `offset` metres left of its middle."""
    dx, dy = STEPS[state.heading]
    return BLOCK * state.x + dx * along - dy * offset, BLOCK * state.y + dy * along + dx * offset


def animate(before: RoadState, meaning: Meaning, after: RoadState, count: int) -> list[Pose]:
    """The `count` moments of an action; the last is that of `after`."""
    first, last = rest(before), rest(after)
    legal = rules.is_legal(before, meaning)
    turns = meaning.verb in ("turn_left", "turn_right") and legal
    path = _turn(first, last, before) if turns else None
    poses = []
    for k in range(1, count + 1):
        t = k / count
        speed = _speed(before, after, t)
        share = _way(before, after, t, turns)
        if path is not None:
            x, y, yaw = path(share)
        else:
            x, y, yaw = _straight(before, meaning, after, share)
        blinks = meaning.verb in rules.SIDES and _BLINK[(k - 1) * len(_BLINK) // count]
        ease = t * t * (3 - 2 * t)
        weather = tuple(a + (b - a) * ease for a, b in zip(first.weather, last.weather, strict=True))
        hour = first.hour + (last.hour - first.hour) * ease
        signal = rules.SIDES[meaning.verb] if blinks else ""
        poses.append(Pose(x, y, yaw, speed, signal, weather, hour, before.clock + t))
    poses[-1] = last
    return poses


def _speed(before: RoadState, after: RoadState, t: float) -> float:
    a, b = float(before.driving), float(after.driving)
    return a + (b - a) * t


def _way(before: RoadState, after: RoadState, t: float, turns: bool) -> float:
    """The share of the way after the share `t` of the time: at an even or a steadily changing speed."""
    a, b = float(before.driving), float(after.driving)
    if turns and not before.driving:
        return t * t * (2 - t)  # sets off quickly, so that there is time to turn
    if a == b:
        return t
    return t * t if b else 1 - (1 - t) ** 2


def _straight(before: RoadState, meaning: Meaning, after: RoadState, share: float) -> tuple[float, float, float]:
    metres = 0.0
    if after.driving or before.driving:
        metres = PACE if before.driving and after.driving else PACE / 2
    a, b = LANE_OFFSET[before.lane], LANE_OFFSET[after.lane]
    slide = share * share * (3 - 2 * share)
    offset = a + (b - a) * slide
    slope = (b - a) * 6 * share * (1 - share)
    if a == b and meaning.verb in rules.SIDES and metres:  # tries, and comes back
        towards = 1 if rules.SIDES[meaning.verb] == "left" else -1
        offset += towards * 0.35 * np.sin(np.pi * share) ** 2
        slope += towards * 0.35 * np.pi * np.sin(2 * np.pi * share)
    x, y = place(before, before.along + metres * share, offset)
    yaw = before.heading * np.pi / 2 + (np.arctan2(slope, metres) if metres else 0.0)
    return x, y, float(yaw)


class _Path:
    """A curve from pose to pose, walked evenly."""

    def __init__(self, points: NDArray[np.float64]):
        u = np.linspace(0, 1, 65)[:, None]
        a, b, c, d = points
        self.line = (1 - u) ** 3 * a + 3 * (1 - u) ** 2 * u * b + 3 * (1 - u) * u**2 * c + u**3 * d
        ways = np.diff(self.line, axis=0)
        self.length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(ways, axis=1))])
        self.yaw = np.unwrap(np.arctan2(ways[:, 1], ways[:, 0]))

    def __call__(self, share: float) -> tuple[float, float, float]:
        way = share * self.length[-1]
        x, y = (float(np.interp(way, self.length, self.line[:, axis])) for axis in (0, 1))
        middles = (self.length[1:] + self.length[:-1]) / 2
        return x, y, float(np.interp(way, middles, self.yaw))


def _turn(first: Pose, last: Pose, before: RoadState) -> _Path:
    start, end = np.asarray([first.x, first.y]), np.asarray([last.x, last.y])
    corner = np.where(np.asarray(STEPS[before.heading]) != 0, end, start)  # where the two lanes would meet
    return _Path(np.stack([start, start + (corner - start) * _CORNER, end + (corner - end) * _CORNER, end]))
