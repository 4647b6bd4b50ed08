"""Problems of the blocks world drawn here, and a model of pictures that knows the rules and errs where told to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from pandora.backbone import Said
from pandora.types import Clip, Sampler
from pandora.worlds.base import Frame, Meaning, PhraseSplit, Problem
from pandora.worlds.blocks import problems
from pandora.worlds.blocks.planning import BlocksPlanning
from pandora.worlds.blocks.state import BlocksState
from pandora.worlds.blocks.world import Blocks


@dataclass(frozen=True, eq=False)
class Shown:
    """A state of the knowing model."""

    scene: BlocksState
    frame: Frame
    seed: int

    def fork(self, seed: int) -> "Shown":
        return replace(self, seed=seed)


class Knowing:
    """Draws what the rules say, from a picture that it was shown before; `wrong` says where it shows noise instead."""

    def __init__(self, world: Blocks, wrong: Callable[[Shown, str], bool] = lambda state, action: False):
        self.world, self.wrong = world, wrong
        self.scenes: dict[bytes, BlocksState] = {}
        self._told: dict[str, BlocksState] = {}
        self.batches: list[int] = []

    def show(self, scene: BlocksState) -> Frame:
        frame = self.world.render(scene)
        self.scenes[frame.tobytes()] = scene
        return frame

    def begin(self, image: Frame, seed: int = 0) -> Shown:
        return Shown(self.scenes[image.tobytes()], image, seed)

    def step(
        self, states: Sequence[Shown], actions: Sequence[str], sampler: Sampler | None = None
    ) -> tuple[list[Shown], list[Clip]]:
        self.batches.append(len(states))
        after = [self._one(state, action) for state, action in zip(states, actions, strict=True)]
        return after, [Clip(frames=np.stack([state.frame] * 8), fps=8) for state in after]

    def describe(self, frames: Sequence[Frame]) -> list[Said]:
        return [Said(self._tell(self.scenes[frame.tobytes()]), 1.0) for frame in frames]

    def foresee(self, texts: Sequence[str], actions: Sequence[str]) -> list[Said]:
        self.batches.append(len(texts))
        if not self._told.keys() >= set(texts):  # words for what was seen, that were not asked for
            for scene in self.scenes.values():
                self._tell(scene)
        after = [self._after(self._told[text], action) for text, action in zip(texts, actions, strict=True)]
        return [Said(self._tell(scene), 0.9) for scene in after]

    def _tell(self, scene: BlocksState) -> str:
        text = self.world.planning().say_state(self.world.facts(scene))
        self._told[text] = scene
        return text

    def _one(self, state: Shown, action: str) -> Shown:
        scene = self._after(state.scene, action)
        frame = self.show(scene)
        return Shown(scene, np.full_like(frame, 127) if self.wrong(state, action) else frame, state.seed)

    def _after(self, scene: BlocksState, action: str) -> BlocksState:
        meaning = self.world.understand(scene, action)
        assert meaning is not None
        return self.world.advance(scene, meaning)


class Seeing(Blocks):
    """The blocks world, with scenes looked up by the pictures that a test has drawn: no test waits for a readout."""

    def __init__(self) -> None:
        self.drawn: dict[bytes, Any] = {}

    def render(self, scene: BlocksState) -> Frame:
        frame = np.zeros((4, 8, 3), np.uint8)
        frame.ravel()[:8] = np.frombuffer((hash(scene) % 2**63).to_bytes(8, "little"), np.uint8)
        self.drawn[frame.tobytes()] = self.facts(scene)
        return frame

    def say(self, scene: BlocksState, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        return str(meaning)

    def understand(self, scene: BlocksState, text: str) -> Meaning | None:
        return self.planning().meaning(text)

    def readout(self, frame: Frame) -> Any:
        return self.drawn.get(frame.tobytes())


@pytest.fixture(scope="session")
def world() -> Seeing:
    return Seeing()


@pytest.fixture(scope="session")
def planning(world: Seeing) -> BlocksPlanning:
    return BlocksPlanning()


@pytest.fixture(scope="session")
def drawn(planning: BlocksPlanning) -> list[Problem]:
    return [problems.pose(draft, 0, planning.say_goal) for draft in problems.generate(7, 24)]
