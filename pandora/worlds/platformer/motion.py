"""How an action looks: the hero's poses frame by frame, and when he takes what he takes."""

from dataclasses import dataclass, replace

import numpy as np

from pandora.worlds.base import Frames
from pandora.worlds.platformer.render import Effect, Pose, render, rest
from pandora.worlds.platformer.rules import Leg, Move
from pandora.worlds.platformer.state import CELL, CELLS, LIQUID, Cell, Facing, Scene

_FRAMES = {"run": 2.0, "rise": 1.4, "arc": 1.4, "fall": 1.0, "climb": 3.0}  # that a leg takes, unless they are too many
_LOST_BY = 4.5  # frames after which a hero who will be lost is lost
_BACK_AT = 6.5  # and after which he stands at the start again
_LASTS = 2.5  # frames of an effect
_HOP = 5.0  # pixels of a jump against something
_BUMP = 5.0  # pixels into what bars the way


@dataclass(frozen=True)
class Stretch:
    """A part of the way, in pixels, over some frames; `lift` bends it upwards by as many pixels in its middle."""

    frames: float
    start: tuple[float, float]
    end: tuple[float, float]
    how: str
    lift: float = 0.0

    def at(self, share: float) -> tuple[float, float]:
        (x0, y0), (x1, y1) = self.start, self.end
        return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share - 4 * self.lift * share * (1 - share)


@dataclass(frozen=True)
class _Timeline:
    """The way, the frame at which each leg is done, and by how much all is hurried to fit the clip."""

    stretches: list[Stretch]
    taken: list[float]
    pace: float


def animate(scene: Scene, verb: str, found: Move, frames: int) -> Frames:
    """The clip of an action that comes to `found`: (frames, 128, 128, 3) uint8, at rest in the end."""
    timeline = _timeline(scene, verb, found, frames)
    clip = []
    for index, pose in enumerate(poses(scene, verb, found, frames), 1):
        last = index == frames
        now = found.after if last else _things(scene, found, timeline.taken, index)
        clip.append(render(now, pose, index, () if last else _effects(scene, found, timeline.taken, index)))
    return np.stack(clip)


def poses(scene: Scene, verb: str, found: Move, frames: int) -> list[Pose]:
    """The hero in each frame."""
    timeline = _timeline(scene, verb, found, frames)
    moving = [_pose(scene, verb, found, timeline, index) for index in range(1, frames)]
    return [*moving, rest(found.after)]


def _timeline(scene: Scene, verb: str, found: Move, frames: int) -> _Timeline:
    stretches, taken = _way(scene, verb, found)
    total = sum(stretch.frames for stretch in stretches)
    limit = _LOST_BY if found.lost else frames - 1.0
    pace = min(1.0, limit / total) if total else 1.0
    return _Timeline(stretches, [time * pace for time in taken], pace)


def _way(scene: Scene, verb: str, found: Move) -> tuple[list[Stretch], list[float]]:
    """The stretches of the way, and the time at which each leg is done."""
    legs, here = list(found.legs), _pixels(scene.hero)
    side = {"left": -1, "right": 1}.get(verb.rpartition("_")[2], 0)
    if verb == "wait":
        return [], []
    if not legs:
        return _attempt(verb, here, side), []
    if verb.startswith("jump"):
        return _leap(here, legs, side) if side else _jump(here, legs)
    stretches, taken, time = [], [], 0.0
    for leg in legs:
        there = _pixels(leg.cell)
        stretches.append(Stretch(_FRAMES[leg.how], here, there, leg.how))
        here, time = there, time + _FRAMES[leg.how]
        taken.append(time - 0.3)
    return stretches, taken


def _attempt(verb: str, here: tuple[float, float], side: int) -> list[Stretch]:
    """What has no effect, tried all the same."""
    if verb.startswith("climb"):
        return [Stretch(5, here, here, "grope" if verb == "climb_up" else "duck")]
    if verb.startswith("jump"):
        return [Stretch(4, here, here, "arc", _HOP)]
    into = (here[0] + side * _BUMP, here[1])
    return [Stretch(2, here, into, "run"), Stretch(2, into, here, "run", 3.0)]


def _jump(here: tuple[float, float], legs: list[Leg]) -> tuple[list[Stretch], list[float]]:
    rises = sum(leg.how == "rise" for leg in legs)
    frames = min(7.0, sum(_FRAMES[leg.how] for leg in legs) + 1.0)
    landed = legs[-1].how == "rise"
    there = _pixels(legs[-1].cell)
    lift = 0.9 * CELL if landed else rises * CELL
    order = np.linspace(0.25, 0.5, rises).tolist() + np.linspace(0.7, 1.0, len(legs) - rises).tolist()
    return [Stretch(frames, here, there, "arc", lift)], [frames * (1.0 if landed else share) for share in order]


def _leap(here: tuple[float, float], legs: list[Leg], side: int) -> tuple[list[Stretch], list[float]]:
    """Up and over in one arc, then straight down what is left to fall."""
    across = [leg for leg in legs if leg.how in ("rise", "arc")]
    falls = [leg for leg in legs if leg.how == "fall"]
    if len(across) == 1:  # barred at once
        inside = min(max(here[0] + side * _BUMP, 0.0), float(CELL * (CELLS - 1)))
        half = (inside, here[1] - CELL)
        ways = [Stretch(2.5, here, half, "arc", 3.0), Stretch(2.5, half, here, "arc", 3.0)]
        return ways, [2.0] * len(across) + [5.0] * len(falls)
    column, row = across[-1].cell
    inside = [leg for leg in falls if leg.cell[1] * CELL <= here[1]]
    landing = (float(column * CELL), (inside[-1].cell[1] if inside else row) * float(CELL))
    frames = _FRAMES["arc"] * len(across) + (0.6 if inside else 0.0)
    lift = CELL * 1.35
    stretches = [Stretch(frames, here, landing, "arc", lift)]
    taken = [frames * (index + 0.7) / len(across) for index in range(len(across))]
    taken += [frames] * len(inside)
    time, last = frames, landing
    for leg in falls[len(inside) :]:
        there = _pixels(leg.cell)
        stretches.append(Stretch(_FRAMES["fall"], last, there, "fall"))
        last, time = there, time + _FRAMES["fall"]
        taken.append(time)
    return stretches, taken


def _pose(scene: Scene, verb: str, found: Move, timeline: _Timeline, index: int) -> Pose:
    time = index / timeline.pace
    if found.lost and index > _LOST_BY:
        return replace(rest(scene), shown=index > _BACK_AT)
    for stretch in timeline.stretches:
        if time < stretch.frames:
            share = time / stretch.frames
            x, y = stretch.at(share)
            rising = stretch.at(min(1.0, share + 0.05))[1] < y
            return _drawn(scene, verb, found, stretch.how, x, y, rising, index)
        time -= stretch.frames
    return rest(found.after)


def _drawn(scene: Scene, verb: str, found: Move, how: str, x: float, y: float, rising: bool, index: int) -> Pose:
    facing: Facing = scene.facing if scene.facing != "away" else "right"
    if verb.endswith("_left") or verb.endswith("_right"):
        facing = "left" if verb.endswith("_left") else "right"
    if how == "climb":
        return Pose(x, y, "reach", "away", mirrored=round(y / 5) % 2 == 0)
    if how == "grope":
        return Pose(x, y - (2, 0)[index % 2], "reach", "away", mirrored=index % 2 == 0)
    if scene.facing == "away" and not found.legs:  # a climber who can't go there stays on his ladder
        return Pose(x, y, "reach", "away", mirrored=index % 2 == 0)
    if how == "run":
        return Pose(x, y, "stride" if round(x / 6) % 2 else "pass", facing)
    if how == "duck":
        return Pose(x, y, "duck", facing)
    return Pose(x, y, "leap" if rising else "fall", facing)


def _things(scene: Scene, found: Move, times: list[float], index: float) -> Scene:
    """The scene with what is taken by now gone."""
    for leg, time in zip(found.legs, times, strict=True):
        if time <= index and leg.took:
            scene = replace(
                scene,
                coins=tuple(cell for cell in scene.coins if leg.took != "coin" or cell != leg.cell),
                foes=tuple(cell for cell in scene.foes if leg.took != "foe" or cell != leg.cell),
                reached=scene.reached or leg.took == "goal",
            )
    if found.lost and index > _LOST_BY:  # what a lost hero had taken is back with him
        return found.after
    return scene


def _effects(scene: Scene, found: Move, times: list[float], index: int) -> tuple[Effect, ...]:
    effects = []
    for leg, time in zip(found.legs, times, strict=True):
        age = (index - time) / _LASTS
        if leg.took and 0 <= age < 1 and not (found.lost and index > _LOST_BY):
            effects.append(Effect("puff" if leg.took == "foe" else "sparkle", leg.cell, age))
    if found.lost and _LOST_BY - 0.6 < index <= _BACK_AT:
        cell = found.legs[-1].cell
        kind = "splash" if scene.at(cell) == LIQUID else "puff"
        effects.append(Effect(kind, cell, (index - _LOST_BY + 0.6) / (_BACK_AT - _LOST_BY + 0.6)))
    elif found.bumped and not found.legs and 1 < index < 6:
        effects.append(Effect("stars", scene.hero, index / 6))
    return tuple(effects)


def _pixels(cell: Cell) -> tuple[float, float]:
    return float(cell[0] * CELL), float(cell[1] * CELL)
