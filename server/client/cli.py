"""`pandora world`: the worlds of a running service, from the shell.

Answers go to stdout, progress to stderr. Exit codes: 0 done, 1 the service failed, 2 it refuses this request, 3 there
is no such world or step, 4 the world is not where it was expected, 5 the service can't be reached or is too busy.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.client.imagine import plan, rollout
from server.client.shell import LOCAL, AsJson, Key, Url, WorldId, note, service

if TYPE_CHECKING:
    from server.bodies import StepView, WorldView
    from server.client import LiveFrame
    from server.client.sync import Stream

world = typer.Typer(
    help="Worlds of a running service: begin, act, fork, rewind, imagine, watch, save. "
    "Exit codes: 1 failed, 2 refused, 3 not found, 4 conflict, 5 not reachable or busy.",
    no_args_is_help=True,
)


@world.command()
def create(
    scene: Annotated[str | None, typer.Option(help="Scene to begin from, or a kind of world, such as blocks.")] = None,
    image: Annotated[Path | None, typer.Option(help="Picture to begin from: PNG, JPEG, WebP, GIF or BMP.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    name: str | None = None,
    url: Url = LOCAL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Begin a world and print its id."""
    if (scene is None) == (image is None):
        raise typer.BadParameter("Give either --scene ID (pandora scenes lists them) or --image FILE.")
    with service(url, key) as client:
        made = client.worlds.create(scene=scene, image=image, seed=seed, name=name)
        _show_worlds([made.view], as_json)
    if (novelty := made.novelty) is not None and not novelty.known:
        note(f"unlike anything that the model was trained on (nearest: {novelty.world}): expect nonsense")


@world.command("list")
def list_worlds(url: Url = LOCAL, key: Key = None, as_json: AsJson = False) -> None:
    """Your worlds, oldest first: id, head, status, when it was begun, and its name."""
    with service(url, key) as client:
        found = [known.view for known in client.worlds.list()]
    if as_json:
        typer.echo(json.dumps([view.model_dump() for view in found]))
        return
    for view in found:
        typer.echo(f"{view.id}  step {view.head:<5} {view.status:10}  {view.created_at[:16]}  {view.name}")
    if not found:
        typer.secho("There are no worlds. Begin one: pandora world create --scene blocks", err=True, dim=True)


@world.command()
def act(
    world_id: WorldId,
    action: Annotated[list[str], typer.Argument(help="What happens next; several are applied one after another.")],
    expected_step: Annotated[int | None, typer.Option(min=0, help="Refuse where the world is elsewhere.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Film: .mp4, .gif, .webp or .png.")] = None,
    url: Url = LOCAL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Apply actions and wait until they are committed."""
    with service(url, key) as client, _working(f"{len(action)} action{'s' if len(action) > 1 else ''} …"):
        clip = client.worlds.get(world_id).act(*action, expected_step=expected_step)
        if output is not None:
            clip.save(output)
    if as_json:
        typer.echo(json.dumps([step.model_dump() for step in clip.steps]))
    else:
        for step in clip.steps:
            typer.echo(_tell(step))
    if output is not None:
        note(f"{output} written")


@world.command()
def fork(
    world_id: WorldId,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=64)] = 1,
    step: Annotated[int | None, typer.Option(min=0, help="Any committed step.", show_default="the head")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the forks.", show_default="the parent's")] = None,
    name: str | None = None,
    url: Url = LOCAL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Make worlds that go on from a committed step of this one, and print their ids."""
    with service(url, key) as client:
        forks = client.worlds.get(world_id).fork(count, step=step, seed=seed, name=name)
    _show_worlds([made.view for made in forks], as_json)


@world.command()
def rewind(
    world_id: WorldId,
    step: Annotated[int, typer.Argument(min=0, help="Any committed step, also one that was left behind.")],
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Move the head to a committed step."""
    with service(url, key) as client:
        client.worlds.get(world_id).rewind(step)
    note(f"{world_id} is at step {step}")


@world.command()
def delete(
    world_ids: Annotated[list[str], typer.Argument(metavar="WORLD…")], url: Url = LOCAL, key: Key = None
) -> None:
    """End worlds; their forks live on."""
    with service(url, key) as client:
        for world_id in world_ids:
            client.worlds.get(world_id).delete()
            note(f"{world_id} is deleted")


@world.command()
def watch(
    world_id: WorldId,
    action: Annotated[
        list[str] | None,
        typer.Option("--action", "-a", help="Hand in once connected; then watch its clip. Repeatable."),
    ] = None,
    clips: Annotated[int | None, typer.Option(min=1, help="End after so many.", show_default="never")] = None,
    resume_from: Annotated[int | None, typer.Option(min=0, help="Begin after this step.", show_default="now")] = None,
    frames: Annotated[Path | None, typer.Option(help="Folder for the frames, as JPEG files.")] = None,
    url: Url = LOCAL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Follow a world live: a line for each clip, or with --json for each message of the stream."""
    with service(url, key) as client, client.worlds.get(world_id).stream(resume_from) as live:
        note(f"watching {world_id}; Ctrl-C ends it")
        actions, left = list(action or []), clips
        if actions:
            live.hand_in(actions.pop(0))
            left = clips or len(action or [])
        for ended in _clips(live, frames, as_json):
            if not ended:
                continue
            left = None if left is None else left - 1
            if left == 0:
                break
            if actions:
                live.hand_in(actions.pop(0))


@world.command()
def save(
    world_id: WorldId,
    path: Annotated[Path, typer.Argument(help="Film: .mp4, .gif, .webp, or .png (contact sheet).")],
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Write the film from the start picture to the head."""
    with service(url, key) as client, _working("making the film …"):
        client.worlds.get(world_id).recording(path)
    typer.echo(str(path))


world.command()(rollout)
world.command()(plan)


@contextmanager
def _working(told: str) -> Iterator[None]:
    """Something that turns, on stderr, where that is a terminal."""
    from rich.console import Console

    with Console(stderr=True).status(told):
        yield


def _clips(live: "Stream", folder: Path | None, as_json: bool) -> Iterator[bool]:
    """Show what comes; after each clip, whether it was committed now and not before."""
    from server.client import LiveFrame
    from server.protocol import ActionRejected, ActionSuperseded, ClipEnd, ClipStart

    said = ""
    while (item := live.next()) is not None:
        if isinstance(item, LiveFrame):
            if folder is not None:
                _keep(folder, item)
            continue
        if as_json:
            typer.echo(item.model_dump_json(exclude_none=True))
        match item:
            case ClipStart():
                said = item.action
            case ClipEnd(committed=True):
                if not as_json:
                    typer.echo(f"step {item.step:<5} {said}  ({item.generate_ms:.0f} ms)")
                yield not item.replay
            case ClipEnd() | ActionRejected():
                note(f"not done: {item.detail}")
                yield True
            case ActionSuperseded():
                note("not done: a newer action took its place")
                yield True


def _keep(folder: Path, frame: "LiveFrame") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{frame.step:06d}.jpg" if frame.still else f"{frame.step:06d}-{frame.index:03d}.jpg"
    (folder / name).write_bytes(frame.jpeg)


def _show_worlds(views: "list[WorldView]", as_json: bool) -> None:
    for view in views:
        typer.echo(view.model_dump_json() if as_json else view.id)


def _tell(step: "StepView") -> str:
    return f"step {step.step:<5} {step.action or ''}  ({step.timings.get('total', 0):.0f} ms)"
