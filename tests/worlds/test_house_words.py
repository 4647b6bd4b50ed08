"""What can be said in the house world, and that it is understood."""

import numpy as np
import pytest

from pandora.worlds.base import Meaning, PhraseSplit
from pandora.worlds.house.phrases import PHRASES, WORDS
from pandora.worlds.house.rules import THINGS, VERBS
from pandora.worlds.house.world import House

WORLD = House()
SCENE = WORLD.reset(1170)


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_sentences_parse_back(split: PhraseSplit) -> None:
    rng = np.random.default_rng(0)
    for number in range(300):
        verb = sorted(VERBS)[number % len(VERBS)]
        meaning = Meaning(verb, (str(rng.choice(THINGS)),) if VERBS[verb] else ())
        text = WORLD.say(SCENE, meaning, rng, split)
        assert WORLD.understand(SCENE, text) == meaning, text


def test_no_sentence_belongs_to_both_splits() -> None:
    rng = np.random.default_rng(1)
    said = {
        split: {WORLD.say(SCENE, Meaning(verb), rng, split) for verb in VERBS if not VERBS[verb] for _ in range(60)}
        for split in ("train", "held_out")
    }
    assert not said["train"] & said["held_out"]
    assert all(len(few) > 300 for few in said.values())


def test_every_verb_has_many_phrasings_and_every_thing_a_word() -> None:
    assert set(PHRASES) == set(VERBS)
    for few in PHRASES.values():
        assert len(few.train) >= 15
        assert 4 <= len(few.held) <= 8
    assert set(WORDS) == set(THINGS)
    words = [word for few in WORDS.values() for word in (*few.train, *few.held)]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("left", Meaning("turn_left")),
        ("Could you walk over to the couch?", Meaning("go_to", ("sofa",))),
        ("look behind you", Meaning("turn_around")),
        ("suddenly the lights go out", Meaning("light_off")),
        ("look_at red_ball", Meaning("look_at", ("red_ball",))),
        ("look_at dragon", None),
        ("sing a song", None),
    ],
)
def test_plain_words_are_understood(text: str, meaning: Meaning | None) -> None:
    assert WORLD.understand(SCENE, text) == meaning


def test_every_meaning_is_understood_by_its_name() -> None:
    assert all(WORLD.understand(SCENE, str(meaning)) == meaning for meaning in WORLD.meanings(SCENE))


def test_suggestions_of_the_examples_are_understood_and_most_can_be_done() -> None:
    examples = WORLD.examples()
    assert 4 <= len(examples) <= 6
    assert len({example.id for example in examples}) == len(examples)
    for example in examples:
        assert example.id.startswith("house-")
        meanings = [WORLD.understand(example.scene, text) for text in example.suggestions]
        assert all(meaning is not None for meaning in meanings), example.suggestions
        legal = [WORLD.is_legal(example.scene, meaning) for meaning in meanings if meaning is not None]
        assert sum(legal) >= 4, list(zip(example.suggestions, legal, strict=True))
