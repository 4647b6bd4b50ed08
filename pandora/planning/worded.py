"""A model that thinks in words: states are what its backbone says, and nothing is drawn."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from pandora.planning.interface import Action, Dynamics, State
from pandora.worlds import make_world
from pandora.worlds.base import Facts, Frame, World


class Saying(Protocol):
    text: str
    confidence: float


class Speaks(Protocol):
    """The part of `WorldModel` that is planned with."""

    def describe(self, frames: Sequence[Frame]) -> Sequence[Any]: ...
    def foresee(self, texts: Sequence[str], actions: Sequence[str]) -> Sequence[Any]: ...


@dataclass(frozen=True)
class Telling:
    """A state in words, the facts it tells (None where it tells none), and how sure the model was of it, 0..1."""

    text: str
    facts: Facts | None
    confidence: float


class Worded(Dynamics):
    """The coarse level of a `WorldModel`: it says what it sees, and what an action makes of a state in words.

    A text that tells no possible state, or that lost or gained things, has no facts. `batch` texts are written at a
    time; the same state and action are asked for once.
    """

    def __init__(self, model: Speaks, world: World, *, batch: int = 32):
        self.model, self.world, self.planning, self.batch = model, world, world.planning(), batch
        self._cached: dict[tuple[str, Action], Telling] = {}

    @classmethod
    def of(cls, model: Speaks, kind: str, **options: Any) -> Self:
        """The same for the kind of world of that name. Raises UnknownName, which lists the valid ones."""
        return cls(model, make_world(kind), **options)

    def init(self, observation: Frame) -> Telling:
        """What the model says of a picture (H, W, 3) uint8."""
        return self._telling(self.model.describe([observation])[0])

    def step(self, states: Sequence[Telling], actions: Sequence[Action]) -> list[tuple[State, dict[str, Any]]]:
        """Also says how many texts each step took, as "calls"; none where it was asked for before."""
        asked = [(state.text, action) for state, action in zip(states, actions, strict=True)]
        fresh = list(dict.fromkeys(pair for pair in asked if pair not in self._cached))
        before = {state.text: state for state in states}
        for first in range(0, len(fresh), self.batch):
            part = fresh[first : first + self.batch]
            said = self.model.foresee([text for text, _ in part], [action for _, action in part])
            for (text, action), saying in zip(part, said, strict=True):
                self._cached[text, action] = self._plausible(before[text], action, self._telling(saying))
        spent = dict.fromkeys(fresh, 1)
        return [(self._cached[pair], {"calls": spent.pop(pair, 0)}) for pair in asked]

    def facts(self, state: Telling) -> Facts | None:
        return state.facts

    def key(self, state: Telling) -> Hashable | None:
        return None if state.facts is None else self.planning.key(state.facts, self.kinds)

    def spread(self, state: Telling) -> float:
        """How unsure the model was of the text, 0..1."""
        return 1.0 - state.confidence

    def telling(self, facts: Facts | None) -> Telling:
        """A state that was seen otherwise, in the world's words; of nothing that was understood none are known."""
        return Telling("" if facts is None else self.planning.say_state(facts), facts, 1.0)

    def _telling(self, said: Saying) -> Telling:
        return Telling(said.text, self.planning.read_state(said.text), said.confidence)

    def _plausible(self, before: Telling, action: Action, after: Telling) -> Telling:
        known = before.facts is not None and after.facts is not None
        if known and self.planning.plausible(before.facts, after.facts, action):  # type: ignore[arg-type]
            return after
        return Telling(after.text, None, after.confidence)
