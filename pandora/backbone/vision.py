"""The eyes: a `transformers` vision tower, its patches merged 2x2 and projected to visual tokens of the LLM."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from pandora.backbone.language import describe

SMALL_VISION: Mapping[str, Any] = {
    "model_type": "siglip_vision_model",
    "image_size": 128,
    "patch_size": 16,
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "vision_use_head": False,
}


class Vision(nn.Module):
    """Frames to visual tokens: the tower, a merge of `merge` x `merge` patches, and a two-layer projector."""

    def __init__(self, description: Mapping[str, Any], width: int, merge: int = 2, tower: nn.Module | None = None):
        super().__init__()
        values = dict(description)
        config: Any = AutoConfig.for_model(values.pop("model_type"), **values)
        self.tower: Any = AutoModel.from_config(config, attn_implementation="sdpa") if tower is None else tower
        self.size: int = config.image_size
        self.merge = merge
        self.grid: int = config.image_size // config.patch_size
        if self.grid % merge:
            raise ValueError(f"{self.grid} patches a side can't be merged {merge} by {merge}.")
        self.tokens = (self.grid // merge) ** 2
        self.projector = nn.Sequential(
            nn.Linear(config.hidden_size * merge**2, width), nn.GELU(), nn.Linear(width, width), nn.LayerNorm(width)
        )

    def forward(self, frames_BHWC: Tensor) -> Tensor:
        """Frames (B, H, W, 3) uint8 of any size -> visual tokens (B, N, D)."""
        dtype = next(self.projector.parameters()).dtype
        pixels_BCHW = frames_BHWC.permute(0, 3, 1, 2).to(dtype) / 127.5 - 1
        if pixels_BCHW.shape[-2:] != (self.size, self.size):
            pixels_BCHW = F.interpolate(pixels_BCHW, (self.size, self.size), mode="bilinear", antialias=True)
        patches_BPD = self.tower(pixels_BCHW).last_hidden_state
        side, m = self.grid // self.merge, self.merge
        merged = patches_BPD.unflatten(1, (side, m, side, m)).permute(0, 1, 3, 2, 4, 5)
        return self.projector(merged.flatten(3).flatten(1, 2))


def pretrained_tower(name_or_folder: str, dtype: torch.dtype = torch.bfloat16) -> tuple[dict[str, Any], nn.Module]:
    """The description and the weights of a published vision tower; of a two-tower checkpoint, its vision half."""
    model = AutoModel.from_pretrained(name_or_folder, dtype=dtype, attn_implementation="sdpa")
    tower = getattr(model, "vision_model", model)
    return describe(tower.config), tower
