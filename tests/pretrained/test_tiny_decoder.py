"""The tiny decoder against its public layout, layer by layer; streamed, batched, remembered; loading and refusals."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from pandora.errors import InvalidCheckpoint, InvalidInput, UnknownName
from pandora.pretrained.latents import LatentStatistics
from pandora.pretrained.tiny_decoder import (
    TINY_DECODERS,
    TinyDecoder,
    TinyDecoderConfig,
    load_tiny_decoder,
    published_tiny_decoder,
)


@pytest.fixture(params=[1, 2], ids=["8x", "16x"])
def model(request: pytest.FixtureRequest) -> TinyDecoder:
    torch.manual_seed(0)
    config = TinyDecoderConfig(latent_channels=5, patch=request.param, widths=(12, 10, 8, 6))
    return TinyDecoder(config).eval().requires_grad_(False)


@pytest.fixture
def latents() -> Tensor:
    return torch.randn(2, 5, 11, 2, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def _compiler() -> Iterator[None]:
    yield
    torch.compiler.reset()


def stored(model: TinyDecoder) -> dict[str, Tensor]:
    return {key: tensor.contiguous() for key, tensor in model.state_dict().items()}


def public_decode(weights: dict[str, Tensor], latents: Tensor) -> Tensor:
    """One world's latents (C, L, h, w) -> (3, 1 + 4(L-1), H, W) in 0..1, layer after layer in the public sequence."""

    def convolve(x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, weights[f"decoder.{name}.weight"], weights.get(f"decoder.{name}.bias"), padding="same")

    x = convolve(torch.tanh(latents.transpose(0, 1) / 3) * 3, "1").relu()
    for stage, growth in enumerate((1, 2, 2)):
        for block in range(3 + 6 * stage, 6 + 6 * stage):
            past, after = torch.zeros_like(x[:1]), []
            for frame in x.split(1):
                hidden = convolve(torch.cat([frame, past], 1), f"{block}.conv.0").relu()
                hidden = convolve(convolve(hidden, f"{block}.conv.2").relu(), f"{block}.conv.4")
                after.append((hidden + frame).relu())
                past = frame
            x = torch.cat(after)
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        x = convolve(x, f"{7 + 6 * stage}.conv").chunk(growth, 1)
        x = torch.stack(x, 1).flatten(0, 1)
        x = convolve(x, str(8 + 6 * stage))
    x = convolve(x.relu(), "22")
    patch = round((x.shape[1] / 3) ** 0.5)
    return F.pixel_shuffle(x, patch).clamp(0, 1)[3:].transpose(0, 1)


def test_it_is_the_public_decoder(model: TinyDecoder, latents: Tensor) -> None:
    expected = torch.stack([public_decode(stored(model), row) for row in latents]) * 2 - 1
    assert expected.shape == (2, 3, 41, 2 * model.spatial, 3 * model.spatial)
    assert expected.std() > 0.01
    torch.testing.assert_close(model.decode(latents), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("length", [1, 3])
def test_streamed_is_whole(model: TinyDecoder, latents: Tensor, length: int) -> None:
    memory, frames = model.begin_memory(2, 2, 3), []
    for piece in latents.split(length, dim=2):
        made, memory = model.decode_step(piece, memory)
        frames.append(made)
    assert [made.shape[2] for made in frames[:2]] == [4 * length - 3, 4 * length]
    torch.testing.assert_close(torch.cat(frames, 2), model.decode(latents), atol=1e-6, rtol=1e-6)


def test_worlds_share_nothing(model: TinyDecoder, latents: Tensor) -> None:
    _, memory = model.decode_step(latents[:, :, :2], model.begin_memory(2, 2, 3))
    kept = [past.clone() for past in memory]
    together, _ = model.decode_step(latents[:, :, 2:4], memory)
    for row in range(2):
        alone, _ = model.decode_step(latents[row : row + 1, :, 2:4], tuple(past[row : row + 1] for past in memory))
        torch.testing.assert_close(alone, together[row : row + 1], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(list(memory), kept, rtol=0, atol=0)


def test_branches_share_one_memory(model: TinyDecoder, latents: Tensor) -> None:
    _, memory = model.decode_step(latents[:1, :, :2], model.begin_memory(1, 2, 3))
    together, _ = model.decode_step(latents[:, :, 2:4], tuple(past.expand(2, -1, -1, -1, -1) for past in memory))
    for row in range(2):
        alone, _ = model.decode_step(latents[row : row + 1, :, 2:4], memory)
        torch.testing.assert_close(alone, together[row : row + 1], atol=1e-6, rtol=1e-6)


def test_memory_can_be_made_anew(model: TinyDecoder, latents: Tensor) -> None:
    """From all the latents, or from the last eight of them, and not from fewer."""
    _, memory = model.decode_step(latents, model.begin_memory(2, 2, 3))
    torch.testing.assert_close(model.remember(latents), memory)
    torch.testing.assert_close(model.remember(latents[:, :, -model.reach :]), memory, atol=1e-6, rtol=1e-6)
    short = model.remember(latents[:, :, 1 - model.reach :])
    assert any(not torch.equal(made, past) for made, past in zip(short, memory, strict=True))


@pytest.mark.usefixtures("_compiler")
@pytest.mark.parametrize("worlds", [1, 2])
def test_later_steps_are_one_graph(model: TinyDecoder, latents: Tensor, worlds: int) -> None:
    captured = torch.compile(model.decode_step, backend="eager", fullgraph=True, dynamic=False)
    _, memory = model.decode_step(latents[:worlds, :, :1], model.begin_memory(worlds, 2, 3))
    for index in range(1, 4):
        latent = latents[:worlds, :, index : index + 1].contiguous()
        expected, expected_memory = model.decode_step(latent, memory)
        with torch.compiler.set_stance("default" if index == 1 else "fail_on_recompile"):
            frames, memory = captured(latent, memory)
        torch.testing.assert_close(frames, expected)
        torch.testing.assert_close(memory, expected_memory)


@pytest.mark.parametrize("name", TINY_DECODERS)
def test_published_sizes_are_exact(name: str) -> None:
    published = published_tiny_decoder(name)
    with torch.device("meta"):
        model = TinyDecoder(published.config)
    assert sum(parameter.numel() for parameter in model.parameters()) == published.parameters
    assert len(model.state_dict()) == 64


def test_a_public_file_is_loaded(model: TinyDecoder, latents: Tensor, tmp_path: Path) -> None:
    """With an encoder beside it, which is left, and a first growth layer of twice the size, whose end is used."""
    weights = stored(model)
    grown = torch.cat([torch.randn_like(weights["decoder.7.conv.weight"]), weights["decoder.7.conv.weight"]])
    encoder = {"encoder.0.weight": torch.zeros(4, 3, 3, 3), "encoder.2.conv.weight": torch.zeros(4, 8, 1, 1)}
    save_file(weights | encoder | {"decoder.7.conv.weight": grown}, tmp_path / "taew.safetensors")
    for place in (tmp_path, tmp_path / "taew.safetensors"):
        loaded = load_tiny_decoder(place, dtype=torch.float32)
        assert loaded.config == model.config
        torch.testing.assert_close(loaded.decode(latents), model.decode(latents))


def test_raw_latents_need_statistics(model: TinyDecoder, latents: Tensor, tmp_path: Path) -> None:
    save_file(stored(model), tmp_path / "taew.safetensors")
    with pytest.raises(InvalidInput, match="statistics"):
        load_tiny_decoder(tmp_path, raw=True)
    statistics = LatentStatistics([0.5] * 5, [2.0] * 5)
    raw = load_tiny_decoder(tmp_path, statistics, torch.float32, raw=True)
    torch.testing.assert_close(raw.decode(latents), model.decode(latents * 2 + 0.5))
    unasked = load_tiny_decoder(tmp_path, statistics, torch.float32)
    torch.testing.assert_close(unasked.decode(latents), model.decode(latents))


def test_what_does_not_fit_is_named(model: TinyDecoder, tmp_path: Path) -> None:
    path = tmp_path / "taew.safetensors"
    weights = stored(model)
    save_file(weights | {"decoder.3.conv.6.weight": torch.zeros(1)}, path)
    with pytest.raises(InvalidCheckpoint, match=r"no place for.*decoder\.3\.conv\.6\.weight"):
        load_tiny_decoder(path)
    save_file({key: tensor for key, tensor in weights.items() if key != "decoder.4.conv.0.bias"}, path)
    with pytest.raises(InvalidCheckpoint, match=r"lacks.*decoder\.4\.conv\.0\.bias"):
        load_tiny_decoder(path)
    save_file({"blocks.0.weight": torch.zeros(1)}, path)
    with pytest.raises(InvalidCheckpoint, match=r"no TAEHV decoder.*blocks\.0\.weight"):
        load_tiny_decoder(path)
    path.rename(tmp_path / "taew2_1.pth")
    with pytest.raises(InvalidCheckpoint, match=r"taew2_1\.pth.*save_file"):
        load_tiny_decoder(tmp_path)


def test_a_name_that_nobody_published() -> None:
    with pytest.raises(UnknownName, match="taew2_1"):
        published_tiny_decoder("taew2_3")
