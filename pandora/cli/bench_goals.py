"""`pandora bench goals`: whose goal is it, told while a film is seen."""

import json as jsons
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pandora.cli.options import Device, Json, Out, Processes, Redraws, Seed, Steps, Weights
from pandora.config import DEFAULT_STEPS
from pandora.errors import UnknownName
from pandora.media import save_plot

if TYPE_CHECKING:
    from pandora.evaluation.rows import Row
    from pandora.planning.benchmark import Watched

_PIPE_WIDTH = 120
_TARGET = 0.80  # of goals.half_film
_EPISODES = {"film": 60, "actions": 60, "oracle": 400, "heuristic": 400}
_QUICK = {"film": 6, "actions": 6, "oracle": 60, "heuristic": 60}

Track = Annotated[list[str] | None, typer.Option(help="film, actions, oracle, heuristic; several.", show_default="all")]
Episodes = Annotated[
    int | None,
    typer.Option(min=1, help="Of each track.", show_default="60; 400 where nothing is imagined"),
]
Quick = Annotated[bool, typer.Option("--quick", help="A look in a minute or two: 6 episodes, or 60.")]
Beta = Annotated[float, typer.Option(min=0, help="How rational the actor is taken to be.")]
Calls = Annotated[int, typer.Option(min=1, help="Clips that one look may take.")]


def goals(
    weights: Weights,
    track: Track = None,
    episodes: Episodes = None,
    quick: Quick = False,
    beta: Beta = 2.0,
    calls: Calls = 16,
    steps: Steps = DEFAULT_STEPS,
    redraws: Redraws = 2,
    out: Out = Path("runs/goals"),
    json: Json = None,
    processes: Processes = 2,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Inverse planning: which of four goals an actor has, by the share of its film that was seen.

    An actor builds towers in the simulator, mostly by shortest plans. The film track sees its film and lets the model
    imagine what each goal would ask for; `actions` sees the first picture and hears the sentences; `oracle` plans with
    the simulator; `heuristic` takes the goal of which most holds.
    """
    from pandora import checkpoint
    from pandora.planning import benchmark
    from pandora.planning.inverse import Actor

    tracks = list(dict.fromkeys(track or benchmark.WATCHERS))
    for name in tracks:
        if name not in benchmark.WATCHERS:
            raise UnknownName("track", name, list(benchmark.WATCHERS))
    modelled = any(name in benchmark.IMAGINING for name in tracks)
    setup = benchmark.WatchSetup(
        weights=weights, fingerprint=checkpoint.fingerprint(weights) if modelled else "", device=device, seed=seed,
        steps=steps, redraws=redraws, calls=calls, actor=Actor(beta=beta),
    )  # fmt: skip
    counts = {name: episodes or (_QUICK if quick else _EPISODES)[name] for name in tracks}
    found: list[Watched] = []
    for name in sorted(tracks, key=lambda name: name in benchmark.IMAGINING):
        found += benchmark.watch_all(setup, [name], counts[name], out, processes if name in benchmark.IMAGINING else 1)
    settings = asdict(setup) | {"weights": weights.name if modelled else "", "episodes": counts, "quick": quick}
    publish([name for name in benchmark.WATCHERS if name in tracks], found, settings, out, json)


def rows_of(tracks: Sequence[str], found: Sequence["Watched"]) -> "list[Row]":
    """Half the film first, then the accuracy of every track by what was seen, then what it took."""
    from pandora.evaluation.rows import mean
    from pandora.planning.benchmark import IMAGINING, SEEN

    rows = []
    for track in tracks:
        own = [watched for watched in found if watched.track == track]
        rows += [_accuracy(f"goals.{track}.{seen:g}", own, seen) for seen in SEEN]
        if track in IMAGINING:
            rows.append(mean(f"goals.{track}.calls", [watched.calls for watched in own], "calls"))
            rows.append(mean(f"goals.{track}.seconds", [watched.seconds for watched in own], "s"))
            told = [sum(watched.told) / len(watched.told) for watched in own]
            rows.append(mean(f"goals.{track}.evidence", told, "share"))
    film = [watched for watched in found if watched.track == "film"]
    return [*([_accuracy("goals.half_film", film, 0.5)] if film else []), *rows]


def _accuracy(name: str, found: Sequence["Watched"], seen: float) -> "Row":
    from pandora.evaluation.rows import Row, wilson

    n, hits = len(found), sum(watched.hit(seen) for watched in found)
    low, high = wilson(hits, n)  # type: ignore[arg-type]  # a goal's part of a tie is a part of an episode
    return Row(name, hits / n, "share", low, high, n)


def publish(
    tracks: Sequence[str], found: Sequence["Watched"], settings: dict, out: Path, json_path: Path | None
) -> None:
    """Print the table; write rows and plot into the folder, and the rows to `json_path`."""
    console, rows = Console(), rows_of(tracks, found)
    if not console.is_terminal:
        console.width = max(console.width, _PIPE_WIDTH)
    by_name = {row.name: row for row in rows}
    console.print(_table(tracks, by_name))
    if half := by_name.get("goals.half_film"):
        told = f"goals.half_film {half.value:.3f} ({half.low:.3f} to {half.high:.3f}), target {_TARGET:.2f}"
        console.print(told, highlight=False)
    out.mkdir(parents=True, exist_ok=True)
    content = jsons.dumps({"rows": [asdict(row) for row in rows], "settings": settings}, indent=1) + "\n"
    for path in (out / "rows.json", *([json_path] if json_path else [])):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    plot(tracks, by_name, out / "accuracy_vs_seen.png")
    console.print(f"Written: {out}/rows.json, {out}/accuracy_vs_seen.png", highlight=False, soft_wrap=True)


def _table(tracks: Sequence[str], rows: "dict[str, Row]") -> Table:
    from pandora.planning.benchmark import SEEN

    table = Table(title="the likeliest goal is the actor's", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("film seen", no_wrap=True)
    for head in (*(f"{seen:.0%}" for seen in SEEN), "half: 95 % interval", "calls", "n"):
        table.add_column(head, justify="right", no_wrap=True)
    for track in tracks:
        half = rows[f"goals.{track}.0.5"]
        calls = rows.get(f"goals.{track}.calls")
        shares = [f"{rows[f'goals.{track}.{seen:g}'].value:.2f}" for seen in SEEN]
        spent = "" if calls is None else f"{calls.value:.0f}"
        table.add_row(track, *shares, f"{half.low:.3f} to {half.high:.3f}", spent, str(half.n))
    return table


def plot(tracks: Sequence[str], rows: "dict[str, Row]", path: Path) -> None:
    """Accuracy by the share of the film that was seen, with intervals, and chance."""
    from matplotlib.figure import Figure

    from pandora.planning.benchmark import CHANCE, SEEN

    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    axis = figure.subplots()
    for track in tracks:
        shown = [rows[f"goals.{track}.{seen:g}"] for seen in SEEN]
        (line,) = axis.plot(SEEN, [row.value for row in shown], marker="o", linewidth=1.5, label=track)
        axis.fill_between(
            SEEN, [row.low for row in shown], [row.high for row in shown], alpha=0.12, color=line.get_color()
        )
    for name, value in (("chance", CHANCE), ("target at half", _TARGET)):
        axis.axhline(value, color="#9ca3af", linewidth=0.8, linestyle=":")
        axis.text(0.99, value, name, fontsize=7, color="#6b7280", ha="right", transform=axis.get_yaxis_transform())
    axis.set(xlabel="share of the film that was seen", ylabel="the likeliest goal is the actor's", ylim=(0, 1.02))
    axis.set_xticks(SEEN)
    axis.grid(alpha=0.25)
    figure.legend(fontsize=7, loc="outside right upper")
    save_plot(figure, path, dpi=130)
