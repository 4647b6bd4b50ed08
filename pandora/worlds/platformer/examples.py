"""Rooms to begin with, built by hand, each with sentences that fit it.

In a drawing, what is not ground is a thing: "@" the hero, "G" the goal, "o" a coin, "f" a foe.
"""

from pandora.worlds.base import Example
from pandora.worlds.platformer.state import AIR, CELLS, Facing, Scene


def _scene(game: str, tiles: str, look: int, drawing: tuple[str, ...], facing: Facing = "right") -> Scene:
    """The scene of a drawing. A hero who faces away hangs on a ladder."""
    cells = {(x, y): drawing[y][x] for y in range(CELLS) for x in range(CELLS)}
    found = {mark: tuple(sorted(cell for cell, kind in cells.items() if kind == mark)) for mark in "@Gof"}
    below = "H" if facing == "away" else AIR
    rows = ["".join(below if c == "@" else AIR if c in "Gof" else c for c in row) for row in drawing]
    (hero,), (goal,) = found["@"], found["G"]
    return Scene(tuple(rows), hero, goal, facing, found["o"], found["f"], game=game, tiles=tiles, look=look)


_EXAMPLES = (
    Example(
        "platformer-meadow", "A walk in the meadow",
        _scene("quest", "meadow", 4, (
            "........",
            "........",
            "......oG",
            "...o.==H",
            ".......H",
            "..o....H",
            "@.##.f.H",
            "####~###",
        )),
        ("run to the right", "jump right", "jump straight up", "jump to the right", "take a step to the right"),
    ),
    Example(
        "platformer-castle", "The knight and the chest",
        _scene("siege", "castle", 12, (
            "........",
            "........",
            ".G....o.",
            "==..##H#",
            "......H.",
            "==....H.",
            ".@..f.Ho",
            "#####~##",
        )),
        ("the knight runs to the right", "jump to the right", "climb up the chain", "climb higher", "hold still"),
    ),
    Example(
        "platformer-forest", "A fox in the trees",
        _scene("wilds", "forest", 7, (
            "........",
            ".......o",
            "..o...@.",
            "..H#..==",
            "..H.....",
            "..H..o..",
            "f.H....G",
            "###~####",
        )),
        ("the fox jumps to the left", "one step left", "climb down the vine", "climb down", "jump to the right"),
    ),
    Example(
        "platformer-ice", "Halfway up the ice",
        _scene("siege", "ice", 3, (
            "........",
            "....o..G",
            ".......#",
            "H###..==",
            "H.......",
            "@..o.###",
            "H....f..",
            "########",
        ), facing="away"),
        ("climb up", "climb higher", "run to the right", "jump to the right", "stay where you are"),
    ),
    Example(
        "platformer-candy", "Sweets",
        _scene("quest", "candy", 21, (
            "........",
            "...o....",
            "G.......",
            "##===.o.",
            "......o.",
            ".o=..===",
            "..@...f.",
            "####~###",
        )),
        ("jump up through the platform", "jump onto the platform above", "run left", "jump right", "do nothing"),
    ),
    Example(
        "platformer-rooftops", "Over the roofs at night",
        _scene("wilds", "rooftops", 31, (
            "........",
            ".....o..",
            "@......G",
            "##.=..H#",
            "......H.",
            "..o...H.",
            ".o.o.fH.",
            "###~####",
        )),
        ("leap to the right", "the fox jumps to the right", "climb down the ladder", "climb down", "wait"),
    ),
)  # fmt: skip


def examples() -> list[Example]:
    """From a stroll to a climb."""
    return list(_EXAMPLES)
