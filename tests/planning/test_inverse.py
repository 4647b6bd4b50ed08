"""Goals told from what somebody does: by films, by sentences, with models that know all, little or nothing."""

import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from pandora.cli.bench_goals import rows_of
from pandora.cli.main import create_app
from pandora.errors import InvalidInput, UnknownName
from pandora.planning import Actor, Budget, CostToGo, FactsGoal, FunctionGoal, Imagined, Simulated, Watcher, resting
from pandora.planning.benchmark import SEEN, Watched, WatchSetup, watch_all
from pandora.planning.benchmark.watching import WatchBench
from pandora.types import Frames
from pandora.worlds.base import Facts, Meaning
from pandora.worlds.blocks import intents, problems
from pandora.worlds.blocks.intents import Intent
from pandora.worlds.blocks.rules import is_legal, transition
from pandora.worlds.blocks.state import BlocksState, Stack, relations
from tests.planning.conftest import Knowing, Seeing

THREE = BlocksState((Stack(0, 1, ("red",)), Stack(2, 1, ("green",)), Stack(4, 1, ("blue",))), gripper=0)
RED_BLUE: Facts = frozenset({("on", "red", "blue")})
GREEN_BLUE: Facts = frozenset({("on", "green", "blue")})
BLUE_RED: Facts = frozenset({("on", "blue", "red")})
GOALS = (RED_BLUE, GREEN_BLUE, BLUE_RED)


class Hearing(Seeing):
    """Understands verbs with their blocks, too, such as "pick_up red"."""

    def understand(self, scene: BlocksState, text: str) -> Meaning | None:
        verb, *blocks = text.split()
        known = self.planning().meaning(text)
        return Meaning(verb, tuple(blocks)) if known is None and verb in self.verbs else known


@pytest.fixture(scope="module")
def world() -> Hearing:
    return Hearing()


def scenes(start: BlocksState, *actions: str) -> list[BlocksState]:
    """The scene at the start and after each action."""
    found = [start]
    for verb, *blocks in map(str.split, actions):
        meaning = Meaning(verb, tuple(blocks))
        assert is_legal(found[-1], meaning)
        found.append(transition(found[-1], meaning))
    return found


def watcher(world: Seeing, goals: Sequence[Facts] = GOALS, **options) -> Watcher:
    return Watcher.of_facts(Simulated(world), world.planning(), goals, **options)


def graph(world: Seeing, goals: Sequence[Facts], **options) -> CostToGo:
    dynamics, planning = Simulated(world), world.planning()
    wanted = [FactsGoal(dynamics, planning, goal) for goal in goals]
    return CostToGo(dynamics, wanted, lambda scene: planning.actions(dynamics.facts(scene)), **options)


# --- actions left ----------------------------------------------------------------------------------------------------


def test_costs_are_those_of_shortest_plans(world: Seeing) -> None:
    for number in range(4):
        intent = intents.draw(5, number)
        costs, scene = graph(world, intent.goals), intent.scene
        for action in (*intent.actions, None):
            expected = [problems.shortest(scene, goal, 20) for goal in intent.goals]
            key = costs.add(costs.dynamics.init(scene))
            assert costs([key]) == [expected]
            scene = scene if action is None else transition(scene, action)


def test_one_search_serves_all_goals(world: Seeing) -> None:
    intent = intents.draw(5, 1)
    alone = []
    for goal in intent.goals:
        costs = graph(world, [goal])
        costs([costs.add(costs.dynamics.init(intent.scene))])
        alone.append(costs.calls)
    together = graph(world, intent.goals)
    start = together.add(together.dynamics.init(intent.scene))
    together([start])
    assert max(alone) <= together.calls < sum(alone)
    spent = together.calls
    together([start])
    assert together.calls == spent


def test_a_budget_leaves_lower_bounds(world: Seeing) -> None:
    below = []
    for number in range(4):
        intent = intents.draw(5, number)
        bounded = graph(world, intent.goals)
        (least,) = bounded([bounded.add(bounded.dynamics.init(intent.scene))], Budget(calls=0))
        assert bounded.calls == 0
        below += [length - low for low, length in zip(least, intent.lengths, strict=True)]
    assert min(below) == 0
    assert max(below) > 0
    stopped = graph(world, intents.draw(5, 0).goals)
    start = stopped.add(stopped.dynamics.init(intents.draw(5, 0).scene))
    stopped([start], Budget(should_stop=lambda: stopped.calls > 0))
    assert 0 < stopped.calls <= 16


def test_what_can_not_be_decoded_may_be_a_way(world: Seeing) -> None:
    """Nothing can be seen of what comes after a block is picked up, so what is left is what the distance says."""
    model = Knowing(world, wrong=lambda state, action: "pick" in action)
    dynamics, planning = Imagined(model, world, redraws=0), world.planning()
    wanted = [FactsGoal(dynamics, planning, goal) for goal in GOALS]
    costs = CostToGo(dynamics, wanted, lambda moment: planning.actions(moment.facts))
    assert costs([costs.add(dynamics.init(model.show(THREE)))]) == [[2, 2, 2]]


def test_what_can_not_be_is_as_far_as_anything(world: Seeing) -> None:
    impossible = frozenset({("on", "red", "blue"), ("on", "blue", "red")})
    for limit, left in ((7, [7, 2]), (1, [1, 1])):
        costs = graph(world, [impossible, RED_BLUE], limit=limit)
        assert costs([costs.add(costs.dynamics.init(THREE))]) == [left]


# --- whose goal is it ------------------------------------------------------------------------------------------------


def test_a_film_tells_the_goal(world: Seeing) -> None:
    found = watcher(world).watch(scenes(THREE, "pick_up red", "stack red blue"))
    assert found.history[0] == pytest.approx((1 / 3,) * 3)
    assert found.told == (True, True)
    first, last = found.history[1], found.history[2]
    assert first[0] > 0.8
    assert last[0] > first[0]
    assert first[1] == pytest.approx(first[2])
    assert found.calls > 0


def test_the_posterior_is_bayes_rule_by_hand(world: Seeing) -> None:
    """From the start each goal is 2 away: after the right block is picked up 1 is left, after any other 3."""
    found = watcher(world, actor=Actor(beta=1.5, lapse=0.2)).watch(scenes(THREE, "pick_up red"))
    right, wrong, rest = (math.exp(-1.5 * left) for left in (1 + 1, 1 + 3, 1 + 2))
    total = right + 2 * wrong + rest
    likely, unlikely = (0.8 * chosen / total + 0.2 / 4 for chosen in (right, wrong))
    expected = np.array([likely, unlikely, unlikely])
    assert found.posterior == pytest.approx(tuple(expected / expected.sum()))


def test_sentences_tell_as_much_as_the_film(world: Seeing) -> None:
    actions = ("pick_up red", "put_down red", "pick_up green", "stack green blue")
    film = watcher(world).watch(scenes(THREE, *actions))
    said = watcher(world).follow(THREE, [*map(str, actions)])
    assert said.history == pytest.approx(np.array(film.history))
    assert np.argmax(film.posterior) == 1


def test_a_sentence_that_nobody_proposed_is_known_by_where_it_leads(world: Seeing) -> None:
    planning = world.planning()
    proposed = next(a for a in planning.actions(world.facts(THREE)) if "red" in a)
    plain = watcher(world).follow(THREE, [proposed])
    other = watcher(world).follow(THREE, ["pick_up red"])  # not the grammar's canonical sentence
    assert "pick_up red" not in planning.actions(world.facts(THREE))
    assert other.posterior == plain.posterior


def test_priors(world: Seeing) -> None:
    film = scenes(THREE, "pick_up red")
    plain = np.array(watcher(world).watch(film).posterior)
    prior = np.array([0.2, 0.5, 0.3])
    weighed = watcher(world, prior=[2, 5, 3]).watch(film)
    assert weighed.history[0] == pytest.approx(tuple(prior))
    assert weighed.posterior == pytest.approx(tuple(plain * prior / (plain * prior).sum()))
    assert watcher(world, prior=[0, 1, 1]).watch(film).posterior[0] == 0.0


def test_equal_goals_share_what_is_theirs(world: Seeing) -> None:
    film = scenes(THREE, "pick_up red")
    plain = watcher(world).watch(film).posterior
    twice = watcher(world, (RED_BLUE, RED_BLUE, GREEN_BLUE, BLUE_RED), prior=[1, 1, 2, 2]).watch(film).posterior
    assert twice[0] == twice[1]
    assert twice[0] + twice[1] == pytest.approx(plain[0])


def test_no_folly_makes_a_goal_impossible(world: Seeing) -> None:
    folly = ["pick_up red", "put_down red"] * 60 + ["pick_up green", "stack green blue"]
    found = watcher(world, actor=Actor(beta=1e6, lapse=1e-6)).watch(scenes(THREE, *folly))
    for row in found.history:
        assert all(0 < share <= 1 for share in row)
        assert sum(row) == pytest.approx(1.0)
    assert np.argmax(found.posterior) == 1


def test_a_goal_that_is_reached_is_one_to_rest_at(world: Seeing) -> None:
    stacked = scenes(THREE, "pick_up red", "stack red blue")[-1]
    goals = (RED_BLUE, GREEN_BLUE)
    rests = watcher(world, goals).watch([stacked, stacked]).posterior
    assert rests[0] > 0.6
    goes_on = watcher(world, goals).watch(scenes(stacked, "unstack red blue")).posterior
    assert goes_on[1] > 0.9


def test_what_can_not_be_read_is_no_evidence(world: Seeing) -> None:
    film = [world.render(scene) for scene in scenes(THREE, "pick_up red", "stack red blue", "unstack red blue")]
    model = Knowing(world)
    for scene in scenes(THREE, "pick_up red", "stack red blue", "unstack red blue"):
        model.show(scene)
    torn = np.full_like(film[0], 3)
    model.scenes[torn.tobytes()] = THREE
    dynamics = Imagined(model, world)
    states = [dynamics.init(frame) for frame in (film[0], torn, film[2], film[2])]
    found = Watcher.of_facts(dynamics, world.planning(), GOALS).watch(states)
    assert found.told == (False, False, True)
    assert found.history[0] == found.history[1] == found.history[2]
    assert found.posterior[0] > 0.4  # it rests where red is on blue
    # what was done says what the picture does not
    aided = Watcher.of_facts(dynamics, world.planning(), GOALS)
    aided.begin(states[0])
    aided.see(states[1], "pick_up red")
    aided.see(states[2], "stack red blue")
    assert aided.inference.told == (True, True)
    whole = watcher(world).watch(scenes(THREE, "pick_up red", "stack red blue"))
    assert aided.posterior == pytest.approx(whole.posterior)


def test_a_blind_model_tells_nothing(world: Seeing) -> None:
    model = Knowing(world, wrong=lambda state, action: True)
    dynamics = Imagined(model, world, redraws=0)
    found = Watcher.of_facts(dynamics, world.planning(), GOALS).follow(
        dynamics.init(model.show(THREE)), ["pick_up red", "stack red blue"]
    )
    assert found.told == (False, False)
    assert found.posterior == pytest.approx((1 / 3,) * 3)
    unreadable = Watcher.of_facts(dynamics, world.planning(), GOALS)
    torn = np.full((4, 8, 3), 9, np.uint8)
    model.scenes[torn.tobytes()] = THREE
    unreadable.begin(dynamics.init(torn))
    assert unreadable.hear("pick_up red") == pytest.approx((1 / 3,) * 3)
    assert unreadable.inference.calls == 0


def test_what_the_model_would_not_have_thought_of_still_tells(world: Seeing) -> None:
    """The model takes every action for nothing at all, but knows what the film shows."""
    model = Knowing(world)
    model._one = lambda state, action: state  # type: ignore[method-assign]
    dynamics = Imagined(model, world)
    states = [dynamics.init(model.show(scene)) for scene in scenes(THREE, "pick_up red", "stack red blue")]
    found = Watcher.of_facts(dynamics, world.planning(), GOALS).watch(states)
    assert found.told == (True, True)
    assert np.argmax(found.posterior) == 0


def test_calls_are_counted_and_bounded(world: Seeing) -> None:
    intent = intents.draw(5, 3)
    film = [intent.scene]
    for action in intent.actions:
        film.append(transition(film[-1], action))
    free = watcher(world, intent.goals).watch(film)
    bound = watcher(world, intent.goals, budget=Budget(calls=8)).watch(film)
    assert bound.calls < free.calls
    assert bound.calls <= len(intent.actions) * (8 + 16 + 5)
    model = Knowing(world)
    dynamics = Imagined(model, world)
    states = [dynamics.init(model.show(scene)) for scene in film]
    found = Watcher.of_facts(dynamics, world.planning(), intent.goals).watch(states)
    assert found.calls == sum(model.batches)
    assert max(model.batches) > 4
    assert found.posterior == pytest.approx(free.posterior)


def test_goals_by_any_function(world: Seeing) -> None:
    dynamics, planning = Simulated(world), world.planning()
    holds = [
        FunctionGoal(lambda scene, block=block: float(scene.holding == block)) for block in ("red", "green")
    ]  # fmt: skip
    found = Watcher(dynamics, holds, lambda scene: planning.actions(dynamics.facts(scene)))
    assert found.watch(scenes(THREE, "pick_up green")).posterior[1] > 0.8


def test_bad_questions(world: Seeing) -> None:
    with pytest.raises(InvalidInput, match="no goal"):
        watcher(world, ())
    for prior in ([1, 1], [1, -1, 1], [0, 0, 0], [1, math.nan, 1]):
        with pytest.raises(InvalidInput, match="prior"):
            watcher(world, prior=prior)
    for values in ({"beta": -1}, {"beta": math.inf}, {"lapse": 0}, {"lapse": 1.5}):
        with pytest.raises(InvalidInput):
            Actor(**values)
    with pytest.raises(InvalidInput, match="start"):
        watcher(world).watch([])
    film = np.zeros((17, 2, 2, 3), np.uint8)
    assert len(resting(film)) == 3
    with pytest.raises(InvalidInput, match="16"):
        resting(film[1:])


# --- the benchmark ---------------------------------------------------------------------------------------------------


def test_episodes_are_fair() -> None:
    wanted = []
    for number in range(6):
        intent = intents.draw(0, number)
        assert intent == intents.draw(0, number)
        assert len(set(intent.goals)) == 4
        assert not any(a < b for a in intent.goals for b in intent.goals)
        for goal, length in zip(intent.goals, intent.lengths, strict=True):
            assert problems.shortest(intent.scene, goal, 20) == length >= intents.LEAST
        scene = intent.scene
        for action in intent.actions:
            assert not intent.goals[intent.wanted] <= relations(scene)
            assert is_legal(scene, action)
            scene = transition(scene, action)
        assert intent.goals[intent.wanted] <= relations(scene)
        wanted.append(intent.wanted)
    assert len(set(wanted)) > 1
    for number in range(4):
        straight = intents.draw(0, number, noise=0.0)
        length = straight.lengths[straight.wanted]
        assert len(straight.actions) == length
        scene = straight.scene
        for action in straight.actions[: length // 2]:
            scene = transition(scene, action)
        for other, (goal, whole) in enumerate(zip(straight.goals, straight.lengths, strict=True)):
            on_its_way = problems.shortest(scene, goal, 20) == whole - length // 2
            assert on_its_way == (other == straight.wanted), "half of the way tells them apart"


class Few(WatchBench):
    """A bench whose films are stills, with a model that knows the rules."""

    def __init__(self, world: Seeing, setup: WatchSetup):
        self.knowing = Knowing(world)
        super().__init__(setup, world, self.knowing)

    def watch(self, track: str, episode: int) -> Watched:
        self.knowing.show(intents.draw(self.setup.seed, episode).scene)
        return super().watch(track, episode)

    def film(self, intent: Intent) -> Frames:
        stills, scene = [self.knowing.show(intent.scene)], intent.scene
        for action in intent.actions:
            scene = transition(scene, action)
            stills += [self.knowing.show(scene)] * 8
        return np.stack(stills)


SETUP = WatchSetup(weights=Path("none"), fingerprint="f", calls=1000)


def test_tracks(world: Seeing, tmp_path: Path) -> None:
    bench, quiet = Few(world, SETUP), Console(file=io.StringIO())
    tracks = ["film", "actions", "oracle", "heuristic"]
    found = watch_all(SETUP, tracks, 3, tmp_path, console=quiet, bench=bench)
    rows = {row.name: row for row in rows_of(tracks, found)}
    for track in tracks:
        assert rows[f"goals.{track}.0.5"].n == 3
    for track in ("film", "actions", "oracle"):
        assert rows[f"goals.{track}.0"].value == 0.25
        assert rows[f"goals.{track}.1"].value == 1.0
        own = sorted((w for w in found if w.track == track), key=lambda w: w.episode)
        perfect = sorted((w for w in found if w.track == "oracle"), key=lambda w: w.episode)
        for one, other in zip(own, perfect, strict=True):
            assert np.array(one.history) == pytest.approx(np.array(other.history))
    assert rows["goals.half_film"].value == rows["goals.film.0.5"].value
    assert rows["goals.film.evidence"].value == 1.0
    asked = len(bench.knowing.batches)
    again = watch_all(SETUP, tracks, 3, tmp_path, console=quiet, bench=bench)
    assert sorted(map(repr, again)) == sorted(map(repr, found))
    assert len(bench.knowing.batches) == asked
    other = replace(SETUP, fingerprint="g")
    watch_all(other, ["film", "oracle"], 1, tmp_path, console=quiet, bench=Few(world, other))
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert len(lines) == 13  # the oracle's does not depend on the weights


def test_ties_count_in_part() -> None:
    row = ((0.25,) * 4, (0.4, 0.4, 0.1, 0.1), (0.1, 0.9, 0.0, 0.0))
    watched = Watched(
        track="film", episode=0, things=3, wanted=1, history=row, told=(True, True), calls=0, seconds=0.0
    )  # fmt: skip
    assert [watched.hit(seen) for seen in SEEN] == [0.25, 0.25, 0.5, 0.5, 1.0]


def test_films_of_the_simulator_are_read(tmp_path: Path) -> None:
    bench = WatchBench(SETUP)
    intent = intents.draw(0, 0)
    film = bench.film(intent)
    assert film.shape == (1 + 8 * len(intent.actions), 128, 128, 3)
    scene = intent.scene
    for frame, action in zip(resting(film), (*intent.actions, None), strict=True):
        assert bench.planning.key(bench.world.readout(frame) or frozenset()) == relations(scene)
        scene = scene if action is None else transition(scene, action)


def test_the_command(tmp_path: Path) -> None:
    options = ["--track", "oracle", "--track", "heuristic", "--episodes", "4"]
    asked = ["bench", "goals", *options, "--out", str(tmp_path), "--json", str(tmp_path / "more" / "rows.json")]
    told = CliRunner().invoke(create_app(), asked)
    assert told.exit_code == 0, told.output
    assert "oracle" in told.output
    rows = json.loads((tmp_path / "more" / "rows.json").read_text())
    assert rows["rows"][0] | {"low": 0, "high": 1} == {
        "name": "goals.oracle.0", "value": 0.25, "unit": "share", "low": 0, "high": 1, "n": 4,
    }  # fmt: skip
    assert rows["settings"]["episodes"] == {"oracle": 4, "heuristic": 4}
    assert (tmp_path / "accuracy_vs_seen.png").stat().st_size > 1000
    wrong = CliRunner().invoke(create_app(), ["bench", "goals", "--track", "flim"])
    assert isinstance(wrong.exception, UnknownName) or "film" in wrong.output
