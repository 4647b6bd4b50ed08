"""Plans that are sketched in words: drawn only where they go, and mended by what the pictures show."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pandora.planning import AStar, Budget, FactSearch, FactsGoal, Imagined, Node, Reasoner, Sketched, Verified, Worded
from pandora.worlds.base import Problem
from tests.planning.conftest import Knowing, Seeing, Shown


def sketching(model: Knowing, problem: Problem, **options) -> Reasoner:
    dynamics, planning = Imagined(model, model.world), model.world.planning()
    config = FactSearch(dynamics, planning, FactsGoal.from_text(dynamics, planning, problem.goal))
    return Reasoner(dynamics, config, Sketched(AStar(), Worded(model, model.world), **options))


class Counting(Knowing):
    """Knows how many clips were drawn, and how many texts were thought; `lies` says which texts are wrong."""

    def __init__(self, world: Seeing, lies: Callable[[str, str], bool] = lambda text, action: False, **options):
        super().__init__(world, **options)
        self.lies, self.drawn, self.thought = lies, 0, 0

    def step(self, states, actions, sampler=None):
        self.drawn += len(states)
        return super().step(states, actions, sampler)

    def foresee(self, texts, actions):
        self.thought += len(texts)
        said = super().foresee(texts, actions)
        return [
            type(one)(text if self.lies(text, action) else one.text, one.confidence)
            for text, action, one in zip(texts, actions, said, strict=True)
        ]


@pytest.fixture
def problem(drawn: list[Problem]) -> Problem:
    return next(problem for problem in drawn if problem.limit == 6)


def test_only_what_a_plan_goes_through_is_drawn(world: Seeing, problem: Problem) -> None:
    model = Counting(world)
    seen: list[Node] = []
    plan = sketching(model, problem)(model.show(problem.scene), limit=problem.limit, watch=seen.append)
    assert plan.reached
    assert len(plan.actions) == model.drawn == plan.calls == problem.limit
    assert len(plan.tree) == len(seen) == problem.limit + 1
    assert model.thought > problem.limit
    other = Counting(world)
    plain = replace(sketching(other, problem), planner=AStar())
    assert plain(other.show(problem.scene), limit=problem.limit).calls > 2 * plan.calls


def test_pictures_mend_a_sketch(world: Seeing, problem: Problem) -> None:
    first = sketching(Counting(world), problem)
    model = Counting(world, lies=lambda text, action: action == lie)
    lie = first(first.dynamics.model.show(problem.scene), limit=problem.limit).actions[0]  # type: ignore[attr-defined]
    plan = sketching(model, problem)(model.show(problem.scene), limit=problem.limit)
    assert plan.reached, "where words say that nothing happens, the pictures are searched"
    assert plan.actions[0] == lie


def test_what_can_not_be_drawn_is_not_planned(world: Seeing, problem: Problem) -> None:
    blind: set[str] = set()

    def wrong(state: Shown, action: str) -> bool:
        blind.add(action) if not blind else None
        return action in blind

    model = Counting(world, wrong=wrong)
    thinks = sketching(model, problem)
    plan = thinks(model.show(problem.scene), limit=problem.limit + 2)
    assert not blind & set(plan.actions)
    assert plan.reached == (plan.value == 1.0)


def test_budgets_hold(world: Seeing, problem: Problem) -> None:
    model = Counting(world)
    start = model.show(problem.scene)
    few = sketching(model, problem)(start, limit=problem.limit, budget=Budget(calls=2))
    assert (few.reached, few.calls) == (False, 2)
    none = sketching(model, problem)(start, limit=problem.limit, budget=Budget(should_stop=lambda: True))
    assert (none.calls, none.actions) == (0, ())
    checked = Verified(sketching(model, problem), samples=3)(start, limit=problem.limit)
    assert (checked.reached, checked.confidence, checked.trials) == (True, 1.0, 3)
    short = sketching(Counting(world), problem, texts=1)
    assert short(short.dynamics.model.show(problem.scene), limit=problem.limit).reached  # type: ignore[attr-defined]
