"""Published backbones by name: where they are, their exact architecture and size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedConfig

from pandora.errors import UnknownName


@dataclass(frozen=True, kw_only=True)
class PublishedBackbone:
    """A repository, its `transformers` config where it differs from the family's defaults, and its parameters."""

    repository: str
    description: Mapping[str, Any] = field(repr=False)
    parameters: int

    def config(self) -> PreTrainedConfig:
        """A new one each time, as `transformers` writes into them."""
        values = dict(self.description)
        return AutoConfig.for_model(values.pop("model_type"), **values)


def _qwen2_5(width: int, heads: int, key_heads: int, ffn: int, layers: int, **options: Any) -> dict[str, Any]:
    text = {
        "hidden_size": width, "intermediate_size": ffn, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": key_heads, "max_position_embeddings": 128_000, "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    }  # fmt: skip
    vision = {"hidden_size": 1280, "out_hidden_size": width, "intermediate_size": 3420, "tokens_per_second": 2}
    sizes = {"vocab_size": options.pop("vocab_size")}
    return {"model_type": "qwen2_5_vl", "text_config": text | sizes, "vision_config": vision, **options}


def _qwen3(width: int, heads: int, ffn: int, layers: int, vision: dict[str, Any], tied: bool) -> dict[str, Any]:
    text = {
        "hidden_size": width, "intermediate_size": ffn, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 262_144, "rms_norm_eps": 1e-6,
        "rope_parameters": {
            "rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20], "mrope_interleaved": True,
        },
    }  # fmt: skip
    eyes = vision | {"out_hidden_size": width}
    return {"model_type": "qwen3_vl", "text_config": text, "vision_config": eyes, "tie_word_embeddings": tied}


_VICUNA = {"model_type": "llama", "vocab_size": 32064, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5}
BACKBONES: dict[str, PublishedBackbone] = {
    "qwen2.5-vl-7b": PublishedBackbone(
        repository="Qwen/Qwen2.5-VL-7B-Instruct", parameters=8_292_166_656,
        description=_qwen2_5(3584, 28, 4, 18944, 28, vocab_size=152_064),
    ),
    "qwen2.5-vl-3b": PublishedBackbone(
        repository="Qwen/Qwen2.5-VL-3B-Instruct", parameters=3_754_622_976,
        description=_qwen2_5(2048, 16, 2, 11008, 36, vocab_size=151_936, tie_word_embeddings=True),
    ),
    "qwen3-vl-8b": PublishedBackbone(
        repository="Qwen/Qwen3-VL-8B-Instruct", parameters=8_767_123_696,
        description=_qwen3(4096, 32, 12288, 36, {"deepstack_visual_indexes": [8, 16, 24]}, tied=False),
    ),
    "qwen3-vl-2b": PublishedBackbone(
        repository="Qwen/Qwen3-VL-2B-Instruct", parameters=2_127_532_032,
        description=_qwen3(
            2048, 16, 6144, 28, tied=True, vision={
                "depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "deepstack_visual_indexes": [5, 11, 17],
            },
        ),
    ),
    "llava-1.5-7b": PublishedBackbone(
        repository="llava-hf/llava-1.5-7b-hf", parameters=7_063_427_072,
        description={"model_type": "llava", "text_config": _VICUNA},
    ),
    "llava-next-video-7b": PublishedBackbone(
        repository="llava-hf/LLaVA-NeXT-Video-7B-hf", parameters=7_063_431_168,
        description={"model_type": "llava_next_video", "text_config": _VICUNA},
    ),
}  # fmt: skip


def published_backbone(name: str) -> PublishedBackbone:
    """Raises UnknownName, listing the valid ones."""
    if name not in BACKBONES:
        raise UnknownName("published backbone", name, BACKBONES)
    return BACKBONES[name]


def build(config: PreTrainedConfig) -> Any:
    """The library's class for a config, weights at random, with eyes where the config has them."""
    kind = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    return kind.from_config(config, attn_implementation="sdpa")


def count_backbone_parameters(config: PreTrainedConfig) -> int:
    """Of the whole model, tied ones once, without allocating it."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build(config).parameters())
