"""That nothing kept for evaluation is in a folder of shards: every episode is played again from its seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pandora.errors import InvalidInput
from pandora.training.episodes import NONSENSE, TRAINING_SEEDS, check_options, meant, replay
from pandora.training.shards import samples
from pandora.worlds import make_world
from pandora.worlds.base import Meaning, World


@dataclass(frozen=True)
class Checked:
    """What was played again; `placed` is the share of sentences that their world can tell the split of, 0..1."""

    episodes: int
    clips: int
    placed: float


def check(folder: Path) -> Checked:
    """Play the labels of a folder's shards again, without drawing them.

    Every seed is one of training and every scene one that training may see; every action can be done where it was done,
    is no held-out transition (`World.is_held_out`), and is as legal as its label says; no sentence is of the held-out
    phrasings or means something else, as far as the world can tell (`World.split_of`). Raises InvalidInput at the first
    that is otherwise, for films of others, which have no seed to be played from, and where there are no episodes.
    """
    clips, sentences, placed = [], 0, 0
    for shard in sorted(folder.glob("*.tar")):
        for sample in samples(shard):
            try:
                found = _Replay(sample.label()).run()
            except (InvalidInput, KeyError, TypeError, ValueError, AttributeError) as error:
                told = error if isinstance(error, InvalidInput) else f"its label is not of this layout: {error!r}"
                raise InvalidInput(f"{sample.key} in {folder}: {told}") from error
            clips.append(found.clips)
            sentences, placed = sentences + found.sentences, placed + found.placed
    if not clips:
        raise InvalidInput(f"{folder} has no episodes to check. Make some: pandora data make --out {folder}")
    return Checked(len(clips), sum(clips), placed / max(1, sentences))


class _Replay:
    """One episode by its label."""

    def __init__(self, label: Mapping[str, Any]):
        if "seed" not in label or "world" not in label:
            raise InvalidInput("it has no world and seed: films of others can't be played again.")
        if not 0 <= label["seed"] < TRAINING_SEEDS:
            raise InvalidInput(f"its seed is {label['seed']}; seeds of training are below {TRAINING_SEEDS}.")
        self.label = label
        self.world: World = _world(label["world"])
        check_options(self.world, dict(label.get("scene", {})))
        self.clips = len(label["actions"])
        self.sentences = self.placed = 0

    def run(self) -> "_Replay":
        played = zip(self.label["actions"], replay(self.world, self.label), strict=False)  # each in the scene before it
        for number, (action, scene) in enumerate(played, 1):
            try:
                self._check(scene, action)
            except InvalidInput as error:
                raise InvalidInput(f"action {number}: {error}") from None
        return self

    def _check(self, scene: Any, action: Mapping[str, Any]) -> None:
        meaning = meant(self.world, scene, action)
        if self.world.is_held_out(scene, meaning):
            raise InvalidInput(f"{meaning} is a held-out transition.")
        if (self.world.is_legal(scene, meaning) and action["verb"] != NONSENSE) != action["legal"]:
            raise InvalidInput(f"{meaning} is labelled against the rules.")
        for sentence in {action["text"], *action["sentences"]}:
            self._read(scene, sentence, None if action["verb"] == NONSENSE else meaning)

    def _read(self, scene: Any, sentence: str, meaning: Meaning | None) -> None:
        """Of a sentence that has a meaning there, or none."""
        split, understood = self.world.split_of(sentence), self.world.understand(scene, sentence)
        self.sentences += 1
        self.placed += split is not None
        if split == "held_out":
            raise InvalidInput(f"{meaning} is said in a held-out phrasing: {sentence!r}.")
        if meaning is None and understood in self.world.meanings(scene):
            raise InvalidInput(f"What should be nonsense is none: {sentence!r} means {understood}.")
        if meaning is not None and split is not None and understood is not None and understood != meaning:
            raise InvalidInput(f"{meaning} is said in other words: {sentence!r} means {understood}.")


_world = cache(make_world)
