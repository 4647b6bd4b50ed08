"""`pandora gallery`: a short film of each kind of world, and the README's part that shows them."""

from pathlib import Path
from typing import Annotated

import typer

from pandora.cli.options import Device, Seed, Steps, Weights

SceneIds = Annotated[
    list[str] | None, typer.Option(help="Scene to film; repeat it.", show_default="one of each kind of world")
]


def gallery(
    weights: Weights,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the films.", show_default="WEIGHTS/gallery")
    ] = None,
    readme: Annotated[Path, typer.Option(help="Its part between the gallery's marks is written anew.")] = Path(
        "README.md"
    ),
    scene: SceneIds = None,
    sentences: Annotated[int, typer.Option(min=1, max=8, help="Of a film, at most.")] = 5,
    steps: Steps = 2,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Film each kind of world that the weights know, sentences written below, and show the films in the README."""
    from pandora import gallery as films
    from pandora.runtime import Runtime
    from pandora.world_model import WorldModel

    scenes = films.choose(weights, scene or ())
    Runtime.resolve(device).apply()
    model = WorldModel.from_pretrained(weights, device=device)
    made = []
    for path, shown, said in films.make(
        model, weights / "gallery" if output is None else output, scenes, sentences, steps, seed
    ):
        made.append((path, shown, said))
        typer.echo(f"{path}: {path.stat().st_size / 1000:.0f} kB, {'; '.join(said)}")
    films.write(readme, films.table(made, readme))
    typer.echo(readme)
