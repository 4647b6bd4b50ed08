"""The part of a plan that a thread does: it searches, steps the engine, and waits for it."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pandora.errors import PandoraError
from server.engine.job import Frame
from server.plans.steps import EngineSteps
from server.plans.tree import Found, SearchTree, Seen

if TYPE_CHECKING:
    from pandora.planning import Plan, Verified

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Where a search ends: clips, bytes of states in memory, states in its tree, and seconds."""

    calls: int
    bytes: int
    nodes: int
    seconds: float = math.inf


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`found` is the best plan, None where nothing was imagined; `error` ended the search, `bounded` its bounds did."""

    found: Found | None
    film: list[tuple[Frame, ...]]
    error: Exception | None
    bounded: bool


class Search:
    """`reasoner` steps `steps`, beginning with the `observation`, a picture; `steps.stop` ends `run` from anywhere."""

    def __init__(self, reasoner: "Verified", steps: EngineSteps, observation: Any, limit: int, bounds: Bounds):
        self.steps = steps
        self._reasoner = reasoner
        self._observation = observation
        self._limit = limit
        self._bounds = bounds

    def run(self, quality: int, hear: Callable[[Seen], object], prefer: Callable[[Found], object]) -> Outcome:
        """Search to the end. `hear` is told every state, `prefer` every plan that is better than those before."""
        from pandora.planning import Budget

        began, bounds = time.perf_counter(), self._bounds
        tree, best, error = SearchTree(self.steps, quality, hear), list[Found](), None

        def progress(plan: "Plan") -> None:
            found = tree.find(plan)
            if not best or _rank(found) > _rank(best[0]):
                best[:] = [found]
                prefer(found)

        def bounded() -> bool:
            seconds = time.perf_counter() - began
            used = ((self.steps.made, bounds.calls), (self.steps.bytes, bounds.bytes), (len(tree), bounds.nodes))
            return seconds >= bounds.seconds or any(much >= most for much, most in used)

        budget = Budget(calls=bounds.calls, should_stop=lambda: self.steps.stopped or bounded())
        options: dict[str, Any] = {"budget": budget, "progress": progress, "watch": tree.add}
        try:
            best[:] = [tree.find(self._reasoner(self._observation, limit=self._limit, **options))]
        except Exception as failed:
            if not isinstance(failed, PandoraError):
                log.exception("A search failed")
            error = failed
        found = best[0] if best else None
        film = tree.film(found) if found else []
        return Outcome(found=found, film=film, error=error, bounded=bounded())


def _rank(found: Found) -> tuple[bool, float, bool, float]:
    """What was tried again comes before what was only thought."""
    return found.reached, -1.0 if found.value is None else found.value, found.trials > 0, found.confidence
