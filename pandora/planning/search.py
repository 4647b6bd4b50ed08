"""A search under way: imagines children in batches, counts calls, watches the budget, and keeps the best so far."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence

from pandora.planning.interface import Action, Budget, Dynamics, SearchConfig, State
from pandora.planning.plan import Node, Plan, TreeNode

Progress = Callable[[Plan], None]  # told the best plan so far, whenever there is a better one
Watch = Callable[[Node], None]  # told every state as it is imagined, the start first
Known = Mapping[tuple[Hashable, Action], State]  # what was seen to follow, so that it need not be imagined
_CHUNK = 16  # transitions between two looks at the clock


class Search:
    """The tree of one search. `expand` is the only thing that calls the model."""

    def __init__(
        self,
        dynamics: Dynamics,
        config: SearchConfig,
        start: State,
        limit: int,
        budget: Budget | None = None,
        progress: Progress | None = None,
        known: Known | None = None,
        watch: Watch | None = None,
    ):
        self.dynamics, self.config, self.limit = dynamics, config, limit
        self.budget, self.progress, self.known, self.watch = budget or Budget(), progress, known or {}, watch
        self.calls, self.began = 0, time.perf_counter()
        self.nodes: list[Node] = []
        self.visited: dict[tuple[int, Action], Node] = {}  # by the parent's id and the action; see `visit`
        self.root = self._add(Node(0, None, None, 0), start)
        self.best = self.root

    @property
    def over(self) -> bool:
        """Whether the budget is used up."""
        return self.budget.over(self.calls, time.perf_counter() - self.began)

    def actions(self, node: Node) -> list[Action]:
        """What may be tried at a node; nothing where it is terminal or as deep as plans may be."""
        if node.terminal or node.depth >= self.limit:
            return []
        return self.config.get_actions(node.state)

    def expand(self, pairs: Sequence[tuple[Node, Action]]) -> list[Node]:
        """The nodes that the actions lead to, in order; fewer where the budget ends."""
        return self.imagine([self.sketch(node, action) for node, action in pairs])

    def visit(self, pairs: Sequence[tuple[Node, Action]]) -> list[Node | None]:
        """The same for planners that come by again: each pair is imagined once. None where the budget ends."""
        fresh = {(n.id, a): (n, a) for n, a in pairs if (n.id, a) not in self.visited}
        self.visited.update(zip(fresh, self.expand(list(fresh.values())), strict=False))
        return [self.visited.get((node.id, action)) for node, action in pairs]

    def sketch(self, parent: Node, action: Action) -> Node:
        """A child that is not imagined yet and has no id."""
        prior, details = self.config.fast_reward(parent.state, action)
        return Node(-1, parent, action, parent.depth + 1, prior=prior, details=details)

    def imagine(self, sketches: Sequence[Node]) -> list[Node]:
        """Run the model for sketched children; those that the budget does not cover are left out."""
        done: list[Node] = []
        while len(done) < len(sketches) and not self.over:
            room = _CHUNK
            if self.budget.calls is not None:
                room = max(1, min(_CHUNK, (self.budget.calls - self.calls) // self.dynamics.calls_each))
            chunk = sketches[len(done) : len(done) + room]
            for node, (state, aux) in zip(chunk, self._step(chunk), strict=True):
                done.append(self._add(node, state))
                assert node.parent is not None
                found = {**node.details, **aux, "after": state}
                node.reward, _ = self.config.reward(node.parent.state, node.action, **found)
        return done

    def _step(self, chunk: Sequence[Node]) -> list[tuple[State, dict]]:
        """What is known from looking is not imagined."""
        seen = [self.known.get((node.parent.key, node.action)) for node in chunk if node.parent is not None]
        asked = [node for node, state in zip(chunk, seen, strict=True) if state is None]
        before = [node.parent.state for node in asked if node.parent is not None]
        answers = iter(self.dynamics.step(before, [node.action for node in asked]) if asked else ())
        steps = [next(answers) if state is None else (state, {"calls": 0}) for state in seen]
        self.calls += sum(aux.get("calls", 1) for _, aux in steps)
        return steps

    def _add(self, node: Node, state: State) -> Node:
        goal, dynamics = self.config.goal, self.dynamics
        node.id, node.state = len(self.nodes), state
        node.facts, node.key = dynamics.facts(state), dynamics.key(state)
        node.spread = dynamics.spread(state)
        found = goal.reached(state)
        node.reached, node.score, node.distance = found.reached, goal.score(state), goal.distance(state)
        before = 1.0 if node.parent is None else node.parent.confidence
        node.confidence = before * (1 - node.spread) * (found.confidence if found.reached else 1.0)
        node.terminal = bool(node.reached) or dynamics.is_terminal(state)
        self.nodes.append(node)
        if self.watch:
            self.watch(node)
        if node.parent is not None and _merit(node) > _merit(self.best):
            self.best = node
            if self.progress:
                self.progress(self.plan(tree=False))
        return node

    def plan(self, node: Node | None = None, tree: bool = True) -> Plan:
        """The plan that leads to a node, the best one by default."""
        path = (node or self.best).path()
        last = path[-1]
        return Plan(
            actions=tuple(n.action for n in path[1:]),
            states=tuple(n.state for n in path),
            value=last.score,
            reached=last.reached,
            confidence=last.confidence,
            spread=max(n.spread for n in path),
            calls=self.calls,
            seconds=time.perf_counter() - self.began,
            tree=tuple(map(TreeNode.of, self.nodes)) if tree else (),
        )


class Planner(ABC):
    """Finds a plan. Planners are values: the same settings and seed search the same way."""

    name: str

    @abstractmethod
    def search(self, search: Search) -> Node | None:
        """Fill the search's tree; the node to go for, or None for the best that was seen."""

    def plan(
        self,
        dynamics: Dynamics,
        config: SearchConfig,
        start: State,
        *,
        limit: int,
        budget: Budget | None = None,
        progress: Progress | None = None,
        known: Known | None = None,
        watch: Watch | None = None,
    ) -> Plan:
        """The best plan of at most `limit` actions from a state; partial where none is found or the budget ends.

        `progress` is told of every better partial plan, `watch` of every state; `known` maps (key, action) to states
        that were seen to follow.
        """
        search = Search(dynamics, config, start, limit, budget, progress, known, watch)
        if search.root.reached or search.root.terminal:
            return search.plan(search.root)
        return search.plan(self.search(search))


def _merit(node: Node) -> tuple[bool, float, float, float]:
    """Reached before near, sure before unsure, short before long."""
    score = -1.0 if node.score is None else node.score
    return bool(node.reached), score, node.confidence, -node.depth
