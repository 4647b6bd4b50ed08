"""Two levels: a plan is sketched in words, where nothing is drawn, and only what it goes through is then imagined.

    reasoner = Sketched(dynamics, config, AStar(), Worded(model, world))     # otherwise as `Reasoner`

Thinking in words is an order of magnitude cheaper than drawing, so that the search is there, and the pictures judge
what it found: where a picture shows something else than the sketch, the sketch is told so and made again.
"""

import time
from dataclasses import dataclass, replace
from typing import cast

from pandora.errors import InvalidInput
from pandora.planning.goals import FactSearch, FactsGoal
from pandora.planning.interface import Action, Budget, State
from pandora.planning.plan import Node, Plan
from pandora.planning.reasoner import Reasoner
from pandora.planning.search import Known, Progress, Search, Watch
from pandora.planning.worded import Worded


@dataclass(frozen=True)
class Sketched(Reasoner):
    """Searches in `words`, and steps `dynamics` along what was found; its `config` is a `FactSearch`.

    After `sketches` that the pictures contradict, or where words find no way, the pictures are searched. A plan's tree,
    calls and confidence are those of the pictures; a sketch takes at most `texts` texts.
    """

    words: Worded
    sketches: int = 6
    texts: int = 1000

    def __post_init__(self) -> None:
        if not isinstance(self.config, FactSearch):
            raise InvalidInput(f"Words tell facts, so the search is a FactSearch, not a {type(self.config).__name__}.")

    def from_state(
        self,
        start: State,
        limit: int,
        budget: Budget | None = None,
        progress: Progress | None = None,
        known: Known | None = None,
        watch: Watch | None = None,
    ) -> Plan:
        budget = budget or Budget()
        search = Search(self.dynamics, self.config, start, limit, budget, progress, known, watch)
        if search.root.reached or search.root.terminal:
            return search.plan(search.root)
        drawing = _Drawing(search, self.words)
        for _ in range(self.sketches):
            sketch = self._sketch(search, drawing, budget)
            if sketch is None or not sketch.reached or search.over:
                break
            before = len(drawing.shown)
            if (end := drawing.follow(sketch)) is not None:
                return search.plan(end)
            if len(drawing.shown) == before:
                break
        return search.plan(None if search.over else self.planner.search(search))

    def _sketch(self, search: Search, drawing: "_Drawing", budget: Budget) -> Plan | None:
        """A plan in words from what the start shows; None where there are no words for it."""
        planning, facts = self.words.planning, search.root.facts
        if facts is None:
            return None
        inner = cast(FactSearch, self.config)
        config = replace(inner, dynamics=self.words, goal=FactsGoal(self.words, planning, inner.goal.facts))
        left = budget.less(0, time.perf_counter() - search.began)
        return self.planner.plan(
            self.words, config, self.words.telling(facts), limit=search.limit,
            budget=replace(left, calls=self.texts), known=drawing.shown,
        )  # fmt: skip


class _Drawing:
    """What was drawn so far; `shown` is what it taught about steps that words told otherwise."""

    def __init__(self, search: Search, words: Worded):
        self.shown: dict = {}
        self._search, self._words = search, words
        self._children: dict[tuple[int, Action], Node] = {}

    def follow(self, sketch: Plan) -> Node | None:
        """Draw a sketch step by step; where it ends if that reaches the goal, None where something else is seen."""
        node = self._search.root
        for action, expected in zip(sketch.actions, sketch.states[1:], strict=True):
            if (child := self._draw(node, action)) is None:
                return None
            if child.reached:
                return child
            if child.key is None or child.key != self._words.key(expected):
                self.shown[node.key, action] = self._words.telling(child.facts)
                return None
            node = child
        return None

    def _draw(self, node: Node, action: Action) -> Node | None:
        """None where the budget ends."""
        if (node.id, action) not in self._children:
            for child in self._search.expand([(node, action)]):
                self._children[node.id, action] = child
        return self._children.get((node.id, action))
