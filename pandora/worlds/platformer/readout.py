"""Facts from pixels: every cell against every sprite that can rest in it, knowing nothing of the room.

Sprites are compared by means of 2 x 2 pixels: what a decoder blurs is still told apart, as a half-drawn sprite is.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.base import Facts, Frame, Frames
from pandora.worlds.platformer import sprites
from pandora.worlds.platformer.state import CELL, CELLS, GAMES, with_counts

_SIDE = 2  # pixels of a patch that is compared
_SURE = 30.0  # levels of 255 that a sprite's patches differ at most, root mean square, where it is there
_GROUND = 24.0  # what the ground differs from a goal at least
_HEAD_SURE, _HEAD_GONE = 56.0, 27.0  # the same for a head on the move, and above which there may be none
_DOUBT = 34.0  # below this something is half there, and the picture shows no state
_CLEARLY = 0.9  # how much less the goal's patches differ than those of any other cell
_HERO_DOUBT = 40.0  # the same for the hero, who resembles nothing else
ARC = 9  # pixels above the higher end of the way from which on it was an arc
GONE = slice(4, 6)  # frames in which a hero who is lost is not to be seen
_WRECKED = 28.0  # what the patches of a cell with nothing in it, before or after, may differ by at the end of a clip
_FAR = 2  # cells that a hero may have gone before he is lost
_HEAD, _MARGIN = 10, 8  # rows of a sprite that are its head; how far it may stick out of the picture
_FEW, _ROUGH = 8, 75.0  # patches that are looked at first, and how far they may be off
Cells = NDArray[np.float32]  # (64, 8 * 8, 3), the patches of each


@dataclass(frozen=True, eq=False)
class _Stencil:
    """A sprite to look for: its colours (P, 3) float32 at its P opaque patches, given by their indices in the cell."""

    fact: tuple[str, ...]
    patches: NDArray[np.intp]
    colours: NDArray[np.float32]

    def errors(self, cells: Cells) -> NDArray[np.float32]:
        """The root mean squared difference in every cell, (64,), in levels of 255."""
        difference = cells[:, self.patches] - self.colours
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
    free = np.arange(len(cells)) != int(place[0]) + CELLS * int(place[1])
    found = {("hero", *place), ("facing", facing)}
    waiting, reached, *others = (np.where(free, stencil.errors(cells), np.inf) for stencil in _things(game))
    for cell in np.flatnonzero(np.min(others, 0) < _DOUBT).tolist():
        best = min(range(len(others)), key=lambda index: others[index][cell])
        if others[best][cell] > _SURE:
            return None
        found.add((_things(game)[2 + best].fact[0], *_place(cell)))
    # There is one goal. A hero in front of it hides it, and has reached it.
    first, second = np.sort(np.minimum(waiting, reached))[:2]
    if first > min(_SURE, _CLEARLY * second):
        return with_counts({*found, ("goal", *place, "reached")}) if first > _GROUND else None
    cell = int(np.minimum(waiting, reached).argmin())
    return with_counts({*found, ("goal", *_place(cell), "waiting" if waiting[cell] < reached[cell] else "reached")})


def _place(cell: int) -> tuple[str, str]:
    return str(cell % CELLS), str(cell // CELLS)


def read_clip(start: Frame, frames: Frames) -> Facts | None:
    """The facts at the end, with ("arced",) and ("lost",) where the hero did that on the way.

    None as in `read`, and where ground, ladders or sky are no longer what they were.
    """
    hero = _hero(_cells(start)) if start.shape == frames.shape[1:] else None
    after = read(frames[-1])
    if hero is None or after is None or _wrecked(start, frames[-1], after):
        return None
    game, (left, top), _ = hero
    right, bottom = next(fact[1:] for fact in after if fact[0] == "hero")
    first, last = sorted((int(left) * CELL, int(right) * CELL))
    way = range(first, last + 1)
    heads = [_head(frame, game, way) for frame in frames[:-1]]  # (how much it differs, where it begins)
    # A lost hero is gone for as long, and then where he began; how he left is seen farther off.
    lost = (left, top) == (right, bottom) and all(error > _HEAD_GONE for error, _ in heads[GONE])
    if lost:
        way = range(first - _FAR * CELL, last + _FAR * CELL + 1)
        heads = [_head(frame, game, way) for frame in frames[: GONE.start]]
    base, sure = min(int(top), int(bottom)) * CELL, _HEAD_GONE if lost else _HEAD_SURE
    arced = any(error < sure and base - height >= ARC for error, height in heads)
    return after | ({("arced",)} if arced else set()) | ({("lost",)} if lost else set())


def _wrecked(start: Frame, end: Frame, after: Facts) -> bool:
    """Whether a cell differs in which nothing stands at the end, nor stood in the beginning."""
    errors = np.sqrt(np.square(_cells(end) - _cells(start)).mean((1, 2)))
    taken = [
        fact[1:3] for facts in (after, read(start) or frozenset()) for fact in facts if len(fact) > len(("x", "y"))
    ]
    errors[[int(left) + CELLS * int(top) for left, top in taken]] = 0
    return bool(errors.max() > _WRECKED)


def _cells(frame: Frame) -> Cells:
    half = CELL // _SIDE
    patches = frame.reshape(CELLS, half, _SIDE, CELLS, half, _SIDE, 3).astype(np.float32).mean((2, 5))
    return patches.swapaxes(1, 2).reshape(CELLS * CELLS, half * half, 3)


def _patches(sprite: sprites.Sprite) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which patches of a sprite (H, W, 4) are opaque throughout, (H / 2, W / 2), and the mean colours of all."""
    rows, columns = sprite.shape[0] // _SIDE, sprite.shape[1] // _SIDE
    cut = sprite.reshape(rows, _SIDE, columns, _SIDE, 4)
    return np.all(cut[..., 3] > 0, axis=(1, 3)), cut[..., :3].astype(np.float32).mean((1, 3))


def _head(frame: Frame, game: str, way: range) -> tuple[float, int]:
    """How much what looks most like the hero's head differs from it, and the row of pixels where his sprite begins.

    `way` are the columns of pixels where his sprite may begin, give or take `_MARGIN`.
    """
    picture = np.pad(frame.astype(np.float32), ((_MARGIN, 0), (_MARGIN, _MARGIN), (0, 0)), mode="edge")
    picture = picture[:, max(way.start, 0) : max(way.stop, 1) + 2 * _MARGIN + CELL]
    steps = range(_SIDE)
    high, wide = (size - _SIDE + 1 for size in picture.shape[:2])
    picture = np.mean([picture[y : y + high, x : x + wide] for y in steps for x in steps], 0)
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
    rows, columns = high - _HEAD + _SIDE, wide - CELL + _SIDE
    best, height = np.inf, 0
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
    return best, height


@cache
def _heads(game: str) -> tuple[tuple[tuple[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float32]], ...]:
    """Of each side of a hero's head: the rows and columns at which its patches begin, and their colours."""
    found = []
    for pose, left in (("stand", False), ("stand", True), ("hang", False), ("hang", True)):
        opaque, colours = _patches(sprites.hero(GAMES[game].hero, pose, left)[:_HEAD])
        y, x = np.nonzero(opaque)
        found.append(((y * _SIDE, x * _SIDE), colours[opaque]))
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
    return game, _place(cell), facing


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
        _stencil(("goal", "waiting"), sprites.thing(waiting)),
        _stencil(("goal", "reached"), sprites.thing(reached)),
        _stencil(("coin",), sprites.thing(rules.coin)),
        _stencil(("foe",), sprites.thing(rules.foe)),
    )


def _stencil(fact: tuple[str, ...], sprite: sprites.Sprite) -> _Stencil:
    opaque, colours = _patches(sprite)
    return _Stencil(fact, np.flatnonzero(opaque), colours[opaque])
