"""A contact sheet of training data: a row an action, with its sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pandora.errors import InvalidInput
from pandora.media import Frame, Frames, contact_sheet
from pandora.training.episodes import EpisodeConfig, make_episode
from pandora.training.filmcodec import decode_film
from pandora.training.shards import samples
from pandora.worlds import make_world, world_names

ALL = "all"
_COLUMNS, _EXAMPLES = 9, 6


@dataclass(frozen=True)
class Shown:
    """An episode as the sheet has it: frames (1 + clips * n, H, W, 3) uint8, and its actions."""

    frames: Frames
    actions: Sequence[Mapping[str, Any]]


def sheet(source: str, episodes: int = 2, seed: int = 0, length: int = 0) -> Frame:
    """(H, W, 3) uint8 of some episodes of a folder of shards, or fresh ones of the world of that name.

    The name "all" gives one row a world: what its first examples are like after their first suggestion.
    """
    if source == ALL:
        return contact_sheet(*zip(*map(_examples, world_names()), strict=True), columns=_EXAMPLES)  # type: ignore[arg-type]
    found = _written(Path(source), episodes, seed) if Path(source).is_dir() else _fresh(source, episodes, seed, length)
    rows: list[Frames] = []
    captions: list[str] = []
    for number, episode in enumerate(found):
        clips = np.split(episode.frames[1:], len(episode.actions))
        before = [episode.frames[:1], *clips]
        rows += [np.concatenate([last[-1:], clip]) for last, clip in zip(before, clips, strict=False)]
        for step, action in enumerate(episode.actions):
            where = f"{number + 1}.{step + 1}  " if episodes > 1 else f"{step + 1}  "
            captions.append(where + action["text"] + ("" if action.get("legal", True) else "  (not allowed)"))
    return contact_sheet(rows, captions, columns=_COLUMNS)


def _examples(name: str) -> tuple[Frames, str]:
    """The last frames (N, H, W, 3) uint8 of a world's first examples, and its name."""
    world, shown = make_world(name), []
    for example in world.examples()[:_EXAMPLES]:
        text = example.suggestions[0]
        meaning = world.understand(example.scene, text)
        if meaning is None:
            raise InvalidInput(f"{name} does not understand what it suggests for {example.id}: {text!r}.")
        shown.append(world.step(example.scene, meaning).frames[-1])
    return np.stack(shown), name


def _fresh(name: str, episodes: int, seed: int, length: int) -> Iterator[Shown]:
    if name not in world_names():
        raise InvalidInput(f"{name} is neither a folder of shards nor a world. Worlds: {', '.join(world_names())}.")
    world, config = make_world(name), EpisodeConfig(length=length)
    for number in range(episodes):
        episode = make_episode(world, config, seed + number)
        yield Shown(episode.frames, episode.actions)


def _written(folder: Path, episodes: int, seed: int) -> Iterator[Shown]:
    shards = sorted(folder.glob("*.tar"))
    rng = np.random.default_rng(seed)
    some = [sample for shard in rng.permutation(len(shards))[:episodes] for sample in samples(shards[shard])]
    if not some:
        raise InvalidInput(f"No episodes in {folder}. Make some: pandora data make --out {folder}")
    for index in rng.permutation(len(some))[:episodes]:
        yield Shown(decode_film(some[index].film().read(), some[index].key), some[index].label()["actions"])
