"""Everything that the routes use, in one value."""

from dataclasses import dataclass, field

import anyio
from starlette.requests import HTTPConnection

from pandora.scenes import Scene
from server.engine.engine import Engine
from server.errors import UnknownScene
from server.metrics import Metrics
from server.sessions.session import Session
from server.sessions.sessions import Sessions
from server.settings import Settings
from server.uploads import Uploads


@dataclass(frozen=True, kw_only=True, eq=False)
class Service:
    settings: Settings
    engine: Engine
    sessions: Sessions
    uploads: Uploads
    metrics: Metrics
    scenes: dict[str, Scene]
    # Films and pictures are decoded on other threads: one at a time, so that the model keeps its cores.
    decoding: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))

    def scene(self, scene_id: str) -> Scene:
        """Raises UnknownScene."""
        try:
            return self.scenes[scene_id]
        except KeyError:
            raise UnknownScene("There is no such scene. GET /v1/scenes lists them.") from None


async def get_service(connection: HTTPConnection) -> Service:
    """For `Depends`."""
    return connection.app.state.service


async def get_session(connection: HTTPConnection, world_id: str) -> Session:
    """For `Depends`, on routes with a world in their path. Raises UnknownWorld."""
    return (await get_service(connection)).sessions.find(world_id)
