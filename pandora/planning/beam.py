"""Beam search: the most promising states of each depth go on."""

import random
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

from pandora.planning.plan import Node
from pandora.planning.search import Planner, Search


@dataclass(frozen=True, kw_only=True)
class Beam(Planner):
    """`width` states go on at each depth: those nearest to the goal by its score or by the actions that are left.

    Chance, by the seed, decides between equals: in their own order those of one action would always come first.
    """

    width: int = 8
    by: Literal["score", "distance"] = "distance"
    seed: int = 0
    name: str = "beam"

    def search(self, search: Search) -> Node | None:
        level, seen, rng = [search.root], {search.root.key}, random.Random(self.seed)
        while level and not search.over:
            children = search.expand([(node, action) for node in level for action in search.actions(node)])
            for child in children:
                if child.reached:
                    return child
            fresh = _new(children, seen)
            rng.shuffle(fresh)
            level = sorted(fresh, key=self._rank)[: self.width]
        return None

    def _rank(self, node: Node) -> float:
        if self.by == "score":
            return float("inf") if node.score is None else -node.score
        return float("inf") if node.distance is None else node.distance


def _new(nodes: list[Node], seen: set[Hashable]) -> list[Node]:
    """Those that can go on and whose state the search has not had; `seen` grows."""
    fresh = []
    for node in nodes:
        if not node.terminal and node.key is not None and node.key not in seen:
            seen.add(node.key)
            fresh.append(node)
    return fresh
