"""`pandora memory`: what a preset of published parts takes of a device, before anything is loaded."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pandora.errors import InvalidConfig

if TYPE_CHECKING:
    from pandora.budget import Plan

_PIPE_WIDTH = 140

Preset = Annotated[str, typer.Option(help="Of published parts.")]
Worlds = Annotated[int, typer.Option(min=1, help="That stay on the device.")]
Rows = Annotated[int, typer.Option(min=1, help="That step in one batch.")]
Branches = Annotated[bool, typer.Option("--branches", help="The rows are branches of one world.")]
Height = Annotated[int | None, typer.Option(min=64, help="Of a frame, in pixels.", show_default="the preset's")]
Width = Annotated[int | None, typer.Option(min=64, help="Of a frame, in pixels.", show_default="the preset's")]
Window = Annotated[int | None, typer.Option(min=1, help="Latent frames attended to.", show_default="the preset's")]
FullDecoder = Annotated[bool, typer.Option("--full-decoder", help="Show worlds by the full decoder, not the tiny one.")]
Unrecorded = Annotated[bool, typer.Option("--unrecorded", help="Without recorded passes (CUDA graphs).")]
Bits = Annotated[int, typer.Option(min=8, max=16, help="Of the video transformer's weights: 8 or 16.")]
Capacity = Annotated[
    float | None, typer.Option(min=1, help="GiB of the device to fit into.", show_default="this GPU's, else none")
]


def memory(
    preset: Preset = "pandora-7b",
    worlds: Worlds = 1,
    rows: Rows = 1,
    branches: Branches = False,
    height: Height = None,
    width: Width = None,
    window: Window = None,
    full_decoder: FullDecoder = False,
    unrecorded: Unrecorded = False,
    bits: Bits = 16,
    capacity: Capacity = None,
) -> None:
    """Plan a model's memory: what each part takes, what is offloaded, and on which cards it fits."""
    from dataclasses import replace

    from pandora import budget
    from pandora.large import config as large
    from pandora.large.needs import needs

    if bits not in (8, 16):
        raise InvalidConfig(f"Weights have 8 or 16 bits, not {bits}.")
    sizes = {"height": height, "width": width, "window": window}
    changes: dict[str, Any] = {name: size for name, size in sizes.items() if size is not None}
    config = replace(large.preset(preset), **changes)
    config = replace(config, tiny_decoder="") if full_decoder else config
    made = needs(config, bits, not unrecorded, worlds=worlds, rows=rows, branches=branches)
    room = capacity * budget.GIB if capacity else device_bytes()
    if room and made.verdict(room) != budget.NO_FIT:
        _print(made.fit(room))
    else:
        _print(made)
    for card, size in budget.CARDS.items():
        typer.echo(f"{card:>7}: {made.verdict(size * budget.GIB)}")
    if room:
        made.fit(room)


def device_bytes() -> int:
    """Memory of the first CUDA device, 0 without one."""
    import torch

    return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else 0


def _print(plan: "Plan") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_footer=True)
    *lines, last = plan.rows()
    for index, head in enumerate(("part", "kind", "on the device", "")):
        table.add_column(head, footer=last[index], justify="right" if index == 2 else "left", no_wrap=index < 3)
    for line in lines:
        table.add_row(*line)
    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.print(table)
