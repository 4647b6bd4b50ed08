"""Pictures of the tabletop: clips fit together, seeds give the same pixels, and what is said to be seen is there."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("mujoco")

from pandora.errors import InvalidInput
from pandora.worlds.base import Meaning
from pandora.worlds.tabletop import drawing
from pandora.worlds.tabletop.look import TABLES, UNSEEN_TABLES, look_of
from pandora.worlds.tabletop.world import Tabletop

WORLD = Tabletop()

try:
    WORLD.render(WORLD.reset(0))
except InvalidInput as error:
    pytest.skip(str(error), allow_module_level=True)


def test_a_clip_ends_where_the_next_begins():
    scene, rng = WORLD.reset(3), np.random.default_rng(1)
    for wanted in (True, True, False):
        outcome = WORLD.step(scene, WORLD.sample(scene, rng, legal=wanted))
        assert outcome.frames.shape == (8, 128, 128, 3)
        assert outcome.frames.dtype == np.uint8
        assert outcome.legal is wanted
        scene = outcome.scene
        np.testing.assert_array_equal(outcome.frames[-1], WORLD.render(scene))


def test_what_is_forbidden_is_attempted_visibly():
    scene = replace(WORLD.reset(3), holding=None)
    block = scene.blocks[0]
    outcome = WORLD.step(scene, Meaning("put_down", (block,)))
    before = WORLD.render(scene)
    assert not outcome.legal
    assert np.abs(outcome.frames[3].astype(int) - before).max() > 60
    np.testing.assert_array_equal(outcome.frames[-1], before)


def test_the_same_seed_gives_the_same_pixels_in_every_order_and_thread():
    scene = WORLD.reset(5)
    first = WORLD.render(scene)
    assert np.abs(WORLD.render(WORLD.reset(6)).astype(int) - first).mean() > 5
    np.testing.assert_array_equal(WORLD.render(scene), first)
    with ThreadPoolExecutor(1) as pool:
        np.testing.assert_array_equal(pool.submit(WORLD.render, scene).result(), first)
    action = WORLD.sample(scene, np.random.default_rng(0), legal=True)
    np.testing.assert_array_equal(WORLD.step(scene, action).frames, WORLD.step(scene, action).frames)


def test_the_light_fades():
    scene = WORLD.reset(4, light=True)
    outcome = WORLD.step(scene, Meaning("light_off"))
    brightness = outcome.frames.mean((1, 2, 3))
    assert (np.diff(brightness) <= 0.01).all()
    assert brightness[-1] < 0.7 * WORLD.render(scene).mean()
    assert brightness[-1] > 20  # night, but not blind


def test_absent_blocks_leave_no_trace_and_present_ones_are_seen():
    from colorsys import rgb_to_hsv

    scene = replace(WORLD.reset(8, blocks=2, light=True), holding=None)
    for table in (*TABLES, *UNSEEN_TABLES):
        picture = WORLD.render(replace(scene, table=table)).reshape(-1, 3) / 255
        hues = np.array([rgb_to_hsv(*pixel) for pixel in picture])
        for colour in ("red", "green", "blue", "purple"):
            hue = rgb_to_hsv(*look_of(scene.look).blocks[colour])[0]
            near = (np.abs((hues[:, 0] - hue + 0.5) % 1 - 0.5) < 0.03) & (hues[:, 1] > 0.65) & (hues[:, 2] > 0.3)
            assert (near.sum() > 50) == (colour in scene.blocks), (table, colour)


def test_a_fork_of_a_process_that_drew_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(drawing.os, "getpid", lambda: -1)
    with pytest.raises(InvalidInput, match="spawn"):
        drawing.painter()


def test_examples_are_understood_and_begin_with_something_to_do():
    examples = WORLD.examples()
    assert 4 <= len(examples) <= 6
    assert len({example.id for example in examples}) == len(examples)
    for example in examples:
        assert example.id.startswith("tabletop-")
        assert 4 <= len(example.suggestions) <= 5
        meanings = [WORLD.understand(example.scene, text) for text in example.suggestions]
        assert all(meaning is not None for meaning in meanings), example.id
        assert meanings[0] is not None
        assert WORLD.is_legal(example.scene, meanings[0])
        assert WORLD.render(example.scene).std() > 20
