"""The benchmarks' loop: what is finished is in a file, the rest is shared by processes, a bar shows the time left."""

import json
import multiprocessing
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pandora.errors import PandoraError
from pandora.planning.benchmark.entries import ABLATED_PART, Entry
from pandora.planning.benchmark.solving import Bench, Result, Setup

RESULTS = "results.jsonl"
Task = tuple[Entry, int, int]  # entry, layout, the problem's number
Told = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")


def run(
    setup: Setup,
    entries: Sequence[Entry],
    numbers: Sequence[int],
    layouts: int = 1,
    out: Path | None = None,
    processes: int = 1,
    console: Console | None = None,
    bench: Bench | None = None,
) -> list[Result]:
    """Solve the problems of these `numbers` in `layouts` layouts for every entry; results in no particular order.

    With a folder `out` each result is a line of results.jsonl there as soon as it is known, and what the file has for
    this setup is not done again. `bench` replaces what the setup would load, for one process. Raises PandoraError
    where a process dies.
    """
    bench = bench or Bench(setup)
    tasks = [task for entry in entries for task in _tasks(entry, numbers, layouts)]
    names = {task: (task[0].name, bench.problems(task[1])[task[2]].id) for task in tasks}
    marks = {(entry, problem): setup.mark(task[0]) for task, (entry, problem) in names.items()}
    done = {(r.entry, r.problem): r for r in _read(out) if marks.get((r.entry, r.problem)) == r.mark}
    left = [task for task in tasks if names[task] not in done]
    with progress_bar("planning", len(tasks), len(done), console) as tell:
        for result in spread(left, _solver(bench), partial(_begin, setup), processes):
            result = replace(result, processes=processes)
            if out:
                append(out, asdict(result))
            done[result.entry, result.problem] = result
            hits = [r.success for r in done.values() if r.entry == result.entry]
            tell(f"{result.entry} {sum(hits) / len(hits):.2f}")
    return list(done.values())


def _tasks(entry: Entry, numbers: Sequence[int], layouts: int) -> list[Task]:
    if entry.track == "ablated" and len(numbers) > ABLATED_PART**2:
        numbers, layouts = numbers[::ABLATED_PART], 1
    return [(entry, layout, number) for layout in range(layouts) for number in numbers]


def _solver(bench: Bench) -> Callable[[Task], Result]:
    return lambda task: bench.solve(task[0], bench.problems(task[1])[task[2]])


def _begin(setup: Setup) -> Callable[[Task], Result]:
    return _solver(Bench(setup, threads=1))


def _read(out: Path | None) -> Iterator[Result]:
    for content in read(out):
        try:
            values: dict[str, Any] = {**content, "actions": tuple(content["actions"])}
            yield Result(**values)
        except (TypeError, KeyError):
            continue


# --- what other benchmarks share -------------------------------------------------------------------------------------


@contextmanager
def progress_bar(title: str, total: int, done: int, console: Console | None = None) -> Iterator[Told]:
    """A bar; what it yields moves it on by one and gives it a text."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console or Console(), transient=True) as progress:
        bar = progress.add_task(title, total=total, completed=done)
        yield lambda text: progress.update(bar, description=text, advance=1)


def spread(
    tasks: Sequence[T], solve: Callable[[T], R], begin: Callable[[], Callable[[T], R]], processes: int = 1
) -> Iterator[R]:
    """What `solve` says of each task, in no particular order; several processes `begin` one each.

    Raises PandoraError where a process dies.
    """
    tasks = random.Random(0).sample(tasks, len(tasks))
    if processes == 1 or len(tasks) < 2:
        yield from map(solve, tasks)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_settle, initargs=(begin,))
    try:
        for future in as_completed([pool.submit(_work, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool as error:
        raise PandoraError("A process of the benchmark died. What was finished is kept; run it again.") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


_own: Callable[[Any], Any] | None = None  # of a process of its own


def _settle(begin: Callable[[], Callable[[Any], Any]]) -> None:
    global _own
    _own = begin()


def _work(task: Any) -> Any:
    assert _own is not None
    return _own(task)


def read(out: Path | None) -> Iterator[dict[str, Any]]:
    """The results of a folder; a line that was cut short by a kill is no result."""
    file = out / RESULTS if out else None
    for line in file.read_text(encoding="utf-8").splitlines() if file and file.is_file() else ():
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict):
            yield content


def append(out: Path, result: dict[str, Any]) -> None:
    """One more line of a folder's results."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / RESULTS).open("ab+") as file:
        if file.tell() and file.seek(-1, 2) and file.read(1) != b"\n":
            file.write(b"\n")  # the line before was cut short
        file.write(json.dumps(result).encode() + b"\n")
