"""What planners are told about the blocks world: goals in words, allowed actions, distances, problems from PDDL."""

from pathlib import Path

import pytest

from pandora.errors import InvalidInput
from pandora.worlds import make_world
from pandora.worlds.base import Meaning, Problem
from pandora.worlds.blocks import problems
from pandora.worlds.blocks.planning import BlocksPlanning
from pandora.worlds.blocks.rules import is_held_out
from pandora.worlds.blocks.state import BlocksState, Stack, relations
from tests.planning.conftest import Seeing

PDDL = """(define (problem BW-rand-3) (:domain blocksworld-4ops) (:objects a b c )
(:init (handempty) (ontable a) (on b a) (ontable c) (clear b) (clear c))
(:goal (and (on a b) (on b c))))"""


def test_goals_are_sentences(planning: BlocksPlanning) -> None:
    text = "the red block is on the blue block and the blue block is on the table and the hand is empty"
    goal = planning.goal(text)
    assert goal == {("on", "red", "blue"), ("table", "blue"), ("hand", "empty")}
    assert planning.goal(planning.say_goal(goal)) == goal
    assert planning.goal("Red is on top of blue; the hand holds the green block.") == {
        ("on", "red", "blue"), ("holding", "green"),
    }  # fmt: skip
    for wrong, words in (("", "is empty"), ("make it nice", "can't be read"), ("the pink block is on blue", "pink")):
        with pytest.raises(InvalidInput, match=words):
            planning.goal(wrong)


def test_actions_are_what_the_rules_allow(planning: BlocksPlanning, world: Seeing) -> None:
    for seed in range(30):
        scene = world.reset(seed)
        facts = world.facts(scene)
        said = {str(planning.meaning(action)) for action in planning.actions(facts)}
        verbs = {"pick_up", "put_down", "stack", "unstack"}
        assert said == {str(m) for m in world.meanings(scene) if m.verb in verbs and world.is_legal(scene, m)}
        assert len(planning.actions(facts, rules=False)) == 2 * len(scene.blocks) ** 2
    assert planning.meaning("grab red") is None


def test_distance_never_exceeds_what_is_left(planning: BlocksPlanning, world: Seeing, drawn: list[Problem]) -> None:
    for problem in drawn:
        goal = planning.goal(problem.goal)
        assert 0 < planning.distance(world.facts(problem.scene), goal) <= problem.limit
        scene = problem.scene
        for action in planning.actions(world.facts(scene)):
            meaning = planning.meaning(action)
            assert meaning is not None
            left = problems.shortest(world.advance(scene, meaning), goal, 14)
            assert left is not None
            assert planning.distance(world.facts(world.advance(scene, meaning)), goal) <= left
            assert 0 <= planning.prior(world.facts(scene), action, goal) <= 1


def test_keys_leave_places_and_light_out(planning: BlocksPlanning, world: Seeing) -> None:
    one = BlocksState((Stack(1, 1, ("red", "blue")),), 1)
    other = BlocksState((Stack(4, 0, ("red", "blue")),), 2, light=False, look=9)
    assert planning.key(world.facts(one)) == planning.key(world.facts(other)) == relations(one)


def test_pddl_problems(tmp_path: Path, planning: BlocksPlanning) -> None:
    folder = tmp_path / "pddl" / "generated_basic"
    folder.mkdir(parents=True)
    (tmp_path / "split_v1").mkdir()
    row = '[["LLMs-Planning/x/generated_basic/instance-7.pddl", "(unstack b a)", 4]]'
    (tmp_path / "split_v1" / "step_4.json").write_text(row)
    with pytest.raises(InvalidInput, match=r"instance-7\.pddl is missing"):
        planning.problems(tmp_path, 0, 0)
    (folder / "instance-7.pddl").write_text(PDDL)
    first, other = (planning.problems(tmp_path, 0, layout)[0] for layout in (0, 1))
    assert first == planning.problems(tmp_path, 5, 0)[0]
    assert (first.id, other.id, first.limit, first.things) == (
        "generated_basic/instance-7@0", "generated_basic/instance-7@1", 4, 3,
    )  # fmt: skip
    assert first.scene != other.scene
    for problem in (first, other):
        assert problems.shortest(problem.scene, planning.goal(problem.goal), 8) == 4
        assert sorted(len(stack.blocks) for stack in problem.scene.stacks) == [1, 2]
    with pytest.raises(InvalidInput, match="LLMs-Planning"):
        planning.problems(tmp_path / "pddl", 0, 0)
    with pytest.raises(InvalidInput, match="no Blocksworld problem"):
        problems.parse("(define)")


def test_drawn_problems_have_shortest_plans(planning: BlocksPlanning, drawn: list[Problem]) -> None:
    assert [p.limit for p in drawn] == sorted(p.limit for p in drawn)
    for problem in drawn:
        assert 2 <= problem.limit <= 12
        assert problems.shortest(problem.scene, planning.goal(problem.goal), 12) == problem.limit


def test_who_needs_held_out_transitions(planning: BlocksPlanning, drawn: list[Problem]) -> None:
    needs = [planning.needs_held_out(problem) for problem in drawn]
    assert 0 < sum(needs) < len(needs)
    problem = next(p for p, needed in zip(drawn, needs, strict=True) if p.limit == 2 and not needed)
    goal = planning.goal(problem.goal)
    first = [planning.meaning(a) for a in planning.actions(relations(problem.scene))]
    assert any(m is not None and not is_held_out(problem.scene, m) for m in first)
    assert problems.shortest(problem.scene, goal, 2, lambda state, meaning: False) is None


def test_a_world_without_goals_says_so() -> None:
    world = make_world("blocks")
    assert isinstance(world.planning(), BlocksPlanning)
    scene = world.reset(0)
    action = Meaning("wait")
    assert world.advance(scene, action) == world.step(scene, action).scene
    from pandora.worlds.base import World

    with pytest.raises(InvalidInput, match="no goals"):
        World.planning(world)
