"""Sentences with their meanings as slots, and the noise that makes a reader of them robust."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pandora.training.episodes import TRAINING_SEEDS
from pandora.worlds.base import Meaning, PhraseSplit, World

WORD = re.compile(r"[a-z]+")
POLITE_TAILS = ("", "", "", ".", "!", " please", ", thanks", " now")


@dataclass(frozen=True)
class Slots:
    """The meanings of worlds as classes: slot 0 is the verb, slot i + 1 its argument i, "none", or "unspecified"."""

    verbs: tuple[str, ...]
    arguments: tuple[str, ...]
    counts: dict[str, int]  # arguments a verb takes

    @classmethod
    def of(cls, *worlds: World) -> "Slots":
        """Of all the worlds together. ValueError where a verb takes more arguments in one than in another."""
        counts: dict[str, int] = {}
        for world in worlds:
            for verb, count in world.verbs.items():
                if counts.setdefault(verb, count) != count:
                    raise ValueError(f"{verb} takes {count} arguments in {world.name} and {counts[verb]} elsewhere.")
        arguments = dict.fromkeys(argument for world in worlds for argument in world.arguments)
        return cls(tuple(counts), tuple(arguments), counts)

    @property
    def most(self) -> int:
        """Arguments that a verb takes at most."""
        return max(self.counts.values())

    def name(self, classes: NDArray[np.int64]) -> str:
        """Slot classes (slots,) in words, as "stack red ?" where the second argument is unspecified."""
        words = [*self.arguments, "", "?"]
        return " ".join([self.verbs[classes[0]], *(words[i] for i in classes[1:])]).strip()

    @property
    def sizes(self) -> list[int]:
        """Classes per slot."""
        return [len(self.verbs)] + [len(self.arguments) + 2] * self.most

    def classes(self, meaning: Meaning, unspecified: Sequence[bool]) -> list[int]:
        """The class of each slot; `unspecified` tells which arguments the sentence doesn't name."""
        none = len(self.arguments)
        named = [
            none + 1 if hidden else self.arguments.index(value)
            for value, hidden in zip(meaning.arguments, unspecified, strict=True)
        ]
        return [self.verbs.index(meaning.verb), *named, *[none] * (self.most - len(named))]


@dataclass(frozen=True, eq=False)
class Corpus:
    """N sentences with the class of each slot, (N, 1 + most) int64."""

    sentences: list[str]
    classes: NDArray[np.int64]
    names: frozenset[str] = frozenset()  # words that name an argument
    worlds: tuple[int, ...] = ()  # of each sentence, which of the joined corpora it is from; none: one world

    def __getitem__(self, rows: slice) -> "Corpus":
        return Corpus(self.sentences[rows], self.classes[rows], self.names, self.worlds[rows])

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of the sentences, lower case."""
        return frozenset(word for sentence in self.sentences for word in WORD.findall(sentence.lower()))

    def telling(self, least: int = 5, share: float = 0.5) -> list[str]:
        """The words that tell the verb: said in `least` sentences or more, of which a `share` has one verb."""
        said: Counter[str] = Counter()
        meant: Counter[tuple[str, int]] = Counter()
        for sentence, verb in zip(self.sentences, self.classes[:, 0].tolist(), strict=True):
            words = set(WORD.findall(sentence.lower()))
            said.update(words)
            meant.update((word, verb) for word in words)
        return sorted({word for (word, _), n in meant.items() if said[word] >= least and n >= share * said[word]})

    @classmethod
    def join(cls, corpora: Sequence["Corpus"], rng: np.random.Generator) -> "Corpus":
        """All of them together, in a random order."""
        sentences = [sentence for corpus in corpora for sentence in corpus.sentences]
        classes, order = np.concatenate([corpus.classes for corpus in corpora]), rng.permutation(len(sentences))
        names = frozenset[str]().union(*(corpus.names for corpus in corpora))
        worlds = [number for number, corpus in enumerate(corpora) for _ in corpus.sentences]
        return cls([sentences[i] for i in order], classes[order], names, tuple(worlds[i] for i in order))

    def save(self, path: Path) -> None:
        """Write as JSON."""
        values = {
            "sentences": self.sentences, "classes": self.classes.tolist(), "names": sorted(self.names),
            "worlds": self.worlds,
        }  # fmt: skip
        path.write_text(json.dumps(values))

    @classmethod
    def load(cls, path: Path) -> "Corpus":
        """Read what `save` wrote."""
        values = json.loads(path.read_text())
        classes = np.array(values["classes"], dtype=np.int64)
        return cls(values["sentences"], classes, frozenset(values["names"]), tuple(values["worlds"]))


def collect(
    world: World, count: int, seed: int, split: PhraseSplit, scenes: int = 400, slots: Slots | None = None
) -> Corpus:
    """`count` sentences of the world's grammar, every verb and argument equally often; classes are those of `slots`."""
    rng = np.random.default_rng([seed, split == "train"])
    slots = slots or Slots.of(world)
    scenes = min(scenes, count)
    pool = [world.reset(int(s)) for s in rng.integers(TRAINING_SEEDS, size=scenes)]
    by_verb: list[dict[str, list[Meaning]]] = []
    for scene in pool:
        groups: dict[str, list[Meaning]] = defaultdict(list)
        for meaning in world.meanings(scene):
            groups[meaning.verb].append(meaning)
        by_verb.append(groups)
    sentences: list[str] = []
    meanings: list[Meaning] = []
    verbs = tuple(world.verbs)
    for _ in range(count):
        index = int(rng.integers(scenes))
        verb = verbs[rng.integers(len(verbs))]
        choices = by_verb[index].get(verb)
        if not choices:
            continue
        meaning = choices[rng.integers(len(choices))]
        sentences.append(world.say(pool[index], meaning, rng, split))
        meanings.append(meaning)
    names = _names(sentences, meanings)
    hidden = [_unspecified(sentence, meaning, names) for sentence, meaning in zip(sentences, meanings, strict=True)]
    rows = [slots.classes(meaning, few) for meaning, few in zip(meanings, hidden, strict=True)]
    every = frozenset(name for few in names.values() for name in few)
    return Corpus(sentences, np.array(rows, dtype=np.int64), every)


def _names(sentences: list[str], meanings: list[Meaning]) -> dict[str, set[str]]:
    """The words that name each argument: those said (nearly) only when it is meant."""
    said: Counter[str] = Counter()
    meant: Counter[tuple[str, str]] = Counter()
    for sentence, meaning in zip(sentences, meanings, strict=True):
        words = set(WORD.findall(sentence.lower()))
        said.update(words)
        meant.update((word, value) for word in words for value in meaning.arguments)
    names: dict[str, set[str]] = defaultdict(set)
    for (word, value), times in meant.items():
        if times >= 5 and times > 0.97 * said[word]:
            names[value].add(word)
    return names


def _unspecified(sentence: str, meaning: Meaning, names: dict[str, set[str]]) -> list[bool]:
    """Which arguments a sentence leaves to the scene, as "put it down" does: it holds no name of theirs.

    One slip of the finger in a name is forgiven.
    """
    words = set(WORD.findall(sentence.lower()))

    def is_named(value: str) -> bool:
        slips = (get_close_matches(word, names[value], 1, 0.8) for word in words if len(word) > 2)
        return bool(names[value] & words) or any(slips)

    return [not is_named(value) for value in meaning.arguments]


def typo(sentence: str, rng: np.random.Generator) -> str:
    """The sentence with one slip of the finger in a word of four letters or more: swapped, left out or doubled."""
    words = sentence.split(" ")
    long = [i for i, word in enumerate(words) if len(word) > 3]
    if not long:
        return sentence
    i = long[rng.integers(len(long))]
    word, at = words[i], int(rng.integers(1, len(words[i]) - 1))
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    words[i] = (swapped, word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:])[rng.integers(3)]
    return " ".join(words)


def vary(sentence: str, rng: np.random.Generator, typos: float) -> str:
    """The sentence as it may be typed: with a tail, in other case, with a slip."""
    if rng.random() < typos:
        sentence = typo(sentence, rng)
    if rng.random() < 0.2:
        sentence = sentence.rstrip(".!?") + POLITE_TAILS[int(rng.integers(len(POLITE_TAILS)))]
    return sentence


def swap_words(
    sentence: str, near: dict[str, list[str]], words: Sequence[str], rng: np.random.Generator, p: float
) -> str:
    """Each word replaced with probability `p`, by one close in meaning or, one time in four, by any of `words`."""
    result = []
    for word in sentence.split(" "):
        if rng.random() < p:
            close = near.get(word.lower().strip(".,!?"), [])
            if words and (not close or rng.random() < 0.25):
                word = words[int(rng.integers(len(words)))]
            elif close:
                word = close[int(rng.integers(len(close)))]
        result.append(word)
    return " ".join(result)


FRAMES = (
    "{}", "{} {}", "the {} {}", "{} the {}", "{} the {} {}", "please {} the {}", "{} it {}", "the {} is {}",
    "{} the {} on the {}", "{} the {} to the {}", "could you {} the {}?", "a {} {} and a {}", "{} {} the {} {}",
)  # fmt: skip


def english(
    sentences: Sequence[str], near: dict[str, list[str]], words: Sequence[str], count: int, seed: int
) -> list[str]:
    """`count` sentences for a teacher to judge: half bent out of `sentences`, half any words in a frame."""
    rng = np.random.default_rng([seed, 0xE])
    close = sorted({word for group in near.values() for word in group} | near.keys())
    result = []
    for index in range(count):
        if index % 2:
            bent = swap_words(sentences[int(rng.integers(len(sentences)))], near, words, rng, p=rng.uniform(0, 0.6))
            result.append(bent)
            continue
        frame = FRAMES[int(rng.integers(len(FRAMES)))]
        pools = [close if close and rng.random() < 0.4 else words for _ in range(frame.count("{}"))]
        result.append(frame.format(*(pool[int(rng.integers(len(pool)))] for pool in pools)))
    return result
