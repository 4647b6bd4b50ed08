"""[visual tokens][earlier actions][action][queries] through a causal LLM, read at the queries: LLaVA with an outlet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pandora.backbone.language import SMALL_LANGUAGE, Language, pretrained_language
from pandora.backbone.speech import Speaker, Voice
from pandora.backbone.tokenizer import ActionTokenizer
from pandora.backbone.vision import SMALL_VISION, Vision, pretrained_tower
from pandora.config import Config
from pandora.errors import InvalidCheckpoint


@dataclass(frozen=True, kw_only=True)
class BackboneConfig(Config):
    """`language` and `vision` are `transformers` configs as dictionaries with `model_type`: any size, any family."""

    language: Mapping[str, Any] = field(default_factory=lambda: dict(SMALL_LANGUAGE))
    vision: Mapping[str, Any] = field(default_factory=lambda: dict(SMALL_VISION))
    merge: int = 2  # patches a side that become one visual token
    queries: int = 8
    history: int = 2  # earlier actions that are read
    sees: bool = True  # whether it reads the picture; without picture and history it is a plain encoder of text
    voice: int = 0  # words that it can write states with; 0: it has no voice


class Backbone(nn.Module):
    """Reads the current frame, the last actions and the new one. Holds weights and its tokenizer, no state."""

    def __init__(
        self,
        config: BackboneConfig,
        tokenizer: ActionTokenizer,
        *,
        language: Language | None = None,
        tower: nn.Module | None = None,
    ):
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.language = Language(config.language) if language is None else language
        self.width = self.language.width
        self.vision = Vision(config.vision, self.width, config.merge, tower)
        self.queries_QD = nn.Parameter(torch.randn(config.queries, self.width) * 0.5)
        self.voice = Voice(self.width, config.voice) if config.voice else None

    @classmethod
    def from_pretrained(cls, language: str, vision: str, tokenizer: ActionTokenizer, **options: Any) -> "Backbone":
        """Published LLM and vision tower, by hub name or folder; projector and queries are new.

        Args:
            options: the remaining fields of `BackboneConfig`.
        """
        decoder = pretrained_language(language)
        description, tower = pretrained_tower(vision)
        config = BackboneConfig(language=decoder.description, vision=description, **options)
        return cls(config, tokenizer, language=decoder, tower=tower).to(decoder.model.dtype)

    def tokenize(self, actions: list[str], histories: list[tuple[str, ...]]) -> tuple[Tensor, Tensor]:
        """B actions with their earlier actions, oldest first; the last `config.history` of them are read.

        Returns:
            ids (B, S) int64 and mask (B, S) int64, 1 where real, on the model's device.
        """
        recent = [history[max(0, len(history) - self.config.history) :] for history in histories]
        ids_BS, mask_BS = self.tokenizer(actions, recent)
        device = self.queries_QD.device
        return ids_BS.to(device), mask_BS.to(device)

    def forward(self, frames_BHWC: Tensor, ids_BS: Tensor, mask_BS: Tensor) -> Tensor:
        """Frames (B, H, W, 3) uint8, ids (B, S) int64, mask (B, S), 1 where real -> hidden states (B, Q, D)."""
        if not self.config.sees:
            return self.read(self.queries_QD.new_zeros(len(ids_BS), 0, self.width), ids_BS, mask_BS)
        return self.read(self.vision(frames_BHWC), ids_BS, mask_BS)

    def read(self, visual_BND: Tensor, ids_BS: Tensor, mask_BS: Tensor) -> Tensor:
        """As `forward`, from visual tokens (B, N, D) that are already there."""
        batch = ids_BS.shape[0]
        text_BSD = self.language.embed(ids_BS)
        queries_BQD = self.queries_QD.expand(batch, -1, -1).to(text_BSD.dtype)
        inputs = torch.cat([visual_BND.to(text_BSD.dtype), text_BSD, queries_BQD], dim=1)
        seen = mask_BS.new_ones(batch, visual_BND.shape[1])
        asked = mask_BS.new_ones(batch, queries_BQD.shape[1])
        hidden = self.language(inputs, torch.cat([seen, mask_BS, asked], dim=1))
        return hidden[:, -self.config.queries :]

    @property
    def speaker(self) -> Speaker:
        """Writes states in words. Raises InvalidConfig where the backbone has no voice."""
        return Speaker(self.language, self.vision, self.tokenizer, self.voice)

    def save(self, path: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write the weights as one safetensors file, cast to `dtype` if given."""
        tensors = {
            name: value.detach().to("cpu", dtype if value.is_floating_point() else None).contiguous()
            for name, value in self.state_dict().items()
        }
        save_file(tensors, str(path))

    @classmethod
    def load(cls, path: str | Path, config: BackboneConfig, tokenizer: ActionTokenizer) -> Self:
        """Build from a config and the file of `save`, in float32. Raises InvalidCheckpoint when they don't fit."""
        model = cls(config, tokenizer)
        load_weights(model, path)
        return model.eval()


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Fill a module strictly from a safetensors file, keeping the module's dtype. Raises InvalidCheckpoint."""
    try:
        model.load_state_dict(load_file(str(path)))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InvalidCheckpoint(f"{path} doesn't fit {type(model).__name__}: {error}") from error
