"""The language stage at tiny size: it learns, resumes to the same weights, and leaves files that load."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertModel

from pandora.adapter import AdapterConfig
from pandora.backbone import BackboneConfig
from pandora.errors import InvalidConfig
from pandora.training.alignment import AlignmentConfig, align, load
from pandora.training.kept import moved, partners
from pandora.training.lesson import COLOUR_WIDTH, more_embeddings, prepare
from pandora.training.probe import read_phrases
from pandora.training.sentences import Corpus, Slots, collect, typo
from pandora.training.teacher import CHARACTERS, SPECIALS, Teacher, build_tokenizer, colour_vectors, word_vectors
from pandora.worlds.blocks.world import Blocks
from pandora.worlds.platformer.world import Platformer

CONFIG = AlignmentConfig(
    backbone=BackboneConfig(
        language={
            "model_type": "llama", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
            "num_attention_heads": 2, "max_position_embeddings": 512, "pad_token_id": 0,
        },
        vision={
            "model_type": "siglip_vision_model", "image_size": 32, "patch_size": 8, "hidden_size": 16,
            "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vision_use_head": False,
        },
        queries=2,
    ),
    adapter=AdapterConfig(backbone_width=32, width=32, layers=1, heads=2, ffn=32, context_tokens=2, context_width=16),
    steps=6, batch=8, english_batch=4, warmup=1, sentences=150, english=30, frequent=50, related=0, save_every=3,
    learning_rate=1e-2,
)  # fmt: skip


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    """A tiny encoder of the real class."""
    folder = tmp_path_factory.mktemp("teacher")
    vocabulary = [*SPECIALS.values(), *CHARACTERS, *(f"##{c}" for c in CHARACTERS), "red", "block", "push"]
    build_tokenizer(vocabulary).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    BertModel(config).save_pretrained(folder)
    return Teacher(str(folder))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{part}.{name}": tensor
        for part in ("backbone", "adapter", "heads")
        for name, tensor in load_file(folder / f"{part}.safetensors").items()
    }


def test_learns_resumes_exactly_and_loads(teacher: Teacher, tmp_path: Path) -> None:
    world = Blocks()
    whole = list(align(CONFIG, [world], tmp_path / "whole", teacher))
    total = [record["pooled"] + record["context"] for record in whole]
    assert [record["step"] for record in whole] == [1, 2, 3, 4, 5, 6]
    assert min(total[3:]) < total[0]

    interrupted = align(CONFIG, [world], tmp_path / "parts", teacher)
    for _ in range(4):
        next(interrupted)
    del interrupted
    rest = list(align(CONFIG, [world], tmp_path / "parts", teacher))
    assert [record["step"] for record in rest] == [4, 5, 6]
    again = weights(tmp_path / "parts")
    for name, tensor in weights(tmp_path / "whole").items():
        assert torch.equal(tensor, again[name]), name

    backbone, adapter = load(tmp_path / "whole")
    frame = torch.tensor(world.render(world.reset(0)))[None]
    conditioning = adapter(backbone(frame, *backbone.tokenize(["push red left"], [("wait",)])))
    assert conditioning.context_BND.shape == (1, 2, 16)
    assert conditioning.pooled_BD.shape == (1, 256)


def test_sentences_of_every_verb_with_their_slots() -> None:
    world = Blocks()
    slots = Slots.of(world)
    corpus = collect(world, 300, 0, "train", scenes=50)
    assert set(Counter(corpus.classes[:, 0].tolist())) == set(range(len(world.verbs)))
    for sentence, classes in zip(corpus.sentences, corpus.classes, strict=True):
        named = [slots.arguments[c] for c in classes[1:] if c < len(slots.arguments)]
        assert len(named) <= slots.counts[slots.verbs[classes[0]]], sentence


def test_phrases_of_the_user(tmp_path: Path) -> None:
    slots = Slots.of(Blocks())
    file = tmp_path / "phrases.json"
    file.write_text('{"stack": ["{a} on {b}", "it on {b}"], "wait": ["wait"]}')
    corpus = read_phrases(file, slots)
    assert slots.name(corpus.classes[1]).startswith("stack ? ")
    assert slots.name(corpus.classes[2]) == "wait"
    more = Slots.of(Platformer(), Blocks())
    told = read_phrases(file, more, names=slots.arguments)
    assert told.sentences == corpus.sentences
    assert [more.name(row) for row in told.classes] == [slots.name(row) for row in corpus.classes]


def test_a_typo_is_one_slip() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert abs(len(typo("push the yellow block", rng)) - 21) <= 1
    assert typo("a to be", rng) == "a to be"


def test_word_vectors_keep_neighbours() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(40, 16, generator=torch.Generator().manual_seed(0)), dim=1)
    vectors[7] = torch.nn.functional.normalize(vectors[5] + 0.01 * vectors[6], dim=0)
    table = word_vectors(vectors, 8)
    assert table.shape == (40, 8)
    assert torch.cdist(table[5:6], table)[0].topk(2, largest=False).indices.tolist() == [5, 7]


def test_colour_words_lie_by_their_colour() -> None:
    words = ["red", "green", "blue", "jade", "sapphire", "ruby", "block", "brick"]
    vectors = colour_vectors(words, without={"brick"})
    assert vectors.shape == (8, 4)
    assert not vectors[6:].any()
    assert torch.cdist(vectors[3:6], vectors[:3]).argmin(1).tolist() == [1, 2, 0]


def test_goes_on_from_weights_without_forgetting_what_is_kept(teacher: Teacher, tmp_path: Path) -> None:
    world, other = Blocks(), Platformer()
    list(align(CONFIG, [world], tmp_path / "begun", teacher))

    def shift(name: str, weight: float) -> float:
        """How far what is told of sentences about blocks has moved after learning both worlds."""
        config = replace(
            CONFIG,
            start_from=str(tmp_path / "begun"),
            keep=("blocks",),
            keep_weight=weight,
            keep_batch=8,
            steps=30,
            out=name,
        )
        *_, last = align(config, [world, other], tmp_path / name, teacher)
        frames = torch.from_numpy(np.stack([world.render(world.reset(seed)) for seed in range(8)]))
        words = [str(sentence) for sentence in collect(world, 20, 5, "train").sentences[:8]]
        (old, old_adapter), (new, new_adapter) = load(tmp_path / "begun"), load(tmp_path / name)
        assert new.tokenizer.vocabulary == old.tokenizer.vocabulary
        assert last["keep"] > 0
        with torch.no_grad():
            told = [h(b(frames, *b.tokenize(words, [()] * 8))) for b, h in ((new, new_adapter), (old, old_adapter))]
        return float(moved(*told))

    assert shift("kept", 30.0) < 0.7 * shift("free", 1e-9)


def test_what_was_misunderstood_is_told_as_what_was_understood() -> None:
    near, far = torch.tensor([0.0, 0.0]), torch.tensor([10.0, 0.0])
    told = torch.stack([near, near + 0.1, far, far, far + 0.2, near, far])
    meanings = np.array([[0], [0], [0], [1], [1], [1], [2]])  # the third is read as a 1, the sixth as a 0
    corpus = Corpus([f"say {i}" for i in range(7)], meanings, worlds=(0, 0, 0, 0, 0, 0, 1))
    found = [rows.tolist() for rows in partners(corpus, told)]
    assert found == [[0], [1], [0, 1], [3], [4], [3, 4], [6]], "another world's meanings are no rivals"


def test_a_new_world_brings_its_words(teacher: Teacher, tmp_path: Path) -> None:
    pytest.importorskip("wordfreq")
    list(align(CONFIG, [Blocks()], tmp_path / "begun", teacher))
    config = replace(CONFIG, start_from=str(tmp_path / "begun"), keep=("blocks",), keep_batch=4, added=3)
    list(align(config, [Blocks(), Platformer()], tmp_path / "grown", teacher))
    (old, _), (new, _) = load(tmp_path / "begun"), load(tmp_path / "grown")
    known, words = old.tokenizer.vocabulary, new.tokenizer.vocabulary
    assert words[: len(known)] == known, "what a piece's number was, it stays"
    said = Corpus.load(tmp_path / "grown" / "cache" / "corpus.json").words
    assert len(set(words) - set(known) - said) == 3
    assert "ladder" in said
    assert new.tokenizer(["ladder"], [()])[0].shape == (1, 3), "one piece between start and end"
    old_table, new_table = (b.language.model.get_input_embeddings().weight for b in (old, new))
    assert torch.equal(old_table, new_table[: len(known)])
    *_, last = align(replace(config, steps=8), [Blocks(), Platformer()], tmp_path / "grown", teacher)
    assert last["step"] == 8, "and goes on"


def test_new_words_lie_where_their_vectors_say(teacher: Teacher, tmp_path: Path) -> None:
    """An embedding is linear in the teacher's vector: known rows tell how, and give back what they were made of."""
    torch.manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(60, 8), dim=1)
    vectors[:5] = 0  # special pieces
    known = torch.cat([vectors @ torch.randn(8, 4) + 1, torch.zeros(60, COLOUR_WIDTH)], 1)
    lesson, *_ = prepare(CONFIG, [Blocks()], tmp_path, teacher)
    words = [f"word{i}" for i in range(59)] + ["jade"]
    more = more_embeddings(CONFIG, lesson, known[:50], words, vectors)
    torch.testing.assert_close(more[:, :4], known[50:, :4], atol=1e-4, rtol=1e-4)
    assert not more[:-1, 4:].any()
    assert more[-1, 4:].any(), "the last numbers are its colour's"


def test_what_is_kept_needs_weights_and_a_world(teacher: Teacher, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="start_from"):
        next(align(replace(CONFIG, keep=("blocks",)), [Blocks()], tmp_path, teacher))
