"""What a planner returns: a plan with what it predicts, and the tree it was found in."""

from collections.abc import Hashable
from dataclasses import asdict, dataclass, field
from typing import Any

from pandora.planning.interface import Action, State
from pandora.worlds.base import Facts


@dataclass(eq=False)
class Node:
    """A state that the search imagined. Planners that count visits keep them in `returns`."""

    id: int
    parent: "Node | None"
    action: Action | None
    depth: int
    state: State = None
    facts: Facts | None = None
    key: Hashable | None = None
    score: float | None = None  # of the goal, 0..1
    distance: float | None = None  # actions that are left at least
    reached: bool | None = None
    confidence: float = 1.0  # that every step up to here went as imagined
    spread: float = 0.0
    reward: float = 0.0  # of the step that led here
    prior: float = 0.0  # of that step, before it was tried
    details: dict[str, Any] = field(default_factory=dict)
    terminal: bool = False
    children: "list[Node] | None" = None
    returns: list[float] = field(default_factory=list)

    def path(self) -> "list[Node]":
        """From the start to this node."""
        nodes, node = [], self
        while node is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]


@dataclass(frozen=True)
class TreeNode:
    """A node as it is shown and stored; ids count up in the order of imagining, the start is 0."""

    id: int
    parent: int | None
    action: str | None
    value: float | None
    depth: int
    reached: bool | None
    facts: tuple[tuple[str, ...], ...] | None

    @classmethod
    def of(cls, node: Node) -> "TreeNode":
        parent = None if node.parent is None else node.parent.id
        facts = None if node.facts is None else tuple(sorted(node.facts))
        action = None if node.action is None else str(node.action)
        return cls(node.id, parent, action, node.score, node.depth, node.reached, facts)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Actions and what they are predicted to lead to.

    `states` has the start and the state after each action; `value` is the goal's score at the end, 0..1, None where it
    is unknown; `reached` says whether the goal is predicted to hold there, with `confidence` 0..1; `spread` is the
    largest disagreement of samples on the way, 0..1. `trials` roll-outs told the confidence; with none it is the
    search's own, which has seen the way once. `calls` counts what the model was asked for, `seconds` the search.
    """

    actions: tuple[Action, ...]
    states: tuple[State, ...]
    value: float | None
    reached: bool | None
    confidence: float
    spread: float
    calls: int
    seconds: float
    trials: int = 0
    tree: tuple[TreeNode, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the states are left out, their facts are in the tree."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("states", "tree")}
        return {**content, "actions": [str(a) for a in self.actions], "tree": [asdict(node) for node in self.tree]}
