"""Training data of the worlds: `pandora data make` fills a folder a world with episodes of known truth.

The same seed gives the same shards, whatever the number of processes. See pandora/training/episodes.py for what an
episode holds and what never is in one, and pandora/training/dataset.py for the layout.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from pandora import __version__
from pandora.errors import InvalidInput, UnknownName
from pandora.training import datacard
from pandora.training.dataset import begin, fill, shard_path
from pandora.training.episodes import TRAINING_SEEDS, Episode, EpisodeConfig, choose, make_episode
from pandora.training.filmcodec import CODEC, encode_film
from pandora.training.shards import NewSample
from pandora.worlds import make_world, world_names
from pandora.worlds.base import World

__all__ = ["TRAINING_SEEDS", "DataConfig", "Episode", "EpisodeConfig", "choose", "make", "make_episode"]

ALL = "all"
_SEED_STRIDE = 10_000_019
_SHAPES_DATA = ("length", "episodes", "sentences", "illegal", "goals", "seed")  # settings that a folder is of


@dataclass(frozen=True, kw_only=True)
class DataConfig(EpisodeConfig):
    """What `make` writes."""

    world: tuple[str, ...] = ("blocks",)  # repeat for several, or all: each has a folder of its own
    out: str = ""  # folder of one world, or of the folders of several; without it data/WORLD
    clips: int = 20_000  # of each world; ask for more later, and they are added
    episodes: int = 64  # a shard
    seed: int = 0
    processes: int = 0  # that draw; 0: as many as cores


def make(config: DataConfig) -> Iterator[Path]:
    """Write the shards that are not there yet, and a data card; yields each world's folder as it is complete."""
    for name, folder in folders(config).items():
        make_one(make_world(name), config, folder)
        yield folder


def folders(config: DataConfig) -> dict[str, Path]:
    """Where the data of each world goes. Raises UnknownName."""
    names = world_names() if ALL in config.world else list(dict.fromkeys(config.world))
    if unknown := [name for name in names if name not in world_names()]:
        raise UnknownName("world", unknown[0], [*world_names(), ALL])
    if len(names) == 1 and config.out:
        return {names[0]: Path(config.out)}
    return {name: Path(config.out or "data") / name for name in names}


def make_one(world: World, config: DataConfig, folder: Path, until: int | None = None) -> None:
    """One world's folder, of whole episodes: at least `config.clips` clips, or the first `until` shards of them."""
    if config.clips < 1 or config.episodes < 1 or not _are_shares(config):
        raise InvalidInput("Ask for at least one clip and one episode a shard; shares are from 0 to 1.")
    config = replace(config, length=config.actions_in(world))
    world.reset(0, **config.options_for(world))  # a wrong option is told before any work
    count = math.ceil(config.clips / config.length)
    settings = {
        "kind": "world",
        "world": world.name,
        "fps": world.fps,
        "frames_per_action": world.frames_per_action,
        "size": world.size,
        "codec": CODEC,
        **{name: getattr(config, name) for name in _SHAPES_DATA},
        **({"scene": list(config.scene)} if config.scene else {}),
        **({"nonsense": config.nonsense} if config.nonsense else {}),
        "clips": count * config.length,
        "made_with": f"pandora {__version__}",
    }
    before = begin(folder, settings, growing=("clips",))
    if before is not None:
        _make_room(folder, int(before["clips"]) // config.length, count, config.episodes)
    tasks = [(world.name, config, number) for number in range(count)]
    shards = [tasks[first : first + config.episodes] for first in range(0, count, config.episodes)]
    shards = shards[:until]
    for _ in fill(folder, shards, _make_sample, config.processes):
        pass
    datacard.write(folder)


def _are_shares(config: DataConfig) -> bool:
    return all(0 <= share <= 1 for share in (config.illegal, config.nonsense, config.goals))


def _make_room(folder: Path, before: int, now: int, episodes: int) -> None:
    """Drop the last shard where it was not full and shall hold more. Raises InvalidInput where the folder has more."""
    if now < before:
        raise InvalidInput(f"{folder} has {before} episodes already, and {now} were asked for. Give another --out.")
    if now > before and before % episodes:
        last = shard_path(folder, before // episodes)
        for path in (last, last.with_suffix(".safetensors")):
            path.unlink(missing_ok=True)


@lru_cache(maxsize=2)
def _world(name: str) -> World:
    return make_world(name)  # a process keeps its simulator from episode to episode


def _make_sample(task: tuple[str, DataConfig, int]) -> Sequence[NewSample]:
    name, config, number = task
    world, seed = _world(name), (config.seed * _SEED_STRIDE + number) % TRAINING_SEEDS
    episode = make_episode(world, config, seed)
    label = {
        "world": name,
        "seed": seed,
        **({"scene": config.options_for(world)} if config.scene else {}),
        "fps": world.fps,
        "frames_per_action": world.frames_per_action,
        "behaviour": episode.behaviour,
        "actions": episode.actions,
    }
    return [NewSample(f"{name}-{number:07d}", encode_film(episode.frames, world.fps), label)]
