"""What the house world draws: pixels that come back, and the measure that tells whether they do."""

from dataclasses import replace

import numpy as np
import pytest

from pandora.errors import InvalidInput
from pandora.worlds.base import Frame, Meaning
from pandora.worlds.house import views
from pandora.worlds.house.world import House

pytest.importorskip("moderngl")
WORLD = House()
START = WORLD.examples()[0].scene


@pytest.fixture(autouse=True, scope="module")
def opengl() -> None:
    try:
        WORLD.render(START)
    except InvalidInput as error:
        pytest.skip(str(error))


def rough(frame: Frame, seed: int = 0) -> Frame:
    """A picture as an autoencoder might give it back: noise of 34 dB, and neighbours run together."""
    rng = np.random.default_rng(seed)
    soft = (frame.astype(float) * 2 + np.roll(frame, 1, 0) + np.roll(frame, 1, 1)) / 4
    return np.clip(soft + rng.normal(0, 5, frame.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("verb", ["walk_forward", "turn_left", "turn_around", "light_off", "wait", "walk_back"])
def test_a_clip_ends_where_the_next_one_begins(verb: str) -> None:
    outcome = WORLD.step(START, Meaning(verb))
    assert outcome.frames.shape == (8, 128, 128, 3)
    assert outcome.frames.dtype == np.uint8
    np.testing.assert_array_equal(outcome.frames[-1], WORLD.render(outcome.scene))


def test_a_full_circle_comes_back_to_the_same_pixels() -> None:
    here = START
    for _ in range(8):
        here = WORLD.advance(here, Meaning("turn_right"))
    np.testing.assert_array_equal(WORLD.render(here), WORLD.render(START))


def test_a_bump_is_seen_and_leaves_the_picture_as_it_was() -> None:
    scene = next(
        scene
        for heading in range(8)
        if not WORLD.is_legal(scene := replace(START, heading=heading), Meaning("walk_forward"))
    )
    outcome = WORLD.step(scene, Meaning("walk_forward"))
    assert not outcome.legal
    start = WORLD.render(scene).astype(int)
    assert np.abs(outcome.frames[3] - start).mean() > 1.0
    np.testing.assert_array_equal(outcome.frames[-1], start)


def test_the_room_is_dark_without_its_lamps() -> None:
    lit, dark = WORLD.render(START), WORLD.render(replace(START, light=False))
    assert dark.mean() < 0.7 * lit.mean()


def test_a_door_slides_open() -> None:
    scene = next(example.scene for example in WORLD.examples() if example.id == "house-door")
    outcome = WORLD.step(scene, Meaning("open_door"))
    assert outcome.legal
    changed = np.abs(outcome.frames[-1].astype(int) - WORLD.render(scene)).max(-1) > 30
    assert 0.01 < changed.mean() < 0.4


@pytest.mark.parametrize("seed", range(10**9, 10**9 + 4))
def test_the_same_view_is_recognised_and_others_are_not(seed: int) -> None:
    scene = WORLD.reset(seed)
    view = WORLD.render(scene)
    assert WORLD.same_view(view, view) > 0.99
    assert WORLD.same_view(view, rough(view)) > 0.5
    for verb in ("turn_left", "turn_right", "turn_around", "walk_forward"):
        after = WORLD.advance(scene, Meaning(verb))
        if after != scene:
            assert WORLD.same_view(view, rough(WORLD.render(after))) < 0.5
    assert WORLD.same_view(view, WORLD.render(WORLD.reset(seed + 17))) < 0.5


def test_views_of_different_sizes_are_refused() -> None:
    view = WORLD.render(START)
    with pytest.raises(InvalidInput, match="one size"):
        views.same_view(view, view[:64])
