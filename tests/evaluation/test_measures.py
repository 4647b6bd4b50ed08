"""The evaluation itself, where the answer is known: the rules reach 1, the last frame repeated 0, and errors show."""

from dataclasses import replace

import numpy as np
import pytest

from pandora.evaluation.measures import Bench, Entry, Sizes
from pandora.evaluation.rows import Row, mean, share, statistic, wilson
from pandora.evaluation.stories import FIRST_SEED, draw, draw_pair, draw_walk, kinds
from pandora.evaluation.subjects import CopyLast, Told
from pandora.evaluation.suite import measure
from pandora.evaluation.verdict import changed, degrade, disturbance, psnr
from pandora.training.data import TRAINING_SEEDS
from pandora.types import Sampler
from tests.evaluation.conftest import WORDS, Knowing, Strips

SIZES = Sizes(clips=40, walks=12, actions=6, pairs=10)


def bench(world: Strips, errs: float = 0.0) -> Bench:
    model = Knowing(world, errs)
    entries = [
        Entry("", Told(model, Sampler())),
        Entry("copy_last", CopyLast()),
        Entry("action_ablated", Told(Knowing(world), Sampler(), ablated=True), 0.5),
    ]
    return Bench(world, entries, SIZES, batch=8)


@pytest.fixture(scope="module")
def rows(world: Strips) -> dict[str, Row]:
    return {row.name: row for row in measure(bench(world))}


def test_the_rules_are_always_right(rows: dict[str, Row]) -> None:
    shares = [row for name, row in rows.items() if row.unit == "share" and "copy" not in name and "ablated" not in name]
    assert {row.value for row in shares if row.name != "undecodable"} == {1.0}
    assert rows["undecodable"].value == 0.0
    assert rows["counterfactual_pairs.difference"].value == 0.0
    assert rows["psnr.whole"].value == rows["psnr.dynamic_region"].value == 60.0


def test_rows_and_their_sizes(rows: dict[str, Row]) -> None:
    expected = {
        "next_state.in_distribution", "next_state.held_out_phrasings", "next_state.held_out_transitions",
        "next_state.held_out_count", "unchanged.illegal", "unchanged.wait", "counterfactual_pairs",
        "psnr.dynamic_region", "psnr.whole", "undecodable", "readout.true_frames", "readout.degraded",
        *(f"horizon.{k}" for k in range(1, 7)),
    }  # fmt: skip
    assert expected <= set(rows)
    assert all(f"{name}.copy_last" in rows for name in expected if not name.startswith("readout"))
    assert rows["next_state.in_distribution"].n == 40
    assert rows["next_state.in_distribution.action_ablated"].n == 20
    assert rows["horizon.6.copy_last"].n == 12
    assert rows["horizon.6.action_ablated"].n == 6
    assert rows["readout.true_frames"].n == 6 * 40
    by_verb = [row.n for name, row in rows.items() if name.startswith("next_state.in_distribution.verb.")]
    assert sum(by_verb) == 40


def test_copying_is_right_only_where_nothing_happens(rows: dict[str, Row]) -> None:
    for name in ("in_distribution", "held_out_phrasings", "held_out_transitions", "held_out_count"):
        assert rows[f"next_state.{name}.copy_last"].value == 0.0
    assert rows["unchanged.illegal.copy_last"].value == rows["unchanged.wait.copy_last"].value == 1.0
    assert rows["counterfactual_pairs.copy_last"].value == 0.0
    assert rows["counterfactual_pairs.untouched.copy_last"].value == 1.0
    assert rows["horizon.6.copy_last"].value < 0.5
    assert rows["psnr.whole.copy_last"].value > rows["psnr.dynamic_region.copy_last"].value


def test_the_ablated_model_is_rarely_right(rows: dict[str, Row]) -> None:
    assert rows["next_state.in_distribution.action_ablated"].value < 0.5
    assert rows["horizon.6.action_ablated"].value < 0.5


def test_errors_show_and_add_up(world: Strips) -> None:
    erring = bench(world, errs=0.3)
    rows = {row.name: row for row in measure(erring)}
    assert rows["next_state.in_distribution"].low < 0.7 < rows["next_state.in_distribution"].high
    assert rows["unchanged.illegal"].value == 1.0
    assert rows["horizon.6"].value < rows["horizon.1"].value
    assert any(not example.right for example in erring.examples)
    assert len(erring.films) == 4
    assert erring.films[0].made.shape == (1 + 6 * 8, 128, 128, 3) == erring.films[0].truth.shape


def test_it_says_how_much_it_did(world: Strips) -> None:
    done: list[int] = []
    counted = replace(bench(world), sizes=Sizes(clips=5, walks=3, actions=2, pairs=3))
    counted.advance = lambda row, clips: done.append(clips)
    measure(counted)
    assert sum(done) == counted.total(kinds(world))


def test_stories_are_of_their_kind_and_outside_training(world: Strips) -> None:
    assert FIRST_SEED >= TRAINING_SEEDS
    trained = {form for words in WORDS.values() for form in words["train"]}
    for kind in kinds(world):
        for index in range(20):
            story, again = draw(world, kind, 3, index), draw(world, kind, 3, index)
            assert story.seed == again.seed >= FIRST_SEED
            assert np.array_equal(story.start, again.start)
            turn = story.turns[0]
            assert turn.sentence == again.turns[0].sentence
            said = any(form.format(name) == turn.sentence for form in trained for name in world.arguments)
            assert said == (kind.phrasing == "train")
            scene = world.see(story.start)
            assert scene is not None
            assert world.is_legal(scene, turn.meaning) == kind.legal
            assert kind.held_out in (None, world.is_held_out(scene, turn.meaning))
            assert (turn.facts != story.facts) == kind.changes
    one, two = draw_pair(world, 0, 0)
    assert np.array_equal(one.start, two.start)
    assert one.turns[0].facts != two.turns[0].facts
    walk = draw_walk(world, 0, 0, 5)
    assert len(walk.turns) == 5
    assert world.readout(walk.turns[-1].frames[-1]) == walk.turns[-1].facts


def test_intervals() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert wilson(980, 1000) == pytest.approx((0.9693, 0.9870), abs=1e-3)
    assert share("b", [True] * 30 + [False] * 10, of=4) == Row("b", 0.75, "share", *wilson(3, 4), n=4)
    late = statistic("c", [*range(100)], "ms", lambda samples: np.percentile(samples, 95, -1))
    assert late.value == pytest.approx(94.05)
    assert 80 < late.low < late.value < late.high, "the interval of the percentile, not of the mean"
    row = share("a", [True] * 3 + [False])
    assert (row.value, row.n) == (0.75, 4)
    spread = mean("b", [1.0, 2.0, 3.0, 4.0], "dB")
    assert spread.low < spread.value == 2.5 < spread.high


def test_pixels() -> None:
    start = np.full((16, 16, 3), 100, np.uint8)
    truth = np.stack([start, start])
    truth[1, 8, 8] = 200
    region = changed(truth, start)
    assert region.sum() == 7 * 7
    assert region[1, 5, 5]
    made = truth.copy()
    made[1, 8, 8] = 100
    assert psnr(made, truth) == pytest.approx(10 * np.log10(255**2 / (100**2 / 512)))
    assert psnr(made, truth, region) == pytest.approx(10 * np.log10(255**2 / (100**2 / 49)))
    assert psnr(made, truth, np.zeros_like(region)) is None
    made[:, 0, 0] = 90
    assert disturbance(made, start, region[1]) == pytest.approx(10 / (256 - 49))
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    for decibel in (25.0, 35.0):
        worse = degrade(picture, decibel, np.random.default_rng(0))
        assert psnr(worse[None], picture[None]) == pytest.approx(decibel, abs=0.5)
