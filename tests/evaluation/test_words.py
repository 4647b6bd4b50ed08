"""What a model says is held against the truth and against what it draws."""

from collections.abc import Sequence

import numpy as np

from pandora.backbone import Said
from pandora.evaluation.measures import Bench, Entry, Sizes
from pandora.evaluation.stories import Kind
from pandora.evaluation.subjects import Told
from pandora.evaluation.words import words
from pandora.types import Clip, Sampler
from pandora.worlds.base import Frame
from pandora.worlds.blocks.world import Blocks
from tests.evaluation.conftest import Knowing, Strips

WORLD = Blocks()
PLANNING = WORLD.planning()
DETAILED = Kind(name="next_state.in_distribution")


class Speaking:
    """Sees right, foresees nothing (each action is said to change nothing), and draws what was."""

    speaks = True

    def begin(self, image: Frame, seed: int = 0) -> Frame:
        return image

    def step(
        self, states: Sequence[Frame], actions: Sequence[str], sampler: Sampler | None = None
    ) -> tuple[list[Frame], list[Clip]]:
        return list(states), [Clip(frames=np.stack([state] * 8), fps=8) for state in states]

    def describe(self, frames: Sequence[Frame]) -> list[Said]:
        return [
            Said(PLANNING.say_state(WORLD.readout(frame) or frozenset()).replace(";", " ;"), 0.9) for frame in frames
        ]

    def foresee(self, texts: Sequence[str], actions: Sequence[str]) -> list[Said]:
        return [Said(text, 0.5) for text in texts]


def test_each_row_measures_its_own() -> None:
    bench = Bench(WORLD, [Entry("", Told(Speaking(), Sampler()))], Sizes(clips=6), batch=4)
    kind = Kind(name=DETAILED.name, verb="pick_up")
    rows = {row.name: row for row in words(bench, kind)}
    assert rows["text_state.seen.in_distribution"].value == 1.0
    assert rows["text_state.next.in_distribution"].value == 0.0
    assert rows["text_state.thought.in_distribution"].value == 0.0
    assert rows["text_state.seen_generated.in_distribution"].value == 1.0
    assert rows["text_state.agrees.in_distribution"].value == 1.0, "nothing is drawn, as nothing is foreseen"
    assert rows["text_state.optimism.in_distribution"].value == 0.45
    waiting = {row.name: row for row in words(bench, Kind(name="unchanged.wait", verb="wait", changes=False))}
    assert waiting["text_state.next.unchanged.wait"].value == 1.0
    assert "text_state.agrees.unchanged.wait" not in waiting


def test_who_has_no_words_has_no_rows() -> None:
    strips = Strips()
    for model in (Knowing(strips), Speaking()):
        assert words(Bench(strips, [Entry("", Told(model, Sampler()))], Sizes(clips=2)), DETAILED) == []
    bench = Bench(WORLD, [Entry("", Told(Knowing(strips), Sampler()))], Sizes(clips=2))
    assert words(bench, DETAILED) == []
