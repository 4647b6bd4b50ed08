"""A study at tiny size: variants are trained, measured, put side by side, and not done twice."""

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from pandora import presets
from pandora.errors import InvalidConfig, UnknownName
from pandora.study import STUDIES, Study, _common, _train, _unseen, run  # pyright: ignore[reportPrivateUsage]
from pandora.training import alignment, autoencoder, data, encoding

TINY = presets.tiny()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("study")
    place = folder / "data" / "blocks"
    list(data.make(data.DataConfig(out=str(place), clips=24, length=3, episodes=2, sentences=2, processes=1)))
    weights = autoencoder.train(
        autoencoder.AutoencoderTraining(
            data=str(place), out=str(folder / "ae"), steps=2, batch=2, model=TINY.autoencoder, device="cpu"
        )
    )
    latents = encoding.Encoding(data=str(place), autoencoder=str(weights), device="cpu")
    list(encoding.encode(latents))
    model = presets.tiny_model()
    alignment.save(folder / "aligned", model.backbone, model.adapter)
    transformer = replace(TINY.video.transformer, keyframes=2)
    return Study(
        data=str(folder / "data"), aligned=str(folder / "aligned"), autoencoder=str(weights), out=str(folder / "out"),
        steps=2, minutes=1, batch=2, clips=2, device="cpu", model=replace(TINY.video, transformer=transformer),
    )  # fmt: skip


def test_variants_stand_side_by_side(study: Study) -> None:
    folder = run(replace(study, what="roads"))
    found = json.loads((folder / "study.json").read_text())["variants"]
    assert list(found) == ["plain text", "language model"]
    assert found["plain text"]["settings"]["plain_text"]
    assert json.loads((folder / "plain-text" / "weights" / "config.json").read_text())["backbone"]["sees"] is False
    assert found["language model"]["rows"]["blocks.followed"]["n"] == 2
    table = (folder / "study.md").read_text()
    assert "| plain text |" in table
    assert "`blocks.followed`" in table
    assert (folder / "study.png").stat().st_size > 5000
    before = (folder / "plain-text" / "video.safetensors").stat().st_mtime_ns
    run(replace(study, what="roads"))
    assert (folder / "plain-text" / "video.safetensors").stat().st_mtime_ns == before


def test_what_each_study_varies(study: Study) -> None:
    def variants(what: str, config: Study = study) -> list[Any]:
        return list(STUDIES[what](config, _common(config)).values())

    widths = [v.model.transformer.num_attention_heads for v in variants("sizes")]
    assert widths == sorted(set(widths))
    assert [v.share for v in variants("data")] == [0.125, 0.25, 0.5, 1.0]
    assert [v.own for v in variants("rollouts")] == [0.0, study.own]
    assert [v.model.transformer.keyframes for v in variants("memory")] == [0, 2]
    assert [v.joint > 0 for v in variants("joint")] == [False, True]
    both = replace(study, worlds=("blocks", "tabletop"))
    alike, badly, stages = variants("mixture", both)
    assert alike.floor > badly.floor
    assert [stage.data.count(",") for stage in stages] == [0, 1]
    assert sum(stage.minutes for stage in stages) == badly.minutes
    alone, elsewhere, there = variants("transfer", both)
    assert alone.data == f"{study.data}/tabletop"
    assert "tabletop/push_left (illegal)" in elsewhere.without
    assert there.without == ()


def test_a_curriculum_goes_on_from_what_it_has_learned(study: Study, tmp_path: Path) -> None:
    twice = tmp_path / "data" / "twice"
    copytree(f"{study.data}/blocks", twice)
    stages = (_common(study), replace(_common(study), data=f"{study.data}/blocks,{twice}", unseen=str(twice)))
    _train(stages, tmp_path / "run")
    first, last = (json.loads((tmp_path / "run" / part / "config.json").read_text()) for part in ("stage-1", "."))
    assert first == last
    settings = json.loads((tmp_path / "run" / "runs.jsonl").read_text().splitlines()[0])["config"]
    assert settings["start_from"] == settings["aligned"] == str(tmp_path / "run" / "stage-1")
    assert _unseen(tmp_path / "run")["blocks"] > 0


def test_what_can_not_be_studied_is_said(study: Study) -> None:
    with pytest.raises(UnknownName, match="roads"):
        run(replace(study, what="luck"))
    with pytest.raises(InvalidConfig, match="start_from"):
        run(replace(study, what="sizes", start_from="weights/pandora-small"))
    with pytest.raises(InvalidConfig, match="tabletop"):
        run(replace(study, what="transfer"))
    with pytest.raises(InvalidConfig, match="two worlds"):
        run(replace(study, what="mixture"))
