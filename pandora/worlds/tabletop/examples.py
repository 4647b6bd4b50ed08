"""Scenes to begin with, chosen by hand, each with sentences that fit it."""

from pandora.worlds.base import Example
from pandora.worlds.tabletop.motion import turned
from pandora.worlds.tabletop.state import HOVER, Pose, TableScene
from pandora.worlds.towers import COLOURS

_Towers = list[tuple[float, float, float, tuple[str, ...]]]  # x, y, yaw, blocks from the bottom up


def examples() -> list[Example]:
    """From the simplest to the most daring."""
    return [
        Example(
            "tabletop-three", "Three on a tray",
            _scene([(-2.4, 0.1, 0.12, ("red",)), (0.2, -0.9, -0.1, ("blue",)), (2.3, 0.4, 0.05, ("yellow",))],
                   (0.2, 0.9), look=13),
            (
                "pick up the red block", "put the red block on the blue block", "push the yellow block away from me",
                "push the blue block to the left", "turn off the light",
            ),
        ),
        Example(
            "tabletop-tower", "Knock it off",
            _scene([(0.0, 0.0, 0.08, ("purple", "orange", "green")), (-2.9, -1.2, 0.2, ("blue",))],
                   (-2.0, 1.0), look=10),
            (
                "push the purple block to the left", "knock the green block off to the right", "pick up the blue block",
                "take the green block off the orange one", "wait a moment",
            ),
        ),
        Example(
            "tabletop-edge", "On the edge",
            _scene([(0.4, -0.3, 0.0, ("yellow", "blue"))], (1.15, -0.3), holding="red", look=6),
            (
                "let it fall", "put it on the blue block", "put the red block down", "push the blue block to the left",
                "let go of the red block",
            ),
        ),
        Example(
            "tabletop-row", "Bumper to bumper",
            _scene([(-2.2, -0.2, 0.0, ("green",)), (-1.15, -0.2, 0.02, ("orange",)), (-0.1, -0.2, -0.02, ("purple",))],
                   (1.8, 0.8), look=21),
            (
                "push the green block to the right", "pick up the purple block", "push the orange block towards me",
                "shove the purple block to the back", "lights off",
            ),
        ),
        Example(
            "tabletop-night", "Night shift",
            _scene([(-1.6, 0.6, 0.1, ("blue", "yellow")), (1.7, -0.5, -0.15, ("red",))], (1.7, -0.5),
                   light=False, look=29),
            (
                "turn on the light", "pick up the red block", "stack the red block on the yellow block",
                "push the yellow block off the tower to the right", "put the red block down",
            ),
        ),
    ]  # fmt: skip


def _scene(
    towers: _Towers, hand: tuple[float, float], holding: str | None = None, light: bool = True, look: int = 0
) -> TableScene:
    poses = {
        colour: Pose((x, y, level + 0.5), turned(yaw))
        for x, y, yaw, tower in towers
        for level, colour in enumerate(tower)
    }
    if holding:
        poses[holding] = Pose((*hand, HOVER))
    return TableScene(tuple((c, poses[c]) for c in COLOURS if c in poses), hand, holding, light, look)
