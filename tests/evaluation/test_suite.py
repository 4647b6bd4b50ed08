"""The whole evaluation of a tiny model with random weights; the hold-out of the world that ships."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from pandora.evaluation import suite
from pandora.evaluation.measures import Sizes
from pandora.evaluation.phrases import read
from pandora.evaluation.report import Report
from pandora.evaluation.stories import FIRST_SEED, draw, kinds
from pandora.media import read_film
from pandora.presets import tiny_model
from pandora.training.data import DataConfig, make_episode
from pandora.worlds.blocks import grammar
from pandora.worlds.blocks.world import Blocks
from tests.evaluation.conftest import Strips


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model().save_pretrained(tmp_path_factory.mktemp("weights") / "tiny")


def test_writes_everything(weights: Path, world: Strips, tmp_path: Path) -> None:
    said, sizes = io.StringIO(), Sizes(clips=3, walks=2, actions=3, pairs=2, drifts=2, long=5, trials=2)

    def run(console: Console, json_path: Path | None = None, out: Path | None = None, processes: int = 1) -> Report:
        return suite.run(
            weights, json_path=json_path, out=out, sizes=sizes, world=world, console=console, processes=processes
        )

    report = run(Console(file=said, width=120), tmp_path / "rows.json", tmp_path / "out")

    stored = json.loads((tmp_path / "rows.json").read_text())
    assert set(stored) == {"rows", "settings"}
    assert all(set(row) == {"name", "value", "unit", "low", "high", "n"} for row in stored["rows"])
    names = {row["name"] for row in stored["rows"]}
    assert {
        "next_state.in_distribution", "next_state.held_out_count", "next_state.in_distribution.oracle",
        *(f"next_state.in_distribution.steps_{n}" for n in (1, 2, 4)),
        "unchanged.illegal", "unchanged.wait", "horizon.1", "horizon.3.copy_last", "counterfactual_pairs",
        "psnr.dynamic_region", "psnr.whole", "undecodable", "readout.true_frames", "readout.degraded",
        "strips.followed", "strips.followed.illegal", "strips.judge", "strips.drift", "strips.drift.psnr",
        "strips.nonsense", "strips.nonsense.unchanged",
    } <= names  # fmt: skip
    assert all(row.low <= row.value <= row.high for row in report.rows)
    assert report["readout.true_frames"].value == 1.0
    assert report.settings["model"] == "pandora-tiny"
    assert "next_state.in_distribution" in said.getvalue()
    assert "| next_state.in_distribution |" in (tmp_path / "out" / "eval.md").read_text()
    assert report["strips.followed"].value == report["next_state.in_distribution"].value
    for picture in ("horizon.png", "rows.png", "examples.png", "strips.png"):
        with Image.open(tmp_path / "out" / picture) as image:
            assert image.width > 300
    frames, fps = read_film(tmp_path / "out" / "rollouts.mp4")
    assert (len(frames), fps) == (1 + 3 * 8, 8.0)

    again = run(Console(file=io.StringIO()), processes=2)
    assert [row.name for row in again.rows] == [row.name for row in report.rows]
    for row in again.rows:
        assert row.value == pytest.approx(report[row.name].value, rel=1e-4), row.name


def test_own_phrases_in_the_world_that_ships(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "_QUICK_PHRASES", 6)
    (file := tmp_path / "phrases.json").write_text('{"stack": ["put it on {b}"], "light_on": ["let there be light"]}')
    report = suite.run(weights, quick=True, phrases=file, out=tmp_path, console=Console(file=io.StringIO()))
    assert [row.name for row in report.rows] == ["phrases.stack", "phrases.light_on", "phrases.all"]
    assert report["phrases.all"].n == 6
    assert "put it on {b}" in (tmp_path / "phrases.md").read_text()


def test_shipped_phrases_can_be_used() -> None:
    file = Path(suite.__file__).with_name("free_phrases.json")
    templates = read(file, Blocks(), lambda text: text)
    assert {template.verb for template in templates} == set(Blocks.verbs)


def test_nothing_held_out_is_ever_trained_on() -> None:
    world = Blocks()
    sentences: set[str] = set()
    for seed in range(12):
        episode = make_episode(world, DataConfig(clips=6), seed)
        sentences.update(sentence for action in episode.actions for sentence in action["sentences"])
    assert {grammar.split_of(sentence) for sentence in sentences} == {"train"}
    for kind in kinds(world):
        for index in range(6):
            story = draw(world, kind, 0, index)
            turn, scene = story.turns[0], world.reset(story.seed, **kind.options)
            assert story.seed >= FIRST_SEED
            assert np.array_equal(world.render(scene), story.start)
            assert world.facts(scene) == story.facts
            assert grammar.split_of(turn.sentence) == kind.phrasing
            assert kind.held_out in (None, world.is_held_out(scene, turn.meaning))
