"""What the alignment stage learns from: sentences of the worlds with their meanings, words, what the teacher says."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pandora.backbone import ActionTokenizer
from pandora.config import Config
from pandora.training import sentences as text
from pandora.training.teacher import (
    Teacher,
    choose_vocabulary,
    colour_names,
    colour_vectors,
    english_words,
    extend_vocabulary,
    vectors_of,
    word_vectors,
)
from pandora.worlds.base import World

COLOUR_WIDTH = 16
PICTURES = 32  # of each world
_PHRASES = 4000  # held-out ones of each world, whose words are not taught as synonyms either


@dataclass(frozen=True, kw_only=True)
class LessonConfig(Config):
    """Which worlds, how many sentences, which words."""

    worlds: tuple[str, ...] = ("blocks",)
    seed: int = 0
    sentences: int = 60_000  # of the worlds' grammars together
    english: int = 30_000  # for distillation
    frequent: int = 11_500  # word pieces, by frequency
    related: int = 5_000  # words near in meaning to the world's
    whitening: float = 0.5
    added: int = 0  # words related to what is said that the vocabulary of `start_from` gets besides the words said
    colours: bool = True  # give the last numbers of a word vector to the colour that the word names
    keep_batch: int = 32  # sentences of the worlds that are kept
    typos: float = 0.1
    keep: tuple[str, ...] = ()  # worlds of which `start_from` goes on telling the video model what it tells it


@dataclass(eq=False)
class Lesson:
    """Everything prepared once: the sentences, their meanings and what the teacher says."""

    slots: text.Slots
    train: text.Corpus
    english: list[str]
    targets: Tensor  # (E, 384) of `english`
    near: dict[str, list[str]]
    words: list[str]
    frames: Tensor  # (worlds, F, H, W, 3) uint8, pictures of each
    kept: text.Corpus | None = None  # sentences of the worlds that are kept
    kept_frames: Tensor | None = None  # (F, H, W, 3) uint8, pictures of them


def prepare(
    config: LessonConfig,
    worlds: Sequence[World],
    out: Path,
    teacher: Teacher,
    words_of: ActionTokenizer | None = None,
) -> tuple[Lesson, list[str], Tensor]:
    """Corpus, vocabulary, its vectors (V, 384) and the teacher's targets; all kept in `out`/cache, once made.

    The vocabulary is that of `words_of`, if it is given, and with `added` what is behind it.
    """
    cache = out / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    slots = text.Slots.of(*worlds)
    if not (cache / "corpus.json").is_file():
        each = -(-config.sentences // len(worlds))
        corpora = [text.collect(world, each, config.seed, "train", slots=slots) for world in worlds]
        text.Corpus.join(corpora, np.random.default_rng(config.seed)).save(cache / "corpus.json")
    train = text.Corpus.load(cache / "corpus.json")
    if not (cache / "vectors.safetensors").is_file():
        vocabulary, vectors = _vocabulary(config, teacher, train, words_of)
        (cache / "vocabulary.json").write_text(json.dumps(vocabulary))
        save_file({"vectors": vectors.contiguous()}, cache / "vectors.safetensors")
    vocabulary = json.loads((cache / "vocabulary.json").read_text())
    vectors = load_file(cache / "vectors.safetensors")["vectors"]
    begun = len(vocabulary) if words_of is None else len(words_of)
    rare = vocabulary[begun - config.related :]
    kept_out = {
        word
        for world in worlds
        for word in text.collect(world, _PHRASES, config.seed, "held_out", slots=slots).words - train.words
    }
    near = _near_words(vocabulary, vectors, set(train.words), barred={*rare, *colour_names(), *kept_out})
    words = [w for w in vocabulary if w.isalpha() and len(w) > 1]
    if not (cache / "targets.safetensors").is_file():
        english = text.english(train.sentences, near, words, config.english, config.seed)
        (cache / "english.json").write_text(json.dumps(english))
        save_file({"targets": teacher.encode(english).half().contiguous()}, cache / "targets.safetensors")
    english = json.loads((cache / "english.json").read_text())
    targets = load_file(cache / "targets.safetensors")["targets"].float()
    kept = [world for world in worlds if world.name in config.keep]
    lesson = Lesson(
        slots, train, english, targets, near, words,
        torch.stack([_pictures([world], PICTURES) for world in worlds]),
        kept=text.Corpus.join(
            [text.collect(world, 20_000, config.seed, "train", slots=slots) for world in kept],
            np.random.default_rng(config.seed),
        ) if kept else None,
        kept_frames=_pictures(kept) if kept else None,
    )  # fmt: skip
    return lesson, vocabulary, vectors


def _vocabulary(
    config: LessonConfig, teacher: Teacher, train: text.Corpus, words_of: ActionTokenizer | None
) -> tuple[list[str], Tensor]:
    """Pieces and their vectors (V, 384): chosen anew, or those of `words_of` with what is added."""
    if words_of is None:
        words = english_words() if config.related else []
        return choose_vocabulary(
            teacher, train.sentences, frequent=config.frequent, related=config.related, words=words
        )
    known = words_of.vocabulary
    if not config.added:
        return known, vectors_of(teacher, known)
    return extend_vocabulary(
        teacher, known, train.words, anchors=train.telling(), added=config.added, words=english_words()
    )


def _pictures(worlds: Sequence[World], count: int = 2 * PICTURES) -> Tensor:
    """Some of each world, (F, H, W, 3) uint8."""
    frames = [world.render(world.reset(seed)) for world in worlds for seed in range(count // len(worlds))]
    return torch.from_numpy(np.stack(frames))


def embeddings_of(config: LessonConfig, lesson: Lesson, vocabulary: list[str], vectors: Tensor, width: int) -> Tensor:
    """What the vocabulary's words mean, (V, width): the teacher's vectors and, with `colours`, their colours."""
    if not config.colours:
        return word_vectors(vectors, width, config.whitening)
    colours = colour_vectors(vocabulary, set(lesson.train.words - lesson.train.names)).repeat(1, COLOUR_WIDTH // 4)
    return torch.cat([word_vectors(vectors, width - COLOUR_WIDTH, config.whitening), colours], dim=1)


def more_embeddings(
    config: LessonConfig, lesson: Lesson, known: Tensor, vocabulary: list[str], vectors: Tensor
) -> Tensor:
    """Rows for the pieces behind the first ones (K, width), whose embeddings are `known`: (V - K, width).

    What an embedding is of the teacher's vector is linear, and read off the known ones.
    """
    count, width = known.shape
    meaning = width - COLOUR_WIDTH if config.colours else width
    constant = torch.cat([vectors, torch.ones(len(vectors), 1)], 1)
    real = vectors[:count].norm(dim=1) > 0
    solution = torch.linalg.lstsq(constant[:count][real], known[real, :meaning].float()).solution
    rows = constant[count:] @ solution
    if not config.colours:
        return rows
    named = set(lesson.train.words - lesson.train.names)
    return torch.cat([rows, colour_vectors(vocabulary[count:], named).repeat(1, COLOUR_WIDTH // 4)], 1)


def _near_words(
    vocabulary: list[str], vectors: Tensor, known: set[str], barred: set[str], least: float = 0.6
) -> dict[str, list[str]]:
    """Words of the grammar -> words that it doesn't use and that mean this word rather than any other of its words."""
    index = {word: i for i, word in enumerate(vocabulary)}
    used = sorted(known & index.keys())
    skipped = known | barred
    others = [w for w in vocabulary if w not in skipped and w.isalpha() and len(w) > 2]
    cosine = vectors[[index[w] for w in others]] @ vectors[[index[w] for w in used]].T
    value, nearest = cosine.max(dim=1)
    near: dict[str, list[str]] = {}
    for other, similar, i in zip(others, value.tolist(), nearest.tolist(), strict=True):
        if similar >= least:
            near.setdefault(used[i], []).append(other)
    return near
