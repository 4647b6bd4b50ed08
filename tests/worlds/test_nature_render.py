"""Pictures of the nature world: the same again, smooth, and showing what they should."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pandora.worlds.base import Frame, Frames, Meaning
from pandora.worlds.nature import motion
from pandora.worlds.nature.layers import make_layers
from pandora.worlds.nature.place import MARGIN, SIZE, STEP
from pandora.worlds.nature.render import render
from pandora.worlds.nature.state import FIRES, HELD_LANDS, HOURS, LANDS, WEATHERS, NatureState
from pandora.worlds.nature.things import hearth, pole_top
from pandora.worlds.nature.world import Nature

WORLD = Nature()
SCENE = NatureState(fire="low", look=3)


def clip(state: NatureState, verb: str) -> Frames:
    return WORLD.step(state, Meaning(verb)).frames


def apart(a: Frame, b: Frame) -> float:
    """The mean difference of two pictures, 0..255."""
    return float(np.abs(a.astype(float) - b).mean())


def test_frames_are_the_same_again() -> None:
    first = clip(SCENE, "storm")
    assert (first.shape, first.dtype) == ((8, 128, 128, 3), np.uint8)
    make_layers.cache_clear()
    np.testing.assert_array_equal(first, clip(SCENE, "storm"))


@pytest.mark.parametrize("verb", WORLD.verbs)
def test_clips_end_as_the_next_scene_rests(verb: str) -> None:
    for state in (SCENE, replace(SCENE, hour="night", weather="rain", wind="left", view=1)):
        outcome = WORLD.step(state, Meaning(verb))
        np.testing.assert_array_equal(outcome.frames[-1], WORLD.render(outcome.scene))
        assert WORLD.advance(state, Meaning(verb)) == outcome.scene


def test_what_moves_at_rest_comes_round() -> None:
    state = replace(SCENE, weather="snow")
    waiting = clip(state, "wait")
    np.testing.assert_array_equal(waiting[-1], WORLD.render(state))
    assert apart(waiting[3], waiting[-1]) > 0.5


def test_looking_there_and_back_shows_the_same() -> None:
    right = WORLD.advance(SCENE, Meaning("look_right"))
    back = WORLD.advance(right, Meaning("look_left"))
    np.testing.assert_array_equal(WORLD.render(back), WORLD.render(SCENE))
    still = [render(motion.place_of(s), replace(motion.rest(s), fire=0.0)) for s in (SCENE, right)]
    dry = slice(90, SIZE)  # the ground in front, which mirrors nothing
    assert apart(still[0][dry, STEP:], still[1][dry, :-STEP]) < 1.0


def test_changes_are_smooth() -> None:
    for verb in ("dusk", "fog", "snow", "fire_up", "wind_left"):
        frames = np.concatenate([WORLD.render(SCENE)[None], clip(SCENE, verb)])
        whole = apart(frames[0], frames[-1])
        steps = [apart(a, b) for a, b in pairwise(frames)]
        assert max(steps) < 0.3 * whole + 4, verb


def test_weathers_and_hours_look_different() -> None:
    means = {
        (weather, hour): WORLD.render(replace(SCENE, weather=weather, hour=hour, fire="none"))
        for weather in WEATHERS
        for hour in HOURS
    }
    keys = list(means)
    for i, a in enumerate(keys):
        for b in keys[:i]:
            assert apart(means[a], means[b]) > 3.0, (a, b)


def test_vain_attempts_are_seen_and_leave_no_trace() -> None:
    cold, high = replace(SCENE, fire="none"), replace(SCENE, fire="high")
    for state, verb in (
        (replace(cold, weather="rain"), "light_fire"), (cold, "fire_up"), (high, "fire_up"), (SCENE, "fire_down"),
        (replace(SCENE, view=-1), "look_left"), (replace(SCENE, view=1), "look_right"),
    ):  # fmt: skip
        outcome, waiting = WORLD.step(state, Meaning(verb)), clip(state, "wait")
        assert not outcome.legal
        np.testing.assert_array_equal(outcome.frames[-1], waiting[-1])
        assert np.abs(outcome.frames[3].astype(int) - waiting[3]).max() > 25, verb


def test_lightning_strikes_once_in_a_clip() -> None:
    bright = clip(replace(SCENE, weather="storm", hour="night", fire="none"), "wait").mean((1, 2, 3))
    assert bright.argmax() == 2
    assert bright[2] > 1.5 * np.median(bright)


def test_fire_grows_and_gives_light() -> None:
    dark = replace(SCENE, hour="night")
    red = [float(WORLD.render(replace(dark, fire=fire))[60:, :, 0].mean()) for fire in FIRES]
    assert red[0] + 3 < red[1] < red[2] - 5


def test_flames_and_flag_follow_the_wind() -> None:
    place = motion.place_of(SCENE)
    column = round(pole_top(place)[0]) - MARGIN - STEP
    calm, left, right = (WORLD.render(replace(SCENE, wind=wind)).astype(float) for wind in ("calm", "left", "right"))
    row = round(pole_top(place)[1])
    sides = slice(row - 2, row + 8), slice(column - 12, column - 3), slice(column + 4, column + 13)
    assert apart(left[sides[0], sides[1]], calm[sides[0], sides[1]]) > apart(
        right[sides[0], sides[1]], calm[sides[0], sides[1]]
    )
    assert apart(right[sides[0], sides[2]], calm[sides[0], sides[2]]) > apart(
        left[sides[0], sides[2]], calm[sides[0], sides[2]]
    )


@pytest.mark.parametrize("land", [*LANDS, *HELD_LANDS])
def test_fire_and_flag_are_in_every_view(land: str) -> None:
    for seed in range(3):
        place = motion.place_of(replace(SCENE, land=land, look=seed))
        for column, row in (hearth(place), pole_top(place)):
            for view in (0, 1, 2):
                assert 8 <= column - MARGIN - view * STEP <= SIZE - 8
            assert 4 < row < SIZE - 8
    layers = make_layers(place)
    assert 0.05 < layers.water.mean() < 0.5
    assert layers.land.mean() > 0.3


def test_views_at_the_ends_are_framed() -> None:
    """A great trunk tells that one can look no further."""
    for seed in range(3):
        layers = make_layers(motion.place_of(replace(SCENE, look=seed)))
        for edge in (slice(MARGIN, MARGIN + 4), slice(-MARGIN - 4, -MARGIN)):
            assert layers.land[:, edge].mean() > 0.95
            assert layers.sky_rows > 10
