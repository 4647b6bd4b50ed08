"""Sampling: exact where the model is exact, cancellable, the same with a shared cache."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pandora.errors import Cancelled, InvalidConfig, InvalidInput
from pandora.video.flow import VideoConfig, VideoModel
from pandora.video.transformer import TransformerConfig

SMALL: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "text_dim": 8,
    "freq_dim": 16,
    "ffn_dim": 16,
    "num_layers": 2,
}


def build(
    prediction: str = "residual", state_dim: int | None = None, flow_map: bool = False, **config: Any
) -> VideoModel:
    torch.manual_seed(0)
    channels = 6 if prediction == "velocity" else 10
    transformer = TransformerConfig(
        in_channels=channels, out_channels=4, action_dim=8, state_dim=state_dim, flow_map=flow_map, **SMALL
    )  # fmt: skip
    return VideoModel(VideoConfig(prediction=prediction, transformer=transformer, **config)).eval()  # type: ignore[arg-type]


def inputs(batch: int = 2) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    shape = (batch, 4, 2, 4, 4)
    return torch.randn(shape), torch.randn(batch, 3, 8), torch.randn(batch, 8), torch.randn(shape)


@pytest.mark.parametrize("sampler", ["euler", "renoise"])
@pytest.mark.parametrize("prediction", ["residual", "x", "velocity"])
@torch.no_grad()
def test_an_exact_model_reaches_the_truth(prediction: str, sampler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(prediction, sampler=sampler)
    history, context, action, noise = inputs()
    truth, last, seen = torch.randn_like(noise), history[:, :, -1:], []

    def exact(noisy: Tensor, timestep: Tensor, *_: object) -> Tensor:
        seen.append(timestep[0].item())
        x, t = noisy[:, :4], timestep.view(-1, 1, 1, 1, 1) / 1000
        return {"x": truth, "residual": truth - last, "velocity": (x - truth) / t}[prediction]

    monkeypatch.setattr(model.transformer, "denoise", exact)
    steps = 3
    fresh = torch.randn(2, model.draws(steps) - 1, *noise.shape[1:])
    made = model.sample(history, context, action, noise, steps, fresh=fresh)
    torch.testing.assert_close(made, truth, atol=1e-5, rtol=1e-5)
    assert seen == pytest.approx([1000 * time for time in model.schedule(steps)])


@torch.no_grad()
def test_prediction_and_sampling_run_the_same_pass() -> None:
    model = build()
    history, context, action, noise = inputs()
    cache, tokens = model.remember(history), model.transformer.embed_context(context)
    expected = model.predict(noise, torch.ones(2), history[:, :, -1:], tokens, action, cache)
    assert torch.equal(model.sample(history, context, action, noise, 1), expected)


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


@torch.no_grad()
def test_an_open_road_carries_tokens_and_a_closed_one_does_not() -> None:
    history, text, action, noise = inputs()
    state = torch.randn(2, 5, 8)
    made = {}
    for road in ("off", "text", "state", "both"):
        model = build(state_dim=8, road=road)
        for layer in model.transformer.blocks:
            torch.nn.init.normal_(layer.attn_state.to_out[0].weight)  # type: ignore[union-attr, arg-type]
        made[road] = model.sample(history, text, action, noise, 1, cache=model.recall(history[:, :, :1]), state=state)
        for closed in {"off": ("text", "state"), "text": ("state",), "state": ("text",), "both": ()}[road]:
            told = {"text": text, "state": state} | {closed: None}
            again = model.sample(
                history, told["text"], action, noise, 1, cache=model.recall(history[:, :, :1]), state=told["state"]
            )
            assert torch.equal(again, made[road])
    assert len({tuple(chunk.flatten().tolist()) for chunk in made.values()}) == 4


@torch.no_grad()
def test_a_flow_map_is_told_where_each_step_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("velocity", flow_map=True, sampler="flow_map")
    history, context, action, noise = inputs()
    ends = []
    run = model.transformer.denoise

    def watched(*told: Any) -> Tensor:
        ends.append(told[5][0].item())
        return run(*told)

    monkeypatch.setattr(model.transformer, "denoise", watched)
    model.sample(history, context, action, noise, 2)
    assert ends == [500, 0]


def test_noising_afresh_needs_noise() -> None:
    model = build(sampler="renoise")
    assert (model.draws(4), build().draws(4)) == (4, 1)
    with pytest.raises(InvalidInput, match="3 more draws"):
        model.sample(*inputs(), 4)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"sampler": "ddim"}, "sampler"),
        ({"sampler": "flow_map"}, "flow_map"),
        ({"road": "state"}, "state_dim"),
        ({"road": "sea"}, "road"),
        ({"sink": 1}, "sink"),
    ],
)
def test_configs_that_contradict_themselves(config: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidConfig, match=named):
        VideoConfig(**config)


def test_channels_must_fit_the_prediction() -> None:
    with pytest.raises(InvalidConfig, match="in_channels = 10"):
        VideoConfig(transformer=TransformerConfig(in_channels=4, out_channels=4))
    with pytest.raises(InvalidConfig, match="prediction"):
        VideoConfig(prediction="noise")  # type: ignore[arg-type]
