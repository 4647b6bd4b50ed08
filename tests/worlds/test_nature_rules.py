"""The rules of the nature world, and its sentences."""

import numpy as np
import pytest

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import Meaning, PhraseSplit
from pandora.worlds.nature import rules
from pandora.worlds.nature.phrases import grammar
from pandora.worlds.nature.state import FIRES, HOURS, LANDS, WEATHERS, NatureState
from pandora.worlds.nature.world import Nature

WORLD = Nature()
SPLITS: tuple[PhraseSplit, ...] = ("train", "held_out")


def after(state: NatureState, *verbs: str) -> NatureState:
    for verb in verbs:
        assert WORLD.is_legal(state, Meaning(verb)), verb
        state = WORLD.advance(state, Meaning(verb))
    return state


def test_a_story() -> None:
    end = after(NatureState(), "light_fire", "fire_up", "dusk", "wind_left", "rain", "fire_down", "look_right", "night")
    assert (end.fire, end.hour, end.wind, end.weather, end.view) == ("low", "night", "left", "rain", 1)
    assert after(end, "put_out_fire", "clear_sky", "dawn", "wind_calm", "look_left").fire == "none"


@pytest.mark.parametrize(
    ("state", "verb"),
    [
        (NatureState(), "fire_up"),
        (NatureState(), "fire_down"),
        (NatureState(), "put_out_fire"),
        (NatureState(fire="low"), "light_fire"),
        (NatureState(fire="high"), "fire_up"),
        (NatureState(weather="rain"), "light_fire"),
        (NatureState(weather="storm"), "light_fire"),
        (NatureState(pit=False), "light_fire"),
        (NatureState(view=-1), "look_left"),
        (NatureState(view=1), "look_right"),
    ],
)
def test_what_is_impossible_changes_no_fact(state: NatureState, verb: str) -> None:
    assert not WORLD.is_legal(state, Meaning(verb))
    assert WORLD.facts(WORLD.advance(state, Meaning(verb))) == WORLD.facts(state)


def test_waiting_keeps_the_facts_and_clouds_go_with_the_wind() -> None:
    windy = NatureState(wind="right", drift=7)
    later = WORLD.advance(windy, Meaning("wait"))
    assert WORLD.facts(later) == WORLD.facts(windy)
    assert later.drift == 7 + rules.DRIFT
    assert WORLD.advance(NatureState(drift=7), Meaning("wait")) == NatureState(drift=7)


def test_a_fifth_is_held_out() -> None:
    states = [NatureState(weather=w, hour=h, fire=f) for w in WEATHERS for h in HOURS for f in FIRES]
    held = [WORLD.is_held_out(state, Meaning(verb)) for state in states for verb in WORLD.verbs if verb != "wait"]
    assert 0.17 < np.mean(held) < 0.23
    assert not any(WORLD.is_held_out(state, Meaning("wait")) for state in states)
    assert WORLD.is_held_out(states[0], Meaning("rain")) == WORLD.is_held_out(
        NatureState(look=99, view=1), Meaning("rain")
    )


def test_reset_draws_everything_and_says_what_is_wrong() -> None:
    scenes = [WORLD.reset(seed) for seed in range(200)]
    assert {s.land for s in scenes} == set(LANDS)
    assert {s.weather for s in scenes} == set(WEATHERS)
    assert {s.view for s in scenes} == {-1, 0, 1}
    assert all(s.pit or s.fire == "none" for s in scenes)
    assert WORLD.reset(5) == WORLD.reset(5)
    assert WORLD.reset(5, **WORLD.splits()["held_out_land"]).land == "canyon"
    assert all(WORLD.reset(seed, fire="high").pit for seed in range(40))
    with pytest.raises(UnknownName, match="lake"):
        WORLD.reset(0, land="moon")
    with pytest.raises(InvalidInput, match="blocks"):
        WORLD.reset(0, blocks=3)
    with pytest.raises(UnknownName, match="verb"):
        WORLD.advance(scenes[0], Meaning("dance"))


def test_demonstrations_are_possible_and_lead_somewhere() -> None:
    rng = np.random.default_rng(0)
    lengths = []
    for seed in range(60):
        scene = WORLD.reset(seed)
        actions = WORLD.demonstrate(scene, rng)
        for action in actions:
            assert WORLD.is_legal(scene, action), (seed, str(action))
            scene = WORLD.advance(scene, action)
        lengths.append(len(actions))
    assert 2 < np.mean(lengths) < 8


def test_shown_has_one_value_of_each_attribute() -> None:
    scene = WORLD.reset(3)
    for meaning in WORLD.meanings(scene):
        shown = {name: value for name, value in WORLD.shown(scene, meaning, WORLD.advance(scene, meaning))}
        assert shown.keys() == WORLD.attributes.keys()
        assert all(value in WORLD.attributes[name] for name, value in shown.items())
    turned = Meaning("look_right")
    left = NatureState(view=-1)
    assert ("pan", "right") in WORLD.shown(left, turned, WORLD.advance(left, turned))
    assert ("pan", "left") in WORLD.shown(NatureState(), Meaning("look_left"), NatureState(view=-1))


@pytest.mark.parametrize("split", SPLITS)
def test_sentences_mean_what_they_were_said_for(split: PhraseSplit) -> None:
    rng, scene = np.random.default_rng(1), NatureState()
    verbs = list(WORLD.verbs)
    for i in range(380):
        meaning = Meaning(verbs[i % len(verbs)])
        text = WORLD.say(scene, meaning, rng, split)
        assert WORLD.understand(scene, text) == meaning, text


def test_phrasings_are_many_and_held_out_ones_are_never_trained() -> None:
    assert set(grammar().phrasings) == set(WORLD.verbs)
    rng = np.random.default_rng(2)
    for verb, few in grammar().phrasings.items():
        assert len(few.train) >= 15, verb
        assert 4 <= len(few.held) <= 8, verb
        trained, held = ({grammar().say(verb, rng, split) for _ in range(60)} for split in SPLITS)
        assert len(trained) > 35, verb
        assert not trained & held, verb


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("the sun goes down", "dusk"),
        ("it starts to rain", "rain"),
        ("The wind blows from the left!", "wind_right"),
        ("wind to the left", "wind_left"),
        ("the fire flares up", "fire_up"),
        ("could you put out the fire?", "put_out_fire"),
        ("look_left", "look_left"),
    ],
)
def test_known_sentences(text: str, verb: str) -> None:
    assert WORLD.understand(NatureState(), text) == Meaning(verb)


def test_other_sentences_are_unknown() -> None:
    for text in ("", "pick up the red block", "turn on the light", "jump", "the rain in spain"):
        assert WORLD.understand(NatureState(), text) is None, text


def test_examples_say_what_is_understood_and_possible() -> None:
    examples = WORLD.examples()
    assert len({example.id for example in examples}) == len(examples) == 6
    for example in examples:
        assert example.id.startswith("nature-")
        for text in example.suggestions:
            meaning = WORLD.understand(example.scene, text)
            assert meaning is not None, text
            assert WORLD.is_legal(example.scene, meaning), text
