"""Which weights a language model's own ability rests on, measured on plain texts, for `instruction` to hold on to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from pandora.config import Config
from pandora.errors import InvalidInput
from pandora.pretrained.backbone import PretrainedBackbone
from pandora.pretrained.loading import load_backbone
from pandora.pretrained.lora import fits
from pandora.runtime import Runtime
from pandora.training.ewc import Anchor


@dataclass(frozen=True, kw_only=True)
class AnchorConfig(Config):
    """The old task is to go on writing these texts. Kept are weights and Fisher diagonal: two numbers a weight."""

    backbone: str = "qwen2.5-vl-7b"  # name here, hub name or folder
    texts: str = "data/texts.txt"  # one a line
    most: int = 512  # texts that are read
    tokens: int = 256  # of a text, the rest of it is cut
    out: str = "runs/anchor.safetensors"
    dtype: str = "auto"
    device: str = "auto"


def measure(config: AnchorConfig) -> Path:
    """Write the anchor of the layers that low-rank updates change; returns its file."""
    path = Path(config.texts)
    if not path.is_file():
        raise InvalidInput(f"There is no file of texts at {path}. Give one with a text on each line.")
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 ({error}). Save it as UTF-8, a text on each line.") from error
    texts = [line.strip() for line in lines if line.strip()][: config.most]
    runtime = Runtime.resolve(config.device, config.dtype).apply()
    backbone = load_backbone(config.backbone, dtype=runtime.dtype, device=runtime.device)
    anchor = language_anchor(backbone, texts, config.tokens)
    out = Path(config.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    anchor.save(out)
    return out


def language_anchor(backbone: PretrainedBackbone, texts: list[str], tokens: int = 256) -> Anchor:
    """Of the decoder's adaptable layers. Raises InvalidInput where no text has two tokens."""
    return Anchor.estimate(
        backbone.decoder,
        _read(backbone, texts, tokens),
        lambda ids: log_likelihood(backbone, ids),  # type: ignore[arg-type]
        lambda name: name.endswith(".weight") and fits("language", name.removesuffix(".weight")),
    )


def log_likelihood(backbone: PretrainedBackbone, ids: Tensor) -> Tensor:
    """Of texts (B, S) int64 as the language model would have written them: (B,) float32, summed over tokens."""
    logits = backbone.model(input_ids=ids, use_cache=False).logits[:, :-1]
    return -F.cross_entropy(logits.float().transpose(1, 2), ids[:, 1:], reduction="none").sum(1)


def _read(backbone: PretrainedBackbone, texts: list[str], tokens: int) -> Iterator[Tensor]:
    for text in texts:
        ids = backbone.words.trusted(text)[:tokens]
        if len(ids) > 1:
            yield torch.tensor([ids], device=backbone.queries_QD.device)
