"""Rooms drawn by a random generator: floors, ladders, pits; then everything else where the hero can get to it."""

from dataclasses import replace

import numpy as np

from pandora.worlds.platformer.goals import reachable
from pandora.worlds.platformer.state import (
    AIR,
    CELLS,
    LADDER,
    LIQUID,
    SOLID,
    SPIKES,
    THIN,
    Cell,
    Scene,
)

_GROUND = CELLS - 1
_FLOORS = (5, 3)  # rows of the platforms above the ground
_ENOUGH = 14  # cells that the hero must be able to visit
_COINS, _FOES = 5, 2


def draw(rng: np.random.Generator, game: str, tiles: str, look: int) -> Scene:
    """A scene in which the goal can be reached and is not reached yet."""
    while True:
        scene = _furnished(_room(rng), rng, game, tiles, look)
        if scene is not None:
            return scene


def _room(rng: np.random.Generator) -> tuple[str, ...]:
    grid = [[AIR] * CELLS for _ in range(CELLS)]
    grid[_GROUND] = [SOLID] * CELLS
    hill: set[int] = set()
    if rng.random() < 0.6:
        width, left = int(rng.integers(1, 4)), int(rng.integers(CELLS))
        hill = set(range(left, min(CELLS, left + width)))
        for column in hill:
            grid[_GROUND - 1][column] = SOLID
    free = [c for c in range(1, CELLS - 1) if c not in hill]
    for column in rng.permutation(free)[: rng.choice(3, p=(0.35, 0.45, 0.2))]:
        if grid[_GROUND - 1][column] == AIR and LIQUID not in (grid[_GROUND][column - 1], grid[_GROUND][column + 1]):
            grid[_GROUND][column] = LIQUID
    for row in _FLOORS:
        for left, width in _spans(rng):
            kind = THIN if rng.random() < 0.45 else SOLID
            for column in range(left, left + width):
                if column not in hill or row != _FLOORS[0]:
                    grid[row][column] = kind
    for row in _FLOORS:
        _ladders(grid, row, rng)
    if rng.random() < 0.35:
        ground = [c for c in range(CELLS) if grid[_GROUND][c] == SOLID and grid[_GROUND - 1][c] == AIR]
        if ground:
            grid[_GROUND - 1][int(rng.choice(ground))] = SPIKES
    return tuple("".join(row) for row in grid)


def _spans(rng: np.random.Generator) -> list[tuple[int, int]]:
    """One or two platforms of a floor, as (left column, width), with at least a column between them."""
    if rng.random() < 0.5:
        width = int(rng.integers(2, 6))
        return [(int(rng.integers(0, CELLS - width + 1)), width)]
    first, second = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    left = int(rng.integers(0, 2))
    return [(left, first), (CELLS - second - int(rng.integers(0, 2)), second)]


def _ladders(grid: list[list[str]], row: int, rng: np.random.Generator) -> None:
    """A ladder or two from the platforms of a row down to what is below."""
    choices = []
    for column in range(CELLS):
        if grid[row][column] in (SOLID, THIN) and grid[row + 1][column] == AIR:
            foot = row + 1
            while foot < _GROUND and grid[foot][column] == AIR:
                foot += 1
            if grid[foot][column] in (SOLID, THIN):
                choices.append((column, foot))
    for column, foot in rng.permutation(choices)[: rng.choice(3, p=(0.2, 0.6, 0.2))] if choices else ():
        beside = [grid[row + 1][c] for c in (column - 1, column + 1) if 0 <= c < CELLS]
        if LADDER not in beside:
            for cell in range(row, foot):
                grid[cell][column] = LADDER


def _furnished(room: tuple[str, ...], rng: np.random.Generator, game: str, tiles: str, look: int) -> Scene | None:
    """Hero, goal, coins and foes in the room; None where it is too cramped, or the goal can't be reached."""
    bare = Scene(room, (0, 0), (-1, -1), game=game, tiles=tiles, look=look)
    stands = [cell for cell in _cells() if bare.at(cell) in (AIR, LADDER) and bare.holds(cell)]
    feet = [cell for cell in stands if bare.at(cell) == AIR]
    start = stands[rng.integers(len(stands))]
    facing = "away" if bare.climbs(start) else ("left", "right")[rng.integers(2)]
    bare = replace(bare, hero=start, facing=facing)
    visited = reachable(bare)
    goals = [c for c in feet if c in visited and abs(c[0] - start[0]) + abs(c[1] - start[1]) > 2]
    if len(visited) < _ENOUGH or not goals:
        return None
    high = np.array([2.0 ** (CELLS - row) for _, row in goals])
    goal = goals[rng.choice(len(goals), p=high / high.sum())]
    spare = [
        cell for cell in feet if cell not in (start, goal) and abs(cell[0] - start[0]) + abs(cell[1] - start[1]) > 1
    ]
    foes = tuple(sorted(spare[i] for i in rng.permutation(len(spare))[: rng.integers(0, _FOES + 1)]))
    scene = replace(bare, goal=goal, foes=foes)
    visited = reachable(scene)
    if goal not in visited:
        return None
    places = sorted(visited - {start, goal, *foes} - {c for c in visited if bare.at(c) != AIR or c[1] == 0})
    picks = rng.permutation(len(places))[: rng.integers(1, _COINS + 1)]
    return replace(scene, coins=tuple(sorted(places[i] for i in picks)))


def _cells() -> list[Cell]:
    return [(column, row) for row in range(CELLS) for column in range(CELLS)]
