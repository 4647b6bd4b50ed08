"""Sentences read back: a normal form in which every word class is one token."""

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from pandora.worlds.blocks import phrases as p
from pandora.worlds.blocks.phrases import Words
from pandora.worlds.blocks.skeletons import PHRASES, PLURAL_FORMS

_SLOT = re.compile(r"\{(\w+)\}")
_PUNCTUATION = str.maketrans({mark: " " for mark in string.punctuation})
_STRIPPED = frozenset(("the", "a", "an", "that", "this", *p.FILLERS))
_SINGULAR = {plural: singular for singular, plural in PLURAL_FORMS.items()}
_TOKENS = {  # of slots that any word of their class fills
    "o": "on", "i": "on", "f": "off", "k": "stack", "ask": "could you", "want": "i want",
    "must": "should", "you": "should", "g": "robot", "m": "robot", "r": "robot", "t": "table", "l": "light", "h": "it",
}  # fmt: skip
_UNITS = ("step", "row", "column", "cell", "spot", "place", "position", "square", "notch", "space", "tile")
_WAYS = ("to", "further", "left", "right", "back", "away", "closer", "nearer", "deeper")
_STEPS = ("to left", "to right", *(f"{unit} {way}" for unit in _UNITS for way in _WAYS))

# By first word: a class member's words, the token of its class, whether it is kept out of training; longest first.
Members = dict[str, list[tuple[tuple[str, ...], str, bool]]]


@dataclass(frozen=True)
class Reading:
    """A sentence in normal form: the key, the colours in order, and whether it has a word kept out of training."""

    key: str
    colours: tuple[str, ...]
    has_held_word: bool


def key_of(template: str, verb: str) -> str:
    """The normal form of a skeleton's sentences."""
    direction = direction_token(verb)
    plain = _TOKENS | {"a": "the red block", "b": "the red block", "d": direction, "p": direction}
    return normal_form(_SLOT.sub(lambda m: plain.get(m[1], m[1]), template)).key


def _clean(text: str) -> str:
    text = text.lower().replace("'", "").replace("\u2019", "")
    return text.translate(_PUNCTUATION) if text.isascii() else re.sub(r"[^a-z0-9]+", " ", text)


def _strip(text: str) -> list[str]:
    """The words without articles and fillers."""
    text = f" {' '.join(_clean(text).split())} "
    for phrase in p.FILLER_PHRASES:
        text = text.replace(f" {phrase} ", " ")
    return [word for word in text.split() if word not in _STRIPPED]


def _members(entries: Iterable[tuple[Words, str]]) -> Members:
    """A lookup of class members, the longest first; the first class to name a member has it, held words come last."""
    known: dict[tuple[str, ...], tuple[str, bool]] = {}
    for words, token in entries:
        for word in words.train:
            known.setdefault(tuple(_strip(word)), (token, False))
        for word in words.held:
            known[tuple(_strip(word))] = (token, True)
    members: Members = {}
    for member, (token, held) in sorted(known.items(), key=lambda item: -len(item[0])):
        members.setdefault(member[0], []).append((member, token, held))
    return members


@cache
def _lexicon() -> tuple[Members, Members, Members, frozenset[str]]:
    """Colours, nouns, all other word classes, and every word that one of them starts with."""
    classes: list[tuple[Words, str]] = [(p.HELD_OBJECTS_YOU, "it")]
    for verb, phrases in PHRASES.items():
        tokens = {"d": direction_token(verb), "p": direction_token(verb), **_TOKENS}
        classes += [(words, tokens[slot]) for slot, words in (p.SHARED_WORDS | phrases.words).items()]
    classes.append((Words({"need to": 1, "have to": 1, "are to": 1}), "should"))
    colours = _members((words, name) for name, words in p.COLOURS.items())
    nouns, members = _members([(p.NOUNS, "")]), _members(classes)
    return colours, nouns, members, frozenset((*colours, *nouns, *members, *p.ADJECTIVES))


def direction_token(verb: str) -> str:
    return f"x{verb.replace('_', '')}"


def _match(members: Members, words: list[str], at: int) -> tuple[int, str, bool]:
    """How many words from `at` make a member, its token, and whether it is held; 0 for none."""
    for member, token, held in members.get(words[at], ()) if at < len(words) else ():
        length = len(member)
        if length == 1 or tuple(words[at : at + length]) == member:
            return length, token, held
    return 0, "", False


def _match_block(words: list[str], at: int) -> tuple[int, str, bool]:
    """A noun phrase: "red", "small red cube", "cube which is red"."""
    colours, nouns, *_ = _lexicon()
    length, _, held_noun = _match(nouns, words, at)
    if length and words[at + length : at + length + 1] in (["is"], ["which"], ["thats"]):
        skip = length + (2 if words[at + length] == "which" else 1)
        more, colour, held = _match(colours, words, at + skip)
        return (skip + more, colour, held or held_noun) if more else (0, "", False)
    skip = 1 if words[at] in p.ADJECTIVES else 0
    length, colour, held = _match(colours, words, at + skip)
    if not length:
        return 0, "", False
    end = at + skip + length
    end += words[end : end + 1] in (["coloured"], ["colored"])
    length, _, held_noun = _match(nouns, words, end)
    if words[end : end + 1] == ["one"] and " ".join(words[end + 1 : end + 3]).startswith(_STEPS):
        length = 0
    return end + length - at, colour, held or (bool(length) and held_noun)


def normal_form(text: str) -> Reading:
    """Lower case, no punctuation, articles or fillers, and one token a word class: "#" for a block, "table", ..."""
    words, out, colours, has_held, at = _strip(text), [], [], False, 0
    *_, members, starts = _lexicon()
    while at < len(words):
        word = words[at]
        if out and out[-1] == "light":
            word = _SINGULAR.get(word, word)
        if word not in starts:
            out.append(word)
            at += 1
            continue
        length, token, held = _match_block(words, at)
        if length:
            colours.append(token)
            token = "#"
        else:
            length, token, held = _match(members, words, at)
        if not length:
            length, token = 1, word
        has_held = has_held or held
        out.append(token)
        at += length
    return Reading(" ".join(out), tuple(colours), has_held)
