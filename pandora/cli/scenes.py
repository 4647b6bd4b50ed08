"""`pandora scenes`: the start pictures that ship with the weights."""

import typer

from pandora.cli.options import Weights
from pandora.scenes import read_scenes


def scenes(weights: Weights) -> None:
    """List the scenes to begin from, with sentences that fit them."""
    found = read_scenes(weights)
    if not found:
        typer.echo(f"{weights} has no scenes. Begin from a picture of your own: pandora generate --image FILE …")
    for scene in found.values():
        typer.echo(f"{scene.id:20} {scene.title}")
        typer.secho(f"{'':20} {' · '.join(scene.suggestions)}", dim=True)
