"""A published backbone by name or folder: the library's own class and key map, strictly, from safetensors alone."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, AutoTokenizer

from pandora.errors import InvalidCheckpoint
from pandora.pretrained.backbone import PretrainedBackbone, ReadingConfig, check_attention
from pandora.pretrained.eyes import Optics
from pandora.pretrained.files import locate, read_tensors
from pandora.pretrained.published_backbones import BACKBONES

_FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt", "tokenizer.model")


def load_backbone(
    source: str | Path,
    config: ReadingConfig | None = None,
    dtype: torch.dtype = torch.bfloat16,
    device: str | torch.device = "cpu",
) -> PretrainedBackbone:
    """A published backbone by its name here (see `BACKBONES`), by hub name or by folder; frozen but for its queries.

    The queries are new: load or train them. Raises InvalidCheckpoint where files are missing, damaged or pickled,
    tensors are missing, unknown or of another shape, or the model is of a kind that can't be read.
    """
    config = config or ReadingConfig()
    published = BACKBONES.get(str(source))
    place = locate(published.repository if published else source, _FILES)
    if not list(place.glob("*.safetensors")):
        read_tensors(place)  # says what is there instead
    try:
        described: Any = AutoConfig.from_pretrained(place)
        check_attention(described, config)
        model = _load(place, described, dtype, device)
        tokenizer = AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise InvalidCheckpoint(f"{place} can't be loaded as a language model: {error}") from error
    optics = Optics.load(place) if hasattr(described, "vision_config") else None
    backbone = PretrainedBackbone(model, tokenizer, config, optics).eval()
    backbone.model.requires_grad_(False)
    return backbone


def _load(place: Path, described: Any, dtype: torch.dtype, device: str | torch.device) -> Any:
    kind: Any = AutoModelForImageTextToText if hasattr(described, "vision_config") else AutoModelForCausalLM
    model, report = kind.from_pretrained(
        place, config=described, dtype=dtype, device_map={"": torch.device(device)}, use_safetensors=True,
        attn_implementation="sdpa", output_loading_info=True, ignore_mismatched_sizes=True,
    )  # fmt: skip
    faults = [
        f"{verdict} {len(keys)} tensors ({', '.join(keys[:5])}{', …' if len(keys) > 5 else ''})"
        for verdict, keys in (
            ("it lacks", sorted(report["missing_keys"])),
            ("the model has no place for", sorted(report["unexpected_keys"])),
            (
                "of another shape are",
                [f"{key}: {list(is_)} instead of {list(be)}" for key, is_, be in sorted(report["mismatched_keys"])],
            ),
        )
        if keys
    ]
    if faults:
        raise InvalidCheckpoint(f"{place} doesn't fit its config: {'; '.join(faults)}.")
    return model
