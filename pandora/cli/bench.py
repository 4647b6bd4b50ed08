"""`pandora bench`: the group, and `pandora bench blocksworld`; other packages add their own benches to it."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pandora.cli.bench_agreement import agreement
from pandora.cli.bench_goals import goals
from pandora.cli.bench_novelty import novelty
from pandora.cli.bench_speed import bench_preset
from pandora.cli.options import Device, Json, Out, Processes, Redraws, Seed, Steps, Weights
from pandora.config import DEFAULT_STEPS
from pandora.errors import InvalidInput, UnknownName

if TYPE_CHECKING:
    from pandora.planning.benchmark import Entry, Setup

_STANDARD = 60  # problems of the standard slice
_LAYOUTS = 3  # of a whole run
_TRACKS = ["video", "ablated", "reactive"]


def make_group() -> typer.Typer:
    """A fresh group, so that plugins can add to it."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(bench_preset)
    group.command("blocksworld")(blocksworld)
    group.command("plans")(plans)
    group.command("agreement")(agreement)
    group.command("goals")(goals)
    group.command("novelty")(novelty)
    return group


Data = Annotated[
    Path | None,
    typer.Option(
        help="Folder of public problems: split_v1/step_*.json of LLM Reasoners' Blocksworld, and the PDDL files of "
        "LLMs-Planning as pddl/generated_basic*. Without it problems like them are drawn.",
        show_default="drawn problems",
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        help="video (plans in pictures), text (in words), sketched (in words, then drawn), reactive (no model: what "
        "looks best now), ablated (told something else than the action), oracle (the simulator as the model); several. "
        "video.closed: in the closed loop alone.",
        show_default="video, ablated, reactive",
    ),
]
PlannerNames = Annotated[
    list[str] | None,
    typer.Option(
        help="astar, bfs, beam_8, beam_8_score, mcts_10, mcts_10_prior, cem, icem, mppi, random, greedy; several.",
        show_default="astar; oracle: all",
    ),
]
Slice = Annotated[str, typer.Option("--slice", help=f"standard ({_STANDARD} problems), full, or a number.")]
Closed = Annotated[
    bool,
    typer.Option("--closed", help="Every track also in the closed loop: looking after every action, planning again."),
]
Layouts = Annotated[
    int | None, typer.Option(min=1, max=16, help="Pictures of each problem.", show_default="full: 3, otherwise 1")
]
PlannedWorld = Annotated[str, typer.Option(help="Kind of world, such as platformer.")]
AnyAction = Annotated[
    bool, typer.Option("--any-action", help="Propose all that can be said, not only what the rules allow.")
]
Samples = Annotated[int, typer.Option(min=1, max=32, help="Samples of every imagined step.")]
Checks = Annotated[int, typer.Option(min=0, max=32, help="Times a plan is tried before it is trusted.")]
Tries = Annotated[int, typer.Option(min=1, max=32, help="Searches, each with other noise, until one succeeds.")]
Calls = Annotated[int, typer.Option(min=1, help="Clips that one plan may take.")]


def blocksworld(
    weights: Weights,
    data: Data = None,
    slice_: Slice = "standard",
    track: Track = None,
    planner: PlannerNames = None,
    closed: Closed = False,
    layouts: Layouts = None,
    any_action: AnyAction = False,
    samples: Samples = 1,
    redraws: Redraws = 2,
    checks: Checks = 0,
    tries: Tries = 3,
    calls: Calls = 200,
    steps: Steps = DEFAULT_STEPS,
    out: Out = Path("runs/blocksworld"),
    json: Json = None,
    processes: Processes = 2,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Visual Blocksworld: plan from a picture and a sentence, carry the plan out in the simulator.

    The planner sees the start picture, the goal sentence and the action templates; facts, legality and goal tests come
    from generated frames. A plan has at most as many actions as the shortest one; in the closed loop twice as many.
    """
    from pandora.planning import benchmark

    setup = benchmark.Setup(
        weights=weights, data=data, seed=seed, device=device, steps=steps, samples=samples, redraws=redraws,
        checks=checks, tries=tries, calls=calls, rules=not any_action,
    )  # fmt: skip
    entries = choose(track or _TRACKS, planner, closed)
    _measure(setup, entries, slice_, layouts, out, json, processes)


def plans(
    weights: Weights,
    world: PlannedWorld,
    slice_: Slice = "standard",
    track: Track = None,
    planner: PlannerNames = None,
    closed: Closed = False,
    redraws: Redraws = 2,
    tries: Tries = 3,
    calls: Calls = 200,
    steps: Steps = DEFAULT_STEPS,
    out: Out = Path("runs/plans"),
    json: Json = None,
    processes: Processes = 2,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Plans in another world that has problems: as `blocksworld`, from pictures, carried out in the simulator.

    In the platformer: reach the goal, collect all coins, beat all foes, in rooms that nobody trained on.
    """
    from pandora.planning import benchmark

    setup = benchmark.Setup(
        weights=weights, world=world, seed=seed, device=device, steps=steps, redraws=redraws, tries=tries, calls=calls
    )
    _measure(setup, choose(track or _TRACKS, planner, closed), slice_, None, out, json, processes)


def _measure(
    setup: "Setup",
    entries: list["Entry"],
    slice_: str,
    layouts: int | None,
    out: Path,
    json: Path | None,
    processes: int,
) -> None:
    from pandora import checkpoint
    from pandora.cli import bench_report as report
    from pandora.planning import benchmark

    modelled = any(entry.track in benchmark.MODELLED for entry in entries)
    if modelled:
        setup = replace(setup, fingerprint=checkpoint.fingerprint_for(setup.weights, setup.world))
    bench = benchmark.Bench(setup)
    numbers = take(len(bench.problems(0)), slice_)
    layouts = layouts or (_LAYOUTS if slice_ == "full" else 1)
    results = benchmark.run(setup, entries, numbers, layouts, out, processes, bench=bench)
    settings = asdict(setup) | {
        "weights": setup.weights.name if modelled else "", "data": "public" if setup.data else "drawn",
        "slice": slice_, "problems": len(numbers), "layouts": layouts, "processes": processes,
    }  # fmt: skip
    whole = len(bench.problems(0)) * (layouts if slice_ == "full" else _LAYOUTS)
    report.publish(report.Report(entries, results, settings, whole), out, json)


def choose(tracks: list[str], planners: list[str] | None, closed: bool) -> list:
    """The entries that were asked for. Raises UnknownName for a track or planner that does not exist."""
    from pandora.planning import benchmark

    entries: dict[str, benchmark.Entry] = {}
    for asked in tracks:
        track, _, only = asked.partition(".")
        if track not in benchmark.TRACKS or only not in ("", "closed"):
            raise UnknownName("track", asked, list(benchmark.TRACKS))
        if track == "oracle" and not planners:
            entries |= {entry.name: entry for entry in benchmark.CALIBRATION}
        else:
            for name in planners or ["astar"]:
                benchmark.make_planner(name)
                for loop in (True,) if only else (False, True) if closed else (False,):
                    entry = benchmark.Entry(track=track, planner=name, closed=loop and track != "reactive")
                    entries[entry.name] = entry
    return list(entries.values())


def take(count: int, wanted: str) -> list[int]:
    """The numbers of the slice's problems, spread evenly over their lengths. Raises InvalidInput."""
    if wanted == "full":
        return list(range(count))
    if wanted != "standard" and not (wanted.isdecimal() and int(wanted) > 0):
        raise InvalidInput(f"The slice is standard, full or a number from 1, not {wanted!r}.")
    size = min(count, _STANDARD if wanted == "standard" else int(wanted))
    return [int((index + 0.5) * count / size) for index in range(size)]
