"""The worlds as Gymnasium environments."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from pandora.errors import InvalidInput
from pandora.worlds import gym


@pytest.fixture
def env() -> gym.TextActionEnv:
    gym.register()
    gym.register()
    made = gymnasium.make("Pandora/Blocks-v0", render_mode="rgb_array").unwrapped
    assert isinstance(made, gym.TextActionEnv)
    return made


def test_gymnasium_accepts_it(env: gym.TextActionEnv):
    check_env(env)


def test_sentences_act(env: gym.TextActionEnv):
    picture, info = env.reset(seed=4, options={"blocks": 3, "light": True})
    shown = env.render()
    assert shown is not None
    assert np.array_equal(picture, shown)
    assert ("light", "on") in info["facts"]
    picture, _, _, _, info = env.step("turn off the light")
    assert (info["understood"], info["legal"], info["meaning"]) == (True, True, "light_off")
    assert ("light", "off") in info["facts"]
    assert info["frames"].shape == (8, 128, 128, 3)
    assert np.array_equal(info["frames"][-1], picture)


def test_other_sentences_change_nothing(env: gym.TextActionEnv):
    before, start = env.reset(seed=4)
    after, reward, terminated, truncated, info = env.step("colourless green ideas sleep furiously")
    assert not info["understood"]
    assert info["meaning"] is None
    assert info["facts"] == start["facts"]
    assert np.array_equal(before, after)
    assert (reward, terminated, truncated) == (0.0, False, False)


def test_a_goal_pays_once_reached(env: gym.TextActionEnv):
    env.reset(seed=4, options={"light": True, "goal": frozenset({("light", "off")})})
    assert env.step("wait")[1:3] == (0.0, False)
    assert env.step("light_off")[1:3] == (1.0, True)


def test_misuse_is_named(env: gym.TextActionEnv):
    with pytest.raises(gymnasium.error.ResetNeeded):
        gym.TextActionEnv().step("wait")
    with pytest.raises(InvalidInput):
        env.reset(options={"blocks": 9})
    with pytest.raises(InvalidInput):
        gym.TextActionEnv(render_mode="human")
