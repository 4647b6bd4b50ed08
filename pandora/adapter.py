"""From the backbone's hidden states to the video model's conditioning: a query transformer (Q-Former)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import Blip2QFormerConfig, Blip2QFormerModel

from pandora.config import Config
from pandora.errors import InvalidCheckpoint


@dataclass(frozen=True, kw_only=True)
class AdapterConfig(Config):
    """`width` is the Q-Former's own; `backbone_width` comes in, `context_width` and `pooled_width` go out."""

    backbone_width: int = 256
    width: int = 256
    layers: int = 2
    heads: int = 4
    ffn: int = 768
    context_tokens: int = 8
    context_width: int = 256
    pooled_width: int = 256


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What the video model is told: tokens to attend to, and one vector that modulates every layer."""

    context_BND: Tensor  # (B, N, context_width) float
    pooled_BD: Tensor  # (B, pooled_width) float

    def where(self, keep_B: Tensor, other: "Conditioning") -> "Conditioning":
        """Rows of this one where `keep_B` (B,) bool is true, rows of `other` elsewhere."""
        return Conditioning(
            torch.where(keep_B[:, None, None], self.context_BND, other.context_BND),
            torch.where(keep_B[:, None], self.pooled_BD, other.pooled_BD),
        )

    def __getitem__(self, rows: slice | Tensor) -> "Conditioning":
        return Conditioning(self.context_BND[rows], self.pooled_BD[rows])


class Adapter(nn.Module):
    """A Q-Former whose learned queries attend to the hidden states: one a context token, and one more, pooled."""

    def __init__(self, config: AdapterConfig):
        super().__init__()
        self.config = config
        self.queries_ND = nn.Parameter(torch.randn(config.context_tokens + 1, config.width))
        self.former = Blip2QFormerModel(
            Blip2QFormerConfig(
                hidden_size=config.width,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.ffn,
                encoder_hidden_size=config.backbone_width,
                cross_attention_frequency=1,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
            )
        )
        self.to_context = nn.Linear(config.width, config.context_width)
        self.to_pooled = nn.Linear(config.width, config.pooled_width)
        self.null_context_ND = nn.Parameter(torch.zeros(config.context_tokens, config.context_width))
        self.null_pooled_D = nn.Parameter(torch.zeros(config.pooled_width))

    def forward(self, hidden_BQD: Tensor) -> Conditioning:
        """The backbone's hidden states (B, Q, backbone_width) -> conditioning of B rows."""
        queries = self.queries_ND.expand(hidden_BQD.shape[0], -1, -1)
        output = self.former(query_embeds=queries, encoder_hidden_states=hidden_BQD).last_hidden_state
        return Conditioning(self.to_context(output[:, :-1]), self.to_pooled(output[:, -1]))

    def null(self, batch: int) -> Conditioning:
        """The learned conditioning of "no action", `batch` times; zero until it is trained."""
        return Conditioning(self.null_context_ND.expand(batch, -1, -1), self.null_pooled_D.expand(batch, -1))

    def save(self, path: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write the weights as one safetensors file, cast to `dtype` if given."""
        tensors = {name: value.detach().to("cpu", dtype).contiguous() for name, value in self.state_dict().items()}
        save_file(tensors, str(path))

    @classmethod
    def load(cls, path: str | Path, config: AdapterConfig) -> Self:
        """Build from a config and the file of `save`, in float32. Raises InvalidCheckpoint when they don't fit."""
        try:
            model = cls(config)
        except Exception as error:  # of any kind: the library builds what it is told, unchecked
            raise InvalidCheckpoint(f"No Adapter can be made of {config} for {path}: {error}") from error
        try:
            model.load_state_dict(load_file(str(path)))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise InvalidCheckpoint(f"{path} doesn't fit Adapter: {error}") from error
        return model.eval()
