"""What actions do in the road world, and what is said of it; no picture is drawn."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds import make_world
from pandora.worlds.base import Meaning
from pandora.worlds.road import motion
from pandora.worlds.road.state import BLOCK, HOURS, WEATHERS, RoadState
from pandora.worlds.road.world import Road

WORLD = Road()
ROLLING = RoadState(seed=1, along=15, driving=True)


def drive(scene: RoadState, *verbs: str) -> RoadState:
    for verb in verbs:
        scene = WORLD.advance(scene, Meaning(verb))
    return scene


def test_the_registry_knows_it_and_reset_is_deterministic():
    assert isinstance(make_world("road"), Road)
    assert WORLD.reset(7) == WORLD.reset(7) != WORLD.reset(8)
    for seed in range(60):
        scene = WORLD.reset(seed)
        assert scene.along % 10 == (5 if scene.driving else 0)


def test_reset_does_what_its_options_say():
    chosen = WORLD.reset(3, weather="fog", hour="night", lane="left", driving=True, at_junction=True, style="unseen")
    assert (chosen.weather, chosen.hour, chosen.lane, chosen.driving) == ("fog", "night", "left", True)
    assert chosen.at_junction
    assert chosen.style == "unseen"
    with pytest.raises(UnknownName, match="drizzle"):
        WORLD.reset(0, weather="drizzle")
    with pytest.raises(InvalidInput, match="houses"):
        WORLD.reset(0, houses=3)


def test_driving_and_braking_cover_the_ground_they_show():
    stood = drive(ROLLING, "brake")
    assert (stood.along, stood.driving) == (20, False)
    assert drive(stood, "wait", "brake", "rain").along == 20
    assert drive(stood, "drive").along == 25
    through = drive(ROLLING, *["drive"] * 5)
    assert (through.x, through.along) == (1, 5)


def test_one_turns_at_a_junction_only():
    near = replace(ROLLING, along=45)
    left, right = drive(near, "turn_left"), drive(near, "turn_right")
    assert (left.heading, right.heading) == (1, 3)
    assert (left.x, left.y, left.along, left.driving) == (1, 0, 15, True)
    for along, driving in ((35, True), (55, True), (5, True), (40, False), (0, False)):
        far = replace(ROLLING, along=along, driving=driving)
        assert not WORLD.is_legal(far, Meaning("turn_left"))
        assert WORLD.facts(drive(far, "turn_left")) == WORLD.facts(far)
    assert drive(near, *["turn_left", "drive", "drive", "drive"] * 4).heading == 0  # around the block


def test_one_changes_lanes_on_the_move_and_into_a_lane_that_there_is():
    assert drive(ROLLING, "lane_left").lane == "left"
    for scene in (replace(ROLLING, lane="left"), replace(ROLLING, along=20, driving=False)):
        assert not WORLD.is_legal(scene, Meaning("lane_left"))
        assert WORLD.facts(drive(scene, "lane_left")) == WORLD.facts(scene)


@pytest.mark.parametrize("verb", WORLD.switches)
@pytest.mark.parametrize("driving", [True, False])
def test_switches_change_nothing_else(verb: str, driving: bool):
    scene = replace(ROLLING, driving=driving, along=15 if driving else 20)
    before = dict(WORLD.shown(scene, Meaning("wait"), drive(scene, "wait")))  # type: ignore[arg-type]
    after = dict(WORLD.shown(scene, Meaning(verb), drive(scene, verb)))  # type: ignore[arg-type]
    kind = "hour" if verb in HOURS else "weather"
    assert {k: v for k, v in before.items() if k != kind} == {k: v for k, v in after.items() if k != kind}
    assert replace(drive(scene, verb), weather="clear", hour="day") == drive(scene, "wait")


def test_the_truth_has_one_value_of_each_attribute():
    rng = np.random.default_rng(0)
    seen = set()
    for seed in range(80):
        scene = WORLD.reset(seed)
        for _ in range(6):
            action = WORLD.sample(scene, rng)
            after = WORLD.advance(scene, action)
            shown = WORLD.shown(scene, action, after)
            assert sorted(name for name, _ in shown) == sorted(WORLD.attributes)
            assert all(value in WORLD.attributes[name] for name, value in shown)
            seen |= shown
            scene = after
    assert seen == {(name, value) for name, values in WORLD.attributes.items() for value in values}


def test_what_is_held_out_is_a_fixed_part_of_the_changes():
    scenes = [replace(ROLLING, weather=w, hour=h) for w in WEATHERS for h in HOURS]
    held = {(s.weather, s.hour, v) for s in scenes for v in WORLD.verbs if WORLD.is_held_out(s, Meaning(v))}
    changes = len(WEATHERS) * len(HOURS) * (len(WEATHERS) - 1 + len(HOURS) - 1)
    assert 0.1 < len(held) / changes < 0.3
    assert {verb for _, _, verb in held} <= set(WORLD.switches)
    assert all(
        WORLD.is_held_out(replace(s, seed=9, along=5, lane="left"), Meaning(v)) == ((s.weather, s.hour, v) in held)
        for s in scenes
        for v in WORLD.verbs
    )
    for verb in WORLD.switches:  # each is learned from somewhere
        assert any(not WORLD.is_held_out(s, Meaning(verb)) for s in scenes)


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_sentences_are_understood(split):
    rng = np.random.default_rng(1)
    scene = WORLD.reset(0)
    for _ in range(25):
        for verb in WORLD.verbs:
            text = WORLD.say(scene, Meaning(verb), rng, split)
            assert WORLD.understand(scene, text) == Meaning(verb), text
    assert WORLD.understand(scene, "turn_left") == Meaning("turn_left")
    assert WORLD.understand(scene, "fly to the moon") is None


def test_no_sentence_is_in_both_splits():
    rng = np.random.default_rng(2)
    scene = WORLD.reset(0)
    said = {
        split: {WORLD.say(scene, Meaning(v), rng, split).lower() for v in WORLD.verbs for _ in range(60)}
        for split in ("train", "held_out")
    }
    assert not said["train"] & said["held_out"]
    assert min(len(texts) for texts in said.values()) > 400


def test_examples_suggest_what_can_be_done():
    for example in WORLD.examples():
        assert example.id.startswith("road-")
        for text in example.suggestions:
            action = WORLD.understand(example.scene, text)
            assert action is not None, text
    assert len({example.id for example in WORLD.examples()}) >= 4


@pytest.mark.parametrize("seed", range(20))
def test_demonstrations_arrive_around_the_corner(seed: int):
    scene = start = WORLD.reset(seed)
    for action in WORLD.demonstrate(scene, np.random.default_rng(seed)):
        assert WORLD.is_legal(scene, action)
        scene = WORLD.advance(scene, action)
    assert scene.heading % 2 != start.heading % 2
    assert not scene.driving


def test_the_car_moves_smoothly_and_stays_on_the_road():
    rng = np.random.default_rng(3)
    for seed in range(60):
        scene = WORLD.reset(seed)
        action = WORLD.sample(scene, rng)
        after = WORLD.advance(scene, action)
        poses = [motion.rest(scene), *motion.animate(scene, action, after, 8)]
        turns = action.verb.startswith("turn_") and WORLD.is_legal(scene, action)
        for a, b in pairwise(poses):
            assert np.hypot(b.x - a.x, b.y - a.y) < (6.5 if turns else 2.0)
            assert abs((b.yaw - a.yaw + np.pi) % (2 * np.pi) - np.pi) < (0.6 if turns else 0.3)
        for pose in poses:
            off = [min(v % BLOCK, BLOCK - v % BLOCK) for v in (pose.x, pose.y)]
            assert min(off) < 5.3 or max(off) < 9


def test_what_it_cannot_do_is_told():
    with pytest.raises(UnknownName, match="fly"):
        WORLD.step(ROLLING, Meaning("fly"))
    with pytest.raises(InvalidInput, match="no arguments"):
        WORLD.step(ROLLING, Meaning("drive", ("fast",)))
