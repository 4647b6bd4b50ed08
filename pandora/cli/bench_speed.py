"""`pandora bench --preset NAME`: how fast a model of published parts is on this device."""

import json as jsons
import sys
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pandora.cli.options import Device, Json

if TYPE_CHECKING:
    from pandora.evaluation.rows import Row

TARGETS = {  # on one H200; what is measured elsewhere stands beside them all the same
    "clip480.first_frame_p95_ms": ("at most", 250.0), "clip256.first_frame_p95_ms": ("at most", 100.0),
    "clip480.frames_per_second": ("at least", 37.0), "frame480.first_frame_p95_ms": ("at most", 100.0),
    "clip480.share_of_peak": ("at least", 0.5), "clip480.speedup_plain": ("at least", 5.0),
    "branches16.time_ratio": ("at most", 6.0), "branches16.memory_share": ("at most", 0.01),
}  # fmt: skip
_PIPE_WIDTH = 110

Preset = Annotated[str | None, typer.Option(help="A model of published parts, such as pandora-7b.")]
Random = Annotated[bool, typer.Option("--random", help="Weights at random, of true size: nothing is downloaded.")]
Quick = Annotated[bool, typer.Option("--quick", help="Few clips, no comparison with the plain way.")]
Attention = Annotated[str, typer.Option(help="A kernel's name, or auto.")]
Quantized = Annotated[
    str, typer.Option(help="fp8 or int8 linear layers of the video transformer.", show_default="none")
]
Plain = Annotated[bool, typer.Option("--plain/--no-plain", help="Also the plain way, by diffusers, in the same run.")]
Backbone = Annotated[str, typer.Option(help="Another language model.", show_default="the preset's")]
Video = Annotated[str, typer.Option(help="Another video transformer.", show_default="the preset's")]
Release = Annotated[str, typer.Option(help="What `pandora train instruction` made.", show_default="none")]


def bench_preset(
    context: typer.Context,
    preset: Preset = None,
    random: Random = False,
    quick: Quick = False,
    attention: Attention = "auto",
    quantized: Quantized = "",
    plain: Plain = True,
    backbone: Backbone = "",
    video: Video = "",
    release: Release = "",
    json: Json = None,
    device: Device = "auto",
) -> None:
    """Measure the large tier (with --preset), planners, and the service (see the commands)."""
    if context.invoked_subcommand is not None:
        return
    if preset is None:
        typer.echo(context.get_help())
        raise typer.Exit
    import torch

    from pandora.evaluation import speed as bench
    from pandora.large import Speed, choose
    from pandora.large.loading import load_parts, plan
    from pandora.large.stand_in import random_parts
    from pandora.runtime import Runtime

    config = choose(preset, backbone=backbone, video=video, release=release)
    runtime, began = Runtime.resolve(device), time.perf_counter()
    asked = Speed(attention=attention, quantized=quantized)
    if random:
        config = replace(config, road="both" if config.backbone else "text")
        plan(config, runtime, asked, _say)
        loaded = random_parts(config, runtime)
    else:
        config, loaded = load_parts(config, runtime, asked, _say)
    _say(f"loaded in {time.perf_counter() - began:.0f} s")
    chosen = [replace(case, plain=case.plain and plain and not quick) for case in bench.cases(config)]
    effort = bench.Effort(clips=8, runs=2) if quick else bench.Effort()
    settings = {
        "command": "pandora " + " ".join(sys.argv[1:]), "preset": preset,
        "weights": "random" if random else "published",
        "device": torch.cuda.get_device_name() if runtime.device.type == "cuda" else str(runtime.device),
        "dtype": str(runtime.dtype), "torch": torch.__version__, "config": config.to_dict(), "speed": asdict(asked),
    }  # fmt: skip

    def keep(rows: "list[Row]") -> None:
        if json:
            told = settings | {"seconds": round(time.perf_counter() - began, 1)}
            json.parent.mkdir(parents=True, exist_ok=True)
            json.write_text(jsons.dumps({"rows": [asdict(row) for row in rows], "settings": told}, indent=1) + "\n")

    show(bench.measure(loaded, runtime, chosen, asked, effort, _say, keep), settings)


def show(rows: "list[Row]", settings: dict[str, Any]) -> None:
    """The table, with the targets on an H200 beside what was measured here."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    title = f"{settings['preset']}, {settings['weights']} weights, on {settings['device']}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for head in ("row", "value", "unit", "target (H200)"):
        table.add_column(head, justify="right" if head == "value" else "left", no_wrap=True)
    for row in rows:
        word, target = TARGETS.get(row.name, ("", None))
        table.add_row(row.name, f"{row.value:,.4g}", row.unit, "" if target is None else f"{word} {target:g}")
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _PIPE_WIDTH)
    console.print(table)


def _say(line: str) -> None:
    typer.echo(line, err=True)
