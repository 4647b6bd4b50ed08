"""All live worlds of the service: begun, found, forked, deleted."""

import asyncio
import time
from typing import TYPE_CHECKING

from pandora.media import Frame as Pixels
from pandora.media import encode_jpeg
from server.engine.engine import Engine
from server.engine.job import Frame
from server.metrics import Metrics
from server.protocol import Draining
from server.sessions.session import Session
from server.sessions.world import World
from server.settings import Settings
from server.store.store import Store

if TYPE_CHECKING:
    from pandora.types import WorldState
    from pandora.world_model import WorldModel


class Sessions:
    """One session a world, over a store. Used on the event loop only."""

    def __init__(self, engine: Engine, store: Store, metrics: Metrics, settings: Settings):
        self._engine = engine
        self._store = store
        self._metrics = metrics
        self._settings = settings
        self._live: dict[str, Session] = {}

    @property
    def viewers(self) -> int:
        return sum(len(session.viewers) for session in self._live.values())

    async def begin(
        self, picture: Pixels, *, name: str, seed: int, scene: str | None, suggestions: tuple[str, ...]
    ) -> Session:
        """A world that starts from `picture`, (H, W, 3) uint8 of any size. Raises TooManyWorlds, and as Engine.call."""
        self._store.check_room()

        def start(model: "WorldModel") -> tuple["WorldState", Frame]:
            state = model.begin(picture, seed=seed)
            jpeg = encode_jpeg(state.frame.numpy(), self._settings.jpeg_quality)
            return state, Frame(jpeg=jpeg, timestamp_ms=time.time_ns() // 1_000_000)

        state, frame = await asyncio.wrap_future(self._engine.call(start))
        return self._open(World.begin(name, seed, scene, suggestions, state, frame))

    def find(self, world_id: str) -> Session:
        """Raises UnknownWorld."""
        world = self._store.get(world_id)
        return self._live[world.id]

    def all(self) -> list[Session]:
        """Every session, oldest first."""
        return [self._live[world.id] for world in self._store.worlds()]

    def fork(self, world_id: str, step: int | None, seed: int | None, name: str | None) -> Session:
        """A new world from a committed step of another. Raises UnknownWorld, UnknownStep, TooManyWorlds."""
        parent = self._store.get(world_id)
        parent.step(step)
        self._store.check_room()
        child = parent.fork(step, seed, name)
        self._store.record(parent, parent.events[-1])
        return self._open(child)

    def family(self, world_id: str) -> list[World]:
        """The worlds that descend from the same start, oldest first. Raises UnknownWorld."""
        family = self._store.get(world_id).family
        return [world for world in self._store.worlds() if world.family == family]

    def delete(self, world_id: str) -> None:
        """Raises UnknownWorld."""
        session = self.find(world_id)
        self._store.remove(world_id)
        del self._live[world_id]
        session.end("deleted")

    async def drain(self, grace: float = 2.0) -> None:
        """Tell every viewer that the service stops, end every world, and wait a moment until the viewers have heard."""
        sessions, self._live = list(self._live.values()), {}
        for session in sessions:
            for viewer in session.viewers:
                viewer.put(Draining())
            session.end("draining")
        deadline = time.monotonic() + grace
        while any(session.viewers for session in sessions) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    def _open(self, world: World) -> Session:
        self._store.add(world)
        self._store.record(world, world.events[0])
        session = Session(world, self._engine, self._store, self._metrics, self._settings)
        self._live[world.id] = session
        return session
