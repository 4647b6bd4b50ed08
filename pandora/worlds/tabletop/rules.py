"""What the hand can do in a scene, where it sets things down, and which transitions training never sees."""

from hashlib import sha256
from itertools import product
from math import cos, dist, sin

from pandora.worlds.base import Meaning
from pandora.worlds.tabletop.state import (
    COLUMN_X,
    REACH_X,
    REACH_Y,
    ROW_Y,
    STEP,
    TABLE,
    TALLEST,
    Point,
    Pose,
    TableScene,
)

VERBS = {
    "pick_up": 1,
    "put_down": 1,
    "stack": 2,
    "push_left": 1,
    "push_right": 1,
    "push_away": 1,
    "push_towards": 1,
    "drop": 1,
    "light_on": 0,
    "light_off": 0,
    "wait": 0,
}
PUSHES = {"push_left": (-1, 0), "push_right": (1, 0), "push_away": (0, 1), "push_towards": (0, -1)}  # (x, y)
_UPRIGHT = 0.05  # the largest tilt of a block that something can be set on, or that can be grasped
_FIST = (0.3, 0.42)  # half the width of the closed fingers, and how much room they need behind a block


def is_legal(scene: TableScene, meaning: Meaning) -> bool:
    """Whether it can be done; what isn't in the scene can't."""
    verb, arguments = meaning.verb, meaning.arguments
    if not arguments:
        return True
    if any(block not in scene.pose for block in arguments):
        return False
    block = arguments[0]
    if verb in ("put_down", "drop"):
        return scene.holding == block
    if verb == "stack":
        return scene.holding == block and _carries(scene, arguments[1])
    if scene.holding or scene.pose[block].tilt > _UPRIGHT:
        return False
    if verb == "pick_up":
        return scene.is_clear(block)
    return _can_push(scene, block, PUSHES[verb])


def landing(scene: TableScene, meaning: Meaning) -> tuple[Point, float]:
    """Where `put_down` or `stack` sets the held block: its centre, and its yaw in radians."""
    if meaning.verb == "stack":
        below = scene.pose[meaning.arguments[1]]
        x, y, z = below.at
        return (x, y, z + 1.0), below.yaw
    x, y = free_place(scene)
    return (x, y, 0.5), 0.0


def free_place(scene: TableScene) -> tuple[float, float]:
    """The free place of the table that is nearest to the hand: in a column of its own where there is one."""
    others = [pose.at for block, pose in scene.poses if block != scene.holding]

    def cost(place: tuple[float, float]) -> tuple[bool, bool, float]:
        touches = any(dist(place, other[:2]) < 1.35 for other in others)
        shares = any(abs(place[0] - other[0]) < 1.1 for other in others)
        return touches, shares, dist(place, scene.hand) + 0.3 * abs(place[1])

    return min(product(COLUMN_X, ROW_Y), key=cost)


def half_extent(yaw: float) -> float:
    """Half the width of a block seen along an axis of the table."""
    return 0.5 * (abs(cos(yaw)) + abs(sin(yaw)))


def is_held_out(scene: TableScene, meaning: Meaning) -> bool:
    """A fifth of all (what the named blocks stand on, what the hand holds, action) classes, by a stable hash.

    The light's switches and waiting, which every clip needs, are never kept out.
    """
    if not meaning.arguments:
        return False
    under = " ".join(scene.support.get(block, "none") for block in meaning.arguments)
    text = f"tabletop {meaning} {under} {scene.holding or 'empty'}"
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") % 5 == 0


def _carries(scene: TableScene, block: str) -> bool:
    return scene.is_clear(block) and scene.pose[block].tilt <= _UPRIGHT and scene.level(block) + 1 < TALLEST


def _can_push(scene: TableScene, block: str, way: tuple[int, int]) -> bool:
    """Within the table's reach, with room for the fingers behind the block.

    On the table the block takes along what stands on it and shoves what is ahead. From a tower only the top block is
    pushed, down to the table, where nothing may be in the way.
    """
    pose = scene.pose[block]
    others = [scene.pose[other] for other in scene.support if other != block]
    if not _is_inside(pose.at, way, STEP) or any(_blocks_fist(pose, other, way) for other in others):
        return False
    if scene.support[block] == TABLE:
        return all(_is_inside(at, way, shift) for at, shift in _shoved(pose, others, way))
    ahead = (_offset(pose, other, way) for other in others)
    return scene.is_clear(block) and not any(0.7 < along < 3.2 and abs(aside) < 1.2 for along, aside in ahead)


def _blocks_fist(pose: Pose, other: Pose, way: tuple[int, int]) -> bool:
    along, aside = _offset(pose, other, way)
    if other.at[2] < pose.at[2] - 0.6 or abs(aside) > _FIST[0] + half_extent(other.yaw) or along > -0.5:
        return False
    return -along - half_extent(other.yaw) < half_extent(pose.yaw) + _FIST[1]


def _shoved(pose: Pose, others: list[Pose], way: tuple[int, int]) -> list[tuple[Point, float]]:
    """The blocks ahead of a pushed one and how far each is shoved, nearest first."""
    found: list[tuple[Point, float]] = []
    front, reach = STEP + half_extent(pose.yaw), half_extent(pose.yaw)
    for other in sorted(others, key=lambda other: _offset(pose, other, way)[0]):
        along, aside = _offset(pose, other, way)
        wide = half_extent(other.yaw)
        if along > 0.7 and abs(aside) < reach + wide and front > along - wide:
            shift = front - (along - wide)
            found.append((other.at, shift))
            front = along + wide + shift
    return found


def _offset(pose: Pose, other: Pose, way: tuple[int, int]) -> tuple[float, float]:
    """How far `other` is ahead of `pose` along the push, and how far aside."""
    right, away = other.at[0] - pose.at[0], other.at[1] - pose.at[1]
    return right * way[0] + away * way[1], right * way[1] - away * way[0]


def _is_inside(at: Point, way: tuple[int, int], shift: float) -> bool:
    return abs(at[0] + way[0] * shift) <= REACH_X and abs(at[1] + way[1] * shift) <= REACH_Y
