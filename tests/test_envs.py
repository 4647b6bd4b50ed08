"""Learned worlds as environments, on the tiny model."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from pandora.envs import ImaginedEnv, ImaginedVectorEnv
from pandora.errors import InvalidInput
from pandora.presets import tiny_model
from pandora.scoring import Score
from pandora.types import WorldState
from pandora.world_model import WorldModel

PICTURE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
OTHER = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def model() -> WorldModel:
    return tiny_model()


def said_go(state: WorldState) -> Score | None:
    """A goal that is reached once "go" was the last action, and unknown after "hide"."""
    last = state.actions[-1] if state.actions else ""
    return None if last == "hide" else Score(float(last == "go"), 0.75)


def test_a_learned_world_is_a_valid_environment(model: WorldModel) -> None:
    check_env(ImaginedEnv(model, PICTURE, render_mode="rgb_array"), skip_render_check=True)


def test_what_was_done_can_be_taken_back(model: WorldModel) -> None:
    env = ImaginedEnv(model, PICTURE)
    start, _ = env.reset(seed=3)
    before = env.clone_state()
    first, *_ = env.step("go left")
    other, *_ = env.step("go right")
    assert (first != start).any()
    assert (env.restore_state(before) == start).all()
    again, _, _, _, info = env.step("go left")
    assert (again == first).all()
    assert (info["frames"][-1] == again).all()
    assert (other != first).any()


def test_goals_and_step_limits_end_an_episode(model: WorldModel) -> None:
    env = ImaginedEnv(model, PICTURE, goal=said_go, max_steps=2)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step("hide")
    assert (reward, terminated, truncated, info["score"], info["confidence"]) == (0.0, False, False, None, 0.0)
    before = env.clone_state()
    _, reward, terminated, truncated, info = env.step("go")
    assert (reward, terminated, truncated, info["score"], info["confidence"]) == (1.0, True, False, 1.0, 0.75)
    with pytest.raises(gymnasium.error.ResetNeeded, match="ended"):
        env.step("go")
    env.restore_state(before)
    assert env.step("wait")[1:4] == (0.0, False, True)


def test_use_before_a_reset_is_refused(model: WorldModel) -> None:
    for env in (ImaginedEnv(model, PICTURE), ImaginedVectorEnv(model, PICTURE, 2)):
        with pytest.raises(gymnasium.error.ResetNeeded, match="reset"):
            env.clone_state()
    with pytest.raises(InvalidInput, match="render_mode"):
        ImaginedEnv(model, PICTURE, render_mode="human")


def test_a_vector_of_worlds_steps_as_each_alone_would(model: WorldModel) -> None:
    many, one = ImaginedVectorEnv(model, PICTURE, 3), ImaginedEnv(model, PICTURE)
    frames, _ = many.reset(seed=5)
    assert frames.shape == many.observation_space.shape
    after, rewards, ends, cuts, infos = many.step(["go left", "go right", "wait"])
    one.reset(seed=6)
    alone, *_ = one.step("go right")
    assert np.abs(after[1].astype(int) - alone).max() <= 1  # batches differ in the last bit
    assert not rewards.any()
    assert not ends.any()
    assert not cuts.any()
    assert (infos["frames"][2][-1] == after[2]).all()


def test_many_futures_of_one_state(model: WorldModel) -> None:
    env = ImaginedVectorEnv(model, PICTURE, 2)
    env.reset(seed=1)
    env.step(["go left", "go right"])
    moment = env.clone_state()[1]
    shown = env.restore_state(moment)
    assert (shown[0] == shown[1]).all()
    after, *_ = env.step(["wait", "wait"])
    assert np.abs(after[0].astype(int) - after[1]).max() <= 1  # rows of a batch differ in the last bit
    with pytest.raises(InvalidInput, match="2 worlds need as many moments"):
        env.restore_state([moment])


def test_an_ended_episode_begins_anew_with_the_next_step(model: WorldModel) -> None:
    env = ImaginedVectorEnv(model, PICTURE, 2, goal=said_go)
    env.reset(seed=2)
    _, rewards, ends, _, _ = env.step(["go", "wait"])
    assert rewards.tolist() == [1.0, 0.0]
    assert ends.tolist() == [True, False]
    _, rewards, ends, _, infos = env.step(["go", "wait"])
    assert rewards.tolist() == [0.0, 0.0]
    assert ends.tolist() == [False, False]
    assert [moment.steps for moment in env.clone_state()] == [0, 2]
    assert [len(frames) for frames in infos["frames"]] == [1, model.config.frames_per_action]


def test_chance_goes_on_after_one_seed(model: WorldModel) -> None:
    """A seeded run is the same again, over all its episodes, and these differ from each other."""

    def run() -> list[list[int]]:
        env = ImaginedVectorEnv(model, PICTURE, 2)
        env.reset(seed=4)
        first = [moment.state.seed for moment in env.clone_state()]
        env.reset(seed=[None, 9])
        return [first, [moment.state.seed for moment in env.clone_state()]]

    assert run() == run()
    (first, _), (second, given) = run()
    assert first != second
    env = ImaginedEnv(model, PICTURE)
    env.reset(seed=9)
    assert env.clone_state().state.seed == given


def test_a_picture_that_reset_was_given_stays(model: WorldModel) -> None:
    env = ImaginedVectorEnv(model, PICTURE, 1, goal=said_go)
    begun, _ = env.reset(seed=2, options={"picture": OTHER})
    env.step(["go"])
    again, *_ = env.step(["go"])
    assert np.array_equal(begun, again)


def test_bad_input_of_a_vector(model: WorldModel) -> None:
    env = ImaginedVectorEnv(model, PICTURE, 2)
    env.reset(seed=0, options={"picture": OTHER})
    with pytest.raises(InvalidInput, match="as many actions"):
        env.step(["wait"])
    with pytest.raises(InvalidInput, match="as many seeds"):
        env.reset(seed=[1])
    with pytest.raises(InvalidInput, match="at least one world"):
        ImaginedVectorEnv(model, PICTURE, 0)
