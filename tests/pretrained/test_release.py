"""Releases: kept, loaded on their bases, refused on others; low-rank updates as peft reads them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from peft import PeftModel
from torch import nn
from transformers import AutoModelForImageTextToText

from pandora.adapter import Adapter
from pandora.errors import InvalidCheckpoint, InvalidConfig, UnknownName
from pandora.pretrained.loading import load_backbone
from pandora.pretrained.lora import adapt, load_lora, merge, save_lora
from pandora.pretrained.published import VIDEO
from pandora.pretrained.published_backbones import BACKBONES, build
from pandora.pretrained.release import WIDE, Base, Tuned, describe_base, load_release, save_release
from pandora.pretrained.video import load_transformer
from pandora.training.instruction import begin
from pandora.video import CausalVideoTransformer
from tests.pretrained.backbones import save_tiny
from tests.training.published import READING, TEXT_DIM, copy, imagine, settings_of


def test_a_release_loads_as_it_was(trained: Tuned, release: Path, home: Path) -> None:
    files = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()}
    assert files == {
        "config.json", "adapter.safetensors", "backbone.safetensors", "video.safetensors", "README.md",
        "manifest.json", "backbone-lora/adapter_config.json", "backbone-lora/adapter_model.safetensors",
        "video-lora/adapter_config.json", "video-lora/adapter_model.safetensors",
    }  # fmt: skip
    torch.testing.assert_close(imagine(load_release(release, dtype=torch.float32)), imagine(trained))
    fresh = imagine(begin(settings_of(home), torch.float32, "cpu"))
    assert (fresh - imagine(trained)).abs().max() > 0.01
    values = json.loads((release / "config.json").read_text())
    assert values["backbone"]["name"] == str(home / "backbone")
    assert len(values["video"]["sha256"]) == 64
    card = (release / "README.md").read_text()
    assert f"--video {home / 'pipeline' / 'transformer'}" in card
    assert "--road state --video-rank 2 --backbone-rank 3" in card
    assert values["video"]["sha256"] in card


def test_a_card_names_repositories_of_the_hub(trained: Tuned, tmp_path: Path) -> None:
    """And nothing else, as the hub takes no folders for base models."""
    bases = {"backbone": Base(name="qwen2.5-vl-7b", sha256="a" * 64), "video": Base(name="me/video", sha256="b" * 64)}
    twin = replace(trained, release=replace(trained.release, **bases))
    card = (save_release(tmp_path / "named", twin, {}, "pandora") / "README.md").read_text()
    assert card.split("---")[1].endswith("base_model:\n- Qwen/Qwen2.5-VL-7B-Instruct\n- me/video\n")
    assert f"- `me/video`, sha256 `{'b' * 64}`" in card
    local = (save_release(tmp_path / "local", trained, {}, "pandora") / "README.md").read_text()
    assert "base_model" not in local


def test_another_base_is_refused(release: Path, home: Path, tmp_path: Path) -> None:
    torch.manual_seed(9)
    save_tiny("llava", tmp_path / "other")
    with pytest.raises(InvalidCheckpoint, match=r"was trained on .*backbone with sha256"):
        load_release(release, backbone=str(tmp_path / "other"))
    moved = tmp_path / "moved"
    (home / "backbone").rename(moved)
    try:
        load_release(release, backbone=str(moved), dtype=torch.float32)
        for check in (True, False):
            with pytest.raises(InvalidCheckpoint, match=r"no folder here.*say where: --backbone"):
                load_release(release, dtype=torch.float32, check=check)
        gone_on = replace(settings_of(home), start_from=str(release), backbone=str(moved))
        assert begin(gone_on, torch.float32, "cpu").adapter is not None, "and training goes on with it where it lies"
    finally:
        moved.rename(home / "backbone")
    assert (
        describe_base("video", str(home / "pipeline")).sha256
        == json.loads((release / "config.json").read_text())["video"]["sha256"]
    ), "a pipeline's transformer is the transformer"


def test_a_damaged_release_is_refused(release: Path, tmp_path: Path) -> None:
    twin = copy(release, tmp_path / "twin")
    (twin / "adapter.safetensors").write_bytes(b"x")
    with pytest.raises(InvalidCheckpoint, match=r"adapter\.safetensors has"):
        load_release(twin)
    twin = copy(release, tmp_path / "newer")
    values = json.loads((twin / "config.json").read_text())
    (twin / "config.json").write_text(json.dumps(values | {"format": 2}))
    with pytest.raises(InvalidCheckpoint, match="format 2"):
        load_release(twin, check=False)
    for change, words in (
        ({"road": "nonsense"}, "no road named 'nonsense'"),
        ({"adapter": values["adapter"] | {"width": "wide"}}, r"adapter\.width is 'wide'"),
        ({"adapter": values["adapter"] | {"heads": 3}}, "No Adapter can be made"),
        ({"adapter": [1]}, r"adapter is \(1,\)"),
        ({"reading": {"queries": 0}}, "at least 1 query"),
        ({"strange": 1}, "no key 'strange'"),
    ):
        (twin / "config.json").write_text(json.dumps(values | change))
        with pytest.raises(InvalidCheckpoint, match=words):
            load_release(twin, check=False)


def test_bases_are_found_from_another_folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    assert describe_base("video", "pipeline/transformer").name == str(home / "pipeline" / "transformer")
    assert describe_base("backbone", "./backbone").name == str(home / "backbone")
    relative = replace(settings_of(home), backbone="./backbone", video="pipeline")
    tuned = begin(relative, torch.float32, "cpu")
    made = save_release(Path("named"), tuned, {}, "").absolute()
    monkeypatch.chdir(tmp_path)
    assert load_release(made, dtype=torch.float32).release == tuned.release


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # peft asks under the old name
@torch.no_grad()
def test_updates_are_what_peft_reads(trained: Tuned, release: Path, home: Path) -> None:
    """Into the library's own classes, by peft's own loader."""
    assert trained.video is not None
    ids = torch.randint(13, 200, (1, 9))
    plain = AutoModelForImageTextToText.from_pretrained(home / "backbone")
    theirs = PeftModel.from_pretrained(plain, str(release / "backbone-lora"))
    torch.testing.assert_close(theirs(input_ids=ids).logits, trained.backbone.model(input_ids=ids).logits)
    library = WanTransformer3DModel.from_pretrained(home / "pipeline" / "transformer")
    adapted = PeftModel.from_pretrained(library, str(release / "video-lora"))
    latents, time, text = torch.randn(1, 4, 2, 4, 4), torch.tensor([300.0]), torch.randn(1, 512, TEXT_DIM)
    ours = trained.video(latents, time, trained.video.embed_context(text))[0]
    torch.testing.assert_close(adapted(latents, time, text, return_dict=False)[0], ours, atol=1e-5, rtol=1e-4)


def test_only_the_layers_of_a_layout_are_adapted(home: Path) -> None:
    backbone = load_backbone(home / "backbone", READING, torch.float32)
    adapt(backbone.model, "language", 2)
    adapted = [name for name, p in backbone.named_parameters() if "lora_" in name]
    assert len(adapted) == 2 * 7 * 3
    assert not any("visual" in name for name in adapted)
    video = load_transformer(home / "pipeline" / "transformer", dtype=torch.float32)
    adapt(video, "video", 2, without="attn2")
    adapted = [name for name, p in video.named_parameters() if p.requires_grad]
    assert len(adapted) == 2 * 6 * 2
    assert not any("attn2" in name for name in adapted)
    with pytest.raises(UnknownName, match="language, video"):
        adapt(video, "audio", 2)
    with pytest.raises(InvalidConfig, match="at least 1"):
        adapt(video, "video", 0)
    with pytest.raises(InvalidConfig, match="no layers"):
        adapt(nn.Linear(2, 2), "video", 2)


def test_updates_that_do_not_fit_are_refused(home: Path, tmp_path: Path) -> None:
    video = load_transformer(home / "pipeline" / "transformer", dtype=torch.float32)
    with pytest.raises(InvalidConfig, match="no low-rank updates"):
        save_lora(video, tmp_path / "none")
    adapt(video, "video", 2)
    save_lora(video, tmp_path / "lora")
    with pytest.raises(InvalidConfig, match="already"):
        load_lora(video, tmp_path / "lora")
    with pytest.raises(InvalidCheckpoint, match="doesn't fit"):
        load_lora(load_backbone(home / "backbone", READING, torch.float32).model, tmp_path / "lora")
    with pytest.raises(InvalidCheckpoint, match="can be read"):
        load_lora(load_transformer(home / "pipeline" / "transformer"), tmp_path)
    before = {name for name, _ in load_transformer(home / "pipeline" / "transformer").named_parameters()}
    assert {name for name, _ in merge(video).named_parameters()} == before


def test_the_numbers_at_full_size() -> None:
    """On no device: what each rank costs, layer by layer; an adapter of Pandora's size."""
    with torch.device("meta"):
        video = CausalVideoTransformer(VIDEO["wan2.1-t2v-1.3b"].transformer)
        language = build(BACKBONES["qwen2.5-vl-7b"].config())
        adapter = Adapter(WIDE)
    adapt(video, "video", 64)
    attention, feed_forward = 8 * (1536 + 1536), 2 * (1536 + 8960)
    assert trainable(video) == 64 * 30 * (attention + feed_forward)
    adapt(language, "language", 16)
    attention, feed_forward = 2 * (3584 + 3584) + 2 * (3584 + 512), 3 * (3584 + 18944)
    assert trainable(language) == 16 * 28 * (attention + feed_forward)
    assert 1.0e8 < sum(p.numel() for p in adapter.parameters()) < 1.5e8


def trainable(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
