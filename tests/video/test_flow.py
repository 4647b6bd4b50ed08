"""Sampling: exact where the model is exact, cancellable, the same with a shared cache."""

import pytest
import torch
from torch import Tensor

from pandora.errors import Cancelled, InvalidConfig
from pandora.video.flow import VideoConfig, VideoModel, diffuse
from pandora.video.transformer import TransformerConfig

SMALL = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "text_dim": 8,
    "freq_dim": 16,
    "ffn_dim": 16,
    "num_layers": 2,
}


def build(prediction: str = "residual") -> VideoModel:
    torch.manual_seed(0)
    channels = 6 if prediction == "velocity" else 10
    transformer = TransformerConfig(in_channels=channels, out_channels=4, action_dim=8, **SMALL)  # type: ignore[arg-type]
    return VideoModel(VideoConfig(prediction=prediction, transformer=transformer)).eval()  # type: ignore[arg-type]


def inputs(batch: int = 2) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    shape = (batch, 4, 2, 4, 4)
    return torch.randn(shape), torch.randn(batch, 3, 8), torch.randn(batch, 8), torch.randn(shape)


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("prediction", ["residual", "x", "velocity"])
@torch.no_grad()
def test_an_exact_predictor_reaches_the_truth(prediction: str, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(prediction)
    history, context, action, noise = inputs()
    truth = torch.randn_like(noise)
    seen = []

    def exact(noisy: Tensor, time: Tensor, *_: object) -> Tensor:
        torch.testing.assert_close(noisy, diffuse(truth, noise, time), atol=1e-5, rtol=1e-5)
        seen.append(time[0].item())
        return truth

    monkeypatch.setattr(model, "predict", exact)
    torch.testing.assert_close(model.sample(history, context, action, noise, steps), truth)
    assert len(seen) == steps
    assert seen[0] == 1.0
    assert seen == sorted(seen, reverse=True)


@torch.no_grad()
def test_branches_share_the_cache_of_their_history() -> None:
    model = build()
    history, context, action, noise = inputs(1)
    once = model.sample(history, context, action, noise, 2, cache=model.remember(history))
    torch.testing.assert_close(once, model.sample(history, context, action, noise, 2))


@torch.no_grad()
def test_a_batch_equals_its_rows() -> None:
    model = build()
    history, context, action, noise = inputs(3)
    together = model.sample(history, context, action, noise, 2)
    for row in range(3):
        one = slice(row, row + 1)
        alone = model.sample(history[one], context[one], action[one], noise[one], 2)
        torch.testing.assert_close(alone, together[one], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_it_stops_between_denoising_steps() -> None:
    model = build()
    answers = iter([False, True])
    with pytest.raises(Cancelled):
        model.sample(*inputs(), 4, should_stop=lambda: next(answers))


@torch.no_grad()
def test_residual_prediction_starts_from_the_last_frame() -> None:
    model = build()
    torch.nn.init.zeros_(model.transformer.proj_out.weight)
    torch.nn.init.zeros_(model.transformer.proj_out.bias)
    history, context, action, noise = inputs()
    still = model.sample(history, context, action, noise, 1)
    torch.testing.assert_close(still, history[:, :, -1:].expand_as(still))


def test_channels_must_fit_the_prediction() -> None:
    with pytest.raises(InvalidConfig, match="in_channels = 10"):
        VideoConfig(transformer=TransformerConfig(in_channels=4, out_channels=4))
    with pytest.raises(InvalidConfig, match="prediction"):
        VideoConfig(prediction="noise")  # type: ignore[arg-type]
