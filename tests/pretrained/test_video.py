"""Published layouts at small size: saved by the library's own classes, loaded by us, equal outputs; all refusals."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from diffusers.models.transformers.transformer_anyflow import AnyFlowTransformer3DModel
from diffusers.models.transformers.transformer_anyflow_far import AnyFlowFARTransformer3DModel
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from pandora.errors import InvalidCheckpoint, UnknownName
from pandora.pretrained.layouts import WAN, translate
from pandora.pretrained.published import VIDEO, published_video, read_config
from pandora.pretrained.video import count_parameters, load_transformer

SIZE: dict[str, Any] = {
    "num_attention_heads": 2, "attention_head_dim": 24, "in_channels": 4, "out_channels": 4, "text_dim": 16,
    "freq_dim": 32, "ffn_dim": 64, "num_layers": 3,
}  # fmt: skip


@pytest.fixture
def wan(tmp_path: Path) -> WanTransformer3DModel:
    torch.manual_seed(0)
    model = WanTransformer3DModel(**SIZE).eval()
    model.save_pretrained(tmp_path / "transformer", max_shard_size="60KB")
    return model


@torch.no_grad()
def test_a_saved_wan_transformer_gives_what_its_own_class_gives(wan: WanTransformer3DModel, tmp_path: Path) -> None:
    assert len(list((tmp_path / "transformer").glob("*.safetensors"))) > 1
    ours = load_transformer(tmp_path, dtype=torch.float32)
    latents, time, context = torch.randn(2, 4, 3, 8, 12), torch.rand(2) * 1000, torch.randn(2, 5, 16)
    expected = wan(latents, time, context, return_dict=False)[0]
    made, _ = ours(latents, time, ours.embed_context(context))
    torch.testing.assert_close(made, expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "prefix", ["", "model.", "model.diffusion_model.", "generator_ema.model._fsdp_wrapped_module."]
)
def test_original_names_mean_what_diffusers_says(wan: WanTransformer3DModel, prefix: str) -> None:
    original = original_names(wan.state_dict())
    assert convert_wan_transformer_to_diffusers(dict(original)).keys() == wan.state_dict().keys()
    ours = translate({prefix + key: tensor for key, tensor in original.items()}, "test")
    assert ours.keys() == wan.state_dict().keys()
    assert all(torch.equal(tensor, wan.state_dict()[key]) for key, tensor in ours.items())


@torch.no_grad()
def test_original_names_load_with_a_config(wan: WanTransformer3DModel, tmp_path: Path) -> None:
    save_file({k: v.contiguous() for k, v in original_names(wan.state_dict()).items()}, tmp_path / "model.safetensors")
    config = read_config(json.loads((tmp_path / "transformer" / "config.json").read_text()), "test")
    ours = load_transformer(tmp_path / "model.safetensors", config, torch.float32)
    expected = load_transformer(tmp_path / "transformer", dtype=torch.float32)
    for (name, a), (_, b) in zip(ours.named_parameters(), expected.named_parameters(), strict=True):
        assert torch.equal(a, b), name


@torch.no_grad()
@pytest.mark.parametrize("causal", [False, True])
def test_any_step_checkpoints_keep_their_end_time(causal: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    kind = AnyFlowFARTransformer3DModel if causal else AnyFlowTransformer3DModel
    model = kind(**SIZE, gate_value=0.4).eval()
    model.save_pretrained(tmp_path)
    ours = load_transformer(tmp_path, dtype=torch.float32)
    assert ours.config.flow_map
    assert ours.config.flow_map_gate == 0.4
    time, end, context = torch.tensor([[700.0]]), torch.tensor([[300.0]]), torch.randn(1, 5, 16)
    theirs = model.condition_embedder
    embedded, modulation = ours.condition_embedder.embed_time(time, end, None)
    frames = {"full_token_per_frame": 1, "num_full_frames": 1, "num_far_frames": 0}
    if not causal:
        latents, time, end = torch.randn(1, 4, 2, 4, 4), time.expand(1, 2), end.expand(1, 2)
        expected = model(latents.transpose(1, 2), time, end, context, return_dict=False)[0].transpose(1, 2)
        made, _ = ours(latents, time, ours.embed_context(context), end_timestep=end)
        torch.testing.assert_close(made, expected, atol=2e-6, rtol=1e-5)
        return
    expected, projected = theirs.forward_timestep(time, end, context, frames["full_token_per_frame"])
    torch.testing.assert_close(embedded.flatten(), expected.flatten())
    torch.testing.assert_close(modulation.flatten(), projected.flatten())


@pytest.mark.parametrize("name", VIDEO)
def test_published_sizes_are_exact(name: str) -> None:
    published = published_video(name)
    assert count_parameters(published.transformer) == published.parameters


def test_what_is_missing_or_strange_is_named(wan: WanTransformer3DModel, tmp_path: Path) -> None:
    folder = tmp_path / "transformer"
    shard = sorted(folder.glob("*.safetensors"))[0]
    kept = load_file(shard)
    shard.unlink()
    with pytest.raises(InvalidCheckpoint, match=shard.name):
        load_transformer(folder)
    save_file(kept | {"blocks.0.attn9.weight": torch.zeros(1)}, shard)
    with pytest.raises(InvalidCheckpoint, match=r"blocks\.0\.attn9\.weight"):
        load_transformer(folder)
    (folder / "diffusion_pytorch_model.safetensors.index.json").unlink()
    gone = next(iter(kept))
    save_file({key: tensor for key, tensor in kept.items() if key != gone}, shard)
    with pytest.raises(InvalidCheckpoint, match=gone.replace(".", r"\.")):
        load_transformer(folder)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "WanTransformer3DModel"} | SIZE))
    (tmp_path / "model.pt").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(InvalidCheckpoint, match=r"model\.pt.*save_file"):
        load_transformer(tmp_path)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"_class_name": "CogVideoXTransformer3DModel"}, "CogVideoX"),
        ({"image_dim": 1280}, "image_dim"),
        ({"qk_norm": "layer_norm"}, "layer_norm"),
        ({"deltatime_type": "t-r", "_class_name": "AnyFlowTransformer3DModel"}, "t-r"),
    ],
)
def test_configs_that_do_not_fit(values: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidCheckpoint, match=named):
        read_config(SIZE | values, "test")


def test_a_name_that_nobody_published() -> None:
    with pytest.raises(UnknownName, match=r"wan2\.1-t2v-1\.3b"):
        published_video("wan2.1-t2v-1b")


def original_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Wan's own names for a state dict of diffusers."""
    swaps = (
        ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
        ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
        ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
        ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
        ("condition_embedder.time_proj", "time_projection.1"),
        ("proj_out", "head.head"),
        ("norm2", "norm3"),
        ("attn1", "self_attn"),
        ("attn2", "cross_attn"),
        ("to_out.0", "o"),
        ("to_q", "q"),
        ("to_k", "k"),
        ("to_v", "v"),
        ("ffn.net.0.proj", "ffn.0"),
        ("ffn.net.2", "ffn.2"),
    )
    named = {}
    for key, tensor in state.items():
        for ours, theirs in swaps:
            key = key.replace(ours, theirs)
        table = "modulation" if key.startswith("blocks") else "head.modulation"
        named[key.replace("scale_shift_table", table)] = tensor
    assert all(WAN.rename(key) for key in named)
    return named
