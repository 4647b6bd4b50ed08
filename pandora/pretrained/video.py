"""Published video transformers in our causal one: read the config, translate the keys, fill strictly."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from pandora.checkpoint import fill
from pandora.pretrained.files import locate, read_json, read_tensors
from pandora.pretrained.layouts import translate
from pandora.pretrained.published import VIDEO, published_video, read_config
from pandora.video.flow import VideoConfig, VideoModel
from pandora.video.transformer import CausalVideoTransformer, TransformerConfig


def load_transformer(
    source: str | Path,
    config: TransformerConfig | None = None,
    dtype: torch.dtype = torch.bfloat16,
    device: str = "cpu",
) -> CausalVideoTransformer:
    """A published transformer by its name here (see `VIDEO`), by hub name, by folder or by safetensors file.

    `config` is needed only where no config.json lies beside the weights; without either, a name of `VIDEO` says it.
    What no publisher has, the state road and the action modulation, begins anew and silent where the config asks for
    it and the file has nothing of it. Raises InvalidCheckpoint where files are missing, a key is unknown or missing, or
    a shape differs.
    """
    published = VIDEO.get(str(source))
    place = locate(published.repository if published else source)
    if published is None and (place / "transformer" / "config.json").exists():
        place = place / "transformer"  # of a pipeline, which holds other models beside it
    if published:
        config = config or published.transformer
    elif config is None:
        config = read_config(read_json(_config_of(place)), place)
    tensors = translate(read_tensors(place, published.files if published else "*.safetensors", device), place)
    with torch.device("meta"):
        model = CausalVideoTransformer(config)
    model.cast(dtype).to_empty(device=device)
    model.begin_roads()
    fill(model, _own(model, tensors) | tensors, place)
    return model.eval().requires_grad_(False)


def load_video(
    source: str | Path,
    config: VideoConfig | None = None,
    dtype: torch.dtype = torch.bfloat16,
    device: str = "cpu",
) -> VideoModel:
    """A published transformer as a video model, ready to sample; `source` as in `load_transformer`.

    Without `config`, which says how, `source` is a name of `VIDEO`. Raises UnknownName and InvalidCheckpoint.
    """
    config = published_video(str(source)).video_config() if config is None else config
    with torch.device("meta"):
        model = VideoModel(config)
    model.transformer = load_transformer(source, config.transformer, dtype, device)
    return model.eval()


def _own(model: CausalVideoTransformer, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of roads that begin anew: those of which the file has none at all."""
    begun: dict[str, Tensor] = {}
    for road in (r"\.(attn_state|norm_state|state_embedder)\.", r"\.action_embedder\."):
        if not any(re.search(road, name) for name in tensors):
            begun |= {name: tensor for name, tensor in model.state_dict().items() if re.search(road, name)}
    return begun


def count_parameters(config: TransformerConfig) -> int:
    """Of the whole transformer, without allocating it."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in CausalVideoTransformer(config).parameters())


def _config_of(place: Path) -> Path:
    folder = place.parent if place.is_file() else place
    nested = folder / "transformer" / "config.json"
    return nested if nested.exists() else folder / "config.json"
