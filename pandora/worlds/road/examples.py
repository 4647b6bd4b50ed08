"""Scenes to begin with, chosen by hand, each with sentences that fit it."""

from pandora.worlds.base import Example
from pandora.worlds.road.state import RoadState


def examples() -> list[Example]:
    return [
        Example(
            "road-town", "A street in town",
            RoadState(seed=28, along=20),
            ("drive on", "it starts to rain", "the sun goes down", "stop here", "let it snow"),
        ),
        Example(
            "road-junction", "At the crossing",
            RoadState(seed=33, along=50),
            ("turn left", "take the street on the right", "go straight on", "fog rolls in", "it is night"),
        ),
        Example(
            "road-country", "Out in the country",
            RoadState(seed=32, along=25, driving=True, lane="left"),
            ("change to the right lane", "follow the road", "it begins to snow", "evening comes", "hit the brakes"),
        ),
        Example(
            "road-dusk", "Home in the evening",
            RoadState(seed=39, along=45, driving=True, hour="dusk"),
            ("turn right at the junction", "it's night, and the headlights are on", "keep going",
             "brake", "it is foggy"),
        ),
        Example(
            "road-night-rain", "Rain at night",
            RoadState(seed=30, along=15, driving=True, hour="night", weather="rain"),
            ("move to the left lane", "the road is getting slippery, slow down", "it clears up",
             "day breaks", "drive on"),
        ),
        Example(
            "road-snow", "First snow",
            RoadState(seed=20, along=20, weather="snow"),
            ("set off", "the sky clears", "wait a moment", "night falls", "drive up to the next crossing"),
        ),
    ]  # fmt: skip
