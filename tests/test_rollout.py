"""Rollouts at tiny size: they equal plain steps, share what they can, stop where they are told to; and the scorers."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from pandora.backbone import Said
from pandora.errors import InvalidAction, InvalidInput, UnknownName
from pandora.futures import Future, best_of
from pandora.presets import tiny_model
from pandora.rollout import MAX_SEED, Rollout, Tree, sample_seed
from pandora.scoring import FactsGoal, ImageGoal, SaidGoal, Score, ask, combine, goal_in_words, readout_of
from pandora.types import Sampler, WorldState
from pandora.world_model import WorldModel
from pandora.worlds.base import Facts

LEFT, RIGHT, WAIT = "push the red block left", "push the red block right", "wait"
CANDIDATES = [[LEFT, WAIT], [LEFT, RIGHT, WAIT], [WAIT]]
RED, BLUE = frozenset({("clear", "red")}), frozenset({("clear", "blue")})


@pytest.fixture(scope="module")
def model() -> WorldModel:
    return tiny_model()


@pytest.fixture(scope="module")
def state(model: WorldModel) -> WorldState:
    begun = model.begin(picture(0), seed=3)
    return model.step(begun, "wait")[0]


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)


def plain(model: WorldModel, state: WorldState, actions: Sequence[str]) -> tuple[WorldState, np.ndarray]:
    frames = []
    for action in actions:
        state, clip = model.step(state, action)
        frames.append(clip.frames)
    return state, np.concatenate(frames)


class Counted:
    """A model that counts its calls and the steps in each."""

    def __init__(self, model: WorldModel):
        self.model, self.batches, self.seeds = model, [], []

    def check_action(self, text: str) -> str:
        return self.model.check_action(text)

    def stream(self, states, actions, *more):
        self.batches.append(list(actions))
        self.seeds.append([state.seed for state in states])
        return self.model.stream(states, actions, *more)


def run(model, state: WorldState, candidates: Sequence[Sequence[str]], **options) -> list[Future]:
    return list(Rollout(model, state, candidates, **options))


def test_futures_equal_plain_steps_and_the_state_is_untouched(model: WorldModel, state: WorldState) -> None:
    before = state.to_bytes()
    futures = run(model, state, CANDIDATES, samples=2, batch=1, films=True, states=True)
    assert state.to_bytes() == before
    assert sorted(future.index for future in futures) == [0, 1, 2]
    for future in futures:
        assert future.complete
        assert list(future.actions) == CANDIDATES[future.index]
        for sample in future.samples:
            start = state.fork(seed=sample_seed(state.seed, sample.sample))
            after, film = plain(model, start, future.actions)
            assert sample.state is not None
            assert sample.film is not None
            assert sample.state.to_bytes() == after.to_bytes()
            assert np.array_equal(sample.film, film)
            assert np.array_equal(sample.frame, film[-1])
        assert future.samples[0].seed == state.seed
        assert np.array_equal(future.frame, plain(model, state, future.actions)[0].frame.numpy())


def test_batches_change_nothing_but_rounding(model: WorldModel, state: WorldState) -> None:
    together = {future.index: future for future in run(model, state, CANDIDATES, batch=8, states=True)}
    for future in run(model, state, CANDIDATES, batch=1, states=True):
        assert future.samples[0].latents is not None
        assert together[future.index].samples[0].latents is not None
        torch.testing.assert_close(
            together[future.index].samples[0].latents, future.samples[0].latents, atol=1e-5, rtol=1e-5
        )


def test_shared_beginnings_run_once(model: WorldModel, state: WorldState) -> None:
    candidates = [list(actions) for actions in product((LEFT, RIGHT), repeat=3)]
    counted = Counted(model)
    rollout = Rollout(counted, state, candidates, samples=2, batch=4)  # type: ignore[arg-type]
    futures = list(rollout)
    ran = sum(map(len, counted.batches))
    assert ran == rollout.total == rollout.done == 2 * (2 + 4 + 8)
    assert rollout.spared == pytest.approx(1 - ran / (2 * 3 * 8))
    assert all(len(batch) <= 4 for batch in counted.batches)
    assert len(futures) == 8


def test_samples_have_the_same_luck_in_every_candidate(model: WorldModel, state: WorldState) -> None:
    futures = run(model, state, [[LEFT], [RIGHT], [LEFT, RIGHT]], samples=3)
    seeds = {tuple(sample.seed for sample in future.samples) for future in futures}
    assert seeds == {(state.seed, sample_seed(state.seed, 1), sample_seed(state.seed, 2))}
    assert len({*next(iter(seeds))}) == 3
    assert all(0 <= sample_seed(seed, sample) <= MAX_SEED for seed in (0, 7, MAX_SEED) for sample in range(50))
    twice = run(model, state, [[LEFT], [LEFT]], samples=2)
    assert np.array_equal(twice[0].samples[1].frame, twice[1].samples[1].frame)
    assert not np.array_equal(twice[0].samples[0].frame, twice[0].samples[1].frame)


def test_the_first_future_is_whole_soon_and_deeper_steps_go_first(model: WorldModel, state: WorldState) -> None:
    counted = Counted(model)
    candidates = [[f"{word} {turn}" for turn in range(3)] for word in ("a", "b", "c", "d", "e", "f")]
    coming = iter(Rollout(counted, state, candidates, batch=2))  # type: ignore[arg-type]
    assert next(coming).index == 0
    assert counted.batches == [["a 0"], ["a 1"], ["a 2"]]
    assert [future.index for future in coming] == [1, 2, 3, 4, 5]
    assert counted.batches[3:6] == [["b 0", "c 0"], ["b 1", "c 1"], ["b 2", "c 2"]]
    counted = Counted(model)
    list(Rollout(counted, state, candidates, batch=6))  # type: ignore[arg-type]
    assert [len(batch) for batch in counted.batches] == [6, 6, 6], "all fit at once, so nothing need go ahead"


def test_a_deadline_gives_what_there_is(model: WorldModel, state: WorldState) -> None:
    none = run(model, state, CANDIDATES, deadline=0.0, scorers={"one": lambda _: 1.0}, films=True)
    assert [(future.index, future.complete, future.samples[0].depth) for future in none] == [
        (0, False, 0), (1, False, 0), (2, False, 0),
    ]  # fmt: skip
    assert none[0].scores == {"one": None}
    assert none[0].samples[0].film is None
    assert np.array_equal(none[0].frame, state.frame.numpy())
    assert best_of(none) is None
    begun: list[int] = []
    rollout = Rollout(
        model, state, [[LEFT, RIGHT, WAIT], [LEFT, WAIT]], batch=1, films=True,
        progress=lambda done, total: begun.append(done), should_stop=lambda: bool(begun),
    )  # fmt: skip
    first = next(iter(rollout))
    assert (first.index, first.complete, first.samples[0].depth) == (0, False, 1)
    assert np.array_equal(first.frame, model.step(state, LEFT)[0].frame.numpy())
    assert first.samples[0].film is not None
    assert len(first.samples[0].film) == 8


def test_cancel_and_should_stop(model: WorldModel, state: WorldState) -> None:
    heard: list[tuple[int, int]] = []
    rollout = Rollout(model, state, CANDIDATES, batch=1, progress=lambda done, total: heard.append((done, total)))
    first = next(iter(rollout))
    assert first.complete
    rollout.cancel()
    left = list(rollout)
    assert [future.complete for future in left] == [False, False]
    assert heard[-1] == (rollout.done, rollout.total) == (2, 5)
    asked = iter([False, False, True])  # before the batch, then between its denoising steps
    stopped = Rollout(model, state, CANDIDATES, should_stop=lambda: next(asked, True), sampler=Sampler(steps=4))
    assert [future.complete for future in stopped] == [False] * 3
    assert stopped.done == 0


@pytest.mark.parametrize("candidates", [[], [[]], [[LEFT], []]])
def test_nothing_to_imagine_is_refused(model: WorldModel, state: WorldState, candidates: list[list[str]]) -> None:
    with pytest.raises(InvalidInput, match="candidate"):
        Rollout(model, state, candidates)


def test_bad_input_is_refused(model: WorldModel, state: WorldState) -> None:
    with pytest.raises(InvalidInput, match="sample"):
        Rollout(model, state, [[WAIT]], samples=0)
    with pytest.raises(InvalidInput, match="step"):
        Rollout(model, state, [[WAIT]], batch=0)
    with pytest.raises(InvalidAction):
        Rollout(model, state, [[WAIT, ""]])


def test_a_sentence_alone_is_a_candidate_of_one_action(model: WorldModel, state: WorldState) -> None:
    futures = run(model, state, ["wait", ["wait", "turn left"]])
    assert sorted(future.actions for future in futures) == [("wait",), ("wait", "turn left")]
    with pytest.raises(InvalidInput, match=r"one sentence alone is \['wait'\]"):
        Rollout(model, state, "wait")


def test_a_step_that_fails_takes_only_what_builds_on_it() -> None:
    tree = Tree(WorldState(seed=0, step=0, actions=(), latents=torch.zeros(1), frame=torch.zeros(1),
                           decoder_memory=()), [["a", "b"], ["a", "c"], ["d"]], samples=2)  # fmt: skip
    nodes = tree.take(9)
    lost = next(node for node in nodes if node.action == "a" and node.sample == 1)
    assert tree.fail(lost) == [0, 1]
    for index in (0, 1):
        assert [walk.complete for walk in tree.walks(index)] == [False, False]
        tree.release(index)
    state = lost.parent.state if lost.parent else None
    assert state is not None
    other = next(node for node in nodes if node.action == "a" and node.sample == 0)
    assert tree.finish(other, state) == []
    assert tree.take(9) == [], "nobody needs what would follow"
    whole = [index for node in nodes if node.action == "d" for index in tree.finish(node, state)]
    assert whole == [2]
    tree.release(2)
    assert all(node.state is None for node in nodes)


# --- scores ----------------------------------------------------------------------------------------------------------


def test_scores_facts_and_spread(model: WorldModel, state: WorldState) -> None:
    def readout(frame: np.ndarray) -> Facts | None:
        return RED if frame.mean() > 0 else None

    values = iter([1.0, 0.0, None, 0.5])
    facts = FactsGoal([("clear", "red"), ("on", "red", "blue")], readout)
    scorers = {"goal": lambda _: next(values), "facts": facts}
    futures = run(model, state, [[LEFT], [RIGHT]], samples=2, readout=readout, scorers=scorers)
    first, second = futures
    assert (first.facts, first.spread.facts) == (RED, 0.0)
    assert first.scores == {"goal": Score(0.5, 1.0), "facts": Score(0.5, 1.0)}
    assert first.spread.scores == {"goal": 0.5, "facts": 0.0}
    assert second.scores["goal"] == Score(0.5, 0.5), "one of two could say"
    assert second.spread.scores["goal"] is None
    assert (first.spread.pixels or 0) > 0
    assert (first.spread.latents or 0) > 0
    assert best_of(futures) is first
    assert best_of(futures, "facts") in futures
    alone = run(model, state, [[LEFT]], readout=lambda _: None)[0]
    assert (alone.facts, alone.scores, best_of([alone])) == (None, {}, None)
    assert (alone.spread.facts, alone.spread.pixels, alone.spread.latents) == (None, None, None)


def test_readings_that_differ_and_those_that_cannot_be_read(model: WorldModel, state: WorldState) -> None:
    for readings, expected in (([RED, BLUE, RED], 2 / 3), ([RED, None, RED], 2 / 3), ([None, None, None], 1.0)):
        told = iter(readings)
        future = run(model, state, [[LEFT]], samples=3, readout=lambda _, told=told: next(told))[0]
        assert future.spread.facts == pytest.approx(expected)


def test_what_scorers_may_say(state: WorldState) -> None:
    assert ask(lambda _: 2, state) == Score(2.0, 1.0)
    assert ask(lambda _: Score(0.3, 0.2), state) == Score(0.3, 0.2)
    assert ask(lambda _: None, state) is None
    assert ask(lambda _: math.nan, state) is None
    assert combine([None, None]) is None
    assert combine([Score(1.0, 0.5), None]) == Score(1.0, 0.25)


def test_a_goal_of_facts(state: WorldState) -> None:
    assert FactsGoal(RED | BLUE, lambda _: RED)(state) == Score(0.5)
    assert FactsGoal(RED, lambda _: None)(state) is None
    with pytest.raises(InvalidInput, match="fact"):
        FactsGoal([], lambda _: RED)
    assert readout_of("blocks")(picture(0)) is None
    with pytest.raises(UnknownName, match="blocks"):
        readout_of("block")


def test_a_goal_picture(model: WorldModel, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = model.begin

    def draw(image: np.ndarray, expert: str | None = None) -> WorldState:
        return replace(begin(image, expert=expert), frame=torch.from_numpy(image))

    with monkeypatch.context() as patch:  # as a trained model draws: what it shows is what it was given
        patch.setattr(model, "begin", draw)
        start, there = draw(picture(6)), draw(picture(5))
        goal = ImageGoal(model, picture(5), start=start)
        assert goal(start) == Score(0.0, 1.0)
        assert goal(there) == Score(1.0, 1.0)
        between = draw(np.concatenate([picture(5)[:96], picture(6)[96:]]))
        assert 0.2 < goal(between).value < 0.8
        assert goal(draw(picture(7))).value < 0.5
        assert ImageGoal(model, picture(6), start=start).confidence == 0.0
        assert ImageGoal(model, picture(5)).far == pytest.approx(math.sqrt(2))
    blurred = ImageGoal(model, picture(5), start=model.begin(picture(6)))
    assert blurred.confidence < 0.2, "this one can't draw"


def test_a_goal_in_words_is_read_by_the_kind_of_world() -> None:
    goal = goal_in_words("the red block is on the blue block and the hand is empty", "blocks")
    assert goal.facts == {("on", "red", "blue"), ("hand", "empty")}
    with pytest.raises(InvalidInput, match="can't be read"):
        goal_in_words("a castle", "blocks")
    with pytest.raises(UnknownName):
        goal_in_words("a castle", "sand")


def test_a_model_that_speaks_judges_goals_by_its_own_words(
    model: WorldModel, state: WorldState, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Said("red on blue; blue on table; hand empty; light on", 0.7)
    monkeypatch.setattr(model, "describe", lambda frames: [said] * len(frames))
    goal = goal_in_words("the red block is on the blue block and the hand holds the blue block", "blocks", model)
    assert isinstance(goal, SaidGoal)
    assert goal(state) == Score(0.5, 0.7)
    monkeypatch.setattr(model, "describe", lambda frames: [Said("red on red", 0.9)])
    assert goal(state) is None
    future = run(model, state, [[LEFT]], text_states=True)[0]
    assert future.samples[0].said == Said("red on red", 0.9)
    batches: list[int] = []
    monkeypatch.setattr(model, "describe", lambda frames: batches.append(len(frames)) or [said] * len(frames))
    (future,) = run(model, state, [[LEFT]], samples=3, scorers={"goal": goal})
    assert batches == [3], "the samples of a candidate are described at once"
    score = future.scores["goal"]
    assert score is not None
    assert (score.value, score.confidence) == (0.5, pytest.approx(0.7))
    assert future.samples[0].said is None, "nobody asked for words"
