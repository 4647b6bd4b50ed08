"""Gymnasium access to the worlds: the action is a sentence, the observation a picture.

from pandora.worlds import gym
gym.register()
env = gymnasium.make("Pandora/Blocks-v0")
picture, info = env.reset(seed=1, options={"blocks": 4})
picture, reward, terminated, truncated, info = env.step("pick up the red block")
"""

from string import ascii_letters, digits, punctuation
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from pandora.errors import InvalidInput
from pandora.worlds import make_world, world_names
from pandora.worlds.base import Facts, Frame, Frames, World

_LONGEST = 500  # characters of a sentence


def sentences(longest: int = _LONGEST) -> spaces.Text:
    """The space of actions: what can be typed, up to `longest` characters."""
    return spaces.Text(longest, charset=ascii_letters + digits + punctuation + " ")


class TextActionEnv(gymnasium.Env[Frame, str]):
    """A world as an environment. Observations: the resting picture after the action, (H, W, 3) uint8 RGB, 0..255.

    `info` holds "facts", "frames" (the clip, (T, H, W, 3) uint8), and after a step "understood" (whether the world's
    grammar knows the sentence; nothing happens otherwise), "legal", and "meaning" (such as "stack red blue", or None).
    The reward is 0, unless `reset` was given a goal: 1 with the end of the episode once all its facts hold.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": World.fps}

    def __init__(self, world: str | World = "blocks", render_mode: str | None = None):
        if render_mode not in (None, "rgb_array"):
            raise InvalidInput(f"render_mode is {render_mode!r}; it must be None or 'rgb_array'.")
        self.world = make_world(world) if isinstance(world, str) else world
        self.render_mode = render_mode
        self.observation_space = spaces.Box(0, 255, (self.world.size, self.world.size, 3), np.uint8)
        self.action_space = sentences()
        self._scene: Any = None
        self._goal: Facts | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Frame, dict[str, Any]]:
        """A new scene. `options` go to the world's `reset`, but for "goal": the facts to reach."""
        super().reset(seed=seed)
        scene_options = dict(options or {})
        self._goal = scene_options.pop("goal", None)
        self._scene = self.world.reset(int(self.np_random.integers(2**31)), **scene_options)
        picture = self.world.render(self._scene)
        return picture, self._info(picture[None])

    def step(self, action: str) -> tuple[Frame, float, bool, bool, dict[str, Any]]:
        if self._scene is None:
            raise gymnasium.error.ResetNeeded("Call reset before the first step.")
        meaning = self.world.understand(self._scene, action)
        legal = False
        if meaning is None:
            frames = np.repeat(self.world.render(self._scene)[None], self.world.frames_per_action, axis=0)
        else:
            outcome = self.world.step(self._scene, meaning)
            self._scene, frames, legal = outcome.scene, outcome.frames, outcome.legal
        info = self._info(frames) | {
            "understood": meaning is not None,
            "legal": legal,
            "meaning": None if meaning is None else str(meaning),
        }
        reached = self._goal is not None and self._goal <= info["facts"]
        return frames[-1], float(reached), reached, False, info

    def render(self) -> Frame | None:
        """The resting picture in the mode "rgb_array", else None."""
        return None if self.render_mode is None else self.world.render(self._scene)

    def _info(self, frames: Frames) -> dict[str, Any]:
        return {"facts": self.world.facts(self._scene), "frames": frames}


def register() -> None:
    """Makes every world known to Gymnasium, as "Pandora/Blocks-v0" and so on. Calling it again changes nothing."""
    for name in world_names():
        identifier = f"Pandora/{name.title()}-v0"
        if identifier not in gymnasium.registry:
            gymnasium.register(identifier, entry_point="pandora.worlds.gym:TextActionEnv", kwargs={"world": name})
