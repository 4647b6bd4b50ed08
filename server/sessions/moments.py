"""What a step holds beyond its row: the frames of its clip and the state after it.

In memory within bounds, shared by all forks; else read from the store; else made again from the last snapshot by the
same actions and seeds. A clip is written behind its commit, a snapshot every few steps.
"""

import asyncio
import json
import logging
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from safetensors import SafetensorError
from safetensors.numpy import load, save

from pandora.errors import InvalidInput
from pandora.media import encode_jpeg
from server.engine.engine import Engine
from server.engine.job import Frame
from server.errors import Damaged, IncompatibleModel, StoreUnavailable
from server.sessions.world import Step, World
from server.settings import Settings
from server.store.store import Store

if TYPE_CHECKING:
    from pandora.types import WorldState
    from pandora.world_model import WorldModel

log = logging.getLogger(__name__)

Value = TypeVar("Value")
Clip = tuple[Frame, ...]
Entry = tuple[str, int, int]  # the world where a step was made, its number, bytes
_Key = tuple[str, int]


class Shelf(Generic[Value]):
    """The values used last, up to so many bytes."""

    def __init__(self, most: int):
        self.bytes = 0
        self._most = most
        self._values: OrderedDict[_Key, tuple[Value, int]] = OrderedDict()

    def get(self, step: Step) -> Value | None:
        found = self._values.get((step.world, step.number))
        if found is None:
            return None
        self._values.move_to_end((step.world, step.number))
        return found[0]

    def put(self, step: Step, value: Value, size: int) -> None:
        self.drop(step)
        self._values[step.world, step.number] = (value, size)
        self.bytes += size
        while self.bytes > self._most and len(self._values) > 1:
            self.bytes -= self._values.popitem(last=False)[1][1]

    def entries(self) -> list[Entry]:
        """What is here."""
        return [(world, number, size) for (world, number), (_, size) in self._values.items()]

    def drop(self, step: Step) -> None:
        found = self._values.pop((step.world, step.number), None)
        self.bytes -= 0 if found is None else found[1]


class Moments:
    """Used on the event loop only; files are read and written on the store's threads, replay is the engine's."""

    def __init__(self, engine: Engine, store: Store, settings: Settings):
        self._engine = engine
        self._store = store
        self._settings = settings
        self._states: Shelf[WorldState] = Shelf(settings.max_state_bytes)
        self._clips: Shelf[Clip] = Shelf(settings.max_clip_bytes)
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def bytes(self) -> int:
        """Of states and clips in memory."""
        return self._states.bytes + self._clips.bytes

    def entries(self) -> list[Entry]:
        """Every state and every clip in memory."""
        return self._states.entries() + self._clips.entries()

    def keep(self, step: Step, state: "WorldState", clip: Clip) -> None:
        """Take in what a step made."""
        self._states.put(step, state, state_bytes(state))
        self._clips.put(step, clip, sum(len(frame.jpeg) for frame in clip))

    def forget(self, world: World) -> None:
        """Let go of what the steps of this very world hold in memory: not all of them may be on record."""
        for step in world.own.values():
            self._states.drop(step)
            self._clips.drop(step)

    async def save(self, step: Step, state: "WorldState", clip: Clip) -> None:
        """Write a step's clip, and its state where a snapshot is due. What fails is made again when it is needed."""
        due = step.depth % self._settings.snapshot_every == 0 or step.snapshot is not None  # which may be damaged

        def put() -> tuple[str, str | None]:
            return self._store.blobs.put(pack_clip(clip)), self._store.blobs.put(state.to_bytes()) if due else None

        try:
            step.clip, snapshot = await asyncio.wrap_future(self._store.database.later(put))
            step.snapshot = snapshot or step.snapshot
            await asyncio.wrap_future(self._store.finish(step))
        except StoreUnavailable:
            log.warning("The clip of step %d of world %s was not stored", step.number, step.world)

    async def snapshot(self, step: Step) -> None:
        """Write a step's state, if it is in memory and not written yet."""
        state = self._states.get(step)
        if step.snapshot is not None or state is None:
            return
        put = self._store.database.later(lambda: self._store.blobs.put(state.to_bytes()))
        step.snapshot = await asyncio.wrap_future(put)
        await asyncio.wrap_future(self._store.finish(step))

    async def state(self, world: World, step: Step) -> "WorldState":
        """The state after a step. Raises Damaged, IncompatibleModel, StoreUnavailable, or as Engine.call."""
        found = self._states.get(step)
        if found is not None:
            return found
        async with self._lock(world):
            return await self._rebuild(world, step)

    async def clip(self, world: World, step: Step) -> Clip:
        """The frames of a step, the last of them what the world looks like after it. Raises as `state`."""
        found = self._clips.get(step)
        if found is None and step.clip is not None:
            name = step.clip
            data = await asyncio.wrap_future(self._store.database.later(self._store.blobs.get, name))
            found = None if data is None else unpack_clip(data)
            if found is not None:
                self._clips.put(step, found, sum(len(frame.jpeg) for frame in found))
        if found is None:
            async with self._lock(world):
                state = await self._rebuild(world, step, again=True)
                found = self._clips.get(step) or (_still(state, self._settings.jpeg_quality),)
        return found

    async def last_frame(self, world: World, step: Step) -> Frame:
        """What the world looks like after a step. Raises as `state`."""
        return (await self.clip(world, step))[-1]

    async def _rebuild(self, world: World, step: Step, again: bool = False) -> "WorldState":
        """From the nearest state that is there, step by step; the step itself is made `again` for its frames' sake."""
        missing: list[Step] = []
        state: WorldState | None = None
        for past in reversed(world.path(step.number)):
            if past is step and again and step.parent is not None:
                missing.append(past)
                continue
            state = self._states.get(past) or await self._read(past)
            if state is not None:
                break
            missing.append(past)
        if state is None:
            raise Damaged
        for following in reversed(missing):
            if following.model not in self._engine.model.fingerprints:
                raise IncompatibleModel
            state, clip = await self._replay(state, following)
            self.keep(following, state, clip)
            await self.save(following, state, clip)
        return state

    async def _read(self, step: Step) -> "WorldState | None":
        if step.snapshot is None:
            return None
        name = step.snapshot
        state = await asyncio.wrap_future(self._store.database.later(self._unpack, name))
        if state is not None:
            self._states.put(step, state, state_bytes(state))
        return state

    def _unpack(self, name: str) -> "WorldState | None":
        from pandora.types import WorldState

        data = self._store.blobs.get(name)
        try:
            return None if data is None else WorldState.from_bytes(data)
        except InvalidInput as error:
            log.error("Snapshot %s is no world state: %s", name, error)
            return None

    async def _replay(self, state: "WorldState", step: Step) -> tuple["WorldState", Clip]:
        from pandora.types import Sampler

        quality = self._settings.jpeg_quality

        def again(model: "WorldModel") -> tuple["WorldState", Clip]:
            assert step.action is not None, "a start picture has a snapshot, or is lost"
            after, clip = model.step(state.fork(step.seed), step.action, Sampler(steps=step.sampling_steps))
            at = time.time_ns() // 1_000_000
            return after, tuple(Frame(jpeg=encode_jpeg(f, quality), timestamp_ms=at) for f in clip.frames)

        return await asyncio.wrap_future(self._engine.call(again))

    def _lock(self, world: World) -> asyncio.Lock:
        """One replay at a time in a family, since forks share what it makes."""
        if len(self._locks) > 1024:
            self._locks = {family: lock for family, lock in self._locks.items() if lock.locked()}
        return self._locks.setdefault(world.family, asyncio.Lock())


def pack_clip(clip: Clip) -> bytes:
    """Frames as a safetensors file, one uint8 tensor of JPEG bytes each."""
    import numpy as np

    tensors = {f"{i:04d}": np.frombuffer(frame.jpeg, np.uint8) for i, frame in enumerate(clip)}
    return save(tensors, {"timestamps_ms": json.dumps([frame.timestamp_ms for frame in clip])})


def unpack_clip(data: bytes) -> Clip | None:
    """Inverse of `pack_clip`; None for anything else."""
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        times = json.loads(header["__metadata__"]["timestamps_ms"])
        return tuple(
            Frame(jpeg=tensors[name].tobytes(), timestamp_ms=at)
            for name, at in zip(sorted(tensors), times, strict=True)
        )
    except (SafetensorError, ValueError, KeyError) as error:
        log.error("A stored clip can't be read: %s", error)
        return None


def _still(state: "WorldState", quality: int) -> Frame:
    return Frame(jpeg=encode_jpeg(state.frame.numpy(), quality), timestamp_ms=time.time_ns() // 1_000_000)


def state_bytes(state: "WorldState") -> int:
    return state.nbytes
