"""A world of a few lines, and a model that knows it: what the evaluation says about them is known beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from pandora.types import Clip, Sampler
from pandora.worlds.base import Facts, Frame, Frames, Meaning, Outcome, PhraseSplit, World

CELLS, CELL = 8, 16
COLOURS = {"red": (220, 40, 40), "blue": (40, 60, 220), "green": (40, 180, 60)}
WORDS = {
    "right": {"train": ("move {} right", "{} goes right"), "held_out": ("shift {} rightwards",)},
    "left": {"train": ("move {} left",), "held_out": ("shift {} leftwards",)},
    "light_on": {"train": ("light on",), "held_out": ("make it bright",)},
    "light_off": {"train": ("light off",), "held_out": ("make it dark",)},
    "wait": {"train": ("wait",), "held_out": ("do nothing",)},
}


@dataclass(frozen=True)
class Scene:
    places: tuple[tuple[str, int], ...]
    light: bool


class Strips(World):
    """Coloured squares, each on its own strip of eight cells, moved a cell left or right; and a light."""

    name = "strips"
    size = CELLS * CELL
    verbs = {"right": 1, "left": 1, "light_on": 0, "light_off": 0, "wait": 0}
    arguments = tuple(COLOURS)

    def reset(self, seed: int, *, squares: int = 2, **options: Any) -> Scene:
        rng = np.random.default_rng(seed)
        names = sorted(str(name) for name in rng.permutation(self.arguments)[:squares])
        return Scene(tuple((name, int(rng.integers(CELLS))) for name in names), bool(rng.random() < 0.7))

    def splits(self) -> dict[str, dict[str, Any]]:
        return {"held_out_count": {"squares": 3}}

    def render(self, scene: Scene) -> Frame:
        frame = np.full((self.size, self.size, 3), 200 if scene.light else 100, np.uint8)
        for name, cell in scene.places:
            row = 2 * self.arguments.index(name) * CELL
            frame[row : row + CELL, cell * CELL : (cell + 1) * CELL] = COLOURS[name]
        return frame

    def step(self, scene: Scene, meaning: Meaning) -> Outcome:
        legal, after = self.is_legal(scene, meaning), scene
        if legal and meaning.verb.startswith("light"):
            after = replace(scene, light=meaning.verb == "light_on")
        elif legal and meaning.arguments:
            by = 1 if meaning.verb == "right" else -1
            after = replace(scene, places=tuple((n, c + by * (n in meaning.arguments)) for n, c in scene.places))
        frames = np.stack([self.render(scene)] * (self.frames_per_action // 2) + [self.render(after)] * 4)
        return Outcome(after, frames, legal)

    def meanings(self, scene: Scene) -> list[Meaning]:
        moves = [Meaning(verb, (name,)) for verb in ("right", "left") for name, _ in scene.places]
        return [*moves, *(Meaning(verb) for verb in ("light_on", "light_off", "wait"))]

    def is_legal(self, scene: Scene, meaning: Meaning) -> bool:
        if not meaning.arguments:
            return True
        cell = dict(scene.places)[meaning.arguments[0]]
        return cell < CELLS - 1 if meaning.verb == "right" else cell > 0

    def say(self, scene: Scene, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        choices = WORDS[meaning.verb][split]
        return choices[rng.integers(len(choices))].format(*meaning.arguments)

    def facts(self, scene: Scene) -> Facts:
        return frozenset({("light", str(scene.light)), *(("at", name, str(cell)) for name, cell in scene.places)})

    def readout(self, frame: Frame) -> Facts | None:
        scene = self.see(frame)
        return None if scene is None else self.facts(scene)

    def see(self, frame: Frame) -> Scene | None:
        """The scene that looks like the frame, give or take twenty levels."""
        light = bool(frame[-1, -1, 0] > 150)
        places = []
        for name in self.arguments:
            row = frame[2 * self.arguments.index(name) * CELL + 1, 1::CELL].astype(int)
            places += [(name, cell) for cell in range(CELLS) if np.abs(row[cell] - COLOURS[name]).max() < 20]
        scene = Scene(tuple(sorted(places)), light)
        wrong = np.abs(self.render(scene).astype(int) - frame).max() > 20
        return None if wrong or len(dict(places)) != len(places) else scene

    def is_held_out(self, scene: Scene, meaning: Meaning) -> bool:
        return sum(cell for _, cell in scene.places) % 5 == 0 and meaning.verb == "right"


class Knowing:
    """A model that sees the scene, understands every phrasing, and applies the rules; a share of the times it errs."""

    def __init__(self, world: Strips, errs: float = 0.0):
        self.world, self.errs, self.rng = world, errs, np.random.default_rng(0)
        self.asked: list[str] = []

    def begin(self, image: Frame, seed: int = 0) -> Frame:
        return image

    def step(
        self, states: Sequence[Frame], actions: Sequence[str], sampler: Sampler | None = None
    ) -> tuple[list[Frame], list[Clip]]:
        clips = [Clip(frames=self._clip(s, a), fps=8) for s, a in zip(states, actions, strict=True)]
        self.asked += actions
        return [clip.frames[-1] for clip in clips], clips

    def _clip(self, frame: Frame, action: str) -> Frames:
        scene = self.world.see(frame)
        assert scene is not None
        meaning = self._understand(action)
        unknown = [name for name in meaning.arguments if name not in dict(scene.places)]
        if unknown or self.rng.random() < self.errs:
            return np.stack([frame] * 8)
        return self.world.step(scene, meaning).frames

    def _understand(self, action: str) -> Meaning:
        for verb, splits in WORDS.items():
            for form in (*splits["train"], *splits["held_out"], f"please {verb} {{}}"):
                for name in self.world.arguments:
                    if form.format(name) == action:
                        return Meaning(verb, (name,) if self.world.verbs[verb] else ())
        raise AssertionError(action)


@pytest.fixture(scope="session")
def world() -> Strips:
    return Strips()
