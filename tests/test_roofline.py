"""Closed forms equal torch's own counter; peaks are measured; shares are shares."""

from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaModel
from transformers.cache_utils import DynamicCache

from pandora import roofline
from pandora.errors import InvalidConfig
from pandora.roofline import Peak, Work, counted, measure_peak, share_of_peak
from pandora.video import Autoencoder, AutoencoderConfig, CausalVideoTransformer, TransformerConfig

CPU = torch.device("cpu")
PEAK = Peak(flops=100.0, bytes=10.0, device="some", dtype="bfloat16")


def build(**changes: Any) -> tuple[TransformerConfig, CausalVideoTransformer]:
    values = {
        "num_attention_heads": 2, "attention_head_dim": 24, "in_channels": 6, "out_channels": 4, "text_dim": 16,
        "freq_dim": 32, "ffn_dim": 96, "num_layers": 3, "action_dim": None,
    }  # fmt: skip
    config = TransformerConfig(**(values | changes))  # type: ignore[arg-type]
    with torch.device("meta"):
        return config, CausalVideoTransformer(config)


@pytest.mark.parametrize("changes", [{}, {"action_dim": 20}, {"flow_map": True}, {"state_dim": 10}])
@pytest.mark.parametrize("past_frames", [0, 3])
@pytest.mark.parametrize("context", [0, 5])
def test_denoising(changes: dict[str, Any], past_frames: int, context: int) -> None:
    config, model = build(**changes)
    batch, tokens, length = 2, 24, 7 if config.state_dim else 0
    told = model.embed_context(torch.empty(batch, context, 16, device="meta")) if context else None
    state = model.embed_state(torch.empty(batch, length, 10, device="meta")) if length else None
    past = torch.empty(batch, past_frames * 12, 2, 24, device="meta")
    cache = ((past, past),) * 3 if past_frames else None
    action = None if config.action_dim is None else torch.empty(batch, config.action_dim, device="meta")
    latents, time = torch.empty(batch, 6, 2, 6, 8, device="meta"), torch.zeros(batch, device="meta")
    work = roofline.denoise(
        config, length=2, tokens=tokens, past=past_frames * 12, context=context, state=length, batch=batch
    )
    assert work.flops == counted(lambda: model(latents, time, told, action, cache, state=state))


@pytest.mark.parametrize("past_frames", [0, 3])
def test_remembering_and_both_roads(past_frames: int) -> None:
    config, model = build(action_dim=20, state_dim=10)
    text, tokens = torch.empty(2, 5, 16, device="meta"), torch.empty(2, 7, 10, device="meta")
    told, state = model.embed_context(text), model.embed_state(tokens)
    latents, entry = torch.empty(2, 6, 2, 6, 8, device="meta"), torch.empty(2, past_frames * 12, 2, 24, device="meta")
    past = model.prepare(((entry, entry),) * 3 if past_frames else None, latents.shape[2:])
    work = roofline.remember(config, length=2, tokens=24, past=past_frames * 12, context=5, state=7, batch=2)
    assert work.flops == counted(lambda: model.remember(latents, told, past, state))
    assert roofline.embed_context(config, context=5, batch=2).flops == counted(lambda: model.embed_context(text))
    assert roofline.embed_state(config, state=7, batch=2).flops == counted(lambda: model.embed_state(tokens))
    with pytest.raises(InvalidConfig, match="no state road"):
        roofline.embed_state(build()[0], state=7)


def test_bytes_are_at_least_the_weights() -> None:
    config, model = build()
    weights = sum(parameter.numel() for block in model.blocks for parameter in block.parameters() if parameter.ndim > 1)
    spared = config.num_layers * 2 * config.width**2  # cross-attention's keys and values: computed once an action
    few = roofline.denoise(config, length=1, tokens=1, past=0, context=1, itemsize=1)
    assert weights - spared < few.bytes < 1.3 * weights
    more = roofline.denoise(config, length=1, tokens=1, past=1000, context=1, itemsize=1)
    assert more.bytes - few.bytes == 2 * config.num_layers * 1000 * config.width


@pytest.mark.parametrize("past", [0, 9])
def test_prefill(past: int) -> None:
    config = LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=64,
        vocab_size=50,
    )  # fmt: skip
    model = LlamaModel(config)
    model.set_attn_implementation("eager")  # matrix products, which the counter knows on a CPU
    cache = DynamicCache(config=config)
    if past:
        with torch.no_grad():
            model(torch.arange(past).expand(3, -1), past_key_values=cache)
    work = roofline.prefill(config.to_dict(), tokens=7, past=past, batch=3)
    found = counted(lambda: model(torch.arange(7).expand(3, -1), past_key_values=cache))
    rotary = 2 * 7 * (32 // 4 // 2) * 3  # angles of positions, which the library makes with a matrix product
    assert work.flops == pytest.approx(found, abs=rotary)


def test_published_sizes() -> None:
    """480 x 832, 12 frames, 12 latent frames attended to, 4 steps and one cache pass: 141 TFLOP for Wan 1.3B."""
    wan = TransformerConfig(
        num_attention_heads=12, attention_head_dim=128, in_channels=16, out_channels=16, text_dim=4096, ffn_dim=8960,
        num_layers=30, action_dim=None,
    )  # fmt: skip
    work = roofline.denoise(wan, length=3, tokens=4680, past=18_720 - 4680, context=512) * 5
    assert work.flops == pytest.approx(141e12, rel=0.02)


def test_decoding() -> None:
    config = AutoencoderConfig(latent_channels=8, width=16, frame_width=4, decoder_blocks=2)
    for device in ("meta", "cpu"):
        with torch.device(device):
            autoencoder = Autoencoder(config)
            latents, memory = torch.zeros(2, 8, 1, 4, 4), autoencoder.begin_memory(2, 4, 4)
        work = roofline.decode(autoencoder, latents, memory)
        rows = 2 * 4 * 4  # cells of the batch, each of 8 x 8 pixels
        blocks = 2 * (9 * 16 * 16 * 2 + 16 * 16)
        frames = 4 * 4 * (3 * 9 * 4 * 4 + 9 * 4 * 48)  # of a cell: 4 frames at twice its size, then their pixels
        cell = 9 * 8 * 16 + blocks + 16 * 4 * 4 * 4 + frames
        assert work.flops == 2 * rows * cell
        sizes = [p.nbytes for p in autoencoder.parameters()] + [latents.nbytes, 2 * 3 * 4 * 32 * 32 * 4]
        assert work.bytes == sum(sizes) + 2 * sum(layer.nbytes for layer in memory)


def test_shares() -> None:
    compute, traffic = Work(flops=1000, bytes=10), Work(flops=10, bytes=1000)
    assert compute.seconds(PEAK) == 10
    assert traffic.seconds(PEAK) == 100
    assert (compute + traffic * 2).bytes == 2010
    assert share_of_peak(compute, 20.0, PEAK) == 0.5
    assert "100" not in str(PEAK.bytes)
    with pytest.raises(InvalidConfig, match="more than 0"):
        share_of_peak(compute, 0.0, PEAK)


def test_peaks_are_measured() -> None:
    peak = measure_peak(CPU, torch.float32, size=128)
    assert peak.flops > 1e8
    assert peak.bytes > 1e8
    assert str(peak).startswith("cpu, float32: ")
    assert roofline.timed(lambda: None, CPU) < 0.1
