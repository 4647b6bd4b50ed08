"""The states of all searches of one plan, as one tree; and which of them a plan goes through."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pandora.media import encode_jpeg
from server.engine.job import Frame
from server.plans.steps import EngineSteps

if TYPE_CHECKING:
    from pandora.planning import Node, Plan


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An imagined state: `jpeg` is the last picture of it."""

    id: int
    parent: int | None
    action: str | None
    depth: int
    value: float | None
    reached: bool | None
    facts: list[list[str]] | None
    jpeg: bytes


@dataclass(frozen=True, kw_only=True)
class Found:
    """A plan: the ids of its states, the start first, and what it predicts.

    `confidence` is that of reaching, told by `trials` roll-outs; with none it is the search's own.
    """

    path: tuple[int, ...]
    actions: tuple[str, ...]
    reached: bool
    value: float | None
    confidence: float
    spread: float
    trials: int = 0

    @classmethod
    def nothing(cls, start: Seen) -> Self:
        """To stay where one is."""
        reached = bool(start.reached)
        return cls(
            path=(start.id,), actions=(), reached=reached, value=start.value, confidence=float(reached), spread=0.0
        )


class SearchTree:
    """Used on the planner's thread. `hear` is told every state that is new.

    A search that is made again begins at the same start: what it has in common with one before is there once.
    """

    def __init__(self, steps: EngineSteps, quality: int, hear: Callable[[Seen], object]):
        self._steps = steps
        self._quality = quality
        self._hear = hear
        self._ids: dict[tuple[int, str, int], int] = {}  # by parent, action and what followed
        self._moments: list[Any] = []  # by id; an object that is kept alive has an identity of its own
        self._current: dict[int, int] = {}  # of the search at work: its own ids to those of the tree

    def __len__(self) -> int:
        return len(self._moments)

    def add(self, node: "Node") -> None:
        """Take in a state that a search has imagined, the start first."""
        if node.parent is None:
            self._current = {node.id: 0}
            if not self._moments:
                self._keep(node, None)
            return
        parent = self._current[node.parent.id]
        place = (parent, str(node.action), id(node.state))
        if place not in self._ids:
            self._ids[place] = len(self._moments)
            self._keep(node, parent)
        self._current[node.id] = self._ids[place]

    def find(self, plan: "Plan") -> Found:
        """Where a plan of one of the searches is."""
        path = [0]
        for action, state in zip(plan.actions, plan.states[1:], strict=True):
            path.append(self._ids[path[-1], str(action), id(state)])
        return Found(
            path=tuple(path), actions=tuple(map(str, plan.actions)), reached=bool(plan.reached), value=plan.value,
            confidence=plan.confidence if plan.reached else 0.0, spread=plan.spread, trials=plan.trials,
        )  # fmt: skip

    def film(self, found: Found) -> list[tuple[Frame, ...]]:
        """The frames of each step of a plan."""
        return [self._steps.frames(self._moments[node].world) for node in found.path[1:]]

    def _keep(self, node: "Node", parent: int | None) -> None:
        number = len(self._moments)
        self._moments.append(node.state)
        frames = self._steps.frames(node.state.world)
        picture = frames[-1].jpeg if frames else encode_jpeg(node.state.world.frame.numpy(), self._quality)
        facts = None if node.facts is None else sorted(map(list, node.facts))
        self._hear(
            Seen(
                id=number, parent=parent, action=None if node.action is None else str(node.action), depth=node.depth,
                value=node.score, reached=node.reached, facts=facts, jpeg=picture,
            )
        )  # fmt: skip
