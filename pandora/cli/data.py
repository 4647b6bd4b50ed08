"""`pandora data …`: make training data, bring in that of others, prepare it, and look at it."""

from pathlib import Path
from typing import Annotated

import typer

from pandora.cli.configured import configured, placeholder
from pandora.cli.options import Seed

_MAKE = """Write shards of episodes with known truth.

WebDataset tars of films with what was done in them, and a data card. Random behaviour, goals pursued and failures are
mixed; what a world keeps for evaluation is never written. A stopped run goes on where it stood, and the same settings
give the same bytes on any number of processes.

--world road --out data/road fills that folder; --world all, or --world several times, fills OUT/WORLD for each of
them. Without --out it is data/WORLD.
"""
_ENCODE = "Turn the shards' films into latents, in a file beside each shard. What is up to date is kept."

app = typer.Typer(help="Training data: episodes of worlds, and films of others.", no_args_is_help=True)
app.command("make", help=_MAKE, short_help="Write shards of episodes.", cls=configured("pandora.training.data:make"))(
    placeholder
)
app.command("encode", help=_ENCODE, cls=configured("pandora.training.encoding:encode"))(placeholder)


@app.command("import")
def bring(
    source: Annotated[Path, typer.Argument(help="Folder of films with JSONL, of tar shards, or a LeRobot dataset.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder of shards.")],
    name: Annotated[str, typer.Option(help="Of the domain; without it the new folder's.")] = "",
    text: Annotated[str, typer.Option(help="LeRobot: column that says what is done; else the subtask or task.")] = "",
    camera: Annotated[str, typer.Option(help="LeRobot: key of the pictures; without it the first.")] = "",
    labels: Annotated[str, typer.Option(help='JSON of {"label": "sentence" or ["sentence", …]}.')] = "",
    length: Annotated[int, typer.Option(min=1, help="Actions an episode, at most.")] = 6,
    fps: Annotated[float, typer.Option(help="Films are resampled to it.")] = 8.0,
    frames_per_action: Annotated[int, typer.Option(min=4, help="Frames of one action; a multiple of 4.")] = 8,
    size: Annotated[int, typer.Option(min=16, help="Pixels of a side; films are cropped at the centre.")] = 128,
    films: Annotated[int, typer.Option(min=1, help="Films a shard.")] = 32,
    processes: Annotated[int, typer.Option(min=0, help="That share the work; 0: as many as cores.")] = 0,
) -> None:
    """Bring other people's films into our shards, so that they train beside the worlds.

    A folder of films has JSONL beside them, a line a film: {"file", "caption"} or {"file", "actions": [{"text",
    "start", "end"}]}, times in seconds. Of LeRobot datasets the layouts v2.0, v2.1 and v3.0 are read (needs pyarrow).
    What can't be used is named in OUT/skipped.jsonl.
    """
    from pandora.training.importing import SKIPPED, Import
    from pandora.training.importing import bring as bring_over

    folder = bring_over(
        Import(
            source=str(source), out=str(out), name=name, text=text, camera=camera, labels=labels, length=length,
            fps=fps, frames_per_action=frames_per_action, size=size, films=films, processes=processes,
        )
    )  # fmt: skip
    if (skipped := folder / SKIPPED).exists():
        typer.echo(f"{len(skipped.read_text().splitlines())} films were left out: {skipped}", err=True)
    typer.echo(folder)


@app.command()
def look(
    source: Annotated[str, typer.Argument(help="Folder of shards, or a world for fresh ones, or all.")] = "blocks",
    output: Annotated[Path, typer.Option("--output", "-o", help="Contact sheet to write.")] = Path("out/data.png"),
    episodes: Annotated[int, typer.Option(min=1, max=12, help="Episodes, one after the other.")] = 2,
    length: Annotated[int, typer.Option(min=0, max=64, help="Actions of a fresh episode; 0: the world's.")] = 0,
    seed: Seed = 0,
) -> None:
    """Draw some episodes: a row an action, with a sentence for it."""
    from pandora import media
    from pandora.training.looking import sheet

    picture = media.encode_png(sheet(source, episodes, seed, length))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(picture)
    typer.echo(output)


@app.command()
def stats(folder: Annotated[Path, typer.Argument(help="Folder of shards.")]) -> None:
    """Count what is in a folder of shards, by verb; and write its data card anew."""
    from pandora.training import datacard

    counts = datacard.count(folder)
    typer.echo(
        f"{folder}: {counts.clips:,} clips in {counts.episodes:,} episodes, {counts.illegal:,} of them forbidden, "
        f"{counts.goals:,} episodes with a goal, {len(counts.sentences):,} different sentences, "
        f"{counts.megabytes:,.1f} MB in {counts.shards} shards"
    )
    typer.echo(datacard.table(counts).split("\n\n", 1)[1], nl=False)
    typer.echo(datacard.write(folder))


@app.command()
def check(folders: Annotated[list[Path], typer.Argument(help="Folders of shards, made here.")]) -> None:
    """Play the labels of every episode again from its seed: what is kept for evaluation may not be in the data.

    No held-out transition, scene or phrasing, and nothing labelled against the rules. Films are not looked at.
    """
    from pandora.training import checking

    for folder in folders:
        found = checking.check(folder)
        typer.echo(
            f"{folder}: {found.clips:,} clips in {found.episodes:,} episodes, no held-out transition, scene or "
            f"phrasing ({found.placed:.0%} of the sentences could be placed)"
        )
