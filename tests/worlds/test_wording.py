"""The grammar machinery that worlds share, and what holds between the worlds."""

from typing import Any

import numpy as np
import pytest

from pandora.errors import UnknownName
from pandora.training.sentences import Slots
from pandora.worlds import make_world, world_names
from pandora.worlds.wording import CLAUSE, IMPERATIVE, Grammar, Phrasings, Words

GRAMMAR = Grammar(
    {
        "turn": Phrasings(("turn [the car|] {side}", "go [over|up] to the {side}"), ("hang a {side}",)),
        "rain": Phrasings(("~it [starts|begins] to rain", "make it rain"), ("~the heavens open",)),
    },
    {"left": Words(("left",), ("port",)), "right": Words(("right", "starboard side"))},
    {"side": ("left", "right")},
)
CASES = [("turn", {"side": "left"}), ("turn", {"side": "right"}), ("rain", {})]


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_what_is_said_is_read(split: str) -> None:
    rng = np.random.default_rng(0)
    for verb, slots in CASES * 60:
        text = GRAMMAR.say(verb, rng, split, **slots)  # type: ignore[arg-type]
        said = GRAMMAR.parse(text)
        assert said is not None, text
        assert (said.verb, said.slots) == (verb, slots), text
        assert GRAMMAR.split_of(text) == split, text


def test_no_sentence_is_in_both_splits() -> None:
    rng = np.random.default_rng(1)
    told = {
        split: {GRAMMAR.say(verb, rng, split, **slots).lower() for verb, slots in CASES * 400}  # type: ignore[arg-type]
        for split in ("train", "held_out")
    }
    assert min(map(len, told.values())) > 50
    assert not told["train"] & told["held_out"]
    held = [frame.format("").strip(" ?") for frame in (*IMPERATIVE.held, *CLAUSE.held)]
    assert not [text for text in told["train"] if "port" in text.split() or any(text.startswith(few) for few in held)]


def test_what_is_no_sentence_of_the_grammar_is_not_read() -> None:
    for text in ("", "turn", "turn the car", "it starts to snow", "left"):
        assert GRAMMAR.parse(text) is None
        assert GRAMMAR.split_of(text) is None


@pytest.mark.parametrize("split", ["train", "held_out"])
@pytest.mark.parametrize("name", world_names())
def test_every_world_knows_which_split_it_speaks(name: str, split: Any) -> None:
    try:
        world = make_world(name)
    except ImportError:
        pytest.skip(f"{name} needs the extra worlds")
    rng = np.random.default_rng(2)
    for seed in range(30):
        scene = world.reset(seed)
        for meaning in world.meanings(scene):
            text = world.say(scene, meaning, rng, split)
            assert world.split_of(text) == split, text


def test_a_template_belongs_to_one_split() -> None:
    with pytest.raises(ValueError, match="both splits"):
        Grammar({"stop": Phrasings(("stop",), ("stop",))})


def test_a_verb_takes_as_many_arguments_in_every_world() -> None:
    pytest.importorskip("mujoco")
    pytest.importorskip("moderngl")
    worlds = [make_world(name) for name in world_names()]
    slots = Slots.of(*worlds)
    assert set(slots.counts) == {verb for world in worlds for verb in world.verbs}
    assert all(world.verbs["wait"] == 0 for world in worlds)


def test_an_unknown_world_is_told_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="platformer"):
        make_world("moon")
