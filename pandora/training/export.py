"""Put trained parts together into a weights folder: modules, tokenizer, start pictures, manifest, model card.

The card (`pandora.training.card`) is written apart, once the weights have been measured.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from pandora import checkpoint, media, presets
from pandora.adapter import AdapterConfig
from pandora.backbone import ActionTokenizer, BackboneConfig
from pandora.config import Config
from pandora.errors import UnknownName
from pandora.novelty import PART as NOVELTY
from pandora.runtime import Runtime
from pandora.training.novelty import NoveltyConfig, measure
from pandora.video import VideoConfig, load_autoencoder
from pandora.world_model import WorldModel, WorldModelConfig
from pandora.worlds import make_world, world_title


@dataclass(frozen=True, kw_only=True)
class ExportConfig(Config):
    """Which runs become which weights."""

    video: str = "runs/rollout"  # folder with video, backbone and adapter
    aligned: str = "runs/align"  # folder with config and tokenizer, where that of the video model has none
    autoencoder: str = "runs/autoencoder/autoencoder.safetensors"
    speech: str = ""  # folder with the backbone that speaks, in the place of the video run's
    worlds: tuple[str, ...] = ("blocks",)  # that it was trained on; their scenes are put in
    novelty: int = 2000  # frames of each world by which strange pictures are told; 0: they are not told
    out: str = "weights/pandora-small"
    expert: str = ""  # the name that they get among the experts of the weights in `out`; none: they are the weights
    bits: checkpoint.Bits = 16  # of a stored weight: 8 take half the room of 16, 6 two fifths


@dataclass(frozen=True, kw_only=True)
class StoreConfig(Config):
    """Weights that are there, stored otherwise."""

    weights: str = "weights/pandora-small"
    parts: tuple[str, ...] = ()  # such as backbone; none: all of them
    bits: checkpoint.Bits = 8  # of a weight; 16 gives back no digits that are gone


def store(config: StoreConfig) -> Path:
    """Write parts of a weights folder again, in so many `bits`; its experts stay as they are. Measure it anew.

    Raises UnknownName for a part that there isn't.
    """
    folder = Path(config.weights)
    model = WorldModel.from_pretrained(folder, "cpu", "float32", 1)
    if unknown := set(config.parts) - set(model.modules()):
        raise UnknownName("part", min(unknown), model.modules())
    chosen = {name: part for name, part in model.modules().items() if not config.parts or name in config.parts}
    return checkpoint.save(folder, chosen, model.config.to_dict(), config.bits)


def export(config: ExportConfig) -> Path:
    """Write the weights folder, all but its card; returns it."""
    autoencoder = load_autoencoder(config.autoencoder)
    name = config.expert or WorldModelConfig.name
    recipe = replace(described(config), name=name, autoencoder=autoencoder.config)
    tokenizer = ActionTokenizer.load(_home(config) / "tokenizer")
    model = WorldModel(recipe, tokenizer, Runtime.resolve("cpu", "float32", 1))
    model.autoencoder.load_state_dict(autoencoder.state_dict())
    for name in ("backbone", "adapter", "video"):
        folder = Path(config.speech) if name == "backbone" and config.speech else Path(config.video)
        path = folder / f"{name}.safetensors"
        checkpoint.fill(model.modules()[name], load_file(path), path)
    out = Path(config.out) / "experts" / config.expert if config.expert else Path(config.out)
    write_scenes(out / "scenes", config.worlds)
    (out / f"{NOVELTY}.safetensors").unlink(missing_ok=True)  # of other latents
    model.save_pretrained(out, config.bits)
    if config.novelty:
        measure(NoveltyConfig(weights=str(out), frames=config.novelty))
    return out


def described(config: ExportConfig) -> WorldModelConfig:
    """The config of the whole model as its parts were trained, all but the autoencoder."""
    values = json.loads((_home(config) / "config.json").read_text())
    if config.speech:
        values["backbone"] = json.loads((Path(config.speech) / "config.json").read_text())["backbone"]
    parts: dict[str, Any] = {"backbone": BackboneConfig.from_dict(values["backbone"])}
    parts["adapter"] = AdapterConfig.from_dict(values["adapter"])
    if "video" in values:
        parts["video"] = VideoConfig.from_dict(values["video"])
    return replace(presets.small(), worlds=tuple(config.worlds), **parts)


def _home(config: ExportConfig) -> Path:
    """The folder that says what the backbone and the adapter are: that of their weights, where it does."""
    return Path(config.video if (Path(config.video) / "config.json").exists() else config.aligned)


def write_scenes(folder: Path, worlds: Sequence[str]) -> None:
    """The worlds' examples as start pictures, with `scenes.json`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    entries: list[dict[str, Any]] = []
    for name in worlds:
        world = make_world(name)
        for example in world.examples():
            image = f"{example.id}.png"
            (folder / image).write_bytes(media.encode_png(world.render(example.scene)))
            entries.append(
                {
                    "id": example.id,
                    "world": name,
                    "world_title": world_title(name),
                    "title": example.title,
                    "image": image,
                    "suggestions": example.suggestions,
                }
            )
    (folder / "scenes.json").write_text(json.dumps(entries, indent=2) + "\n")
