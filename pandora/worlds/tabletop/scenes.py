"""Random scenes: a few towers, each in a column of its own, and sometimes a block in the hand."""

from math import cos, pi, sin

import numpy as np

from pandora.worlds.tabletop.motion import turned
from pandora.worlds.tabletop.state import COLUMN_X, HOVER, REACH_X, ROW_Y, TALLEST, Pose, TableScene
from pandora.worlds.towers import COLOURS

_HOLDS, _ASTRIDE = 0.35, 0.35  # how often a block is in the hand, and then above the edge of a tower


def random_scene(seed: int, blocks: int | None, light: bool | None, table: str | None) -> TableScene:
    """See `Tabletop.reset`."""
    rng = np.random.default_rng([seed, 0x7AB])
    count = int(rng.integers(2, 5)) if blocks is None else blocks
    colours = [str(colour) for colour in rng.permutation(COLOURS)[:count]]
    lit = bool(rng.random() < 0.8)
    holding = colours.pop() if rng.random() < _HOLDS else None
    columns = rng.permutation(len(COLUMN_X))
    spread = rng.uniform(0.3, 0.9)
    towers: list[list[str]] = []
    for colour in colours:
        low = [tower for tower in towers if len(tower) < TALLEST]
        if not low or rng.random() < spread:
            towers.append([colour])
        else:
            low[rng.integers(len(low))].append(colour)
    poses: dict[str, Pose] = {}
    for column, tower in zip(columns, towers, strict=False):
        x = COLUMN_X[column] + rng.uniform(-0.1, 0.1)
        y = ROW_Y[rng.integers(len(ROW_Y))] + rng.uniform(-0.1, 0.1)
        yaw = rng.uniform(-0.2, 0.2)
        for level, colour in enumerate(tower):
            place = (float(x + rng.uniform(-0.06, 0.06)), float(y + rng.uniform(-0.06, 0.06)), level + 0.5)
            poses[colour] = Pose(place, turned(float(yaw + rng.uniform(-0.06, 0.06))))
    hand = _hand(rng, towers, poses, holding is not None)
    if holding:
        poses[holding] = Pose((*hand, HOVER))
    ordered = tuple((colour, poses[colour]) for colour in COLOURS if colour in poses)
    return TableScene(ordered, hand, holding, lit if light is None else light, seed, table)


def _hand(
    rng: np.random.Generator, towers: list[list[str]], poses: dict[str, Pose], holds: bool
) -> tuple[float, float]:
    """Anywhere over the table; with a block, also where letting go makes it tumble off a tower."""
    if not holds or rng.random() > _ASTRIDE:
        for _ in range(40):
            x, y = rng.uniform(-REACH_X, REACH_X) * 0.9, rng.uniform(-1.6, 1.6)
            near = [max(abs(x - pose.at[0]), abs(y - pose.at[1])) for pose in poses.values()]
            if not holds or min(near, default=9.0) > 1.3:
                return float(x), float(y)
    tower = towers[rng.integers(len(towers))]
    x, y, _ = poses[tower[-1]].at
    if len(tower) < TALLEST and rng.random() < 0.4:  # right above: it lands on the tower
        return x, y
    angle, off = rng.uniform(0, 2 * pi), rng.uniform(0.68, 0.85)
    away = off / max(abs(cos(angle)), abs(sin(angle)))
    return float(x + away * cos(angle)), float(y + away * sin(angle))
