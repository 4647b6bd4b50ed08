"""Scenes to begin with, chosen by hand, each with sentences that fit it."""

from pandora.worlds.base import Example
from pandora.worlds.blocks.state import BlocksState, Stack

_LIGHT = "turn off the light"


def examples() -> list[Example]:
    """From the simplest to the most demanding."""
    return [
        Example(
            "blocks-three", "Three blocks",
            BlocksState((Stack(1, 1, ("red",)), Stack(3, 1, ("blue",)), Stack(5, 1, ("yellow",))), 3, look=11),
            (
                "pick up the red block", "put it on the blue block", "push the yellow block to the left",
                "shove the blue block away from me", _LIGHT,
            ),
        ),
        Example(
            "blocks-tower", "A tower of four",
            BlocksState((Stack(3, 1, ("blue", "yellow", "green", "red")),), 1, look=4),
            (
                "take the red block off the green block", "put it down on the table", "unstack green from yellow",
                "pick up the blue block", _LIGHT,
            ),
        ),
        Example(
            "blocks-held", "One in the hand",
            BlocksState((Stack(1, 0, ("purple",)), Stack(4, 2, ("green", "orange"))), 2, holding="red", look=27),
            (
                "put the red block on the orange block", "place it on purple", "put the block down", _LIGHT,
                "hold still",
            ),
        ),
        Example(
            "blocks-two-towers", "Two towers",
            BlocksState((Stack(2, 1, ("orange", "blue", "purple")), Stack(5, 1, ("green", "yellow"))), 6, look=41),
            (
                "lift the purple block off the blue one", "stack the purple block on the yellow block",
                "take yellow off green", "set it down on the table", _LIGHT,
            ),
        ),
        Example(
            "blocks-night", "At night",
            BlocksState(
                (Stack(0, 2, ("yellow",)), Stack(2, 0, ("red", "green")), Stack(5, 1, ("blue",))),
                4, light=False, look=8,
            ),
            (
                "turn on the light", "pick up the blue block", "put it on the yellow block",
                "push the yellow block towards me", "wait a moment",
            ),
        ),
        Example(
            "blocks-row", "Five in a row",
            BlocksState(
                tuple(Stack(i, 1, (c,)) for i, c in enumerate(("red", "orange", "yellow", "green", "blue"), 1)),
                0, look=63,
            ),
            (
                "push the red block left", "push the green block to the back", "grab the yellow block",
                "stack the yellow block on the red block", _LIGHT,
            ),
        ),
    ]  # fmt: skip
