"""The whole evaluation: load the weights, measure in one world after the other, write the tables and the plots."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pandora.config import DEFAULT_STEPS
from pandora.errors import InvalidInput
from pandora.evaluation import abilities
from pandora.evaluation import phrases as own
from pandora.evaluation.meaning import ABLATED_PART, MEANING, ORACLE_PART
from pandora.evaluation.measures import (
    DETAILED,
    MODEL,
    Bench,
    Entry,
    Sizes,
    counterfactual,
    decoding_rows,
    degraded_row,
    horizon_rows,
    single_rows,
    singles,
    walk,
)
from pandora.evaluation.pictures import draw_all
from pandora.evaluation.report import Report, markdown, show
from pandora.evaluation.rows import Row
from pandora.evaluation.stories import kinds
from pandora.evaluation.subjects import CopyLast, Oracle, Told
from pandora.evaluation.words import words
from pandora.evaluation.workers import Job, Workers
from pandora.types import Sampler
from pandora.world_model import WorldModel
from pandora.worlds import make_world, world_names
from pandora.worlds.base import World

FULL = Sizes()
QUICK = Sizes(clips=40, walks=6, pairs=16, drifts=2, long=24, trials=12)
FIRST = "blocks"  # the world whose rows carry no name, as there were no others once
ALL = "all"
_WALKS = 48  # in one job
_PHRASES, _QUICK_PHRASES = 2000, 300  # clips for the user's own sentences, about
_OTHER_STEPS = (1, 2, 4)
_PIPE_WIDTH = 120


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How every world is measured."""

    weights: str | Path
    device: str
    sizes: Sizes | None
    quick: bool
    seed: int
    batch: int
    steps: int
    processes: int

    def sizes_of(self, world: World) -> Sizes:
        """A tenth of a percent matters where one world is all there is; beside others, a percent is enough."""
        chosen = self.sizes or (QUICK if self.quick else FULL)
        return chosen if self.sizes or self.quick or is_first(world) else replace(FULL, clips=500, walks=100)


def run(
    weights: str | Path,
    quick: bool = False,
    json_path: str | Path | None = None,
    phrases: str | Path | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    world: str | World | None = None,
    steps: int = DEFAULT_STEPS,
    batch: int = 16,
    sizes: Sizes | None = None,
    processes: int = 1,
    console: Console | None = None,
) -> Report:
    """Measure a weights folder against simulators; with `phrases` (a JSON file) only how those are followed.

    `world` names one, or "all"; None: those that the weights know. Prints the tables. `out` is a folder for `eval.md`
    (`phrases.md`), plots, contact sheets of examples and films of rollouts; `json_path` a file for the rows; `sizes`
    overrides how much is measured. The same seed asks the same of every model, whatever the number of `processes` that
    share the work. Raises InvalidCheckpoint for bad weights, UnknownName for an unknown world and InvalidInput for
    unusable phrases or a world that can't be judged yet, before anything is measured.
    """
    named = [make_world(world)] if isinstance(world, str) and world != ALL else []  # wrong names before slow loading
    model = WorldModel.from_pretrained(weights, device=device, threads=1 if processes > 1 else "auto")
    console = console or _console()
    arenas = [world] if isinstance(world, World) else named or known(model, world == ALL, console)
    settings = Settings(
        weights=weights, device=device, sizes=sizes, quick=quick, seed=seed, batch=batch, steps=steps,
        processes=processes,
    )  # fmt: skip
    began, fates = time.perf_counter(), []
    if phrases is not None:
        arenas = arenas[:1]
        benches = [bench := _bench(settings, arenas[0], model)]
        templates = own.read(Path(phrases), arenas[0], model.check_action)
        scenes = max(1, ceil((_QUICK_PHRASES if quick else _PHRASES) / len(templates)))
        with _progress(console, bench, scenes * len(templates)):
            rows, fates = own.measure(bench, bench.entries[0].subject, templates, scenes)
    else:
        for arena in arenas:
            abilities.check(arena)
        benches = [_bench(settings, arena, model) for arena in arenas]
        rows = [row for bench in benches for row in _measure(settings, bench, console, world_names())]
    report = Report(rows, _told(settings, model, arenas, time.perf_counter() - began), fates)
    report.settings |= {"phrases": str(phrases), "templates": own.as_settings(fates)} if fates else {"meaning": MEANING}
    publish(report, benches, console, Path(out) if out else None, Path(json_path) if json_path else None)
    return report


def is_first(world: World) -> bool:
    """Whether a world's rows carry no name: the first world's, and those of a world that has none in the registry."""
    return world.name == FIRST or world.name not in world_names()


def known(model: Any, everything: bool, console: Console) -> list[World]:
    """The worlds that the weights know; with `everything` all that are installed and can be judged."""
    if not everything:
        return [make_world(name) for name in model.worlds or (FIRST,)]
    found = []
    for name in world_names():
        try:
            abilities.check(arena := make_world(name))
            found.append(arena)
        except InvalidInput as error:
            console.print(f"Left out: {name}. {error}", highlight=False, soft_wrap=True)
    return found


def _measure(settings: Settings, bench: Bench, console: Console, others: Sequence[str]) -> list[Row]:
    """The rows of a world."""
    world, first = bench.world, is_first(bench.world)
    count = abilities.total(bench, [] if first else abilities.kinds(world, bench.seed), single=not first)
    named: Any = world.name if world.name in world_names() else world
    workers = Workers(count=settings.processes, make=partial(_bench, settings, named))
    with _progress(console, bench, count + (bench.total(kinds(world)) if first else 0)):
        if not first:
            return abilities.measure(bench, workers, others)
        rows = measure(bench, workers, abilities.longer(world, others))
    place, row = next((i, row) for i, row in enumerate(rows) if row.name == DETAILED)
    rows.insert(place + 1, replace(row, name=f"{DETAILED}.steps_{settings.steps}"))
    return [*rows, *abilities.renamed(world, rows)]


def _told(settings: Settings, model: WorldModel, arenas: Sequence[World], seconds: float) -> dict[str, Any]:
    """What a reader of the rows must know."""
    parts = {model.fingerprint_of(model.expert_for(world.name)) for world in arenas}
    fingerprint = parts.pop() if len(parts) == 1 else model.fingerprint
    return {
        "model": model.name, "fingerprint": fingerprint, "world": ", ".join(world.name for world in arenas),
        "worlds": [world.name for world in arenas], "steps": settings.steps, "seed": settings.seed,
        "quick": settings.quick, "batch": settings.batch, "device": str(model.runtime.device),
        "dtype": str(model.runtime.dtype), "threads": torch.get_num_threads(), "cpus": os.cpu_count(),
        "torch": torch.__version__, "processes": settings.processes, "seconds": round(seconds, 1),
    }  # fmt: skip


def _bench(settings: Settings, world: str | World, model: WorldModel | None = None) -> Bench:
    """The entries in a world. A process of its own brings no `model` and loads one, for one thread."""
    if model is None:
        model = WorldModel.from_pretrained(settings.weights, device=settings.device, threads=1)
        model.runtime.apply()
    arena = make_world(world) if isinstance(world, str) else world
    entries = [Entry(MODEL, Told(model, Sampler(steps=settings.steps))), *opponents(model, settings.steps)]
    if not is_first(arena):
        entries = [entry for entry in entries if entry.only is None]
    prefix = "" if is_first(arena) else f"{arena.name}."
    return Bench(arena, entries, settings.sizes_of(arena), settings.seed, settings.batch, prefix)


def opponents(model: WorldModel, steps: int) -> list[Entry]:
    """What stands beside the model: baselines, the oracle, and the model with other numbers of steps."""
    return [
        Entry("copy_last", CopyLast()),
        Entry("action_ablated", Told(model, Sampler(steps=steps), ablated=True), ABLATED_PART),
        Entry("oracle", Oracle(model), ORACLE_PART),
        *(Entry(f"steps_{n}", Told(model, Sampler(steps=n)), only=DETAILED) for n in _OTHER_STEPS if n != steps),
    ]


def measure(bench: Bench, workers: Workers | None = None, more: Sequence[Job] = ()) -> list[Row]:
    """Every row without a name, for every entry of the bench; the first entry is the model. `more` jobs give rows."""
    workers = workers or Workers()
    asked = kinds(bench.world)
    walks = [range(first, min(bench.sizes.walks, first + _WALKS)) for first in range(0, bench.sizes.walks, _WALKS)]
    jobs: list[Job] = [
        *(partial(walk, among=among) for among in walks),
        *(partial(singles, kind=kind) for kind in asked),
        *(partial(words, kind=kind) for kind in asked),
    ]
    found = iter(workers.run(bench, [*jobs, counterfactual, *more]))
    walked, seen, said = ([next(found) for _ in part] for part in (walks, asked, asked))
    rows = [row for kind, singled in zip(asked, seen, strict=True) for row in single_rows(kind, singled)]
    decibel = next(row.value for row in rows if row.name == "psnr.whole")
    rows.sort(key=lambda row: row.name.startswith("psnr"))  # states first
    rows += decoding_rows(seen)
    rows.append(degraded_row(bench, decibel))
    pairs = next(found)
    rows += [*pairs, *(row for told in said for row in told), *horizon_rows(walked)]
    return [*rows, *(row for some in found for row in some)]


def publish(
    report: Report, benches: Sequence[Bench], console: Console, out: Path | None, json_path: Path | None
) -> None:
    """Print the tables, and write the files that were asked for."""
    show(report, console)
    written = []
    if json_path:
        report.write_json(json_path)
        written.append(json_path)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        written.append(out / ("phrases.md" if report.fates else "eval.md"))
        written[-1].write_text(markdown(report), encoding="utf-8")
        written += draw_all(report, benches, out)
    if written:
        console.print("Written: " + ", ".join(map(str, written)), highlight=False, soft_wrap=True)


def _console() -> Console:
    """The terminal; a pipe or a file is wide enough for whole names."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _PIPE_WIDTH)
    return console


def _progress(console: Console, bench: Bench, total: int) -> Progress:
    """A bar with the time left, moved by the bench."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress: Any = Progress(*columns, console=console, transient=True)
    bar = progress.add_task("", total=total)
    bench.advance = lambda row, clips: progress.update(bar, description=row, advance=clips)
    return progress
