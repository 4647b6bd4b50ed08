"""One plan of the service: what was asked for, what was imagined so far, and who listens. Used on the event loop."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from server.engine.job import Frame
from server.errors import UnknownFilm, UnknownNode
from server.metrics import Metrics
from server.plans.bodies import (
    GoalView,
    NodeTold,
    NodeView,
    PlanEnded,
    PlannerName,
    PlanProgressTold,
    PlanStep,
    PlanView,
    Think,
)
from server.plans.search import Outcome, Search
from server.plans.tree import Found, Seen
from server.problems import explain
from server.rollouts.bodies import Status
from server.rollouts.imagining import Imagining

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What is told of a plan from its beginning; `deadline` in seconds."""

    owner: str
    goal: GoalView
    planner: PlannerName
    think: Think
    deadline: float
    world: str | None = None
    step: int | None = None


class PlanJob(Imagining):
    """Begins at once, on a thread of its own that `threads` has room for. `width`: see Pool."""

    def __init__(
        self, asked: Asked, search: Search, metrics: Metrics, width: Callable[[], int], quality: int,
        threads: anyio.CapacityLimiter,
    ):  # fmt: skip
        super().__init__(asked.owner)
        self.asked = asked
        self.nodes: list[Seen] = []
        self.best: Found | None = None
        self.film: list[tuple[Frame, ...]] = []
        self._search: Search | None = search  # while it runs: it holds the states
        self._calls, self._seconds = 0, 0.0
        self._metrics = metrics
        self._width = width
        self._halted: tuple[Status, str] | None = None
        self._path: set[int] = set()
        self._timer = self._loop.call_later(asked.deadline, self.stop, "partial", "deadline")
        self.ended = self._loop.create_task(self._run(search, quality, threads))

    @property
    def calls(self) -> int:
        """Clips that the model made."""
        return self._search.steps.made if self._search else self._calls

    @property
    def seconds(self) -> float:
        """Since the beginning, until the end."""
        return round(time.perf_counter() - self._began, 3) if self._search else self._seconds

    @property
    def found(self) -> bool:
        """Whether the best plan so far is predicted to reach the goal."""
        return self.best is not None and self.best.reached

    def stop(self, status: Status = "cancelled", code: str | None = None) -> None:
        """The best so far is the answer."""
        if self._search is not None and self._halted is None:
            self._halted = (status, code or status)
            self._search.steps.stop()

    def told(self, after: int) -> Sequence[NodeTold]:
        """States, in the order of imagining."""
        return [NodeTold(node=self._node(seen)) for seen in self.nodes[after:]]

    def told_progress(self) -> PlanProgressTold:
        return PlanProgressTold(calls=self.calls, seconds=self.seconds, best=self.best.value if self.best else None)

    def told_end(self) -> PlanEnded:
        best = self.best
        return PlanEnded(
            status=self.status, code=self.code, found=self.found, actions=list(best.actions) if best else [],
            value=best.value if best else None, confidence=best.confidence if best else None,
        )  # fmt: skip

    def view(self) -> PlanView:
        """All that there is to tell of it now."""
        best, path = self.best, self.best.path if self.best else ()
        steps = [
            PlanStep(
                index=i, action=seen.action, facts=seen.facts, value=seen.value, frame_url=self._frame_url(seen.id)
            )
            for i, seen in enumerate(self.nodes[node] for node in path)
        ]
        return PlanView(
            id=self.id, status=self.status, code=self.code, world=self.asked.world, step=self.asked.step,
            planner=self.asked.planner, think=self.asked.think, goal=self.asked.goal,
            found=self.found if self.is_over else None,
            actions=list(best.actions) if best else [], value=best.value if best else None,
            confidence=best.confidence if best else None, spread=best.spread if best else None,
            trials=best.trials if best else None, calls=self.calls,
            seconds=self.seconds, created_at=self.created_at, expires_at=self.expires_at, steps=steps,
            film_url=f"/v1/plans/{self.id}/film.mp4" if self.film and path[1:] else None,
            tree=[*map(self._node, self.nodes)],
        )  # fmt: skip

    def frame(self, node: int) -> bytes:
        """A JPEG. Raises UnknownNode."""
        if not 0 <= node < len(self.nodes):
            raise UnknownNode(f"This plan has no state {node}, or not yet.")
        return self.nodes[node].jpeg

    def clips(self) -> list[tuple[Frame, ...]]:
        """The frames of each step of the plan, or of the start where it has no actions. Raises UnknownFilm."""
        if not self.film:
            raise UnknownFilm("This plan has no film yet: it is still at work.")
        return self.film

    # --- from the planner's thread ---

    def _hear(self, seen: Seen) -> None:
        self.nodes.append(seen)
        self.bytes += len(seen.jpeg)
        if self.best is None:
            self._prefer(Found.nothing(seen))
        if self._search is not None:
            self._search.steps.width = self._width()
        self._tell()

    def _prefer(self, found: Found) -> None:
        self.best, self._path = found, set(found.path)

    def _later(self, function: Callable[..., object], value: object) -> None:
        self._loop.call_soon_threadsafe(function, value)

    # --- what becomes of it ---

    async def _run(self, search: Search, quality: int, threads: anyio.CapacityLimiter) -> None:
        hear, prefer = partial(self._later, self._hear), partial(self._later, self._prefer)
        try:
            outcome = await anyio.to_thread.run_sync(search.run, quality, hear, prefer, limiter=threads)
        except Exception as error:
            log.exception("A plan failed")
            outcome = Outcome(found=None, film=[], error=error, bounded=False)
        self._timer.cancel()
        if outcome.found is not None:
            self._prefer(outcome.found)
        self._seconds, self._calls, self._search = self.seconds, self.calls, None
        still = [(Frame(jpeg=seen.jpeg, timestamp_ms=0),) for seen in self.nodes[:1]]
        self.film = outcome.film or still
        self.bytes += sum(len(frame.jpeg) for clip in self.film for frame in clip)
        self.status, self.code = self._verdict(outcome)
        self.is_over = True
        self._metrics.plan(self.status, self.calls, self.seconds)
        self._tell()

    def _verdict(self, outcome: Outcome) -> tuple[Status, str | None]:
        if outcome.error is None and self.found:
            return "complete", None
        if self._halted is not None:
            return self._halted
        if outcome.error is not None:
            return "partial", explain(outcome.error)[0]
        if self.nodes[0].facts is None:
            return "partial", "unreadable_start"
        if self.nodes[0].value is None:
            return "partial", "unclear_goal"
        return ("partial", "budget") if outcome.bounded else ("complete", None)

    # --- views ---

    def _node(self, seen: Seen) -> NodeView:
        return NodeView(
            id=seen.id, parent=seen.parent, action=seen.action, depth=seen.depth, value=seen.value,
            reached=seen.reached, facts=seen.facts, frame_url=self._frame_url(seen.id), on_plan=seen.id in self._path,
        )  # fmt: skip

    def _frame_url(self, node: int) -> str:
        return f"/v1/plans/{self.id}/nodes/{node}/frame"
