"""A model that draws what the rules of the blocks world say, behind the face of the real one."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from pandora.backbone import Said
from pandora.errors import Cancelled
from pandora.media import encode_png
from pandora.novelty import Novelty
from pandora.types import Part, WorldState
from pandora.world_model import WorldModel
from pandora.worlds import make_world
from pandora.worlds.base import Facts, Frame
from pandora.worlds.blocks.readout import readout

WORLD = make_world("blocks")
PLANNING = WORLD.planning()
EXAMPLES = {example.id: example for example in WORLD.examples()}


@cache
def draw(scene: Any) -> Frame:
    return WORLD.render(scene)


@cache
def read(picture: bytes) -> Facts | None:
    return readout(np.frombuffer(picture, np.uint8).reshape(128, 128, 3))


class Ruled:
    """Knows the plainest sentences only; at others nothing happens.

    `wrong` says in which state which action goes wrong: its picture can't be read. `slow` makes each step wait.
    """

    name = "ruled"
    fingerprint = "ruled"
    speaks = True
    worlds = ("blocks",)
    config = SimpleNamespace(fps=8, height=128, width=128, frames_per_action=8)

    def __init__(self, wrong: Callable[[WorldState, str], bool] = lambda state, action: False):
        self.wrong = wrong
        self.slow = threading.Event()
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self._scenes = {draw(example.scene).tobytes(): example.scene for example in EXAMPLES.values()}

    def check_action(self, text: Any) -> str:
        return WorldModel.check_action(self, text)  # type: ignore[arg-type]

    def describe(self, frames: Sequence[Frame]) -> list[Said]:
        self.threads.add(threading.current_thread().name)
        seen = [read(np.ascontiguousarray(frame).tobytes()) for frame in frames]
        return [Said("a blur", 0.1) if facts is None else Said(PLANNING.say_state(facts), 0.8) for facts in seen]

    def foresee(self, texts: Sequence[str], actions: Sequence[str]) -> list[Said]:
        self.threads.add(threading.current_thread().name)
        return [Said(self._foretell(text, action), 0.9) for text, action in zip(texts, actions, strict=True)]

    def _foretell(self, text: str, action: str) -> str:
        known = {PLANNING.say_state(WORLD.facts(scene)): scene for scene in self._scenes.values()}
        scene, meaning = known.get(text), PLANNING.meaning(action)
        if scene is None or meaning is None:
            return text
        after = WORLD.advance(scene, meaning)
        self._scenes[draw(after).tobytes()] = after
        return PLANNING.say_state(WORLD.facts(after))

    def expert(self, name: str) -> "Ruled":
        return self

    def fingerprint_of(self, expert: str) -> str:
        return self.fingerprint

    @property
    def fingerprints(self) -> frozenset[str]:
        return frozenset((self.fingerprint,))

    def anticipate(self, text: str) -> None:
        pass

    def novelty(self, image: Any) -> Novelty | None:
        return None

    def expert_for(self, world: str) -> str:
        return ""

    def begin(self, image: Any, seed: int = 0, look: str | None = None, expert: str | None = None) -> WorldState:
        self.threads.add(threading.current_thread().name)
        frame = np.ascontiguousarray(image)
        return WorldState(
            seed=seed, step=0, actions=(), latents=torch.zeros(1, 1, 1, 1), frame=torch.from_numpy(frame.copy()),
            decoder_memory=(),
        )  # fmt: skip

    def stream(
        self, states: Sequence[WorldState], actions: Sequence[str], sampler: Any = None,
        should_stop: Callable[[], bool] = lambda: False, timings: dict[str, float] | None = None,
    ) -> Iterator[Part]:  # fmt: skip
        self.batches.append(list(actions))
        self.threads.add(threading.current_thread().name)
        while self.slow.is_set():
            if should_stop():
                raise Cancelled("stopped")
            threading.Event().wait(0.005)
        after = [self._one(state, action) for state, action in zip(states, actions, strict=True)]
        yield Part(index=0, frames=[np.stack([state.frame.numpy()] * 8) for state in after], states=after)

    def _one(self, state: WorldState, action: str) -> WorldState:
        picture = state.frame.numpy()
        scene = self._scenes.get(picture.tobytes())
        meaning = PLANNING.meaning(action)
        if scene is not None and meaning is not None:
            scene = WORLD.advance(scene, meaning)
            picture = draw(scene)
            self._scenes[picture.tobytes()] = scene
        if self.wrong(state, action):
            picture = np.full_like(picture, 127)
        return WorldState(
            seed=state.seed, step=state.step + 1, actions=(*state.actions, action), latents=state.latents,
            frame=torch.from_numpy(picture.copy()), decoder_memory=(),
        )  # fmt: skip


def write_scenes(folder: Path) -> Path:
    """A weights folder of start pictures alone."""
    (scenes := folder / "scenes").mkdir(parents=True)
    entries = [
        {"id": one.id, "world": "blocks", "title": one.title, "image": f"{one.id}.png", "suggestions": ["wait"]}
        for one in EXAMPLES.values()
    ]
    (scenes / "scenes.json").write_text(json.dumps(entries))
    for one in EXAMPLES.values():
        (scenes / f"{one.id}.png").write_bytes(encode_png(draw(one.scene)))
    return folder
