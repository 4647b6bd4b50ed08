"""The readout: exact on true pictures, robust to a model's noise, and silent about impossible ones."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from pandora.worlds.base import Frame
from pandora.worlds.blocks import motion, rules
from pandora.worlds.blocks.render import render
from pandora.worlds.blocks.state import BlocksState, Stack
from pandora.worlds.blocks.world import Blocks

WORLD = Blocks()
SCENE = BlocksState((Stack(1, 1, ("red",)), Stack(4, 0, ("green", "blue"))), gripper=2, holding="purple", look=3)


def scenes(count: int) -> list[BlocksState]:
    """Random scenes, half of them after a legal action."""
    rng = np.random.default_rng(1)
    fresh = [WORLD.reset(seed, blocks=2 + seed % 5) for seed in range(count)]
    return [rules.transition(s, WORLD.sample(s, rng, True)) if s.look % 2 else s for s in fresh]


def degrade(frame: Frame, noise: float, blur: float, rng: np.random.Generator) -> Frame:
    soft = np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(blur)), float)
    return np.clip(soft + rng.normal(0, noise, soft.shape), 0, 255).astype(np.uint8)


def psnr(a: Frame, b: Frame) -> float:
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def test_true_pictures_are_read_exactly():
    wrong = [scene for scene in scenes(300) if WORLD.readout(WORLD.render(scene)) != WORLD.facts(scene)]
    assert not wrong


@pytest.mark.parametrize(("noise", "blur"), [(6.0, 0.0), (3.0, 0.8), (4.0, 0.5)])
def test_degraded_pictures_are_read(noise: float, blur: float):
    rng = np.random.default_rng(2)
    right, quality = [], []
    for scene in scenes(120):
        frame = WORLD.render(scene)
        worse = degrade(frame, noise, blur, rng)
        quality.append(psnr(frame, worse))
        right.append(WORLD.readout(worse) == WORLD.facts(scene))
    assert 31 < np.mean(quality) < 37
    assert np.mean(right) >= 0.995


def test_a_block_in_two_places_is_no_state():
    for seed in range(60):
        scene = WORLD.reset(seed)
        action = WORLD.demonstrate(scene, np.random.default_rng(seed))[0]
        after = rules.transition(scene, action)
        mixed = WORLD.render(scene) * 0.5 + WORLD.render(after) * 0.5
        assert WORLD.readout(mixed.astype(np.uint8)) is None


def test_impossible_pictures_are_rejected():
    pose = motion.rest(SCENE)
    places = dict(pose.blocks)
    red, green = places["red"], places["green"]
    floating = (red[0], red[1] + 1.6, red[2])
    between = (red[0] + 0.61, red[1], red[2])
    twice = (*pose.blocks, ("green", red))
    for blocks in ((*(p for p in pose.blocks if p[0] != "red"), ("red", floating)), twice):
        assert WORLD.readout(render(replace(pose, blocks=blocks), 3)) is None
    for blocks in ([*places.items(), ("yellow", between)], [*places.items(), ("yellow", (0.0, 4.5, green[2]))]):
        assert WORLD.readout(render(replace(pose, blocks=tuple(blocks)), 3)) is None


def test_a_moving_gripper_a_fading_light_and_rubbish_are_rejected():
    x, y, z = motion.rest(SCENE).gripper
    away = replace(motion.rest(replace(SCENE, holding=None)), gripper=(x, y - 2.0, z))
    assert WORLD.readout(render(away, 3)) is None
    assert WORLD.readout(render(replace(motion.rest(SCENE), light=0.5), 3)) is None
    rng = np.random.default_rng(0)
    for rubbish in (rng.integers(0, 256, (128, 128, 3)), np.zeros((128, 128, 3)), np.full((128, 128, 3), 255)):
        assert WORLD.readout(rubbish.astype(np.uint8)) is None
    assert WORLD.readout(np.zeros((64, 64, 3), np.uint8)) is None
