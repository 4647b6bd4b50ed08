"""Sentences for the tabletop's actions, and back: which ways to say something fit the scene, and what "it" is."""

from functools import cache

import numpy as np

from pandora.worlds.base import Meaning, PhraseSplit
from pandora.worlds.tabletop.phrases import BLOCKS, PHRASINGS, WAYS
from pandora.worlds.tabletop.rules import PUSHES
from pandora.worlds.tabletop.state import TABLE, TableScene
from pandora.worlds.towers import COLOURS
from pandora.worlds.wording import Grammar

_FITTING = 0.4  # share of sentences in the way that fits the scene, where there is one


@cache
def grammar() -> Grammar:
    return Grammar(PHRASINGS, BLOCKS | WAYS, {"a": COLOURS, "b": COLOURS, "way": tuple(WAYS)})


def say(scene: TableScene, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
    """One sentence for the meaning that is unambiguous in this scene."""
    slots = dict(zip("ab", meaning.arguments, strict=False))
    verb, block = meaning.verb, slots.get("a")
    below = scene.support.get(block, TABLE) if block else TABLE
    fits = rng.random() < _FITTING
    if verb in PUSHES:
        slots["way"] = verb.removeprefix("push_")
        verb = "knock" if fits and below != TABLE else "push"
    elif verb == "pick_up" and fits and below != TABLE:
        verb, slots["b"] = "pick_up_off", below
    elif verb in ("put_down", "stack", "drop") and fits and scene.holding == block:
        verb = f"{verb}_it"
        del slots["a"]
    return grammar().say(verb, rng, split, **slots)


def parse(scene: TableScene, text: str) -> Meaning | None:
    """What the sentence means in this scene; None where it is none of the grammar's or speaks of what isn't so."""
    said = grammar().parse(text)
    if said is None:
        return None
    verb, slots = said.verb, said.slots
    block, other = slots.get("a"), slots.get("b")
    if verb.endswith("_it"):
        verb, block = verb.removesuffix("_it"), scene.holding
        if block is None:
            return None
    if verb == "pick_up_off":
        if scene.support.get(block or "") != other:
            return None
        verb, other = "pick_up", None
    if verb in ("push", "knock"):
        verb = f"push_{slots['way']}"
    return Meaning(verb, tuple(argument for argument in (block, other) if argument))
