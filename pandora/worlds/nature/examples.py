"""Scenes to begin with, chosen by hand, each with sentences that fit it."""

from pandora.worlds.base import Example
from pandora.worlds.nature.state import NatureState


def examples() -> list[Example]:
    return [
        Example(
            "nature-lake", "An evening at the lake",
            NatureState("clear", "dusk", "calm", "high", 0, "lake", True, 3, 111),
            ("night falls", "the wind blows from the left", "a thunderstorm breaks", "the fire dies down", "look left"),
        ),
        Example(
            "nature-alps", "Below the mountains",
            NatureState("clear", "day", "calm", "low", 0, "alps", True, 104, 148),
            ("it starts to snow", "throw a log on the fire", "the sun goes down", "fog rolls in", "look to the right"),
        ),
        Example(
            "nature-sea", "Morning by the sea",
            NatureState("clear", "dawn", "left", "low", 0, "sea", True, 205, 185),
            ("the wind dies down", "it begins to rain", "put out the fire", "it is noon", "pan the camera to the left"),
        ),
        Example(
            "nature-lagoon", "A tropical night",
            NatureState("clear", "night", "calm", "none", 0, "lagoon", True, 303, 111),
            ("light the campfire", "the sun rises", "the wind blows to the right", "a storm comes up", "look right"),
        ),
        Example(
            "nature-storm", "Thunder over the river",
            NatureState("storm", "day", "right", "high", 0, "river", True, 404, 148),
            ("the sky clears up", "the wind calms down", "it gets dark", "pour water on the fire", "it starts to snow"),
        ),
        Example(
            "nature-fjord", "A fjord in the fog",
            NatureState("fog", "day", "calm", "none", 0, "fjord", True, 503, 111),
            ("the fog lifts", "start a fire", "the sun sets", "a breeze comes from the right", "look to the left"),
        ),
    ]  # fmt: skip
