"""`pandora world rollout`: futures of a world, from the shell."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.client.shell import LOCAL, AsJson, Key, Url, WorldId, note, service

if TYPE_CHECKING:
    from server.client.sync import Future


def rollout(
    world_id: WorldId,
    candidates: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CANDIDATE]…", help='What to do, as in "pick up the red block; wait".'),
    ] = None,
    action: Annotated[
        list[str] | None, typer.Option("--action", "-a", help="Or: every sequence of these is a candidate. Repeatable.")
    ] = None,
    horizon: Annotated[int | None, typer.Option(min=1, max=32, help="Length of these sequences.")] = None,
    goal: Annotated[
        list[str] | None, typer.Option(help='A fact that shall be true, such as "on red blue". Repeatable.')
    ] = None,
    goal_image: Annotated[Path | None, typer.Option(help="Or a picture to come near to.")] = None,
    samples: Annotated[int, typer.Option(min=1, max=16, help="Of each candidate.")] = 1,
    deadline: Annotated[float | None, typer.Option(min=0.001, max=600, help="Seconds.", show_default="none")] = None,
    step: Annotated[int | None, typer.Option(min=0, help="Any committed step.", show_default="the head")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for the films, .mp4.")] = None,
    url: Url = LOCAL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Imagine futures without touching the world: a line for each as it is complete, then the best."""
    if bool(candidates) == bool(action):
        raise typer.BadParameter('Give either candidates, such as "wait; put it down", or --action with --horizon.')
    if goal and goal_image is not None:
        raise typer.BadParameter("Give either --goal or --goal-image.")
    split = [[part.strip() for part in one.split(";")] for one in candidates] if candidates else None
    with service(url, key) as client:
        imagined = client.worlds.get(world_id).rollouts(
            split, actions=action, horizon=horizon, goal=[fact.split() for fact in goal] if goal else goal_image,
            samples=samples, deadline=deadline, step=step, film=output is not None,
        )  # fmt: skip
        try:
            for future in imagined:
                typer.echo(_json(future) if as_json else _tell(future))
                if output is not None and future.view.samples[0].film_url is not None:
                    future.save(output / f"{future.index:03d}.mp4")
        except KeyboardInterrupt:
            imagined.cancel()
            raise
        if (best := imagined.best) is not None and not as_json:
            note(f"the best: {'; '.join(best.actions)}")


def _tell(future: "Future") -> str:
    score = "" if future.score is None else f"{future.score:5.2f} ± {future.view.spread.score or 0:.2f}  "
    return f"{future.index:<4} {score}{'; '.join(future.actions)}" + ("" if future.complete else "  (not complete)")


def _json(future: "Future") -> str:
    return future.view.model_dump_json(exclude={"samples": {"__all__": {"frame"}}})
