"""Clips of labelled films as the stages read them: resampled, cut into actions, shuffled, dealt to processes.

What is drawn of a film, and whether text or picture is withheld from the model, depends on seed, epoch and film alone.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pandora.config import Config
from pandora.errors import InvalidConfig, InvalidImage, InvalidInput
from pandora.media import film_seconds, read_clip
from pandora.training.films import Films, Label, LabelledFilm, Span, check_text
from pandora.types import Frames

_CAPTION_FRAMES = 4  # shown to whoever writes captions anew, as in Pandora's re-captioning (2406.09455)


@dataclass(frozen=True, kw_only=True)
class Dropout(Config):
    """How often a sample goes without text, without pictures, without both: three shares that exclude each other.

    Withheld text becomes the null conditioning, withheld pictures pure noise at t = 1, so that guidance may compare
    with and without (DynamiCrafter trains with 0.05 each).
    """

    text: float = 0.05
    image: float = 0.05
    both: float = 0.05

    def __post_init__(self) -> None:
        shares = (self.text, self.image, self.both)
        if min(shares) < 0 or sum(shares) > 1:
            raise InvalidConfig(f"Shares of dropout are at least 0 and together at most 1, not {shares}.")

    def draw(self, rng: np.random.Generator) -> tuple[bool, bool]:
        """Whether text goes, and whether pictures go."""
        u = rng.random()
        text, image, both = np.cumsum([self.text, self.image, self.both])
        return bool(u < text or image <= u < both), bool(text <= u < both)


@dataclass(frozen=True, kw_only=True)
class ClipForm(Config):
    """What is cut out of a film: a first frame and `actions` stretches of `frames_per_action` frames."""

    actions: int = 2
    frames_per_action: int = 12
    fps: float = 16.0
    height: int = 480
    width: int = 832

    @property
    def frames(self) -> int:
        return 1 + self.actions * self.frames_per_action


@dataclass(frozen=True, eq=False)
class Sample:
    """One clip: frames (1 + A * n, H, W, 3) uint8 and what is said before each of its A stretches."""

    key: str
    frames: Frames
    actions: tuple[str, ...]
    no_text: bool
    no_image: bool


@dataclass(frozen=True, eq=False)
class ClipBatch:
    """B clips of A stretches each."""

    frames: Tensor  # (B, 1 + A * n, H, W, 3) uint8
    actions: list[tuple[str, ...]]  # B times A
    no_text: Tensor  # (B,) bool
    no_image: Tensor  # (B,) bool

    @classmethod
    def of(cls, samples: list[Sample]) -> "ClipBatch":
        return cls(
            torch.from_numpy(np.stack([sample.frames for sample in samples])),
            [sample.actions for sample in samples],
            torch.tensor([sample.no_text for sample in samples]),
            torch.tensor([sample.no_image for sample in samples]),
        )

    def prompts(self) -> list[str]:
        """What a text encoder is told of B * A stretches, clip by clip: nothing where text is withheld."""
        rows = zip(self.actions, self.no_text.tolist(), strict=True)
        return ["" if mute else text for row, mute in rows for text in row]

    def earlier(self, action: int) -> list[tuple[str, ...]]:
        """What was said before stretch number `action` began; a sentence that goes on counts once."""
        return [tuple(t for i, t in enumerate(row[:action]) if t != row[i + 1]) for row in self.actions]


class Position(NamedTuple):
    """Where a process stands in the stream: what comes next is number `offset` of its share of a group."""

    epoch: int = 0
    group: int = 0
    offset: int = 0


_BEGINNING = Position()


class Skipped:
    """Names of what could not be used, counted, and kept in a file of JSON lines where there is one."""

    def __init__(self, path: Path | None = None):
        self.path, self.count = path, 0
        self.names: set[str] = set()

    def add(self, name: str, reason: str) -> None:
        """Count once, however often it comes up."""
        if name in self.names:
            return
        self.names.add(name)
        self.count += 1
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(json.dumps({"film": name, "reason": reason}) + "\n")


class Recaptioner:
    """Captions written anew by a model, kept in a file of JSON lines {"film", "caption"}, so that each is made once."""

    def __init__(self, path: Path, write: Callable[[Frames], str] | None = None):
        """`write` says what happens in frames (T, H, W, 3) uint8; without it only kept captions are given."""
        self.path, self.write = path, write
        self.lock = Lock()  # films are cut by several threads
        self.kept: dict[str, str] = {}
        for line in path.read_bytes().splitlines() if path.exists() else []:
            try:
                entry = json.loads(line.decode())
                self.kept[entry["film"]] = entry["caption"]
            except (ValueError, KeyError, TypeError):  # half a line, see `_broken`
                continue

    def __call__(self, film: str, frames: Callable[[], Frames]) -> str | None:
        """The caption of a film, whose frames are only read where it has none yet; None without a writer."""
        if film not in self.kept and self.write is not None:
            seen = frames()
            with self.lock:
                if film in self.kept:
                    return self.kept[film]
                self.kept[film] = self.write(seen)
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a") as file:
                    file.write("\n" * self._broken() + json.dumps({"film": film, "caption": self.kept[film]}) + "\n")
        return self.kept.get(film)

    def _broken(self) -> bool:
        """Whether a stopped run left the last line half written."""
        return self.path.exists() and bool(data := self.path.read_bytes()) and not data.endswith(b"\n")


@dataclass
class ClipStream:
    """Endless samples from films. Iterating yields (sample, the position after it); the same position gives the same.

    Film number i of a shuffled group goes to process i % `world`. What can't be read is named in `skipped` and left
    out; an epoch without a single readable film raises InvalidInput. `workers` threads decode ahead, in order.
    """

    films: Films
    form: ClipForm
    dropout: Dropout = field(default_factory=Dropout)
    seed: int = 0
    rank: int = 0
    world: int = 1
    start: Position = _BEGINNING
    workers: int = 2
    skipped: Skipped = field(default_factory=Skipped)
    recaption: Recaptioner | None = None

    def __iter__(self) -> Iterator[tuple[Sample, Position]]:
        good, epoch = True, self.start.epoch
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: list[tuple[Future[Sample | None], Position]] = []
            places = self._places()
            while True:
                for film, at, after in islice(places, 2 * self.workers - len(waiting)):
                    waiting.append((pool.submit(self._cut, film, at.epoch), after))
                if not waiting:
                    raise InvalidInput(self._nothing("at all"))
                future, after = waiting.pop(0)
                if after.epoch > epoch:
                    if not good:
                        raise InvalidInput(self._nothing("of an epoch"))
                    good, epoch = False, after.epoch
                if (sample := future.result()) is not None:
                    good = True
                    yield sample, after

    def _nothing(self, where: str) -> str:
        return (
            f"No film {where} could be used by process {self.rank} of {self.world}; {self.skipped.count} were skipped"
            f"{f', see {self.skipped.path}' if self.skipped.path else ''}."
        )

    def _places(self) -> Iterator[tuple[LabelledFilm, Position, Position]]:
        """Every film of this process's share in order: film, its position, the position after it."""
        epoch, first, offset = self.start
        while True:
            order = np.random.default_rng([self.seed, epoch]).permutation(self.films.groups)
            found = offset > 0 or first > 0
            for turn in range(first, len(order)):
                films, refused = self.films.group(int(order[turn]))
                for name, reason in refused.items():
                    self.skipped.add(name, reason)
                mixed = np.random.default_rng([self.seed, epoch, turn]).permutation(len(films))
                share = mixed[self.rank :: self.world]
                found = found or len(share) > 0
                for number in range(offset, len(share)):
                    now = Position(epoch, turn, number)
                    yield films[int(share[number])], now, Position(epoch, turn, number + 1)
                offset = 0
            if not found:
                return
            epoch, first = epoch + 1, 0

    def _cut(self, film: LabelledFilm, epoch: int) -> Sample | None:
        rng = np.random.default_rng([self.seed, epoch, zlib.crc32(film.key.encode(errors="surrogatepass"))])
        try:
            return self._sample(film, rng)
        except (InvalidInput, OSError) as error:
            self.skipped.add(film.key, str(error))
            return None

    def _sample(self, film: LabelledFilm, rng: np.random.Generator) -> Sample:
        label = Label.parse(film.label())
        form = self.form
        room = film_seconds(film.film()) - (form.frames - 0.5) / form.fps
        if room < 0:
            raise InvalidImage(f"it is shorter than {form.frames} frames at {form.fps:g} fps")
        start = _start(label.actions, room, rng)
        size = (form.height, form.width)
        if self.recaption is not None:
            caption = self.recaption(film.key, lambda: self._preview(film, room))
            if caption is not None:
                check_text(caption)
                label = Label(caption, label.actions)
        frames = read_clip(film.film(), fps=form.fps, count=form.frames, size=size, start=start)
        lasts = form.frames_per_action / form.fps
        actions = tuple(label.at(start + i * lasts, start + (i + 1) * lasts) for i in range(form.actions))
        return Sample(film.key, frames, actions, *self.dropout.draw(rng))

    def _preview(self, film: LabelledFilm, room: float) -> Frames:
        lasts = max(room, 0.0) + self.form.frames / self.form.fps
        size = (self.form.height, self.form.width)
        return read_clip(film.film(), fps=_CAPTION_FRAMES / lasts, count=_CAPTION_FRAMES, size=size)


def _start(actions: tuple[Span, ...], room: float, rng: np.random.Generator) -> float:
    """The second at which a clip begins: with an action if one begins early enough, else anywhere."""
    anywhere = float(rng.uniform(0, room)) if room > 0 else 0.0
    begins = [span.start for span in actions if span.start <= room]
    return begins[int(rng.integers(len(begins)))] if begins else anywhere
