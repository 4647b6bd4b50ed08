"""A tiny backbone of the real classes."""

import pytest
import torch

from pandora.backbone import ActionTokenizer, Backbone, BackboneConfig
from pandora.training.teacher import CHARACTERS, SPECIALS, build_tokenizer

WORDS = ["pick", "up", "put", "down", "the", "red", "blue", "block", "on", "push", "left", "wait", "stack"]
VISION = {
    "model_type": "siglip_vision_model", "image_size": 32, "patch_size": 8, "hidden_size": 16, "intermediate_size": 32,
    "num_hidden_layers": 1, "num_attention_heads": 2, "vision_use_head": False,
}  # fmt: skip


@pytest.fixture(scope="session")
def tokenizer() -> ActionTokenizer:
    return ActionTokenizer(build_tokenizer([*SPECIALS.values(), *CHARACTERS, *(f"##{c}" for c in CHARACTERS), *WORDS]))


@pytest.fixture(scope="session")
def config(tokenizer: ActionTokenizer) -> BackboneConfig:
    language = {
        "model_type": "llama", "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 512, "pad_token_id": 0,
    }  # fmt: skip
    return BackboneConfig(language=language, vision=VISION, queries=4)


@pytest.fixture(scope="session")
def backbone(config: BackboneConfig, tokenizer: ActionTokenizer) -> Backbone:
    torch.manual_seed(0)
    return Backbone(config, tokenizer).eval()
