"""A run in a folder is gone on with as it was begun, or the error says what differs; what can't be is said at once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pandora.errors import InvalidCheckpoint, InvalidConfig, InvalidInput
from pandora.training import instruction, text_alignment
from pandora.training.instruction import InstructionTraining
from pandora.training.progress import load_training, save_training
from pandora.training.run import TRAINING, take_up
from pandora.training.text_alignment import TextAlignment
from tests.training.published import ADAPTER, FORM, settings_of


@pytest.fixture(scope="module")
def config(home: Path) -> InstructionTraining:
    return replace(
        settings_of(home), data=str(home / "films"), autoencoder=str(home / "pipeline"), out=str(home / "run"),
        steps=2, warmup=1, precision="no", workers=1, device="cpu",
    )  # fmt: skip


def test_a_run_is_gone_on_with_as_it_was_begun(config: InstructionTraining, home: Path) -> None:
    instruction.train(config)
    for changes, words in (
        ({"video_rank": 3}, "video_rank = 2, not 3"),
        ({"road": "text"}, "road = state, not text"),
        ({"adapter": replace(ADAPTER, layers=2)}, "adapter.layers = 1, not 2"),
    ):
        with pytest.raises(InvalidCheckpoint, match=f"made with other settings: {words}"):
            instruction.train(replace(config, **changes))
    card = (home / "run" / "release" / "README.md").read_text()
    with pytest.raises(InvalidConfig, match="has done 2 steps, and steps = 1"):
        instruction.train(replace(config, steps=1))
    assert (home / "run" / "release" / "README.md").read_text() == card


@pytest.mark.parametrize("damage", ["cut", "headless", "another"])
def test_a_damaged_run_is_refused(config: InstructionTraining, tmp_path: Path, damage: str) -> None:
    path = tmp_path / TRAINING
    save_training(path, {}, {"step": 1, "positions": [[0, 0, 1]]})
    assert take_up(tmp_path, config)[1:] == (1, [[0, 0, 1]]), "settings that were not kept are not compared"
    header: Any = {"step": 1} if damage == "headless" else [1]
    save_training(path, {}, header)
    assert load_training(path)[1] == header
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(InvalidCheckpoint, match=r"training\.safetensors can't be read"):
        take_up(tmp_path, config)


def test_films_are_looked_for_before_models(config: InstructionTraining, tmp_path: Path) -> None:
    nowhere: dict[str, Any] = {"data": str(tmp_path / "none"), "backbone": str(tmp_path), "out": str(tmp_path / "out")}
    with pytest.raises(InvalidInput, match="no folder of films"):
        instruction.train(replace(config, **nowhere, video=str(tmp_path)))
    with pytest.raises(InvalidInput, match="no folder of films"):
        text_alignment.train(TextAlignment(**nowhere, text_encoder=str(tmp_path), device="cpu"))


@pytest.mark.parametrize(("side", "length", "use"), [("height", 72, 64), ("height", 70, 64), ("width", 9, 16)])
def test_clips_are_whole_patches(config: InstructionTraining, tmp_path: Path, side: str, length: int, use: int) -> None:
    form = replace(FORM, **{side: length})
    with pytest.raises(InvalidConfig, match=f"form.{side} is a multiple of 16 .* got {length}. Use {use}"):
        instruction.train(replace(config, form=form, out=str(tmp_path)))
