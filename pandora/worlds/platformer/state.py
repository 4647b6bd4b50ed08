"""The scene as a value: the room, where everything is, and which game in which tile set it is.

A room is 8 rows of 8 cells of 16 x 16 pixels, from the top: "." air, "#" solid ground, "=" a thin platform that can be
jumped through from below, "H" a ladder, "~" water or worse, "^" spikes. A cell is (column, row), from the top left.
"""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from pandora.worlds.base import Fact, Facts

CELLS = 8  # a room is CELLS x CELLS cells
CELL = 16  # pixels
AIR, SOLID, THIN, LADDER, LIQUID, SPIKES = ".#=H~^"

Cell = tuple[int, int]
Facing = Literal["left", "right", "away"]  # away: on a ladder, with the back to the camera


@dataclass(frozen=True)
class Game:
    """A rule set. `span`: columns that a jump to the side crosses. `slays`: running into a foe beats it.

    `stomps`: landing on a foe beats it; where not, it sends the hero back to where the action began.
    """

    hero: str
    coin: str
    foe: str
    goal: str
    span: int = 2
    slays: bool = False
    stomps: bool = True


GAMES = {
    "quest": Game("explorer", "coin", "slime", "flag"),
    "siege": Game("knight", "gem", "imp", "chest", slays=True),
    "wilds": Game("fox", "cherry", "hedgehog", "campfire", span=3, stomps=False),
    "dive": Game("diver", "pearl", "crab", "oyster"),
}
HELD_OUT_GAME = "dive"
TILE_SETS = ("meadow", "forest", "desert", "ice", "cave", "castle", "candy", "rooftops", "volcano", "reef")
HELD_OUT_TILES = "volcano"
SUNKEN = "reef"  # the tile set of the held-out game alone
TRAINED_GAMES = tuple(name for name in GAMES if name != HELD_OUT_GAME)
TRAINED_TILES = tuple(name for name in TILE_SETS if name not in (HELD_OUT_TILES, SUNKEN))


@dataclass(frozen=True)
class Scene:
    """A resting scene. `coins` and `foes` are sorted; `look` draws what has no meaning: clouds, flowers, shades."""

    room: tuple[str, ...]
    hero: Cell
    goal: Cell
    facing: Facing = "right"
    coins: tuple[Cell, ...] = ()
    foes: tuple[Cell, ...] = ()
    reached: bool = False
    game: str = "quest"
    tiles: str = "meadow"
    look: int = 0

    @property
    def rules(self) -> Game:
        return GAMES[self.game]

    def at(self, cell: Cell) -> str:
        """What a cell is made of. The sides are walls, above is air, below is ground."""
        column, row = cell
        if not 0 <= column < CELLS or row >= CELLS:
            return SOLID
        return self.room[row][column] if row >= 0 else AIR

    def holds(self, cell: Cell) -> bool:
        """Whether a hero in this cell stays there: something to stand on, or a ladder to hang on."""
        column, row = cell
        return self.at(cell) == LADDER or self.at((column, row + 1)) in (SOLID, THIN, LADDER)

    def climbs(self, cell: Cell) -> bool:
        """Whether a hero at rest in this cell hangs on a ladder, with nothing to stand on."""
        column, row = cell
        return self.at(cell) == LADDER and self.at((column, row + 1)) not in (SOLID, THIN)


def facts(scene: Scene) -> Facts:
    """What an action can change, and where the goal is; columns and rows as digits. See `with_counts`."""
    x, y = scene.hero
    goal = ("goal", str(scene.goal[0]), str(scene.goal[1]), "reached" if scene.reached else "waiting")
    found = {("hero", str(x), str(y)), ("facing", scene.facing), goal}
    found |= {("coin", str(x), str(y)) for x, y in scene.coins}
    return with_counts(found | {("foe", str(x), str(y)) for x, y in scene.foes})


def with_counts(found: Set[Fact]) -> Facts:
    """The facts with what follows from them, so that a goal can ask for it wherever things are.

    How many ("coins", n) and ("foes", n) are left, and ("reached",) where the goal is.
    """
    kinds = Counter(fact[0] for fact in found)
    counts = {(kind, str(kinds[kind[:-1]])) for kind in ("coins", "foes")}
    reached = {("reached",)} if any(fact[0] == "goal" and fact[-1] == "reached" for fact in found) else set()
    return frozenset({*found, *counts, *reached})
