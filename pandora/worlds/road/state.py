"""The state of a drive: where the car is on an endless grid of streets, how it moves, the weather and the hour."""

from dataclasses import dataclass
from typing import Literal

from pandora.worlds.base import Facts

Weather = Literal["clear", "rain", "snow", "fog"]
Hour = Literal["day", "dusk", "night"]
Lane = Literal["left", "right"]

WEATHERS: tuple[Weather, ...] = ("clear", "rain", "snow", "fog")
HOURS: tuple[Hour, ...] = ("day", "dusk", "night")
LANES: tuple[Lane, ...] = ("left", "right")
HEADINGS = ("east", "north", "west", "south")
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # the way to the next junction, by heading

BLOCK = 60  # metres from one junction to the next
PACE = 10  # metres that the car drives in one action; setting off and braking take half of it
HALF_ROAD = 6.0  # two lanes of 3 m for each direction; one drives on the right
LANE_OFFSET: dict[Lane, float] = {"left": -1.5, "right": -4.5}  # from the middle of the road, positive to the left
TURN_AT = (45, 50)  # how far along the block a turn can begin: on the move, and standing at the line


@dataclass(frozen=True)
class RoadState:
    """`along` is the way in metres since the junction (`x`, `y`), towards `heading` (an index of HEADINGS).

    A driving car is at 5, 15, ... 55 m and a standing one at 0, 10, ... 50 m, since setting off and braking take half
    of what driving takes. `seed` draws the streets, `style` whether from what training shows ("seen") or not
    ("unseen"); `clock` is how many seconds have passed.
    """

    seed: int
    x: int = 0
    y: int = 0
    heading: int = 0
    along: int = 10
    lane: Lane = "right"
    driving: bool = False
    weather: Weather = "clear"
    hour: Hour = "day"
    clock: int = 0
    style: str = "seen"

    @property
    def at_junction(self) -> bool:
        """Whether a junction is right ahead, so that one can turn."""
        return self.along in TURN_AT


def facts(state: RoadState) -> Facts:
    """All but the place, which flows on by itself while the car drives."""
    return frozenset(
        {
            ("weather", state.weather),
            ("hour", state.hour),
            ("speed", "driving" if state.driving else "stopped"),
            ("lane", state.lane),
            ("heading", HEADINGS[state.heading]),
        }
    )
