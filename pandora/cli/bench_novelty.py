"""`pandora bench novelty`: how well strange pictures are told, and what becomes of drawings."""

import json as jsons
from typing import Annotated

import typer

from pandora.cli.options import Device, Json, Seed, Weights

Count = Annotated[int, typer.Option(min=10, help="Pictures of each kind.")]


def novelty(weights: Weights, count: Count = 200, seed: Seed = 0, json: Json = None, device: Device = "auto") -> None:
    """Strange pictures: how many are told, and how many that are none; drawings of blocks that are acted on."""
    from pandora.evaluation import novelty as bench
    from pandora.world_model import WorldModel

    model = WorldModel.from_pretrained(weights, device=device)
    model.runtime.apply()
    rows = bench.measure(model, count, seed, lambda text: typer.secho(text, dim=True, err=True))
    for row in rows:
        typer.echo(f"{row.name:36} {row.value:8.3f} {row.unit:6} ({row.low:.3f} to {row.high:.3f}, n = {row.n})")
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(jsons.dumps(bench.as_json(rows, bench.settings(model, count, seed)), indent=1) + "\n")
        typer.echo(json)
