"""`pandora bench service --only fuzz`: does anything that is sent to the service hurt it?

A crash is: a 5xx that does not say "try later", a connection that ends without an answer, a socket that falls silent or
closes as failed, the end of the process, and whatever is wrong afterwards: a service that is not well, a world that
nobody touched and that can't take one more step, memory that stays taken. And a checkpoint that makes its loader do
anything but read it or refuse it.
"""

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError

from server.bench.document import read_operations
from server.bench.loaders import load_damaged
from server.bench.process import Server, ask, get
from server.bench.raw import PATIENCE, Reply, Shot, exchange, request
from server.bench.rows import Row, single
from server.bench.shots import Shots
from server.bench.sockets import Sockets
from server.bench.tiny import furnish, picture, start_tiny

MOST_GROWTH = 256 * 2**20  # bytes that the process may keep when all is over; its caches are small here
MOST_PEAK = 2**30  # bytes that it may ever take beside what it had: a picture at the limit takes a fifth of that
_SETTINGS: dict[str, Any] = {
    "max_state_bytes": 32 * 2**20, "max_clip_bytes": 4 * 2**20, "suspend_seconds": 1, "max_worlds": 1_000_000,
    "max_worlds_per_user": 1_000_000, "max_rollout_steps": 32, "max_rollouts": 10_000, "max_rollouts_per_user": 10_000,
}  # fmt: skip
_DELIBERATE = (503, 507)  # try later
_FAILED_STORE = b'"store_unavailable"'  # also a 503, and nothing is done to the store here
_SOCKETS = 0.2  # of the inputs
_WORLD_LASTS = 25  # inputs
_REQUESTS, _FAILED = "pandora_http_requests_total", re.compile(r'status="(500|1011)"')
_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is sent."""

    inputs: int  # beside the bombs
    bombs: float  # the share of them
    loads: int  # damaged checkpoints


WHOLE = Extent(inputs=6000, bombs=1.0, loads=1500)
QUICK = Extent(inputs=200, bombs=0.15, loads=25)


def measure(extent: Extent, seed: int = 1) -> list[Row]:
    """What crashed over all that was sent."""
    with ExitStack() as stack:
        with _silence():
            server = stack.enter_context(start_tiny(**_SETTINGS))
        fuzz = Fuzz(server.address, seed, server)
        fuzz.run(extent)
    found, loaded = load_damaged(seed, extent.loads)
    crashes = [*fuzz.crashes, *(f"a checkpoint, {what}" for what in found)]
    for crash, times in list(Counter(crashes).items())[:_SHOWN]:
        print(f"  {crash}" + (f" ({times} times)" if times > 1 else ""))
    return [single("fuzz.crashes", "crashes", len(crashes), fuzz.sent + loaded)]


def _is_failure(reply: Reply) -> bool:
    return reply.status >= 500 and (reply.status not in _DELIBERATE or _FAILED_STORE in reply.body)


@contextmanager
def _silence() -> Iterator[None]:
    """Processes that start here have no stderr: the log would tell of everything that is refused."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


class Fuzz:
    """`crashes` says what was sent and what came of it; `sent` counts. A `server` is a process that is looked after."""

    def __init__(self, address: str, seed: int, server: Server | None = None):
        self.crashes: list[str] = []
        self.sent = 0
        self._address = address
        self._server = server
        self._heard = 0  # answers that told of a failure
        self._dice = random.Random(seed)
        self._shots = Shots(read_operations(get(f"{address}/openapi.json")), self._dice)
        self._sockets = Sockets(address, self._dice)

    def run(self, extent: Extent) -> None:
        """Send it all, then look whether everything is as before."""
        control = furnish(self._address)["world_id"]
        self._warm()
        memory = self._memory()
        bombs = list(self._shots.bombs())
        for shot in bombs[: round(extent.bombs * len(bombs))]:
            self.fire(shot)
        things = self._begin()
        for number in range(extent.inputs):
            if not self._is_alive():
                break
            if number % _WORLD_LASTS == _WORLD_LASTS - 1:
                things = self._begin() or things
            if self._dice.random() < _SOCKETS:
                self._attack(things.get("world_id", ""))
            else:
                self.fire(self._shots.next(things))
        self.look(control, memory)

    def fire(self, shot: Shot) -> None:
        """Send a request, and note down what is wrong with its answer."""
        self.sent += 1
        try:
            reply = exchange(self._address, shot)
        except OSError as error:
            self.crashes.append(f"{shot}: {error!r}")
            return
        if reply is None and not shot.cut:
            self.crashes.append(f"{shot}: no answer came")
        elif reply is not None and _is_failure(reply):
            self._heard += 1
            self.crashes.append(f"{shot}: {reply.status} {reply.body[:200]!r}")

    def _attack(self, world: str) -> None:
        sent, complaint = self._sockets.attack(world)
        self.sent += len(sent)
        if complaint is not None:
            self._heard += 1
            self.crashes.append(f"{complaint} after {'; '.join(sent)}")

    # --- afterwards ---

    def look(self, control: str, memory: tuple[int, int]) -> None:
        """Is the service well, does the world that nobody touched go on, and is the memory free again?"""
        if not self._is_alive():
            self.crashes.append("The process ended")
            return
        for path in ("/healthz", "/readyz"):
            reply = exchange(self._address, Shot(path, request("GET", path)))
            if reply is None or reply.status != 200:
                self.crashes.append(f"{path} says afterwards: {reply}")
        if (counted := self._failures()) > self._heard:
            self.crashes.append(f"The service counts {counted} failures, and {self._heard} were heard of")
        if (complaint := self._complaint(lambda: self._step(control))) is not None:
            self.crashes.append(f"The world that nobody touched can't go on: {complaint}")
        time.sleep(2.5)  # worlds that nobody uses leave the memory
        for kept, before, most, what in zip(
            self._memory(), memory, (MOST_GROWTH, MOST_PEAK), ("keeps", "took"), strict=True
        ):
            if kept - before > most:
                self.crashes.append(f"The process {what} {(kept - before) / 2**20:,.0f} MiB more than before")

    def _complaint(self, do: Callable[[], str | None]) -> str | None:
        """What is wrong once it was asked for a while."""
        until = time.monotonic() + PATIENCE
        while (wrong := do()) is not None and time.monotonic() < until:
            time.sleep(1.0)
        return wrong

    def _step(self, world: str) -> str | None:
        try:
            view = ask(f"{self._address}/v1/worlds/{world}/steps", actions=["wait"])["world"]
        except (URLError, OSError, ValueError) as error:
            return repr(error)
        return None if view["head"] >= 2 else f"its head is {view['head']}"

    def _failures(self) -> int:
        """What the service itself counts as such: answers of 500, and sockets that it closed because it failed."""
        reply = exchange(self._address, Shot("/metrics", request("GET", "/metrics")))
        lines = reply.body.decode().splitlines() if reply else []
        counts = [line.split()[-1] for line in lines if line.startswith(_REQUESTS) and _FAILED.search(line)]
        return sum(round(float(count)) for count in counts)

    # --- what is needed ---

    def _begin(self) -> dict[str, str]:
        """New things; none where the service does not answer any more."""
        try:
            return furnish(self._address)
        except (URLError, OSError) as error:
            self.crashes.append(f"Nothing can begin any more: {error!r}")
            return {}

    def _warm(self) -> None:
        """Have what is loaded once be loaded."""
        exchange(self._address, Shot("a picture", request("POST", "/v1/uploads", body=picture(4, 1000)), "POST"))

    def _memory(self) -> tuple[int, int]:
        """What the process has, and the most that it had."""
        return (self._server.memory or 0, self._server.peak_memory or 0) if self._server else (0, 0)

    def _is_alive(self) -> bool:
        return self._server is None or self._server.process.poll() is None
