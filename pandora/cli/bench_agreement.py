"""`pandora bench agreement`: whether two folders of weights do the same."""

import json as jsons
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pandora.cli.options import Device, Json, Seed, Steps, Weights
from pandora.config import DEFAULT_STEPS

Against = Annotated[Path, typer.Option(help="Weights to compare with, such as the same in float16.")]
WorldName = Annotated[str, typer.Option("--world", help="The kind of world.")]
Clips = Annotated[int, typer.Option(min=8, help="Single actions in each split of phrasings; an eighth as many walks.")]


def agreement(
    weights: Weights, against: Against, world: WorldName = "blocks", clips: Clips = 400, steps: Steps = DEFAULT_STEPS,
    seed: Seed = 0, json: Json = None, device: Device = "auto",
) -> None:  # fmt: skip
    """Two folders of weights, told the same in the same scenes: how often both do right, or both wrong."""
    from pandora.evaluation import agreement as bench
    from pandora.evaluation.subjects import Told
    from pandora.types import Sampler
    from pandora.world_model import WorldModel
    from pandora.worlds import make_world

    arena = make_world(world)
    models = [WorldModel.from_pretrained(folder, device=device) for folder in (weights, against)]
    models[0].runtime.apply()
    ours, theirs = (Told(model, Sampler(steps=steps)) for model in models)
    rows = bench.measure(ours, theirs, arena, clips, seed)
    for row in rows:
        typer.echo(f"{row.name:36} {row.value:8.4f} {row.unit:6} ({row.low:.4f} to {row.high:.4f}, n = {row.n})")
    if json is not None:
        one, other = (model.fingerprint_of(model.expert_for(world)) for model in models)
        told = {
            "fingerprint": one, "against": other, "world": world, "steps": steps, "seed": seed,
            "meaning": bench.MEANING,
        }  # fmt: skip
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(jsons.dumps({"rows": [asdict(row) for row in rows], "settings": told}, indent=1) + "\n")
        typer.echo(json)
