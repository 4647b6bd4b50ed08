"""English for the blocks world: many phrasings of each verb, their inverse, and the phrasings kept out of training.

A sentence is a skeleton (see `skeletons`) whose slots are filled with words (see `phrases`). A phrasing is held out
where its skeleton is (listed frames, verbs and word orders, and a hash of the composed skeleton) or where one of its
words is (colour words, nouns, directions ...), so no sentence belongs to both splits. Fillers such as "please" decide
nothing.

Some sentences leave an argument to the scene ("put it down", "stack it on blue", "take red off its tower"). They are
said only where the scene settles it; `parse` gives the argument as `MISSING` and `resolve` fills it in.
"""

import re
from bisect import bisect
from functools import cache
from itertools import accumulate

import numpy as np

from pandora.worlds.base import Meaning, PhraseSplit
from pandora.worlds.blocks import phrases as p
from pandora.worlds.blocks.reading import key_of, normal_form
from pandora.worlds.blocks.skeletons import PHRASES, Skeleton, skeletons
from pandora.worlds.blocks.state import TABLE, BlocksState
from pandora.worlds.blocks.wording import fill, fill_plain, pick

MISSING = "?"
_ASKING = re.compile(r"^((?:could|can|would|will) you) ")
VERBS = {verb: {"stack": 2, "unstack": 2, "light_on": 0, "light_off": 0, "wait": 0}.get(verb, 1) for verb in PHRASES}
_FRESH = 0.2  # how often a held-out sentence is a trained skeleton with a word kept out of training
_FEW_HELD_WORDS = 0.05  # chance of such a word in the other held-out sentences


def say(state: BlocksState, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
    """One sentence for the meaning in this scene, drawn from the split's phrasings; short plain ones are common."""
    ready = _is_ready(state, meaning)
    fresh = split == "held_out" and meaning.verb != "wait" and rng.random() < _FRESH
    choices, sums = _table(meaning.verb, "train" if fresh else split, ready, fresh)
    skeleton = choices[bisect(sums, rng.random() * sums[-1])]
    chance = _FEW_HELD_WORDS if split == "held_out" else 0.0
    sentence = fill(skeleton, meaning.verb, dict(zip("ab", meaning.arguments, strict=False)), rng, chance, fresh)
    return _dress(sentence, skeleton.kind, PHRASES[meaning.verb].takes_manner, rng)


def canonical(meaning: Meaning) -> str:
    """The plainest sentence, e.g. "stack the red block on the blue block"."""
    plain = {
        "pick_up": "pick up {}", "put_down": "put down {}", "stack": "stack {} on {}", "unstack": "unstack {} from {}",
        "push_left": "push {} to the left", "push_right": "push {} to the right", "push_away": "push {} away",
        "push_towards": "push {} towards me", "light_on": "turn on the light", "light_off": "turn off the light",
        "wait": "wait",
    }  # fmt: skip
    return plain[meaning.verb].format(*(f"the {colour} block" for colour in meaning.arguments))


def parse(text: str) -> Meaning | None:
    """The meaning of a sentence of the grammar, `MISSING` for what it leaves to the scene; None for other sentences."""
    found = _read(text)
    return None if found is None else found[0]


def split_of(text: str) -> PhraseSplit | None:
    """The split a sentence belongs to; None where the grammar doesn't know it."""
    found = _read(text)
    return None if found is None else found[1]


def resolve(state: BlocksState, meaning: Meaning) -> Meaning:
    """The meaning with `MISSING` arguments filled in from the scene, where the scene settles them."""
    if MISSING not in meaning.arguments:
        return meaning
    arguments = list(meaning.arguments)
    if meaning.verb in {"put_down", "stack"} and state.holding:
        arguments[0] = state.holding
    elif meaning.verb == "unstack" and arguments[1] == MISSING:
        below = state.support.get(arguments[0], MISSING)
        arguments[1] = MISSING if below == TABLE else below
    elif meaning.verb == "unstack":
        arguments[0] = next((above for above, below in state.support.items() if below == arguments[1]), MISSING)
    return Meaning(meaning.verb, tuple(arguments))


def phrasings(verb: str, split: PhraseSplit) -> list[str]:
    """Every skeleton of the verb in this split, `{a}` and `{b}` for colour words, e.g. "grab the {a} block"."""
    return [fill_plain(s, verb) for s in _skeletons(verb).values() if s.held == (split == "held_out")]


def held_out_mass(verb: str) -> float:
    """The share (0..1) of the verb's phrasing mass whose skeletons are held out."""
    found = _skeletons(verb).values()
    return sum(s.weight for s in found if s.held) / sum(s.weight for s in found)


def perturb(text: str, rng: np.random.Generator) -> str:
    """The sentence as people type it: at times without articles, in lower case, with other punctuation or a typo."""
    if rng.random() < 0.15:
        text = re.sub(r"\b[Tt]he ", "", text)
    if rng.random() < 0.3:
        text = text.lower()
    elif rng.random() < 0.03:
        text = text.upper()
    if rng.random() < 0.25:
        text = text.rstrip(".!?") + ("", ".", "!", "...", " .", "!!")[rng.integers(6)]
    if rng.random() < 0.1:
        text = re.sub("[,:;'-]", "", text)
    if rng.random() < 0.1:
        spaces = [i for i, letter in enumerate(text) if letter == " "]
        text = _double(text, spaces[rng.integers(len(spaces))]) if spaces else text
    return _typo(text, rng) if rng.random() < 0.12 else text


def _double(text: str, at: int) -> str:
    return text[: at + 1] + text[at:]


def _typo(text: str, rng: np.random.Generator) -> str:
    """One letter inside a word of five or more is dropped, doubled, swapped or mistyped; direction words are spared."""
    words = [m for m in re.finditer(r"[A-Za-z]{5,}", text) if m[0].lower() not in {"right", "light", "lights"}]
    if not words:
        return text
    word = words[rng.integers(len(words))]
    at = int(rng.integers(word.start() + 1, word.end() - 1))
    match rng.integers(4):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return _double(text, at)
        case 2:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        case _:
            return text[:at] + "abcdefghijklmnopqrstuvwxyz"[rng.integers(26)] + text[at + 1 :]


# Drawing


@cache
def _skeletons(verb: str) -> dict[str, Skeleton]:
    return skeletons(verb, lambda template: key_of(template, verb))


@cache
def _index() -> dict[str, tuple[str, Skeleton]]:
    index: dict[str, tuple[str, Skeleton]] = {}
    for verb in PHRASES:
        for key, skeleton in _skeletons(verb).items():
            other = index.setdefault(key, (verb, skeleton))
            if other[0] != verb:
                raise ValueError(f"{skeleton.template!r} of {verb} reads like {other[1].template!r} of {other[0]}.")
    return index


@cache
def _table(verb: str, split: PhraseSplit, ready: bool, fresh: bool) -> tuple[list[Skeleton], list[float]]:
    chosen = [
        s
        for s in _skeletons(verb).values()
        if s.held == (split == "held_out") and (ready or not s.situated) and ("{" in s.template or not fresh)
    ]
    return chosen, list(accumulate(s.weight for s in chosen))


def _is_ready(state: BlocksState, meaning: Meaning) -> bool:
    """Whether the acting block is where the verb wants it."""
    match meaning.verb, meaning.arguments:
        case "pick_up", (a,):
            return state.support.get(a) == TABLE
        case (("put_down" | "stack"), (a, *_)):
            return state.holding == a
        case "unstack", (a, b):
            return state.support.get(a) == b
    return True


def _dress(sentence: str, kind: str, manner: bool, rng: np.random.Generator) -> str:
    """The sentence with fillers, capitals and a final mark, or without."""
    mark = sentence[-1] if sentence.endswith("?") else ""
    sentence = sentence.removesuffix("?")
    if rng.random() < 0.3:
        sentence = _ASKING.sub(r"\1 please ", sentence)
    if rng.random() < 0.16:
        sentence = pick(p.PREFIXES[kind], rng) + sentence
    elif rng.random() < 0.09:
        sentence += pick(p.SUFFIXES[kind], rng)
    elif manner and kind == "imp" and rng.random() < 0.06:
        how = pick(p.MANNERS, rng)
        sentence = f"{sentence} {how}" if rng.random() < 0.5 else f"{how} {sentence}"
    style = rng.random()
    if style < 0.45:
        return sentence + (mark if style < 0.35 else "")
    final = mark or (("." if style < 0.85 else "!") if kind != "tel" or style > 0.8 else "")
    return sentence[0].upper() + sentence[1:] + (final if style < 0.9 else mark)


def _read(text: str) -> tuple[Meaning, PhraseSplit] | None:
    reading = normal_form(text)
    found = _index().get(reading.key)
    if found is None:
        return None
    verb, skeleton = found
    slots = re.findall(r"\{([ab])\}", skeleton.template)
    named = dict(zip(slots, reading.colours, strict=True))
    if any(named[slot] != colour for slot, colour in zip(slots, reading.colours, strict=True)):
        return None
    arguments = tuple(named.get(slot, MISSING) for slot in "ab"[: VERBS[verb]])
    return Meaning(verb, arguments), "held_out" if skeleton.held or reading.has_held_word else "train"
