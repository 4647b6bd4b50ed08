"""`pandora world rollout` and `pandora world plan`: futures of a world, and how to reach a goal, from the shell."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from server.client.shell import LOCAL, AsJson, Key, Url, WorldId, note, service

if TYPE_CHECKING:
    from server.client.imagined import Future
    from server.client.sync import Plan


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
    goal_text: Annotated[
        str | None, typer.Option(help='Or a goal in words, such as "the red block is on the blue block".')
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
    if sum(map(bool, (goal, goal_text, goal_image))) > 1:
        raise typer.BadParameter("Give one of --goal, --goal-text and --goal-image.")
    split = [[part.strip() for part in one.split(";")] for one in candidates] if candidates else None
    with service(url, key) as client:
        imagined = client.worlds.get(world_id).rollouts(
            split, actions=action, horizon=horizon, samples=samples, deadline=deadline, step=step,
            goal=[fact.split() for fact in goal] if goal else goal_text or goal_image, film=output is not None,
        )  # fmt: skip
        try:
            for future in imagined:
                typer.echo(_json(future) if as_json else _tell(future, bool(goal or goal_text or goal_image)))
                if output is not None and future.view.samples[0].film_url is not None:
                    future.save(output / f"{future.index:03d}.mp4")
        except KeyboardInterrupt:
            imagined.cancel()
            raise
        if (best := imagined.best) is not None and not as_json:
            note(f"the best: {'; '.join(best.actions)}")


def plan(
    world_id: WorldId,
    goal: Annotated[
        str | None, typer.Argument(help='What shall be: "the red block is on the blue block".', show_default=False)
    ] = None,
    fact: Annotated[
        list[str] | None, typer.Option(help='Or a fact that shall be true, such as "on red blue". Repeatable.')
    ] = None,
    goal_image: Annotated[Path | None, typer.Option(help="Or a picture to come near to.")] = None,
    planner: Annotated[
        Literal["astar", "breadth_first", "beam", "mcts", "cem", "icem", "mppi", "greedy", "random"] | None,
        typer.Option(help="How to search.", show_default="astar; beam for a picture"),
    ] = None,
    think: Annotated[
        Literal["pictures", "words"], typer.Option(help="words: sketched in words, and only the sketch is drawn.")
    ] = "pictures",
    limit: Annotated[int, typer.Option(min=1, max=16, help="Actions of the plan at most.")] = 6,
    calls: Annotated[
        int | None, typer.Option(min=1, help="Clips of the model.", show_default="as many as the service allows")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, max=8, help="Of each step.")] = 1,
    verify: Annotated[int, typer.Option(min=0, max=16, help="How often the plan is rolled out again.")] = 4,
    action: Annotated[
        list[str] | None, typer.Option("--action", "-a", help="Take only these. Repeatable.")
    ] = None,
    deadline: Annotated[float | None, typer.Option(min=0.001, max=600, help="Seconds.", show_default="none")] = None,
    step: Annotated[int | None, typer.Option(min=0, help="Any committed step.", show_default="the head")] = None,
    readout: Annotated[
        str | None, typer.Option(help="Kind of world, such as blocks.", show_default="that of the scene")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Play the plan in the world, if one is found.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Film of what it predicts: .mp4, .gif, .webp or .png.")
    ] = None,
    url: Url = LOCAL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Search for actions that reach a goal, without touching the world: a line for each. Exit code 1 if none do."""
    if sum(map(bool, (goal, fact, goal_image))) != 1:
        raise typer.BadParameter('Give either a goal, such as "the hand is empty", or --fact, or --goal-image.')
    with service(url, key) as client:
        found = client.worlds.get(world_id).plan(
            goal or goal_image or [one.split() for one in fact or ()], planner=planner, think=think, limit=limit,
            calls=calls, samples=samples, verify=verify, actions=action, deadline=deadline, step=step, readout=readout,
        )  # fmt: skip
        _follow(found)
        view = found.refresh()
        for line in [view.model_dump_json()] if as_json else found.actions:
            typer.echo(line)
        if output is not None and view.film_url is not None:
            note(f"{found.save(output)} written")
        if not found.found:
            note(f"no plan was found{f' ({view.code})' if view.code else ''}: these actions lead nearest to the goal")
            raise typer.Exit(1)
        told = "" if found.actions else "the goal is reached already; "
        note(f"{told}confidence {found.confidence:.2f}, after {view.calls} clips in {view.seconds:.1f} s")
        if apply and found.actions:
            note(f"applied: the world is at step {found.apply().step}")


def _follow(plan: "Plan") -> None:
    """Say how far the search is until it ends; on stderr, where that is a terminal."""
    from rich.console import Console

    try:
        with Console(stderr=True).status("planning …") as status:
            for node in plan:
                best = max(seen.value or 0.0 for seen in plan.nodes)
                status.update(f"{node.id} states imagined, the nearest has {best:.0%} of the goal …")
    except KeyboardInterrupt:
        plan.cancel()
        raise


def _tell(future: "Future", has_goal: bool) -> str:
    score = f"{'unreadable':12}  " if has_goal else ""
    if future.score is not None:
        score = f"{future.score:5.2f} ± {future.view.spread.score or 0:.2f}  "
    return f"{future.index:<4} {score}{'; '.join(future.actions)}" + ("" if future.complete else "  (not complete)")


def _json(future: "Future") -> str:
    return future.view.model_dump_json(exclude={"samples": {"__all__": {"frame"}}})
