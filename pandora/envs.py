"""Learned worlds as Gymnasium environments: what a policy or a planner does is imagined, and can be taken back.

env = ImaginedEnv(model, picture, goal=FactsGoal([("on", "red", "blue")], readout_of("blocks")))
frame, info = env.reset(seed=0)
before = env.clone_state()
frame, reward, terminated, truncated, info = env.step("pick up the red block")
env.restore_state(before)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from pandora.errors import InvalidInput
from pandora.media import Frame, Frames, ImageSource
from pandora.scoring import Readout, Scorer, ask
from pandora.types import Sampler, WorldState
from pandora.world_model import MAX_ACTION_CHARACTERS, WorldModel
from pandora.worlds.gym import sentences

_SEEDS = 2**53


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A moment of an environment, as `clone_state` gives it: a value that outlives the environment."""

    state: WorldState
    steps: int  # since the reset
    ended: bool


@dataclass(frozen=True)
class Rules:
    """What ends an episode: a goal whose score comes to `threshold`, or `max_steps` actions; None for never."""

    goal: Scorer | None = None
    threshold: float = 1.0
    max_steps: int | None = None
    readout: Readout | None = None  # facts of `info`

    def judge(self, moment: Snapshot, frames: Frames) -> tuple[Snapshot, float, bool, bool, dict[str, Any]]:
        """The moment with whether it ends the episode, the reward, terminated, truncated, and the info."""
        score = None if self.goal is None else ask(self.goal, moment.state)
        reached = score is not None and score.value >= self.threshold
        truncated = not reached and self.max_steps is not None and moment.steps >= self.max_steps
        info: dict[str, Any] = {"frames": frames}
        if self.goal is not None:
            info |= {"score": score and score.value, "confidence": score.confidence if score else 0.0}
        if self.readout is not None:
            info["facts"] = self.readout(moment.state.frame.numpy())
        return Snapshot(moment.state, moment.steps, reached or truncated), float(reached), reached, truncated, info


class ImaginedEnv(gymnasium.Env[Frame, str]):
    """A learned world. Actions are sentences, observations the last frame of each clip, (H, W, 3) uint8 RGB, 0..255.

    `info` holds "frames" (the clip, (T, H, W, 3) uint8), with a goal its "score" (None for "don't know") and
    "confidence", and with a readout the "facts" (None where the frame can't be decoded). The reward is 1 with the end
    of the episode once the score comes to `threshold`, else 0. `reset` takes another picture as options["picture"],
    with which later episodes begin as well.
    """

    metadata = {"render_modes": ["rgb_array"]}

    def __init__(
        self,
        model: WorldModel,
        picture: ImageSource,
        *,
        goal: Scorer | None = None,
        threshold: float = 1.0,
        max_steps: int | None = None,
        readout: Readout | None = None,
        sampler: Sampler | None = None,
        render_mode: str | None = None,
    ):
        if render_mode not in (None, "rgb_array"):
            raise InvalidInput(f"render_mode is {render_mode!r}; it must be None or 'rgb_array'.")
        self.model, self.picture, self.sampler, self.render_mode = model, picture, sampler, render_mode
        self.rules = Rules(goal, threshold, max_steps, readout)
        self.metadata = self.metadata | {"render_fps": model.config.fps / model.config.frames_per_action}
        self.observation_space, self.action_space = _spaces(model)
        self._moment: Snapshot | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Frame, dict[str, Any]]:
        """Begin again; the same seed and actions give the same frames. Raises InvalidImage."""
        super().reset(seed=seed)
        self.picture = (options or {}).get("picture", self.picture)
        self._moment = Snapshot(self.model.begin(self.picture, int(self.np_random.integers(_SEEDS))), 0, False)
        frame = _frame(self._moment)
        return frame, self.rules.judge(self._moment, frame[None])[-1]

    def step(self, action: str) -> tuple[Frame, float, bool, bool, dict[str, Any]]:
        """Raises InvalidAction for what is no sentence, ResetNeeded before a reset and after the end."""
        moment = self.clone_state()
        if moment.ended:
            raise gymnasium.error.ResetNeeded(
                "The episode has ended. Call reset, or restore_state with a moment of it."
            )
        state, clip = self.model.step(moment.state, action, self.sampler)
        after = Snapshot(state, moment.steps + 1, False)
        self._moment, reward, terminated, truncated, info = self.rules.judge(after, clip.frames)
        return _frame(after), reward, terminated, truncated, info

    def clone_state(self) -> Snapshot:
        """The moment now, to come back to. Raises ResetNeeded before the first reset."""
        if self._moment is None:
            raise gymnasium.error.ResetNeeded("Call reset before the first step.")
        return self._moment

    def restore_state(self, moment: Snapshot) -> Frame:
        """Go to a moment, also one of another environment around the same model; returns its frame."""
        self._moment = moment
        return _frame(moment)

    def render(self) -> Frame | None:
        """The last frame in the mode "rgb_array", else None."""
        return None if self.render_mode is None else _frame(self.clone_state())


class ImaginedVectorEnv(VectorEnv[Frames, Sequence[str], NDArray[Any]]):
    """`num_envs` learned worlds that step as one batch; observations (num_envs, H, W, 3) uint8.

    Parameters, rewards and infos are those of ImaginedEnv. An environment whose episode has ended begins anew with the
    next step, whose action it ignores (AutoresetMode.NEXT_STEP).
    """

    def __init__(
        self,
        model: WorldModel,
        picture: ImageSource,
        num_envs: int,
        *,
        goal: Scorer | None = None,
        threshold: float = 1.0,
        max_steps: int | None = None,
        readout: Readout | None = None,
        sampler: Sampler | None = None,
    ):
        if num_envs < 1:
            raise InvalidInput(f"A vector environment has at least one world, not {num_envs}.")
        self.model, self.picture, self.num_envs, self.sampler = model, picture, num_envs, sampler
        self.rules = Rules(goal, threshold, max_steps, readout)
        self.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.single_observation_space, self.single_action_space = _spaces(model)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._moments: list[Snapshot] = []
        self._dice = [np.random.default_rng() for _ in range(num_envs)]

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Frames, dict[str, Any]]:
        """Begin all again, from the picture that `options` names or the last one.

        A number seeds world i with seed + i; a list gives each its own; a world with None goes on with its chance.
        """
        seeds = (
            [None if seed is None else seed + i for i in range(self.num_envs)] if not isinstance(seed, list) else seed
        )
        if len(seeds) != self.num_envs:
            raise InvalidInput(f"{self.num_envs} worlds need as many seeds, not {len(seeds)}.")
        for index, own in enumerate(seeds):
            if own is not None:
                self._dice[index] = np.random.default_rng(own)
        self.picture = (options or {}).get("picture", self.picture)
        self._moments = [self._begin(index) for index in range(self.num_envs)]
        return self._observe(), self._tell([self.rules.judge(m, _frame(m)[None])[-1] for m in self._moments])

    def step(self, actions: Sequence[str]) -> tuple[Frames, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """One batch for all worlds that go on. Raises as ImaginedEnv.step, and InvalidInput for too few sentences."""
        moments = self.clone_state()
        if len(actions) != self.num_envs:
            raise InvalidInput(f"{self.num_envs} worlds need as many actions, not {len(actions)}.")
        going = [i for i, moment in enumerate(moments) if not moment.ended]
        states, clips = self.model.step([moments[i].state for i in going], [actions[i] for i in going], self.sampler)
        stepped = {i: (s, c.frames) for i, s, c in zip(going, states, clips, strict=True)}
        rewards, ends, cuts = (np.zeros(self.num_envs, kind) for kind in (np.float64, np.bool_, np.bool_))
        infos: list[dict[str, Any]] = []
        for i, moment in enumerate(moments):
            if i in stepped:
                state, frames = stepped[i]
                self._moments[i], rewards[i], ends[i], cuts[i], info = self.rules.judge(
                    Snapshot(state, moment.steps + 1, False), frames
                )
            else:
                self._moments[i] = fresh = self._begin(i)
                info = self.rules.judge(fresh, _frame(fresh)[None])[-1]
            infos.append(info)
        return self._observe(), rewards, ends, cuts, self._tell(infos)

    def clone_state(self) -> list[Snapshot]:
        """The moments now, to come back to. Raises ResetNeeded before the first reset."""
        if not self._moments:
            raise gymnasium.error.ResetNeeded("Call reset before the first step.")
        return list(self._moments)

    def restore_state(self, moments: Snapshot | Sequence[Snapshot]) -> Frames:
        """Go to these moments, or all to the same one: many futures of one state are one batch. Returns the frames."""
        many = [moments] * self.num_envs if isinstance(moments, Snapshot) else list(moments)
        if len(many) != self.num_envs:
            raise InvalidInput(f"{self.num_envs} worlds need as many moments, not {len(many)}.")
        if not self._moments:
            self._dice = [np.random.default_rng() for _ in range(self.num_envs)]
        self._moments = many
        return self._observe()

    def _begin(self, index: int) -> Snapshot:
        return Snapshot(self.model.begin(self.picture, int(self._dice[index].integers(_SEEDS))), 0, False)

    def _observe(self) -> Frames:
        return np.stack([_frame(moment) for moment in self._moments])

    def _tell(self, infos: list[dict[str, Any]]) -> dict[str, Any]:
        """By key one entry a world, as Gymnasium has it, with a mask `_key`; clips differ in length after a reset."""
        told: dict[str, Any] = {}
        for key in infos[0]:
            told[key] = np.empty(self.num_envs, object)
            for index, info in enumerate(infos):
                told[key][index] = info[key]
            told[f"_{key}"] = np.ones(self.num_envs, np.bool_)
        return told


def _spaces(model: WorldModel) -> tuple[Any, spaces.Text]:
    return spaces.Box(0, 255, (model.config.height, model.config.width, 3), np.uint8), sentences(MAX_ACTION_CHARACTERS)


def _frame(moment: Snapshot) -> Frame:
    return np.ascontiguousarray(moment.state.frame.numpy())
