"""Episodes with known truth, as shards on disk: frames, and beside them what was done and how it may be said.

A shard is `NNNNN.npy`, uint8 (E, 1 + clips * frames_per_action, H, W, 3), and `NNNNN.jsonl`, one line an episode:
{"seed", "actions": [{"meaning", "legal", "sentences": [...]}, ...]}. No transition of the world's hold-out and no
sentence of its held-out phrasings is ever written. The same seed gives the same shard.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pandora.config import Config
from pandora.worlds import make_world
from pandora.worlds.base import Frames, Meaning, World

TRAINING_SEEDS = 10**9  # training draws scenes from seeds below, evaluation from seeds above


@dataclass(frozen=True, kw_only=True)
class DataConfig(Config):
    """What `make` writes."""

    out: str = "data/blocks"
    world: str = "blocks"
    shards: int = 100
    first_shard: int = 0
    episodes: int = 128  # a shard
    clips: int = 6  # an episode
    sentences: int = 8  # phrasings kept for each action
    illegal: float = 0.18
    seed: int = 0


@dataclass(frozen=True)
class Episode:
    """A start picture and what followed: frames (1 + clips * frames_per_action, H, W, 3) uint8."""

    frames: Frames
    actions: list[dict[str, Any]]


def choose(world: World, scene: Any, rng: np.random.Generator, illegal: float) -> Meaning:
    """A training action: illegal with the given probability, never held out, fewer of the verbs without arguments."""
    for _ in range(1000):
        legal = rng.random() >= illegal
        try:
            meaning = world.sample(scene, rng, legal)
        except ValueError:
            continue
        if world.is_held_out(scene, meaning) or (not meaning.arguments and rng.random() < 0.6):
            continue
        return meaning
    raise RuntimeError("No action of this scene is outside the hold-out.")


def make_episode(world: World, config: DataConfig, seed: int) -> Episode:
    """One episode of random behaviour from a random scene."""
    rng, words = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    scene = world.reset(seed)
    frames, actions = [world.render(scene)[None]], []
    for _ in range(config.clips):
        meaning = choose(world, scene, rng, config.illegal)
        sentences = [world.say(scene, meaning, words) for _ in range(config.sentences)]
        outcome = world.step(scene, meaning)
        frames.append(outcome.frames)
        actions.append({"meaning": str(meaning), "legal": outcome.legal, "sentences": sentences})
        scene = outcome.scene
    return Episode(np.concatenate(frames), actions)


def make(config: DataConfig) -> Iterator[Path]:
    """Write the shards that are not there yet, and yield each one's path. A shard appears only when it is whole."""
    world = make_world(config.world)
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    for shard in range(config.first_shard, config.first_shard + config.shards):
        path = out / f"{shard:05d}.npy"
        if not path.exists():
            first = config.seed * 10_000_019 % TRAINING_SEEDS + shard * config.episodes
            seeds = [seed % TRAINING_SEEDS for seed in range(first, first + config.episodes)]
            episodes = [make_episode(world, config, seed) for seed in seeds]
            lines = [json.dumps({"seed": s, "actions": e.actions}) for s, e in zip(seeds, episodes, strict=True)]
            path.with_suffix(".jsonl").write_text("\n".join(lines) + "\n")
            with open(part := path.with_suffix(".part"), "wb") as file:
                np.save(file, np.stack([episode.frames for episode in episodes]))
            os.replace(part, path)
        yield path


def read_actions(path: Path) -> list[list[dict[str, Any]]]:
    """The actions of a shard's episodes, from its .jsonl."""
    with open(path.with_suffix(".jsonl")) as file:
        return [json.loads(line)["actions"] for line in file]
