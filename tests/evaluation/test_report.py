"""The tables of several worlds."""

import io

from rich.console import Console

from pandora.evaluation.report import Report, markdown, show
from pandora.evaluation.rows import Row

SETTINGS = {
    "model": "m", "world": "blocks, road", "worlds": ["blocks", "road"], "steps": 2, "seconds": 1.0, "device": "cpu",
    "processes": 1, "seed": 0, "fingerprint": "f" * 20, "meaning": {"W.followed": "all is right"},
}  # fmt: skip


def row(name: str, value: float) -> Row:
    return Row(name, value, "share", value, value, 7)


ROWS = [
    row("next_state.in_distribution", 0.91), row("next_state.in_distribution.verb.stack", 0.81),
    row("blocks.followed", 0.91), row("road.followed", 0.72), row("road.followed.copy_last", 0.11),
    row("road.followed.verb.brake", 0.62), row("road.horizon.8", 0.52),
]  # fmt: skip


def test_a_table_a_world_and_one_for_all() -> None:
    text = markdown(Report(ROWS, SETTINGS))
    parts = text.split("\n## ")
    overview, blocks, road, by_verb = parts[1], *parts[-3:]
    assert overview.startswith("World by world")
    assert "| road | 0.720 |  |  |  | 0.110 |  | 0.520 |" in overview
    assert "next_state.in_distribution" in parts[1] + parts[2]
    assert "blocks.followed" in blocks
    assert "road" not in blocks
    assert "| road.followed | 0.720 |" in road
    assert "brake" in by_verb
    assert "stack" not in by_verb
    assert "- `W.followed`: all is right" in text


def test_in_the_terminal() -> None:
    said = io.StringIO()
    show(Report(ROWS, SETTINGS), Console(file=said, width=140))
    assert said.getvalue().count("road.followed") == 1
    assert "World by world" in said.getvalue()
    assert "The world road" in said.getvalue()


def test_one_world_alone_needs_no_overview() -> None:
    assert "World by world" not in markdown(Report(ROWS[:3], SETTINGS | {"worlds": ["blocks"]}))
