"""Pictures and clips of the road world."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pandora.errors import InvalidInput
from pandora.worlds.base import Meaning

pytest.importorskip("moderngl")

from pandora.worlds.road.state import RoadState
from pandora.worlds.road.world import Road
from pandora.worlds.stage.gpu import gpu

try:
    gpu()
except InvalidInput as missing:
    pytest.skip(str(missing), allow_module_level=True)

WORLD = Road()
ROLLING = RoadState(seed=1, along=15, driving=True)
STANDING = replace(ROLLING, along=20, driving=False)


def clip(scene: RoadState, verb: str) -> np.ndarray:
    return WORLD.step(scene, Meaning(verb)).frames


def differ(a: np.ndarray, b: np.ndarray) -> float:
    """The mean difference of two pictures, 0..255."""
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


@pytest.mark.parametrize("seed", range(6))
def test_clips_are_deterministic_and_end_at_rest(seed: int):
    rng = np.random.default_rng(seed)
    scene = WORLD.reset(seed)
    action = WORLD.sample(scene, rng, legal=seed % 2 == 0)
    outcome, again = WORLD.step(scene, action), Road().step(scene, action)
    assert outcome.frames.shape == (8, 128, 128, 3)
    assert outcome.frames.dtype == np.uint8
    assert outcome.legal == (seed % 2 == 0)
    assert np.array_equal(outcome.frames, again.frames)
    assert np.array_equal(outcome.frames[-1], WORLD.render(outcome.scene))


def test_a_standing_car_sees_a_still_picture_and_a_driving_one_does_not():
    frames = clip(STANDING, "wait")
    assert all(np.array_equal(frame, WORLD.render(STANDING)) for frame in frames)
    moving = [WORLD.render(ROLLING), *clip(ROLLING, "wait")]
    assert all(differ(a, b) > 1 for a, b in pairwise(moving))


def test_a_turn_shows_another_street_and_a_forbidden_one_only_signals():
    at, away = replace(STANDING, along=50), STANDING
    turned, tried = clip(at, "turn_left"), clip(away, "turn_left")
    assert differ(turned[-1][:80], WORLD.render(at)[:80]) > 10
    assert np.array_equal(tried[-1], WORLD.render(away))
    changed = (tried[1] != WORLD.render(away)).any(2)
    assert changed.sum() > 25  # the arrow
    assert np.nonzero(changed)[1].max() < 64  # on the left
    assert np.nonzero((clip(away, "turn_right")[1] != WORLD.render(away)).any(2))[1].min() > 64


def test_the_gauge_tells_driving_from_standing():
    at = replace(STANDING, driving=True)  # no state of a drive, but the same place
    rows = np.nonzero((WORLD.render(STANDING) != WORLD.render(at)).any(2))[0]
    assert len(rows) > 15
    assert rows.min() > 98


@pytest.mark.parametrize("hour", ["day", "dusk", "night"])
def test_weathers_look_different_and_change_gradually(hour: str):
    scene = replace(STANDING, hour=hour)
    looks = {w: WORLD.render(replace(scene, weather=w)) for w in ("clear", "rain", "snow", "fog")}
    for a in looks:
        for b in looks:
            assert a == b or differ(looks[a], looks[b]) > 4, (a, b)
    frames = [WORLD.render(scene), *clip(scene, "snow")]
    steps = [differ(a, b) for a, b in pairwise(frames)]
    assert max(steps) < 0.6 * differ(frames[0], frames[-1])
    assert differ(frames[-1], looks["snow"]) < 3  # only the flakes have moved on


def test_the_sun_goes_down_and_lamps_are_lit():
    bright = {hour: WORLD.render(replace(STANDING, hour=hour)).mean() for hour in ("day", "dusk", "night")}
    assert bright["day"] > bright["dusk"] > bright["night"] > 15
    frames = clip(STANDING, "night")
    assert differ(frames[-1], WORLD.render(replace(STANDING, hour="night", clock=1))) == 0


def test_lanes_look_different_and_unseen_streets_are():
    assert differ(WORLD.render(ROLLING), WORLD.render(replace(ROLLING, lane="left"))) > 5
    assert differ(WORLD.render(ROLLING), WORLD.render(replace(ROLLING, style="unseen"))) > 2
