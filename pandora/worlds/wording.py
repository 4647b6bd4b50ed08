"""Free text for a world: its phrasings, with choices and slots, in the ways that people ask for things.

A template is a verb phrase in the imperative ("turn [the car|] {side}") or, after a first "~", a clause that says what
happens ("~it [starts|begins] to rain"). `[x|y]` is a choice, `{side}` a slot, filled with any word for its value. Verb
phrases and clauses are said plainly or in a frame ("could you {}?", "suddenly {}"). A sentence is held out where its
template, its frame or one of its words is; nobody else may say it, so no sentence belongs to both splits.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from pandora.worlds.base import PhraseSplit

_PLAIN = 0.4  # share of trained sentences without a frame
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Phrasings:
    """The templates of one verb; `held` are kept out of training."""

    train: tuple[str, ...]
    held: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """Words for one value of a slot; `held` are kept out of training."""

    train: tuple[str, ...]
    held: tuple[str, ...] = ()


IMPERATIVE = Phrasings(
    (
        "{}", "please {}", "{} please", "now {}", "then {}", "next, {}", "could you {}?", "can you {}?",
        "would you {}?", "I want you to {}", "I'd like you to {}", "you should {}", "go ahead and {}", "let's {}",
        "okay, {}", "try to {}", "time to {}", "go on and {}", "the next thing to do is to {}", "just {}",
        "you can {} now",
    ),
    ("kindly {}", "be so good as to {}", "what happens if you {}?", "I'd be glad if you could {}", "it's best to {}"),
)  # fmt: skip
CLAUSE = Phrasings(
    (
        "{}", "now {}", "then {}", "suddenly {}", "and {}", "next, {}", "after that, {}", "{} now", "here {}",
        "we see that {}", "I want to see how {}", "imagine that {}", "make it so that {}", "in the next clip, {}",
    ),
    ("all at once {}", "picture this: {}", "let us say {}", "before long {}"),
)  # fmt: skip


_Chosen = Callable[[Phrasings | Words], tuple[str, ...]]  # those of one split, or of both
_Pattern = tuple[re.Pattern[str], str, list[str]]  # of a template's sentences, its verb, and its slots in order


@dataclass(frozen=True)
class Said:
    """What a sentence was read as: the verb, and the value of each slot that it names."""

    verb: str
    slots: dict[str, str]


class Grammar:
    """Says and reads a world's sentences.

    `phrasings` by verb; `words` by value, such as {"left": Words(("left", "to the left"), ("leftwards",))}; `slots`
    lists the values that a slot takes, such as {"side": ("left", "right")}.
    """

    def __init__(
        self,
        phrasings: Mapping[str, Phrasings],
        words: Mapping[str, Words] | None = None,
        slots: Mapping[str, tuple[str, ...]] | None = None,
    ):
        self.phrasings, self.words, self.slots = dict(phrasings), dict(words or {}), dict(slots or {})
        for verb, few in self.phrasings.items():
            if both := set(few.train) & set(few.held):
                raise ValueError(f"{verb} has templates in both splits: {sorted(both)}")

    def say(self, verb: str, rng: np.random.Generator, split: PhraseSplit = "train", **slots: str) -> str:
        """One sentence for the verb with its slots; one that is held out has a template, a frame or a word that is."""
        few = self.phrasings[verb]
        held = {"train": ()}.get(split, self._ways_out(verb, slots))
        way = held[rng.integers(len(held))] if held else ""
        template = _draw(few.held if way == "template" else few.train, rng)
        while way == "word" and not self._named(template, slots):
            template = _draw(few.train, rng)
        words = {name: _draw(self._of(value).train, rng) for name, value in slots.items()}
        if way == "word":
            name = _draw(self._named(template, slots), rng)
            words[name] = _draw(self._of(slots[name]).held, rng)
        clause = template.startswith("~")
        frames = CLAUSE if clause else IMPERATIVE
        plain = way != "frame" and rng.random() < _PLAIN
        frame = "{}" if plain else _draw(frames.held if way == "frame" else frames.train, rng)
        text = frame.format(_fill(template.removeprefix("~"), words, rng))
        text = " ".join(text.split()).replace(" ,", ",")
        return text[0].upper() + text[1:] if rng.random() < 0.3 else text

    def parse(self, text: str) -> Said | None:
        """What a sentence says; None where it is none of the grammar's."""
        return self._read(text, self._patterns)

    def split_of(self, text: str) -> PhraseSplit | None:
        """The split a sentence belongs to: held out is what takes a template, a frame or a word that is."""
        if self._read(text, self._trained) is not None:
            return "train"
        return None if self.parse(text) is None else "held_out"

    def _read(self, text: str, patterns: Sequence[_Pattern]) -> Said | None:
        plain = " ".join(text.lower().split()).rstrip(" .!?")
        for pattern, verb, names in patterns:
            if found := pattern.fullmatch(plain):
                said = [(name, found[f"{name}_{i}"]) for i, name in enumerate(names)]  # of one choice, not the others
                return Said(verb, {name: self._value[word] for name, word in said if word})
        return None

    def _ways_out(self, verb: str, slots: Mapping[str, str]) -> tuple[str, ...]:
        ways = ["template"] * 2 if self.phrasings[verb].held else []
        if any(self._named(template, slots) for template in self.phrasings[verb].train):
            ways.append("word")
        return (*ways, "frame")

    def _named(self, template: str, slots: Mapping[str, str]) -> list[str]:
        """The slots of a template whose value has a word that is kept out of training."""
        return [name for name in _SLOT.findall(template) if name in slots and self._of(slots[name]).held]

    def _of(self, value: str) -> Words:
        return self.words.get(value) or Words((value.replace("_", " "),))

    @cached_property
    def _value(self) -> dict[str, str]:
        values = {value for few in self.slots.values() for value in few}
        return {word.lower(): value for value in values for word in _every(self._of(value))}

    @cached_property
    def _patterns(self) -> list[_Pattern]:
        return self._compiled(_every)

    @cached_property
    def _trained(self) -> list[_Pattern]:
        return self._compiled(lambda some: some.train)

    def _compiled(self, of: _Chosen) -> list[_Pattern]:
        """Of each template in its frames, the most specific (longest) first; `of` chooses among the two splits."""
        found = []
        for verb, few in self.phrasings.items():
            for template in of(few):
                parts = [
                    _as_pattern(frame.rstrip("?")) for frame in of(CLAUSE if template.startswith("~") else IMPERATIVE)
                ]
                body, names = self._body(template.removeprefix("~").lower(), of)
                ends = [part.replace(r"\{\}", "\0").split("\0") for part in parts]
                before, after = (sorted({end[i] for end in ends}, key=len, reverse=True) for i in (0, 1))
                pattern = f"(?:{'|'.join(before)}){body}(?:{'|'.join(after)})"
                found.append((len(template), re.compile(pattern), verb, names))
        found.sort(key=lambda entry: -entry[0])
        return [(pattern, verb, names) for _, pattern, verb, names in found]

    def _body(self, template: str, of: _Chosen) -> tuple[str, list[str]]:
        """The pattern of a template, and its slots in order."""
        names: list[str] = []
        options = []
        for text in _spread(template):
            pieces = []
            for index, piece in enumerate(_SLOT.split(text)):
                if index % 2 == 0:
                    pieces.append(_as_pattern(piece))
                    continue
                words = [word for value in self.slots.get(piece, ()) for word in of(self._of(value))]
                choices = "|".join(_as_pattern(w.lower()) for w in sorted(words, key=len, reverse=True))
                pieces.append(f"(?P<{piece}_{len(names)}>{choices})")
                names.append(piece)
            options.append("".join(pieces))
        return f"(?:{'|'.join(options)})", names


def _every(some: Phrasings | Words) -> tuple[str, ...]:
    return (*some.train, *some.held)


def _spread(template: str) -> Iterator[str]:
    """The template with every combination of its choices."""
    parts = _CHOICE.split(template)
    for few in product(*([part] if index % 2 == 0 else part.split("|") for index, part in enumerate(parts))):
        yield " ".join("".join(few).split())


def _fill(template: str, words: Mapping[str, str], rng: np.random.Generator) -> str:
    chosen = _CHOICE.sub(lambda found: _draw(tuple(found[1].split("|")), rng), template)
    return _SLOT.sub(lambda found: words[found[1]], chosen)


def _as_pattern(text: str) -> str:
    return re.escape(text.lower())


def _draw(choices: tuple[str, ...] | list[str], rng: np.random.Generator) -> str:
    return choices[rng.integers(len(choices))]
