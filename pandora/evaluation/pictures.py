"""The rows as plots, and examples to look at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pandora.evaluation.measures import DETAILED, Bench, Example
from pandora.evaluation.report import BASELINES, TARGETS, Report
from pandora.evaluation.rows import Row
from pandora.media import Frames, contact_sheet, encode_png, save_film, save_plot

_COLOURS = {"": "#2563eb", "copy_last": "#9ca3af", "action_ablated": "#f59e0b", "oracle": "#16a34a"}
_GAP = 4  # pixels between the pictures of a film
_COLUMNS = 5  # frames of a clip on a sheet
_STRIPPED, _TURNS = 2, 6  # rollouts shown as strips, and actions of each


def draw_all(report: Report, benches: Sequence[Bench], out: Path) -> list[Path]:
    """Write what there is to show of every world into `out`; returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    return [path for bench in benches for path in _draw_world(report, bench, out)]


def _draw_world(report: Report, bench: Bench, out: Path) -> list[Path]:
    """A world's plots, examples, strips and film; the files carry its name where its rows do."""
    name = bench.prefix.rstrip(".")
    end = f"-{name}" if name else ""
    part, drawn = report.of(name or None), []
    if not name and any(row.name.startswith("horizon.") for row in part.rows):
        drawn.append(_horizon(part, out / "horizon.png"))
    drawn.append(_bars(part, out / f"rows{end}.png"))
    for kind, sheet in (
        ("examples", sorted(bench.examples, key=lambda example: example.right)),
        ("strips", _strips(bench.films, bench.world.frames_per_action)),
    ):
        if sheet:
            drawn.append(out / f"{kind}{end}.png")
            drawn[-1].write_bytes(encode_png(_sheet(sheet)))
    if bench.films:
        drawn.append(save_film(out / f"rollouts{end}.mp4", _side_by_side(bench.films), bench.world.fps))
    return drawn


def _strips(films: Sequence[Example], frames: int) -> list[Example]:
    """The first actions of the first rollouts, a strip each: the frame before an action, then what was made of it."""
    strips = []
    for film in films[:_STRIPPED]:
        for turn, sentence in enumerate(film.sentences[:_TURNS]):
            part = slice(turn * frames, (turn + 1) * frames + 1)
            strips.append(Example(sentence, True, film.made[part], film.truth[part]))
    return strips


def _horizon(report: Report, path: Path) -> Path:
    """Accuracy after k actions, with interval bands."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    for name, colour in _COLOURS.items():
        points = _curve(report, name)
        if points:
            ks, rows = zip(*points, strict=True)
            label = name.replace("_", " ") or "model"
            axis.plot(ks, [r.value for r in rows], color=colour, label=label, linewidth=2.2 if not name else 1.3)
            axis.fill_between(ks, [r.low for r in rows], [r.high for r in rows], color=colour, alpha=0.15, linewidth=0)
    ks = [k for k, _ in _curve(report, "")]
    single = report[DETAILED].value
    axis.plot(ks, [single**k for k in ks], ":", color="#6b7280", label=f"{single:.3f} to the power of k")
    aims = [(k, TARGETS[name]) for k in ks if (name := f"horizon.{k}") in TARGETS]
    axis.plot(*zip(*aims, strict=True), "k_", markersize=14, label="to reach") if aims else None
    axis.set(xlabel="actions in a row, k", ylabel="whole state right", ylim=(-0.02, 1.02), xlim=(1, max(2, max(ks))))
    axis.grid(alpha=0.25)
    figure.legend(fontsize=8, loc="outside upper center", ncols=6)
    return save_plot(figure, path, dpi=130)


def _curve(report: Report, name: str) -> list[tuple[int, Row]]:
    found = []
    for row in report.rows:
        kind, k, entry = [*row.name.split("."), "", ""][:3]
        if kind == "horizon" and entry == name:
            found.append((int(k), row))
    return found


def _bars(report: Report, path: Path) -> Path:
    """Every share as a bar with its interval, its baselines as marks and its target as a line."""
    rows = [r for r in report.main_rows() if r.unit == "share" and not r.name.startswith("horizon.")]
    if not rows:
        return path
    rows += [report[name] for name in ("horizon.8", "horizon.24") if any(r.name == name for r in report.rows)]
    figure = Figure(figsize=(8, 0.9 + 0.34 * len(rows)), layout="constrained")
    axis = figure.subplots()
    places = np.arange(len(rows))[::-1]
    errors = [[r.value - r.low for r in rows], [r.high - r.value for r in rows]]
    axis.barh(places, [r.value for r in rows], xerr=np.maximum(errors, 0), color="#93b4f5", height=0.62, capsize=3)
    for name in BASELINES:
        marks = [(b.value, place) for row, place in zip(rows, places, strict=True) if (b := report.baseline(row, name))]
        if marks:
            axis.plot(
                *zip(*marks, strict=True), "D", color=_COLOURS[name], markersize=4.5, label=name.replace("_", " ")
            )
    aims = [(TARGETS[row.name], place) for row, place in zip(rows, places, strict=True) if row.name in TARGETS]
    if aims:
        axis.plot(*zip(*aims, strict=True), "k|", markersize=15, markeredgewidth=1.8, label="to reach")
    axis.set_yticks(places, [f"{row.name}  {row.value:.3f}" for row in rows], fontsize=8)
    axis.set_xlim(-0.02, 1.02)
    axis.grid(axis="x", alpha=0.25)
    if axis.get_legend_handles_labels()[1]:
        figure.legend(fontsize=8, loc="outside upper center", ncols=4)
    return save_plot(figure, path, dpi=130)


def _sheet(examples: Sequence[Example]) -> Frames:
    """Two rows an example: made, and true. Start picture first."""
    clips, captions = [], []
    for example in examples:
        clips += [example.made, example.truth]
        captions += [example.caption, "truth"]
    return contact_sheet(clips, captions, columns=_COLUMNS)


def _side_by_side(films: Sequence[Example]) -> Frames:
    """One film: what the model made above, the truth below, a column a rollout."""
    columns = [np.concatenate([_pad(film.made, 1), _pad(film.truth, 1)], axis=1) for film in films]
    return np.concatenate([_pad(column, 2) for column in columns], axis=2)


def _pad(frames: Frames, axis: int) -> Frames:
    widths = [(0, 0)] * 4
    widths[axis] = (0, _GAP)
    return np.pad(frames, widths, constant_values=255)
