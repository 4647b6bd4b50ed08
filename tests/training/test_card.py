"""The tables of the README come from what was measured, and from nothing else."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pandora import checkpoint, presets
from pandora.training.card import HEADLINES, WORLDS, CardConfig, told, write, write_headlines


def measured(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"rows": rows, "settings": {}}))
    return path


def test_tables_are_written_between_their_marks(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    before = (
        "a\n<!-- measured:begin -->\nold\n<!-- measured:end -->\nb\n<!-- service:begin -->\n<!-- service:end -->\nc\n"
    )
    readme.write_text(before)
    share = {"name": "next_state.in_distribution", "value": 0.98, "unit": "share", "low": 0.97, "high": 0.99, "n": 1000}
    memory = {"name": "server.peak_memory_bytes", "value": 827e6, "unit": "bytes", "low": None, "high": None, "n": 1}
    other = {"name": "of.no.table", "value": 1, "unit": "", "low": None, "high": None, "n": 1}
    lost = {"name": "kill.lost_steps", "value": 0, "unit": "steps", "low": 0, "high": 0, "n": 500}
    files = [measured(tmp_path / "a.json", share, memory, other), measured(tmp_path / "b.json", lost)]
    for _ in range(2):  # a second time changes nothing
        write_headlines(readme, files)
        text = readme.read_text()
        assert "old" not in text
        assert "of.no.table" not in text
        assert f"| {HEADLINES['measured']['next_state.in_distribution']} | 0.98 | 0.97 to 0.99 | 1,000 |" in text
        assert f"| {HEADLINES['measured']['server.peak_memory_bytes']} | 827 |  | 1 |" in text
        service = text.split("<!-- service:begin -->")[1].split("<!-- service:end -->")[0]
        assert service.splitlines()[3:] == [f"| {HEADLINES['service']['kill.lost_steps']} | 0 |  | 500 |"]
        assert text.startswith("a\n")
        assert text.endswith("<!-- service:end -->\nc\n")


def test_each_world_has_a_line_with_what_was_measured_of_it(tmp_path: Path) -> None:
    def row(name: str, value: float, n: int = 9) -> dict[str, Any]:
        return {"name": name, "value": value, "unit": "share", "low": None, "high": None, "n": n}

    readme = tmp_path / "README.md"
    readme.write_text("<!-- worlds:begin -->\n<!-- worlds:end -->\n")
    rows = row("road.followed", 0.96), row("road.switch", 0.91), row("blocks.followed", 0.99), row("house.switch", 0.5)
    few = row("road.drift", 2.0, n=2)
    for _ in range(2):
        write_headlines(readme, [measured(tmp_path / "a.json", *rows, few)])
    lines = readme.read_text().splitlines()
    assert lines[1] == f"| world | {WORLDS['followed']} | {WORLDS['switch']} |"
    assert lines[3:5] == ["| `blocks` | 0.99 (9) |  |", "| `road` | 0.96 (9) | 0.91 (9) |"]
    assert len(lines) == 6


def test_figures_of_other_weights_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    presets.tiny_model().save_pretrained(tmp_path)
    (tmp_path / "measured").mkdir()
    (readme := tmp_path / "page.md").write_text("<!-- measured:begin -->\n<!-- measured:end -->\n")

    def lines(of: str) -> int:
        row = {"name": "stream.frames_per_second", "value": 99, "unit": "", "low": None, "high": None, "n": 3}
        text = json.dumps({"rows": [row], "settings": {"fingerprint": of}})
        (tmp_path / "measured" / "stream.json").write_text(text)
        path = write(CardConfig(weights=str(tmp_path), runs=(), readme=str(readme)))
        return (path.read_text() + readme.read_text()).count("99")

    assert lines(checkpoint.fingerprint(tmp_path)) > 1
    assert lines("8e931e577a0a62fc") == 0
    assert "stream.json is left out: it was measured of other weights" in capsys.readouterr().err


def test_what_is_told_of_earlier_stages_stays(tmp_path: Path) -> None:
    """Also where their runs are gone; a run of the same name is told of anew, in its old place."""
    weights, data = tmp_path / "weights", tmp_path / "data"
    presets.tiny_model().save_pretrained(weights)
    data.mkdir()
    (data / "README.md").write_text("# data\n\n```sh\npandora data make --seed 7\n```\n\nmore\n")

    def run(name: str, steps: int) -> str:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        settings = {
            "config": {"steps": steps, "data": str(data)},
            "machine": {"device": "x", "processes": 1, "torch": "2"},
        }
        (folder / "runs.jsonl").write_text(json.dumps(settings) + "\n")
        (folder / "metrics.jsonl").write_text(json.dumps({"step": steps, "loss": 0.5, "seconds": 60}) + "\n")
        return str(folder)

    def card(*runs: str) -> str:
        return write(
            CardConfig(weights=str(weights), runs=runs, measured=(), readme=str(tmp_path / "none"))
        ).read_text()

    first = card(run("one", 10), run("two", 20))
    assert "pandora data make --seed 7" in told(first)["one"]
    shutil.rmtree(tmp_path / "one")
    second = card(run("two", 25), run("three", 30))
    assert list(told(second)) == ["one", "two", "three"]
    assert told(second)["one"] == told(first)["one"]
    assert told(second)["two"].splitlines()[2].startswith("25 steps")
    assert card() == second


def test_studies_are_told_of_and_stay(tmp_path: Path) -> None:
    weights, study = tmp_path / "weights", tmp_path / "runs" / "sizes"
    presets.tiny_model().save_pretrained(weights)
    (weights / "measured").mkdir()
    study.mkdir(parents=True)
    for kind in ("md", "json", "png"):
        (study / f"study.{kind}").write_text(f"| sizes | in {kind} |\n")
    options = {"weights": str(weights), "runs": (), "readme": str(tmp_path / "none")}
    assert "What choices are worth" not in write(CardConfig(**options)).read_text()
    first = write(CardConfig(**options, studies=(str(study),))).read_text()
    assert "### Sizes\n\n| sizes | in md |\n\n![the same as a plot](measured/study-sizes.png)" in first
    shutil.rmtree(study)
    assert write(CardConfig(**options)).read_text() == first
    assert list(told(first)) == [], "a study is no stage"
    assert (weights / "measured" / "study-sizes.json").exists()
