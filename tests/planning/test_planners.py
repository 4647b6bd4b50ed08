"""With a perfect model the planners find what they should, in as many calls as they may use."""

import json
import math

import pytest

from pandora.planning import (
    MCTS,
    AStar,
    Beam,
    BreadthFirst,
    Budget,
    FactSearch,
    FactsGoal,
    FunctionGoal,
    Greedy,
    Node,
    Noisy,
    Plan,
    Planner,
    RandomPlan,
    Reasoner,
    Shooting,
    Simulated,
)
from pandora.planning.benchmark import make_planner
from pandora.planning.mcts import mean
from pandora.worlds.base import Problem
from pandora.worlds.blocks import grammar
from pandora.worlds.blocks.planning import BlocksPlanning
from pandora.worlds.blocks.world import Blocks
from tests.planning.conftest import Seeing


def solve(world: Seeing, problem: Problem, planner: Planner, noise: float = 0.0, **options) -> tuple[Plan, bool]:
    """The plan, and whether it works in the simulator."""
    planning, perfect = world.planning(), Simulated(world)
    dynamics = Noisy(perfect, noise, lambda scene: planning.actions(perfect.facts(scene))) if noise else perfect
    goal = FactsGoal.from_text(dynamics, planning, problem.goal)
    config = FactSearch(dynamics, planning, goal, partial=False, use_prior=False)
    plan = Reasoner(dynamics, config, planner)(problem.scene, limit=problem.limit, **options)
    scene = problem.scene
    for action in plan.actions:
        meaning = world.understand(scene, action)
        if meaning is None or not world.is_legal(scene, meaning):
            return plan, False
        scene = world.advance(scene, meaning)
    return plan, goal.facts <= world.facts(scene)


def solved(world: Seeing, drawn: list[Problem], planner: Planner, noise: float = 0.0) -> float:
    return sum(solve(world, problem, planner, noise)[1] for problem in drawn) / len(drawn)


@pytest.mark.parametrize("planner", [AStar(), AStar(width=4), BreadthFirst(), Beam(width=16)], ids=lambda p: p.name)
def test_what_searches_widely_solves_everything(world: Seeing, drawn: list[Problem], planner: Planner) -> None:
    assert solved(world, drawn, planner) == 1.0


def test_planners_rank_as_they_should(world: Seeing, drawn: list[Problem]) -> None:
    share = {
        name: solved(world, drawn, make_planner(name)) for name in ("random", "greedy", "beam_1_score", "beam_4_score")
    }
    assert share["random"] <= share["greedy"] < 0.6
    assert share["greedy"] < share["beam_4_score"]
    assert share["beam_1_score"] < share["beam_4_score"]
    assert solved(world, drawn, MCTS(n_iters=5)) < solved(world, drawn, MCTS(n_iters=120))


def test_wrong_transitions_cost_plans(world: Seeing, drawn: list[Problem]) -> None:
    shares = [solved(world, drawn, BreadthFirst(), noise) for noise in (0.02, 0.3)]
    assert shares[0] > 0.6 > shares[1]


def test_a_star_needs_fewer_calls_than_breadth_first(world: Seeing, drawn: list[Problem]) -> None:
    hard = drawn[-4:]
    calls = [sum(solve(world, problem, planner)[0].calls for problem in hard) for planner in (AStar(), BreadthFirst())]
    assert calls[0] < calls[1] / 2


@pytest.mark.parametrize(
    "planner",
    [AStar(), Beam(), MCTS(), MCTS(parallel=4), Shooting(), RandomPlan(), Greedy()],
    ids=lambda p: type(p).__name__,
)
def test_budgets_bound_calls_and_leave_a_partial_plan(world: Seeing, drawn: list[Problem], planner: Planner) -> None:
    plan, _ = solve(world, drawn[-1], planner, budget=Budget(calls=5))
    assert plan.calls <= 5
    assert len(plan.actions) <= drawn[-1].limit
    assert plan.value is not None
    nothing, _ = solve(world, drawn[-1], planner, budget=Budget(should_stop=lambda: True))
    assert (nothing.calls, nothing.actions) == (0, ())
    assert solve(world, drawn[-1], planner, budget=Budget(seconds=0.0))[0].calls == 0


def test_a_plan_tells_what_it_predicts(world: Seeing, drawn: list[Problem], planning: BlocksPlanning) -> None:
    told: list[Plan] = []
    problem = drawn[-1]
    seen: list[Node] = []
    plan, _ = solve(world, problem, AStar(), progress=told.append, watch=seen.append)
    assert plan.reached
    assert (plan.value, plan.confidence, plan.spread) == (1.0, 1.0, 0.0)
    assert len(plan.states) == len(plan.actions) + 1
    assert planning.goal(problem.goal) <= world.facts(plan.states[-1])
    assert told[-1].actions == plan.actions
    assert [p.value for p in told] == sorted(p.value or 0.0 for p in told)
    tree = json.loads(json.dumps(plan.to_dict()))["tree"]
    assert len(tree) == plan.calls + 1 == len(seen)
    assert [(node.id, node.action) for node in seen] == [(node["id"], node["action"]) for node in tree]
    assert [node["id"] for node in tree] == list(range(len(tree)))
    assert all(node["parent"] is None or tree[node["parent"]]["depth"] == node["depth"] - 1 for node in tree)


def test_nothing_is_planned_where_the_goal_holds(world: Seeing, drawn: list[Problem], planning: BlocksPlanning) -> None:
    dynamics = Simulated(world)
    goal = FunctionGoal(lambda scene: 1.0)
    assert goal.distance(None) == 0.0
    config = FactSearch(dynamics, planning, FactsGoal(dynamics, planning, frozenset()))
    plan = Reasoner(dynamics, config, AStar())(drawn[0].scene, limit=4)
    assert (plan.reached, plan.actions, plan.calls) == (True, (), 0)


def test_mcts_follows_llm_reasoners(world: Seeing, drawn: list[Problem], planning: BlocksPlanning) -> None:
    planner = MCTS(n_iters=3, seed=1)
    assert (planner.w_exp, planner.cum_reward, planner.calc_q) == (1.0, sum, mean)
    first, again = (solve(world, drawn[-1], planner)[0] for _ in range(2))
    assert first.actions == again.actions
    assert first.calls <= 3 * drawn[-1].limit
    walks = MCTS(n_iters=40, parallel=8, drop_repeats=True)
    shares = [solved(world, drawn[:10], MCTS(n_iters=40)), solved(world, drawn[:10], walks)]
    assert shares[1] >= shares[0] - 0.2
    assert math.isclose(mean([1.0, 2.0]), 1.5)


@pytest.mark.parametrize("planner", [AStar(), BreadthFirst(), Beam(), MCTS(n_iters=60, drop_repeats=True)], ids=str)
def test_goals_may_be_about_more_than_relations(planner: Planner) -> None:
    """Where a block stands and whether the light is on, Blocksworld doesn't ask; a goal may."""

    class Free(FactSearch):
        def get_actions(self, state):
            return [grammar.canonical(m) for m in blocks.meanings(state) if blocks.is_legal(state, m)]

    blocks = Blocks()
    scene = blocks.reset(5)
    dynamics, planning = Simulated(blocks), blocks.planning()
    legal = [meaning for meaning in blocks.meanings(scene) if blocks.is_legal(scene, meaning)]
    useful = [meaning for meaning in legal if blocks.facts(blocks.advance(scene, meaning)) != blocks.facts(scene)]
    push, light = (next(m for m in useful if m.verb.startswith(verb)) for verb in ("push", "light"))
    after = blocks.advance(blocks.advance(scene, push), light)
    wanted = frozenset(fact for fact in blocks.facts(after) - blocks.facts(scene) if fact[0] in ("at", "light"))
    assert {fact[0] for fact in wanted} == {"at", "light"}
    config = Free(dynamics, planning, FactsGoal(dynamics, planning, wanted))
    plan = Reasoner(dynamics, config, planner)(scene, limit=2)
    assert sorted(plan.actions) == sorted(map(grammar.canonical, (push, light)))
    assert wanted <= blocks.facts(plan.states[-1])


def test_budgets_count_samples(world: Seeing, drawn: list[Problem]) -> None:
    class Thrice(Simulated):
        @property
        def calls_each(self) -> int:
            return 3

        def step(self, states, actions):
            return [(state, told | {"calls": 3}) for state, told in super().step(states, actions)]

    planning, dynamics = world.planning(), Thrice(world)
    goal = FactsGoal.from_text(dynamics, planning, drawn[-1].goal)
    reasoner = Reasoner(dynamics, FactSearch(dynamics, planning, goal), Beam())
    assert reasoner(drawn[-1].scene, limit=6, budget=Budget(calls=10)).calls <= 12
