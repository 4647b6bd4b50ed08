"""Two levels: a plan is sketched in words, where nothing is drawn, and only what it goes through is then imagined.

    reasoner = Reasoner(dynamics, config, Sketched(AStar(), Worded(model, world)))

Thinking in words is an order of magnitude cheaper than drawing, so that the search is there, and the pictures judge
what it found: where a picture shows something else than the sketch, the sketch is told so and made again.
"""

import time
from dataclasses import dataclass, replace

from pandora.errors import InvalidInput
from pandora.planning.goals import FactSearch, FactsGoal
from pandora.planning.plan import Node, Plan
from pandora.planning.search import Planner, Search
from pandora.planning.worded import Worded


@dataclass(frozen=True)
class Sketched(Planner):
    """`planner` searches in `words`, and the search's own dynamics are stepped along what it found.

    After `sketches` that the pictures contradict, or where words find no way, it searches the pictures. A plan's tree,
    calls and confidence are those of the pictures; a sketch takes at most `texts` texts. Raises InvalidInput where the
    search's configuration is no `FactSearch`.
    """

    planner: Planner
    words: Worded
    sketches: int = 6
    texts: int = 1000
    name: str = "sketched"

    def search(self, search: Search) -> Node | None:
        if not isinstance(inner := search.config, FactSearch):
            raise InvalidInput(f"Words tell facts, so the search is a FactSearch, not a {type(inner).__name__}.")
        goal = FactsGoal(self.words, self.words.planning, inner.goal.facts)
        config, drawing = replace(inner, dynamics=self.words, goal=goal), _Drawing(search, self.words)
        for _ in range(self.sketches):
            sketch = self._sketch(search, config, drawing)
            if not sketch.reached or search.over:
                break
            before = len(drawing.shown)
            if (end := drawing.follow(sketch)) is not None:
                return end
            if len(drawing.shown) == before:
                break
        return None if search.over else self.planner.search(search)

    def _sketch(self, search: Search, config: FactSearch, drawing: "_Drawing") -> Plan:
        """A plan in words from what the start shows."""
        left = search.budget.less(0, time.perf_counter() - search.began)
        return self.planner.plan(
            self.words, config, self.words.telling(search.root.facts), limit=search.limit,
            budget=replace(left, calls=self.texts), known=drawing.shown,
        )  # fmt: skip


class _Drawing:
    """What was drawn so far; `shown` is what it taught about steps that words told otherwise."""

    def __init__(self, search: Search, words: Worded):
        self.shown: dict = {}
        self._search, self._words = search, words

    def follow(self, sketch: Plan) -> Node | None:
        """Draw a sketch step by step; where it ends if that reaches the goal, None where something else is seen."""
        node = self._search.root
        for action, expected in zip(sketch.actions, sketch.states[1:], strict=True):
            (child,) = self._search.visit([(node, action)])
            if child is None or child.reached:
                return child
            if child.key is None or child.key != self._words.key(expected):
                self.shown[node.key, action] = self._words.telling(child.facts)
                return None
            node = child
        return None
