"""A folder of shards: what it was made of (`dataset.json`), what is in it (`README.md`), and how it is filled.

    road/dataset.json  road/README.md  road/00000.tar  road/00001.tar  …

A shard is a tar in the WebDataset layout of `key.mp4` and `key.json`, see pandora/training/shards.py. Shards appear
whole, in order, and those that are there are kept, so a stopped run goes on where it stood.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pandora.errors import InvalidInput
from pandora.training.shards import NewSample, write_shard

CONFIG = "dataset.json"
VERSION = 2  # of the layout
_SECONDS_A_LINE = 20.0  # where the output is no terminal

Task = TypeVar("Task")


def shard_path(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}.tar"


def read_config(folder: Path) -> dict[str, Any]:
    """What `dataset.json` says. Raises InvalidInput where it is missing or broken."""
    try:
        values = json.loads((folder / CONFIG).read_text())
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{folder} is no folder that `pandora data make` or `pandora data import` wrote: {CONFIG}: {error}."
        ) from error
    if not isinstance(values, dict) or values.get("version") != VERSION:
        raise InvalidInput(f"{folder / CONFIG} is not of layout {VERSION}. Make the data again, in another folder.")
    return values


def begin(folder: Path, values: Mapping[str, Any], growing: Sequence[str] = ()) -> dict[str, Any] | None:
    """Make the folder and write `dataset.json`; what it said before, or None where it is new.

    Raises InvalidInput where the folder holds something else, or was made otherwise: in more than the keys `growing`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before: dict[str, Any] | None = None
    if (folder / CONFIG).exists():
        before = read_config(folder)
        told = json.loads(json.dumps(values))
        free = {"version", "made_with", *growing}
        if other := [key for key in {**before, **told} if key not in free and before.get(key) != told.get(key)]:
            was = ", ".join(f"{key} {before.get(key)!r}, now {told.get(key)!r}" for key in sorted(other))
            raise InvalidInput(f"{folder} was made otherwise: {was}. Give the same settings, or another --out.")
    elif any(entry.name[0] != "." for entry in folder.iterdir()):
        raise InvalidInput(f"{folder} holds files but no {CONFIG}: give an empty folder, or one that does not exist.")
    part = folder / f"{CONFIG}.part"
    part.write_text(json.dumps({"version": VERSION, **values}, indent=1) + "\n")
    os.replace(part, folder / CONFIG)
    return before


def fill(
    folder: Path,
    shards: Sequence[Sequence[Task]],
    job: Callable[[Task], Sequence[NewSample]],
    processes: int = 0,
    unit: str = "episodes",
) -> Iterator[Path]:
    """Write the shards that are not there yet, in order, each from its tasks; yields every shard's path.

    `job` runs in `processes` processes (0: as many as cores), and has to be picklable. What is written does not
    depend on how many there are.
    """
    missing = [number for number in range(len(shards)) if not shard_path(folder, number).exists()]
    tasks = [task for number in missing for task in shards[number]]
    count = min(processes or os.cpu_count() or 1, len(tasks))
    with Meter(str(folder), sum(map(len, shards)), unit) as meter:
        meter.advance(sum(map(len, shards)) - len(tasks), fresh=False)
        pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) if count > 1 else None
        try:
            done = pool.map(job, tasks, chunksize=2) if pool else map(job, tasks)
            for number in range(len(shards)):
                if number in set(missing):
                    write_shard(shard_path(folder, number), _gather(done, len(shards[number]), meter))
                yield shard_path(folder, number)
        finally:
            if pool:
                pool.shutdown(cancel_futures=True)


def _gather(done: Iterator[Sequence[NewSample]], count: int, meter: "Meter") -> Iterator[NewSample]:
    for _ in range(count):
        yield from next(done)
        meter.advance()


class Meter:
    """How far a long piece of work is, its rate and the time left: a bar on a terminal, else a line now and then."""

    def __init__(self, title: str, total: int, unit: str):
        self.title, self.total, self.unit = title, total, unit
        self.done = self.fresh = 0
        self.console = Console(file=sys.stderr, highlight=False)
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=self.console,
        )  # fmt: skip

    def __enter__(self) -> "Meter":
        self.began = self.last = time.monotonic()
        if self.console.is_terminal:
            self.bar.start()
            self.task = self.bar.add_task(self.title, total=self.total, rate="")
        return self

    def advance(self, count: int = 1, fresh: bool = True) -> None:
        """`count` more are done; those that are not `fresh` were done by an earlier run."""
        self.done += count
        self.fresh += count * fresh
        now = time.monotonic()
        rate = self.fresh / max(now - self.began, 1e-6)
        if self.console.is_terminal:
            self.bar.update(self.task, advance=count, rate=f"{rate:.1f} {self.unit}/s")
        elif self.fresh and (now - self.last > _SECONDS_A_LINE or self.done == self.total):
            self.last = now
            left = (self.total - self.done) / max(rate, 1e-6) / 60
            self.console.print(
                f"{self.title}  {self.done}/{self.total} {self.unit}  {rate:.1f}/s  {left:.0f} min left", soft_wrap=True
            )

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self.bar.stop()
