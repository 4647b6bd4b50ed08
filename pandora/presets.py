"""Configs by name. A preset is a function; sizes differ, the code does not."""

import string

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from pandora.adapter import AdapterConfig
from pandora.backbone import ActionTokenizer, BackboneConfig
from pandora.runtime import Runtime
from pandora.video import AutoencoderConfig, TransformerConfig, VideoConfig
from pandora.world_model import WorldModel, WorldModelConfig


def small() -> WorldModelConfig:
    """The model that ships in `weights/pandora-small`: real-time on two CPU cores."""
    return WorldModelConfig()


def tiny() -> WorldModelConfig:
    """The same architecture, a few thousand weights: for tests."""
    language = {
        "model_type": "llama", "vocab_size": len(tiny_tokenizer()), "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 1024, "pad_token_id": 0,
        "bos_token_id": None, "eos_token_id": None,
    }  # fmt: skip
    vision = {
        "model_type": "siglip_vision_model", "image_size": 32, "patch_size": 8, "hidden_size": 16,
        "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vision_use_head": False,
    }  # fmt: skip
    transformer = TransformerConfig(
        num_attention_heads=2, attention_head_dim=12, in_channels=18, out_channels=8, text_dim=32, freq_dim=32,
        ffn_dim=32, num_layers=2, action_dim=32,
    )  # fmt: skip
    return WorldModelConfig(
        name="pandora-tiny",
        backbone=BackboneConfig(language=language, vision=vision, queries=4, voice=len(tiny_tokenizer())),
        adapter=AdapterConfig(
            backbone_width=32, width=32, layers=1, heads=2, ffn=32, context_tokens=4, context_width=32, pooled_width=32
        ),
        video=VideoConfig(transformer=transformer),
        autoencoder=AutoencoderConfig(latent_channels=8, width=16, frame_width=4, encoder_blocks=1, decoder_blocks=2),
    )


def tiny_model(seed: int = 0) -> WorldModel:
    """The tiny preset with random weights, on the CPU in float32; its action modulation and blocks are not at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = WorldModel(tiny(), tiny_tokenizer(), Runtime.resolve("cpu", "float32", 1))
    for module in model.modules().values():
        for parameter in module.parameters():
            if parameter.count_nonzero() == 0:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def tiny_tokenizer() -> ActionTokenizer:
    """A tokenizer that spells: every printable ASCII character is a token."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    letters = [c for c in string.ascii_lowercase + string.digits + string.punctuation]
    vocabulary = {piece: i for i, piece in enumerate([*special, *letters, *(f"##{c}" for c in letters)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=600))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return ActionTokenizer(
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
        )
    )
