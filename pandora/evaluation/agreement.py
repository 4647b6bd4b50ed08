"""Two models told the same in the same scenes: how often one does what the other does. What storing weights in fewer
bits costs, for example: pairs show small differences that two separate measurements would drown in chance.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pandora.evaluation.rows import Row, mean, share
from pandora.evaluation.stories import Kind, Story, draw, draw_walk
from pandora.evaluation.subjects import Subject
from pandora.evaluation.verdict import judge, psnr
from pandora.worlds.base import PhraseSplit, World

WALK = 8  # actions on one's own frames
_BATCH = 16
_SPLITS: tuple[PhraseSplit, ...] = ("train", "held_out")
MEANING = {
    "agreement.K": "share of stories whose last clip is judged alike; K: one action, in trained or held-out phrasings, "
    f"or the last of {WALK} on one's own frames",
    "agreement.K.right": "share that the weights do right; .right.against: that the others do right",
    "agreement.K.psnr": "dB between the two last clips",
}


def measure(subject: Subject, against: Subject, world: World, clips: int, seed: int = 0) -> list[Row]:
    """The rows of a world: `clips` single actions in either split of phrasings, and an eighth as many walks."""
    kinds = {split: Kind(name=f"agreement.{split}", phrasing=split) for split in _SPLITS}
    asked = {name: [draw(world, kind, seed, index) for index in range(clips)] for name, kind in kinds.items()}
    walks = [draw_walk(world, seed, index, WALK) for index in range(max(1, clips // WALK))]
    named = {**asked, f"horizon.{WALK}": walks}
    return [row for name, few in named.items() for row in _rows(f"agreement.{name}", subject, against, world, few)]


def _rows(name: str, subject: Subject, against: Subject, world: World, stories: Sequence[Story]) -> Iterator[Row]:
    right: tuple[list[bool], list[bool]] = ([], [])
    near: list[float] = []
    for first in range(0, len(stories), _BATCH):
        few = stories[first : first + _BATCH]
        ours, theirs = (_last(one, few) for one in (subject, against))
        for story, one, other in zip(few, ours, theirs, strict=True):
            for found, (before, clip) in zip(right, (one, other), strict=True):
                found.append(judge(world, before, clip, story.turns[-1], story.facts).right)
            near.append(psnr(one[1], other[1]) or 0.0)
    yield share(name, [a == b for a, b in zip(*right, strict=True)])
    yield share(f"{name}.right", right[0])
    yield share(f"{name}.right.against", right[1])
    yield mean(f"{name}.psnr", near, "dB")


def _last(subject: Subject, stories: Sequence[Story]) -> list[tuple[Any, Any]]:
    """Of each story the picture before its last clip, and that clip."""
    before = [story.start for story in stories]
    clips: list[Any] = []
    for made in subject.imagine(stories):
        before, clips = [clip[-1] for clip in clips] or before, made
    return list(zip(before, clips, strict=True))
