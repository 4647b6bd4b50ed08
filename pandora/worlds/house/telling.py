"""Free text for the house world: meanings as sentences, and sentences as meanings."""

from functools import lru_cache

import numpy as np

from pandora.worlds.base import Meaning, PhraseSplit
from pandora.worlds.house.phrases import PHRASES, WORDS
from pandora.worlds.house.rules import THINGS, VERBS
from pandora.worlds.wording import Grammar


@lru_cache(maxsize=1)
def _grammar() -> Grammar:
    return Grammar(PHRASES, WORDS, {"thing": THINGS})


def say(meaning: Meaning, rng: np.random.Generator, split: PhraseSplit) -> str:
    """One sentence for the meaning."""
    slots = {"thing": meaning.arguments[0]} if VERBS[meaning.verb] else {}
    return _grammar().say(meaning.verb, rng, split, **slots)


def understand(text: str) -> Meaning | None:
    """What a sentence of the grammar, or `str` of a meaning, means; None for any other."""
    verb, *arguments = text.split() or [""]
    if VERBS.get(verb) == len(arguments) and set(arguments) <= set(THINGS):
        return Meaning(verb, tuple(arguments))
    said = _grammar().parse(text)
    if said is None:
        return None
    return Meaning(said.verb, (said.slots["thing"],) if VERBS[said.verb] else ())


def split_of(text: str) -> PhraseSplit | None:
    """The split a sentence of the grammar belongs to; None for any other."""
    return _grammar().split_of(text)
