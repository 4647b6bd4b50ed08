"""Latent clips as the video stages read them: histories, targets, sentences and the frames the backbone looks at."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pandora.errors import InvalidInput
from pandora.training.encoded import SUFFIX, Encoded
from pandora.training.mixture import parse_mixture, pick
from pandora.training.store import OnDisk, Store
from pandora.video import keyframes

Place = tuple[int, int]  # an episode: the number of its shard, its row in it


@dataclass(frozen=True)
class Batch:
    """What one step needs: B clips, each with the latents before it."""

    history: Tensor  # (B, C, keyframes + history, h, w) float32
    target: Tensor  # (B, C, chunk, h, w) float32
    frames: Tensor  # (B, H, W, 3) uint8: the picture before the action
    sentences: list[str]
    earlier: list[tuple[str, ...]]  # what was said before in the episode
    works: Tensor  # (B,) bool: the rules allow the action


class Emphasis:
    """How readily a clip is drawn: by how wrong the model lately was about its kind, against the worst of its world.

    A kind is the world, the action's verb, and whether the rules allow it: "road/turn_left (illegal)". Kinds not yet
    seen are always taken. `stress` says whose errors count so many times, by kind, or by verb in whatever world: what
    looks wrong to the eye is not always what is far off in numbers.
    """

    def __init__(self, floor: float, memory: float = 0.98, stress: Mapping[str, float] | None = None):
        self.floor, self.memory, self.stress = floor, memory, dict(stress or {})
        self.errors: dict[str, float] = {}

    def learn(self, kinds: list[str], errors: list[float]) -> None:
        for kind, plain in zip(kinds, errors, strict=True):
            error = plain * self.stress.get(kind, self.stress.get(kind.rpartition("/")[2], 1.0))
            self.errors[kind] = error + self.memory * (self.errors.get(kind, error) - error)

    def chance(self, kind: str) -> float:
        """In `floor`..1: that a clip of this kind is taken when it comes up."""
        if kind not in self.errors:
            return 1.0
        world = kind.rpartition("/")[0]
        worst = max(error for other, error in self.errors.items() if other.rpartition("/")[0] == world)
        return max(self.floor, self.errors[kind] / max(worst, 1e-9))


def kind_of(label: Mapping[str, Any], clip: int) -> str:
    """What `Emphasis` tells apart: "road/turn_left", "road/turn_left (illegal)"."""
    action = label["actions"][clip]
    return f"{label['world']}/{action['verb']}" + ("" if action["legal"] else " (illegal)")


@dataclass
class _Source:
    """A folder of the mixture: its episodes, and its clips as (shard, row, clip)."""

    folder: Path
    weight: float
    episodes: list[Place] = field(default_factory=list)
    clips: list[tuple[int, int, int]] = field(default_factory=list)


class Clips:
    """Every encoded shard of one folder, or of several with weights ("data/blocks=2,data/road=1").

    Labels are in memory, latents and pictures in `store`. Episodes may differ in length. `refresh` takes up shards that
    came later; of each folder only the first `share` of the shards are read. An episode ends before its first action of
    a kind that is to do `without`. Raises InvalidInput where a folder has none, or has some of another autoencoder.
    """

    def __init__(
        self, data: str, history: int, chunk: int, frames_per_action: int = 8, keyframes: int = 0,
        store: Store | None = None, share: float = 1.0, without: Collection[str] = (),
    ):  # fmt: skip
        self.history, self.chunk, self.per_action, self.keyframes = history, chunk, frames_per_action, keyframes
        self.store, self.share, self.without = store or OnDisk(), share, frozenset(without)
        self.pasts: dict[Place, Tensor] = {}  # by `keyframes.trace`, of the episodes that were drawn so far
        self.sources = [_Source(folder, weight) for folder, weight in parse_mixture(data).items()]
        self.lengths: list[list[int]] = []  # of each shard's episodes, as far as they are used
        self.seen: set[Path] = set()
        self.refresh()
        for source in self.sources:
            if not source.clips:
                raise InvalidInput(
                    f"No encoded shards in {source.folder}. Make and encode some: pandora data make, then "
                    f"pandora data encode --data {source.folder}"
                )

    def refresh(self) -> None:
        for source in self.sources:
            paths = sorted(source.folder.glob(f"*{SUFFIX}"))
            for path in paths[: math.ceil(self.share * len(paths))]:
                if path not in self.seen:
                    self.seen.add(path)
                    self._take_up(source, Encoded(path))

    def _take_up(self, source: _Source, shard: Encoded) -> None:
        if not shard.labels:
            return
        made_by = shard.made_of.get("autoencoder")
        if self.shards and made_by != (other := self.shards[0]).made_of.get("autoencoder"):
            raise InvalidInput(
                f"{shard.path} and {other.path} were encoded by different autoencoders. Encode both by the same one: "
                f"pandora data encode --data {source.folder} --autoencoder …"
            )
        per_action = {int(label["frames_per_action"]) for label in shard.labels}
        if shard.chunk != self.chunk or per_action != {self.per_action}:
            raise InvalidInput(
                f"{shard.path} has {shard.chunk} latent frames and {sorted(per_action)} frames an action; this model "
                f"has {self.chunk} and {self.per_action}. Make or import the data with as many."
            )
        number = len(self.shards)
        self.store.take_up(shard)
        lengths = [self._allowed(label) for label in shard.labels]
        self.lengths.append(lengths)
        source.episodes += [(number, row) for row, count in enumerate(lengths) if count]
        source.clips += [(number, row, clip) for row, count in enumerate(lengths) for clip in range(count)]

    def _allowed(self, label: Mapping[str, Any]) -> int:
        """How many clips of an episode may be used."""
        kinds = [kind_of(label, clip) for clip in range(len(label["actions"]))]
        return next((clip for clip, kind in enumerate(kinds) if kind in self.without), len(kinds))

    @property
    def shards(self) -> list[Encoded]:
        return self.store.shards

    @property
    def size(self) -> int:
        """Clips in all."""
        return sum(len(source.clips) for source in self.sources)

    def length(self, episode: Place) -> int:
        """Clips in an episode."""
        return self.lengths[episode[0]][episode[1]]

    def latents(self, episode: Place) -> Tensor:
        """All latents of an episode: (C, 1 + clips * chunk, h, w) float32."""
        return self.shards[episode[0]].latents(episode[1], 0, 1 + self.length(episode) * self.chunk)

    def draw(self, rng: np.random.Generator) -> Place:
        """A random episode, which is walked through: a folder's clips then come as often as its weight says."""
        weights = [source.weight * len(source.episodes) / len(source.clips) for source in self.sources]
        episodes = self.sources[pick(weights, rng)].episodes
        return episodes[int(rng.integers(len(episodes)))]

    def kind(self, episode: Place, clip: int) -> str:
        """What `Emphasis` tells apart."""
        return kind_of(self.shards[episode[0]].labels[episode[1]], clip)

    def world(self, episode: Place) -> str:
        return self.shards[episode[0]].labels[episode[1]]["world"]

    def place(self, rng: np.random.Generator, emphasis: Emphasis) -> tuple[Place, int]:
        """A random episode and clip, of which kinds that go well are passed over more often.

        The folder is drawn first: emphasis does not change the weights of the mixture.
        """
        source = self.sources[pick([source.weight for source in self.sources], rng)]
        while True:
            shard, row, clip = source.clips[int(rng.integers(len(source.clips)))]
            if rng.random() < emphasis.chance(self.kind((shard, row), clip)):
                return (shard, row), clip

    def past(self, places: Sequence[tuple[Place, int]]) -> Tensor:
        """What the model remembers before clips, of the truth: (B, C, keyframes + history, h, w).

        Before the start the world stood still.
        """
        episodes = [episode for episode, _ in places]
        return self.store.latents(episodes, torch.stack([self._past(episode)[clip] for episode, clip in places]))

    def _past(self, episode: Place) -> Tensor:
        if episode not in self.pasts:
            every = torch.arange(1 + self.length(episode) * self.chunk)
            latents = self.store.latents([episode], every[None])[0] if self.keyframes else every[None, :, None, None]
            self.pasts[episode] = keyframes.trace(latents, self.keyframes, self.history, self.chunk)
        return self.pasts[episode]

    def batch(self, places: Sequence[tuple[Place, int]], history: Tensor, rng: np.random.Generator) -> Batch:
        """Clips beside the past they are told, with a sentence drawn for each action, for half of them those before."""
        episodes, clips = zip(*places, strict=True)
        sentences, earlier, works = [], [], []
        for (number, row), clip in places:
            actions = self.shards[number].labels[row]["actions"][: clip + 1]
            said = [action["sentences"] for action in actions]
            works.append(bool(actions[-1]["legal"]))
            spoken = [choices[rng.integers(len(choices))] for choices in said]
            sentences.append(spoken[-1])
            earlier.append(tuple(spoken[:-1]) if rng.random() < 0.5 else ())
        coming = 1 + torch.tensor(clips)[:, None] * self.chunk + torch.arange(self.chunk)
        target, frames = self.store.latents(episodes, coming), self.store.pictures(episodes, clips)
        return Batch(history, target, frames, sentences, earlier, torch.tensor(works))
