"""Pairs of models: the same agree everywhere, and one that does nothing agrees where the other fails."""

from collections.abc import Iterator, Sequence

from pandora.evaluation.agreement import WALK, measure
from pandora.evaluation.stories import Story
from pandora.evaluation.subjects import CopyLast
from pandora.worlds.base import Frames
from tests.evaluation.conftest import Strips


class Truth:
    """Shows what truly happens, but for stories of an odd scene: there, nothing."""

    def __init__(self, fails: bool):
        self.fails = fails

    def imagine(self, stories: Sequence[Story]) -> Iterator[list[Frames]]:
        still = CopyLast().imagine(stories)
        for turn, unmoved in enumerate(still):
            yield [
                unmoved[i] if self.fails and story.seed % 2 else story.turns[turn].frames
                for i, story in enumerate(stories)
            ]


def test_pairs() -> None:
    world = Strips()
    same = {row.name: row for row in measure(Truth(False), Truth(False), world, 24)}
    names = [f"agreement.{kind}" for kind in ("train", "held_out", f"horizon.{WALK}")]
    assert list(same) == [f"{name}{end}" for name in names for end in ("", ".right", ".right.against", ".psnr")]
    assert all(row.value == 1.0 for name, row in same.items() if not name.endswith("psnr"))
    assert same[f"agreement.horizon.{WALK}"].n == 3
    found = {row.name: row for row in measure(Truth(True), Truth(False), world, 24)}
    assert 0.2 < found["agreement.train"].value < 0.8
    assert found["agreement.train"].value == found["agreement.train.right"].value
    assert found["agreement.train.right.against"].value == 1.0
    assert found["agreement.train.psnr"].value < same["agreement.train.psnr"].value
