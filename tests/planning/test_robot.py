"""The worked example of a robot, with a model that knows the rules."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pandora.examples import robot
from pandora.media import read_film
from pandora.worlds.blocks.world import Blocks
from tests.planning.conftest import Knowing


@pytest.fixture
def knowing(monkeypatch: pytest.MonkeyPatch) -> Knowing:
    """Stands in for the weights; it has seen the table of seed 0 with three blocks."""
    model = Knowing(Blocks())
    env = robot.TextActionEnv("blocks")
    env.reset(seed=0, options={"blocks": 3})
    model.show(env._scene)
    monkeypatch.setattr(robot.WorldModel, "from_pretrained", lambda folder: model)
    return model


def run(*arguments: str) -> Any:
    app = robot.typer.Typer()
    app.command()(robot.main)
    return CliRunner().invoke(app, arguments)


def test_a_tower_is_built_and_filmed(knowing: Knowing, tmp_path: Path) -> None:
    result = run("--blocks", "3", "-o", str(tmp_path / "robot.mp4"))
    assert result.exit_code == 0, result.output
    assert ": reached after" in result.output
    frames, rate = read_film(tmp_path / "robot.mp4")
    moves = result.output.count("\n") - 1
    assert rate == 8
    assert len(frames) == moves * (8 + robot._REST) + robot._REST
    left, right = frames[:, 80:200, 20:260], frames[:, 80:200, 292:532]
    assert (frames[0] != frames[-1]).any()
    assert abs(left[7].astype(int) - right[7]).mean() < 3  # what was imagined has happened


def test_what_is_impossible_is_said(knowing: Knowing, tmp_path: Path) -> None:
    goal = "the hand is empty and the hand holds the red block"
    result = run("--blocks", "3", "--goal", goal, "--limit", "1", "-o", str(tmp_path / "robot.gif"))
    assert result.exit_code == 0, result.output
    assert ": not reached after 2 actions" in result.output
