"""Wan's autoencoder at small size: what its own class gives, streamed and batched; loading; the tiers; all refusals."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from safetensors.torch import load_file, save_file
from torch import Tensor

from pandora.errors import InvalidCheckpoint, InvalidInput
from pandora.pretrained.autoencoder import (
    AUTOENCODERS,
    Memory,
    TieredAutoencoder,
    WanAutoencoder,
    load_autoencoder,
    read_config,
)
from pandora.pretrained.published import VIDEO
from pandora.pretrained.tiny_decoder import TinyDecoder, TinyDecoderConfig

WAN: dict[str, Any] = {
    "base_dim": 4, "z_dim": 4, "dim_mult": [1, 1, 2, 2], "num_res_blocks": 1,
    "latents_mean": [0.5, -0.25, 0.0, 1.0], "latents_std": [2.0, 1.5, 0.5, 1.0],
}  # fmt: skip
WAN22 = WAN | {
    "is_residual": True, "in_channels": 12, "out_channels": 12, "patch_size": 2, "scale_factor_spatial": 16,
    "decoder_base_dim": 8,
}  # fmt: skip


@pytest.fixture(scope="module", params=[WAN, WAN22], ids=["2.1", "2.2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    model = AutoencoderKLWan(**request.param)
    for name, parameter in model.named_parameters():
        if name.endswith("gamma"):
            parameter.data.uniform_(0.5, 1.5)
    model.save_pretrained(path := tmp_path_factory.mktemp("wan") / "vae")
    return path.parent


@pytest.fixture(scope="module")
def library(folder: Path) -> AutoencoderKLWan:
    return AutoencoderKLWan.from_pretrained(folder / "vae").eval().requires_grad_(False)


@pytest.fixture(scope="module")
def ours(folder: Path) -> WanAutoencoder:
    model = load_autoencoder(folder, dtype=torch.float32)
    assert isinstance(model, WanAutoencoder)
    return model


@pytest.fixture
def latents() -> Tensor:
    return torch.randn(2, 4, 4, 2, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def video(ours: WanAutoencoder) -> Tensor:
    shape = (2, 3, 9, 2 * ours.spatial, 3 * ours.spatial)
    return torch.rand(shape, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.fixture
def _compiler() -> Iterator[None]:
    yield
    torch.compiler.reset()


def stream(model: WanAutoencoder, latents: Tensor, memory: Memory) -> tuple[list[Tensor], Memory]:
    frames = []
    for latent in latents.split(1, dim=2):
        piece, memory = model.decode_step(latent, memory)
        frames.append(piece)
    return frames, memory


def test_decoding_is_the_librarys(library: AutoencoderKLWan, ours: WanAutoencoder, latents: Tensor) -> None:
    std, mean = (torch.tensor(library.config[name]).view(1, 4, 1, 1, 1) for name in ("latents_std", "latents_mean"))
    expected = library.decode(latents * std + mean, return_dict=False)[0]
    assert expected.shape == (2, 3, 13, 2 * ours.spatial, 3 * ours.spatial)
    assert expected.std() > 0.05
    torch.testing.assert_close(ours.decode(latents), expected, atol=1e-5, rtol=1e-5)


def test_streamed_decoding_is_whole_decoding(ours: WanAutoencoder, latents: Tensor) -> None:
    whole = ours.decode(latents)
    frames, memory = stream(ours, latents, ours.begin_memory(2, 2, 3))
    assert [piece.shape[2] for piece in frames] == [1, 4, 4, 4]
    torch.testing.assert_close(torch.cat(frames, 2), whole, atol=1e-6, rtol=1e-6)
    two, middle = ours.decode_step(latents[:, :, :2], ours.begin_memory(2, 2, 3))
    rest, after = ours.decode_step(latents[:, :, 2:], middle)
    torch.testing.assert_close(torch.cat([two, rest], 2), whole, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(after, memory)


def test_worlds_share_nothing(ours: WanAutoencoder, latents: Tensor) -> None:
    """Two worlds alone, in turn, equal the two in a batch; and a fork leaves the memory that it starts from."""
    together, batched = stream(ours, latents, ours.begin_memory(2, 2, 3))
    memories = [ours.begin_memory(1, 2, 3) for _ in range(2)]
    for index, expected in enumerate(together):
        for row in range(2):
            before = [past.clone() for past in memories[row]]
            frames, after = ours.decode_step(latents[row : row + 1, :, index : index + 1], memories[row])
            torch.testing.assert_close(frames, expected[row : row + 1], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(list(memories[row]), before, rtol=0, atol=0)
            memories[row] = after
    for row in range(2):
        torch.testing.assert_close(memories[row], tuple(past[row : row + 1] for past in batched), atol=1e-4, rtol=1e-4)


def test_branches_share_one_memory(ours: WanAutoencoder, latents: Tensor) -> None:
    _, memory = ours.decode_step(latents[:1, :, :1], ours.begin_memory(1, 2, 3))
    shared = tuple(past.expand(2, -1, -1, -1, -1) for past in memory)
    together, _ = ours.decode_step(latents[:, :, 1:2], shared)
    for row in range(2):
        alone, _ = ours.decode_step(latents[row : row + 1, :, 1:2], memory)
        torch.testing.assert_close(alone, together[row : row + 1], atol=1e-5, rtol=1e-5)


def test_the_memory_keeps_its_shapes(ours: WanAutoencoder, latents: Tensor) -> None:
    memory = ours.begin_memory(2, 2, 3)
    assert all(past.shape[0] == 2 and past.shape[2] == 0 for past in memory)
    shapes = []
    for index in range(3):
        _, memory = ours.decode_step(latents[:, :, index : index + 1], memory)
        shapes.append([past.shape for past in memory])
    assert shapes[0] == shapes[1] == shapes[2]
    begun = ours.begin_memory(2, 2, 3)
    assert [(*s[:2], *s[3:]) for s in shapes[0]] == [(*past.shape[:2], *past.shape[3:]) for past in begun]


def test_encoding_is_the_librarys(library: AutoencoderKLWan, ours: WanAutoencoder, video: Tensor) -> None:
    std, mean = (torch.tensor(library.config[name]).view(1, 4, 1, 1, 1) for name in ("latents_std", "latents_mean"))
    raw: Any = library.encode(video)
    expected = (raw.latent_dist.mode() - mean) / std
    assert expected.shape == (2, 4, 3, 2, 3)
    torch.testing.assert_close(ours.encode(video), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.encode(video[:, :, :1]), expected[:, :, :1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("lengths", [[1, 4, 4], [5, 4], [1, 8]])
def test_streamed_encoding_is_whole_encoding(ours: WanAutoencoder, video: Tensor, lengths: list[int]) -> None:
    memory, pieces = ours.begin_encoder_memory(2, 2, 3), []
    for piece in video.split(lengths, dim=2):
        latents, memory = ours.encode_step(piece, memory)
        pieces.append(latents)
        shapes = [past.shape for past in memory]
    torch.testing.assert_close(torch.cat(pieces, 2), ours.encode(video), atol=1e-6, rtol=1e-6)
    begun = ours.begin_encoder_memory(2, 2, 3)
    assert [(*s[:2], *s[3:]) for s in shapes] == [(*past.shape[:2], *past.shape[3:]) for past in begun]


@pytest.mark.parametrize(("frames", "side", "named"), [(3, 32, "not 3"), (0, 32, "not 0"), (1, 36, "got 32 x 36")])
def test_films_that_cannot_be_encoded(ours: WanAutoencoder, frames: int, side: int, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        ours.encode(torch.zeros(1, 3, frames, 32, side))


def test_later_frames_come_by_fours(ours: WanAutoencoder, video: Tensor) -> None:
    _, memory = ours.encode_step(video[:, :, :1], ours.begin_encoder_memory(2, 2, 3))
    with pytest.raises(InvalidInput, match="4, 8, 12"):
        ours.encode_step(video[:, :, 1:2], memory)


def test_statistics_stay_exact_in_a_narrow_dtype(folder: Path, ours: WanAutoencoder, latents: Tensor) -> None:
    narrow = load_autoencoder(folder, dtype=torch.bfloat16)
    assert isinstance(narrow, WanAutoencoder)
    for model in (narrow, narrow.to(torch.bfloat16)):
        assert model.statistics.mean.dtype == model.statistics.std.dtype == torch.float32
    frames, memory = narrow.decode_step(latents, narrow.begin_memory(2, 2, 3))
    assert {tensor.dtype for tensor in (frames, *memory)} == {torch.bfloat16}
    assert (frames.float() - ours.decode(latents)).abs().mean() < 0.05
    assert narrow.encode(frames[:, :, :1]).dtype == torch.float32


@pytest.mark.usefixtures("_compiler")
def test_later_steps_are_one_graph(ours: WanAutoencoder, latents: Tensor) -> None:
    captured = torch.compile(ours.decode_step, backend="eager", fullgraph=True, dynamic=False)
    _, memory = ours.decode_step(latents[:1, :, :1], ours.begin_memory(1, 2, 3))
    for index in range(1, 4):
        latent = latents[:1, :, index : index + 1].contiguous()
        expected, expected_memory = ours.decode_step(latent, memory)
        with torch.compiler.set_stance("default" if index == 1 else "fail_on_recompile"):
            frames, memory = captured(latent, memory)
        torch.testing.assert_close(frames, expected)
        torch.testing.assert_close(memory, expected_memory)


@pytest.mark.parametrize("repository", AUTOENCODERS)
def test_published_sizes_are_exact(repository: str) -> None:
    published = AUTOENCODERS[repository]
    with torch.device("meta"):
        model = WanAutoencoder(AutoencoderKLWan(**published.shape))
    assert sum(parameter.numel() for parameter in model.parameters()) == published.parameters
    assert model.spatial == published.shape.get("scale_factor_spatial", 8)
    assert {video.autoencoder for video in VIDEO.values()} == set(AUTOENCODERS)


def test_what_is_missing_or_strange_is_named(folder: Path, tmp_path: Path) -> None:
    for path in (folder / "vae").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    kept = load_file(path)
    save_file(kept | {"decoder.conv_inn.bias": torch.zeros(1)}, path)
    with pytest.raises(InvalidCheckpoint, match=r"no place for.*decoder\.conv_inn\.bias"):
        load_autoencoder(tmp_path)
    save_file({key: tensor for key, tensor in kept.items() if key != "decoder.conv_in.bias"}, path)
    with pytest.raises(InvalidCheckpoint, match=r"lacks.*decoder\.conv_in\.bias"):
        load_autoencoder(tmp_path)
    path.rename(tmp_path / "model.pth")
    with pytest.raises(InvalidCheckpoint, match=r"model\.pth.*never read.*save_file"):
        load_autoencoder(tmp_path)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"_class_name": "AutoencoderKLQwenImage"}, "QwenImage"),
        ({"z_dim": 48}, "48 latent channels.*latents_mean"),
        ({"temperal_downsample": [True, True, True]}, "of 8;"),
    ],
)
def test_configs_that_do_not_fit(values: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidCheckpoint, match=named):
        read_config(values, "test")


def test_a_config_may_say_more_than_we_know() -> None:
    values = json.loads(json.dumps(WAN | {"_class_name": "AutoencoderKLWan", "clip_output": False}))
    assert read_config(values, "test") == WAN


class TestTiers:
    def tiny(self, full: WanAutoencoder) -> TinyDecoder:
        torch.manual_seed(3)
        config = TinyDecoderConfig(latent_channels=4, patch=full.patch, widths=(8, 8, 8, 8))
        return TinyDecoder(config).eval().requires_grad_(False)

    def test_live_is_tiny_and_export_is_full(self, folder: Path, ours: WanAutoencoder, latents: Tensor) -> None:
        tiny = self.tiny(ours)
        path = folder / "tiny.safetensors"
        save_file({key: tensor.contiguous() for key, tensor in tiny.state_dict().items()}, path)
        model = load_autoencoder(folder, path, torch.float32)
        assert isinstance(model, TieredAutoencoder)
        frames, memory = model.decode_step(latents, model.begin_memory(2, 2, 3))
        expected, expected_memory = tiny.decode_step(latents, tiny.begin_memory(2, 2, 3))
        torch.testing.assert_close(frames, expected)
        torch.testing.assert_close(memory, expected_memory)
        torch.testing.assert_close(model.decode(latents), ours.decode(latents))
        still = torch.rand(1, 3, 1, 2 * ours.spatial, ours.spatial)
        torch.testing.assert_close(model.encode(still), ours.encode(still))
        assert frames.shape == ours.decode(latents).shape

    def test_raw_latents_are_told(self, folder: Path, ours: WanAutoencoder, latents: Tensor) -> None:
        raw = self.tiny(ours)
        raw.statistics = ours.statistics
        plain = self.tiny(ours)
        torch.testing.assert_close(raw.decode(latents), plain.decode(ours.statistics.denormalise(latents)))
        assert not torch.allclose(raw.decode(latents), plain.decode(latents))

    def test_tiers_of_different_latents(self, ours: WanAutoencoder) -> None:
        with pytest.raises(InvalidCheckpoint, match=r"16 channels.*taew2_2"):
            TieredAutoencoder(ours, TinyDecoder(TinyDecoderConfig(widths=(8, 8, 8, 8))))
