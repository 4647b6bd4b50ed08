"""`pandora bench service --only soak`: many worlds, all sorts of viewers, and the server's memory over time.

A quarter of the viewers acts, a quarter reads, a quarter hardly reads, and a quarter comes and goes, every other time
without a word. The server's caches are small here, so that they are full before the memory is first looked at: what
grows later than that is not meant to.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from pandora.errors import PandoraError
from server.bench.process import Server, begin, start_server
from server.bench.rows import Row, bootstrap, single
from server.bench.viewing import act, messages, watch
from server.protocol import FrameFlags, FrameHeader

_CACHES: dict[str, Any] = {"max_state_bytes": 32 * 2**20, "max_clip_bytes": 4 * 2**20}
_SMALL = {
    "max_queue": 1,
    "ping_interval": None,
}  # a viewer that hardly reads: the rest stays with the server


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured."""

    worlds: int
    viewers: int
    seconds: float
    settled: float  # seconds after which the memory is first looked at


WHOLE = Extent(worlds=50, viewers=200, seconds=1200.0, settled=120.0)
QUICK = Extent(worlds=50, viewers=200, seconds=60.0, settled=20.0)


@dataclass
class _Count:
    """What the clients met."""

    frames: int = 0
    lost: int = 0  # viewers that read, and whose connection ended all the same
    cut: int = 0  # viewers that hardly read, and were sent away for it
    clips: dict[int, int] = field(default_factory=dict)  # by world


def measure(options: dict[str, str], extent: Extent) -> list[Row]:
    """The server's memory at the end by that after `settled` seconds; viewers lost; frames that all of them got."""
    with start_server(options, **_CACHES) as server:
        count, samples = asyncio.run(_Soak(server, extent).run())
    seconds = extent.seconds
    rows = [
        single("soak.viewers_lost", "viewers", count.lost, extent.viewers),
        single("soak.slow_viewers_cut", "viewers", count.cut, extent.viewers // 4),
        single("soak.frames_per_second", "frames/s", round(count.frames / seconds, 1), count.frames),
        single("soak.worlds_that_stood_still", "worlds", extent.worlds - len(count.clips), extent.worlds),
    ]
    window = max(2.0, (seconds - extent.settled) / 10)
    early = [memory for at, memory in samples if extent.settled <= at < extent.settled + window]
    late = [memory for at, memory in samples if seconds - window <= at]
    if early and late:
        base = statistics.median(early)
        growth = bootstrap("soak.memory_growth", "ratio", np.array(late) / base, lambda m: float(np.median(m)))
        rows = [growth, single("soak.memory_bytes", "bytes", int(statistics.median(late)), len(late)), *rows]
    return rows


class _Soak:
    """The clients, on one event loop. No frame is kept."""

    def __init__(self, server: Server, extent: Extent):
        self._server = server
        self._extent = extent
        self._count = _Count()
        self._dice = random.Random(0)
        self._over = False

    async def run(self) -> tuple[_Count, list[tuple[float, int]]]:
        """What the clients met, and the server's memory by seconds since the start."""
        worlds = [await asyncio.to_thread(begin, self._server.address, seed) for seed in range(self._extent.worlds)]
        kinds = (self._play, self._read, self._hardly_read, self._come_and_go)
        tasks = [
            asyncio.create_task(kinds[index // len(worlds) % 4](index % len(worlds), *worlds[index % len(worlds)]))
            for index in range(self._extent.viewers)
        ]
        samples = await self._sample()
        self._over = True
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        return self._count, samples

    async def _sample(self) -> list[tuple[float, int]]:
        began, samples, told = time.perf_counter(), [], 0.0
        while (at := time.perf_counter() - began) < self._extent.seconds:
            if (memory := self._server.memory) is not None:
                samples.append((at, memory))
            if at - told >= 30:
                told = at
                print(f"  {at:.0f} s: {(memory or 0) / 2**20:,.0f} MiB, {self._count}".split(", clips")[0], flush=True)
            await asyncio.sleep(0.5)
        return samples

    # --- viewers ---

    async def _play(self, index: int, world: str, actions: list[str]) -> None:
        """Act without end, one action waiting while another runs."""

        async def drive(socket: ClientConnection) -> None:
            sent = 0

            async def more() -> None:
                nonlocal sent
                sent += 1
                await act(socket, f"{time.time_ns():x}", actions[sent % len(actions)])

            await more()
            async for message in messages(socket):
                self._see(message)
                if isinstance(message, dict) and message["type"] == "action.applied":
                    await more()
                elif isinstance(message, dict) and message["type"] == "clip.end":
                    self._count.clips[index] = self._count.clips.get(index, 0) + 1

        await self._stay(world, drive)

    async def _read(self, _: int, world: str, actions: list[str]) -> None:
        async def drive(socket: ClientConnection) -> None:
            async for message in messages(socket):
                self._see(message)

        await self._stay(world, drive)

    async def _hardly_read(self, _: int, world: str, actions: list[str]) -> None:
        """Read a message every few seconds; when the server has had enough of it, come again."""
        while not self._over:
            with suppress(ConnectionClosed, PandoraError):
                async with watch(self._server.address, world, **_SMALL) as socket:
                    while True:
                        await asyncio.sleep(self._dice.uniform(1.0, 5.0))
                        await socket.recv()
            self._count.cut += 1

    async def _come_and_go(self, _: int, world: str, actions: list[str]) -> None:
        """Read for a moment, then leave: with a close, or by letting the connection fall."""
        while not self._over:
            until = time.perf_counter() + self._dice.uniform(0.2, 4.0)

            async def drive(socket: ClientConnection, until: float = until) -> None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(until - time.perf_counter()):
                        async for message in messages(socket):
                            self._see(message)
                if self._dice.random() < 0.5:
                    socket.transport.abort()

            await self._stay(world, drive)

    async def _stay(self, world: str, drive: Callable[[ClientConnection], Coroutine[Any, Any, None]]) -> None:
        """Watch until `drive` has enough; an end that the server makes is a viewer lost."""
        try:
            async with watch(self._server.address, world) as socket:
                await drive(socket)
        except (ConnectionClosed, PandoraError, OSError) as error:
            self._count.lost += not self._over
            print(f"  lost: {error!r}", flush=True)

    def _see(self, message: dict[str, Any] | FrameHeader) -> None:
        if isinstance(message, FrameHeader) and not message.flags & FrameFlags.STILL:
            self._count.frames += 1
