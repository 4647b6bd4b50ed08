"""`pandora bench rollouts`: many futures of one state through the API, beside as many single steps one at a time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from server.bench.process import Server, begin, start_server
from server.bench.rows import Row, median, report, settings, single
from server.client import Client, World

_COLOURS = ("red", "green", "blue", "yellow", "purple", "orange", "cyan", "pink")
_SENTENCES = (
    "pick up the {} block", "push the {} block to the left", "push the {} block to the right", "put down the {} block",
    "push the {} block away", "push the {} block towards us", "grab the {} block", "move the {} block to the left",
)  # fmt: skip
ACTIONS = [sentence.format(colour) for sentence, colour in product(_SENTENCES, _COLOURS)]


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured. `branches` ** 3 futures share their beginnings."""

    futures: int = 64
    depth: int = 4
    branches: int = 4
    rounds: int
    singles: int  # a round


WHOLE, QUICK = Extent(rounds=3, singles=256), Extent(rounds=1, singles=32)


def measure(options: dict[str, str], *, quick: bool = False, json_path: Path | None = None) -> list[Row]:
    """Start a server with `options` of `serve`, measure, print a table, and write `json_path` if given."""
    extent = QUICK if quick else WHOLE
    with start_server(options) as server:
        model, rows = server.model, _measure(server, extent)
    report(rows, settings(options, model, quick=quick), json_path)
    return rows


def _measure(server: Server, extent: Extent) -> list[Row]:
    apart = _apart(extent)
    together = [[*start, "wait"] for start in product(ACTIONS[: extent.branches], repeat=extent.depth - 1)]
    with Client(server.address, timeout=3600.0) as client:
        world = client.worlds.get(begin(server.address)[0])
        world.act(ACTIONS[0])
        runs, shared, singles = [], [], []
        spared = 0.0
        for _ in range(extent.rounds):
            runs.append(_imagine(world, apart)[:2])
            singles.append(_step(world, extent.singles))
            seconds, _, spared = _imagine(world, together)
            shared.append(seconds)
    steps = extent.futures * extent.depth
    size = f"{extent.futures}x{extent.depth}"
    ratios = [one * steps / seconds for (seconds, _), one in zip(runs, singles, strict=True)]
    return [
        median(f"rollouts.{size}_seconds", "s", [seconds for seconds, _ in runs]),
        median("rollouts.first_result_seconds", "s", [first for _, first in runs]),
        median("rollouts.faster_than_single_steps", "ratio", ratios),
        median(f"rollouts.{len(together)}x{extent.depth}_shared_seconds", "s", shared),
        single("rollouts.spared", "share", round(spared, 4), len(together)),
    ]


def _apart(extent: Extent) -> list[list[str]]:
    """Futures that have no beginning in common."""
    return [
        [ACTIONS[(number + 17 * turn) % len(ACTIONS)] for turn in range(extent.depth)]
        for number in range(extent.futures)
    ]


def _imagine(world: World, candidates: Sequence[Sequence[str]]) -> tuple[float, float, float]:
    """Seconds until the last future, and until the first; the share of steps spared. Every future is complete."""
    began, first = time.perf_counter(), 0.0
    rollout = world.rollouts(candidates)
    for future in rollout:
        assert future.complete, future.view.code
        first = first or time.perf_counter() - began
    return time.perf_counter() - began, first, rollout.view.spared


def _step(world: World, count: int) -> float:
    """Seconds a step, one at a time, each of them committed."""
    began = time.perf_counter()
    for number in range(count):
        world.act(ACTIONS[number % len(ACTIONS)])
    return (time.perf_counter() - began) / count
