"""Tiny published backbones: the library's own classes and image processors, weights at random, a spelling tokenizer."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, PreTrainedTokenizerFast
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from pandora.pretrained.backbone import PretrainedBackbone, ReadingConfig
from pandora.pretrained.eyes import Optics
from pandora.pretrained.published_backbones import build

SPECIAL = [
    "<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
    "<|video_pad|>", *(f"<query_{i}>" for i in range(4)),
]  # fmt: skip
_TEXT = {
    "vocab_size": 272, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 2048, "initializer_range": 0.3, "bos_token_id": 1,
    "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
_QWEN_VISION = {
    "depth": 3, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "patch_size": 4, "out_hidden_size": 32,
    "initializer_range": 0.3,
}  # fmt: skip
_CLIP = {
    "model_type": "clip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3,
    "num_attention_heads": 2, "image_size": 16, "patch_size": 4, "initializer_factor": 5.0,
}  # fmt: skip
_TOKENS = {
    "image_token_id": 7, "video_token_id": 8, "vision_start_token_id": 5, "vision_end_token_id": 6,
}  # fmt: skip
DESCRIPTIONS: dict[str, dict[str, Any]] = {
    "qwen2_5_vl": {
        "text_config": _TEXT | {"rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1]}},
        "vision_config": _QWEN_VISION | {"window_size": 16, "fullatt_block_indexes": [1]},
        **_TOKENS,
    },
    "qwen3_vl": {
        "text_config": _TEXT
        | {"head_dim": 8, "rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1]}},
        "vision_config": _QWEN_VISION | {"num_position_embeddings": 16, "deepstack_visual_indexes": [0, 1]},
        **_TOKENS,
    },
    "llava": {
        "text_config": {"model_type": "llama", **_TEXT}, "vision_config": _CLIP, "image_token_index": 7,
        "image_seq_length": 16,
    },
    "llava_next_video": {
        "text_config": {"model_type": "llama", **_TEXT}, "vision_config": _CLIP, "image_token_index": 7,
        "video_token_index": 8, "image_seq_length": 16,
    },
    "llama": _TEXT,
}  # fmt: skip
SEEING = [kind for kind in DESCRIPTIONS if kind != "llama"]
CONFIG = ReadingConfig(queries=4, turn_tokens=32, action_tokens=40, prefix_tokens=400, system="Imagine.")


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """Every byte is a token, and the special tokens come first."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate([*SPECIAL, *letters])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    fast.add_special_tokens({"additional_special_tokens": SPECIAL[3:]})
    return fast


def tiny_model(kind: str) -> Any:
    """The library's own class, on the CPU in float32."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build(AutoConfig.for_model(kind, **DESCRIPTIONS[kind])).eval().requires_grad_(False)


def tiny_processor(kind: str) -> Any:
    """The library's own image processor, of those that need no torchvision."""
    if kind.startswith("qwen"):
        return Qwen2VLImageProcessorPil(patch_size=4, size={"shortest_edge": 64, "longest_edge": 64 * 32})
    return LlavaImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}, do_pad=True)


def tiny_backbone(kind: str, config: ReadingConfig = CONFIG) -> PretrainedBackbone:
    return PretrainedBackbone(tiny_model(kind), tiny_tokenizer(), config, Optics(fewest=64)).eval()


def save_tiny(kind: str, folder: Path, **options: Any) -> Any:
    """A folder as it is published; the model that was saved comes back."""
    model = tiny_model(kind)
    model.save_pretrained(folder, **options)
    tiny_tokenizer().save_pretrained(folder)
    if kind in SEEING:
        tiny_processor(kind).save_pretrained(folder)
    return model


def clip(seed: int, frames: int = 1, height: int = 24, width: int = 32) -> torch.Tensor:
    """Noise (T, H, W, 3) uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (frames, height, width, 3), dtype=torch.uint8, generator=generator)
