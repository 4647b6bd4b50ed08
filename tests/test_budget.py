"""A plan's numbers are those of real modules; what doesn't fit is offloaded in order, or refused with advice."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaModel
from transformers.cache_utils import DynamicCache

from pandora.budget import (
    GIB,
    Parts,
    Workload,
    bytes_of,
    denoising_bytes,
    language_cache_bytes,
    peak_bytes,
    plan,
    published_parts,
    video_cache_bytes,
)
from pandora.errors import InvalidConfig, UnknownName
from pandora.video import Autoencoder, AutoencoderConfig, CausalVideoTransformer, TransformerConfig
from pandora.video.choice import Choice, install
from pandora.video.kernels import SDPA_FLASH

WAN = TransformerConfig(
    num_attention_heads=12, attention_head_dim=128, in_channels=16, out_channels=16, text_dim=4096, ffn_dim=8960,
    num_layers=30, action_dim=None,
)  # fmt: skip
QWEN = {
    "num_hidden_layers": 28, "hidden_size": 3584, "intermediate_size": 18944, "num_attention_heads": 28,
    "num_key_value_heads": 4, "vocab_size": 152_064,
}  # fmt: skip
SEVEN = Parts(
    video=WAN, video_parameters=1_418_996_800, language={"text_config": QWEN}, language_parameters=8_292_166_656,
    text_encoder_parameters=5_680_910_336, autoencoder_parameters=126_892_531, decoder_memory=GIB,
    decoding=GIB // 2, encoding=GIB,
)  # fmt: skip


def test_counts_are_exact() -> None:
    assert plan(Parts(video=WAN), Workload()).items[0].bytes == 2 * 1_418_996_800
    made = plan(SEVEN, Workload())
    sizes = {item.name: item.bytes for item in made.items}
    assert sizes["language model"] == 2 * 8_292_166_656
    assert sizes["video transformer"] == 2 * 1_418_996_800
    assert plan(SEVEN, Workload(), video_bits=8).device_bytes < made.device_bytes
    # Wan 1.3B at 480p with a window of 12: 3.45 GB of keys and values, and the chunk's own beside it
    assert video_cache_bytes(WAN, 12 * 1560) == 3_450_470_400
    assert sizes["video cache"] == 3_450_470_400 + video_cache_bytes(WAN, 3 * 1560 + 512)
    assert sizes["gathered past"] == video_cache_bytes(WAN, 15 * 1560)


def test_published_models() -> None:
    workload = Workload(height=32, width=48)
    parts = published_parts("self-forcing-1.3b", "qwen2.5-vl-7b", workload)
    assert parts.video == WAN
    assert (parts.spatial, parts.video_parameters) == (8, 1_418_996_800)
    assert parts.language_parameters == 8_292_166_656
    assert parts.autoencoder_parameters == 126_892_531 + 9_844_611
    assert parts.decoder_memory == 2 * 3 * (256 + 128 * 4 + 64 * 16) * 4 * 6
    alone = published_parts("wan2.2-ti2v-5b", None, workload, text_encoder=False, tiny=False)
    assert (alone.spatial, alone.autoencoder_parameters) == (16, 704_688_668)
    assert alone.decoder_memory > 100 * 3 * (256 + 128 * 4 + 64 * 16) * 2 * 3
    names = [item.name for item in plan(alone, workload).items if item.kind == "weights"]
    assert names == ["video transformer", "autoencoder"]
    with pytest.raises(UnknownName, match="self-forcing"):
        published_parts("selfforcing-1.3b", None, workload)


def test_branches_share_their_past() -> None:
    apart, together = (
        {item.name: item.bytes for item in plan(SEVEN, Workload(rows=4, branches=branches)).items}
        for branches in (False, True)
    )
    assert apart["gathered past"] - together["gathered past"] == video_cache_bytes(WAN, 3 * 12 * 1560)
    assert apart["video cache"] == together["video cache"]


@torch.no_grad()
def test_cache_sizes_are_those_of_real_caches() -> None:
    config = TransformerConfig(num_attention_heads=2, attention_head_dim=12, num_layers=3, action_dim=None)
    model = CausalVideoTransformer(config)
    context = model.embed_context(torch.randn(1, 5, config.text_dim))
    _, cache = model(torch.randn(1, config.in_channels, 2, 4, 4), torch.zeros(1), context)
    assert bytes_of(tensor for layer in cache for tensor in layer) == video_cache_bytes(config, 2 * 4, itemsize=4)
    assert bytes_of(tensor for layer in context for tensor in layer) == video_cache_bytes(config, 5, itemsize=4)

    llama = LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=64,
        vocab_size=50,
    )  # fmt: skip
    kept = LlamaModel(llama)(torch.arange(7).unsqueeze(0), past_key_values=DynamicCache(config=llama)).past_key_values
    assert kept is not None
    held = bytes_of(tensor for layer in kept.layers for tensor in (layer.keys, layer.values))
    assert held == language_cache_bytes(llama.to_dict(), 7, itemsize=4)


def test_decoder_memory_from_meta_tensors() -> None:
    with torch.device("meta"):
        autoencoder = Autoencoder(AutoencoderConfig())
    assert bytes_of(autoencoder.begin_memory(2, 16, 16)) == 3 * 2 * 96 * 16 * 16 * 4


def test_recorded_passes_have_their_own_memory() -> None:
    def sizes(**changes: Any) -> dict[str, int]:
        return {item.name: item.bytes for item in plan(SEVEN, Workload(**changes)).items}

    recorded = sizes(recorded=(6, 12))
    assert recorded["recorded passes"] == video_cache_bytes(WAN, (6 + 12 + 4 * 3) * 1560 + 4 * 512)
    assert "gathered past" not in recorded
    assert "recorded passes" not in sizes()
    assert sizes(recorded=(6, 12), rows=2)["gathered past"] == sizes(rows=2)["gathered past"]
    with pytest.raises(InvalidConfig, match="1 to 12 latent frames, the window"):
        Workload(recorded=(13,))


def test_peaks_of_memory_are_counted() -> None:
    """The same on meta tensors and on real ones, and what was there before is not counted."""
    for device in ("cpu", "meta"):
        x = torch.zeros(1000, device=device)
        assert peak_bytes(lambda x=x: ((x + 1) * 2).sum()) == 2 * 4000
        assert peak_bytes(lambda x=x: [x + 1, x + 1, x.view(10, 100)]) == 2 * 4000
        assert peak_bytes(lambda x=x: [(x + i).sum() for i in range(5)]) == 4000 + 5 * 4
    model, x = torch.nn.Linear(100, 10), torch.zeros(30, 100)
    assert peak_bytes(lambda: model(x)) == 30 * 10 * 4


@pytest.mark.parametrize("changes", [{}, {"num_attention_heads": 24, "ffn_dim": 14336}])
def test_denoising_takes_what_is_said(changes: dict[str, int]) -> None:
    config = replace(WAN, num_layers=2, **changes)  # type: ignore[arg-type]
    with torch.device("meta"), torch.no_grad():
        model = CausalVideoTransformer(config).bfloat16()
        install(model, Choice(kernel=SDPA_FLASH, reason="it counts on meta tensors, too"))
        context = model.embed_context(torch.empty(1, 512, 4096))
        entry = torch.empty(1, 12 * 390, config.num_attention_heads, 128, dtype=torch.bfloat16)
        latents, time = torch.empty(1, 16, 3, 30, 52), torch.zeros(1)
        past = model.prepare(((entry, entry),) * 2, latents.shape[2:], room=True)
        found = peak_bytes(lambda: model.denoise(latents, time, context, None, past))
    assert denoising_bytes(config, 3 * 390) == pytest.approx(found, rel=0.05)


def test_parts_leave_in_order() -> None:
    made = plan(SEVEN, Workload())
    whole = made.device_bytes
    assert made.fit(whole) is made
    assert made.verdict(whole) == "fits"
    assert made.fit(whole - 1).offloaded == ("text encoder",)
    small = made.fit(22.4 * GIB)
    assert small.offloaded == ("text encoder", "language model")
    assert small.host_bytes == 2 * (5_680_910_336 + 8_292_166_656)
    assert small.device_bytes <= 22.4 * GIB < whole
    assert made.offloaded == ()
    assert made.verdict(22.4 * GIB) == "fits with text encoder and language model offloaded"


def test_what_cannot_fit_says_what_to_change() -> None:
    crowded = plan(SEVEN, Workload(worlds=40))
    assert crowded.verdict(80 * GIB) == "doesn't fit"
    with pytest.raises(InvalidConfig, match=r"with text encoder and language model offloaded.*Most of it: video cache"):
        crowded.fit(80 * GIB)


def test_working_memory_is_not_added_up() -> None:
    made = plan(SEVEN, Workload(rows=8))
    working = [item.bytes for item in made.items if item.kind == "working"]
    lasting = sum(item.bytes for item in made.items if item.kind != "working")
    assert len(working) == 4
    assert made.device_bytes == pytest.approx((lasting + max(working)) * 1.04 + GIB, rel=1e-9)


def test_rows_and_small_parts() -> None:
    lines = plan(SEVEN, Workload()).fit(22.4 * GIB).rows()
    assert lines[0] == ("text encoder", "weights", "2.40 GiB", "5,680,910,336 parameters, offloaded")
    assert lines[-1][0] == "in all"
    names = [line[0] for line in plan(Parts(video=WAN, video_parameters=1), Workload()).rows()]
    assert "language model" not in names
    assert "text encoder" not in names


def test_a_workload_is_checked() -> None:
    with pytest.raises(InvalidConfig, match="window of a workload is at least 1, not 0"):
        Workload(window=0)
