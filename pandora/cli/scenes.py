"""`pandora scenes`: the start pictures that ship with the weights."""

from typing import Annotated

import typer

from pandora.cli.options import Weights
from pandora.errors import UnknownName
from pandora.scenes import by_world, read_scenes

World = Annotated[str | None, typer.Option(help="Of this kind of world alone.", show_default="all")]


def scenes(weights: Weights, world: World = None) -> None:
    """List the scenes to begin from, by kind of world, with sentences that fit them."""
    found = list(read_scenes(weights).values())
    if not found:
        typer.echo(f"{weights} has no scenes. Begin from a picture of your own: pandora generate --image FILE …")
        return
    kinds = list(dict.fromkeys(scene.world for scene in found))
    if world is not None:
        if world not in kinds:
            raise UnknownName("world", world, kinds)
        found = [scene for scene in found if scene.world == world]
    for place, (title, group) in enumerate(by_world(found).items()):
        if len(kinds) > 1:
            typer.secho(f"{chr(10) if place else ''}{title} ({group[0].world})", bold=True)
        for scene in group:
            typer.echo(f"{scene.id:20} {scene.title}")
            typer.secho(f"{'':20} {' · '.join(scene.suggestions)}", dim=True)
