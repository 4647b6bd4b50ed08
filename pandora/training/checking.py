"""That nothing kept for evaluation is in a folder of shards: every episode is played again from its seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pandora.errors import InvalidInput
from pandora.training.episodes import TRAINING_SEEDS
from pandora.training.shards import samples
from pandora.worlds import make_world


@dataclass(frozen=True)
class Checked:
    """What was played again."""

    episodes: int
    clips: int


def check(folder: Path) -> Checked:
    """Play the labels of a folder's shards again, without drawing them.

    Every seed is one of training, every action can be done where it was done and is no held-out transition
    (`World.is_held_out`), and is as legal as its label says. Raises InvalidInput at the first that is otherwise, for
    films of others, which have no seed to be played from, and where there are no shards.
    """
    shards = sorted(folder.glob("*.tar"))
    if not shards:
        raise InvalidInput(f"{folder} has no shards to check. Make some: pandora data make --out {folder}")
    clips = [_check(sample.label(), sample.key) for shard in shards for sample in samples(shard)]
    return Checked(len(clips), sum(clips))


def _check(label: Mapping[str, Any], where: str) -> int:
    if "seed" not in label or "world" not in label:
        raise InvalidInput(f"{where} has no world and seed: films of others can't be played again.")
    if not 0 <= label["seed"] < TRAINING_SEEDS:
        raise InvalidInput(f"{where} has the seed {label['seed']}; seeds of training are below {TRAINING_SEEDS}.")
    world = _world(label["world"])
    scene = world.reset(label["seed"], **label.get("scene", {}))
    for number, action in enumerate(label["actions"], 1):
        meaning = next((known for known in world.meanings(scene) if str(known) == action["meaning"]), None)
        if meaning is None:
            raise InvalidInput(f"{where}: action {number}, {action['meaning']}, can't be meant there.")
        if world.is_held_out(scene, meaning):
            raise InvalidInput(f"{where}: action {number}, {action['meaning']}, is a held-out transition.")
        if world.is_legal(scene, meaning) != action["legal"]:
            raise InvalidInput(f"{where}: action {number}, {action['meaning']}, is labelled against the rules.")
        scene = world.advance(scene, meaning)
    return len(label["actions"])


_world = cache(make_world)
