"""Perfect and spoilt dynamics: a simulator as the model, and the same with a share of wrong transitions."""

import random
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any

from pandora.errors import InvalidAction
from pandora.planning.interface import Action, Dynamics, State
from pandora.worlds.base import Facts, World


class Simulated(Dynamics):
    """A world's simulator; states are its scenes. Scenes with one key share one scene, so each step is made once."""

    def __init__(self, world: World):
        self.world, self.planning = world, world.planning()
        self._scenes: dict[Hashable, Any] = {}
        self._after: dict[tuple[int, Action], Any] = {}
        self._facts: dict[int, Facts] = {}
        self._keys: dict[int, Hashable] = {}

    def init(self, observation: Any) -> State:
        """The observation is a scene of the world."""
        return self._shared(observation)

    def step(self, states: Sequence[State], actions: Sequence[Action]) -> list[tuple[State, dict[str, Any]]]:
        """An action that the rules forbid leaves the scene as it is. Raises InvalidAction for a foreign sentence."""
        return [(self._one(state, action), {}) for state, action in zip(states, actions, strict=True)]

    def facts(self, state: State) -> Facts:
        return self._facts[id(state)] if id(state) in self._facts else self.world.facts(state)

    def key(self, state: State) -> Hashable:
        return (
            self._keys[id(state)] if id(state) in self._keys else self.planning.key(self.world.facts(state), self.kinds)
        )

    def attend(self, kinds: Collection[str]) -> None:
        """Forgets what it shared where that changes keys; scenes that are under way stay what they are."""
        if not self.kinds.issuperset(kinds):
            super().attend(kinds)
            kept = list(self._scenes.values())
            for known in (self._scenes, self._after, self._facts, self._keys):
                known.clear()
            for scene in kept:
                self._shared(scene)

    def _one(self, state: State, action: Action) -> State:
        found = self._after.get((id(state), action))
        if found is None:
            meaning = self.planning.meaning(action) or self.world.understand(state, action)
            if meaning is None:
                raise InvalidAction(f"The world {self.world.name} does not understand {action!r}.")
            found = self._shared(self.world.advance(state, meaning))
            if id(state) in self._facts:
                self._after[id(state), action] = found
        return found

    def _shared(self, scene: Any) -> Any:
        facts = self.world.facts(scene)
        key = self.planning.key(facts, self.kinds)
        if key not in self._scenes:
            self._scenes[key] = scene
            self._facts[id(scene)], self._keys[id(scene)] = facts, key
        return self._scenes[key]


class Noisy(Dynamics):
    """Another model with a share `rate` of wrong transitions: another proposed action's, or nothing happens.

    Which ones are wrong, and how, is settled by the seed, the state's key and the action: asking again is no help.
    """

    def __init__(self, inner: Dynamics, rate: float, propose: Callable[[State], list[Action]], seed: int = 0):
        self.inner, self.rate, self.propose, self.seed = inner, rate, propose, seed

    def init(self, observation: Any) -> State:
        return self.inner.init(observation)

    def step(self, states: Sequence[State], actions: Sequence[Action]) -> list[tuple[State, dict[str, Any]]]:
        heard = [self._heard(state, action) for state, action in zip(states, actions, strict=True)]
        moved = [(state, action) for state, action in zip(states, heard, strict=True) if action is not None]
        answers = iter(self.inner.step([state for state, _ in moved], [action for _, action in moved]))
        return [(state, {}) if action is None else next(answers) for state, action in zip(states, heard, strict=True)]

    def facts(self, state: State) -> Facts | None:
        return self.inner.facts(state)

    def key(self, state: State) -> Hashable | None:
        return self.inner.key(state)

    def attend(self, kinds: Collection[str]) -> None:
        self.inner.attend(kinds)

    def _heard(self, state: State, action: Action) -> Action | None:
        """What the model takes the action for; None where it lets nothing happen."""
        key = self.inner.key(state)
        name = sorted(map(str, key)) if isinstance(key, frozenset) else key
        rng = random.Random(f"{self.seed}|{name}|{action}")
        if rng.random() >= self.rate:
            return action
        others = [other for other in self.propose(state) if other != action]
        return rng.choice([*others, None])
