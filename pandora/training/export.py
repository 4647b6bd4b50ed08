"""Put trained parts together into a weights folder: modules, tokenizer, start pictures, manifest, model card.

The card (`pandora.training.card`) is written apart, once the weights have been measured.
"""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from pandora import checkpoint, media, presets
from pandora.adapter import AdapterConfig
from pandora.backbone import ActionTokenizer, BackboneConfig
from pandora.config import Config
from pandora.runtime import Runtime
from pandora.world_model import WorldModel
from pandora.worlds import make_world


@dataclass(frozen=True, kw_only=True)
class ExportConfig(Config):
    """Which runs become which weights."""

    video: str = "runs/rollout"  # folder with video, backbone and adapter
    aligned: str = "runs/align"  # folder with config and tokenizer
    autoencoder: str = "runs/autoencoder/autoencoder.safetensors"
    speech: str = ""  # folder with the backbone that speaks, in the place of the video run's
    world: str = "blocks"
    out: str = "weights/pandora-small"


def export(config: ExportConfig) -> Path:
    """Write the weights folder, all but its card; returns it."""
    spoken = Path(config.speech or config.aligned)
    values = json.loads((spoken / "config.json").read_text())
    recipe = replace(
        presets.small(),
        backbone=BackboneConfig.from_dict(values["backbone"]),
        adapter=AdapterConfig.from_dict(values["adapter"]),
    )
    tokenizer = ActionTokenizer.load(Path(config.aligned) / "tokenizer")
    model = WorldModel(recipe, tokenizer, Runtime.resolve("cpu", "float32", 1))
    for name, module in model.modules().items():
        folder = Path(config.speech) if name == "backbone" and config.speech else Path(config.video)
        path = Path(config.autoencoder) if name == "autoencoder" else folder / f"{name}.safetensors"
        checkpoint.fill(module, load_file(path), path)
    out = Path(config.out)
    write_scenes(out / "scenes", config.world)
    return model.save_pretrained(out)


def write_scenes(folder: Path, name: str) -> None:
    """The world's examples as start pictures, with `scenes.json`."""
    world = make_world(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    entries: list[dict[str, Any]] = []
    for example in world.examples():
        image = f"{example.id}.png"
        (folder / image).write_bytes(media.encode_png(world.render(example.scene)))
        entries.append(
            {
                "id": example.id,
                "world": name,
                "title": example.title,
                "image": image,
                "suggestions": example.suggestions,
            }
        )
    (folder / "scenes.json").write_text(json.dumps(entries, indent=2) + "\n")
