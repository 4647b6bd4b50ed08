"""One moment, in numbers that change smoothly: what a frame is drawn from."""

from dataclasses import dataclass

from pandora.worlds.nature.noise import Array


@dataclass(frozen=True)
class Pose:
    """Shares of weathers and hours (each adds up to 1), and everything else that moves."""

    weather: Array  # by WEATHERS
    hour: Array  # by HOURS
    sun: tuple[float, float]  # column in the panorama, row
    moon: tuple[float, float]
    wind: float  # -1 to the left .. 1 to the right
    fire: float  # 0 none, about 0.4 low, 1 high
    puff: float  # smoke beyond the fire's own, 0..1
    offset: int  # first column of the panorama that is seen
    drift: int  # of the clouds, pixels
    phase: int  # 0..7 of what comes round every second
