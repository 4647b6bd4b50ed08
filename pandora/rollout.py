"""Counterfactual rollouts: many futures of one state, side by side, while the state stays as it is.

    for future in Rollout(model, state, [["pick up the red block", "put it down"], ["wait"]], samples=4):
        print(future.actions, future.scores)

Each candidate is imagined `samples` times. Sample s has the same seed for every candidate (common random numbers), so
that candidates differ by what is done and not by luck; sample 0 has the world's own seed, and shows what would really
happen. What candidates have in common at their beginning is computed once.
"""

import hashlib
import heapq
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from pandora.errors import Cancelled, InvalidInput
from pandora.futures import Future, Judge, Walk, best_of
from pandora.scoring import Readout, Scorer
from pandora.types import Frames, Sampler, WorldState
from pandora.world_model import WorldModel

MAX_SEED = 2**53 - 1


def sample_seed(seed: int, sample: int) -> int:
    """The seed of a sample of a world's future: the world's own for sample 0, others drawn from it."""
    if sample == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed}/{sample}".encode()).digest()[:8]) & MAX_SEED


# --- what is to be done ----------------------------------------------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class Node:
    """A step to imagine: an action after those before it, in one sample, for every candidate that begins so."""

    sample: int
    action: str
    depth: int
    first: int  # the first candidate that needs it
    parent: "Node | None" = None
    children: dict[str, "Node"] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)  # candidates that end here
    users: int = 0  # candidates that are not released yet
    state: WorldState | None = None  # after it
    frames: Any = None  # of it, as whoever runs it likes to keep them


class Tree:
    """The steps of a rollout, in the order in which they should run: shared beginnings once, deeper steps first.

    Where more waits than fits at once, the first candidate goes ahead of all, so that there is something to see soon.
    Not for several threads at once. Raises InvalidInput for no candidates, an empty one, or no samples.
    """

    def __init__(self, state: WorldState, candidates: Sequence[Sequence[str] | str], samples: int = 1):
        self.candidates = _listed(candidates)
        if not candidates or not all(candidates):
            raise InvalidInput("A rollout needs at least one candidate, and each candidate at least one action.")
        if samples < 1:
            raise InvalidInput(f"A rollout takes at least 1 sample of each candidate, not {samples}.")
        self.samples = samples
        self.done = 0
        self.total = 0
        self.plain = samples * sum(map(len, self.candidates))  # steps, if nothing were shared
        self.open = set(range(len(self.candidates)))  # candidates that were not released
        self._missing = [samples] * len(self.candidates)
        self._any_whole = False
        self._order = count()
        self._waiting: list[tuple[tuple[int, int, int, int], Node]] = []
        self._ends = [self._plant(state.fork(sample_seed(state.seed, sample)), sample) for sample in range(samples)]

    @property
    def spared(self) -> float:
        """The share of the work that shared beginnings save, 0..1."""
        return 1 - self.total / self.plain

    def take(self, most: int) -> list[Node]:
        """The next steps to run, at most so many; none where nothing can run now."""
        chosen: list[Node] = []
        ahead = not self._any_whole and len(self._waiting) > most
        while self._waiting and len(chosen) < most:
            if ahead and chosen and self._waiting[0][1].first:
                break
            node = heapq.heappop(self._waiting)[1]
            if node.users:  # else every candidate through it was given up
                chosen.append(node)
        return chosen

    def finish(self, node: Node, state: WorldState, frames: Any = None) -> list[int]:
        """Take in what a step came to; the candidates that are complete now."""
        self.done += 1
        if not node.users:
            return []
        node.state, node.frames = state, frames
        for child in node.children.values():
            self._put(child)
        for index in node.ends:
            self._missing[index] -= 1
        whole = [index for index in node.ends if index in self.open and not self._missing[index]]
        self._any_whole |= bool(whole)
        return whole

    def fail(self, node: Node) -> list[int]:
        """A step can't be made: the open candidates that will never be complete."""
        self._any_whole |= node.first == 0  # nobody waits for the first one any more
        lost, left = set(node.ends), list(node.children.values())
        while left:
            below = left.pop()
            lost.update(below.ends)
            left += below.children.values()
        return sorted(lost & self.open)

    def walks(self, index: int) -> list[Walk]:
        """As far as each sample of a candidate came, sample 0 first. Not after `release`."""
        return [self._walk(index, sample) for sample in range(self.samples)]

    def release(self, index: int) -> None:
        """Let go of what only this candidate needed."""
        self.open.discard(index)
        for ends in self._ends:
            node: Node | None = ends[index]
            while node is not None:
                node.users -= 1
                if not node.users:
                    node.state = node.frames = None
                node = node.parent

    def _plant(self, start: WorldState, sample: int) -> list[Node]:
        """The last node of each candidate."""
        root = Node(sample=sample, action="", depth=0, first=0, state=start)
        ends = []
        for index, candidate in enumerate(self.candidates):
            node = root
            node.users += 1
            for action in candidate:
                if action not in node.children:
                    node.children[action] = Node(
                        sample=sample, action=action, depth=node.depth + 1, first=index, parent=node
                    )
                    self.total += 1
                node = node.children[action]
                node.users += 1
            node.ends.append(index)
            ends.append(node)
        for child in root.children.values():
            self._put(child)
        return ends

    def _put(self, node: Node) -> None:
        heapq.heappush(self._waiting, ((-node.depth, node.first, node.sample, next(self._order)), node))

    def _walk(self, index: int, sample: int) -> Walk:
        path = _path(self._ends[sample][index])
        reached = [node for node in path if node.state is not None]
        state = reached[-1].state
        assert state is not None, "a state is kept until every candidate through it is released"
        frames = [node.frames for node in reached[1:]]
        return Walk(
            sample=sample, depth=reached[-1].depth, complete=len(reached) == len(path), state=state, frames=frames
        )


def _path(node: Node) -> list[Node]:
    """From the start to `node`."""
    path = [node]
    while path[-1].parent is not None:
        path.append(path[-1].parent)
    return path[::-1]


def _listed(candidates: Sequence[Sequence[str] | str]) -> list[tuple[str, ...]]:
    """Raises InvalidInput for a sentence that is no list."""
    if isinstance(candidates, str):
        raise InvalidInput(f"Candidates are a list; one sentence alone is [{candidates!r}].")
    return [(one,) if isinstance(one, str) else tuple(one) for one in candidates]


# --- the whole -------------------------------------------------------------------------------------------------------


class Rollout:
    """Futures of `state`, one for each candidate, in the order in which they are complete; iterate it once.

    `candidates` are lists of sentences, of equal length or not, or a sentence alone. At most `batch` steps run
    together. After `deadline` seconds, `cancel` or once `should_stop()` is true (asked between denoising steps), the
    futures that are not complete follow as far as they came. `scorers` by name; `readout` decodes facts; `text_states`
    has the model say what it sees; `films` and `states` say what else futures carry. `progress` hears the steps done
    and their total.
    Raises InvalidInput, InvalidAction.
    """

    def __init__(
        self,
        model: WorldModel,
        state: WorldState,
        candidates: Sequence[Sequence[str] | str],
        *,
        samples: int = 1,
        batch: int = 8,
        sampler: Sampler | None = None,
        deadline: float | None = None,
        should_stop: Callable[[], bool] | None = None,
        scorers: Mapping[str, Scorer] | None = None,
        readout: Readout | None = None,
        text_states: bool = False,
        films: bool = False,
        states: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ):
        if batch < 1:
            raise InvalidInput(f"At least 1 step runs at a time, not {batch}.")
        listed = _listed(candidates)
        known = {text: model.check_action(text) for candidate in listed for text in candidate}
        self.futures: list[Future] = []  # so far
        self._tree = Tree(state, [[known[text] for text in candidate] for candidate in listed], samples)
        self._model = model
        self._batch = batch
        self._sampler = sampler
        self._deadline = deadline
        self._should_stop = should_stop or (lambda: False)
        describe = model.expert(state.expert).describe if text_states else None
        self._judge = Judge(readout=readout, describe=describe, scorers=scorers or {}, films=films, states=states)
        self._progress = progress or (lambda done, total: None)
        self._cancelled = False
        self._until: float | None = None
        self._coming = self._run()

    @property
    def done(self) -> int:
        """Steps that were imagined."""
        return self._tree.done

    @property
    def total(self) -> int:
        """Steps that there are, shared ones counted once."""
        return self._tree.total

    @property
    def spared(self) -> float:
        """The share of the work that shared beginnings save, 0..1."""
        return self._tree.spared

    def cancel(self) -> None:
        """Stop at the next denoising step, from any thread; what there is still comes."""
        self._cancelled = True

    def best(self, name: str | None = None) -> Future | None:
        """The best future so far by the score of that name, the first scorer's by default."""
        return best_of(self.futures, name)

    def __iter__(self) -> Iterator[Future]:
        return self._coming

    def _run(self) -> Iterator[Future]:
        self._until = None if self._deadline is None else time.monotonic() + self._deadline
        while not self._stops() and (nodes := self._tree.take(self._batch)):
            try:
                results = self._imagine(nodes)
            except Cancelled:
                break
            whole = [index for node, state, film in results for index in self._tree.finish(node, state, film)]
            self._progress(self.done, self.total)
            for index in whole:
                yield self._conclude(index)
        for index in sorted(self._tree.open):
            yield self._conclude(index)

    def _imagine(self, nodes: list[Node]) -> list[tuple[Node, WorldState, Frames | None]]:
        before = [node.parent.state for node in nodes if node.parent and node.parent.state is not None]
        actions = [node.action for node in nodes]
        parts = list(self._model.stream(before, actions, self._sampler, self._stops))
        states = parts[-1].states
        assert states is not None, "the last part carries the states"
        films: list[Frames | None] = [None] * len(nodes)
        if self._judge.films:
            films = [np.concatenate([part.frames[row] for part in parts]) for row in range(len(nodes))]
        return list(zip(nodes, states, films, strict=True))

    def _conclude(self, index: int) -> Future:
        future = self._judge(index, self._tree.candidates[index], self._tree.walks(index))
        self._tree.release(index)
        self.futures.append(future)
        return future

    def _stops(self) -> bool:
        late = self._until is not None and time.monotonic() >= self._until
        return self._cancelled or late or self._should_stop()
