"""The platformer's pictures, and the facts read back from them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pandora.evaluation.verdict import degrade
from pandora.worlds.base import Frames, Meaning
from pandora.worlds.platformer.render import render, rest
from pandora.worlds.platformer.state import CELL, TILE_SETS, Scene
from pandora.worlds.platformer.world import Platformer

WORLD = Platformer()
ROOM = ("........",) * 6 + (".#......", "###~####")
SCENE = Scene(ROOM, hero=(2, 6), goal=(7, 6), coins=((5, 5),), foes=((0, 6),))
OPTIONS: list[dict[str, Any]] = [{}, {"tiles": "volcano"}, {"game": "dive"}]


def clips(count: int, options: dict[str, Any]) -> list[tuple[Scene, Meaning, Scene, Frames]]:
    rng = np.random.default_rng(4)
    found = []
    for seed in range(count):
        scene = WORLD.reset(10**6 + seed, **options)
        meaning = WORLD.sample(scene, rng)
        outcome = WORLD.step(scene, meaning)
        found.append((scene, meaning, outcome.scene, outcome.frames))
    return found


@pytest.mark.parametrize("options", OPTIONS, ids=["trained", "transfer_tiles", "transfer_game"])
@pytest.mark.parametrize("quality", [None, 33.0])
def test_what_a_clip_shows_is_read_from_it(options: dict[str, Any], quality: float | None):
    rng = np.random.default_rng(5)
    for scene, meaning, end, true_frames in clips(6, options):
        start, frames = WORLD.render(scene), true_frames
        if quality:
            start, frames = degrade(start, quality, rng), np.stack([degrade(f, quality, rng) for f in frames])
        assert WORLD.readout(start) == WORLD.facts(scene)
        assert WORLD.read(start, frames) == WORLD.shown(scene, meaning, end), (scene.game, scene.tiles, meaning)


@pytest.mark.parametrize("tiles", TILE_SETS)
def test_every_tile_set_can_be_read(tiles: str):
    for look, game in enumerate(("quest", "siege", "wilds", "dive")):
        scene = replace(SCENE, tiles=tiles, game=game, look=look)
        assert WORLD.readout(WORLD.render(scene)) == WORLD.facts(scene)


def test_clips_end_where_the_next_begins_and_are_the_same_again():
    for scene, meaning, end, frames in clips(8, {}):
        assert frames.shape == (8, 128, 128, 3)
        assert frames.dtype == np.uint8
        assert (frames[-1] == WORLD.render(end)).all()
        assert (frames == WORLD.step(scene, meaning).frames).all()
        assert WORLD.facts(end) == WORLD.facts(WORLD.advance(scene, meaning))


def test_an_attempt_is_seen_and_leaves_the_facts():
    for verb in ("climb_up", "climb_down", "jump", "run_left"):
        scene = replace(SCENE, facing="left")
        outcome = WORLD.step(scene, Meaning(verb))
        assert not outcome.legal
        assert outcome.scene == scene
        still = WORLD.step(scene, Meaning("wait")).frames
        assert np.abs(outcome.frames[:6].astype(int) - still[:6]).max() > 60


def test_a_jump_and_a_loss_are_told_apart_from_a_wait():
    start = WORLD.render(SCENE)
    for verb, more in (("wait", set()), ("jump", {("arced",)}), ("run_right", {("lost",)})):
        outcome = WORLD.step(SCENE, Meaning(verb))
        assert not outcome.legal or verb == "wait"
        assert WORLD.read(start, outcome.frames) == WORLD.facts(SCENE) | more


def test_a_clip_in_which_the_ground_goes_is_none():
    start, frames = WORLD.render(SCENE), WORLD.step(SCENE, Meaning("jump")).frames
    assert WORLD.read(start, frames) is not None
    frames[-1, 7 * CELL :, 2 * CELL : 3 * CELL] = start[:CELL, 2 * CELL : 3 * CELL]
    assert WORLD.read(start, frames) is None


def test_the_goal_behind_the_hero_is_reached():
    scene = replace(SCENE, hero=SCENE.goal, reached=True)
    assert WORLD.readout(WORLD.render(scene)) == WORLD.facts(scene)


def test_half_a_hero_and_rubbish_are_no_state():
    after = WORLD.advance(SCENE, Meaning("jump_right"))
    mixed = (WORLD.render(SCENE) * 0.5 + WORLD.render(after) * 0.5).astype(np.uint8)
    assert WORLD.readout(mixed) is None
    two = render(SCENE, rest(SCENE))
    two[CELL : 2 * CELL, :CELL] = two[6 * CELL : 7 * CELL, 2 * CELL : 3 * CELL]
    assert WORLD.readout(two) is None
    assert WORLD.readout(render(SCENE, replace(rest(SCENE), x=40.0))) is None
    assert WORLD.readout(render(SCENE, replace(rest(SCENE), shown=False))) is None
    faded = WORLD.render(replace(SCENE, coins=())) * 0.5 + WORLD.render(SCENE) * 0.5
    assert WORLD.readout(faded.astype(np.uint8)) != WORLD.facts(SCENE)
    rng = np.random.default_rng(0)
    for rubbish in (rng.integers(0, 256, (128, 128, 3)), np.zeros((128, 128, 3)), np.zeros((64, 64, 3))):
        assert WORLD.readout(rubbish.astype(np.uint8)) is None
