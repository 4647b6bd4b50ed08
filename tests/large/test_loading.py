"""Parts in the public layouts are loaded by folder; what is there, and what the device holds, is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from safetensors.torch import save_file

from pandora import budget
from pandora.errors import InvalidCheckpoint, InvalidConfig, UnknownName
from pandora.large import LargeConfig, Speed, load, loading, preset, preset_names
from pandora.large.loading import _shape, plan
from pandora.pretrained.autoencoder import TieredAutoencoder
from pandora.runtime import Runtime
from pandora.types import Sampler
from tests.large.conftest import CONFIG, TRANSFORMER, parts
from tests.pretrained.backbones import save_tiny

STEPS = Sampler(steps=2)
PICTURE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
CPU = Runtime.resolve("cpu", "float32", 1)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> LargeConfig:
    """Every part saved as its publisher saves it."""
    folder, loaded = tmp_path_factory.mktemp("published"), parts()
    wan = {name: getattr(TRANSFORMER, name) for name in ("num_attention_heads", "attention_head_dim", "in_channels")}
    wan |= {name: getattr(TRANSFORMER, name) for name in ("out_channels", "text_dim", "freq_dim", "ffn_dim")}
    torch.manual_seed(0)
    WanTransformer3DModel(num_layers=2, **wan).save_pretrained(folder / "video" / "transformer")
    assert isinstance(loaded.autoencoder, TieredAutoencoder)
    full, tiny, prompts = loaded.autoencoder.full, loaded.autoencoder.tiny, loaded.prompts
    assert prompts is not None
    full.model.save_pretrained(folder / "vae")
    save_file({k: v.contiguous() for k, v in tiny.state_dict().items()}, folder / "tiny.safetensors")
    prompts.encoder.save_pretrained(folder / "text_encoder")
    prompts.tokenizer.save_pretrained(folder / "tokenizer")
    save_tiny("qwen2_5_vl", folder / "language")
    return replace(
        CONFIG, road="text", video=str(folder / "video"), autoencoder=str(folder), prompts=str(folder),
        tiny_decoder=str(folder / "tiny.safetensors"), backbone=str(folder / "language"),
    )  # fmt: skip


def test_a_model_is_put_together_from_folders(config: LargeConfig) -> None:
    said: list[str] = []
    model = load(config, "cpu", "float32", report=said.append)
    assert sorted(model.modules()) == ["autoencoder", "backbone", "prompts", "video"]
    state = model.begin(PICTURE, seed=1)
    left, clip = model.step(state, "turn left", STEPS)
    assert clip.frames.shape == (8, 64, 96, 3)
    assert not torch.equal(left.latents, model.step(state, "turn right", STEPS)[0].latents)
    assert any(line.startswith("attention: ") for line in said)
    assert any("CUDA" in line for line in said), "why nothing is recorded"
    assert any("not planned" in line for line in said)
    again = load(config, "cpu", "float32")
    assert again.fingerprint == model.fingerprint
    assert load(replace(config, steps=3), "cpu", "float32").fingerprint != model.fingerprint
    assert np.array_equal(again.step(again.begin(PICTURE, seed=1), "turn left", STEPS)[1].frames, clip.frames)


def test_a_bare_file_has_the_shape_of_the_preset(config: LargeConfig, tmp_path: Path) -> None:
    (source,) = (Path(config.video) / "transformer").glob("*.safetensors")
    (bare := tmp_path / "weights.safetensors").write_bytes(source.read_bytes())
    found = _shape(replace(preset("pandora-7b-longlive"), video=str(bare)))
    assert found is not None
    assert found.num_layers == 30
    assert _shape(replace(config, video=str(source), shape="longlive-1.3b")) is None, "config.json lies beside it"
    assert _shape(preset("pandora-7b-longlive")) is None


def test_what_is_missing_is_named(config: LargeConfig, tmp_path: Path) -> None:
    with pytest.raises(InvalidCheckpoint, match="no folder here"):
        load(replace(config, video=str(tmp_path / "none")), "cpu", "float32")
    with pytest.raises(InvalidConfig, match="state road"):
        load(replace(config, road="state"), "cpu", "float32")
    with pytest.raises(UnknownName):
        load(config, "cpu", "float32", Speed(attention="flash_9"))


def test_presets_fit_their_parts_and_say_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "host_bytes", lambda: budget.GIB)
    with pytest.raises(InvalidConfig, match="no GPU"):
        plan(preset("pandora-7b"), CPU, Speed(), lambda line: None)
    monkeypatch.setattr(loading, "host_bytes", lambda: 2**50)
    for name in preset_names():
        said: list[str] = []
        config = preset(name)
        assert config.name == name
        assert plan(config, CPU, Speed(), said.append) == ()
        assert "GiB" in said[0]
        assert config.height % 16 == config.width % 16 == 0
    assert preset("pandora-7b").frames_per_action == 12
    assert preset("pandora-7b-frame").frames_per_action == 4
    with pytest.raises(UnknownName, match="pandora-7b"):
        preset("pandora-8b")


def test_a_device_that_is_too_small_is_refused_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 * budget.GIB, 4 * budget.GIB))
    gpu = Runtime(device=torch.device("cuda"), dtype=torch.bfloat16, threads=1)
    with pytest.raises(InvalidConfig, match=r"needs .* GiB"):
        plan(preset("pandora-7b"), gpu, Speed(), lambda line: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (24 * budget.GIB, 24 * budget.GIB))
    assert "text encoder" in plan(preset("pandora-7b"), gpu, Speed(), lambda line: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (80 * budget.GIB, 80 * budget.GIB))
    assert plan(preset("pandora-7b"), gpu, Speed(), lambda line: None) == ()
