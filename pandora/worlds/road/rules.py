"""What actions do, when they can work, and what their clips show."""

import hashlib
from dataclasses import replace

from pandora.worlds.base import Facts, Meaning
from pandora.worlds.road.state import BLOCK, HOURS, LANES, PACE, STEPS, WEATHERS, RoadState

SKIES = {"clear_sky": "clear", "rain": "rain", "snow": "snow", "fog": "fog"}
SWITCHES = (*SKIES, *HOURS)
SIDES = {"turn_left": "left", "turn_right": "right", "lane_left": "left", "lane_right": "right"}
VERBS = dict.fromkeys(("drive", "brake", "wait", *SIDES, *SWITCHES), 0)

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "weather": WEATHERS,
    "hour": HOURS,
    "speed": ("stopped", "driving"),
    "went": ("nowhere", "forward"),
    "turn": ("none", "left", "right"),
    "lane": LANES,
    "signal": ("none", "left", "right"),
    "junction": ("near", "far"),
}
_HELD_OUT = 5  # one in so many of the (weather, hour, switch) combinations is kept out of training


def is_legal(state: RoadState, meaning: Meaning) -> bool:
    """One turns where a junction is right ahead, and changes lanes on the move into a lane that there is."""
    verb = meaning.verb
    if verb in ("turn_left", "turn_right"):
        return state.at_junction
    if verb in ("lane_left", "lane_right"):
        return state.driving and state.lane != SIDES[verb]
    return True


def transition(state: RoadState, meaning: Meaning) -> RoadState:
    """The state a second later. What can't work leaves the car going on, or standing, as before."""
    verb = meaning.verb
    state = replace(state, clock=state.clock + 1)
    if verb in SKIES:
        state = replace(state, weather=SKIES[verb])
    elif verb in HOURS:
        state = replace(state, hour=verb)
    if verb in ("turn_left", "turn_right") and is_legal(state, meaning):
        dx, dy = STEPS[state.heading]
        heading = (state.heading + (1 if verb == "turn_left" else -1)) % 4
        return replace(state, x=state.x + dx, y=state.y + dy, heading=heading, along=PACE * 3 // 2, driving=True)
    if verb == "drive" and not state.driving:
        return _ahead(replace(state, driving=True), PACE // 2)
    if verb == "brake" and state.driving:
        return _ahead(replace(state, driving=False), PACE // 2)
    if verb in ("lane_left", "lane_right") and is_legal(state, meaning):
        state = replace(state, lane=SIDES[verb])
    return _ahead(state, PACE) if state.driving else state


def _ahead(state: RoadState, metres: int) -> RoadState:
    along = state.along + metres
    if along < BLOCK:
        return replace(state, along=along)
    dx, dy = STEPS[state.heading]
    return replace(state, x=state.x + dx, y=state.y + dy, along=along - BLOCK)


def shown(before: RoadState, meaning: Meaning, after: RoadState) -> Facts:
    """One value for each of ATTRIBUTES: how things are in the end, and what happened on the way."""
    moved = (before.x, before.y, before.along) != (after.x, after.y, after.along)
    turned = (after.heading - before.heading) % 4
    return frozenset(
        {
            ("weather", after.weather),
            ("hour", after.hour),
            ("speed", "driving" if after.driving else "stopped"),
            ("went", "forward" if moved else "nowhere"),
            ("turn", {1: "left", 3: "right"}.get(turned, "none")),
            ("lane", after.lane),
            ("signal", SIDES.get(meaning.verb, "none")),
            ("junction", "near" if after.at_junction else "far"),
        }
    )


def is_held_out(state: RoadState, meaning: Meaning) -> bool:
    """A fixed fifth of the ways in which weather and hour change; what changes nothing is never held out."""
    verb = meaning.verb
    if verb not in SWITCHES or SKIES.get(verb, verb) in (state.weather, state.hour):
        return False
    digest = hashlib.sha256(f"{state.weather} {state.hour} {verb}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % _HELD_OUT == 0
