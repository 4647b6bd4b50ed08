"""States in words and back."""

import numpy as np
import pytest

from pandora.worlds.blocks.world import Blocks


def test_a_state_and_its_words_are_one() -> None:
    world = Blocks()
    planning = world.planning()
    for seed in range(40):
        scene, rng = world.reset(seed), np.random.default_rng(seed)
        for _ in range(5):
            facts = world.facts(scene)
            text = planning.say_state(facts)
            found = planning.read_state(text)
            assert found is not None
            assert planning.key(found) == planning.key(facts)
            assert ("light", "on" if scene.light else "off") in found
            assert planning.read_state(text.replace("; ", " ;  ").upper()) == found
            scene = world.advance(scene, world.sample(scene, rng, legal=True))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "something else",
        "red on table",  # no hand
        "red on table; hand full; light on",
        "red on red; hand empty; light on",
        "red on blue; blue on red; hand empty; light on",
        "red on blue; hand empty; light on",
        "red in hand; blue in hand; hand full; light on",
        "red on table; yellow on red; green on red; hand empty; light on",
        "blue on table; red on table; hand empty; light on",  # not in the order of the colours
        "red on table; red on table; hand empty; light on",
        "red on table; hand empty; light dim",
        "pink on table; hand empty; light on",
    ],
)
def test_what_can_not_be_is_not_read(text: str) -> None:
    assert Blocks().planning().read_state(text) is None
