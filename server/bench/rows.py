"""What a bench found: rows and the settings they were found under, as a table and as JSON."""

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """A measured value with its 95 % interval."""

    name: str
    value: float
    unit: str
    low: float
    high: float
    n: int


def single(name: str, unit: str, value: float, n: int = 1) -> Row:
    """A value without an interval."""
    return Row(name, value, unit, value, value, n)


def bootstrap(name: str, unit: str, samples: Samples, statistic: Callable[[Samples], float]) -> Row:
    """A statistic of samples; its interval from samples drawn again."""
    draws = np.random.default_rng(0).choice(samples, (1000, len(samples)))
    low, high = np.percentile([statistic(draw) for draw in draws], [2.5, 97.5])
    return Row(name, round(statistic(samples), 5), unit, round(float(low), 5), round(float(high), 5), len(samples))


def median(name: str, unit: str, samples: Sequence[float]) -> Row:
    """The median of samples."""
    return bootstrap(name, unit, np.array(samples, np.float64), lambda values: float(np.median(values)))


def settings(options: dict[str, str], model: dict[str, Any] | None, *, quick: bool) -> dict[str, Any]:
    """What was measured, and on what."""
    found = {name: Path(value).name if name == "weights" else value for name, value in options.items()}
    if model is not None:
        found["model"] = model["id"]
        found |= {name: model[name] for name in ("fingerprint", "sampling_steps", "width", "height")}
    return found | {
        "cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version(), "quick": quick,
    }  # fmt: skip


def report(rows: Sequence[Row], settings: dict[str, Any], json_path: Path | None, *, part: bool = False) -> None:
    """Print a table, and write `json_path` if given.

    When only a `part` was measured, the file keeps the other rows that it has, if its settings are the same.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{settings.get('model', 'The service')} on {settings['cpus']} CPUs")
    for heading in ("row", "value", "95 % interval", "unit", "n"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        interval = f"{_show(row.low)} to {_show(row.high)}" if row.low < row.high else ""
        table.add_row(row.name, _show(row.value), interval, row.unit, str(row.n))
    Console().print(table)
    if json_path:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        written = [*(_others(rows, settings, json_path) if part else ()), *(asdict(row) for row in rows)]
        json_path.write_text(json.dumps({"rows": written, "settings": settings}, indent=2) + "\n")


def _others(rows: Sequence[Row], settings: dict[str, Any], json_path: Path) -> list[dict[str, Any]]:
    """What the file has that was not measured again."""
    if not json_path.exists():
        return []
    before = json.loads(json_path.read_text())
    new = {row.name for row in rows}
    return [row for row in before["rows"] if row["name"] not in new] if before["settings"] == settings else []


def _show(value: float) -> str:
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"
