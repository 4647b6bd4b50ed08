"""The rollouts of the service."""

from server.engine.engine import Engine
from server.errors import UnknownRollout
from server.metrics import Metrics
from server.rollouts.job import Asked, RolloutJob
from server.rollouts.pool import Pool
from server.settings import Settings


class Rollouts:
    """Used on the event loop only."""

    def __init__(self, engine: Engine, metrics: Metrics, settings: Settings, pool: Pool):
        self._engine = engine
        self._metrics = metrics
        self._settings = settings
        self._pool = pool
        self._width = pool.width

    @property
    def running(self) -> int:
        return self._pool.running(RolloutJob)

    def begin(self, asked: Asked) -> RolloutJob:
        """Set a rollout to work. Raises as Engine.submit."""
        job = RolloutJob(asked, self._engine, self._metrics, self._width, self._settings.jpeg_quality)
        self._pool.add(job)
        return job

    def find(self, rollout_id: str, owner: str) -> RolloutJob:
        """Raises UnknownRollout, also for rollouts of others."""
        job = self._pool.find(RolloutJob, rollout_id, owner)
        if job is None:
            raise UnknownRollout
        return job
