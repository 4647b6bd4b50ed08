"""Backbones from folders as the library saves them: equal outputs, exact published sizes, all refusals."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pandora.errors import InvalidCheckpoint, UnknownName
from pandora.pretrained.eyes import CLIP_MEAN, Optics
from pandora.pretrained.loading import load_backbone
from pandora.pretrained.published_backbones import BACKBONES, count_backbone_parameters, published_backbone
from tests.pretrained.backbones import CONFIG, DESCRIPTIONS, SEEING, clip, save_tiny, tiny_backbone, tiny_tokenizer


@torch.no_grad()
@pytest.mark.parametrize("kind", DESCRIPTIONS)
def test_a_saved_model_says_what_it_said(kind: str, tmp_path: Path) -> None:
    model = save_tiny(kind, tmp_path, max_shard_size="60KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    backbone = load_backbone(tmp_path, CONFIG, torch.float32)
    ids = torch.randint(13, 200, (2, 9))
    expected = model.get_decoder()(input_ids=ids).last_hidden_state
    assert torch.equal(backbone.decoder(input_ids=ids).last_hidden_state, expected)
    frames = clip(0, 2 if kind in SEEING else 0)
    hidden = backbone.read([backbone.prefix([frames])], ["lift the block"])
    same = tiny_backbone(kind)
    torch.testing.assert_close(hidden, same.read([same.prefix([frames])], ["lift the block"]), atol=1e-5, rtol=1e-4)
    assert [name for name, p in backbone.named_parameters() if p.requires_grad] == ["queries_QD"]
    assert not backbone.training


def test_a_published_name_is_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_tiny("llava", tmp_path)
    asked: list[object] = []

    def locate(name: object, _patterns: tuple[str, ...]) -> Path:
        asked.append(name)
        return tmp_path

    monkeypatch.setattr("pandora.pretrained.loading.locate", locate)
    load_backbone("llava-1.5-7b", CONFIG)
    load_backbone("Qwen/Qwen2.5-VL-7B-Instruct", CONFIG)
    assert asked == ["llava-hf/llava-1.5-7b-hf", "Qwen/Qwen2.5-VL-7B-Instruct"]


def test_weights_are_bfloat16_unless_told(tmp_path: Path) -> None:
    save_tiny("qwen3_vl", tmp_path)
    backbone = load_backbone(tmp_path, CONFIG)
    assert {parameter.dtype for parameter in backbone.parameters()} == {torch.bfloat16}
    assert backbone.decoder.rotary_emb.inv_freq.dtype == torch.float32
    assert backbone.words.text(backbone.words.action("lift it")) == "Action: lift it"


def test_names_of_older_files_are_known(tmp_path: Path) -> None:
    """As the LLaVA checkpoints on the hub: the tower one level deeper, and buffers that are no weights."""
    save_tiny("llava", tmp_path)
    file = tmp_path / "model.safetensors"
    older = {
        key.replace("vision_tower.", "vision_tower.vision_model."): tensor for key, tensor in load_file(file).items()
    }
    older["vision_tower.vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    older["language_model.model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    save_file(older, file, {"format": "pt"})
    backbone, same = load_backbone(tmp_path, CONFIG, torch.float32), tiny_backbone("llava")
    for (name, ours), (_, theirs) in zip(backbone.model.named_parameters(), same.model.named_parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_every_tensor_must_fit(tmp_path: Path) -> None:
    save_tiny("llava", tmp_path)
    file = tmp_path / "model.safetensors"
    kept = load_file(file)
    gone = next(key for key in kept if key.endswith("layers.1.mlp.up_proj.weight"))
    save_file({key: tensor for key, tensor in kept.items() if key != gone}, file, {"format": "pt"})
    with pytest.raises(InvalidCheckpoint, match=r"lacks 1 tensors .*layers\.1\.mlp\.up_proj"):
        load_backbone(tmp_path, CONFIG)
    save_file(kept | {"model.language_model.memory.weight": torch.zeros(2)}, file, {"format": "pt"})
    with pytest.raises(InvalidCheckpoint, match=r"no place for 1 tensors .*memory\.weight"):
        load_backbone(tmp_path, CONFIG)
    save_file(kept | {gone: torch.zeros(3, 5)}, file, {"format": "pt"})
    with pytest.raises(InvalidCheckpoint, match=r"layers\.1\.mlp\.up_proj.*\[3, 5\] instead of \[48, 32\]"):
        load_backbone(tmp_path, CONFIG)
    file.write_bytes(b"\x10\0\0\0\0\0\0\0not a header at all")
    with pytest.raises(InvalidCheckpoint, match="language model"):
        load_backbone(tmp_path, CONFIG)


def test_a_lacking_shard_is_named(tmp_path: Path) -> None:
    save_tiny("llama", tmp_path, max_shard_size="30KB")
    shard = sorted(tmp_path.glob("*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(InvalidCheckpoint, match=shard.name):
        load_backbone(tmp_path, CONFIG)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    save_tiny("llama", tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(InvalidCheckpoint, match=r"pytorch_model\.bin.*save_file"):
        load_backbone(tmp_path, CONFIG)


def test_folders_that_are_no_language_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidCheckpoint, match="no file"):
        load_backbone(tmp_path, CONFIG)
    save_tiny("llava", tmp_path)
    (tmp_path / "preprocessor_config.json").unlink(missing_ok=True)
    (tmp_path / "processor_config.json").unlink(missing_ok=True)
    with pytest.raises(InvalidCheckpoint, match=r"preprocessor_config\.json"):
        load_backbone(tmp_path, CONFIG)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "siglip_vision_model"}))
    with pytest.raises(InvalidCheckpoint, match="language model"):
        load_backbone(tmp_path, CONFIG)


def test_pixels_are_normalised_as_the_folder_says(tmp_path: Path) -> None:
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "min_pixels": 3136}))
    assert Optics.load(tmp_path) == Optics(mean=(0.5,) * 3, std=(0.25,) * 3, fewest=3136)
    path.unlink()
    nested = {"image_processor": {"image_mean": CLIP_MEAN, "image_std": [1] * 3, "size": {"shortest_edge": 65536}}}
    (tmp_path / "processor_config.json").write_text(json.dumps(nested))
    assert Optics.load(tmp_path) == Optics(mean=CLIP_MEAN, std=(1, 1, 1), fewest=65536)
    (tmp_path / "processor_config.json").write_text("{}")
    with pytest.raises(InvalidCheckpoint, match="image_mean"):
        Optics.load(tmp_path)


@pytest.mark.parametrize("name", BACKBONES)
def test_published_sizes_are_exact(name: str) -> None:
    published = published_backbone(name)
    assert count_backbone_parameters(published.config()) == published.parameters


def test_a_name_that_nobody_published() -> None:
    with pytest.raises(UnknownName, match=r"qwen2\.5-vl-7b"):
        published_backbone("qwen2.5-vl-72b")


def test_the_tiny_tokenizer_spells() -> None:
    tokenizer = tiny_tokenizer()
    assert tokenizer.decode(tokenizer("Größe: 3 <b>")["input_ids"]) == "Größe: 3 <b>"
