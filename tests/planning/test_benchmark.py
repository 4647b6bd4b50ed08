"""The benchmark: every track on drawn problems, resumed where it stopped, with rows, table and plot."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pandora.cli import bench as command
from pandora.cli.bench_report import Report, success
from pandora.cli.main import create_app
from pandora.errors import InvalidInput, UnknownName
from pandora.planning.benchmark import Bench, Entry, Setup, make_planner, run
from pandora.worlds.base import Problem
from tests.planning.conftest import Knowing, Seeing

SETUP = Setup(weights=Path("none"), fingerprint="f")


class Few(Bench):
    """A bench with drawn problems and a model that knows the rules."""

    def __init__(self, world: Seeing, drawn: list[Problem], setup: Setup = SETUP):
        model = Knowing(world)
        super().__init__(setup, world, model)
        self._problems = {0: drawn}
        for problem in drawn:
            model.show(problem.scene)
        self._look = lambda entry, scene: scene if entry.track == "oracle" else model.show(scene)  # type: ignore[method-assign]


def test_tracks(world: Seeing, drawn: list[Problem], tmp_path: Path) -> None:
    entries = [
        Entry(track="oracle"), Entry(track="video"), Entry(track="video", planner="beam_4"),
        Entry(track="video", closed=True), Entry(track="reactive"), Entry(track="text"),
        Entry(track="sketched"),
    ]  # fmt: skip
    bench, quiet = Few(world, drawn), Console(file=io.StringIO())
    results = run(SETUP, entries, range(0, 24, 4), 1, tmp_path, console=quiet, bench=bench)
    report = Report(entries, results, {"processes": 2}, whole=590)
    rows = {row.name: row for row in report.rows()}
    tracks = ("video.open", "video.closed", "text.open", "sketched.open")
    for name in ("oracle.astar", *(f"blocksworld.{track}" for track in tracks)):
        assert rows[name].value == 1.0
        assert rows[name].n == 6
    assert rows["blocksworld.reactive"].value < 1.0
    assert "blocksworld.video.open.beam_4" in rows
    assert rows["plans.optimism"].value == 0.0
    assert rows["blocksworld.minutes"].unit == "min"
    assert rows["blocksworld.video.closed.within_shortest"].value == 1.0
    parts = [rows[f"blocksworld.video.open.{part}"].n for part in ("held_out", "trained")]
    assert sum(parts) == 6
    assert rows["blocksworld.video.open.calls"].value > rows["blocksworld.sketched.open.calls"].value > 1


def test_a_stopped_run_goes_on(world: Seeing, drawn: list[Problem], tmp_path: Path) -> None:
    entries, quiet = [Entry(track="video")], Console(file=io.StringIO())
    bench = Few(world, drawn)
    run(SETUP, entries, range(4), 1, tmp_path, console=quiet, bench=bench)
    lines = tmp_path / "results.jsonl"
    lines.write_text(lines.read_text() + '{"entry": "cut sho')
    asked = len(bench.model.batches)  # type: ignore[attr-defined]
    again = run(SETUP, entries, range(4), 1, tmp_path, console=quiet, bench=bench)
    assert len(again) == 4
    assert len(bench.model.batches) == asked  # type: ignore[attr-defined]
    other = Setup(weights=Path("none"), fingerprint="g")
    run(other, entries, range(4), 1, tmp_path, console=quiet, bench=Few(world, drawn, other))
    assert len(lines.read_text().splitlines()) == 9


def test_plans_are_carried_out_by_the_rules(world: Seeing, drawn: list[Problem]) -> None:
    bench = Few(world, drawn)
    model = bench.model
    assert isinstance(model, Knowing)
    result = bench.solve(Entry(track="oracle", planner="bfs", noise=0.5), drawn[-1])
    assert result.success or result.why in ("not allowed", "no plan", "not reached")
    model.wrong = lambda state, action: True
    blind = bench.solve(Entry(track="video"), drawn[-1])
    assert (blind.success, blind.predicted, blind.why) == (False, 0.0, "no plan")
    closed = bench.solve(Entry(track="video", closed=True), drawn[-1])
    assert not closed.success
    assert closed.steps <= 2 * drawn[-1].limit


def test_layouts_of_a_problem_count_as_one(world: Seeing, drawn: list[Problem]) -> None:
    from dataclasses import replace

    one = Few(world, drawn).solve(Entry(track="oracle"), drawn[0])
    other = replace(one, problem=one.problem.replace("@0", "@1"), success=False)
    row = success("row", [(one, True), (other, False)])
    assert (row.value, row.n) == (0.5, 1)


def test_names() -> None:
    assert make_planner("beam_4_score").name == "beam_4_score"
    with pytest.raises(UnknownName, match="astar"):
        make_planner("astra")
    with pytest.raises(UnknownName, match="oracle"):
        command.choose(["vidoe"], None, False)
    assert len(command.choose(["oracle"], None, False)) > 20
    chosen = command.choose(["video", "video.closed", "text"], None, False)
    assert [(entry.track, entry.closed) for entry in chosen] == [("video", False), ("video", True), ("text", False)]
    assert [e.name for e in command.choose(["video"], ["bfs"], True)] == [
        "blocksworld.video.open.bfs", "blocksworld.video.closed.bfs",
    ]  # fmt: skip
    assert command.take(590, "3") == [98, 295, 491]
    assert len(command.take(590, "standard")) == 60
    with pytest.raises(InvalidInput, match="standard"):
        command.take(590, "some")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pandora.worlds.blocks.problems.generate.__wrapped__.__defaults__", (12,))
    options = ["--track", "oracle", "--planner", "astar", "--slice", "6", "--processes", "1"]
    asked = ["bench", "blocksworld", *options, "--out", str(tmp_path), "--json", str(tmp_path / "more" / "rows.json")]
    told = CliRunner().invoke(create_app(), asked)
    assert told.exit_code == 0, told.output
    assert "oracle.astar" in told.output
    rows = json.loads((tmp_path / "more" / "rows.json").read_text())
    assert rows["rows"][0] | {"low": 0} == {
        "name": "oracle.astar", "value": 1.0, "unit": "share", "low": 0, "high": 1.0, "n": 6,
    }  # fmt: skip
    assert rows["settings"]["data"] == "drawn"
    assert (tmp_path / "success_vs_calls.png").stat().st_size > 1000


def test_plans_in_another_world(tmp_path: Path) -> None:
    options = ["--track", "oracle", "--track", "reactive", "--planner", "astar", "--slice", "12", "--processes", "1"]
    asked = ["bench", "plans", "--world", "platformer", *options, "--out", str(tmp_path)]
    told = CliRunner().invoke(create_app(), asked)
    assert told.exit_code == 0, told.output
    values = {row["name"]: row["value"] for row in json.loads((tmp_path / "rows.json").read_text())["rows"]}
    assert values["oracle.astar"] == 1.0
    assert 0.0 < values["platformer.plans.reactive"] < 1.0
    refused = CliRunner().invoke(create_app(), ["bench", "plans", "--world", "road", "--out", str(tmp_path)])
    assert refused.exit_code != 0
