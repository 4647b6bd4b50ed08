"""Pictures and clips of the blocks world."""

import time
from itertools import pairwise

import numpy as np
import pytest

from pandora.worlds.base import Meaning
from pandora.worlds.blocks.state import BlocksState, Stack
from pandora.worlds.blocks.world import Blocks

WORLD = Blocks()
SCENE = BlocksState((Stack(2, 1, ("red", "blue")), Stack(4, 0, ("green",))), gripper=0, look=5)


@pytest.mark.parametrize("seed", range(12))
def test_clips_are_deterministic_and_end_at_rest(seed: int):
    rng = np.random.default_rng(seed)
    scene = WORLD.reset(seed)
    for legal in (True, False):
        action = WORLD.sample(scene, rng, legal)
        outcome, again = WORLD.step(scene, action), Blocks().step(scene, action)
        assert outcome.frames.shape == (8, 128, 128, 3)
        assert outcome.frames.dtype == np.uint8
        assert outcome.legal == legal
        assert np.array_equal(outcome.frames, again.frames)
        assert np.array_equal(outcome.frames[-1], WORLD.render(outcome.scene))


@pytest.mark.parametrize(
    "text", ["pick_up red", "stack red green", "push_left blue", "put_down green", "unstack blue green"]
)
def test_what_is_forbidden_is_attempted_visibly(text: str):
    verb, *arguments = text.split()
    outcome = WORLD.step(SCENE, Meaning(verb, tuple(arguments)))
    assert not outcome.legal
    assert outcome.scene == SCENE
    start = WORLD.render(SCENE)
    assert (outcome.frames[3] != start).any(axis=-1).sum() > 100
    assert np.array_equal(outcome.frames[-1], start)


def test_motion_is_smooth():
    """No frame changes more of the picture than a gripper with a block, leaving one place and arriving at another."""
    for seed in range(10):
        scene = WORLD.reset(seed, light=True)
        outcome = WORLD.step(scene, WORLD.demonstrate(scene, np.random.default_rng(seed))[0])
        film = np.concatenate([WORLD.render(scene)[None], outcome.frames]).astype(int)
        changed = (np.abs(np.diff(film, axis=0)).max(axis=-1) > 24).mean(axis=(1, 2))
        assert changed.max() < 0.12


def test_light_fades():
    frames = WORLD.step(SCENE, Meaning("light_off")).frames
    levels = [float(WORLD.render(SCENE).mean()), *frames.mean(axis=(1, 2, 3))]
    assert all(a >= b for a, b in pairwise(levels))
    assert levels[-1] < 0.5 * levels[0]
    assert len({round(level) for level in levels}) > 4


def test_looks_differ_and_waiting_is_still():
    other = BlocksState(SCENE.stacks, SCENE.gripper, None, True, look=6)
    assert not np.array_equal(WORLD.render(SCENE), WORLD.render(other))
    assert np.array_equal(WORLD.step(SCENE, Meaning("wait")).frames[3], WORLD.render(SCENE))


def test_more_than_a_hundred_frames_a_second_on_one_core():
    rng = np.random.default_rng(0)
    scenes = [WORLD.reset(seed) for seed in range(20)]
    begin = time.process_time()
    for scene in scenes:
        WORLD.step(scene, WORLD.sample(scene, rng))
    assert 160 / (time.process_time() - begin) > 100
