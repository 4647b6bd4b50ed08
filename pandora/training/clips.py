"""Latent clips as the video stages read them: histories, targets, sentences and the frames the backbone looks at."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from pandora.errors import InvalidInput
from pandora.training.data import read_actions


@dataclass(frozen=True)
class Batch:
    """What one step needs: B clips, each with the latents before it."""

    history: Tensor  # (B, C, history, h, w) float32
    target: Tensor  # (B, C, chunk, h, w) float32
    frames: Tensor  # (B, H, W, 3) uint8: the picture before the action
    sentences: list[str]
    earlier: list[tuple[str, ...]]  # what was said before in the episode


class Emphasis:
    """How readily a clip is drawn: by how wrong the model lately was about its kind of action, against the worst kind.

    A kind is the action's verb, and whether the rules allow it. Kinds not yet seen are always taken. `stress` says
    whose errors count so many times: what looks wrong to the eye is not always what is far off in numbers.
    """

    def __init__(self, floor: float, memory: float = 0.98, stress: Mapping[str, float] | None = None):
        self.floor, self.memory, self.stress = floor, memory, dict(stress or {})
        self.errors: dict[str, float] = {}

    def learn(self, kinds: list[str], errors: list[float]) -> None:
        for kind, plain in zip(kinds, errors, strict=True):
            error = plain * self.stress.get(kind, 1.0)
            self.errors[kind] = error + self.memory * (self.errors.get(kind, error) - error)

    def chance(self, kind: str) -> float:
        """In `floor`..1: that a clip of this kind is taken when it comes up."""
        if kind not in self.errors:
            return 1.0
        return max(self.floor, self.errors[kind] / max(*self.errors.values(), 1e-9))


class Clips:
    """Every encoded shard of a folder, latents in memory, frames on disk. `refresh` takes up shards that came later."""

    def __init__(self, folder: str, history: int, chunk: int, frames_per_action: int = 8):
        self.folder = Path(folder)
        self.history, self.chunk, self.per_action = history, chunk, frames_per_action
        self.latents: list[Tensor] = []
        self.frames: list[np.ndarray] = []
        self.actions: list[list[list[dict]]] = []
        self.seen: set[Path] = set()
        self.refresh()
        if not self.latents:
            raise InvalidInput(
                f"No encoded shards in {folder}. Make and encode some: pandora data make, pandora data encode"
            )

    def refresh(self) -> None:
        for path in sorted(self.folder.glob("*.safetensors")):
            if path in self.seen:
                continue
            self.seen.add(path)
            with safe_open(str(path), "pt") as file:
                self.latents.append(file.get_tensor("latents"))
            self.frames.append(np.load(path.with_suffix(".npy"), mmap_mode="r"))
            self.actions.append(read_actions(path))

    @property
    def clips(self) -> int:
        """Clips in an episode."""
        return len(self.actions[0][0])

    @property
    def size(self) -> int:
        """Clips in all."""
        return sum(len(episodes) * self.clips for episodes in self.actions)

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """A random episode, as (shard, row)."""
        shard = int(rng.integers(len(self.latents)))
        return shard, int(rng.integers(len(self.latents[shard])))

    def kind(self, episode: tuple[int, int], clip: int) -> str:
        """What `Emphasis` tells apart."""
        action = self.actions[episode[0]][episode[1]][clip]
        return action["meaning"].split()[0] + ("" if action["legal"] else " (illegal)")

    def place(self, rng: np.random.Generator, emphasis: Emphasis) -> tuple[tuple[int, int], int]:
        """A random episode and clip, of which kinds that go well are passed over more often."""
        while True:
            episode, clip = self.draw(rng), int(rng.integers(self.clips))
            if rng.random() < emphasis.chance(self.kind(episode, clip)):
                return episode, clip

    def past(self, episode: tuple[int, int], clip: int) -> Tensor:
        """The true latents before clip number `clip`: (C, history, h, w); before the start the world stood still."""
        latents = self.latents[episode[0]][episode[1]]
        end = 1 + clip * self.chunk
        rows = [latents[:, max(0, index)] for index in range(end - self.history, end)]
        return torch.stack(rows, 1).float()

    def batch(
        self, episodes: list[tuple[int, int]], clips: list[int], histories: list[Tensor], rng: np.random.Generator
    ) -> Batch:
        """Collate, with a sentence drawn for each action and, for half of them, what was said before."""
        targets, frames, sentences, earlier = [], [], [], []
        for (shard, row), clip in zip(episodes, clips, strict=True):
            begin = 1 + clip * self.chunk
            targets.append(self.latents[shard][row][:, begin : begin + self.chunk].float())
            frames.append(torch.from_numpy(np.array(self.frames[shard][row, clip * self.per_action])))
            said = [action["sentences"] for action in self.actions[shard][row][: clip + 1]]
            spoken = [choices[rng.integers(len(choices))] for choices in said]
            sentences.append(spoken[-1])
            earlier.append(tuple(spoken[:-1]) if rng.random() < 0.5 else ())
        return Batch(torch.stack(histories), torch.stack(targets), torch.stack(frames), sentences, earlier)
