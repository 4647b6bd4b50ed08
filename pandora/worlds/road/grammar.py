"""Sentences for actions and back."""

from functools import cache

import numpy as np

from pandora.worlds.base import Meaning, PhraseSplit
from pandora.worlds.road.phrases import PHRASES, TELEGRAMS
from pandora.worlds.wording import Grammar

_SIDED = ("turn", "lane")
_TELEGRAM = 0.06  # the share of trained sentences that are only a word or two


@cache
def _grammar() -> Grammar:
    return Grammar(PHRASES, slots={"side": ("left", "right")})


@cache
def _telegrams() -> dict[str, Meaning]:
    return {_plain(text): Meaning(verb) for verb, few in TELEGRAMS.items() for text in few}


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(" .!?")


def say(meaning: Meaning, rng: np.random.Generator, split: PhraseSplit) -> str:
    if split == "train" and rng.random() < _TELEGRAM:
        few = TELEGRAMS[meaning.verb]
        return few[rng.integers(len(few))]
    verb, _, side = meaning.verb.partition("_")
    if verb in _SIDED:
        return _grammar().say(verb, rng, split, side=side)
    return _grammar().say(meaning.verb, rng, split)


def parse(text: str) -> Meaning | None:
    """What a sentence means; None where it is none of the grammar's."""
    if found := _telegrams().get(_plain(text)):
        return found
    said = _grammar().parse(text)
    if said is None:
        return None
    return Meaning(f"{said.verb}_{said.slots['side']}" if said.verb in _SIDED else said.verb)


def split_of(text: str) -> PhraseSplit | None:
    """The split a sentence belongs to; None for one that is none of the grammar's."""
    return "train" if _plain(text) in _telegrams() else _grammar().split_of(text)
