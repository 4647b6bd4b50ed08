"""`pandora data …`: make training data and look at it."""

from pathlib import Path
from typing import Annotated

import typer

from pandora.cli.configured import configured, placeholder
from pandora.cli.options import Seed

app = typer.Typer(help="Training data: episodes of a world with known truth.", no_args_is_help=True)
app.command("make", help="Write shards of episodes.", cls=configured("pandora.training.data:make"))(placeholder)
app.command(
    "encode", help="Turn the shards' frames into latents.", cls=configured("pandora.training.autoencoder:encode")
)(placeholder)


@app.command()
def look(
    output: Annotated[Path, typer.Option("--output", "-o", help="Contact sheet to write.")] = Path("out/episode.png"),
    world: Annotated[str, typer.Option(help="Name of the world.")] = "blocks",
    clips: Annotated[int, typer.Option(min=1, max=24, help="Actions in the episode.")] = 6,
    seed: Seed = 0,
) -> None:
    """Draw one training episode: a row an action, with a sentence for it."""
    import numpy as np

    from pandora import media
    from pandora.training.data import DataConfig, make_episode
    from pandora.worlds import make_world

    episode = make_episode(make_world(world), DataConfig(world=world, clips=clips), seed)
    rows = np.split(episode.frames[1:], clips)
    rows = [np.concatenate([before[-1:], row]) for before, row in zip([episode.frames[:1], *rows], rows, strict=False)]
    captions = [f"{entry['sentences'][0]}{'' if entry['legal'] else '  (not allowed)'}" for entry in episode.actions]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(media.encode_png(media.contact_sheet(rows, captions, columns=9)))
    typer.echo(output)
