"""Parts of true size whose weights are random: for benchmarks, where nothing can be downloaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import nn
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from pandora.adapter import Adapter, AdapterConfig
from pandora.large.config import LargeConfig
from pandora.large.loading import Loaded
from pandora.pretrained.autoencoder import AUTOENCODERS, TieredAutoencoder, WanAutoencoder
from pandora.pretrained.backbone import PretrainedBackbone
from pandora.pretrained.eyes import Optics
from pandora.pretrained.prompts import PromptEncoder
from pandora.pretrained.published import published_video
from pandora.pretrained.published_backbones import build, published_backbone
from pandora.pretrained.release import WIDE, open_state_road
from pandora.pretrained.tiny_decoder import TinyDecoder, published_tiny_decoder
from pandora.runtime import Runtime
from pandora.video.transformer import CausalVideoTransformer

UMT5_XXL: dict[str, Any] = {
    "d_model": 4096,
    "d_ff": 10240,
    "num_layers": 24,
    "num_heads": 64,
    "d_kv": 64,
    "vocab_size": 256384,
}
_SPECIAL = (
    "<pad>", "</s>", "<s>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
)  # fmt: skip


def random_parts(config: LargeConfig, runtime: Runtime, seed: int = 0) -> Loaded:
    """The config's parts at their published sizes, with an adapter and a state road, on the runtime's device.

    Parts must be names that are known here: nothing is fetched. Raises UnknownName.
    """
    torch.manual_seed(seed)
    backbone = None
    with _on(runtime):
        if config.backbone:
            language = build(published_backbone(config.backbone).config())
            backbone = PretrainedBackbone(language, spelling_tokenizer(), config.reading, Optics())
        transformer = CausalVideoTransformer(published_video(config.video).transformer)
        if backbone is not None:
            open_state_road(transformer, WIDE.context_width)
        adapter = None if backbone is None else Adapter(adapter_for(backbone.width))
        prompts = PromptEncoder(UMT5EncoderModel(UMT5Config(**UMT5_XXL)), spelling_tokenizer())
        shape = AUTOENCODERS[config.autoencoder].shape
        channels = shape["z_dim"]
        full = WanAutoencoder(AutoencoderKLWan(**shape, latents_mean=[0.0] * channels, latents_std=[1.0] * channels))
        tiny = TinyDecoder(published_tiny_decoder(config.tiny_decoder).config) if config.tiny_decoder else None
    transformer.cast(runtime.dtype)
    loaded = Loaded(
        transformer=transformer, prompts=prompts if config.prompts else None, backbone=backbone, adapter=adapter,
        autoencoder=full if tiny is None else TieredAutoencoder(full, tiny), adapter_road="state",
    )  # fmt: skip
    for module in (transformer, prompts, backbone, adapter, full, tiny):
        if module is not None:
            shrink(module)
    return loaded


def adapter_for(backbone_width: int) -> AdapterConfig:
    """The adapter that training begins with, for a backbone of that width."""
    return AdapterConfig.from_dict(WIDE.to_dict() | {"backbone_width": backbone_width})


def shrink(module: nn.Module) -> None:
    """Scale matrices so that deep random stacks stay finite in half precision."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1:
                parameter.mul_(0.5)


def spelling_tokenizer() -> PreTrainedTokenizerFast:
    """Every byte is a token: more of them than a trained tokenizer makes, so that no latency is understated."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate([*_SPECIAL, *letters])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    fast.add_special_tokens({"additional_special_tokens": list(_SPECIAL[3:])})
    return fast


@contextmanager
def _on(runtime: Runtime) -> Iterator[None]:
    """What is built within lies on the runtime's device, in its dtype."""
    before: Any = torch.get_default_dtype()
    torch.set_default_dtype(runtime.dtype)
    try:
        with torch.device(runtime.device):
            yield
    finally:
        torch.set_default_dtype(before)
