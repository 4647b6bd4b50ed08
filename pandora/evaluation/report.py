"""The rows as a table in the terminal, as Markdown and as JSON."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pandora.evaluation.phrases import Followed, worst
from pandora.evaluation.rows import Row

BASELINES = ("copy_last", "action_ablated", "oracle")
TARGETS = {
    "next_state.in_distribution": 0.99,
    "next_state.held_out_phrasings": 0.94,
    "next_state.held_out_transitions": 0.97,
    "unchanged.illegal": 0.97,
    "unchanged.wait": 0.97,
    "horizon.8": 0.93,
    "horizon.24": 0.80,
    "counterfactual_pairs": 0.90,
    "readout.true_frames": 0.999,
}
OVERVIEW = {  # rows that every world has, and what they are called in the table of all worlds
    "followed": "followed",
    "followed.held_out_phrasings": "other words",
    "followed.held_out_transitions": "unseen",
    "followed.illegal": "forbidden",
    "followed.copy_last": "copy last",
    "followed.oracle": "oracle",
    "horizon.8": "8 actions",
    "horizon.24": "24 actions",
    "drift": "drift",
    "nonsense": "nonsense",
    "judge": "judge",
}
_SHOWN = 12  # templates in the terminal
_NAME_WIDTH = 34  # up to which names are kept on one line


@dataclass
class Report:
    """What was measured, with which settings; `fates` is filled where the user's own phrases were."""

    rows: list[Row]
    settings: dict[str, Any]
    fates: list[Followed] = field(default_factory=list)

    def __getitem__(self, name: str) -> Row:
        return self._by_name[name]

    @property
    def _by_name(self) -> dict[str, Row]:
        return {row.name: row for row in self.rows}

    def main_rows(self) -> list[Row]:
        """The rows of the model itself, without those by verb."""
        return [row for row in self.rows if ".verb." not in row.name and not row.name.endswith(BASELINES)]

    def baseline(self, row: Row, name: str) -> Row | None:
        return self._by_name.get(f"{row.name}.{name}")

    def of(self, world: str | None) -> "Report":
        """The rows under a world's name, or, for None, those without any."""
        worlds = self.settings.get("worlds", [])
        rows = [row for row in self.rows if _world(row, worlds) == world]
        return Report(rows, self.settings, self.fates if world is None else [])

    def by_verb(self) -> tuple[list[str], dict[str, dict[str, Row]]]:
        """The kinds that are split by verb, and verb -> kind -> row."""
        kinds: dict[str, None] = {}
        table: dict[str, dict[str, Row]] = {}
        for row in self.rows:
            kind, found, verb = row.name.partition(".verb.")
            if found:
                kinds[kind] = None
                table.setdefault(verb, {})[kind] = row
        return list(kinds), dict(sorted(table.items()))

    def write_json(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"rows": [asdict(row) for row in self.rows], "settings": self.settings}
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def show(report: Report, console: Console) -> None:
    """Print the tables."""
    settings = report.settings
    title = f"{settings['model']} in the world {settings['world']}, {settings['steps']} steps"
    for name, header, rows in _tables(report, brief=True):
        table = Table(title=name or title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        longest = max(len(row[0]) for row in rows)
        table.add_column(header[0], min_width=min(longest, _NAME_WIDTH))
        for heading in header[1:]:
            table.add_column(heading, justify="right")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    console.print(_footer(settings), highlight=False, soft_wrap=True)


def markdown(report: Report) -> str:
    """The same tables, whole, with what the rows mean."""
    settings = report.settings
    parts = [f"# {settings['model']} in the world {settings['world']}", _footer(settings)]
    for name, header, rows in _tables(report, brief=False):
        parts += [f"## {name}"] if name else []
        lines = [header, [":--", *["--:"] * (len(header) - 1)], *rows]
        parts.append("\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines))
    parts.append("\n".join(f"- `{name}`: {meaning}" for name, meaning in settings.get("meaning", {}).items()))
    return "\n\n".join(part for part in parts if part) + "\n"


Cells = list[list[str]]


def _tables(report: Report, brief: bool) -> list[tuple[str, list[str], Cells]]:
    """Title, header and rows of each table, world by world; `brief` for a terminal."""
    worlds = report.settings.get("worlds", [])
    parts = [(name, part) for name in (None, *worlds) if (part := report.of(name)).rows]
    tables = [_overview(report, [name for name, _ in parts if name])] if len(worlds) > 1 else []
    for name, part in parts:
        tables.append((f"The world {name}" if name and len(parts) > 1 else "", *_main(part, brief)))
        kinds, by_verb = part.by_verb()
        if kinds:
            cells = [
                [verb, *(f"{row.value:.3f} ({row.n})" if (row := found.get(kind)) else "" for kind in kinds)]
                for verb, found in by_verb.items()
            ]
            heads = [kind.rpartition(".")[2].replace("_", " ") for kind in kinds]
            tables.append((f"Accuracy by verb (n){f', {name}' if name else ''}", ["verb", *heads], cells))
    if report.fates:
        fates = worst(report.fates)[: _SHOWN if brief else None]
        cells = [
            [fate.template.text, fate.template.verb, f"{fate.right}/{fate.n}", f"{fate.stayed}/{fate.n}"]
            for fate in fates
        ]
        tables.append(("Least followed first", ["sentence", "verb", "followed", "nothing happened"], cells))
    return tables


def _overview(report: Report, worlds: list[str]) -> tuple[str, list[str], Cells]:
    """A line a world, with the rows that all have."""
    rows = {row.name: row for row in report.rows}
    cells = [
        [world, *(_number(row) if (row := rows.get(f"{world}.{name}")) else "" for name in OVERVIEW)]
        for world in worlds
    ]
    return "World by world", ["world", *OVERVIEW.values()], cells


def _main(report: Report, brief: bool) -> tuple[list[str], Cells]:
    """All rows but those by verb, with the baselines beside them."""
    baselines = [name for name in BASELINES if any(row.name.endswith(f".{name}") for row in report.rows)]
    header = ["row", "value", "95 % interval", "n", "to reach", *(name.replace("_", " ") for name in baselines)]
    main = [row for row in report.main_rows() if not brief or _is_brief(row)]
    return header, [
        [
            row.name, _number(row), f"{_number(row, row.low)} – {_number(row, row.high)}", str(row.n),
            f"{TARGETS[row.name]:g}" if row.name in TARGETS else "",
            *(_number(other) if (other := report.baseline(row, name)) else "" for name in baselines),
        ]
        for row in main
    ]  # fmt: skip


def _world(row: Row, worlds: list[str]) -> str | None:
    first = row.name.partition(".")[0]
    return first if first in worlds else None


def _is_brief(row: Row) -> bool:
    kind, _, last = row.name.partition(".")
    return kind != "horizon" or int(last) in (1, 2, 4) or int(last) % 8 == 0


def _number(row: Row, value: float | None = None) -> str:
    number = row.value if value is None else value
    return f"{number:.3f}" if row.unit == "share" else f"{number:.1f}" if row.unit == "dB" else f"{number:.2f}"


def _footer(settings: dict[str, Any]) -> str:
    return (
        f"{settings['seconds']:.0f} s on {settings['device']}, processes: {settings['processes']}, "
        f"seed {settings['seed']}, weights {settings['fingerprint'][:12]}"
    )
