"""Published video transformers in our causal one: read the config, translate the keys, fill strictly."""

from pathlib import Path

import torch

from pandora.checkpoint import fill
from pandora.pretrained.files import locate, read_json, read_tensors
from pandora.pretrained.layouts import translate
from pandora.pretrained.published import VIDEO, read_config
from pandora.video.transformer import CausalVideoTransformer, TransformerConfig


def load_transformer(
    source: str | Path,
    config: TransformerConfig | None = None,
    dtype: torch.dtype = torch.bfloat16,
    device: str = "cpu",
) -> CausalVideoTransformer:
    """A published transformer by its name here (see `VIDEO`), by hub name, by folder or by safetensors file.

    `config` is needed only where no config.json lies beside the weights; without either, a name of `VIDEO` says it.
    Raises InvalidCheckpoint where files are missing, a key is unknown or missing, or a shape differs.
    """
    published = VIDEO.get(str(source))
    place = locate(published.repository if published else source)
    if published:
        config = config or published.transformer
    elif config is None:
        config = read_config(read_json(_config_of(place)), place)
    tensors = translate(read_tensors(place, published.files if published else "*.safetensors", device), place)
    with torch.device("meta"):
        model = CausalVideoTransformer(config)
    model.to(dtype).to_empty(device=device)
    fill(model, tensors, place)
    return model.eval().requires_grad_(False)


def count_parameters(config: TransformerConfig) -> int:
    """Of the whole transformer, without allocating it."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in CausalVideoTransformer(config).parameters())


def _config_of(place: Path) -> Path:
    folder = place.parent if place.is_file() else place
    nested = folder / "transformer" / "config.json"
    return nested if nested.exists() else folder / "config.json"
