"""Monte Carlo tree search as in RAP (Hao et al. 2023, "Reasoning with Language Model is Planning with World Model")."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pandora.planning.plan import Node
from pandora.planning.search import Planner, Search


def mean(returns: Sequence[float]) -> float:
    return sum(returns) / len(returns)


@dataclass(frozen=True, kw_only=True)
class MCTS(Planner):
    """`n_iters` walks: choose by UCT, imagine, go on by the prior to the end, pass the summed rewards back.

    Settings and defaults are those of LLM Reasoners: `w_exp` weighs exploring, `cum_reward` adds up a path's rewards,
    `calc_q` a node's returns, `simulate_strategy` picks how a walk goes on, and the path of most reward that reaches
    the goal is the plan. `drop_repeats` takes states out of the tree that their path had already, which RAP does not.
    `parallel` walks share a batch; those under way count as visits without reward.
    """

    n_iters: int = 10
    w_exp: float = 1.0
    cum_reward: Callable[[list[float]], float] = sum
    calc_q: Callable[[Sequence[float]], float] = mean
    simulate_strategy: Literal["max", "sample", "random"] = "max"
    drop_repeats: bool = False
    parallel: int = 1
    seed: int = 0
    name: str = "mcts"

    def search(self, search: Search) -> Node | None:
        rng, done = random.Random(self.seed), 0
        while done < self.n_iters and not search.over:
            paths = [self._select(search, search.root) for _ in range(min(self.parallel, self.n_iters - done))]
            pending = {id(path): path for path in paths}
            while pending:
                self._imagine(search, [path[-1] for path in pending.values()])
                for name, path in list(pending.items()):
                    if self.drop_repeats:
                        _drop_repeat(path)
                    child = self._go_on(search, path[-1], rng)
                    if child is None:
                        del pending[name]
                    else:
                        path.append(child)
            for path in paths:
                self._pass_back(path)
            done += len(paths)
        return self._most_reward(search.root)

    def _select(self, search: Search, node: Node) -> list[Node]:
        """Down the tree to a leaf; its visit counts at once, so that parallel walks part."""
        path = [node]
        while node.children and not _ends(search, node):
            fresh = [child for child in node.children if child.id < 0 and "walked" not in child.details]
            visited = [child for child in node.children if child.id >= 0]
            if not fresh and not visited:
                break
            node = max(fresh, key=lambda child: child.prior) if fresh else max(visited, key=self._uct)
            path.append(node)
            if node.id < 0:
                node.details["walked"] = True
        for visited_node in path:
            visited_node.details["visits"] = visited_node.details.get("visits", 0) + 1
        return path

    def _uct(self, node: Node) -> float:
        parent = node.parent
        assert parent is not None
        value = self.calc_q(node.returns) if node.returns else node.prior
        visits, above = node.details.get("visits", 0), parent.details.get("visits", 1)
        return value + self.w_exp * math.sqrt(math.log(max(above, 1)) / max(1, visits))

    def _imagine(self, search: Search, leaves: list[Node]) -> None:
        wanted = {id(leaf): leaf for leaf in leaves if leaf.id < 0}
        search.imagine(list(wanted.values()))
        for leaf in leaves:
            if leaf.id >= 0 and leaf.children is None and not _ends(search, leaf):
                leaf.children = [search.sketch(leaf, action) for action in search.actions(leaf)]

    def _go_on(self, search: Search, node: Node, rng: random.Random) -> Node | None:
        """The next node of a walk below a leaf; None at its end."""
        if node.id < 0 or search.over or _ends(search, node) or not node.children:
            return None
        if self.simulate_strategy == "max":
            return max(node.children, key=lambda child: child.prior)
        if self.simulate_strategy == "random":
            return rng.choice(node.children)
        return rng.choices(node.children, [math.exp(child.prior) for child in node.children])[0]

    def _pass_back(self, path: list[Node]) -> None:
        rewards: list[float] = []
        for node in reversed([node for node in path if node.id >= 0]):
            rewards.insert(0, node.reward)
            node.returns.append(self.cum_reward(rewards))

    def _most_reward(self, root: Node) -> Node | None:
        best, most = None, -math.inf
        stack = [(root, [root.reward])]
        while stack:
            node, rewards = stack.pop()
            if node.reached and (value := self.cum_reward(rewards[1:])) > most:
                best, most = node, value
            stack += [(child, [*rewards, child.reward]) for child in node.children or () if child.id >= 0]
        return best


def _drop_repeat(path: list[Node]) -> None:
    """Take the last node off the path and the tree where its state is one that the path had already."""
    last = path[-1]
    if last.parent is not None and last.key is not None and any(last.key == node.key for node in path[:-1]):
        path.pop()
        last.parent.children = [child for child in last.parent.children or () if child is not last]


def _ends(search: Search, node: Node) -> bool:
    return node.terminal or node.depth >= search.limit
