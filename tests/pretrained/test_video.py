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
from diffusers.schedulers.scheduling_flow_map_euler_discrete import FlowMapEulerDiscreteScheduler
from safetensors.torch import load_file, save_file
from torch import Tensor

from pandora.errors import InvalidCheckpoint, UnknownName
from pandora.pretrained.layouts import WAN, translate
from pandora.pretrained.published import VIDEO, published_video, read_config
from pandora.pretrained.video import count_parameters, load_transformer, load_video
from pandora.video.flow import VideoConfig, VideoModel
from pandora.video.transformer import TransformerConfig

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


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@torch.no_grad()
def test_a_chunkwise_rollout_equals_anyflows(tmp_path: Path) -> None:
    """A picture, a chunk that sees it and a chunk that sees both, each in two flow-map steps.

    A frame has 128 tokens, since AnyFlow pads keys to multiples of that with zeros that take part in its attention.
    """
    torch.manual_seed(0)
    shallow: dict[str, Any] = SIZE | {"num_layers": 2}
    model = AnyFlowFARTransformer3DModel(**shallow, full_chunk_limit=3).eval()
    model.save_pretrained(tmp_path)
    transformer = TransformerConfig(**shallow, action_dim=None, flow_map=True)
    config = VideoConfig(
        chunk=1, history=3, prediction="velocity", coordinates=False, time_shift=5.0, sampler="flow_map",
        transformer=transformer,
    )  # fmt: skip
    ours = load_video(tmp_path, config, torch.float32)
    picture, noises, text = torch.randn(1, 4, 1, 16, 32), torch.randn(2, 1, 4, 1, 16, 32), torch.randn(1, 5, 16)
    expected = rollout(model, picture, list(noises), text)

    memory, made = ours.recall(picture, text), []
    for noise in noises:
        made.append(ours.sample(picture, text, None, noise, 2, cache=memory))
        memory = ours.extend(memory, made[-1], text)
    torch.testing.assert_close(torch.cat(made, 2), expected, atol=1e-5, rtol=1e-4)


def rollout(model: AnyFlowFARTransformer3DModel, picture: Tensor, noises: list[Tensor], text: Tensor) -> Tensor:
    """What diffusers' AnyFlow-FAR pipeline does between its text encoder and its autoencoder."""
    scheduler: Any = FlowMapEulerDiscreteScheduler(shift=5.0)
    kinds = ("full_cache", "compressed_cache")
    caches = [{kind: torch.zeros(2, 1, 2, 3 * 128, 24) for kind in kinds} for _ in range(2)]
    frames = picture.transpose(1, 2)
    for number, noise in enumerate(noises, 1):
        told = {"encoder_hidden_states": text, "kv_cache": caches, "return_dict": False}
        zero = torch.zeros(1, number)
        model(
            hidden_states=frames, chunk_partition=[1] * number, timestep=zero, r_timestep=zero,
            kv_cache_flag={"num_cached_chunks": number - 1, "is_cache_step": True}, **told,
        )  # fmt: skip
        scheduler.set_timesteps(2)
        x = noise.transpose(1, 2)
        for time, end in zip(scheduler.timesteps, 1000 * scheduler.sigmas[1:], strict=True):
            velocity = model(
                hidden_states=x, chunk_partition=[1] * (number + 1), timestep=time.view(1, 1).float(),
                r_timestep=end.view(1, 1).float(),
                kv_cache_flag={"num_cached_chunks": number, "is_cache_step": False}, **told,
            )[0]  # fmt: skip
            x = scheduler.step(velocity, time, x, return_dict=False)[0]
        frames = torch.cat([frames, x], 1)
    return frames[:, 1:].transpose(1, 2)


@torch.no_grad()
def test_roads_of_ours_begin_silent_in_a_published_transformer(wan: WanTransformer3DModel, tmp_path: Path) -> None:
    config = TransformerConfig(**SIZE, action_dim=8, state_dim=6)
    ours = load_transformer(tmp_path, config, torch.float32)
    latents, time, context = torch.randn(2, 4, 3, 8, 12), torch.rand(2) * 1000, torch.randn(2, 5, 16)
    expected = wan(latents, time, context, return_dict=False)[0]
    state = ours.embed_state(torch.randn(2, 7, 6))
    made, _ = ours(latents, time, ours.embed_context(context), torch.randn(2, 8), state=state)
    torch.testing.assert_close(made, expected, atol=2e-6, rtol=1e-5)

    trained = {key: torch.randn_like(tensor) for key, tensor in ours.state_dict().items()}
    save_file(trained, tmp_path / "trained.safetensors")
    again = load_transformer(tmp_path / "trained.safetensors", config, torch.float32)
    assert all(torch.equal(tensor, trained[key]) for key, tensor in again.state_dict().items())
    save_file({k: v for k, v in trained.items() if "blocks.1.attn_state" not in k}, tmp_path / "trained.safetensors")
    with pytest.raises(InvalidCheckpoint, match=r"blocks\.1\.attn_state"):
        load_transformer(tmp_path / "trained.safetensors", config)
    with pytest.raises(InvalidCheckpoint, match="no place for"):
        load_transformer(tmp_path / "trained.safetensors", TransformerConfig(**SIZE, action_dim=None))


def test_time_and_norms_stay_wide_in_a_narrow_transformer(wan: WanTransformer3DModel, tmp_path: Path) -> None:
    ours = load_transformer(tmp_path)
    theirs = WanTransformer3DModel.from_pretrained(tmp_path / "transformer", torch_dtype=torch.bfloat16)
    wide = {name for name, parameter in ours.named_parameters() if parameter.dtype == torch.float32}
    assert wide == {name for name, parameter in theirs.named_parameters() if parameter.dtype == torch.float32}


@pytest.mark.parametrize("name", VIDEO)
def test_published_sizes_are_exact(name: str) -> None:
    published = published_video(name)
    assert count_parameters(published.transformer) == published.parameters
    plain, told = published.video_config(), published.video_config(state_dim=1024)
    assert plain.transformer == published.transformer
    assert (plain.road, told.road, told.transformer.state_dim) == ("text", "both", 1024)
    extra = count_parameters(told.transformer) - published.parameters
    width, layers = told.transformer.width, told.transformer.num_layers
    assert extra == layers * (4 * width**2 + 8 * width) + width * (1024 + 1) + width * (width + 1)


@torch.no_grad()
def test_a_chunk_is_made_and_remembered_at_full_size() -> None:
    config = published_video("longlive-1.3b").video_config(state_dim=1024)
    with torch.device("meta"):
        model = VideoModel(config)
        model.transformer.cast(torch.bfloat16)
        text, state, chunk = torch.empty(1, 512, 4096), torch.empty(1, 16, 1024), torch.empty(1, 16, 3, 60, 104)
        memory = model.recall(torch.empty(1, 16, config.history, 60, 104), text, state)
        fresh = torch.empty(1, model.draws(2) - 1, *chunk.shape[1:])
        made = model.sample(chunk, text, None, chunk, 2, cache=memory, state=state, fresh=fresh)
        memory = model.extend(memory, made, text, state)
    assert (made.shape, made.dtype) == (chunk.shape, torch.float32)
    assert memory[0].frames == config.history
    assert memory[0].nbytes == 2 * 2 * 30 * config.history * 30 * 52 * 1536  # keys and values, 2 bytes, layers, tokens


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
    with pytest.raises(UnknownName, match=r"longlive-1\.3b"):
        load_video("longlive")


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
