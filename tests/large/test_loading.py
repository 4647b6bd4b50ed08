"""Parts in the public layouts are loaded by folder; what is there, and what the device holds, is said."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from safetensors.torch import save_file

from pandora import budget
from pandora.adapter import Adapter
from pandora.errors import InvalidCheckpoint, InvalidConfig, UnknownName
from pandora.large import LargeConfig, Speed, choose, load, loading, preset, preset_names
from pandora.large.loading import _shape, assemble, plan
from pandora.pretrained.autoencoder import TieredAutoencoder
from pandora.runtime import Runtime
from pandora.types import Sampler
from pandora.video.transformer import CausalVideoTransformer
from tests.large.conftest import ADAPTER, CONFIG, TRANSFORMER, parts
from tests.pretrained.backbones import save_tiny, tiny_backbone

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


def test_recorded_steps_are_those_that_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told on each road has the shape that was recorded, whatever road the adapter was trained for."""
    from pandora.large.loading import _steps

    for trained, road in (("state", "both"), ("state", "text"), ("text", "text"), ("both", "both")):
        spoken = replace(ADAPTER, context_width=16 if trained != "state" else 24)
        adapter = Adapter(spoken).eval()
        state_dim = spoken.context_width
        transformer = CausalVideoTransformer(replace(TRANSFORMER, state_dim=state_dim))
        loaded = parts(adapter=adapter, adapter_road=trained, transformer=transformer)
        model = assemble(replace(CONFIG, road=road), loaded, CPU)
        assert loaded.prompts is not None
        (step,) = _steps(model.video, loaded, (8, 12), loaded.prompts.length, Speed())
        state = model.begin(PICTURE)
        assert state.carried is not None
        told = model.reader.read([state.carried.prefix], ["turn left"], lambda: False)  # type: ignore[attr-defined]
        text, spoken_state = model.video._open(told.text, told.state)
        assert step.text == (None if text is None else text.shape[1])
        assert step.state == (None if spoken_state is None else spoken_state.shape[1])


def test_parts_can_be_made_where_another_device_is_the_default() -> None:
    """Nothing drawn on the CPU takes the default device by surprise."""
    with torch.device("meta"):
        assert tiny_backbone("qwen2_5_vl").queries_QD.device.type == "meta"


def test_what_belongs_to_a_video_model_goes_with_it() -> None:
    config = choose("pandora-7b", video="wan2.2-ti2v-5b", height=256, backbone="")
    assert (config.autoencoder, config.tiny_decoder) == ("Wan-AI/Wan2.2-TI2V-5B-Diffusers", "taew2_2")
    assert (config.sampler, config.steps, config.height, config.backbone) == ("euler", 50, 256, "qwen2.5-vl-7b")
    assert choose("pandora-7b", video="longlive-1.3b").sampler == "renoise"


def test_parts_that_do_not_fit_each_other_are_refused(config: LargeConfig) -> None:
    narrow = CausalVideoTransformer(replace(TRANSFORMER, text_dim=20))
    with pytest.raises(InvalidConfig, match="width 20"):
        assemble(CONFIG, parts(transformer=narrow), CPU)
    deep = CausalVideoTransformer(replace(TRANSFORMER, in_channels=6, out_channels=6))
    with pytest.raises(InvalidConfig, match="6 latent channels"):
        assemble(CONFIG, parts(transformer=deep), CPU)
    said: list[str] = []
    model = assemble(replace(CONFIG, sampler="flow_map"), parts(), CPU, report=said.append)
    assert model.config.sampler == "euler"
    assert any("flow map" in line for line in said)


def test_the_road_is_the_one_the_parts_are_for() -> None:
    assert assemble(replace(CONFIG, road="auto"), parts(), CPU).video.config.road == "state"
    assert assemble(replace(CONFIG, road="auto"), parts(adapter=None), CPU).video.config.road == "text"
    both = assemble(replace(CONFIG, road="auto"), parts(adapter_road="both"), CPU)
    assert both.video.config.road == "both"
    told = both.reader.read([both.begin(PICTURE).carried.prefix], ["turn left"], lambda: False)  # type: ignore[union-attr]
    assert told.text is not None
    assert torch.equal(told.text, both.reader.prompts(["turn left"])), "the encoder's own"  # type: ignore[misc]


def test_other_weights_are_another_model(config: LargeConfig) -> None:
    found = loading.fingerprint(config, Speed())
    assert found == loading.fingerprint(config, Speed())
    assert found != loading.fingerprint(config, Speed(quantized="int8"))
    (path,) = (Path(config.video) / "transformer").glob("*.safetensors")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    try:
        path.write_bytes(content)
        assert loading.fingerprint(config, Speed()) != found
    finally:
        content[-5] ^= 1
        path.write_bytes(content)
    relative = replace(config, autoencoder=os.path.relpath(config.autoencoder))
    assert loading.fingerprint(relative, Speed()) == found
