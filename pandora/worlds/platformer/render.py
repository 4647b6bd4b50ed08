"""The picture of a moment: the room from a cache, and whatever moves drawn on it."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.base import Frame
from pandora.worlds.platformer import sprites
from pandora.worlds.platformer.backdrop import backdrop
from pandora.worlds.platformer.decor import SWAY, places, plant
from pandora.worlds.platformer.ground import lay, liquid
from pandora.worlds.platformer.palettes import PALETTES
from pandora.worlds.platformer.state import CELL, CELLS, Cell, Facing, Scene

_SIDE = CELL * CELLS


@dataclass(frozen=True)
class Pose:
    """Where the hero is, in pixels from the top left, and how he is drawn. `shown` False: he is not to be seen."""

    x: float
    y: float
    name: str = "stand"
    facing: Facing = "right"
    mirrored: bool = False  # the arms of a climbing hero
    shown: bool = True


@dataclass(frozen=True)
class Effect:
    """Something short: "sparkle", "puff", "splash" or "stars", at a cell, `age` 0..1."""

    name: str
    cell: Cell
    age: float


def rest(scene: Scene) -> Pose:
    """The hero standing or hanging where he is."""
    x, y = scene.hero
    return Pose(x * CELL, y * CELL, "hang" if scene.facing == "away" else "stand", scene.facing)


def render(scene: Scene, pose: Pose, phase: int = 0, effects: tuple[Effect, ...] = ()) -> Frame:
    """(128, 128, 3) uint8 RGB. `phase` is the eighth of the second, 0 at rest; all but the hero is as in `scene`."""
    still = replace(scene, hero=(0, 0), goal=(0, 0), facing="right", coins=(), foes=(), reached=False, game="")
    picture = _room(still, SWAY[phase % 8]).copy()
    liquid(picture, scene, PALETTES[scene.tiles], phase)
    rules = scene.rules
    _put(
        picture,
        sprites.thing(sprites.LOOKS[rules.goal][scene.reached], phase),
        scene.goal[0] * CELL,
        scene.goal[1] * CELL,
    )
    for name, cells in ((rules.coin, scene.coins), (rules.foe, scene.foes)):
        for x, y in cells:
            _put(picture, sprites.thing(name, phase), x * CELL, y * CELL)
    for effect in effects:
        _EFFECTS[effect.name](picture, effect.cell, effect.age)
    if pose.shown:
        left = pose.mirrored if pose.name in sprites.BACK else pose.facing == "left"
        _put(picture, sprites.hero(rules.hero, pose.name, left), round(pose.x), round(pose.y))
    return picture


@lru_cache(maxsize=64)
def _room(scene: Scene, sway: int) -> Frame:
    """Everything that does not move, and what sways, leaning one way or the other."""
    palette, rng = PALETTES[scene.tiles], np.random.default_rng([scene.look, 0x9A7])
    image = backdrop(palette, rng)
    growth = places(scene, palette, rng)
    for name, cell, seed in growth:
        plant(image, name, cell, np.random.default_rng(seed), palette, sway)
    lay(image, scene, palette, rng)
    picture = np.array(image)
    picture.setflags(write=False)
    return picture


def _put(picture: Frame, sprite: sprites.Sprite, x: int, y: int) -> None:
    """Draw a sprite with its top left corner at (x, y); what lies outside is cut off."""
    top, left = max(0, y), max(0, x)
    bottom, right = min(_SIDE, y + CELL), min(_SIDE, x + CELL)
    if top >= bottom or left >= right:
        return
    part = sprite[top - y : bottom - y, left - x : right - x]
    target = picture[top:bottom, left:right]
    opaque = part[..., 3] > 0
    target[opaque] = part[..., :3][opaque]


def _dots(picture: Frame, points: NDArray[np.float64], colour: tuple[int, int, int], size: int = 2) -> None:
    for x, y in points.round().astype(int):
        picture[max(0, y) : max(0, y + size), max(0, x) : max(0, x + size)] = colour


def _ring(cell: Cell, count: int, radius: float, squash: float = 1.0) -> NDArray[np.float64]:
    angle = np.arange(count) * 2 * np.pi / count
    middle = np.array(cell) * CELL + CELL / 2 - 1
    return middle + radius * np.stack([np.cos(angle), np.sin(angle) * squash], -1)


def _sparkle(picture: Frame, cell: Cell, age: float) -> None:
    _dots(picture, _ring(cell, 6, 3 + 7 * age), (255, 244, 170))
    _dots(picture, _ring(cell, 4, 2 + 3 * age), (255, 255, 255), 1)


def _puff(picture: Frame, cell: Cell, age: float) -> None:
    _dots(picture, _ring(cell, 8, 3 + 6 * age, 0.7), (250, 250, 250), 3 if age < 0.6 else 2)


def _splash(picture: Frame, cell: Cell, age: float) -> None:
    spread = np.linspace(-1, 1, 7)
    height = (1 - spread**2) * 14 * np.sin(np.pi * min(1.0, 0.2 + age)) + 2
    x = cell[0] * CELL + CELL / 2 - 1 + spread * (4 + 7 * age)
    _dots(picture, np.stack([x, cell[1] * CELL + 5 - height], -1), (245, 250, 255))


def _stars(picture: Frame, cell: Cell, age: float) -> None:
    _dots(picture, _ring(cell, 5, 6 + 2 * age, 0.5) - (0, 5), (255, 236, 90))


_EFFECTS = {"sparkle": _sparkle, "puff": _puff, "splash": _splash, "stars": _stars}
