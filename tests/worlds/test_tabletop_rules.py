"""The tabletop's rules and physics: what can be done, where it leads, and that what can't be done changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("mujoco")

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import Meaning
from pandora.worlds.tabletop.rules import free_place
from pandora.worlds.tabletop.state import HOVER, REACH_X, REACH_Y, Pose, TableScene, relations
from pandora.worlds.tabletop.telling import ATTRIBUTES, relations_of
from pandora.worlds.tabletop.world import Tabletop
from pandora.worlds.towers import COLOURS, next_action

WORLD = Tabletop()
SCENE = TableScene(
    (
        ("red", Pose((-3.0, 0.0, 0.5))),
        ("yellow", Pose((0.0, 0.0, 1.5))),
        ("green", Pose((3.0, 0.3, 0.5))),
        ("blue", Pose((0.0, 0.0, 0.5))),
    )
)


def meaning(text: str) -> Meaning:
    verb, *arguments = text.split()
    return Meaning(verb, tuple(arguments))


def legal(scene: TableScene, text: str) -> bool:
    return WORLD.is_legal(scene, meaning(text))


def play(scene: TableScene, *actions: str) -> TableScene:
    for action in actions:
        assert legal(scene, action), action
        scene = WORLD.advance(scene, meaning(action))
    return scene


def shown(before: TableScene, action: str) -> dict[str, str]:
    facts = WORLD.shown(before, meaning(action), WORLD.advance(before, meaning(action)))
    return {name: value for name, value in facts}


def test_a_tower_is_built_and_taken_down():
    after = play(SCENE, "pick_up red", "stack red yellow")
    assert after.support == {"red": "yellow", "yellow": "blue", "blue": "table", "green": "table"}
    assert not legal(after, "pick_up yellow")  # covered
    for forbidden in ("stack red green", "put_down red", "drop red"):
        assert not legal(after, forbidden), forbidden
    held = play(after, "pick_up green")
    assert not legal(held, "stack green red")  # it would be four high
    assert not legal(held, "pick_up red")
    assert not legal(held, "push_left blue")
    down = play(after, "pick_up red", "put_down red")
    assert down.support["red"] == "table"
    assert down.holding is None


def test_a_push_moves_a_block_one_step_and_takes_its_tower_along():
    told = shown(SCENE, "push_left blue")
    assert told["blue_moved"] == told["yellow_moved"] == "left"
    assert told["yellow"] == "on_blue"
    assert told["red_moved"] == told["green_moved"] == "none"
    assert told["arm"] == "reached"


def test_a_push_shoves_what_is_ahead():
    row = replace(SCENE, poses=(("red", Pose((-1.6, 0.0, 0.5))), ("blue", Pose((0.0, 0.0, 0.5)))))
    after = play(row, "push_right red")
    assert after.pose["red"].at[0] == pytest.approx(-0.1, abs=0.15)
    assert after.pose["blue"].at[0] == pytest.approx(0.9, abs=0.2)


def test_a_push_knocks_a_block_off_its_tower():
    after = play(SCENE, "push_towards yellow")
    assert after.support["yellow"] == "table"
    assert after.pose["yellow"].at[1] < -0.9
    assert after.pose["blue"].at[1] == pytest.approx(0.0, abs=0.2)


def test_pushes_need_room_for_the_block_and_for_the_fingers():
    assert not legal(SCENE, "push_left red")  # off the tray
    close = replace(SCENE, poses=(("red", Pose((-1.0, 0.0, 0.5))), ("blue", Pose((0.0, 0.0, 0.5)))))
    assert not legal(close, "push_right blue")  # red is where the fingers must go
    assert legal(close, "push_right red")
    assert legal(close, "push_away blue")
    edge = replace(SCENE, poses=(("red", Pose((1.0, 0.0, 0.5))), ("blue", Pose((3.0, 0.0, 0.5)))))
    assert not legal(edge, "push_right red")  # blue has nowhere to go


@pytest.mark.parametrize(("x", "below"), [(0.0, "yellow"), (0.8, "table")])
def test_what_is_dropped_lands_on_what_is_below_or_tumbles_beside(x: float, below: str):
    poses = (*SCENE.poses[:3], ("blue", Pose((0.0, 0.0, 0.5))), ("purple", Pose((x, 0.0, HOVER))))
    after = play(TableScene(poses, (x, 0.0), "purple"), "drop purple")
    assert after.support["purple"] == below
    assert after.holding is None
    assert after.support["yellow"] == "blue"


def test_a_block_is_set_down_at_a_free_place():
    held = play(SCENE, "pick_up green")
    x, y = free_place(replace(held, hand=(0.0, 0.0)))
    assert (x, y) == (-1.5, 0.0)  # the middle column has the tower


def test_what_cannot_be_done_and_waiting_change_nothing():
    for action in ("pick_up blue", "put_down red", "stack red blue", "push_left red", "drop green", "pick_up purple"):
        assert not legal(SCENE, action)
        assert WORLD.advance(SCENE, meaning(action)) == SCENE, action
    assert WORLD.advance(SCENE, meaning("wait")) == SCENE
    assert WORLD.advance(SCENE, meaning("light_off")) == replace(SCENE, light=False)


def test_random_play_keeps_every_block_upright_and_on_the_tray():
    reached = tried = 0
    for seed in range(8):
        scene, rng = WORLD.reset(seed), np.random.default_rng(seed)
        for _ in range(5):
            action = WORLD.sample(scene, rng, legal=True)
            after = WORLD.advance(scene, action)
            assert after.blocks == scene.blocks
            for block, pose in after.poses:
                assert pose.tilt < 0.1, (seed, action, block)
                assert abs(pose.at[0]) < REACH_X + 0.7, (seed, action, block)
                assert abs(pose.at[1]) < REACH_Y + 0.7, (seed, action, block)
            if action.arguments:
                tried += 1
                reached += relations(after) != relations(scene) or "push" in action.verb
            scene = after
    assert reached == tried


def test_what_is_shown_has_one_value_of_each_attribute_and_holds_the_relations():
    for seed in range(4):
        scene, rng = WORLD.reset(seed), np.random.default_rng(seed)
        for _ in range(4):
            action = WORLD.sample(scene, rng)
            after = WORLD.advance(scene, action)
            told = WORLD.shown(scene, action, after)
            assert sorted(name for name, _ in told) == sorted(ATTRIBUTES)
            assert all(value in ATTRIBUTES[name] for name, value in told)
            assert relations_of(told) == relations(after) == {f for f in WORLD.facts(after) if f[0] != "at"}
            scene = after


def test_demonstrations_can_be_done_and_pursue_a_goal():
    long = 0
    for seed in range(6):
        scene = WORLD.reset(seed)
        actions = WORLD.demonstrate(scene, np.random.default_rng(seed))
        for action in actions:
            assert WORLD.is_legal(scene, action)
            scene = WORLD.advance(scene, action)
        long += len(actions) >= 2
    assert long >= 4
    goal = {"red": "green", "green": "table", "yellow": "blue", "blue": "table"}
    assert next_action(SCENE, goal) == meaning("pick_up red")
    assert next_action(play(SCENE, "pick_up red", "stack red green"), goal) is None


def test_a_fifth_of_the_transitions_is_held_out():
    flags = []
    for seed in range(150):
        scene = WORLD.reset(seed)
        flags += [WORLD.is_held_out(scene, m) for m in WORLD.meanings(scene) if m.arguments]
        assert not WORLD.is_held_out(scene, Meaning("wait"))
    assert 0.16 < np.mean(flags) < 0.24


def test_wrong_arguments_are_refused_with_advice():
    with pytest.raises(UnknownName, match="verb"):
        WORLD.advance(SCENE, Meaning("fly"))
    with pytest.raises(InvalidInput, match="takes 2 blocks"):
        WORLD.advance(SCENE, Meaning("stack", ("red",)))
    with pytest.raises(UnknownName, match="pink"):
        WORLD.advance(SCENE, Meaning("drop", ("pink",)))
    with pytest.raises(InvalidInput, match="2 to 5"):
        WORLD.reset(0, blocks=6)
    with pytest.raises(UnknownName, match="glass"):
        WORLD.reset(0, table="glass")
    with pytest.raises(InvalidInput, match="weather"):
        WORLD.reset(0, weather="rain")


def test_scenes_of_training_have_two_to_four_blocks_and_splits_differ():
    scenes = [WORLD.reset(seed) for seed in range(40)]
    assert {len(scene.blocks) for scene in scenes} == {2, 3, 4}
    assert {bool(scene.holding) for scene in scenes} == {True, False}
    assert all(scene == WORLD.reset(seed) for seed, scene in enumerate(scenes))
    assert set(COLOURS) == {block for scene in scenes for block in scene.blocks}
    assert len(WORLD.reset(0, **WORLD.splits()["held_out_block_count"]).blocks) == 5
    assert WORLD.reset(0, **WORLD.splits()["held_out_table"]).table == "checker"
