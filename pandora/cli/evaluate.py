"""`pandora eval`: measure the weights against the simulator."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pandora.cli.options import Device, Json, Seed, Steps, Weights
from pandora.config import DEFAULT_STEPS


def evaluate(
    weights: Weights,
    quick: Annotated[bool, typer.Option("--quick", help="A run of about a minute a world.")] = False,
    world: Annotated[
        str | None,
        typer.Option(help='A world\'s name, or "all" that are installed.', show_default="those that the weights know"),
    ] = None,
    json: Json = None,
    phrases: Annotated[
        Path | None, typer.Option(help="JSON of your own sentences by verb; reports only those.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the tables, plots and pictures.")] = Path("runs/eval"),
    seed: Seed = 0,
    steps: Steps = DEFAULT_STEPS,
    processes: Annotated[
        int | None, typer.Option(min=1, help="That share the work.", show_default="one for each CPU core")
    ] = None,
    device: Device = "auto",
) -> None:
    """Measure the weights against the simulators, and write tables, plots and pictures."""
    from pandora.evaluation import run
    from pandora.runtime import Runtime

    runtime = Runtime.resolve(device)
    runtime.apply()
    processes = processes or ((os.cpu_count() or 1) if runtime.device.type == "cpu" and not phrases else 1)
    run(
        weights, quick=quick, json_path=json, phrases=phrases, out=out, seed=seed, device=device, world=world,
        steps=steps, processes=processes,
    )  # fmt: skip
