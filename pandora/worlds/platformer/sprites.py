"""Pixel art written out: heroes in their poses, and what lies, crawls and waits in the rooms.

A sprite is (16, 16, 4) uint8 RGBA, alpha 0 or 255. Heroes look to the right; all share their bodies, not their heads.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.platformer.bitmaps_goals import GOALS
from pandora.worlds.platformer.bitmaps_heroes import BODIES, HEADS
from pandora.worlds.platformer.bitmaps_things import COINS, FOES

Sprite = NDArray[np.uint8]
Colours = Mapping[str, tuple[int, int, int]]

_PICTURES = {**COINS, **FOES, **GOALS}
POSES = (*BODIES, "duck")  # "stand", "stride", "pass", "leap", "fall", "hang", "reach", "duck"
BACK = ("hang", "reach")  # poses with the back to the camera
_NOTHING = "." * 16
_INK = (30, 22, 46)
_COMMON = {"K": _INK, "W": (255, 255, 255), "k": (66, 52, 88)}

_HEROES: dict[str, Colours] = {
    "explorer": {
        "R": (236, 52, 84), "r": (176, 28, 76), "S": (255, 208, 164), "s": (236, 170, 130), "H": (120, 62, 34),
        "A": (255, 226, 84), "T": (44, 110, 236), "t": (28, 72, 180), "Y": (255, 226, 84), "P": (44, 110, 236),
        "O": (140, 60, 28),
    },
    "knight": {
        "R": (240, 44, 60), "r": (178, 20, 60), "G": (206, 216, 232), "g": (140, 152, 184), "E": (90, 255, 240),
        "S": (140, 152, 184), "A": (206, 216, 232), "T": (150, 40, 190), "t": (104, 24, 140), "Y": (255, 214, 70),
        "P": (140, 152, 184), "O": (90, 98, 134),
    },
    "fox": {
        "F": (255, 138, 30), "f": (214, 92, 16), "P": (214, 92, 16), "S": (92, 44, 30), "A": (255, 138, 30),
        "T": (20, 178, 160), "t": (10, 126, 126), "Y": (255, 245, 224), "O": (92, 44, 30), "C": (255, 245, 224),
    },
    "diver": {
        "Y": (255, 210, 40), "y": (222, 150, 20), "C": (150, 236, 250), "c": (90, 190, 226), "S": (60, 64, 84),
        "A": (255, 96, 60), "T": (255, 96, 60), "t": (206, 58, 44), "P": (206, 58, 44), "O": (64, 220, 120),
    },
}  # fmt: skip

_THINGS: dict[str, Colours] = {
    "coin": {"Y": (255, 206, 48), "y": (232, 152, 24), "H": (255, 244, 170), "d": (150, 84, 20)},
    "gem": {"C": (64, 228, 255), "c": (24, 150, 232), "H": (214, 252, 255), "d": (20, 70, 150)},
    "cherry": {"R": (236, 36, 70), "r": (170, 14, 60), "H": (255, 190, 200), "G": (86, 200, 60), "d": (90, 10, 40)},
    "pearl": {"V": (255, 240, 250), "v": (226, 186, 226), "H": (255, 255, 255), "d": (130, 84, 150)},
    "slime": {"G": (112, 226, 60), "g": (58, 168, 48), "H": (206, 255, 150), "d": (20, 84, 44)},
    "imp": {"V": (188, 76, 236), "v": (128, 40, 180), "H": (240, 180, 255), "E": (255, 230, 60), "d": (60, 14, 92)},
    "hedgehog": {"B": (150, 98, 62), "b": (98, 60, 44), "C": (250, 214, 170), "H": (206, 160, 116), "d": (58, 32, 30)},
    "crab": {"R": (255, 84, 64), "r": (196, 40, 48), "H": (255, 176, 140), "d": (110, 14, 40)},
    "flag": {"N": (214, 216, 226), "n": (140, 140, 160), "F": (120, 124, 146), "f": (90, 94, 116), "d": (48, 44, 70)},
    "flag up": {"N": (240, 240, 250), "n": (150, 150, 170), "F": (40, 224, 96), "f": (16, 160, 80), "d": (18, 74, 60)},
    "chest": {"B": (166, 96, 48), "b": (112, 58, 36), "Y": (255, 206, 60), "d": (60, 28, 28)},
    "chest open": {
        "B": (166, 96, 48), "b": (112, 58, 36), "Y": (255, 206, 60), "H": (255, 250, 180), "d": (60, 28, 28),
    },
    "campfire": {
        "B": (206, 132, 76), "b": (150, 84, 52), "G": (186, 190, 206), "g": (130, 134, 156), "d": (56, 34, 40),
    },
    "campfire lit": {
        "B": (136, 84, 56), "b": (92, 54, 44), "G": (150, 140, 140), "g": (104, 90, 104), "d": (44, 30, 40),
        "O": (255, 120, 24), "Y": (255, 220, 70), "H": (255, 252, 210),
    },
    "oyster": {"V": (150, 110, 200), "v": (104, 72, 158), "H": (206, 180, 240), "d": (56, 32, 92)},
    "oyster open": {
        "V": (150, 110, 200), "v": (104, 72, 158), "H": (255, 255, 255), "P": (255, 190, 210), "d": (56, 32, 92),
    },
}  # fmt: skip
LOOKS = {  # of a goal: waiting, reached
    "flag": ("flag", "flag up"),
    "chest": ("chest", "chest open"),
    "campfire": ("campfire", "campfire lit"),
    "oyster": ("oyster", "oyster open"),
}


@cache
def hero(name: str, pose: str, left: bool = False) -> Sprite:
    """A hero in one of `POSES`, looking to the left or to the right; those of `BACK` only mirror their arms."""
    head = HEADS[name]["back" if pose in BACK else "side"]
    rows = (*[_NOTHING] * 3, *head, *BODIES["stand"][3:]) if pose == "duck" else (*head, *BODIES[pose])
    drawn = _painted(rows, _HEROES[name])
    return np.ascontiguousarray(drawn[:, ::-1]) if left else drawn


@cache
def thing(name: str, phase: int = 0) -> Sprite:
    """A coin, a foe or a goal at an eighth of its second: coins turn, foes breathe, flames flicker."""
    frames = _PICTURES[name]
    drawn = _painted(frames[_ORDER[len(frames)][phase % 8]], _THINGS[name])
    return np.ascontiguousarray(drawn)


_ORDER = {1: (0,) * 8, 2: (0, 0, 1, 1, 1, 1, 0, 0), 3: (0, 0, 1, 2, 2, 1, 0, 0)}  # the picture of each phase


def _painted(rows: tuple[str, ...], colours: Colours) -> Sprite:
    if len(rows) != 16 or any(len(row) != 16 for row in rows):
        raise ValueError(f"A sprite has 16 rows of 16: {[len(row) for row in rows]}")
    paint = {**_COMMON, **colours}
    sprite = np.zeros((16, 16, 4), np.uint8)
    for y, row in enumerate(rows):
        for x, letter in enumerate(row):
            if letter != ".":
                sprite[y, x] = (*paint[letter], 255)
    return sprite
