"""Other people's films as our shards, so that one loader reads all: `pandora data import SOURCE --out data/mine`.

A source is a folder of films with JSONL, tar shards in the WebDataset layout (both see pandora/training/films.py), or a
LeRobot dataset (pandora/training/lerobot.py). Films are resampled and cut into actions of `frames_per_action` frames;
an action's text is what fills most of its time: a labelled action, else the caption. Where nothing is said the film is
cut apart, so an episode is always continuous.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pandora import __version__
from pandora.config import Config
from pandora.errors import InvalidConfig, InvalidInput
from pandora.media import Frames, film_seconds, read_clip
from pandora.training import datacard, lerobot
from pandora.training.dataset import begin, fill
from pandora.training.filmcodec import CODEC, encode_film
from pandora.training.films import Label, LabelledFilm, open_films
from pandora.training.shards import NewSample

SKIPPED = "skipped.jsonl"  # in the new folder: what could not be used, and why
_SETTINGS = ("source", "name", "fps", "frames_per_action", "size", "length", "films", "text", "camera")


@dataclass(frozen=True, kw_only=True)
class Import(Config):
    """What `bring` reads and writes."""

    source: str
    out: str
    name: str = ""  # of the domain, as worlds have one; without it the new folder's
    fps: float = 8.0
    frames_per_action: int = 8
    size: int = 128  # pixels of a side, cropped at the centre
    length: int = 6  # actions an episode, at most
    films: int = 32  # a shard
    text: str = ""  # LeRobot: the column that says what is done; without it the subtask or the task
    camera: str = ""  # LeRobot: the key of its pictures; without it the first
    labels: str = ""  # JSON of {"label": "sentence" or ["sentence", …]}: what is not in it is left out
    processes: int = 0  # 0: as many as cores


class Source(Protocol):
    """One continuous film, with what is said of it."""

    @property
    def key(self) -> str: ...

    def label(self) -> Label: ...

    def seconds(self) -> float: ...

    def cut(self, start: float, fps: float, count: int, size: int) -> Frames:
        """`count` frames from second `start` on: (count, size, size, 3) uint8."""
        ...


@dataclass(frozen=True)
class WholeFilm:
    """A film of a folder or of tar shards."""

    film: LabelledFilm

    @property
    def key(self) -> str:
        return self.film.key

    def label(self) -> Label:
        return Label.parse(self.film.label())

    def seconds(self) -> float:
        return film_seconds(self.film.film())

    def cut(self, start: float, fps: float, count: int, size: int) -> Frames:
        return read_clip(self.film.film(), fps=fps, count=count, size=size, start=start)


@dataclass(frozen=True)
class Piece:
    """A stretch of a film: where it starts, in seconds, and the label of each of its actions."""

    start: float
    texts: tuple[str, ...]


def bring(config: Import) -> Path:
    """Write the shards that are not there yet, and a data card; returns the folder.

    Raises InvalidInput where the source is of no known kind, or has nothing that can be used.
    """
    if min(config.fps, config.frames_per_action, config.size, config.length, config.films) <= 0:
        raise InvalidConfig("fps, frames-per-action, size, length and films are all more than 0.")
    folder, phrasings = Path(config.out), read_phrasings(config.labels)
    form, found, refused = open_source(config)
    settings = {name: getattr(config, name) for name in _SETTINGS} | {
        "kind": "import", "form": form, "codec": CODEC, "world": config.name or folder.resolve().name,
        "labels": phrasings and {key: list(few) for key, few in phrasings.items()},
        "made_with": f"pandora {__version__}",
    }  # fmt: skip
    begin(folder, settings)
    tasks = [(config, settings["world"], phrasings, number, source) for number, source in enumerate(found)]
    shards = [tasks[first : first + config.films] for first in range(0, len(tasks), config.films)]
    for name, reason in refused.items():
        _skip(folder, name, reason)
    for _ in fill(folder, shards, _bring_one, config.processes, unit="films"):
        pass
    datacard.write(folder)
    return folder


def open_source(config: Import) -> tuple[str, list[Source], dict[str, str]]:
    """What the source is called, its films in a fixed order, and by name what can't be used and why."""
    folder = Path(config.source)
    found: list[Source] = []
    if lerobot.is_dataset(folder):
        form, episodes = lerobot.open_dataset(folder, config.text, config.camera)
        return form, [*episodes], {}
    if config.text or config.camera:
        raise InvalidConfig(f"{folder} is no LeRobot dataset; --text and --camera are for those.")
    films, refused = open_films(folder), {}
    for group in range(films.groups):
        some, faults = films.group(group)
        found += [WholeFilm(film) for film in some]
        refused |= faults
    return "labelled films", found, refused


def read_phrasings(path: str) -> dict[str, tuple[str, ...]] | None:
    """The sentences of each label, from a JSON file; None without one. Raises InvalidInput."""
    if not path:
        return None
    try:
        values = json.loads(Path(path).read_text())
        few = {key: (said,) if isinstance(said, str) else tuple(said) for key, said in values.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InvalidInput(
            f'{path} is no JSON of {{"label": "sentence"}} or {{"label": ["sentence"]}}: {error}'
        ) from error
    if bad := [key for key, said in few.items() if not said or not all(isinstance(s, str) and s.strip() for s in said)]:
        raise InvalidInput(f"{path} has no sentence for the label {bad[0]!r}.")
    return few


def pieces(label: Label, seconds: float, config: Import, known: Mapping[str, Any] | None = None) -> list[Piece]:
    """How a film is cut: actions of equal length from the first labelled one on, `config.length` of them at most.

    What has no label, or one that is not `known`, is left out.
    """
    lasts = config.frames_per_action / config.fps
    first = min((span.start for span in label.actions), default=0.0)
    count = int((seconds - first - 0.5 / config.fps) / lasts + 1e-6)
    found, open_texts = [], []
    for number in range(count + 1):
        begin_at = first + number * lasts
        text = label.at(begin_at, begin_at + lasts) if number < count else ""
        if known is not None and text not in known:
            text = ""
        if open_texts and (not text or len(open_texts) == config.length):
            found.append(Piece(begin_at - len(open_texts) * lasts, tuple(open_texts)))
            open_texts = []
        if text:
            open_texts.append(text)
    return found


def _bring_one(task: tuple[Import, str, Mapping[str, tuple[str, ...]] | None, int, Source]) -> Sequence[NewSample]:
    config, world, phrasings, number, source = task
    try:
        few = pieces(source.label(), source.seconds(), config, phrasings)
        if not few:
            raise InvalidInput(f"it has no labelled stretch of {config.frames_per_action / config.fps:g} s")
        return [
            _sample(config, world, phrasings, f"{number:07d}-{part}", source, piece) for part, piece in enumerate(few)
        ]
    except (InvalidInput, OSError) as error:
        _skip(Path(config.out), source.key, str(error))
        return []


def _sample(
    config: Import,
    world: str,
    phrasings: Mapping[str, tuple[str, ...]] | None,
    key: str,
    source: Source,
    piece: Piece,
) -> NewSample:
    lasts = config.frames_per_action / config.fps
    frames = source.cut(piece.start, config.fps, 1 + len(piece.texts) * config.frames_per_action, config.size)
    actions = [
        {
            "meaning": text,
            "verb": text if phrasings else "",
            "legal": True,
            "text": (phrasings[text] if phrasings else (text,))[0],
            "sentences": list(phrasings[text] if phrasings else (text,)),
            "start": number * lasts,
            "end": (number + 1) * lasts,
        }
        for number, text in enumerate(piece.texts)
    ]
    label = {
        "world": world, "source": source.key, "second": piece.start, "fps": config.fps,
        "frames_per_action": config.frames_per_action, "behaviour": "recorded", "actions": actions,
    }  # fmt: skip
    return NewSample(f"film-{key}", encode_film(frames, config.fps), label)


def _skip(folder: Path, name: str, reason: str) -> None:
    """A line of its own in one write, as several processes add to the file."""
    with (folder / SKIPPED).open("a") as file:
        file.write(json.dumps({"film": name, "reason": reason}) + "\n")
