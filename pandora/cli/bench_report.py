"""What a planning benchmark found: rows with intervals, a table, and success against model calls as a plot."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pandora.evaluation.rows import Row, mean, wilson
from pandora.media import save_plot
from pandora.planning.benchmark import Entry, Result

_PIPE_WIDTH = 160
ANCHORS = {"CoT": 0.05, "ToT": 0.09, "RAP": 0.51}  # Llama-2 70B, in text, on the same problems (LLM Reasoners)


@dataclass(frozen=True)
class Report:
    """`whole` is how many tasks a whole run of one entry has, for the minutes that it takes."""

    entries: Sequence[Entry]
    results: Sequence[Result]
    settings: dict[str, Any]
    whole: int

    def of(self, entry: Entry) -> list[Result]:
        return [result for result in self.results if result.entry == entry.name]

    @property
    def bench(self) -> str:
        """What the names of rows begin with."""
        world = self.settings.get("world", "blocks")
        return "blocksworld" if world == "blocks" else f"{world}.plans"

    def title(self, entry: Entry) -> str:
        """The row's name: the first planner of a track goes without its own."""
        if entry.track in ("oracle", "reactive"):
            return entry.name.replace("blocksworld", self.bench)
        first = next(other.planner for other in self.entries if other.track == entry.track)
        loop = "closed" if entry.closed else "open"
        plain = f"{self.bench}.{entry.track}.{loop}"
        if entry.track == "ablated" and not entry.closed:
            plain = f"{self.bench}.ablated"
        return plain if entry.planner == first else f"{plain}.{entry.planner}"

    def rows(self) -> list[Row]:
        """Every row: each entry whole and in parts, then minutes and optimism of the video track."""
        rows = [row for entry in self.entries if self.of(entry) for row in self._entry_rows(entry)]
        video = next((entry for entry in self.entries if entry.track == "video" and not entry.closed), None)
        found = self.of(video) if video else []
        if found:
            minutes = [result.seconds / result.processes * self.whole / 60 for result in found]
            spent = mean(f"{self.bench}.minutes", minutes, "min")
            rows += [spent, mean("plans.optimism", [r.predicted - r.success for r in found], "share")]
        return rows

    def _entry_rows(self, entry: Entry) -> list[Row]:
        found, name = self.of(entry), self.title(entry)
        parts: dict[str, Callable[[Result], bool]] = {
            "": lambda _: True, ".held_out": lambda r: r.held_out, ".trained": lambda r: not r.held_out,
        }  # fmt: skip
        parts |= {f".length_{n}": lambda r, n=n: r.length == n for n in sorted({r.length for r in found})}
        parts |= {f".blocks_{n}": lambda r, n=n: r.things == n for n in sorted({r.things for r in found})}
        if entry.closed:
            parts[".within_shortest"] = lambda _: True
        rows = []
        for part, belongs in parts.items():
            if chosen := [result for result in found if belongs(result)]:
                tight = part == ".within_shortest"
                rows.append(
                    success(name + part, [(r, r.success and not (tight and r.steps > r.length)) for r in chosen])
                )
        for why in sorted({result.why for result in found} - {""}):
            rows.append(success(f"{name}.failed.{why.replace(' ', '_')}", [(r, r.why == why) for r in found]))
        rows.append(mean(f"{name}.calls", [result.calls for result in found], "calls"))
        return [*rows, mean(f"{name}.seconds", [result.seconds for result in found], "s")]


def success(name: str, outcomes: Sequence[tuple[Result, bool]]) -> Row:
    """The share of problems solved; layouts of one problem are one problem, solved in part."""
    problems: dict[str, list[bool]] = {}
    for result, good in outcomes:
        problems.setdefault(result.problem.rpartition("@")[0], []).append(good)
    n, hits = len(problems), sum(sum(layouts) / len(layouts) for layouts in problems.values())
    low, high = wilson(hits, n)  # type: ignore[arg-type]  # a share of a problem is as good as a problem
    return Row(name, hits / n, "share", low, high, n)


def publish(report: Report, out: Path, json_path: Path | None) -> None:
    """Print the table; write it, the rows and the plot into the folder, and the rows to `json_path`."""
    console, rows = Console(), report.rows()
    if not console.is_terminal:
        console.width = max(console.width, _PIPE_WIDTH)
    by_name = {row.name: row for row in rows}
    console.print(_table(report, by_name))
    for name in (f"{report.bench}.minutes", "plans.optimism"):
        if name in by_name:
            row = by_name[name]
            console.print(f"{name} {row.value:.3f} ({row.low:.3f} to {row.high:.3f})", highlight=False)
    out.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"rows": [asdict(row) for row in rows], "settings": report.settings}, indent=1) + "\n"
    for path in (out / "rows.json", *([json_path] if json_path else [])):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    plot(report, out / "success_vs_calls.png")
    console.print(f"Written: {out}/rows.json, {out}/success_vs_calls.png", highlight=False, soft_wrap=True)


def _table(report: Report, rows: dict[str, Row]) -> Table:
    lengths = sorted({result.length for result in report.results})
    settings = report.settings
    layouts = f"{settings['layouts']} layout{'s' if settings['layouts'] > 1 else ''}"
    title = f"{settings['problems']} {settings['data']} problems in {layouts} {settings['weights']}"
    table = Table(title=title.strip(), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    heads = ("solved", "95 % interval", *map(str, lengths), "held out", "trained", "calls", "seconds", "n")
    table.add_column("plan of length", no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for name in dict.fromkeys(report.title(entry) for entry in report.entries if report.of(entry)):
        row = rows[name]
        parts = [f"length_{length}" for length in lengths] + ["held_out", "trained"]
        shares = [f"{rows[f'{name}.{part}'].value:.2f}" if f"{name}.{part}" in rows else "" for part in parts]
        spent = (f"{rows[f'{name}.calls'].value:.0f}", f"{rows[f'{name}.seconds'].value:.2f}")
        table.add_row(name, f"{row.value:.3f}", f"{row.low:.3f} to {row.high:.3f}", *shares, *spent, str(row.n))
    return table


def plot(report: Report, path: Path) -> None:
    """The share of problems solved with at most so many model calls."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    axis = figure.subplots()
    for entry in report.entries:
        found = report.of(entry)
        solved = sorted(max(result.calls, 1) for result in found if result.success)
        if solved:
            shares = [(index + 1) / len(found) for index in range(len(solved))]
            last = max(max(result.calls for result in found), solved[-1])
            axis.step([*solved, last], [*shares, shares[-1]], where="post", label=report.title(entry), linewidth=1.5)
    for name, value in ANCHORS.items() if report.bench == "blocksworld" else ():
        axis.axhline(value, color="#9ca3af", linewidth=0.8, linestyle=":")
        axis.text(0.99, value, name, fontsize=7, color="#6b7280", ha="right", transform=axis.get_yaxis_transform())
    axis.set(xscale="log", xlabel="model calls a problem", ylabel="solved", ylim=(0, 1.02))
    axis.grid(alpha=0.25)
    if axis.get_legend_handles_labels()[1]:
        figure.legend(fontsize=7, loc="outside right upper")
    save_plot(figure, path, dpi=130)
