"""What is asked of a model: a start picture and actions with their true outcomes, drawn by number.

Scenes come from seeds that training never uses. The same (seed, kind, index) gives the same story.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from pandora.worlds.base import Facts, Frame, Frames, Meaning, PhraseSplit, World

FIRST_SEED = 10**9  # training draws its scenes from seeds below
_TRIES = 5000


@dataclass(frozen=True, eq=False)
class Turn:
    """One action and what truly follows: `frames` (T, H, W, 3) uint8 and the facts that they show."""

    meaning: Meaning
    sentence: str
    distraction: str  # a sentence said in another random scene, for the action-ablated model
    facts: Facts
    frames: Frames


@dataclass(frozen=True, eq=False)
class Story:
    """A start picture (H, W, 3) uint8, the facts that are shown where nothing is done, and the turns that follow."""

    seed: int
    start: Frame
    facts: Facts
    turns: tuple[Turn, ...]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Which single actions a row is about. `None` leaves a property open."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)  # of `World.reset`
    verb: str | None = None
    legal: bool = True
    changes: bool | None = True  # whether the clip shows anything else than if nothing was done
    held_out: bool | None = False  # whether training is kept from the transition
    phrasing: PhraseSplit = "train"


def kinds(world: World) -> list[Kind]:
    """The headline rows of a world: four or more about changes, and those where the state stays as it was."""
    rows = [
        Kind(name="next_state.in_distribution"),
        Kind(name="next_state.held_out_phrasings", phrasing="held_out"),
        Kind(name="next_state.held_out_transitions", held_out=True),
        *(Kind(name=f"next_state.{name}", options=options, held_out=None) for name, options in world.splits().items()),
        Kind(name="unchanged.illegal", legal=False, changes=False),
    ]
    return [*rows, Kind(name="unchanged.wait", verb="wait", changes=False)] if "wait" in world.verbs else rows


def draw(world: World, kind: Kind, seed: int, index: int, tries: int = _TRIES) -> Story:
    """The kind's story number `index`: one action. RuntimeError where the world has none of the kind."""
    rng = generator(seed, kind.name, index)
    for _ in range(tries):
        number, scene = new_scene(world, rng, kind.options)
        meaning = _choose(world, scene, kind, rng)
        if meaning is not None:
            story = tell(world, number, scene, meaning, world.say(scene, meaning, rng, kind.phrasing), rng)
            if kind.changes in (None, story.turns[0].facts != story.facts):
                return story
    raise RuntimeError(f"{world.name} has no action for {kind.name} in {tries} scenes.")


def draw_pair(world: World, seed: int, index: int) -> tuple[Story, Story]:
    """Two stories with one start and different legal actions; both change the state, each into another."""
    rng = generator(seed, "pairs", index)
    kind = Kind(name="pairs")
    for _ in range(_TRIES):
        number, scene = new_scene(world, rng)
        choices = [_choose(world, scene, kind, rng) for _ in range(2)]
        meanings = [meaning for meaning in choices if meaning is not None]
        if len(set(meanings)) < 2:
            continue
        one, two = (tell(world, number, scene, m, world.say(scene, m, rng), rng) for m in meanings)
        if len({one.facts, one.turns[0].facts, two.turns[0].facts}) == 3:
            return one, two
    raise RuntimeError(f"{world.name} has no two actions with different outcomes in {_TRIES} scenes.")


def draw_walk(world: World, seed: int, index: int, length: int) -> Story:
    """A start and `length` legal actions in a row, as the world samples them, in trained phrasings."""
    rng = generator(seed, "walk", index)
    number, scene = new_scene(world, rng)
    walk = Walk(world, number, scene)
    for _ in range(length):
        walk.go(world.sample(walk.scene, rng, legal=True), rng)
    return walk.story


class Walk:
    """A story in the making; `scene` is how far it has come."""

    def __init__(self, world: World, number: int, scene: Any):
        self.world, self.number, self.scene = world, number, scene
        self.start, self.facts = world.render(scene), still(world, scene)
        self.turns: list[Turn] = []

    def go(
        self, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train", sentence: str | None = None
    ) -> Turn:
        """One action further, in the given words or in a phrasing of the split."""
        world, scene = self.world, self.scene
        sentence = world.say(scene, meaning, rng, split) if sentence is None else sentence
        outcome = world.step(scene, meaning)
        shown = world.shown(scene, meaning, outcome.scene)
        self.turns.append(Turn(meaning, sentence, _distraction(world, rng), shown, outcome.frames))
        self.scene = outcome.scene
        return self.turns[-1]

    @property
    def story(self) -> Story:
        return Story(self.number, self.start, self.facts, tuple(self.turns))


def still(world: World, scene: Any) -> Facts:
    """What a clip shows in which nothing is done."""
    if "wait" not in world.verbs:
        return world.facts(scene)
    wait = Meaning("wait")
    return world.shown(scene, wait, world.advance(scene, wait))


def generator(seed: int, name: str, index: int) -> np.random.Generator:
    """Independent random numbers for every story."""
    return np.random.default_rng([seed, crc32(name.encode()), index])


def new_scene(world: World, rng: np.random.Generator, options: Mapping[str, Any] | None = None) -> tuple[int, Any]:
    """A scene outside training's range of seeds, and its seed."""
    number = FIRST_SEED + int(rng.integers(10**9))
    return number, world.reset(number, **(options or {}))


def tell(world: World, number: int, scene: Any, meaning: Meaning, sentence: str, rng: np.random.Generator) -> Story:
    """The story of one action, said in the given words."""
    walk = Walk(world, number, scene)
    walk.go(meaning, rng, sentence=sentence)
    return walk.story


def _choose(world: World, scene: Any, kind: Kind, rng: np.random.Generator) -> Meaning | None:
    """An action of the kind, or None; its facts after are not looked at, as that would need its frames."""
    try:
        meaning = world.sample(scene, rng, kind.legal)
    except ValueError:
        return None
    if kind.verb is not None:
        fitting = [m for m in world.meanings(scene) if m.verb == kind.verb and world.is_legal(scene, m) == kind.legal]
        if not fitting:
            return None
        meaning = fitting[rng.integers(len(fitting))]
    return meaning if kind.held_out in (None, world.is_held_out(scene, meaning)) else None


def _distraction(world: World, rng: np.random.Generator) -> str:
    _, scene = new_scene(world, rng)
    return world.say(scene, world.sample(scene, rng, legal=True), rng)
