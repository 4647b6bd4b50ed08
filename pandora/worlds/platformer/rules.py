"""The rules: where each action leads, cell by cell. Nothing is random, and everything that matters can be seen."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from pandora.worlds.base import Meaning
from pandora.worlds.platformer.state import AIR, LADDER, LIQUID, SOLID, SPIKES, THIN, Cell, Facing, Scene

VERBS = {
    "run_left": 0,
    "run_right": 0,
    "step_left": 0,
    "step_right": 0,
    "jump": 0,
    "jump_left": 0,
    "jump_right": 0,
    "climb_up": 0,
    "climb_down": 0,
    "wait": 0,
}
_SALT = 354  # with it every action is held out somewhere, and none that the shipped start pictures suggest
RUN, JUMP, CLIMB = 3, 2, 2  # cells that an action covers at most

How = Literal["run", "rise", "arc", "fall", "climb"]


@dataclass(frozen=True)
class Leg:
    """One cell further, and how. `took` is what was there: "coin", "foe", "goal" or ""."""

    cell: Cell
    how: How
    took: str = ""


@dataclass(frozen=True)
class Move:
    """What an action comes to. `lost`: the hero met something deadly at the end of the legs, and is back at the start.

    `bumped`: the cell that stopped him, where one did.
    """

    legs: tuple[Leg, ...]
    after: Scene
    lost: bool = False
    bumped: Cell | None = None


class _Walk:
    """A hero on the way: the legs so far, and what is left of the coins and foes."""

    def __init__(self, scene: Scene):
        self.scene, self.cell = scene, scene.hero
        self.coins, self.foes, self.reached = set(scene.coins), set(scene.foes), scene.reached
        self.legs: list[Leg] = []
        self.lost = False
        self.bumped: Cell | None = None

    def enter(self, cell: Cell, how: How) -> bool:
        """Go one cell on, and take what is there; False where the way is barred or the hero is lost."""
        kind, rules = self.scene.at(cell), self.scene.rules
        barred = kind == SOLID or cell[1] < 0 or (kind == THIN and how in ("run", "arc"))
        if cell in self.foes and not barred:
            beaten = (rules.slays and how == "run") or (rules.stomps and how == "fall")
            if how == "fall" and not beaten:
                self.legs.append(Leg(cell, how))
                self.lost = True
                return False
            barred = not beaten
        if barred:
            self.bumped = cell
            return False
        took = "foe" if cell in self.foes else "coin" if cell in self.coins else ""
        if cell == self.scene.goal and not self.reached:
            took, self.reached = "goal", True
        self.foes.discard(cell)
        self.coins.discard(cell)
        self.cell = cell
        self.legs.append(Leg(cell, how, took))
        self.lost = kind in (LIQUID, SPIKES)
        return not self.lost

    def settle(self) -> None:
        """Fall to what holds."""
        while not self.scene.holds(self.cell) and self.enter((self.cell[0], self.cell[1] + 1), "fall"):
            pass

    def run(self, side: int, cells: int) -> None:
        for _ in range(cells):
            if not self.enter((self.cell[0] + side, self.cell[1]), "run"):
                return
            if not self.scene.holds(self.cell):
                self.settle()
                return

    def jump(self) -> None:
        """Onto a thin platform overhead, else up and back to where it began."""
        (column, row), start = self.cell, self.cell
        if self.scene.climbs(start):
            self.bumped = (column, row - 1)
            return
        above = self.scene.at((column, row - 1))
        if above == THIN:
            landing = (column, row - 2)
            if row < JUMP or self.scene.at(landing) not in (AIR, LADDER) or landing in self.foes:
                self.bumped = (column, row - 1)
                return
            self.enter((column, row - 1), "rise")
            self.enter(landing, "rise")
            return
        for height in range(1, JUMP + 1):
            overhead = (column, row - height)
            if self.scene.at(overhead) == THIN or not self.enter(overhead, "rise"):
                self.bumped = overhead
                break
        while not self.lost and self.cell != start:
            self.enter((column, self.cell[1] + 1), "fall")

    def leap(self, side: int) -> None:
        """An arc: up one cell, across the game's span, and down to what holds."""
        column, row = self.cell
        if self.scene.at((column, row - 1)) in (SOLID, THIN) or row == 0:
            self.bumped = (column, row - 1)
            return
        if not self.enter((column, row - 1), "rise"):
            return
        for _ in range(self.scene.rules.span):
            if not self.enter((self.cell[0] + side, row - 1), "arc"):
                break
        if not self.lost and self.cell == (column, row - 1):
            self.enter((column, row), "fall")
        elif not self.lost:
            self.settle()

    def climb(self, down: int) -> None:
        """Along the ladder; upwards also onto its top, downwards off its foot only if there is ground."""
        for _ in range(CLIMB):
            column, row = self.cell
            target = (column, row + down)
            on = self.scene.at(target) == LADDER
            if down < 0:
                on = self.scene.at(self.cell) == LADDER and self.scene.at(target) in (LADDER, AIR) and row > 0
            if not on:
                self.bumped = None if self.legs else target
                return
            if not self.enter(target, "climb"):
                return


def move(scene: Scene, verb: str) -> Move:
    """The way that an action takes, and the scene at its end."""
    walk = _Walk(scene)
    side = -1 if verb.endswith("_left") else 1
    if verb.startswith("run"):
        walk.run(side, RUN)
    elif verb.startswith("step"):
        walk.run(side, 1)
    elif verb == "jump":
        walk.jump()
    elif verb.startswith("jump"):
        walk.leap(side)
    elif verb.startswith("climb"):
        walk.climb(1 if verb == "climb_down" else -1)
    if walk.lost:
        return Move(tuple(walk.legs), scene, lost=True, bumped=walk.bumped)
    after = replace(
        scene,
        hero=walk.cell,
        facing=_facing(scene, verb, walk.cell),
        coins=tuple(sorted(walk.coins)),
        foes=tuple(sorted(walk.foes)),
        reached=walk.reached,
    )
    return Move(tuple(walk.legs), after, bumped=walk.bumped)


def _facing(scene: Scene, verb: str, cell: Cell) -> Facing:
    if scene.climbs(cell):
        return "away"
    if verb.endswith("_left") or verb.endswith("_right"):
        return "left" if verb.endswith("_left") else "right"
    return scene.facing if scene.facing != "away" else "right"


def is_legal(scene: Scene, meaning: Meaning) -> bool:
    """Whether the action changes anything: what has no effect, or ends where it began, is a failure."""
    return meaning.verb == "wait" or move(scene, meaning.verb).after != scene


def is_held_out(scene: Scene, meaning: Meaning) -> bool:
    """A fifth of all (tile set, game, action) triples: so the fox may never have climbed in the desert."""
    text = f"{_SALT} {scene.tiles} {scene.game} {meaning}"
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") % 5 == 0
