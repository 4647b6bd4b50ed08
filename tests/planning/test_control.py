"""Plans in pictures: what is read, cached and doubted; and control that looks after every action."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pandora.planning import (
    Ablated,
    Agent,
    AStar,
    Budget,
    FactSearch,
    FactsGoal,
    Imagined,
    Moment,
    Plan,
    Reasoner,
    Verified,
)
from pandora.worlds.base import Problem
from tests.planning.conftest import Knowing, Seeing, Shown


def reasoner(model: Knowing, problem: Problem, **options) -> Reasoner:
    dynamics = Imagined(model, model.world, **options)
    planning = model.world.planning()
    goal = FactsGoal.from_text(dynamics, planning, problem.goal)
    return Reasoner(dynamics, FactSearch(dynamics, planning, goal), AStar())


def test_plans_from_pictures(world: Seeing, drawn: list[Problem]) -> None:
    model, problem = Knowing(world), drawn[-1]
    thinks = reasoner(model, problem, batch=4)
    plan = thinks(model.show(problem.scene), limit=problem.limit)
    assert plan.reached
    assert len(plan.actions) == problem.limit
    assert sum(model.batches) <= plan.calls
    assert max(model.batches) <= 4
    assert isinstance(thinks.dynamics, Imagined)
    assert len(thinks.dynamics.film(plan.states)) == 8 * problem.limit


def test_what_was_stepped_before_is_looked_up(world: Seeing, drawn: list[Problem]) -> None:
    model = Knowing(world)
    dynamics = Imagined(model, world)
    start = dynamics.init(model.show(drawn[0].scene))
    actions = world.planning().actions(dynamics.facts(start) or frozenset())
    first = dynamics.step([start, start], [actions[0], actions[0]])
    assert first[0][0] is first[1][0]
    dynamics.step([start], [actions[0]])
    assert model.batches == [1]
    dynamics.step([dynamics.resample(start, 1)], [actions[0]])
    assert model.batches == [1, 1]


def test_unreadable_frames_and_lost_blocks_are_no_states(world: Seeing, drawn: list[Problem]) -> None:
    model = Knowing(world, wrong=lambda state, action: True)
    thinks = reasoner(model, drawn[-1])
    plan = thinks(model.show(drawn[-1].scene), limit=drawn[-1].limit)
    assert not plan.reached
    after, _ = thinks.dynamics.step([plan.states[0]], [thinks.config.get_actions(plan.states[0])[0]])[0]
    assert thinks.dynamics.facts(after) is None
    assert thinks.config.goal.score(after) is None
    assert thinks.config.goal.reached(after).reached is None
    assert thinks.dynamics.is_terminal(after)
    fewer = world.reset(3, blocks=3)
    before = Moment(None, world.facts(world.reset(3, blocks=4)))
    assert isinstance(thinks.dynamics, Imagined)
    assert thinks.dynamics._believe(before, "", world.readout(world.render(fewer))) is None


def test_an_unreadable_frame_is_drawn_again(world: Seeing, drawn: list[Problem]) -> None:
    seeds: list[int] = []
    model = Knowing(world, wrong=lambda state, action: seeds.append(state.seed) or len(set(seeds)) < 3)
    dynamics = Imagined(model, world, redraws=2)
    start = dynamics.init(model.show(drawn[0].scene))
    action = world.planning().actions(dynamics.facts(start) or frozenset())[0]
    ((after, found),) = dynamics.step([start], [action])
    assert dynamics.facts(after) is not None
    assert (found["calls"], model.batches) == (3, [1, 1, 1])


def test_a_refusal_of_what_the_rules_allow_is_drawn_again(world: Seeing, drawn: list[Problem]) -> None:
    class Refusing(Knowing):
        """Leaves the scene as it is twice."""

        def _one(self, state: Shown, action: str) -> Shown:
            return state if len(self.batches) < 3 else super()._one(state, action)

    model = Refusing(world)
    dynamics = Imagined(model, world, redraws=2)
    start = dynamics.init(model.show(drawn[0].scene))
    before = dynamics.facts(start) or frozenset()
    allowed, forbidden = world.planning().actions(before)[0], "stack the red block on the blue block"
    assert forbidden not in world.planning().actions(before)
    ((after, found),) = dynamics.step([start], [allowed])
    assert found["calls"] == 3
    assert dynamics.facts(after) not in (before, None)
    model.batches.clear()
    ((after, found),) = dynamics.step([start], [forbidden])
    assert (dynamics.facts(after), found["calls"]) == (before, 1)


def test_samples_vote_and_their_spread_is_the_plans(world: Seeing, drawn: list[Problem]) -> None:
    problem = drawn[0]
    seeds: set[int] = set()

    def wrong(state: Shown, action: str) -> bool:
        seeds.add(state.seed)
        return state.seed == sorted(seeds)[0] and len(seeds) > 1

    model = Knowing(world, wrong)
    plan = reasoner(model, problem, samples=4, redraws=0)(model.show(problem.scene), limit=problem.limit)
    assert plan.reached
    assert 0 < plan.spread <= 0.5
    assert plan.confidence < 1


def test_a_plan_that_other_samples_do_not_follow_is_searched_again(world: Seeing, drawn: list[Problem]) -> None:
    problem = drawn[-1]
    sure = Knowing(world)
    found = Verified(reasoner(sure, problem), samples=3)(sure.show(problem.scene), limit=problem.limit)
    assert found.reached
    assert found.confidence == 1.0
    model = Knowing(world)
    thinks = reasoner(model, problem)
    first = thinks(model.show(problem.scene), limit=problem.limit)
    base = first.states[0].seed
    model.wrong = lambda state, action: state.seed != base and action == first.actions[0]
    doubted = Verified(thinks, samples=3, tries=2)(model.show(problem.scene), limit=problem.limit)
    assert doubted.calls > first.calls
    assert doubted.confidence == 1.0 or doubted.actions == first.actions


def test_no_noise_is_drawn_twice_on_the_way(world: Seeing, drawn: list[Problem]) -> None:
    """Neither by samples, nor by redraws, nor by roll-outs that check the plan."""
    problem, used = drawn[-1], list[tuple[int, str, int]]()

    def wrong(state: Shown, action: str) -> bool:
        used.append((hash(state.scene), action, state.seed))
        return len(used) % 3 == 0

    model = Knowing(world, wrong)
    thinks = reasoner(model, problem, samples=2, redraws=2)
    Verified(thinks, samples=4, tries=1)(model.show(problem.scene), limit=problem.limit)
    assert len(used) > 50
    assert len(set(used)) == len(used)


def test_the_film_shows_what_the_search_saw(world: Seeing, drawn: list[Problem]) -> None:
    """Not what the same actions would come to with other noise."""

    class Grainy(Knowing):
        def step(self, states: Sequence[Shown], actions: Sequence[str], sampler=None):
            after, clips = super().step(states, actions, sampler)
            grain = [np.full((8, 2, 2, 3), state.seed % 251, np.uint8) for state in states]
            return after, [replace(clip, frames=frames) for clip, frames in zip(clips, grain, strict=True)]

    problem, tried = drawn[-1], list[int]()
    model = Grainy(world, lambda state, action: tried.append(state.seed) or len(tried) % 3 == 1)
    thinks = reasoner(model, problem)
    plan = thinks(model.show(problem.scene), limit=problem.limit)
    assert plan.reached
    assert isinstance(thinks.dynamics, Imagined)
    seen = [state.seed % 251 for state in plan.states[1:]]
    assert len(set(seen)) > 1
    assert thinks.dynamics.film(plan.states)[::8, 0, 0, 0].tolist() == seen
    assert len(thinks.dynamics.film(plan.states[:1])) == 1


def test_without_rules_a_refusal_is_believed(world: Seeing, drawn: list[Problem]) -> None:
    class Refusing(Knowing):
        def _one(self, state: Shown, action: str) -> Shown:
            return state

    model = Refusing(world)
    for rules, calls in ((True, 3), (False, 1)):
        dynamics = Imagined(model, world, redraws=2, rules=rules)
        start = dynamics.init(model.show(drawn[0].scene))
        allowed = world.planning().actions(dynamics.facts(start) or frozenset())[0]
        ((_, found),) = dynamics.step([start], [allowed])
        assert found["calls"] == calls


def test_what_leads_nearest_is_kept_where_nothing_leads_there(world: Seeing, drawn: list[Problem]) -> None:
    problem = drawn[-1]
    sure = Knowing(world)
    last = reasoner(sure, problem)(sure.show(problem.scene), limit=problem.limit).actions[-1]
    model = Knowing(world, wrong=lambda state, action: action == last)
    start = model.show(problem.scene)
    near = reasoner(model, problem)(start, limit=problem.limit)
    assert not near.reached
    assert near.actions
    kept = Verified(reasoner(model, problem), tries=3)(start, limit=problem.limit, budget=Budget(calls=near.calls))
    assert kept.actions == near.actions
    assert kept.trials == 0


def test_a_check_that_the_budget_leaves_no_room_for_is_not_made(world: Seeing, drawn: list[Problem]) -> None:
    problem = drawn[-1]
    model = Knowing(world)
    start = model.show(problem.scene)
    alone = reasoner(model, problem)(start, limit=problem.limit)
    thinks = Verified(reasoner(model, problem), samples=4)
    hurried = thinks(start, limit=problem.limit, budget=Budget(calls=alone.calls))
    assert (hurried.reached, hurried.trials, hurried.calls) == (True, 0, alone.calls)
    stopped = thinks(
        start, limit=problem.limit, budget=Budget(should_stop=lambda: sum(model.batches) > 3 * alone.calls)
    )
    assert stopped.calls < 4 * alone.calls
    checked = thinks(start, limit=problem.limit)
    assert (checked.reached, checked.trials) == (True, 4)
    assert checked.seconds > 0


@pytest.mark.parametrize("replan", ["always", "surprise"])
def test_an_agent_acts_looks_and_learns_what_truly_follows(world: Seeing, drawn: list[Problem], replan) -> None:
    problem = drawn[-1]
    model, goal = Knowing(world), world.planning().goal(problem.goal)
    agent = Agent(reasoner(model, problem), problem.limit, steps=2 * problem.limit, replan=replan)
    plans: list[Plan] = []
    scene, actions = problem.scene, 0
    while (decision := agent.act(model.show(scene))).action is not None:
        plans.append(decision.plan)
        meaning = world.understand(scene, decision.action)
        assert meaning is not None
        if actions != 1:  # once the robot fails
            scene = world.advance(scene, meaning)
        actions += 1
    assert decision.why == "reached"
    assert goal <= world.facts(scene)
    assert actions > problem.limit
    searched = [plan.calls > 0 for plan in plans]
    if replan == "surprise":
        assert searched[:3] == [True, False, True], "the second action failed"
        assert not any(searched[3:]), "it went as predicted from then on"
    else:
        assert all(searched)


def test_an_agent_rejects_what_it_cannot_trust(world: Seeing, drawn: list[Problem]) -> None:
    problem = drawn[-1]
    blind = Knowing(world, wrong=lambda state, action: True)
    picture = blind.show(problem.scene)
    agent = Agent(reasoner(blind, problem), problem.limit, on_reject="stop", budget=Budget(calls=9))
    assert agent.act(picture).why == "rejected"
    agent = Agent(reasoner(blind, problem), problem.limit, on_reject="explore", budget=Budget(calls=9))
    assert agent.act(picture).why == "explores"
    sure = Knowing(world)
    doubter = Agent(reasoner(sure, problem), problem.limit, max_spread=-1.0)
    assert doubter.act(sure.show(problem.scene)).why == "explores"
    agent = Agent(reasoner(blind, problem), problem.limit, steps=0)
    assert agent.act(picture).why == "out of steps"


def test_the_ablated_model_hears_something_else(world: Seeing, drawn: list[Problem]) -> None:
    heard: list[str] = []
    model = Knowing(world)
    model._one = lambda state, action: heard.append(action) or state  # type: ignore[method-assign]
    dynamics = Ablated(model, world, redraws=0)
    start = dynamics.init(model.show(drawn[0].scene))
    actions = world.planning().actions(dynamics.facts(start) or frozenset(), rules=False)
    dynamics.step([start] * len(actions), actions)
    assert len(heard) == len(actions)
    assert not set(heard) & set(actions)
