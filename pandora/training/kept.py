"""What a language half told the video model before a stage began, and how far that has moved.

Learning without forgetting (1606.09282): what was understood is to be told as it was. A sentence that was not, such as
one whose words were not known yet, is to be told as sentences of its meaning that were understood. So more can be
understood, and a video model that was trained on what was told goes on working.
"""

import copy
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pandora.adapter import Adapter, Conditioning
from pandora.backbone import Backbone
from pandora.training import sentences as text
from pandora.training.lesson import Lesson, LessonConfig

_BATCH = 128


@dataclass(eq=False)
class Before:
    """Frozen copies of the halves as they were; they read words without noise, as the video model heard them."""

    backbone: Backbone
    adapter: Adapter
    kept: text.Corpus
    frames: Tensor  # (F, H, W, 3) uint8, of the worlds that are kept
    told_as: list[NDArray[np.int64]]  # of each sentence, the rows of those that tell what it is to be told as

    @classmethod
    def of(cls, lesson: Lesson, backbone: Backbone, adapter: Adapter) -> "Before":
        """Raises AssertionError where nothing is to be kept."""
        assert lesson.kept is not None
        assert lesson.kept_frames is not None
        backbone, adapter = copy.deepcopy(backbone).eval(), copy.deepcopy(adapter).eval()
        for module in (backbone, adapter):
            module.requires_grad_(False)
        before = cls(backbone, adapter, lesson.kept, lesson.kept_frames, [])
        before.told_as = partners(lesson.kept, before._tell_all())
        return before

    def _tell_all(self) -> Tensor:
        """What each sentence alone was told as, over one picture: pooled vectors (N, D)."""
        device, sentences = self.backbone.queries_QD.device, self.kept.sentences
        seen, told = self.backbone.vision(self.frames[:1].to(device)), []
        with torch.no_grad():
            for first in range(0, len(sentences), _BATCH):
                few = sentences[first : first + _BATCH]
                read = self.backbone.read(
                    seen.expand(len(few), -1, -1), *self.backbone.tokenize(few, [()] * len(few))
                )  # fmt: skip
                told.append(self.adapter(read).pooled_BD.float().cpu())
        return torch.cat(told)

    def change(self, config: LessonConfig, backbone: Backbone, adapter: Adapter, step: int) -> Tensor:
        """How far the conditioning of kept sentences over kept pictures is from what it is to be, by `moved`."""
        rng = np.random.default_rng([config.seed, step, 1])
        count, sentences = int(rng.integers(backbone.config.history + 1)), self.kept.sentences
        rows = rng.integers(len(sentences), size=(config.keep_batch, 1 + count))
        said = [[text.vary(sentences[row], rng, config.typos) for row in few] for few in rows]
        asked = [self._as(row, rng) for row in rows[:, 0]]
        meant = [
            few[0] if one == row else sentences[one] for one, row, few in zip(asked, rows[:, 0], said, strict=True)
        ]
        histories = [tuple(rest) for _, *rest in said]
        pictures = self.frames[rng.integers(len(self.frames), size=config.keep_batch)]
        with torch.no_grad():
            seen = self.backbone.vision(pictures.to(backbone.queries_QD.device))  # as it still is
            old = self.adapter(self.backbone.read(seen, *self.backbone.tokenize(meant, histories)))
        return moved(adapter(backbone.read(seen, *backbone.tokenize([few[0] for few in said], histories))), old)

    def _as(self, row: int, rng: np.random.Generator) -> int:
        """The sentence that a sentence is to be told as: itself, if it was understood."""
        rows = self.told_as[row]
        return int(rows[rng.integers(len(rows))])


def partners(corpus: text.Corpus, told: Tensor) -> list[NDArray[np.int64]]:
    """Of each sentence the rows of those that tell it: itself, or all of its meaning that were understood.

    A sentence was understood where what was told (N, D) is nearer to the mean of its meaning than to that of any other
    of its world. A meaning of which nothing was understood is told as it was.
    """
    worlds = corpus.worlds or (0,) * len(corpus.sentences)
    meanings = [(world, *slots) for world, slots in zip(worlds, corpus.classes.tolist(), strict=True)]
    names = sorted(set(meanings))
    index = {name: number for number, name in enumerate(names)}
    own = torch.tensor([index[meaning] for meaning in meanings])
    sums = torch.zeros(len(names), told.shape[1]).index_add_(0, own, told)
    means = sums / torch.bincount(own, minlength=len(names))[:, None]
    elsewhere = torch.tensor(worlds)[:, None] != torch.tensor([name[0] for name in names])
    understood = torch.cdist(told, means).masked_fill(elsewhere, torch.inf).argmin(1) == own
    right: dict[int, list[int]] = defaultdict(list)
    for row in understood.nonzero().flatten().tolist():
        right[int(own[row])].append(row)
    alone = [np.array([row], np.int64) for row in range(len(meanings))]
    groups = {meaning: np.array(rows, np.int64) for meaning, rows in right.items()}
    return [alone[row] if understood[row] else groups.get(int(own[row]), alone[row]) for row in range(len(meanings))]


def moved(new: Conditioning, old: Conditioning) -> Tensor:
    """The mean squared change of a conditioning, in units of its variance."""
    pairs = ((new.context_BND, old.context_BND), (new.pooled_BD, old.pooled_BD))
    return torch.stack([F.mse_loss(a.float(), b.float()) / b.float().var() for a, b in pairs]).sum()
