"""What happens: MuJoCo moves the blocks while the hand follows its script, until everything rests."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pandora.worlds.tabletop.engine import mujoco
from pandora.worlds.tabletop.model import STEP_SECONDS, xml
from pandora.worlds.tabletop.motion import Hand, Script, turned
from pandora.worlds.tabletop.state import Pose, TableScene
from pandora.worlds.towers import COLOURS

LONGEST = 2.5  # seconds until what still moves is stopped
_QUIET = 0.25  # block edges, or radians, a second
_QUIET_STEPS = 12
_SLIP = 1.1  # radians a second that a dropped block turns at: fingers never open at once
_AWAY = (0.0, 0.0, 40.0)  # where the pusher waits
_local = threading.local()


@dataclass(frozen=True)
class Moment:
    """What a picture shows: the blocks, the hand, and how bright the light is, 0..1."""

    poses: dict[str, Pose]
    hand: Hand
    light: float


@dataclass(frozen=True)
class Course:
    """Every substep of an action, by its index, and whether it came to rest by itself within sane speeds."""

    steps: int
    moment: Callable[[int], Moment]
    stable: bool

    def frames(self, count: int) -> list[Moment]:
        """`count` moments evenly spread over the course, the last one included."""
        last = self.steps - 1
        return [self.moment(round(last * (i + 1) / count)) for i in range(count)]


class Physics:
    """One thread's MuJoCo model and data."""

    def __init__(self):
        self.model: Any = mujoco.MjModel.from_xml_string(xml())
        self.data: Any = mujoco.MjData(self.model)

    @cached_property
    def _joints(self) -> dict[str, int]:
        """Where in qpos each block begins; in qvel it is six sevenths of that."""
        return {colour: int(self.model.jnt_qposadr[self.model.body(colour).jntadr[0]]) for colour in COLOURS}

    @cached_property
    def _mocaps(self) -> dict[str, int]:
        names = ("hand", "finger_left", "finger_right", "pusher")
        return {name: int(self.model.body(name).mocapid[0]) for name in names}

    def show(self, moment: Moment) -> Any:
        """The data posed as the moment, for drawing."""
        mujoco.mj_resetData(self.model, self.data)
        self._set_blocks(moment.poses)
        self._set_hand(moment.hand)
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        return self.data

    def run(self, scene: TableScene, script: Script) -> Course:
        """The script from a resting scene, until the blocks rest."""
        mujoco.mj_resetData(self.model, self.data)
        self._set_blocks(scene.pose)
        quiet, worst, held = 0, 0.0, scene.holding
        hands: list[Hand] = []
        places: list[Any] = []
        moving = [dof for block in scene.blocks for dof in range(*self._velocities(block))]
        taken: tuple[float, Pose] | None = None  # when the held block was grasped, and how it lay
        step, total = 0, round(script.seconds / STEP_SECONDS)
        while step < total or (quiet < _QUIET_STEPS and step * STEP_SECONDS < LONGEST):
            step += 1
            time = step * STEP_SECONDS
            hand = script.at(time)
            if hand.holds and hand.holds != held:
                taken = (time, self._pose(hand.holds, self.data.qpos))
            if held and not hand.holds and hand.at[2] > 3.5:  # let go up in the air
                self._velocity(held)[4] = _SLIP
            held = hand.holds
            self._set_hand(hand)
            if held:
                self._carry(held, hand, taken, time)
            mujoco.mj_step(self.model, self.data)
            if held:
                self._carry(held, hand, taken, time)
            speed = float(np.abs(self.data.qvel[moving]).max())
            worst = max(worst, speed)
            quiet = quiet + 1 if speed < _QUIET else 0
            hands.append(hand)
            places.append(self.data.qpos.copy())

        def moment(index: int) -> Moment:
            poses = {block: self._pose(block, places[index]) for block in scene.blocks}
            return Moment(poses, hands[index], float(scene.light))

        return Course(len(hands), moment, quiet > 0 and worst < 80.0 and bool(np.isfinite(self.data.qpos).all()))

    def _carry(self, block: str, hand: Hand, taken: tuple[float, Pose] | None, time: float) -> None:
        """Put a held block into the hand: at once, or as the fingers close around it."""
        at, turn = np.asarray(hand.at), np.asarray(turned(hand.yaw))
        if taken is not None:
            since, pose = taken
            part = min(1.0, (time - since) / 0.1)
            lay = np.asarray(turned(pose.yaw))
            at = (1 - part) * np.asarray(pose.at) + part * at
            turn = (1 - part) * (lay if lay @ turn > 0 else -lay) + part * turn
            turn = turn / np.linalg.norm(turn)
        self._place(block, at, turn)
        self._velocity(block)[:] = 0.0

    def _set_blocks(self, poses: dict[str, Pose]) -> None:
        for block, pose in poses.items():
            self._place(block, np.asarray(pose.at), np.asarray(pose.turn))

    def _place(self, block: str, at: Any, turn: Any) -> None:
        first = self._joints[block]
        self.data.qpos[first : first + 3] = at
        self.data.qpos[first + 3 : first + 7] = turn

    def _pose(self, block: str, places: Any) -> Pose:
        first = self._joints[block]
        x, y, z, *turn = places[first : first + 7].tolist()
        return Pose((x, y, z), (turn[0], turn[1], turn[2], turn[3]))

    def _velocity(self, block: str) -> Any:
        first, last = self._velocities(block)
        return self.data.qvel[first:last]

    def _velocities(self, block: str) -> tuple[int, int]:
        first = self._joints[block] // 7 * 6
        return first, first + 6

    def _set_hand(self, hand: Hand) -> None:
        turn = turned(hand.yaw)
        w, _, _, z = turned(2 * hand.yaw)  # cosine and sine of the yaw
        for name, side in (("hand", 0.0), ("finger_left", -hand.grip), ("finger_right", hand.grip)):
            self.data.mocap_pos[self._mocaps[name]] = (hand.at[0] + w * side, hand.at[1] + z * side, hand.at[2])
            self.data.mocap_quat[self._mocaps[name]] = turn
        self.data.mocap_pos[self._mocaps["pusher"]] = hand.at if hand.shoves else _AWAY
        self.data.mocap_quat[self._mocaps["pusher"]] = turn


def physics() -> Physics:
    """This thread's physics, made on first use."""
    if not hasattr(_local, "physics"):
        _local.physics = Physics()
    return _local.physics
