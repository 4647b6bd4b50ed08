"""The platformer's rules, rooms and sentences."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import Meaning, PhraseSplit
from pandora.worlds.platformer.state import (
    CELLS,
    GAMES,
    HELD_OUT_GAME,
    HELD_OUT_TILES,
    SUNKEN,
    TRAINED_GAMES,
    TRAINED_TILES,
    Scene,
)
from pandora.worlds.platformer.world import Platformer

WORLD = Platformer()
ROOM = (
    "........",
    "........",
    "........",
    "#H......",
    ".H......",
    ".H...=..",
    ".H.....#",
    "###~####",
)
SCENE = Scene(ROOM, hero=(4, 6), goal=(0, 2))


def after(scene: Scene, *verbs: str) -> Scene:
    for verb in verbs:
        scene = WORLD.advance(scene, Meaning(verb))
    return scene


@pytest.mark.parametrize(
    ("start", "verb", "end", "facing"),
    [
        ((4, 6), "step_right", (5, 6), "right"),
        ((4, 6), "run_right", (6, 6), "right"),  # up to the block
        ((6, 6), "jump_right", (7, 5), "right"),  # onto it, where the room ends
        ((6, 6), "run_right", (6, 6), "right"),
        ((2, 6), "jump_right", (4, 6), "right"),  # over the pit
        ((5, 6), "jump", (5, 4), "right"),  # through the thin platform
        ((6, 6), "jump", (6, 6), "right"),
        ((5, 4), "run_right", (6, 6), "right"),  # over the edge
        ((0, 6), "run_right", (0, 6), "right"),  # into the pit, and back
        ((2, 6), "step_left", (1, 6), "left"),
        ((1, 6), "climb_up", (1, 4), "away"),
        ((1, 4), "climb_up", (1, 2), "right"),
        ((1, 2), "climb_down", (1, 4), "away"),
        ((1, 4), "climb_down", (1, 6), "right"),
        ((1, 4), "jump", (1, 4), "away"),
        ((4, 6), "climb_up", (4, 6), "right"),
        ((4, 6), "climb_down", (4, 6), "right"),
    ],
)
def test_where_actions_lead(start: tuple[int, int], verb: str, end: tuple[int, int], facing: str):
    scene = replace(SCENE, hero=start, facing="away" if SCENE.climbs(start) else "right")
    result = after(scene, verb)
    assert (result.hero, result.facing) == (end, facing)
    assert WORLD.is_legal(scene, Meaning(verb)) == (result != scene)


def test_games_differ_in_their_rules():
    foe = replace(SCENE, hero=(4, 6), foes=((5, 6),))
    assert after(foe, "run_right") == foe
    slain = after(replace(foe, game="siege"), "run_right")
    assert (slain.hero, slain.foes) == ((6, 6), ())
    above = replace(SCENE, hero=(2, 6), foes=((4, 6),))
    assert after(above, "jump_right").foes == ()
    far = replace(SCENE, room=(*ROOM[:5], ROOM[3].replace("#", "."), *ROOM[6:]), hero=(2, 6), game="wilds")
    assert after(far, "jump_right").hero == (5, 6)
    assert after(replace(far, foes=((5, 6),)), "jump_right") == replace(far, foes=((5, 6),))


def test_coins_and_goals_are_taken_on_the_way():
    scene = replace(SCENE, hero=(1, 2), coins=((4, 5), (6, 6)))
    assert after(scene, "step_left").reached
    assert after(replace(scene, hero=(6, 6), coins=((6, 5),)), "jump").coins == ()
    assert after(scene, "run_right").coins == scene.coins


def test_waiting_changes_nothing_and_what_is_unknown_is_named():
    assert after(SCENE, "wait") == SCENE
    with pytest.raises(UnknownName):
        WORLD.step(SCENE, Meaning("fly"))
    with pytest.raises(InvalidInput):
        WORLD.step(SCENE, Meaning("jump", ("red",)))
    with pytest.raises(UnknownName):
        WORLD.reset(0, game="chess")
    with pytest.raises(InvalidInput):
        WORLD.reset(0, wide=True)


def test_rooms_are_drawn_by_their_seed_and_kept_apart():
    drawn = [WORLD.reset(seed) for seed in range(60)]
    assert drawn[:5] == [WORLD.reset(seed) for seed in range(5)]
    assert {s.game for s in drawn} == set(TRAINED_GAMES)
    assert {s.tiles for s in drawn} <= set(TRAINED_TILES)
    splits = WORLD.splits()
    assert WORLD.reset(1, **splits["transfer_tiles"]).tiles == HELD_OUT_TILES
    dive = WORLD.reset(1, **splits["transfer_game"])
    assert (dive.game, dive.tiles) == (HELD_OUT_GAME, SUNKEN)


def test_demonstrations_reach_the_goal_and_rooms_offer_enough():
    legal = Counter()
    for seed in range(25):
        scene = WORLD.reset(seed)
        assert not scene.reached
        assert scene.holds(scene.hero)
        legal.update(m.verb for m in WORLD.meanings(scene) if WORLD.is_legal(scene, m))
        actions = WORLD.demonstrate(scene, np.random.default_rng(seed))
        assert after(scene, *(action.verb for action in actions)).reached
    assert set(legal) == set(WORLD.verbs)


def test_every_action_is_held_out_somewhere_and_trained_elsewhere():
    held = Counter()
    for tiles in TRAINED_TILES:
        for game in TRAINED_GAMES:
            scene = replace(SCENE, tiles=tiles, game=game)
            held.update(m.verb for m in WORLD.meanings(scene) if WORLD.is_held_out(scene, m))
    pairs = len(TRAINED_TILES) * len(TRAINED_GAMES)
    assert all(0 < held[verb] < pairs / 2 for verb in WORLD.verbs)
    assert 0.15 < held.total() / pairs / len(WORLD.verbs) < 0.25


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_sentences_read_back(split: PhraseSplit):
    rng = np.random.default_rng(0)
    for index in range(400):
        scene = replace(SCENE, game=list(GAMES)[index % len(GAMES)])
        meaning = WORLD.meanings(scene)[rng.integers(len(WORLD.verbs))]
        text = WORLD.say(scene, meaning, rng, split)
        assert WORLD.understand(scene, text) == meaning, text
    assert WORLD.understand(SCENE, "run_left") == Meaning("run_left")
    assert WORLD.understand(SCENE, "paint the fence") is None


def test_no_sentence_is_in_both_splits():
    rng = np.random.default_rng(1)
    said = {
        split: {
            WORLD.say(SCENE, m, rng, split).lower().strip(" .!?") for _ in range(150) for m in WORLD.meanings(SCENE)
        }
        for split in ("train", "held_out")
    }
    assert not said["train"] & said["held_out"]
    assert len(said["train"]) > 700


def test_examples_are_sound():
    for example in WORLD.examples():
        scene = example.scene
        assert example.id.startswith("platformer-")
        assert all(len(row) == CELLS for row in scene.room)
        assert scene.holds(scene.hero)
        assert (scene.facing == "away") == scene.climbs(scene.hero)
        for text in example.suggestions:
            meaning = WORLD.understand(scene, text)
            assert meaning is not None, text
            assert WORLD.is_legal(scene, meaning), (example.id, text)
            assert not WORLD.is_held_out(scene, meaning), (example.id, text)
            scene = WORLD.advance(scene, meaning)
