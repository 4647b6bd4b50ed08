"""The tabletop world: a robot gripper picks, places, stacks, pushes and drops blocks in MuJoCo."""

from dataclasses import replace
from math import cos, sin
from typing import Any

import numpy as np

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import Example, Facts, Frame, Frames, Meaning, Outcome, PhraseSplit, World
from pandora.worlds.tabletop import grammar, rules, state, telling
from pandora.worlds.tabletop.drawing import painter
from pandora.worlds.tabletop.examples import examples
from pandora.worlds.tabletop.goals import demonstrate
from pandora.worlds.tabletop.look import TABLES, UNSEEN_TABLES
from pandora.worlds.tabletop.motion import HOLDING, OPEN, Hand, script
from pandora.worlds.tabletop.physics import Course, Moment, physics
from pandora.worlds.tabletop.scenes import random_scene
from pandora.worlds.tabletop.state import TableScene
from pandora.worlds.towers import COLOURS

_ARM = 0.85  # share of random actions that are the arm's
_STILL_STEPS = 256  # of a course in which no block moves
_FADE = 0.75  # share of the clip in which the light changes


class Tabletop(World):
    """Scenes are `TableScene` values. See `World` for the calls.

    `reset` takes `blocks` (2..5; None: 2..4, as five are kept for evaluation), `light`, and `table`, a kind of table
    top (None: one of those of training). The rules decide what can be done; what then happens is MuJoCo's.
    """

    name = "tabletop"
    verbs = rules.VERBS
    arguments = COLOURS
    attributes = telling.ATTRIBUTES
    switches = ("light_on", "light_off")
    episode_clips = 8

    def reset(
        self,
        seed: int,
        *,
        blocks: int | None = None,
        light: bool | None = None,
        table: str | None = None,
        **options: Any,
    ) -> TableScene:
        if options:
            raise InvalidInput(f"Tabletop.reset has no option {', '.join(options)}; it takes blocks, light and table.")
        if blocks is not None and not 2 <= blocks <= 5:
            raise InvalidInput(f"blocks is {blocks}; it must be 2 to 5.")
        if table is not None and table not in TABLES + UNSEEN_TABLES:
            raise UnknownName("table top", table, TABLES + UNSEEN_TABLES)
        return random_scene(seed, blocks, light, table)

    def render(self, scene: TableScene) -> Frame:
        return self._paint(scene, _rest(scene))

    def step(self, scene: TableScene, meaning: Meaning) -> Outcome:
        self._check(meaning)
        course, after = _happens(scene, meaning)
        moments = [_lit(moment, scene, after, (i + 1) / self.frames_per_action)
                   for i, moment in enumerate(course.frames(self.frames_per_action))]  # fmt: skip
        frames = [self._paint(scene, moment) for moment in [*moments[:-1], _rest(after)]]
        return Outcome(after, np.stack(frames), self.is_legal(scene, meaning))

    def advance(self, scene: TableScene, meaning: Meaning) -> TableScene:
        self._check(meaning)
        return _happens(scene, meaning)[1]

    def meanings(self, scene: TableScene) -> list[Meaning]:
        """Every verb with every choice of distinct blocks of the scene."""
        blocks = scene.blocks
        pairs = [(a, b) for a in blocks for b in blocks if a != b]
        choices = {0: [()], 1: [(block,) for block in blocks], 2: pairs}
        return [Meaning(verb, arguments) for verb, count in self.verbs.items() for arguments in choices[count]]

    def is_legal(self, scene: TableScene, meaning: Meaning) -> bool:
        return rules.is_legal(scene, meaning)

    def say(self, scene: TableScene, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        return grammar.say(scene, meaning, rng, split)

    def sample(self, scene: TableScene, rng: np.random.Generator, legal: bool | None = None) -> Meaning:
        """As `World.sample`, but mostly actions of the arm: switching the light and waiting are one in eight."""
        if rng.random() < _ARM:
            choices = [m for m in self.meanings(scene) if m.arguments and legal in (None, self.is_legal(scene, m))]
            if choices:
                verbs = sorted({meaning.verb for meaning in choices})
                verb = verbs[rng.integers(len(verbs))]
                fitting = [meaning for meaning in choices if meaning.verb == verb]
                return fitting[rng.integers(len(fitting))]
        return super().sample(scene, rng, legal)

    def understand(self, scene: TableScene, text: str) -> Meaning | None:
        """Reads every sentence of the grammar; what it leaves open ("put it down") is filled in from the scene."""
        return grammar.parse(scene, text) or super().understand(scene, text)

    def split_of(self, text: str) -> PhraseSplit | None:
        return grammar.grammar().split_of(text)

    def facts(self, scene: TableScene) -> Facts:
        return state.facts(scene)

    def shown(self, scene: TableScene, meaning: Meaning, after: TableScene) -> Facts:
        return telling.shown(scene, meaning, after)

    def readout(self, frame: Frame) -> Facts | None:
        """The relations (what stands on what, what is held, the light); places are not read from pixels."""
        read = self.read(frame, np.repeat(frame[None], self.frames_per_action, 0))
        return None if read is None else telling.relations_of(read)

    def read(self, start: Frame, frames: Frames) -> Facts | None:
        from pandora.worlds import probe

        return probe.load(self.name).read(start, frames)

    def confidence(self, start: Frame, frames: Frames) -> float:
        from pandora.worlds import probe

        return probe.load(self.name).confidence(start, frames)

    def is_held_out(self, scene: TableScene, meaning: Meaning) -> bool:
        return rules.is_held_out(scene, meaning)

    def demonstrate(self, scene: TableScene, rng: np.random.Generator) -> list[Meaning]:
        """Legal actions, one after the other, that build random new towers, tidily or by shoving and dropping."""
        return demonstrate(scene, rng, self.advance)

    def splits(self) -> dict[str, dict[str, Any]]:
        return {"held_out_block_count": {"blocks": 5}, "held_out_table": {"table": UNSEEN_TABLES[0]}}

    def examples(self) -> list[Example]:
        return examples()

    def _paint(self, scene: TableScene, moment: Moment) -> Frame:
        return painter().paint(moment, scene.look, scene.table)

    def _check(self, meaning: Meaning) -> None:
        if meaning.verb not in self.verbs:
            raise UnknownName("verb of the tabletop world", meaning.verb, self.verbs)
        if (given := len(meaning.arguments)) != (wanted := self.verbs[meaning.verb]):
            raise InvalidInput(f"{meaning.verb} takes {wanted} blocks, not {given}.")
        for block in meaning.arguments:
            if block not in COLOURS:
                raise UnknownName("block", block, COLOURS)


def _happens(scene: TableScene, meaning: Meaning) -> tuple[Course, TableScene]:
    """The course of an action, and the resting scene after it: the same where nothing can change."""
    way = script(scene, meaning)
    legal = rules.is_legal(scene, meaning)
    if not legal or not meaning.arguments:
        light = scene.light if not legal or meaning.verb == "wait" else meaning.verb == "light_on"
        return Course(
            _STILL_STEPS, lambda i: _still(scene, way.at(way.seconds * (i + 1) / _STILL_STEPS)), True
        ), replace(scene, light=light)
    course = physics().run(scene, way)
    last = course.moment(course.steps - 1)
    after = replace(scene.moved(last.poses), hand=last.hand.at[:2], holding=last.hand.holds)
    return course, after


def _still(scene: TableScene, hand: Hand) -> Moment:
    """The resting blocks with the hand elsewhere; what it holds is carried along."""
    poses = dict(scene.pose)
    if scene.holding:
        poses[scene.holding] = state.Pose(hand.at, (cos(hand.yaw / 2), 0.0, 0.0, sin(hand.yaw / 2)))
    return Moment(poses, hand, float(scene.light))


def _rest(scene: TableScene) -> Moment:
    grip = HOLDING if scene.holding else OPEN
    return _still(scene, Hand((*scene.hand, state.HOVER), 0.0, grip, scene.holding, False))


def _lit(moment: Moment, before: TableScene, after: TableScene, time: float) -> Moment:
    part = min(1.0, time / _FADE)
    part = part * part * (3 - 2 * part)
    return replace(moment, light=before.light + (after.light - before.light) * part)
