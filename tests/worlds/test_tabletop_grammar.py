"""The tabletop's sentences: all are read back, and no sentence belongs to both splits."""

import numpy as np
import pytest

pytest.importorskip("mujoco")

from pandora.worlds.base import Meaning, PhraseSplit
from pandora.worlds.tabletop.phrases import PHRASINGS
from pandora.worlds.tabletop.world import Tabletop

WORLD = Tabletop()


def spoken(split: PhraseSplit, count: int = 300) -> set[str]:
    said = set()
    for seed in range(count):
        scene, rng = WORLD.reset(seed), np.random.default_rng(seed)
        meaning = WORLD.sample(scene, rng)
        text = WORLD.say(scene, meaning, rng, split)
        assert WORLD.understand(scene, text) == meaning, text
        said.add(text.lower())
    return said


def test_sentences_of_both_splits_are_read_back_and_differ():
    train, held = spoken("train"), spoken("held_out")
    assert not train & held
    assert len(train) > 250


def test_every_verb_has_many_phrasings():
    for verb, few in PHRASINGS.items():
        assert 13 <= len(few.train) <= 80, verb
        assert 4 <= len(few.held) <= 8, verb


def test_it_is_the_block_in_the_hand():
    scene = next(scene for scene in map(WORLD.reset, range(50)) if scene.holding and len(scene.blocks) > 2)
    assert scene.holding
    other = next(block for block in scene.blocks if block != scene.holding)
    assert WORLD.understand(scene, "let it fall") == Meaning("drop", (scene.holding,))
    assert WORLD.understand(scene, f"put it on {other}") == Meaning("stack", (scene.holding, other))
    free = next(scene for scene in map(WORLD.reset, range(50)) if not scene.holding)
    assert WORLD.understand(free, "put it down") is None


def test_the_block_below_must_be_the_one_that_is_named():
    scene = next(s for s in map(WORLD.reset, range(50)) if any(below != "table" for below in s.support.values()))
    block, below = next((b, under) for b, under in scene.support.items() if under != "table")
    assert WORLD.understand(scene, f"take {block} off {below}") == Meaning("pick_up", (block,))
    assert WORLD.understand(scene, f"take {below} off {block}") is None


def test_the_short_form_and_nonsense():
    scene = WORLD.reset(1)
    block = scene.blocks[0]
    assert WORLD.understand(scene, f"push_left {block}") == Meaning("push_left", (block,))
    assert WORLD.understand(scene, "the car turns left at the crossing") is None
