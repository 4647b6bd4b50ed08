"""True clips for a learned judge: what it sees of them and what they show, rendered as they are needed."""

import multiprocessing
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pandora.errors import InvalidInput, PandoraError
from pandora.training.data import TRAINING_SEEDS
from pandora.training.episodes import meant, replay
from pandora.training.filmcodec import decode_film
from pandora.training.shards import samples
from pandora.worlds import make_world
from pandora.worlds.base import Meaning, World
from pandora.worlds.probe import SHOWN, Labels, label, look

_ILLEGAL = 0.2  # share of random actions that the rules forbid
_AIMED = 0.25  # share of episodes that pursue a goal, where the world has any
_UNUSUAL = 0.2  # share of episodes in scenes unlike those that the world model is trained on
_NATURAL = 0.5  # share of random actions that are mixed as the world mixes them; verbs are even in the others
_RAREST = 50.0  # times that a value may be rarer than all clips, before it comes no more often
_WAITING = 4  # episodes that each process renders ahead


@dataclass(frozen=True, eq=False)
class Judged:
    """Clips as the judge sees them, (N, 5, H, W, 3) uint8, and the values they show, (N, A) int64."""

    looks: NDArray[np.uint8]
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


def episode(world: World, seed: int, clips: int, evaluation: bool = False) -> Judged:
    """The clips of one episode; the same seed gives the same ones. Seeds of training and evaluation never meet.

    A judge is an instrument: unlike the world model it may see held-out transitions and unusual scenes.
    """
    rng = np.random.default_rng([seed, 0x1D6E, int(evaluation)])
    number = TRAINING_SEEDS * int(evaluation) + int(rng.integers(TRAINING_SEEDS))
    unusual = list(world.splits().values())
    options = unusual[rng.integers(len(unusual))] if unusual and rng.random() < _UNUSUAL else {}
    scene = world.reset(number, **options)
    wanted = _aims(world, scene, rng)[:clips] if rng.random() < _AIMED else []
    start, looks, labels = world.render(scene), [], []
    for turn in range(clips):
        meaning = wanted[turn] if turn < len(wanted) else _random(world, scene, rng)
        outcome = world.step(scene, meaning)
        looks.append(look(start, outcome.frames))
        labels.append(label(world.attributes, world.shown(scene, meaning, outcome.scene)))
        scene, start = outcome.scene, outcome.frames[-1]
    return Judged(np.stack(looks), np.stack(labels))


def recorded(world: World, folders: Iterable[Path]) -> Iterator[Judged]:
    """The episodes of films that `pandora data make` wrote: what they show is played again from their labels.

    Raises InvalidInput for films of others, and of another world.
    """
    for shard in (shard for folder in folders for shard in sorted(folder.glob("*.tar"))):
        for sample in samples(shard):
            described = sample.label()
            if described.get("world") != world.name or "seed" not in described:
                raise InvalidInput(
                    f"{shard} has films that are not of the world {world.name}. Name folders of its own."
                )
            film, length = decode_film(sample.film().read(), sample.key), world.frames_per_action
            scenes = list(replay(world, described))
            looks, labels = [], []
            for turn, action in enumerate(described["actions"]):
                before, after = scenes[turn : turn + 2]
                clip = film[turn * length : (turn + 1) * length + 1]
                looks.append(look(clip[0], clip[1:]))
                labels.append(label(world.attributes, world.shown(before, meant(world, before, action), after)))
            yield Judged(np.stack(looks), np.stack(labels))


def gather(world: World, seed: int, count: int, clips: int) -> Judged:
    """`count` clips of evaluation scenes."""
    found = [episode(world, seed * 1_000_003 + i, clips, evaluation=True) for i in range(-(-count // clips))]
    return Judged(
        np.concatenate([some.looks for some in found])[:count], np.concatenate([s.labels for s in found])[:count]
    )


class Pool:
    """The clips at hand: the oldest give way to new ones, so that rendering keeps up with training."""

    def __init__(self, world: World, size: int):
        self.looks = np.empty((size, SHOWN, world.size, world.size, 3), np.uint8)
        self.labels = np.empty((size, len(world.attributes)), np.int64)
        self.seen = 0  # clips that ever came in

    def __len__(self) -> int:
        return min(self.seen, len(self.labels))

    def add(self, clips: Judged) -> None:
        places = np.arange(self.seen, self.seen + len(clips)) % len(self.labels)
        self.looks[places], self.labels[places] = clips.looks, clips.labels
        self.seen += len(clips)

    def draw(self, count: int, rng: np.random.Generator) -> Judged:
        """`count` clips; those that show anything rare come more often, by the root of how rare it is."""
        labels = self.labels[: len(self)]
        rarity = np.stack([len(column) / np.bincount(column)[column] for column in labels.T], 1).max(1)
        weights = np.sqrt(np.minimum(rarity, _RAREST))
        rows = rng.choice(len(self), count, p=weights / weights.sum())
        return Judged(self.looks[rows], self.labels[rows])


def episodes(world: World, first: int, clips: int, processes: int) -> Iterator[Judged]:
    """Episodes first, first + 1, …, the same whatever the number of processes; one renders them as they are asked for.

    Close the generator to end the processes. More than one need a world that is known by its name.
    """
    if processes == 1:
        while True:
            yield episode(world, first, clips)
            first += 1
    context = multiprocessing.get_context("spawn")
    queues = [context.Queue(_WAITING) for _ in range(processes)]
    running = [
        context.Process(target=_render, args=(world.name, first + i, processes, clips, queue), daemon=True)
        for i, queue in enumerate(queues)
    ]
    for process in running:
        process.start()
    try:
        while True:
            for queue in queues:
                found = queue.get()
                if isinstance(found, str):
                    raise PandoraError(f"A process that renders clips failed:\n{found}")
                yield found
    finally:
        for process in running:
            process.kill()


def _render(name: str, first: int, stride: int, clips: int, queue: Any) -> None:
    try:
        world = make_world(name)
        while True:
            queue.put(episode(world, first, clips))
            first += stride
    except BaseException:
        queue.put(traceback.format_exc())


def _aims(world: World, scene: Any, rng: np.random.Generator) -> list[Meaning]:
    try:
        return world.demonstrate(scene, rng)
    except InvalidInput:
        return []


def _random(world: World, scene: Any, rng: np.random.Generator) -> Meaning:
    """As the world acts by itself, or any verb as likely as another."""
    legal = bool(rng.random() >= _ILLEGAL)
    sample = world.sample if rng.random() < _NATURAL else partial(World.sample, world)
    try:
        return sample(scene, rng, legal)
    except ValueError:
        return sample(scene, rng)
