"""Pictures that no world drew, and what is measured on them."""

from dataclasses import replace

import numpy as np
import pytest

from pandora.errors import InvalidInput
from pandora.evaluation import novelty
from pandora.evaluation.cartoons import cartoon, in_place, places
from pandora.evaluation.strangers import SPOILT, leaves, nonsense, photograph, spoil
from pandora.novelty import Novelty
from pandora.presets import tiny_model
from pandora.worlds import make_world
from pandora.worlds.footage import draw_frames

WORLD = make_world("blocks")


@pytest.mark.parametrize("make", [photograph, leaves, nonsense])
def test_strange_pictures_are_of_their_seed(make) -> None:
    first, again, other = (make(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (128, 128, 3)
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert (first != other).any()


def test_a_frame_is_spoilt_in_every_way_but_its_shape() -> None:
    frame = WORLD.render(WORLD.reset(3))
    for kind in SPOILT:
        spoilt = spoil(frame, kind, np.random.default_rng(0))
        assert spoilt.shape == frame.shape, kind
        assert (spoilt != frame).any(), kind


def test_a_drawing_has_its_colours_where_the_scene_has_them() -> None:
    for seed in range(20):
        scene = WORLD.reset(seed, light=True)
        drawn, true = cartoon(scene, np.random.default_rng(seed)), WORLD.render(scene)
        assert in_place(drawn, true, scene.blocks), seed
        assert WORLD.readout(drawn) is None, "a drawing is none of the world's frames"
        moved = replace(scene, stacks=tuple(replace(one, column=(one.column + 2) % 7) for one in scene.stacks))
        assert not in_place(cartoon(moved, np.random.default_rng(seed)), true, scene.blocks)
    assert places(np.full((128, 128, 3), 200, np.uint8), ["red"]) == {"red": None}


def test_frames_are_drawn_at_rest_and_in_motion() -> None:
    frames = list(draw_frames(WORLD, 20, 5))
    assert len(frames) == 20
    assert all((a == b).all() for a, b in zip(frames, draw_frames(WORLD, 20, 5), strict=True))
    assert sum(WORLD.readout(frame) is None for frame in frames) > 3, "in motion nothing can be read"
    assert WORLD.readout(frames[0]) is not None


def test_auroc_counts_pairs() -> None:
    def verdicts(*excesses: float) -> list[Novelty]:
        return [Novelty(score=0.5, excess=excess, world="blocks", known=True) for excess in excesses]

    assert novelty.auroc("x", verdicts(0, 1, 2, 3), verdicts(4, 5)).value == 1.0
    assert novelty.auroc("x", verdicts(0, 1, 2, 3), verdicts(1.5)).value == 0.5
    assert novelty.auroc("x", verdicts(1, 1), verdicts(1, 0)).value == 0.25, "ties count by halves"


def test_weights_that_can_not_tell_are_refused() -> None:
    with pytest.raises(InvalidInput, match="pandora train novelty"):
        novelty.measure(tiny_model(), 10)
