"""The moments of a clip: from one state to the next, smoothly, and what a vain attempt looks like."""

from math import pi, sin

import numpy as np

from pandora.worlds.base import Meaning
from pandora.worlds.nature.noise import Array
from pandora.worlds.nature.place import HORIZON, MARGIN, STEP, WIDTH, Place, make_place
from pandora.worlds.nature.pose import Pose
from pandora.worlds.nature.rules import DRIFT, FIRE, LOOK, blowing, is_legal
from pandora.worlds.nature.state import HOURS, WEATHERS, NatureState

LEVELS = {"none": 0.0, "low": 0.36, "high": 1.0}
_SUNK = HORIZON + 14  # row of what has set
_NUDGE = 9  # pixels that one can lean over the panorama's end


def place_of(state: NatureState) -> Place:
    return make_place(state.land, state.pit, state.look)


def rest(state: NatureState) -> Pose:
    """The moment of a resting state: the last of every clip that leads to it."""
    return _between(state, state, 1.0, 8)


def animate(state: NatureState, meaning: Meaning, after: NatureState, count: int) -> list[Pose]:
    """`count` moments of the action; the last one is `rest(after)`."""
    vain = not is_legal(state, meaning)
    poses = []
    for i in range(1, count + 1):
        pose = _between(state, after, i / count, i, count)
        if i < count and (vain or meaning.verb == "put_out_fire"):
            pose = _attempt(state, meaning.verb, pose, sin(pi * i / count), vain)
        poses.append(pose)
    return poses


def _attempt(state: NatureState, verb: str, pose: Pose, swell: float, vain: bool) -> Pose:
    """What is tried and comes to nothing swells and is gone at the end of the clip."""
    values = dict(pose.__dict__)
    if verb in LOOK:
        values["offset"] = pose.offset + LOOK[verb] * round(_NUDGE * swell)
    elif verb in FIRE and state.pit:
        if verb == "put_out_fire" and not vain:
            values["puff"] = swell
        elif verb == "light_fire" and state.fire == "none":
            values["puff"], values["fire"] = 0.7 * swell, 0.12 * swell
        elif state.fire == "none":
            values["puff"] = 0.45 * swell
        elif verb == "fire_down":
            values["fire"] = pose.fire * (1 - 0.5 * swell)
        else:
            values["fire"] = pose.fire * (1 + 0.22 * swell)
    return Pose(**values)


def _between(a: NatureState, b: NatureState, t: float, frame: int, count: int = 1) -> Pose:
    s = t * t * (3 - 2 * t)
    place = place_of(b)
    weather = _mix(WEATHERS.index(a.weather), WEATHERS.index(b.weather), s, len(WEATHERS))
    hour = _mix(HOURS.index(a.hour), HOURS.index(b.hour), s, len(HOURS))
    wind = blowing(a.wind) * (1 - s) + blowing(b.wind) * s
    fire = LEVELS[a.fire] * (1 - s) + LEVELS[b.fire] * s
    offset = MARGIN + round(STEP * (1 + a.view * (1 - s) + b.view * s))
    going = DRIFT * blowing(b.wind)
    drift = b.drift - going + round(going * t) if count > 1 else b.drift
    moon_row = 12 + (_SUNK - 12) * (1 - float(hour[2]))
    return Pose(
        weather, hour, _sun(place, a.hour, b.hour, s), (place.moon, moon_row), wind, fire, 0.0, offset, drift, frame % 8
    )


def _mix(a: int, b: int, share: float, count: int) -> Array:
    mixed: Array = np.zeros(count, np.float32)
    mixed[a] += 1 - share
    mixed[b] += share
    return mixed


def _sun(place: Place, before: str, after: str, s: float) -> tuple[float, float]:
    """Column and row; between evening and morning it goes below the horizon."""
    (x0, y0), (x1, y1) = _stand(place, before, after), _stand(place, after, before)
    dip = 34 * sin(pi * s) if {before, after} == {"dusk", "dawn"} else 0.0
    return x0 * (1 - s) + x1 * s, y0 * (1 - s) + y1 * s + dip


def _stand(place: Place, hour: str, other: str) -> tuple[float, float]:
    rises = WIDTH - place.sets
    if hour == "night":  # straight below where it was, or will be
        return {"dusk": place.sets, "dawn": rises}.get(other, place.sets), _SUNK
    return {"day": (place.sun, 9.0), "dusk": (place.sets, HORIZON - 17), "dawn": (rises, HORIZON - 21)}[hour]
