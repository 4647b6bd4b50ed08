"""The jobs of an evaluation, shared by processes: each builds its own bench, and the results come back in order."""

import multiprocessing
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pandora.errors import PandoraError
from pandora.evaluation.measures import Bench

Job = Callable[[Bench], Any]


@dataclass(frozen=True, kw_only=True)
class Workers:
    """With `count` processes, each of which calls `make` for a bench; with one, the bench at hand is used."""

    count: int = 1
    make: Callable[[], Bench] | None = None

    def run(self, bench: Bench, jobs: Sequence[Job]) -> list[Any]:
        """What the jobs return, in their order; examples, films and progress go to `bench`. Raises PandoraError."""
        if self.count == 1 or self.make is None:
            return [job(bench) for job in jobs]
        context = multiprocessing.get_context("spawn")
        asked, told = context.SimpleQueue(), context.SimpleQueue()
        cores = _cores()
        processes = [
            context.Process(target=_work, args=(self.make, cores[number % len(cores)], asked, told), daemon=True)
            for number in range(self.count)
        ]
        for process in processes:
            process.start()
        for item in (*enumerate(jobs), *[None] * self.count):
            asked.put(item)
        results: dict[int, Any] = {}
        try:
            while len(results) < len(jobs):
                kind, *rest = told.get()
                if kind == "failed":
                    raise PandoraError(f"A process of the evaluation failed:\n{rest[0]}")
                if kind == "advance":
                    bench.advance(*rest)
                else:
                    number, results[number], examples, films = rest[0], rest[1], rest[2], rest[3]
                    bench.examples += examples
                    bench.films += films
        finally:
            for process in processes:
                process.kill() if len(results) < len(jobs) else process.join()
        return [results[number] for number in range(len(jobs))]


def _work(make: Callable[[], Bench], core: int, asked: Any, told: Any) -> None:
    """Do jobs until there are none."""
    try:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {core})  # before torch counts its threads
        bench = make()
        bench.advance = lambda row, clips: told.put(("advance", row, clips))
        while (item := asked.get()) is not None:
            number, job = item
            bench.examples, bench.films = [], []
            result = job(bench)
            told.put(("done", number, result, bench.examples, bench.films))
    except BaseException:
        told.put(("failed", traceback.format_exc()))


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
