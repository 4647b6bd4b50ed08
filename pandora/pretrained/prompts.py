"""The text road: sentences through the encoder that a Wan transformer was trained with (UMT5)."""

import html
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase, UMT5Config, UMT5EncoderModel

from pandora.checkpoint import fill
from pandora.errors import InvalidCheckpoint
from pandora.offloading import device_of
from pandora.pretrained.files import locate, read_json, read_tensors

PROMPT_TOKENS = 512  # that Wan's transformers were trained with


class PromptEncoder(nn.Module):
    """Sentences to the tokens (B, S, D) that cross-attention reads; beyond a sentence's end they are zero."""

    def __init__(self, encoder: UMT5EncoderModel, tokenizer: PreTrainedTokenizerBase, length: int = PROMPT_TOKENS):
        super().__init__()
        self.encoder: Any = encoder
        self.tokenizer: Any = tokenizer
        self.length = length

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        dtype: torch.dtype = torch.bfloat16,
        device: str = "cpu",
        length: int = PROMPT_TOKENS,
    ) -> "PromptEncoder":
        """From a repository or folder with `text_encoder` and `tokenizer`, as Wan's pipelines have them.

        Raises InvalidCheckpoint where files are missing or damaged, a key is unknown or missing, or a shape differs.
        """
        place = locate(source, ("text_encoder/*", "tokenizer/*"))
        folder = place / "text_encoder" if (place / "text_encoder").is_dir() else place
        values = read_json(folder / "config.json")
        if values.get("model_type") != "umt5":
            raise InvalidCheckpoint(f"{folder} holds a {values.get('model_type')!r} encoder; Wan's is 'umt5'.")
        try:
            with torch.device("meta"):
                encoder: Any = UMT5EncoderModel(UMT5Config.from_dict(values))
        except Exception as error:  # of any kind: the library builds what it is told, unchecked
            raise InvalidCheckpoint(
                f"{folder / 'config.json'} describes no encoder ({_one_line(error)}). Fetch it again."
            ) from error
        tensors = read_tensors(folder)  # on the host: both copies at once would be too much for a device
        tensors.setdefault("shared.weight", tensors.get("encoder.embed_tokens.weight", torch.empty(0)))
        tensors["encoder.embed_tokens.weight"] = tensors["shared.weight"]
        encoder.to(dtype).to_empty(device=device)
        fill(encoder, tensors, folder)
        encoder.tie_weights()
        words = place / "tokenizer" if (place / "tokenizer").is_dir() else place
        try:
            tokenizer = AutoTokenizer.from_pretrained(words)
        except Exception as error:
            raise InvalidCheckpoint(f"{words} holds no tokenizer ({_one_line(error)}). Fetch it again.") from error
        return cls(encoder.eval().requires_grad_(False), tokenizer, length)

    @property
    def width(self) -> int:
        """The size D of the tokens."""
        return self.encoder.config.d_model

    @torch.inference_mode()
    def forward(self, sentences: list[str]) -> Tensor:
        """B sentences -> (B, length, D) in the encoder's dtype, on its device; longer ones are cut."""
        told = self.tokenizer(
            [tidy(sentence) for sentence in sentences], padding="longest", max_length=self.length, truncation=True,
            return_attention_mask=True, return_tensors="pt",
        )  # fmt: skip
        device = device_of(self.encoder)
        ids_BS, mask_BS = told["input_ids"].to(device), told["attention_mask"].to(device)
        hidden_BSD = self.encoder(ids_BS, mask_BS).last_hidden_state * mask_BS[..., None]
        return nn.functional.pad(hidden_BSD, (0, 0, 0, self.length - hidden_BSD.shape[1]))


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def tidy(sentence: str) -> str:
    """Entities resolved and white space made single, as Wan's pipelines do before they encode."""
    return " ".join(html.unescape(html.unescape(sentence)).split())
