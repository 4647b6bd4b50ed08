"""What planning is compared with: random allowed actions, and the best next step by the goal's score."""

import random
from dataclasses import dataclass

from pandora.planning.plan import Node
from pandora.planning.search import Planner, Search


@dataclass(frozen=True, kw_only=True)
class RandomPlan(Planner):
    """As many random proposed actions as a plan may have, or fewer where the goal is met on the way."""

    seed: int = 0
    name: str = "random"

    def search(self, search: Search) -> Node | None:
        rng, node = random.Random(self.seed), search.root
        while not search.over and not node.reached and (choices := search.actions(node)):
            children = search.expand([(node, rng.choice(choices))])
            node = children[0] if children else node
        return node


@dataclass(frozen=True, kw_only=True)
class Greedy(Planner):
    """Always the action after which most of the goal holds; which one of equals is left to chance."""

    seed: int = 0
    name: str = "greedy"

    def search(self, search: Search) -> Node | None:
        rng, node = random.Random(self.seed), search.root
        while not search.over and not node.reached and (choices := search.actions(node)):
            children = search.expand([(node, action) for action in choices])
            if not children:
                break
            node = max(children, key=lambda child: (-1.0 if child.score is None else child.score, rng.random()))
        return node
