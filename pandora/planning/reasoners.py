"""LLM Reasoners on our models: its search algorithms take these two objects for its `WorldModel` and `SearchConfig`.

    model = ReasonersWorldModel(dynamics, picture, config.goal)
    trace = reasoners.Reasoner(model, ReasonersSearchConfig(config), reasoners.algorithm.MCTS())(example=None)

The library (maitrix-org/llm-reasoners, Apache-2.0) calls `init_state`, `step` -> (state, aux) and `is_terminal` on the
one, and `get_actions`, `fast_reward` -> (reward, details) and `reward` -> (reward, info) on the other, a state at a
time; what `fast_reward` and `step` say beside their results comes to `reward` as keyword arguments. Nothing of it is
imported here.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pandora.planning.interface import Action, Dynamics, Goal, SearchConfig, State


class ReasonersWorldModel:
    """Dynamics from one observation, a state at a time; states that can't be decoded or reach `goal` are terminal.

    With `ahead`, which names what may be tried in a state, the first step from a state makes all of these in one batch:
    for algorithms that expand a node whole, such as breadth-first search and beam search.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        observation: Any,
        goal: Goal | None = None,
        *,
        ahead: Callable[[State], Sequence[Action]] | None = None,
    ):
        self.dynamics, self.observation, self.goal = dynamics, observation, goal
        self.example: Any = None
        self.prompt: Any = None
        self._ahead = ahead
        self._made: dict[tuple[int, Action], tuple[State, dict[str, Any]]] = {}
        self._kept: list[State] = []  # so that no other state gets the id of one that was stepped

    def update_example(self, example: Any, prompt: Any = None) -> None:
        """What the library says before each problem; an example that is not None is the next observation."""
        self.example, self.prompt = example, prompt
        self.observation = self.observation if example is None else example

    def init_state(self) -> State:
        """The state that the observation shows; what was imagined before is forgotten."""
        self._made.clear()
        self._kept.clear()
        return self.dynamics.init(self.observation)

    def step(self, state: State, action: Action) -> tuple[State, dict[str, Any]]:
        """The next state, and it again as "after" beside what the dynamics say."""
        if (id(state), action) not in self._made:
            actions = [action]
            if self._ahead is not None:
                actions += [other for other in self._ahead(state) if other != action]
            stepped = self.dynamics.step([state] * len(actions), actions)
            self._kept.append(state)
            for tried, (after, told) in zip(actions, stepped, strict=True):
                self._made[id(state), tried] = (after, told | {"after": after})
        return self._made[id(state), action]

    def is_terminal(self, state: State) -> bool:
        return self.dynamics.is_terminal(state) or (self.goal is not None and bool(self.goal.reached(state).reached))


class ReasonersSearchConfig:
    """What to try and what it is worth, as that library asks."""

    def __init__(self, config: SearchConfig):
        self.config = config
        self.example: Any = None
        self.prompt: Any = None

    def update_example(self, example: Any, prompt: Any = None) -> None:
        self.example, self.prompt = example, prompt

    def get_actions(self, state: State) -> list[Action]:
        return self.config.get_actions(state)

    def fast_reward(self, state: State, action: Action) -> tuple[float, dict[str, Any]]:
        return self.config.fast_reward(state, action)

    def reward(self, state: State, action: Action, **found: Any) -> tuple[float, dict[str, Any]]:
        return self.config.reward(state, action, **found)
