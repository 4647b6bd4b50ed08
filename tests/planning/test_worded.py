"""Planning in words: what the model says is read as facts, asked for once, and doubted where it can't be."""

from pandora.backbone import Said
from pandora.planning import AStar, FactSearch, FactsGoal, Reasoner, Worded
from pandora.worlds.base import Problem
from pandora.worlds.blocks.planning import BlocksPlanning
from tests.planning.conftest import Knowing, Seeing


def test_a_plan_in_words(world: Seeing, planning: BlocksPlanning, drawn: list[Problem]) -> None:
    model, problem = Knowing(world), drawn[12]
    dynamics = Worded(model, world)
    goal = FactsGoal(dynamics, planning, planning.goal(problem.goal))
    plan = Reasoner(dynamics, FactSearch(dynamics, planning, goal), AStar())(
        model.show(problem.scene), limit=problem.limit
    )
    assert plan.reached
    assert len(plan.actions) == problem.limit
    assert 0 < plan.spread < 1
    assert plan.calls == sum(model.batches)
    assert plan.states[0].text == planning.say_state(world.facts(problem.scene))


def test_what_was_asked_is_not_asked_again(world: Seeing, planning: BlocksPlanning, drawn: list[Problem]) -> None:
    model = Knowing(world)
    dynamics = Worded(model, world, batch=2)
    start = dynamics.init(model.show(drawn[0].scene))
    facts = dynamics.facts(start)
    assert facts is not None
    actions = planning.actions(facts)
    first = dynamics.step([start] * 4, [*actions[:1] * 2, *actions[:1] * 2])
    assert [aux["calls"] for _, aux in first] == [1, 0, 0, 0]
    assert dynamics.step([start], actions[:1])[0][1] == {"calls": 0}
    assert dynamics.key(first[0][0]) == dynamics.key(first[3][0]) != dynamics.key(start)


def test_nonsense_has_no_facts(world: Seeing, drawn: list[Problem]) -> None:
    model = Knowing(world)
    dynamics = Worded(model, world)
    start = dynamics.init(model.show(drawn[0].scene))
    for text in ("mumble", "red on table; hand empty; light on", start.text):
        model.foresee = lambda texts, actions, text=text: [Said(text, 0.5)] * len(texts)
        (after, _), *_ = Worded(model, world).step([start], world.planning().actions(start.facts or frozenset())[:1])
        assert after.facts is None
        assert dynamics.is_terminal(after)
        assert dynamics.spread(after) == 0.5
