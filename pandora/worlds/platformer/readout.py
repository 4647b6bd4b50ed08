"""Facts from pixels: every cell against every sprite that can rest in it, knowing nothing of the room."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.base import Facts, Frame, Frames
from pandora.worlds.platformer import sprites
from pandora.worlds.platformer.state import CELL, CELLS, GAMES

_SURE = 34.0  # levels of 255 that a sprite's pixels differ at most, root mean square, where it is there
_DOUBT = 44.0  # below this something is half there, and the picture shows no state
_HERO_DOUBT = 50.0  # the same for the hero, who resembles nothing else
ARC = 9  # pixels above the higher end of the way from which on it was an arc
GONE = slice(4, 6)  # frames in which a hero who is lost is not to be seen
_HEAD, _MARGIN = 10, 8  # rows of a sprite that are its head; how far it may stick out of the picture
_FEW, _ROUGH = 8, 55.0  # pixels that are looked at first, and how far they may be off
Cells = NDArray[np.float32]  # (64, 16, 16, 3)


@dataclass(frozen=True, eq=False)
class _Stencil:
    """A sprite to look for: its colours (P, 3) float32 at its P opaque pixels, given by their indices in the cell."""

    fact: tuple[str, ...]
    pixels: NDArray[np.intp]
    colours: NDArray[np.float32]

    def errors(self, cells: Cells) -> NDArray[np.float32]:
        """The root mean squared difference in every cell, (64,), in levels of 255."""
        difference = cells.reshape(len(cells), -1, 3)[:, self.pixels] - self.colours
        return np.sqrt(np.square(difference).mean((1, 2)))


def read(frame: Frame) -> Facts | None:
    """The facts of a resting picture (128, 128, 3) uint8; None without one hero at rest, or with half a thing."""
    if frame.shape != (CELL * CELLS, CELL * CELLS, 3):
        return None
    cells = _cells(frame)
    hero = _hero(cells)
    if hero is None:
        return None
    game, place, facing = hero
    found = {("hero", *place), ("facing", facing)}
    free = np.arange(len(cells)) != int(place[0]) + CELLS * int(place[1])
    goals = []
    errors = np.stack([stencil.errors(cells) for stencil in _things(game)])
    for cell in np.flatnonzero((errors.min(0) < _DOUBT) & free).tolist():
        best = int(errors[:, cell].argmin())
        if errors[best, cell] > _SURE:
            return None
        name, *more = _things(game)[best].fact
        fact = (name, str(cell % CELLS), str(cell // CELLS), *more)
        (goals.append if name == "goal" else found.add)(fact)
    if len(goals) > 1:
        return None
    # A hero in front of the goal hides it, and has reached it.
    return frozenset({*found, goals[0] if goals else ("goal", *place, "reached")})


def read_clip(start: Frame, frames: Frames) -> Facts | None:
    """The facts at the end, with ("arced",) and ("lost",) where the hero did that on the way; None as in `read`."""
    hero = _hero(_cells(start)) if start.shape == frames.shape[1:] else None
    after = read(frames[-1])
    if hero is None or after is None:
        return None
    game, (_, top), _ = hero
    bottom = next(fact[2] for fact in after if fact[0] == "hero")
    heights = [_height(frame, game) for frame in frames[:-1]]
    base = min(int(top), int(bottom)) * CELL
    arced = any(height is not None and base - height >= ARC for height in heights)
    # A lost hero is gone for as long, and then where he began.
    lost = top == bottom and all(height is None for height in heights[GONE])
    return after | ({("arced",)} if arced else set()) | ({("lost",)} if lost else set())


def _cells(frame: Frame) -> Cells:
    return frame.reshape(CELLS, CELL, CELLS, CELL, 3).swapaxes(1, 2).reshape(-1, CELL, CELL, 3).astype(np.float32)


def _height(frame: Frame, game: str) -> int | None:
    """The row of pixels where the hero's sprite begins, wherever he is and whatever he does; None: he is not there."""
    picture = np.pad(frame.astype(np.float32), ((_MARGIN, 0), (_MARGIN, _MARGIN), (0, 0)), mode="edge")
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
    rows, columns = picture.shape[0] - _HEAD + 1, picture.shape[1] - CELL + 1
    best, height = _SURE, None
    for (y, x), colours in _heads(game):
        few = np.linspace(0, len(y) - 1, _FEW).astype(int)
        rough = np.zeros((rows, columns), np.float32)
        for i in few.tolist():
            for plane, level in zip(planes, colours[i], strict=True):
                rough += np.square(plane[y[i] : y[i] + rows, x[i] : x[i] + columns] - level)
        tops, lefts = np.nonzero(rough < 3 * _FEW * _ROUGH**2)
        if not len(tops):
            continue
        pixels = picture[tops[:, None] + y, lefts[:, None] + x]
        errors = np.sqrt(np.square(pixels - colours).mean((1, 2)))
        if errors.min() < best:
            best, height = float(errors.min()), int(tops[errors.argmin()]) - _MARGIN
    return height


@cache
def _heads(game: str) -> tuple[tuple[tuple[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float32]], ...]:
    """Of each side of a hero's head: the rows and columns of its pixels, and their colours."""
    found = []
    for pose, left in (("stand", False), ("stand", True), ("hang", False), ("hang", True)):
        head = sprites.hero(GAMES[game].hero, pose, left)[:_HEAD]
        inside = np.nonzero(head[..., 3])
        found.append((inside, head[inside][:, :3].astype(np.float32)))
    return tuple(found)


def _hero(cells: Cells) -> tuple[str, tuple[str, str], str] | None:
    """The game, the place and the facing of the one hero at rest."""
    errors = np.stack([stencil.errors(cells) for stencil in _heroes()])
    lowest = errors.min(0)
    if int((lowest < _HERO_DOUBT).sum()) != 1:
        return None
    cell = int(lowest.argmin())
    if lowest[cell] > _SURE:
        return None
    game, facing = _heroes()[int(errors[:, cell].argmin())].fact
    return game, (str(cell % CELLS), str(cell // CELLS)), facing


@cache
def _heroes() -> tuple[_Stencil, ...]:
    found = []
    for game, rules in GAMES.items():
        found += [
            _stencil((game, "right"), sprites.hero(rules.hero, "stand")),
            _stencil((game, "left"), sprites.hero(rules.hero, "stand", True)),
            _stencil((game, "away"), sprites.hero(rules.hero, "hang")),
        ]
    return tuple(found)


@cache
def _things(game: str) -> tuple[_Stencil, ...]:
    rules = GAMES[game]
    waiting, reached = sprites.LOOKS[rules.goal]
    return (
        _stencil(("coin",), sprites.thing(rules.coin)),
        _stencil(("foe",), sprites.thing(rules.foe)),
        _stencil(("goal", "waiting"), sprites.thing(waiting)),
        _stencil(("goal", "reached"), sprites.thing(reached)),
    )


def _stencil(fact: tuple[str, ...], sprite: sprites.Sprite) -> _Stencil:
    pixels = np.flatnonzero(sprite[..., 3].ravel() > 0)
    return _Stencil(fact, pixels, sprite.reshape(-1, 4)[pixels, :3].astype(np.float32))
