"""Goals of the platformer and the road: said and read, never farther than they are, and found by search."""

from pathlib import Path

import numpy as np
import pytest

from pandora.errors import InvalidInput
from pandora.planning import AStar, FactSearch, FactsGoal, Reasoner
from pandora.planning.simulated import Simulated
from pandora.scoring import goal_in_words, goal_of_facts
from pandora.worlds import make_world
from pandora.worlds.base import Facts, Planning, World
from pandora.worlds.platformer.goals import way
from pandora.worlds.platformer.rules import move


def solve(world: World, scene: object, text: str, limit: int = 8) -> tuple[tuple[str, ...], Facts]:
    """The plan for a goal in words, and the facts where it truly leads."""
    planning, dynamics = world.planning(), Simulated(world)
    goal = FactsGoal.from_text(dynamics, planning, text)
    plan = Reasoner(dynamics, FactSearch(dynamics, planning, goal), AStar())(scene, limit=limit)
    for action in plan.actions:
        meaning = planning.meaning(action)
        assert meaning is not None
        assert world.understand(scene, action) == meaning, "what a planner says, the world understands"
        scene = world.advance(scene, meaning)
    return plan.actions, world.facts(scene)


@pytest.mark.parametrize(
    ("name", "text", "facts"),
    [
        ("platformer", "the goal is reached", {("reached",)}),
        ("platformer", "reach the flag and beat all the slimes", {("reached",), ("foes", "0")}),
        ("platformer", "The fox has reached the campfire; one cherry is left", {("reached",), ("coins", "1")}),
        ("platformer", "collect all gems", {("coins", "0")}),
        ("platformer", "the knight is in column 3 of row 5", {("hero", "3", "5")}),
        ("platformer", "the hero hangs on a vine, no coins are left", {("facing", "away"), ("coins", "0")}),
        ("road", "it is night and it rains", {("hour", "night"), ("weather", "rain")}),
        ("road", "The car is in the left lane.", {("lane", "left")}),
        ("road", "there is fog, it is evening and the car has stopped",
         {("weather", "fog"), ("hour", "dusk"), ("speed", "stopped")}),
    ],
)  # fmt: skip
def test_goals_are_read_and_said_again(name: str, text: str, facts: Facts) -> None:
    planning = make_world(name).planning()
    goal = planning.goal(text)
    assert goal == facts
    planning.check_facts(goal)
    assert planning.goal(planning.say_goal(goal)) == goal


@pytest.mark.parametrize("name", ["platformer", "road", "blocks"])
def test_what_no_goal_is(name: str) -> None:
    planning = make_world(name).planning()
    for text in ("", " , ", "make it nice", "the goal is reached and be happy"):
        with pytest.raises(InvalidInput, match="Say "):
            planning.goal(text)
    for fact in (("hero", "9", "1"), ("coins", "few"), ("weather", "hail"), ("heading", "east"), ()):
        with pytest.raises(InvalidInput):
            planning.check_facts(frozenset([fact]))
        with pytest.raises(InvalidInput):
            planning.say_goal(frozenset([fact]))


@pytest.mark.parametrize("name", ["platformer", "road", "blocks"])
def test_goals_that_are_offered_can_be_read(name: str) -> None:
    world = make_world(name)
    planning = world.planning()
    for example in world.examples():
        goals = planning.examples(example.suggestions)
        assert goals, example.id
        for text in goals:
            planning.check_facts(planning.goal(text))


def test_no_goal_of_the_platformer_is_nearer_than_it_seems() -> None:
    world, planning = make_world("platformer"), make_world("platformer").planning()
    rng, compared = np.random.default_rng(0), 0
    for seed in range(60):
        scene = world.reset(seed)
        facts, coins = world.facts(scene), len(scene.coins)
        found = way(scene, lambda m: m.after.reached, rng)
        if found is not None and not scene.reached:
            assert planning.distance(facts, planning.goal("the goal is reached")) <= len(found)
            compared += len(found) > 1
        if coins and (found := way(scene, lambda m, n=coins: len(m.after.coins) < n, rng)) is not None:
            assert planning.distance(facts, frozenset({("coins", str(coins - 1))})) <= len(found)
    assert compared > 30


def test_what_the_rules_of_the_platformer_make_is_plausible() -> None:
    world, planning = make_world("platformer"), make_world("platformer").planning()
    rng = np.random.default_rng(1)
    for seed in range(80):
        scene = world.reset(seed)
        for _ in range(3):
            meaning = world.sample(scene, rng)
            after = move(scene, meaning.verb).after
            assert planning.plausible(world.facts(scene), world.facts(after), str(meaning))
            scene = after
    facts = world.facts(world.reset(3))
    x, y = next(fact[1:] for fact in facts if fact[0] == "hero")
    free = next(str(column) for column in range(8) if ("coin", str(column), "0") not in facts)
    for odd in (facts | {("coin", free, "0")}, facts - {("hero", x, y)} | {("hero", str((int(x) + 4) % 8), y)}):
        assert not planning.plausible(facts, odd)


def test_plans_lead_where_they_should() -> None:
    world, solved = make_world("platformer"), 0
    for seed in range(12):
        scene = world.reset(seed)
        best = way(scene, lambda m: m.after.reached, np.random.default_rng(0))
        if best is None or len(best) > 5:
            continue
        actions, facts = solve(world, scene, "the goal is reached")
        assert ("reached",) in facts
        assert len(actions) == len(best), "A* finds a shortest plan"
        solved += 1
    assert solved > 4


def test_a_plan_of_the_road_sets_off_to_change_lanes() -> None:
    world = make_world("road")
    scene = world.reset(0, weather="clear", hour="day", lane="right", driving=False, at_junction=False)
    actions, facts = solve(world, scene, "it is night and the car is in the left lane")
    assert {("hour", "night"), ("lane", "left")} <= facts
    assert len(actions) == 3
    assert actions.index("drive on") < actions.index("change to the left lane")
    planning: Planning = world.planning()
    goal = planning.goal("it is night and it snows")
    assert planning.distance(world.facts(scene), goal) == 2
    assert planning.prior(world.facts(scene), "it is night", goal) > planning.prior(world.facts(scene), "brake", goal)


def test_problems_of_the_platformer_are_as_long_as_they_say() -> None:
    world = make_world("platformer")
    planning = world.planning()
    found = planning.problems(None, 0, 0)
    assert [problem.limit for problem in found] == sorted(problem.limit for problem in found)
    assert {problem.limit for problem in found} == set(range(1, 7))
    assert len({problem.id for problem in found}) == len(found)
    for problem in found[::9]:
        _, facts = solve(world, problem.scene, problem.goal, problem.limit)
        assert planning.goal(problem.goal) <= facts
        assert problem.scene.look >= 10**9, "no room of training"
    assert 0 < sum(planning.needs_held_out(problem) for problem in found) < len(found)
    other = planning.problems(None, 0, 1)[0]
    assert world.facts(other.scene) == world.facts(found[0].scene)
    with pytest.raises(InvalidInput, match="folder"):
        planning.problems(Path("data"), 0, 0)


def test_what_one_picture_does_not_tell_is_no_goal_of_a_rollout() -> None:
    assert goal_in_words("it is night and the car is in the left lane", "road").facts
    for ask in (lambda: goal_in_words("the car stands", "road"), lambda: goal_of_facts([("speed", "stopped")], "road")):
        with pytest.raises(InvalidInput, match="plan for it"):
            ask()
    assert goal_in_words("all coins are collected", "platformer").facts
