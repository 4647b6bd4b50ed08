"""The whole evaluation: load the weights, measure, write the tables and the plots."""

import os
import time
from dataclasses import replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pandora.evaluation import phrases as own
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
from pandora.evaluation.verdict import MOVED, REACH, UNTOUCHED
from pandora.evaluation.words import words
from pandora.evaluation.workers import Job, Workers
from pandora.types import Sampler
from pandora.world_model import WorldModel
from pandora.worlds import make_world
from pandora.worlds.base import World

FULL = Sizes()
QUICK = Sizes(clips=40, walks=6, pairs=16)
_ABLATED_PART = 0.25  # of the stories; the model's cost again, for a number that is far off
_ORACLE_PART = 0.25  # likewise, for a number near 1
_WALKS = 48  # in one job
_PHRASES, _QUICK_PHRASES = 2000, 300  # clips for the user's own sentences, about
_OTHER_STEPS = (1, 2, 4)
_PIPE_WIDTH = 120

MEANING = {
    "next_state": "whole state read from the last frame equals the simulator's after one legal action that changes it",
    "next_state.in_distribution": "trained phrasings, transitions that training may contain, scenes of other seeds",
    "next_state.held_out_phrasings": "the same with phrasings kept out of training",
    "next_state.held_out_transitions": "trained phrasings, (state, action) pairs kept out of training",
    "next_state.….steps_n": "the same stories with n denoising steps",
    "unchanged": "the state stays as it was: after an action that the rules forbid, after waiting",
    "horizon.k": "whole state right after k legal actions on the subject's own frames; the actions are the simulator's "
    "natural mix, in trained phrasings, held-out transitions and actions without effect included",
    "counterfactual_pairs": "one start, two actions that both change the state, each in its own way: both outcomes "
    "right, and in both clips the pixels that neither true clip changes (dilated by "
    f"{REACH}) differ from the start picture by less than {UNTOUCHED:g}/255 in the mean; .outcomes, .untouched are the "
    "parts, .difference that mean",
    "psnr.dynamic_region": f"dB, over the pixels of a clip that differ from the start by more than {MOVED}/255 in the "
    f"truth, dilated by {REACH}; mean over the clips of next_state.in_distribution",
    "undecodable": "share of last frames, over all single actions, that the readout rejects; they count as wrong above",
    "text_state.….kind": "the state in the backbone's own words, over the kind's stories: .seen of the start picture, "
    ".next after the action, of what was seen, .thought of the true state in words, nothing drawn; .seen_generated of "
    "the generated last frame against its readout, .agrees with .next; .optimism is confidence less success of .next",
    "readout": "the readout on true last frames, and on true last frames blurred and noised to the model's psnr.whole",
    "copy_last": "baseline: the start picture repeated",
    "action_ablated": f"baseline: the model, told what was said in another scene; {_ABLATED_PART:.0%} of the stories",
    "oracle": f"ceiling: the true film through the autoencoder, then the readout; {_ORACLE_PART:.0%} of the stories",
}


def run(
    weights: str | Path,
    quick: bool = False,
    json_path: str | Path | None = None,
    phrases: str | Path | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    world: str | World = "blocks",
    steps: int = 2,
    batch: int = 16,
    sizes: Sizes | None = None,
    processes: int = 1,
    console: Console | None = None,
) -> Report:
    """Measure a weights folder against a simulator; with `phrases` (a JSON file) only how those are followed.

    Prints the tables. `out` is a folder for `eval.md` (`phrases.md`), plots, a contact sheet of examples and a film of
    rollouts; `json_path` a file for the rows; `sizes` overrides how much is measured. The same seed asks the same of
    every model, whatever the number of `processes` that share the work. Raises InvalidCheckpoint for bad weights,
    UnknownName for an unknown world and InvalidInput for unusable phrases, before anything is measured.
    """
    arena = make_world(world) if isinstance(world, str) else world
    model = WorldModel.from_pretrained(weights, device=device, threads=1 if processes > 1 else "auto")
    console = console or _console()
    sizes = sizes or (QUICK if quick else FULL)
    make = partial(_bench, weights, device, world, sizes, seed, batch, steps)
    bench = Bench(arena, [Entry(MODEL, told := Told(model, Sampler(steps=steps)))], sizes, seed, batch)
    began, fates, rows = time.perf_counter(), [], []
    if phrases is not None:
        templates = own.read(Path(phrases), arena, model.check_action)
        scenes = max(1, ceil((_QUICK_PHRASES if quick else _PHRASES) / len(templates)))
        with _progress(console, bench, scenes * len(templates)):
            rows, fates = own.measure(bench, told, templates, scenes)
    else:
        bench.entries += opponents(model, steps)
        with _progress(console, bench, bench.total(kinds(arena))):
            rows = measure(bench, Workers(count=processes, make=make))
        place, row = next((i, row) for i, row in enumerate(rows) if row.name == DETAILED)
        rows.insert(place + 1, replace(row, name=f"{DETAILED}.steps_{steps}"))
    settings = {
        "model": model.name, "fingerprint": model.fingerprint, "world": arena.name, "steps": steps, "seed": seed,
        "quick": quick, "batch": batch, "device": str(model.runtime.device), "dtype": str(model.runtime.dtype),
        "threads": torch.get_num_threads(), "cpus": os.cpu_count(), "torch": torch.__version__,
        "processes": processes, "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip
    settings |= {"phrases": str(phrases), "templates": own.as_settings(fates)} if fates else {"meaning": MEANING}
    report = Report(rows, settings, fates)
    publish(report, bench, console, Path(out) if out else None, Path(json_path) if json_path else None)
    return report


def _bench(
    weights: str | Path, device: str, world: str | World, sizes: Sizes, seed: int, batch: int, steps: int
) -> Bench:
    """What a process of its own measures with: one thread, and the same entries."""
    model = WorldModel.from_pretrained(weights, device=device, threads=1)
    model.runtime.apply()
    arena = make_world(world) if isinstance(world, str) else world
    return Bench(arena, [Entry(MODEL, Told(model, Sampler(steps=steps))), *opponents(model, steps)], sizes, seed, batch)


def opponents(model: WorldModel, steps: int) -> list[Entry]:
    """What stands beside the model: baselines, the oracle, and the model with other numbers of steps."""
    return [
        Entry("copy_last", CopyLast()),
        Entry("action_ablated", Told(model, Sampler(steps=steps), ablated=True), _ABLATED_PART),
        Entry("oracle", Oracle(model), _ORACLE_PART),
        *(Entry(f"steps_{n}", Told(model, Sampler(steps=n)), only=DETAILED) for n in _OTHER_STEPS if n != steps),
    ]


def measure(bench: Bench, workers: Workers | None = None) -> list[Row]:
    """Every row, for every entry of the bench; the first entry is the model."""
    workers = workers or Workers()
    asked = kinds(bench.world)
    walks = [range(first, min(bench.sizes.walks, first + _WALKS)) for first in range(0, bench.sizes.walks, _WALKS)]
    jobs: list[Job] = [
        *(partial(walk, among=among) for among in walks),
        *(partial(singles, kind=kind) for kind in asked),
    ]
    jobs += [partial(words, kind=kind) for kind in asked]
    *found, pairs = workers.run(bench, [*jobs, counterfactual])
    walked, seen, said = found[: len(walks)], found[len(walks) : -len(asked)], found[-len(asked) :]
    rows = [row for kind, singled in zip(asked, seen, strict=True) for row in single_rows(kind, singled)]
    decibel = next(row.value for row in rows if row.name == "psnr.whole")
    rows.sort(key=lambda row: row.name.startswith("psnr"))  # states first
    rows += decoding_rows(seen)
    rows.append(degraded_row(bench, decibel))
    return [*rows, *pairs, *(row for told in said for row in told), *horizon_rows(walked)]


def publish(report: Report, bench: Bench, console: Console, out: Path | None, json_path: Path | None) -> None:
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
        written += draw_all(report, bench.examples, bench.films, bench.world.fps, out)
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
