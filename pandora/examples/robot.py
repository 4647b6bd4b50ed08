"""A robot that stacks blocks by imagining first: `python -m pandora.examples.robot -o robot.mp4`.

The table is the simulator, of which the robot sees pictures alone. Before each move it imagines many, by the learned
world, until one sequence ends with the goal; it does the first action, looks, and imagines again. The film shows what
it imagined beside what then happened.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from pandora.media import Frame, Frames, check_film_suffix, save_film
from pandora.planning import Agent, AStar, Budget, Decision, FactSearch, FactsGoal, Imagined, Reasoner, Verified
from pandora.world_model import WorldModel
from pandora.worlds import make_world
from pandora.worlds.base import Facts
from pandora.worlds.gym import TextActionEnv

_CALLS = 300  # clips that it may imagine at one look
_SCALE = 2
_MARGIN, _LINE = 16, 22  # pixels
_REST = 4  # frames


@dataclass(frozen=True)
class Move:
    """An action, the clip imagined of it, the clip of what happened, both (T, H, W, 3) uint8, and what is true now."""

    action: str
    imagined: Frames
    happened: Frames
    facts: Facts


class Robot:
    """Eyes, a goal, and a world to think in."""

    def __init__(self, model: WorldModel, goal: str, limit: int):
        world = make_world("blocks")
        self.dynamics = Imagined(model, world)
        search = FactSearch(self.dynamics, world.planning(), FactsGoal.from_text(self.dynamics, world.planning(), goal))
        thinks = Verified(Reasoner(self.dynamics, search, AStar()))
        self._agent = Agent(thinks, limit, steps=2 * limit, budget=Budget(calls=_CALLS))

    def act(self, picture: Frame) -> Decision:
        """What to do now that the table looks like this, (H, W, 3) uint8."""
        return self._agent.act(picture)


def work(robot: Robot, env: TextActionEnv, picture: Frame) -> Iterator[Move]:
    """Imagine, act, look, until the goal is seen or no way is known."""
    while (decision := robot.act(picture)).action is not None:
        imagined = robot.dynamics.film(decision.plan.states[1:2] or decision.plan.states[:1])
        picture, *_, info = env.step(decision.action)
        if len(imagined) < len(info["frames"]):  # it knew what follows from having seen it: one picture
            imagined = np.repeat(imagined[-1:], len(info["frames"]), 0)
        yield Move(decision.action, imagined, info["frames"], info["facts"])


def film(goal: str, moves: list[Move]) -> Frames:
    """Both clips of each move beside each other, with what was done, (T, H, W, 3) uint8."""
    shots: list[Frame] = []
    for number, move in enumerate(moves, 1):
        pairs = zip(move.imagined, move.happened, strict=True)
        shots += [_shot(f"Goal: {goal}", f"{number}. {move.action}", left, right) for left, right in pairs]
        shots += shots[-1:] * _REST
    return np.stack(shots + shots[-1:] * _REST)


def _shot(goal: str, action: str, imagined: Frame, happened: Frame) -> Frame:
    side = _SCALE * imagined.shape[0]
    top = 2 * _LINE + _MARGIN
    shot = Image.new("RGB", (2 * side + 3 * _MARGIN, top + side + _LINE + _MARGIN), "#12141a")
    draw = ImageDraw.Draw(shot)
    for line, (text, colour) in enumerate(((goal, "#ebebf0"), (action, "#96beff"))):
        fitting = min(15.0, 15.0 * (shot.width - 2 * _MARGIN) / draw.textlength(text, ImageFont.load_default(15)))
        draw.text((_MARGIN, _MARGIN // 2 + line * _LINE), text, colour, ImageFont.load_default(fitting))
    for column, (name, frame) in enumerate((("imagined", imagined), ("happened", happened))):
        left = _MARGIN + column * (side + _MARGIN)
        shot.paste(Image.fromarray(frame).resize((side, side), Image.Resampling.LANCZOS), (left, top))
        draw.text((left, top + side + 4), name, "#a0a0aa", ImageFont.load_default(13))
    return np.asarray(shot)


def main(
    output: Annotated[Path, typer.Option("--output", "-o", help="Film: .mp4, .gif or .webp.")] = Path("robot.mp4"),
    goal: Annotated[str | None, typer.Option(help="What shall be; a tower of three when absent.")] = None,
    blocks: Annotated[int, typer.Option(min=2, max=6, help="How many blocks are on the table.")] = 4,
    seed: Annotated[int, typer.Option(help="Another table.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=16, help="Actions of a plan at most.")] = 8,
    weights: Annotated[Path, typer.Option(help="Folder of weights.")] = Path("weights/pandora-small"),
) -> None:
    """Reach a goal on a table of blocks by imagining first, and film it."""
    check_film_suffix(output)
    env = TextActionEnv("blocks")
    picture, info = env.reset(seed=seed, options={"blocks": blocks})
    goal = goal or _tower(sorted({fact[1] for fact in info["facts"] if fact[0] in ("table", "on", "holding")}))
    robot = Robot(WorldModel.from_pretrained(weights), goal, limit)
    moves: list[Move] = []
    for move in work(robot, env, picture):
        moves.append(move)
        typer.echo(f"{len(moves)}. {move.action}")
    facts = moves[-1].facts if moves else info["facts"]
    verdict = "reached" if env.world.planning().goal(goal) <= facts else "not reached"
    if moves:
        save_film(output, film(goal, moves), env.world.fps)
    typer.echo(f"{goal}: {verdict}" + (f" after {len(moves)} actions; the film is {output}" if moves else ""))


def _tower(blocks: list[str]) -> str:
    clauses = [f"the {upper} block is on the {lower} block" for upper, lower in pairwise(blocks[:3])]
    return " and ".join(clauses)


if __name__ == "__main__":
    typer.run(main)
