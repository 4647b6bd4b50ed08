"""Words for the slots of a skeleton: which noun, colour word, direction ... a sentence uses."""

import re
from bisect import bisect
from collections.abc import Mapping
from functools import cache
from itertools import accumulate

import numpy as np

from pandora.worlds.blocks import phrases as p
from pandora.worlds.blocks.phrases import Words
from pandora.worlds.blocks.skeletons import PHRASES, PLURAL_FORMS, Skeleton

_SLOT = re.compile(r"\{(\w+)\}")
_ONE_FORBIDDEN = re.compile(r"[,:]? (\{[dp]\}|one\b)")  # "the red one one step left"
_NOUN_PHRASES = {
    "the {c} {n}": 72, "{c}": 9, "{c} {n}": 4, "that {c} {n}": 3, "the {c}": 1, "a {c} {n}": 2, "this {c} {n}": 1,
    "the {j} {c} {n}": 2, "the {c}-coloured {n}": 1, "the {c} colored {n}": 1,
    "the {n} that is {c}": 1, "the {n} that's {c}": 1, "the {n} which is {c}": 0.5,
}  # fmt: skip
_BARE_NOUN_PHRASES = {"{c}": 55, "{c} {n}": 20, "the {c} {n}": 18, "the {c}": 4, "that {c} {n}": 1}


Table = tuple[tuple[str, ...], tuple[float, ...]]  # words and their weights summed up


def _as_table(weights: Mapping[str, float]) -> Table:
    return tuple(weights), tuple(accumulate(weights.values()))


def draw(table: Table, rng: np.random.Generator) -> str:
    values, sums = table
    return values[bisect(sums, rng.random() * sums[-1])]


def pick(values: tuple[str, ...], rng: np.random.Generator) -> str:
    return values[int(rng.random() * len(values))]


def _words(verb: str, slot: str, kind: str) -> Words:
    if slot == "h":
        return p.HELD_OBJECTS_YOU if kind in {"imp", "req"} else p.HELD_OBJECTS
    return p.SHARED_WORDS.get(slot) or PHRASES[verb].words[slot]


@cache
def _word_table(verb: str, slot: str, kind: str) -> Table:
    return _as_table(_words(verb, slot, kind).train)


@cache
def _colour_table(colour: str) -> Table:
    return _as_table(p.COLOURS[colour].train)


_NOUN_TABLE = _as_table(p.NOUNS.train)
_PHRASE_TABLES = {bare: _as_table(t) for bare, t in ((False, _NOUN_PHRASES), (True, _BARE_NOUN_PHRASES))}


def fill(
    skeleton: Skeleton, verb: str, blocks: dict[str, str], rng: np.random.Generator, chance: float, fresh: bool
) -> str:
    """The skeleton in words, `blocks` giving the colours of slot "a" and "b".

    Each word is one kept out of training with `chance`, one of them surely where `fresh`.
    """
    slots = list(_SLOT.finditer(skeleton.template))
    open_slots = [i for i, slot in enumerate(slots) if slot[1] not in PLURAL_FORMS]
    sure = open_slots[int(rng.random() * len(open_slots))] if fresh else -1
    parts, at, plural = [], 0, False
    for i, slot in enumerate(slots):
        parts.append(skeleton.template[at : slot.start()])
        at, name = slot.end(), slot[1]
        held = i == sure or (chance > 0 and rng.random() < chance)
        if name in PLURAL_FORMS:
            word = PLURAL_FORMS[name] if plural else name
        elif name in blocks:
            word = _block(blocks[name], skeleton, at, later=any(s[1] in blocks for s in slots[:i]), held=held, rng=rng)
        else:
            words = (verb, name, skeleton.kind)
            word = pick(_words(*words).held, rng) if held else draw(_word_table(*words), rng)
            if name == "must" and plural:
                word = re.sub(r"^(has|needs|is)\b", lambda m: PLURAL_FORMS[m[1]], word)
            if name == "l":
                plural = word.endswith("s")
                word = word.removeprefix("the ") if skeleton.kind == "tel" and rng.random() < 0.7 else word
        parts.append(word)
    return re.sub(r"\b(a) (?=[aeiou])", "an ", "".join((*parts, skeleton.template[at:])))


def _block(colour: str, skeleton: Skeleton, end: int, later: bool, held: bool, rng: np.random.Generator) -> str:
    """A noun phrase for a block."""
    rest = skeleton.template[end:]
    held_noun = held and rng.random() < 0.5
    phrase = draw(_PHRASE_TABLES[skeleton.kind == "tel"], rng)
    if (rest and not re.match(r"[,:.?]", rest) and "{n} " in phrase) or (held_noun and "{n}" not in phrase):
        phrase = "the {c} {n}"
    noun = ""
    if phrase != "{c}":
        noun = "one" if later and rng.random() < 0.15 else draw(_NOUN_TABLE, rng)
        noun = pick(p.NOUNS.held, rng) if held_noun else noun
    if noun == "one" and (_ONE_FORBIDDEN.match(rest) or re.search("{j}|colou?red", phrase)):
        noun = "block"
    word = pick(p.COLOURS[colour].held, rng) if held and not held_noun else draw(_colour_table(colour), rng)
    phrase = phrase.replace("{c}", word).replace("{n}", noun)
    return phrase.replace("{j}", pick(p.ADJECTIVES, rng)) if "{j}" in phrase else phrase


def fill_plain(skeleton: Skeleton, verb: str) -> str:
    """The skeleton with the first word of every class, but `{a}` and `{b}` left open for colour words."""
    noun_phrase = "{{{}}}" if skeleton.kind == "tel" else "the {{{}}} block"

    def plain(slot: re.Match[str]) -> str:
        name = slot[1]
        if name in "ab":
            return noun_phrase.format(name)
        return name if name in PLURAL_FORMS else next(iter(_words(verb, name, skeleton.kind).train))

    return _SLOT.sub(plain, skeleton.template)
