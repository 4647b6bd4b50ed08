"""From two resting states and the action between them to one pose a frame: gripper, blocks and light."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import dist

from pandora.worlds.base import Meaning
from pandora.worlds.blocks.camera import HOVER, Point, block_centre, column_x, row_z
from pandora.worlds.blocks.rules import PUSHES, is_legal
from pandora.worlds.blocks.state import MIDDLE_ROW, BlocksState

OPEN, HOLDING, CLOSED = 0.58, 0.5, 0.13  # half the gap between the fingers
TIP = 0.25  # how far the fingertips reach below the gripper's centre


@dataclass(frozen=True)
class Pose:
    """One moment: block centres by colour, the gripper's centre, half its finger gap, light 0..1."""

    blocks: tuple[tuple[str, Point], ...]
    gripper: Point
    grip: float
    light: float


@dataclass(frozen=True)
class _Key:
    """A waypoint of the gripper. `frames`: how long the way here takes. `moves`: the block is taken along."""

    gripper: Point
    grip: float
    frames: float
    moves: bool = False


def rest(state: BlocksState) -> Pose:
    """The pose of a resting scene."""
    gripper = hover(state, state.gripper)
    blocks = [
        (block, block_centre(stack.column, stack.row, level))
        for stack in state.stacks
        for level, block in enumerate(stack.blocks)
    ]
    if state.holding:
        blocks.append((state.holding, gripper))
    return Pose(tuple(blocks), gripper, HOLDING if state.holding else OPEN, float(state.light))


def hover(state: BlocksState, column: int) -> Point:
    """Where the gripper hovers over a column: above its stack, above the middle row where there is none."""
    stack = state.stack_at(column)
    return column_x(column), HOVER, row_z(stack.row if stack else MIDDLE_ROW)


def animate(state: BlocksState, meaning: Meaning, after: BlocksState, frames: int) -> list[Pose]:
    """`frames` poses that follow the resting `state`; the last is exactly the rest of `after`."""
    start, end = rest(state), rest(after)
    if not is_legal(state, meaning):
        mover, keys = None, _attempt(state, meaning)
    elif meaning.verb in PUSHES:
        mover, keys = meaning.arguments[0], _push(state, meaning.arguments[0], after)
    elif meaning.arguments:
        mover, keys = meaning.arguments[0], _carry(state, meaning.arguments[0], after)
    else:
        mover, keys = None, []
    timeline = _Timeline([_Key(start.gripper, start.grip, 0.0, state.holding is not None), *keys])
    return [*(_pose(timeline, i / frames, start, end, mover, state) for i in range(1, frames)), end]


def _pose(timeline: "_Timeline", time: float, start: Pose, end: Pose, mover: str | None, state: BlocksState) -> Pose:
    gripper, grip, phase = timeline.at(time)
    held = mover or state.holding
    places = dict(start.blocks)
    if held and phase == "moving":
        offset = timeline.offset(places[held])
        places[held] = (gripper[0] + offset[0], gripper[1] + offset[1], gripper[2] + offset[2])
    elif held and phase == "after":
        places[held] = dict(end.blocks)[held]
    fade = _ease(min(1.0, time / 0.75))
    light = start.light + (end.light - start.light) * fade
    return Pose(tuple(places.items()), gripper, grip, light)


class _Timeline:
    """The gripper's way through its waypoints, eased within each leg, over time 0..1."""

    def __init__(self, keys: list[_Key]):
        total = sum(key.frames for key in keys) or 1.0
        self._keys = keys
        self._times = [sum(key.frames for key in keys[: i + 1]) / total for i in range(len(keys))]

    def at(self, time: float) -> tuple[Point, float, str]:
        """Gripper, grip, and whether the moved block is "before", "moving" or "after" its move."""
        legs = list(zip(pairwise(self._keys), pairwise(self._times), strict=True))
        for index, ((a, b), (start, end)) in enumerate(legs):
            if time <= end and end > start:
                part = _ease((time - start) / (end - start))
                return _mix(a.gripper, b.gripper, part), a.grip + (b.grip - a.grip) * part, self._phase(index + 1)
        last = self._keys[-1]
        return last.gripper, last.grip, self._phase(len(self._keys) - 1)

    def _phase(self, index: int) -> str:
        if self._keys[index].moves:
            return "moving"
        return "after" if any(key.moves for key in self._keys[:index]) else "before"

    def offset(self, block: Point) -> Point:
        """From the gripper to the block it takes along, fixed where it is taken."""
        first = next(i for i, key in enumerate(self._keys) if key.moves)
        taken = self._keys[max(first - 1, 0)].gripper
        return block[0] - taken[0], block[1] - taken[1], block[2] - taken[2]


def _carry(state: BlocksState, block: str, after: BlocksState) -> list[_Key]:
    """Fetch a block from its stack, or set the held one down where `after` has it."""
    takes = after.holding == block
    place = dict(rest(state if takes else after).blocks)[block]
    above = (place[0], HOVER, place[2])
    end = hover(after, after.gripper)
    grip = OPEN if takes else HOLDING
    keys = [
        _Key(above, grip, _duration(hover(state, state.gripper), above), moves=not takes),
        _Key(place, grip, _duration(above, place), moves=not takes),
        _Key(place, HOLDING if takes else OPEN, 0.6),
    ]
    return [*keys, _Key(end, keys[-1].grip, _duration(place, end), moves=takes)]


def _push(state: BlocksState, block: str, after: BlocksState) -> list[_Key]:
    """Closed fingers press on the block's top and slide it: neighbours on either side are never in the way."""
    start, end = (dict(rest(s).blocks)[block] for s in (state, after))
    above = (start[0], HOVER, start[2])
    touch = (start[0], start[1] + 0.5 + TIP, start[2])
    release = (end[0], touch[1], end[2])
    rise = hover(after, after.gripper)
    return [
        _Key(above, CLOSED, _duration(hover(state, state.gripper), above)),
        _Key(touch, CLOSED, _duration(above, touch)),
        _Key(release, CLOSED, 2.0, moves=True),
        _Key(rise, OPEN, _duration(release, rise)),
    ]


def _attempt(state: BlocksState, meaning: Meaning) -> list[_Key]:
    """Go to what can't be done, shake, and return. A held block stays in the hand all the way."""
    home = rest(state)
    holds = state.holding is not None
    named = (state.stack_of(block) for block in meaning.arguments)
    stack = next((stack for stack in named if stack), None)
    column = stack.column if stack else state.gripper
    above = hover(state, column)
    under = state.stack_at(column)
    top = len(under.blocks) if under else 0
    grip = HOLDING if holds else CLOSED if meaning.verb in PUSHES else OPEN
    reach = 0.75 if holds else TIP if meaning.verb in PUSHES else 0.5
    low = (above[0], max(top + reach, HOVER - 3.5 if stack is None else 0.0), above[2])
    shakes = [(low[0] + shift, min(low[1] + 0.4, HOVER), low[2]) for shift in (0.42, -0.42, 0.42)]
    keys = [
        _Key(above, grip, _duration(home.gripper, above)),
        _Key(low, grip, _duration(above, low) * 0.8),
        *(_Key(point, grip, 0.9) for point in shakes),
        _Key(above, grip, _duration(low, above) * 0.8),
        _Key(home.gripper, home.grip, _duration(above, home.gripper)),
    ]
    return [replace(key, moves=holds) for key in keys]


def _duration(a: Point, b: Point) -> float:
    """Frames a leg takes before all legs are scaled to the clip: short ways still ease, long ways are faster."""
    length = dist(a, b)
    return 0.0 if length < 1e-9 else 0.5 + 0.3 * length


def _mix(a: Iterable[float], b: Iterable[float], part: float) -> Point:
    x, y, z = (p + (q - p) * part for p, q in zip(a, b, strict=True))
    return x, y, z


def _ease(part: float) -> float:
    return part * part * (3 - 2 * part)
