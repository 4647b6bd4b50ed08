"""The plans of the service."""

import math

import anyio

from server.errors import UnknownPlan
from server.metrics import Metrics
from server.plans.bodies import PlanBudget
from server.plans.job import Asked, PlanJob
from server.plans.search import Bounds, Search
from server.rollouts.pool import Pool
from server.settings import Settings


class Plans:
    """Used on the event loop only. Each plan at work has a thread."""

    def __init__(self, metrics: Metrics, settings: Settings, pool: Pool):
        self._metrics = metrics
        self._settings = settings
        self._pool = pool
        self._threads = anyio.CapacityLimiter(settings.max_rollouts)

    @property
    def running(self) -> int:
        return self._pool.running(PlanJob)

    def bounds(self, budget: PlanBudget) -> Bounds:
        """What a search may use: no more than was asked for, and no more than the service allows."""
        settings = self._settings
        return Bounds(
            calls=min(budget.calls or settings.max_plan_calls, settings.max_plan_calls),
            seconds=budget.seconds or math.inf, bytes=settings.max_plan_bytes, nodes=settings.max_plan_nodes,
        )  # fmt: skip

    def begin(self, asked: Asked, search: Search) -> PlanJob:
        """Set a plan to work."""
        quality = self._settings.jpeg_quality
        job = PlanJob(asked, search, self._metrics, self._pool.width, quality, self._threads)
        self._pool.add(job)
        return job

    def find(self, plan_id: str, owner: str) -> PlanJob:
        """Raises UnknownPlan, also for plans of others."""
        job = self._pool.find(PlanJob, plan_id, owner)
        if job is None:
            raise UnknownPlan
        return job
