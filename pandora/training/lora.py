"""Low-rank updates of a small model's backbone: put in, and folded back into plain weights."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pandora.backbone import Backbone
from pandora.pretrained.lora import adapt


def add_lora(backbone: Backbone, rank: int) -> None:
    """Freeze the language model and give its linear layers trainable low-rank updates that start at zero."""
    backbone.language.requires_grad_(False)
    adapt(backbone.language.model, "language", rank)


def fold(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with updates of scale 1 added to the weights they belong to, under the plain names."""
    plain: dict[str, Tensor] = {}
    for key, value in state.items():
        if ".lora_" in key:
            continue
        stem = key.removesuffix(".base_layer.weight")
        if stem != key:
            down, up = state[f"{stem}.lora_A.default.weight"], state[f"{stem}.lora_B.default.weight"]
            value = (value.float() + torch.mm(up.float(), down.float())).to(value.dtype)  # lora_alpha = rank: scale 1
        plain[key.replace(".base_layer.", ".")] = value
    return plain
