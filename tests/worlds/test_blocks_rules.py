"""The rules of the blocks world: what is allowed, where it leads, and what never changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds import make_world, world_names
from pandora.worlds.base import Meaning
from pandora.worlds.blocks import rules
from pandora.worlds.blocks.state import COLUMNS, ROWS, TABLE, BlocksState, Stack, relations
from pandora.worlds.blocks.world import Blocks
from pandora.worlds.towers import COLOURS

WORLD = Blocks()
SCENE = BlocksState((Stack(0, 0, ("red", "blue")), Stack(1, 2, ("green",)), Stack(5, 1, ("yellow",))), gripper=3)

seeds = st.integers(0, 2**31 - 1)


def meaning(text: str) -> Meaning:
    verb, *arguments = text.split()
    return Meaning(verb, tuple(arguments))


def play(scene: BlocksState, *actions: str) -> BlocksState:
    for action in actions:
        assert WORLD.is_legal(scene, meaning(action)), action
        scene = rules.transition(scene, meaning(action))
    return scene


@settings(deadline=None, max_examples=80)
@given(seed=seeds, blocks=st.integers(2, 6), picks=st.lists(st.integers(0, 10**6), min_size=1, max_size=25))
def test_any_actions_keep_the_scene_whole(seed: int, blocks: int, picks: list[int]):
    scene = WORLD.reset(seed, blocks=blocks)
    for pick in picks:
        choices = WORLD.meanings(scene)
        chosen = choices[pick % len(choices)]
        after = rules.transition(scene, chosen)
        if not WORLD.is_legal(scene, chosen):
            assert after == scene
        assert after.blocks == scene.blocks
        assert len(after.support) + (after.holding is not None) == blocks
        columns = [stack.column for stack in after.stacks]
        assert columns == sorted(set(columns))
        assert all(0 <= s.column < COLUMNS and 0 <= s.row < ROWS and s.blocks for s in after.stacks)
        assert 0 <= after.gripper < COLUMNS
        assert after.look == scene.look
        scene = after


def test_pick_up_takes_a_clear_block_from_the_table():
    after = play(SCENE, "pick_up green")
    assert (after.holding, after.gripper) == ("green", 1)
    assert after.stack_at(1) is None
    for forbidden in ("pick_up yellow", "unstack blue red", "push_left yellow", "stack yellow blue", "put_down red"):
        assert not WORLD.is_legal(after, meaning(forbidden)), forbidden


@pytest.mark.parametrize(
    "action", ["pick_up red", "pick_up blue", "unstack red blue", "unstack blue green", "put_down red"]
)
def test_what_blocksworld_forbids(action: str):
    assert not WORLD.is_legal(SCENE, meaning(action))


def test_unstack_stack_and_put_down():
    after = play(SCENE, "unstack blue red", "stack blue green")
    assert after.support == {"red": TABLE, "green": TABLE, "blue": "green", "yellow": TABLE}
    assert after.gripper == 1
    held = play(after, "unstack blue green")
    down = play(held, "put_down blue")
    assert down.stack_of("blue") == Stack(2, 1, ("blue",))  # the free column next to the gripper, middle row
    assert down.gripper == 2
    tie = BlocksState((Stack(3, 1, ("red",)),), gripper=3, holding="blue")
    assert rules.landing_column(tie) == 2


def test_pushes_need_a_free_neighbour_and_the_table():
    assert play(SCENE, "push_right green").stack_of("green") == Stack(2, 2, ("green",))
    assert play(SCENE, "push_towards green").stack_of("green") == Stack(1, 1, ("green",))
    assert play(SCENE, "push_away yellow").gripper == 5
    edge = play(SCENE, "push_right yellow")
    for scene, action in (
        (SCENE, "push_left green"),  # red's column
        (SCENE, "push_away green"),  # the far row already
        (SCENE, "push_left red"),  # under blue
        (SCENE, "push_left blue"),  # on red
        (edge, "push_right yellow"),  # the last column
    ):
        assert not WORLD.is_legal(scene, meaning(action)), action


def test_light_and_wait_change_nothing_else():
    assert play(SCENE, "light_off") == BlocksState(SCENE.stacks, 3, None, False)
    assert play(SCENE, "light_on", "wait") == SCENE


def test_facts_name_everything():
    assert WORLD.facts(play(SCENE, "pick_up yellow", "light_off")) == {
        ("table", "red"), ("on", "blue", "red"), ("table", "green"), ("at", "red", "0", "0"), ("at", "green", "1", "2"),
        ("holding", "yellow"), ("gripper", "5"), ("light", "off"),
    }  # fmt: skip
    assert ("hand", "empty") in WORLD.facts(SCENE)


def test_absent_blocks_are_illegal_and_wrong_calls_are_named():
    assert not WORLD.step(SCENE, Meaning("pick_up", ("purple",))).legal
    for wrong, error in (("fly red", UnknownName), ("pick_up pink", UnknownName), ("stack red", InvalidInput)):
        with pytest.raises(error):
            WORLD.step(SCENE, meaning(wrong))
    with pytest.raises(InvalidInput):
        WORLD.reset(0, blocks=7)
    with pytest.raises(InvalidInput):
        WORLD.reset(0, colour="red")


def test_a_fifth_of_all_transitions_is_held_out_whatever_they_look_like():
    rng = np.random.default_rng(0)
    pairs = {(relations(s), WORLD.sample(s, rng)) for s in map(WORLD.reset, range(3000))}
    scenes = {relations(s): s for s in map(WORLD.reset, range(3000))}
    share = np.mean([WORLD.is_held_out(scenes[relation], action) for relation, action in pairs])
    assert 0.17 < share < 0.23
    for seed in range(100):
        scene = WORLD.reset(seed)
        action = WORLD.sample(scene, rng)
        moved = tuple(Stack(s.column, (s.row + 1) % ROWS, s.blocks) for s in scene.stacks)
        other = BlocksState(moved, (scene.gripper + 1) % COLUMNS, scene.holding, not scene.light, scene.look + 1)
        assert WORLD.is_held_out(scene, action) == WORLD.is_held_out(other, action)


@settings(deadline=None, max_examples=50)
@given(seed=seeds, blocks=st.integers(2, 6))
def test_policies(seed: int, blocks: int):
    scene = WORLD.reset(seed, blocks=blocks)
    rng = np.random.default_rng(seed)
    assert WORLD.is_legal(scene, WORLD.sample(scene, rng, legal=True))
    assert not WORLD.is_legal(scene, WORLD.sample(scene, rng, legal=False))
    actions = WORLD.demonstrate(scene, rng)
    assert actions
    assert play(scene, *map(str, actions)).support != scene.support or scene.holding


def test_six_blocks_are_kept_for_evaluation():
    counts = {len(WORLD.reset(seed).blocks) for seed in range(300)}
    assert counts == {2, 3, 4, 5}
    assert WORLD.reset(1, blocks=6).blocks == COLOURS


def test_a_scene_may_be_asked_to_hold_a_block():
    for seed in range(40):
        free, holds, empty = (WORLD.reset(seed, holding=holding) for holding in (None, True, False))
        assert (holds.holding is None, empty.holding is None) == (False, True)
        assert free == (empty if free.holding is None else holds), "and nothing else changes"
        assert holds.blocks == empty.blocks == free.blocks


def test_registry():
    assert world_names()[0] == make_world("blocks").name == "blocks"
    with pytest.raises(UnknownName, match="blocks"):
        make_world("block")
