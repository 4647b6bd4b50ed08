"""A scene of the nature world: the weather, the hour, the wind, the fire, and where one looks."""

from dataclasses import dataclass

from pandora.worlds.base import Fact

WEATHERS = ("clear", "rain", "snow", "fog", "storm")
HOURS = ("day", "dusk", "night", "dawn")
WINDS = ("calm", "left", "right")  # where it blows to
FIRES = ("none", "low", "high")
PANS = ("none", "left", "right")
VIEWS = (-1, 0, 1)  # left end, middle, right end of the panorama
LANDS = ("lake", "river", "fjord", "alps", "sea", "lagoon")
HELD_LANDS = ("canyon",)  # for evaluation only
CLOUD_PERIOD = 512  # pixels after which the clouds come round again


@dataclass(frozen=True)
class NatureState:
    """Everything that decides the picture. `look` is the seed of the land; `drift` how far the clouds have gone, px."""

    weather: str = "clear"
    hour: str = "day"
    wind: str = "calm"
    fire: str = "none"
    view: int = 0
    land: str = "lake"
    pit: bool = True  # whether there is a fireplace
    look: int = 0
    drift: int = 0


def facts(state: NatureState) -> frozenset[Fact]:
    """The state as facts; where one looks is ("view", "left" | "middle" | "right")."""
    return frozenset(
        {
            ("weather", state.weather),
            ("hour", state.hour),
            ("wind", state.wind),
            ("fire", state.fire),
            ("view", ("left", "middle", "right")[state.view + 1]),
            ("fireplace", "yes" if state.pit else "no"),
        }
    )
