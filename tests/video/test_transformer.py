"""Equal to diffusers' Wan transformer in full-sequence mode; cached equals uncached; roads that start silent."""

import shutil

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import Tensor

from pandora.errors import InvalidConfig, InvalidInput
from pandora.video import block
from pandora.video.attention import attention
from pandora.video.cache import append
from pandora.video.transformer import CausalVideoTransformer, TransformerConfig


def build(**changes: object) -> CausalVideoTransformer:
    torch.manual_seed(0)
    values = {
        "num_attention_heads": 2, "attention_head_dim": 24, "in_channels": 4, "out_channels": 4, "text_dim": 16,
        "freq_dim": 32, "ffn_dim": 64, "num_layers": 3, "action_dim": None,
    }  # fmt: skip
    return CausalVideoTransformer(TransformerConfig(**(values | changes))).eval()  # type: ignore[arg-type]


def reference(model: CausalVideoTransformer) -> WanTransformer3DModel:
    config = model.config
    names = ("patch_size", "num_attention_heads", "attention_head_dim", "in_channels", "out_channels", "text_dim")
    values = {name: getattr(config, name) for name in (*names, "freq_dim", "ffn_dim", "num_layers", "cross_attn_norm")}
    wan = WanTransformer3DModel(**values).eval()
    wan.load_state_dict(model.state_dict(), strict=True)
    return wan


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("per_frame", [False, True])
@torch.no_grad()
def test_equals_diffusers(norm: bool, per_frame: bool) -> None:
    model = build(cross_attn_norm=norm)
    wan = reference(model)
    latents, context = torch.randn(2, 4, 3, 8, 12), torch.randn(2, 5, 16)
    time = torch.rand(2, 3) * 1000 if per_frame else torch.rand(2) * 1000
    tokens = time.repeat_interleave(24, 1) if per_frame else time
    expected = wan(latents, tokens, context, return_dict=False)[0]
    ours, _ = model(latents, time, model.embed_context(context))
    torch.testing.assert_close(ours, expected, atol=2e-6, rtol=1e-5)


@torch.no_grad()
def test_learned_places_begin_silent_and_end_with_the_chunk() -> None:
    plain, placed = build(), build(places=(2, 4, 6))
    latents, time = torch.randn(2, 4, 2, 8, 12), torch.tensor([500.0, 1000.0])
    placed.load_state_dict({**placed.state_dict(), **plain.state_dict()})
    torch.testing.assert_close(placed(latents, time, None)[0], plain(latents, time, None)[0])
    assert placed.place_embedding is not None
    placed.place_embedding[1, 2, 3] = 1.0  # of the chunk's second frame
    changed = (placed.patch(latents) - plain.patch(latents)).abs().sum(2) > 0
    assert changed.nonzero().tolist() == [[row, 24 + 2 * 6 + 3] for row in range(2)]
    past = (placed.patch(latents[:, :, :1]) - plain.patch(latents[:, :, :1])).abs().sum(2) > 0
    assert past.nonzero().tolist() == [[row, 2 * 6 + 3] for row in range(2)], "the past ends where a chunk ends"
    with pytest.raises(InvalidInput, match="4 x 6 tokens, not 4 x 5"):
        placed(latents[..., :10], time, None)
    with pytest.raises(InvalidConfig, match="places"):
        build(places=(2, 0, 6))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch, while it compiles
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_blocks_learn_the_same() -> None:
    plain, compiled = build(num_layers=2), build(num_layers=2)
    names = set(compiled.state_dict())
    compiled.compile_blocks()
    assert set(compiled.state_dict()) == names
    latents, text = torch.randn(3, 4, 2, 8, 12), torch.randn(3, 5, 16)
    for model in (plain, compiled):
        made, _ = model(latents, torch.rand(3, generator=torch.Generator().manual_seed(0)), model.embed_context(text))
        made.square().mean().backward()
    for (name, one), other in zip(plain.named_parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, atol=1e-6, rtol=1e-4, msg=name)


@torch.no_grad()
def test_cached_equals_masked_full_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    """One forward over everything with a block-causal mask is what the cache must reproduce."""
    model = build()
    latents, time = torch.randn(2, 4, 4, 4, 4), torch.rand(2, 4) * 1000
    context = model.embed_context(torch.randn(2, 3, 16))
    first, cache = model(latents[:, :, :1], time[:, :1], context)
    second, new = model(latents[:, :, 1:3], time[:, 1:3], context, cache=cache)
    third, _ = model(latents[:, :, 3:], time[:, 3:], context, cache=append(cache, new))
    cached = torch.cat([first, second, third], 2)

    sizes, tokens = [1, 2, 1], 4
    chunk = torch.arange(3).repeat_interleave(torch.tensor(sizes) * tokens)
    mask = chunk[:, None] >= chunk[None, :]

    def masked(query: Tensor, key: Tensor, value: Tensor, kernel: object) -> Tensor:
        own = mask if query.shape[2] == key.shape[2] == len(mask) else None
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, own)

    monkeypatch.setattr(block, "attention", masked)
    full, _ = model(latents, time, context)
    torch.testing.assert_close(cached, full, atol=2e-6, rtol=1e-5)


@torch.no_grad()
def test_remembering_is_a_forward_pass_without_its_output() -> None:
    model = build(action_dim=8)
    latents = torch.randn(2, 4, 3, 4, 4)
    context = model.embed_context(torch.randn(2, 1, 16))
    _, expected = model(latents, torch.zeros(2), context)
    for (k, v), (expected_k, expected_v) in zip(model.remember(latents, context), expected, strict=True):
        torch.testing.assert_close(k, expected_k)
        torch.testing.assert_close(v, expected_v)


@torch.no_grad()
def test_positions_are_relative_to_the_window() -> None:
    """Dropping the oldest cached frames re-bases the positions: as if the world had begun later."""
    model = build()
    latents, time = torch.randn(1, 4, 3, 4, 4), torch.zeros(1)
    context = model.embed_context(torch.randn(1, 3, 16))
    _, old = model(latents[:, :, :1], time, context)
    _, recent = model(latents[:, :, 1:2], time, context)
    window = tuple((k[:, 4:], v[:, 4:]) for k, v in append(old, recent))
    shifted, _ = model(latents[:, :, 2:], time, context, cache=window)
    fresh, _ = model(latents[:, :, 2:], time, context, cache=recent)
    torch.testing.assert_close(shifted, fresh)


@torch.no_grad()
def test_untrained_action_changes_nothing() -> None:
    model = build(action_dim=8)
    latents, time = torch.randn(1, 4, 2, 4, 4), torch.full((1,), 300.0)
    context = model.embed_context(torch.randn(1, 3, 16))
    plain, _ = model(latents, time, context)
    told, _ = model(latents, time, context, torch.randn(1, 8))
    torch.testing.assert_close(plain, told)


@torch.no_grad()
def test_an_untrained_state_road_changes_nothing() -> None:
    model = build(state_dim=8)
    latents, time, tokens = torch.randn(1, 4, 2, 4, 4), torch.full((1,), 300.0), torch.randn(1, 5, 8)
    context, state = model.embed_context(torch.randn(1, 3, 16)), model.embed_state(tokens)
    plain, _ = model(latents, time, context)
    told, _ = model(latents, time, context, state=state)
    assert torch.equal(plain, told)
    for attention_state in (layer.attn_state for layer in model.blocks):
        attention_state.to_out[0].weight.normal_()  # type: ignore[union-attr]
    trained, _ = model(latents, time, context, state=state)
    assert not torch.allclose(plain, trained)
    remembered = model.remember(latents, context, state=state)
    _, entries = model(latents, torch.zeros(1), context, state=state)
    torch.testing.assert_close(remembered, entries)


@torch.no_grad()
def test_roads_begin_anew_and_silent() -> None:
    model = build(state_dim=8, action_dim=8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))
    model.begin_roads()
    begun = {name: p for name, p in model.named_parameters() if not p.isnan().any()}
    marks = ("attn_state", "norm_state", "state_embedder", "action_embedder")
    assert set(begun) == {name for name, _ in model.named_parameters() if any(mark in name for mark in marks)}
    assert not any(p.any() for name, p in begun.items() if "attn_state.to_out" in name or "action_embedder.2" in name)


def test_a_state_needs_its_road() -> None:
    with pytest.raises(InvalidConfig, match="state_dim"):
        build().embed_state(torch.randn(1, 3, 8))


@torch.no_grad()
def test_closed_roads_are_not_asked() -> None:
    model = build()
    latents, time = torch.randn(1, 4, 2, 4, 4), torch.full((1,), 300.0)
    context = model.embed_context(torch.randn(1, 3, 16))
    closed, _ = model(latents, time, None)
    for layer in model.blocks:
        torch.nn.init.zeros_(layer.attn2.to_out[0].weight)  # type: ignore[union-attr]
        torch.nn.init.zeros_(layer.attn2.to_out[0].bias)  # type: ignore[union-attr]
    silenced, _ = model(latents, time, context)
    torch.testing.assert_close(closed, silenced)


def test_narrow_weights_keep_time_and_norms_wide() -> None:
    model = build(flow_map=True)
    wide, _ = model(latents := torch.randn(1, 4, 2, 4, 4), time := torch.full((1,), 731.0), None)
    model.cast(torch.bfloat16)
    kept = {name for name, p in model.named_parameters() if p.dtype == torch.float32}
    assert {"condition_embedder.time_embedder.linear_1.weight", "scale_shift_table", "blocks.0.norm2.weight"} < kept
    assert not any("to_q" in name or "norm_q" in name or "text_embedder" in name for name in kept)
    narrow, _ = model(latents, time, None)
    assert narrow.dtype == torch.bfloat16
    torch.testing.assert_close(narrow.float(), wide, atol=0.1, rtol=0.1)


def test_gradients_are_the_same_when_blocks_are_computed_again() -> None:
    model = build(state_dim=8)
    latents, time, tokens = torch.randn(1, 4, 2, 4, 4), torch.full((1,), 300.0), torch.randn(1, 3, 16)
    with torch.no_grad():
        memory = model.remember(torch.randn(1, 4, 1, 4, 4), None)
    gradients = []
    for again in (False, True):
        model.gradient_checkpointing = again
        model.zero_grad()
        model(latents, time, model.embed_context(tokens), cache=memory)[0].square().mean().backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    torch.testing.assert_close(gradients[0]["blocks.0.attn1.to_q.weight"], gradients[1]["blocks.0.attn1.to_q.weight"])


@torch.no_grad()
def test_flow_map_reads_the_end_time() -> None:
    model = build(flow_map=True)
    latents, time = torch.randn(1, 4, 2, 4, 4), torch.full((1,), 900.0)
    context = model.embed_context(torch.randn(1, 3, 16))
    near, _ = model(latents, time, context, end_timestep=torch.full((1,), 800.0))
    far, _ = model(latents, time, context, end_timestep=torch.zeros(1))
    assert not torch.allclose(near, far)


def test_written_out_attention_equals_the_fused_kernel() -> None:
    query, key, value = (torch.randn(2, 3, n, 16) for n in (5, 9, 9))
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    ours = attention(query.bfloat16(), key.bfloat16(), value.bfloat16())
    torch.testing.assert_close(ours.float(), expected, atol=0.03, rtol=0.03)


@pytest.mark.parametrize("bad", [{"attention_head_dim": 11}, {"patch_size": (2, 2, 2)}])
def test_bad_configs_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InvalidConfig):
        build(**bad)
