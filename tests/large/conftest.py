"""A model of tiny published parts, all classes the real ones."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from transformers import UMT5Config, UMT5EncoderModel

from pandora.adapter import Adapter, AdapterConfig
from pandora.large import LargeConfig, LargeWorldModel
from pandora.large.loading import Loaded, assemble
from pandora.large.stand_in import spelling_tokenizer
from pandora.pretrained.autoencoder import TieredAutoencoder, WanAutoencoder
from pandora.pretrained.prompts import PromptEncoder
from pandora.pretrained.tiny_decoder import TinyDecoder, TinyDecoderConfig
from pandora.runtime import Runtime
from pandora.video.transformer import CausalVideoTransformer, TransformerConfig
from tests.pretrained.backbones import CONFIG as READING
from tests.pretrained.backbones import tiny_backbone

CONFIG = LargeConfig(
    name="tiny-large", height=64, width=96, chunk=2, window=5, sink=1, steps=2, road="both", sampler="renoise",
    reading=READING,
)  # fmt: skip
WAN: dict[str, Any] = {
    "base_dim": 4, "z_dim": 4, "dim_mult": [1, 1, 2, 2], "num_res_blocks": 1, "latents_mean": [0.5, -0.25, 0.0, 1.0],
    "latents_std": [2.0, 1.5, 0.5, 1.0],
}  # fmt: skip
TRANSFORMER = TransformerConfig(
    num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=16, freq_dim=16, ffn_dim=32,
    num_layers=2, action_dim=None, state_dim=24,
)  # fmt: skip
ADAPTER = AdapterConfig(
    backbone_width=32, width=16, layers=1, heads=2, ffn=16, context_tokens=3, context_width=24, pooled_width=8
)  # fmt: skip


def parts(seed: int = 0, **changes: Any) -> Loaded:
    """Random weights; what begins silent does not stay so, since a silent road would hide what it does."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        full = WanAutoencoder(AutoencoderKLWan(**WAN))
        tiny = TinyDecoder(TinyDecoderConfig(latent_channels=4, patch=1, widths=(8, 8, 4, 4)))
        prompts = PromptEncoder(
            UMT5EncoderModel(UMT5Config(d_model=16, d_ff=24, d_kv=8, num_heads=2, num_layers=1, vocab_size=300)),
            spelling_tokenizer(), length=24,
        )  # fmt: skip
        loaded = Loaded(
            transformer=CausalVideoTransformer(TRANSFORMER), autoencoder=TieredAutoencoder(full, tiny),
            prompts=prompts.eval(), backbone=tiny_backbone("qwen2_5_vl"), adapter=Adapter(ADAPTER).eval(),
        )  # fmt: skip
        for parameter in loaded.transformer.parameters():
            if parameter.ndim > 1 or not parameter.any():
                torch.nn.init.normal_(parameter, std=0.2)
    return replace(loaded, **changes)


def make(config: LargeConfig = CONFIG, **changes: Any) -> LargeWorldModel:
    runtime = Runtime.resolve("cpu", "float32", 1)
    return assemble(config, parts(**changes), runtime)


@pytest.fixture(scope="session")
def large() -> LargeWorldModel:
    return make()
