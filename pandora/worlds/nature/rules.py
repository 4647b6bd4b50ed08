"""The rules: which actions are possible, and the state each one leads to."""

from dataclasses import replace
from hashlib import sha256

from pandora.worlds.base import Meaning
from pandora.worlds.nature.state import CLOUD_PERIOD, VIEWS, NatureState

WEATHER = {"rain": "rain", "snow": "snow", "fog": "fog", "storm": "storm", "clear_sky": "clear"}
HOUR = {hour: hour for hour in ("day", "dusk", "night", "dawn")}
WIND = {"wind_left": "left", "wind_right": "right", "wind_calm": "calm"}
FIRE = {"fire_up": "high", "fire_down": "low", "light_fire": "low", "put_out_fire": "none"}
LOOK = {"look_left": -1, "look_right": 1}
VERBS = dict.fromkeys((*WEATHER, *HOUR, *WIND, *FIRE, *LOOK, "wait"), 0)
WET = ("rain", "storm")  # no fire can be lit
DRIFT = 4  # pixels that clouds go with the wind in a clip
_FIRE_NEEDS = {"fire_up": ("low",), "fire_down": ("high",), "light_fire": ("none",), "put_out_fire": ("low", "high")}


def is_legal(state: NatureState, meaning: Meaning) -> bool:
    """Whether it can happen: fires need a fireplace, wood that isn't wet, and something to change; views have ends."""
    verb = meaning.verb
    if verb in LOOK:
        return state.view + LOOK[verb] in VIEWS
    if verb in FIRE:
        wet = verb == "light_fire" and state.weather in WET
        return state.pit and state.fire in _FIRE_NEEDS[verb] and not wet
    return True


def transition(state: NatureState, meaning: Meaning) -> NatureState:
    """The state after the action; what is impossible changes nothing but the clouds, which go on with the wind."""
    verb = meaning.verb
    if is_legal(state, meaning):
        if verb in WEATHER:
            state = replace(state, weather=WEATHER[verb])
        elif verb in HOUR:
            state = replace(state, hour=HOUR[verb])
        elif verb in WIND:
            state = replace(state, wind=WIND[verb])
        elif verb in FIRE:
            state = replace(state, fire=FIRE[verb])
        elif verb in LOOK:
            state = replace(state, view=state.view + LOOK[verb])
    return replace(state, drift=(state.drift + DRIFT * blowing(state.wind)) % CLOUD_PERIOD)


def blowing(wind: str) -> int:
    """-1 to the left, 1 to the right, 0 in a calm."""
    return {"left": -1, "right": 1}.get(wind, 0)


def is_held_out(state: NatureState, meaning: Meaning) -> bool:
    """A fifth of all (weather, hour, fire) x verb combinations, by a stable hash; never waiting."""
    if meaning.verb == "wait":
        return False
    text = " ".join((state.weather, state.hour, state.fire, meaning.verb))
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") % 5 == 0
