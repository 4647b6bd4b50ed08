"""All worlds of the service: begun, found, forked, deleted. Those in use live here, the others in the store."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from pandora.errors import Cancelled, PandoraError
from pandora.media import Frame as Pixels
from pandora.media import encode_jpeg
from server.engine.engine import Engine
from server.engine.job import Frame
from server.errors import Stopping, TooManyLive, UnknownWorld
from server.metrics import Metrics
from server.protocol import Draining
from server.sessions.moments import Entry, Moments
from server.sessions.said import REMEMBERED
from server.sessions.session import Session
from server.sessions.world import Event, World
from server.settings import Settings
from server.store.store import Store, Summary

if TYPE_CHECKING:
    from pandora.scenes import Scene
    from pandora.types import WorldState
    from pandora.world_model import WorldModel

log = logging.getLogger(__name__)

_LOOK_EVERY = 5.0  # seconds between looks for worlds that can leave the memory
_GOODBYE = 2.0  # seconds for viewers to hear the end


class Sessions:
    """One session for each world in use, over a store. Used on the event loop only."""

    def __init__(self, engine: Engine, store: Store, metrics: Metrics, settings: Settings):
        self._engine = engine
        self._store = store
        self._metrics = metrics
        self._settings = settings
        self._moments = Moments(engine, store, settings)
        self._live: dict[str, Session] = {}
        self._opening: dict[tuple[str, str], asyncio.Task[Session]] = {}
        self._janitor: asyncio.Task[None] | None = None

    @property
    def viewers(self) -> int:
        return sum(len(session.audience) for session in self._live.values())

    @property
    def live(self) -> int:
        """Worlds in memory; the others are suspended."""
        return len(self._live)

    @property
    def bytes(self) -> int:
        """Of states and clips in memory."""
        return self._moments.bytes

    async def shared_bytes(self) -> int:
        """Of states and clips in memory, what more than one live world needs; forks share it."""
        worlds = [session.world for session in self._live.values()]
        entries = self._moments.entries()
        return await asyncio.to_thread(_shared, worlds, entries)

    def start(self) -> None:
        """Begin to suspend worlds that nobody uses."""
        self._janitor = asyncio.get_running_loop().create_task(self._suspend_idle())

    async def begin(
        self, picture: Pixels, *, owner: str, name: str, seed: int, scene: "Scene | None", suggestions: tuple[str, ...]
    ) -> Session:
        """A world that starts from `picture`, (H, W, 3) uint8 of any size.

        A picture that is no scene is compared with what the model knows, and taken into the look of the nearest world
        where it is strange. Raises TooManyWorlds, and as Engine.call.
        """
        self._store.check_room()
        quality = self._settings.jpeg_quality

        def start(model: "WorldModel") -> tuple["WorldState", Frame, dict[str, Any] | None]:
            novelty = None if scene is not None else model.novelty(picture)
            expert = None if scene is None else model.expert_for(scene.world)
            state = model.begin(picture, seed=seed, look=novelty.look if novelty else None, expert=expert)
            jpeg = encode_jpeg(state.frame.numpy(), quality)
            frame = Frame(jpeg=jpeg, timestamp_ms=time.time_ns() // 1_000_000)
            return state, frame, None if novelty is None else asdict(novelty)

        state, frame, novelty = await asyncio.wrap_future(self._engine.call(start))
        kept = None if scene is None else scene.id
        world = World(owner=owner, name=name, seed=seed, scene=kept, suggestions=suggestions, novelty=novelty)
        step, event = world.begin(self._engine.model.fingerprint_of(state.expert))
        put = self._store.database.later(lambda: self._store.blobs.put(state.to_bytes(), hold=True))
        step.snapshot = held = await asyncio.wrap_future(put)  # nothing can make a start picture again
        try:
            self._moments.keep(step, state, (frame,))
            await asyncio.wrap_future(self._store.add([world], [event], step))
        finally:
            self._store.blobs.release(held)
        return self._open(world, {})

    async def find(self, world_id: str, owner: str) -> Session:
        """The session of a world, read from the store if need be; all it shows is durable.

        Raises UnknownWorld, also for worlds of others; StoreUnavailable; TooManyLive.
        """
        session = self._live.get(world_id)
        if session is None or session.failed:
            opening = world_id, owner
            if opening not in self._opening:
                task = asyncio.get_running_loop().create_task(self._read(world_id, owner))
                self._opening[opening] = task
                task.add_done_callback(lambda _: self._opening.pop(opening, None))
            session = await asyncio.shield(self._opening[opening])
        if session.world.owner != owner:
            raise UnknownWorld
        session.touch()  # it stays in memory while the request is at work
        await session.settled()
        return session

    async def owned(self, owner: str) -> list[tuple[Summary, Session | None]]:
        """The worlds of an owner, oldest first, with their sessions where they live."""
        return [(found, self._live.get(found.world.id)) for found in await self._store.owned(owner)]

    async def fork(
        self, session: Session, count: int, step: int | None, seed: int | None, name: str | None
    ) -> list[World]:
        """New worlds from a committed step. Raises UnknownStep, TooManyWorlds."""
        parent = session.world
        parent.step(step)
        self._store.check_room(count)
        children = parent.fork(count, step, seed, name)
        tip = children[0].head
        born = [child.log("created", step=tip, world=parent.id) for child in children]
        told = [parent.log("forked", step=tip, world=child.id) for child in children]
        added = self._store.add(children, born)
        self._store.record(parent, told)
        await asyncio.wrap_future(added)
        return children

    async def family(self, session: Session) -> list[World]:
        """The worlds that descend from the same start, oldest first; of each owner their own."""
        family = await self._store.family(session.world)
        return [world for world in family if world.owner == session.world.owner]

    async def events(self, session: Session, after: int, limit: int) -> list[Event]:
        """Lines of a world's log."""
        return await self._store.events(session.world.id, after, limit)

    async def delete(self, session: Session) -> None:
        """Forget a world; forks of it live on. Raises UnknownWorld where somebody was faster."""
        world = session.world
        if self._live.get(world.id) is session:
            del self._live[world.id]
            session.end("deleted")
        with suppress(PandoraError):
            await session.settled()
        await self._store.remove(world)

    async def drain(self) -> None:
        """Let nothing more in, tell the viewers, finish the clips that run within the grace, and end every session."""
        self._store.closing = True
        if self._janitor:
            self._janitor.cancel()
        for session in self._live.values():
            session.audience.publish(Draining())
            session.drop_waiting(Stopping("The service stopped before this action began. Try again in a moment."))
        await self._until(lambda: not any(session.is_busy for session in self._live.values()))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_seconds):
                await asyncio.gather(*(self._put_away(session) for session in self._live.values()))
        sessions, self._live = list(self._live.values()), {}
        for session in sessions:
            session.end("draining")
        await self._until(lambda: not any(len(session.audience) for session in sessions), _GOODBYE)

    async def _until(self, done: Callable[[], bool], grace: float | None = None) -> None:
        deadline = time.monotonic() + (self._settings.drain_seconds if grace is None else grace)
        while not done() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    # --- sessions come and go ---

    async def _read(self, world_id: str, owner: str) -> Session:
        world = await self._store.load(world_id, owner)
        if len(self._live) >= self._settings.max_live:
            raise TooManyLive(f"{self._settings.max_live} worlds are in use, and no more fit. Try again in a moment.")
        return self._open(world, await self._store.said(world_id, REMEMBERED))

    def _open(self, world: World, said: dict[str, str]) -> Session:
        session = Session(world, self._engine, self._store, self._moments, self._metrics, self._settings, said)
        self._live[world.id] = session
        return session

    async def _suspend_idle(self) -> None:
        while True:
            await asyncio.sleep(min(_LOOK_EVERY, self._settings.suspend_seconds))
            for session in [session for session in self._live.values() if session.is_idle]:
                del self._live[session.world.id]
                session.drop_waiting(Cancelled("The world was put away, paused, before this action began."))
                await self._put_away(session)
                self._metrics.suspended.inc()

    async def _put_away(self, session: Session) -> None:
        """Make sure that the head is found without replay when the world is touched again."""
        try:
            await session.settled()
            await self._moments.snapshot(session.world.step())
        except PandoraError as error:
            log.warning("World %s was put away without a snapshot: %s", session.world.id, error)


def _shared(worlds: Sequence[World], entries: Iterable[Entry]) -> int:
    """Bytes of the entries that at least two of the worlds have on record."""
    members = Counter(world.family for world in worlds)
    forks = [world.steps for world in worlds if members[world.family] > 1]
    total = 0
    for world_id, number, size in entries:
        holders = (1 for steps in forks if (step := steps.get(number)) is not None and step.world == world_id)
        total += size if len(list(islice(holders, 2))) == 2 else 0
    return total
