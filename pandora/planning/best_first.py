"""Breadth-first search and A*, with duplicate detection on the decoded state."""

import heapq
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import count

from pandora.planning.plan import Node
from pandora.planning.search import Planner, Search


@dataclass(frozen=True, kw_only=True)
class AStar(Planner):
    """A* (Hart, Nilsson, Raphael 1968): the node with the fewest actions made and left comes first.

    `width` nodes are expanded at a time, so that a learned model steps larger batches. Nodes that the limit leaves too
    few actions are dropped. `weight` of the actions left: 0 is breadth-first, 1 finds shortest plans.
    """

    weight: float = 1.0
    width: int = 1
    name: str = "astar"

    def search(self, search: Search) -> Node | None:
        ticket = count()
        open_nodes: list[tuple[float, float, int, Node]] = [(0.0, 0.0, next(ticket), search.root)]
        shortest: dict[Hashable, int] = {search.root.key: 0}
        while open_nodes and not search.over:
            chosen = [heapq.heappop(open_nodes)[-1] for _ in range(min(self.width, len(open_nodes)))]
            pairs = [(node, action) for node in chosen for action in search.actions(node)]
            for child in search.expand(pairs):
                if child.reached:
                    return child
                if child.terminal or child.key is None or shortest.get(child.key, search.limit) <= child.depth:
                    continue
                left = self.weight * (child.distance or 0.0)
                shortest[child.key] = child.depth
                if child.depth + left <= search.limit:
                    heapq.heappush(open_nodes, (child.depth + left, left, next(ticket), child))
        return None


@dataclass(frozen=True, kw_only=True)
class BreadthFirst(AStar):
    """All plans of one action, then all of two ..."""

    weight: float = 0.0
    name: str = "bfs"
