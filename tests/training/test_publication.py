"""Releases merged into plain weights that load without peft, and put on the hub."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from httpx import ConnectError
from huggingface_hub.errors import HFValidationError
from safetensors.torch import load_file

from pandora.errors import InvalidCheckpoint, InvalidInput, PandoraError, UnknownName
from pandora.pretrained.loading import load_backbone
from pandora.pretrained.lora import is_adapted
from pandora.pretrained.release import Tuned, load_release
from pandora.pretrained.video import load_transformer
from pandora.training.instruction import begin
from pandora.training.publication import MergeConfig, PublishConfig, merge_release, publish
from tests.training.published import READING, copy, imagine, settings_of


def test_merged_weights_load_without_peft(trained: Tuned, release: Path, home: Path, tmp_path: Path) -> None:
    out = merge_release(MergeConfig(release=str(release), out=str(tmp_path / "merged"), dtype="float32"))
    assert not list(out.rglob("adapter_config.json"))
    assert not any("lora" in key for path in out.rglob("*.safetensors") for key in load_file(path))
    merged = load_release(out, dtype=torch.float32)
    assert not is_adapted(merged.backbone)
    torch.testing.assert_close(imagine(merged), imagine(trained), atol=1e-4, rtol=1e-4)
    moved = out.rename(tmp_path / "elsewhere")
    torch.testing.assert_close(imagine(load_release(moved, dtype=torch.float32)), imagine(merged))
    card = (moved / "README.md").read_text()
    assert card.count("pandora train instruction") == 1
    assert f"made of `{home / 'backbone'}, sha256 " in card
    config = replace(settings_of(home), start_from=str(moved), video_rank=1, backbone_rank=0)
    started = begin(config, torch.float32, "cpu")
    torch.testing.assert_close(imagine(started), imagine(merged))
    assert started.release.video.name == str(moved / "transformer"), "what is trained next names these as its bases"
    backbone = load_backbone(moved / "backbone", READING, torch.float32)
    assert torch.equal(
        backbone.decoder.layers[0].mlp.up_proj.weight, merged.backbone.decoder.layers[0].mlp.up_proj.weight
    )
    library = WanTransformer3DModel.from_pretrained(moved / "transformer")
    assert set(library.state_dict()) == set(load_transformer(moved / "transformer").state_dict())
    with pytest.raises(InvalidInput, match="the release itself"):
        merge_release(MergeConfig(release=str(moved), out=str(moved)))
    with pytest.raises(UnknownName, match="no dtype named 'float8'"):
        merge_release(MergeConfig(release=str(moved), out=str(tmp_path / "again"), dtype="float8"))


class Hub:
    """The calls of `HfApi` that publishing makes, into a folder."""

    def __init__(self, folder: Path, fault: Exception | None = None):
        self.folder, self.fault, self.made = folder, fault, []

    def create_repo(self, repository: str, **options: Any) -> None:
        if self.fault:
            raise self.fault
        self.made.append((repository, options))

    def upload_folder(self, *, repo_id: str, folder_path: Path, allow_patterns: list[str], **options: Any) -> None:
        for name in allow_patterns:
            (self.folder / repo_id / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / repo_id / name).write_bytes((folder_path / name).read_bytes())


def test_publishing_uploads_the_release_and_nothing_else(trained: Tuned, release: Path, tmp_path: Path) -> None:
    hub: Any = Hub(tmp_path)
    twin = copy(release, tmp_path / "twin")
    (twin / "secret.txt").write_text("not part of it")
    address = publish(PublishConfig(release=str(twin), repository="me/world", private=True), hub)
    assert address == "https://huggingface.co/me/world"
    assert hub.made == [("me/world", {"private": True, "exist_ok": True})]
    assert not (tmp_path / "me/world/secret.txt").exists()
    torch.testing.assert_close(imagine(load_release(tmp_path / "me/world", dtype=torch.float32)), imagine(trained))
    with pytest.raises(InvalidInput, match="user/name"):
        publish(PublishConfig(release=str(release), repository="world"), hub)
    with pytest.raises(InvalidCheckpoint, match="no release"):
        publish(PublishConfig(release=str(tmp_path / "none"), repository="me/world"), hub)
    away: Any = Hub(tmp_path, ConnectError("no route to host"))
    with pytest.raises(PandoraError, match=r"can't be reached for me/world .*no route to host"):
        publish(PublishConfig(release=str(release), repository="me/world"), away)
    refused: Any = Hub(tmp_path, HFValidationError("403"))
    with pytest.raises(InvalidInput, match="HF_TOKEN"):
        publish(PublishConfig(release=str(release), repository="me/world"), refused)
