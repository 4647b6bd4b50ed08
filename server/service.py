"""Everything that the routes use, in one value."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

import anyio
from fastapi import Depends
from starlette.requests import HTTPConnection

from pandora.scenes import Scene
from server.accounting import note
from server.engine.engine import Engine
from server.errors import UnknownScene
from server.metrics import Metrics
from server.plans.plans import Plans
from server.rollouts.pool import Pool
from server.rollouts.rollouts import Rollouts
from server.sessions.session import Session
from server.sessions.sessions import Sessions
from server.settings import Settings
from server.store.answers import Answers
from server.store.store import Store
from server.uploads import Uploads
from server.users.access import Access, get_principal
from server.users.principal import Principal


@dataclass(frozen=True, kw_only=True, eq=False)
class Service:
    settings: Settings
    engine: Engine
    store: Store
    answers: Answers
    sessions: Sessions
    access: Access
    uploads: Uploads
    pool: Pool
    rollouts: Rollouts
    plans: Plans
    metrics: Metrics
    scenes: dict[str, Scene]
    # Pictures are read, and films drawn, on other threads: one at a time, so that the model keeps its cores.
    decoding: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))
    filming: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))

    async def drain(self) -> None:
        """Let nothing more in, and end what runs within the grace."""
        self.store.closing = True
        await asyncio.gather(self.pool.drain(), self.sessions.drain())

    def scene(self, scene_id: str) -> Scene:
        """Raises UnknownScene."""
        try:
            return self.scenes[scene_id]
        except KeyError:
            raise UnknownScene("There is no such scene. GET /v1/scenes lists them.") from None


async def get_service(connection: HTTPConnection) -> Service:
    """For `Depends`."""
    return connection.app.state.service


async def get_session(
    connection: HTTPConnection, world_id: str, principal: Annotated[Principal, Depends(get_principal)]
) -> Session:
    """For `Depends`, on routes with a world in their path. Raises UnknownWorld, also for worlds of others."""
    service = await get_service(connection)
    session = await service.sessions.find(world_id, principal.owner)
    note(world=world_id)
    return session
