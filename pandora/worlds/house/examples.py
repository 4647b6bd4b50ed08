"""Scenes to begin with, chosen by hand, each with sentences that fit it."""

from pandora.worlds.base import Example
from pandora.worlds.house.state import HouseState


def examples() -> list[Example]:
    """From a quiet room to long ways through the house."""
    return [
        Example(
            "house-living-room", "In the living room",
            HouseState(1170, (2, 0), 2, closed=frozenset({((3, 1), (4, 1))})),
            ("walk forward", "look at the bookshelf", "turn left", "turn around", "go to the television"),
        ),
        Example(
            "house-kitchen", "The kitchen",
            HouseState(48862, (2, 0), 2, closed=frozenset({((5, 4), (5, 5)), ((3, 2), (4, 2))})),
            ("walk straight ahead", "turn to the dining table", "look behind you", "turn right", "turn off the light"),
        ),
        Example(
            "house-playroom", "Toys on the carpet",
            HouseState(9914, (9, 10), 4, closed=frozenset({((4, 6), (5, 6))})),
            ("head for the bookcase", "walk to the purple ball", "take a step back", "look to the left", "wait"),
        ),
        Example(
            "house-door", "Behind the yellow door",
            HouseState(40417, (8, 4), 4, closed=frozenset({((3, 2), (3, 3)), ((6, 5), (6, 6))})),
            ("open the door", "turn right", "go to the bookshelf", "see what is behind us", "close the door"),
        ),
        Example(
            "house-fireside", "By the fire at dusk",
            HouseState(34494, (5, 2), 4, light=False),
            ("turn on the light", "look at the fireplace", "walk on", "turn to the armchair", "step backwards"),
        ),
        Example(
            "house-long-view", "Through three rooms",
            HouseState(33186, (1, 7), 6, closed=frozenset({((5, 4), (5, 5)), ((3, 6), (4, 6))})),
            ("keep walking", "turn to the armchair", "approach the fridge", "turn all the way around", "lights out"),
        ),
    ]  # fmt: skip
