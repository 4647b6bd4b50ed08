"""Streamed decode equals whole decode, and the code is causal."""

from dataclasses import replace

import pytest
import torch

from pandora.video.autoencoder import Autoencoder, AutoencoderConfig


@pytest.fixture(scope="module", params=[0, 2], ids=["plain", "frame blocks"])
def model(request: pytest.FixtureRequest) -> Autoencoder:
    torch.manual_seed(0)
    config = AutoencoderConfig(latent_channels=6, width=16, frame_width=8, frame_blocks=request.param)
    model = Autoencoder(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
    model.latents_mean.normal_()
    model.latents_std.uniform_(0.5, 2)
    return model


def test_streamed_decode_equals_whole_decode(model: Autoencoder) -> None:
    latents = torch.randn(2, 6, 4, 4, 6)
    whole = model.decode(latents)
    assert whole.shape == (2, 3, 13, 32, 48)
    memory, pieces = model.begin_memory(2, 4, 6), []
    for index in range(4):
        frames, memory = model.decode_step(latents[:, :, index : index + 1], memory)
        pieces.append(frames)
    streamed = torch.cat(pieces, 2)[:, :, 3:]
    torch.testing.assert_close(streamed, whole, atol=1e-5, rtol=1e-5)


def test_latents_know_no_future(model: Autoencoder) -> None:
    video = torch.rand(1, 3, 9, 32, 32) * 2 - 1
    changed = video.clone()
    changed[:, :, 5:] = 0
    before, after = model.encode(video), model.encode(changed)
    torch.testing.assert_close(before[:, :, :2], after[:, :, :2])
    assert not torch.allclose(before[:, :, 2], after[:, :, 2])


def test_an_image_is_one_latent_frame(model: Autoencoder) -> None:
    video = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    assert model.encode(video).shape == (1, 6, 2, 4, 4)
    torch.testing.assert_close(model.encode(video[:, :, :1]), model.encode(video)[:, :, :1])


def test_a_larger_one_begins_as_the_smaller_one_that_it_takes_over() -> None:
    config = AutoencoderConfig(latent_channels=6, width=16, frame_width=8, frame_blocks=0)
    small, large = Autoencoder(config), Autoencoder(replace(config, frame_blocks=2))
    large.load_state_dict(small.state_dict(), strict=False)
    video = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(large.encode(video), small.encode(video))
        torch.testing.assert_close(large.decode(large.encode(video)), small.decode(small.encode(video)))
