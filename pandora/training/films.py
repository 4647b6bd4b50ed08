"""Where labelled films lie: a folder of films with JSONL beside them, or tar shards. Both are read group by group.

A line of JSONL is {"file", "caption"} or {"file", "actions": [{"text", "start", "end"}, …]}, times in seconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from pandora.errors import InvalidInput
from pandora.training.shards import read_index


class LabelledFilm(Protocol):
    """One film and what is said of it."""

    @property
    def key(self) -> str: ...

    def film(self) -> str | BinaryIO: ...

    def label(self) -> Mapping[str, Any]: ...


class Films(Protocol):
    """Groups of films, each small enough to be listed and shuffled at once."""

    @property
    def groups(self) -> int: ...

    def group(self, index: int) -> tuple[list[LabelledFilm], dict[str, str]]:
        """The films of a group in a fixed order, and by name what can't be used and why."""
        ...


@dataclass(frozen=True)
class Span:
    """What is done from second `start` to second `end`."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Label:
    """A caption of the whole film, or the actions in it; at least one of them."""

    caption: str
    actions: tuple[Span, ...]

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Label":
        """From a JSON object. Raises InvalidInput, saying what is wrong."""
        caption = values.get("caption", "")
        check_text(caption)
        entries = values.get("actions", [])
        if not isinstance(entries, list):
            raise InvalidInput('its actions are no list of {"text", "start", "end"}')
        actions = tuple(_span(entry) for entry in entries)
        if not caption.strip() and not actions:
            raise InvalidInput("it has neither a caption nor actions")
        return cls(caption.strip(), actions)

    def at(self, start: float, end: float) -> str:
        """The action that fills most of a span of seconds; without one the caption, which may be empty."""
        best = max(self.actions, key=lambda span: min(end, span.end) - max(start, span.start), default=None)
        if best is None or min(end, best.end) <= max(start, best.start):
            return self.caption
        return best.text


def check_text(text: object) -> None:
    """Raises InvalidInput for what is no text, or holds half of a surrogate pair, which JSON has and no tokenizer."""
    if not isinstance(text, str):
        raise InvalidInput(f"its caption is {type(text).__name__}, not text")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"its text can't be encoded as UTF-8: {error}") from error


def _span(entry: Any) -> Span:
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str) or not entry["text"].strip():
        raise InvalidInput("an action needs a text that is not empty")
    check_text(entry["text"])
    try:
        start, end = float(entry["start"]), float(entry["end"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InvalidInput("an action needs start and end in seconds") from error
    if not 0 <= start < end < float("inf"):
        raise InvalidInput(f"an action from second {start:g} to second {end:g} is none")
    return Span(entry["text"].strip(), start, end)


@dataclass(frozen=True)
class FileSample:
    """A film that is a file of its own; `values` is its line of JSONL."""

    key: str
    path: Path
    values: Mapping[str, Any]

    def film(self) -> str:
        return str(self.path)

    def label(self) -> Mapping[str, Any]:
        return self.values


class FilmFolder:
    """A folder's JSONL files, each a group; films are named relative to the folder and lie inside it."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder).resolve()
        self.lists = sorted(self.folder.glob("*.jsonl"))

    @property
    def groups(self) -> int:
        return len(self.lists)

    def group(self, index: int) -> tuple[list[LabelledFilm], dict[str, str]]:
        films: list[LabelledFilm] = []
        refused: dict[str, str] = {}
        path = self.lists[index]
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if not line.strip():
                continue
            place = f"{path.name}:{number}"
            try:
                values = json.loads(line.decode())
                film = (self.folder / values["file"]).resolve()
                values["file"].encode()
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                refused[place] = f'it is no {{"file", "caption"}} or {{"file", "actions"}}: {error}'
                continue
            if not film.is_relative_to(self.folder):
                refused[place] = f"{values['file']} lies outside {self.folder}"
            else:
                films.append(FileSample(f"{place} {values['file']}", film, values))
        return films, refused


class TarShards:
    """A folder's tar files in the WebDataset layout; `pooled` of them make a group, so that samples mix."""

    def __init__(self, folder: str | Path, pooled: int = 4):
        self.shards = sorted(Path(folder).glob("*.tar"))
        self.pooled = pooled

    @property
    def groups(self) -> int:
        return -(-len(self.shards) // self.pooled)

    def group(self, index: int) -> tuple[list[LabelledFilm], dict[str, str]]:
        films: list[LabelledFilm] = []
        refused: dict[str, str] = {}
        for shard in self.shards[index * self.pooled : (index + 1) * self.pooled]:
            try:
                samples, faults = read_index(shard)
            except (InvalidInput, OSError) as error:
                samples, faults = [], {shard.name: str(error)}
            films += samples
            refused |= faults
        return films, refused


def open_films(folder: str | Path) -> Films:
    """Tar shards where the folder has some, else its JSONL. Raises InvalidInput where it has neither."""
    if not Path(folder).is_dir():
        raise InvalidInput(f"There is no folder of films at {folder}. Give one with films and JSONL, or tar shards.")
    films = TarShards(folder)
    if films.groups:
        return films
    listed = FilmFolder(folder)
    if not listed.groups:
        raise InvalidInput(
            f"{folder} has neither *.tar nor *.jsonl. Put a file such as films.jsonl beside the films, a line a film: "
            '{"file": "0001.mp4", "caption": "…"} or {"file": "0001.mp4", "actions": [{"text", "start", "end"}]}.'
        )
    return listed
