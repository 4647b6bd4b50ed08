"""Does the action work? The video model has to know before it draws, or it draws the mean of both clips.

L_outcome = cross-entropy of "the rules allow it", read by a linear head from the tokens of the last block, averaged
over the chunk. Only rows at t = 1 count, where the noisy chunk holds nothing of the truth. The head is left behind: it
is there for what it makes the model compute (deep supervision, 1409.5185).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pandora.video.transformer import CausalVideoTransformer


class OutcomeHead(nn.Module):
    """Reads the transformer's last block each time that it has run."""

    def __init__(self, transformer: CausalVideoTransformer):
        super().__init__()
        width = transformer.config.num_attention_heads * transformer.config.attention_head_dim
        self.norm, self.linear = nn.LayerNorm(width), nn.Linear(width, 1)
        self.seen: Tensor | None = None
        transformer.blocks[-1].register_forward_hook(self._look)

    def _look(self, _block: nn.Module, _inputs: Any, output: tuple[Tensor, Any]) -> None:
        self.seen = output[0] if torch.is_grad_enabled() else None

    def loss(self, works: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Of the last pass, and the share that is told rightly; works (B,) and counts (B,) are bool."""
        assert self.seen is not None, "the transformer has not run with gradients"
        logits = self.linear(self.norm(self.seen.float()).mean(1)).squeeze(1)
        self.seen = None
        weight = counts.float() / counts.sum().clamp(min=1)
        loss = (weight * F.binary_cross_entropy_with_logits(logits, works.float(), reduction="none")).sum()
        return loss, (weight * ((logits > 0) == works)).sum()
