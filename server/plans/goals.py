"""What a search goes for, and what it may do: configurations for goals of facts and for pictures."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from pandora.errors import InvalidInput
from pandora.planning import Action, FactSearch, FactsGoal, FunctionGoal, Imagined, Moment, SearchConfig
from pandora.scoring import ImageGoal
from pandora.types import WorldState
from server.plans.bodies import GoalView
from server.plans.steps import EngineSteps
from server.rollouts.bodies import Goal


@dataclass(frozen=True)
class ChosenFactSearch(FactSearch):
    """The world's own search, from among `sentences` where there are any."""

    sentences: tuple[str, ...] = ()

    def get_actions(self, state: Moment) -> list[Action]:
        return list(self.sentences) if self.sentences and state.facts is not None else super().get_actions(state)

    def get_vocabulary(self, state: Moment) -> list[Action]:
        return list(self.sentences) or super().get_vocabulary(state)


@dataclass(frozen=True)
class PictureSearch(SearchConfig):
    """The same for a goal that only gives a score."""

    dynamics: Imagined
    goal: FunctionGoal
    sentences: tuple[str, ...] = ()

    def get_actions(self, state: Moment) -> list[Action]:
        if state.facts is None or self.goal.score(state) is None:
            return []
        return list(self.sentences or self.dynamics.planning.actions(state.facts))

    def get_vocabulary(self, state: Moment) -> list[Action]:
        if state.facts is None:
            return []
        return list(self.sentences or self.dynamics.planning.actions(state.facts, rules=False))


class PictureScore:
    """How near a moment is to a picture, 0..1: computed on the engine's thread, once for each.

    None of what can't be read, and of everything where the model can't tell the goal from the start.
    """

    def __init__(self, goal: ImageGoal, steps: EngineSteps):
        self._goal = goal
        self._steps = steps
        self._known: WeakKeyDictionary[WorldState, float] = WeakKeyDictionary()

    def __call__(self, moment: Moment) -> float | None:
        world: WorldState = moment.world
        if moment.facts is None or not self._goal.confidence:
            return None
        if world not in self._known:
            self._known[world] = self._steps.call(lambda model: self._goal(world)).value
        return self._known[world]


def read_goal(facts: Sequence[Sequence[str]] | None, text: str | None, dynamics: Imagined) -> GoalView:
    """A goal as facts and as words, of either. Raises InvalidInput for a text that the world can't read."""
    planning = dynamics.planning
    wanted = frozenset(map(tuple, facts)) if facts is not None else planning.goal(text or "")
    if text is None:
        with suppress(InvalidInput):  # not everything that can be read can be said
            text = planning.say_goal(wanted)
    return GoalView(facts=sorted(map(list, wanted)), text=text)


def aim_at_facts(goal: Goal, dynamics: Imagined, sentences: tuple[str, ...]) -> tuple[SearchConfig, GoalView]:
    """For facts, given or said. Raises InvalidInput for a text that the world can't read."""
    planning, view = dynamics.planning, read_goal(goal.facts, goal.text, dynamics)
    facts = frozenset(map(tuple, view.facts or ()))
    return ChosenFactSearch(dynamics, planning, FactsGoal(dynamics, planning, facts), sentences=sentences), view


def aim_at_picture(
    goal: ImageGoal, upload: str, dynamics: Imagined, steps: EngineSteps, sentences: tuple[str, ...]
) -> tuple[SearchConfig, GoalView]:
    """For a picture, which was uploaded."""
    config = PictureSearch(dynamics, FunctionGoal(PictureScore(goal, steps)), sentences)
    return config, GoalView(facts=None, text=None, upload=upload)
