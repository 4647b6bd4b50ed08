"""What is measured in every world, where the answer is known: the truth reaches 1; doing nothing, 0 at changes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pandora.errors import InvalidInput
from pandora.evaluation import abilities, trials
from pandora.evaluation.measures import Bench, Entry, Sizes
from pandora.evaluation.rows import Row, ratio
from pandora.evaluation.stories import Story, draw, still
from pandora.evaluation.subjects import CopyLast, Told
from pandora.evaluation.suite import known
from pandora.types import Sampler
from pandora.worlds.base import Facts, Frame, Frames, Meaning
from tests.evaluation.conftest import CELLS, Knowing, Scene, Strips

SIZES = Sizes(clips=12, walks=6, actions=5, pairs=0, drifts=3, long=6, trials=6)


class Lit(Strips):
    """Strips with a lamp as its weather, journeys there and back, and a clip that also shows where things went."""

    switches = ("light_on", "light_off")
    returns = True

    def splits(self) -> dict[str, dict[str, Any]]:
        return {"transfer_three": {"squares": 3}}

    def shown(self, scene: Scene, meaning: Meaning, after: Scene) -> Facts:
        return self._told(scene, after)

    def read(self, start: Frame, frames: Frames) -> Facts | None:
        before, after = self.see(start), self.see(frames[-1])
        return None if before is None or after is None else self._told(before, after)

    def confidence(self, start: Frame, frames: Frames) -> float:
        return 0.8 if self.read(start, frames) is not None else 0.2

    def _told(self, before: Scene, after: Scene) -> Facts:
        places = dict(before.places)
        moved = {(name, str(cell - places.get(name, cell))) for name, cell in after.places}
        return frozenset({("light", str(after.light)), *(("moved", *pair) for pair in moved)})

    def journeys(self, scene: Scene, rng: np.random.Generator) -> list[Meaning]:
        name, cell = scene.places[0]
        out, back = ("left", "right") if cell == CELLS - 1 else ("right", "left")
        path = [Meaning(out, (name,)), Meaning(back, (name,))]
        return path if rng.random() < 0.5 else [Meaning("wait"), *path]

    def same_view(self, one: Frame, other: Frame) -> float:
        return float(np.abs(one.astype(int) - other).max() < 20)


class Truth:
    """Knows what happens."""

    def imagine(self, stories: Sequence[Story]) -> Iterator[list[Frames]]:
        for turn in range(len(stories[0].turns)):
            yield [story.turns[turn].frames for story in stories]


class Fading:
    """The truth, darker from the fifth clip on."""

    def imagine(self, stories: Sequence[Story]) -> Iterator[list[Frames]]:
        for turn, clips in enumerate(Truth().imagine(stories)):
            yield [(clip * (1 - 0.1 * max(0, turn - 3))).astype(np.uint8) for clip in clips]


def bench(subject: Any, **changes: Any) -> Bench:
    return Bench(Lit(), [Entry("", subject), Entry("copy_last", CopyLast())], SIZES, prefix="strips.", **changes)


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return {row.name: row for row in abilities.measure(bench(Truth()), others=("blocks",))}


def test_the_truth_is_right_in_every_row(rows: dict[str, Row]) -> None:
    expected = {
        "followed", "followed.held_out_phrasings", "followed.held_out_transitions", "followed.transfer_three",
        "followed.illegal", "followed.wait", "transfer", "horizon.4", "horizon.5", "drift", "drift.psnr", "switch",
        "switch.changed", "switch.kept", "return", "return.followed", "nonsense", "nonsense.unchanged", "judge",
    }  # fmt: skip
    assert {f"strips.{name}" for name in expected} <= set(rows)
    assert {name: rows[f"strips.{name}"].value for name in expected} == dict.fromkeys(expected, 1.0)
    assert {rows[f"strips.{name}"].value for name in ("return.psnr", "switch.psnr", "psnr.whole")} == {60.0}
    assert rows["strips.judge.degraded"].value == 0.0, "this world's readout bears no blur, and that shows"
    assert rows["strips.transfer"].n == rows["strips.followed"].n == SIZES.clips
    assert sum(row.n for name, row in rows.items() if name.startswith("strips.followed.verb.")) == SIZES.clips
    assert "strips.horizon.3" not in rows


def test_doing_nothing_is_seen(rows: dict[str, Row]) -> None:
    for name in (
        "followed",
        "followed.held_out_transitions",
        "transfer",
        "switch",
        "switch.changed",
        "return.followed",
    ):
        assert rows[f"strips.{name}.copy_last"].value == 0.0, name
    for name in ("followed.wait", "followed.illegal", "switch.kept", "return", "nonsense"):
        assert rows[f"strips.{name}.copy_last"].value == 1.0, name


def test_decay_shows_in_the_drift() -> None:
    found = {row.name: row for row in trials.drift(bench(Fading()))}
    assert found["strips.drift"].value == pytest.approx(0.25)
    assert found["strips.drift.psnr"].value < 0.9
    assert found["strips.drift.copy_last"].value == 1.0


def test_the_clips_are_counted() -> None:
    done: list[int] = []
    counted = bench(Truth())
    counted.advance = lambda row, clips: done.append(clips)
    abilities.measure(counted, others=("blocks",))
    assert sum(done) == abilities.total(counted, abilities.kinds(counted.world))


def test_nonsense_is_of_another_world() -> None:
    told = Told(model := Remembering(), Sampler())
    trials.nonsense(replace(bench(told), entries=[Entry("", told)]), ("blocks", "strips"))
    assert len(model.asked) == SIZES.trials
    assert not any(word in text for text in model.asked for word in ("move", "wait"))
    assert trials.nonsense(bench(told), ("strips",)) == [], "there is no other world"


class Remembering(Knowing):
    def __init__(self) -> None:
        super().__init__(Lit())

    def _clip(self, frame: Frame, action: str) -> Frames:
        return np.stack([frame] * 8)


def test_plain_rows_go_by_the_name_of_their_world_too() -> None:
    row = Row("next_state.held_out_count.oracle", 0.5, "share", 0.4, 0.6, 9)
    others = [replace(row, name=name) for name in ("horizon.8", "horizon.9", "psnr.whole", "unchanged.wait")]
    names = [again.name for again in abilities.renamed(Lit(), [row, *others])]
    assert names == ["strips.followed.held_out_count.oracle", "strips.horizon.8", "strips.followed.wait"]


def test_what_is_shown_where_nothing_is_done() -> None:
    world = Lit()
    story = draw(world, abilities.kinds(world)[0], 0, 0)
    assert story.facts == still(world, world.reset(story.seed))
    assert story.turns[0].facts != story.facts


def test_worlds_that_can_not_be_judged_are_refused_before_anything_is_measured() -> None:
    class Unread(Lit):
        def read(self, start: Frame, frames: Frames) -> Facts | None:
            raise InvalidInput("pandora train judge --world strips")

    with pytest.raises(InvalidInput, match="train judge"):
        abilities.check(Unread())


def test_the_worlds_that_the_weights_know() -> None:
    class Model:
        worlds = ("blocks",)

    assert [world.name for world in known(Model(), False, None)] == ["blocks"]  # type: ignore[arg-type]


def test_ratios() -> None:
    row = ratio("a", [1.0, 1.0, 0.4], [1.0, 1.0, 1.0])
    assert row.value == pytest.approx(0.8)
    assert row.low <= row.value <= row.high
    assert ratio("a", [0.0], [0.0]).value == 0.0
