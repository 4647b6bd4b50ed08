"""`pandora bench service --only kill`: is what clients were told still there, however often the service is killed?"""

import asyncio
import random
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from server.bench.ledger import Ledger
from server.bench.lives import Life, Lives, start_lives
from server.bench.play import GONE, Clients
from server.bench.rows import Row, single

_DRIVEN = 4  # worlds that act at the same time
_AIMS = ("any", "any", "start", "act", "act", "steps", "interrupt", "rewind", "create", "fork", "delete")
_SHOWN = 20  # complaints


def measure(kills: int, seed: int | None = None) -> list[Row]:
    """Kill a service so many times, at random instants and at such that lie within a thing that it does."""
    ledger = Ledger()
    began = time.perf_counter()
    with TemporaryDirectory(prefix="pandora-bench-") as folder, start_lives(Path(folder)) as lives:
        asyncio.run(_Killer(lives, ledger, random.Random(seed)).run(kills))
    for complaint in ledger.complaints[:_SHOWN]:
        print(f"  {complaint}")
    return [
        single("kill.lost_steps", "steps", ledger.lost, kills),
        single("kill.broken_promises", "", len(ledger.complaints), kills),
        single("kill.answered_steps", "steps", ledger.committed, kills),
        single("kill.seconds_each", "s", round((time.perf_counter() - began) / kills, 3), kills),
    ]


class _Killer:
    def __init__(self, lives: Lives, ledger: Ledger, dice: random.Random):
        self._lives = lives
        self._ledger = ledger
        self._dice = dice
        self._spans: dict[str, float] = {}

    async def run(self, kills: int) -> None:
        """Live and kill; the last life is only looked at."""
        for kill in range(1, kills + 1):
            aim = self._dice.choice(_AIMS)
            async with self._lives.begin() as life:
                await (self._kill_at_start(life) if aim == "start" and kill > 1 else self._play(life, aim))
            if kill % 25 == 0 or kill == kills:
                print(f"  kill {kill} of {kills}: {self._ledger}", flush=True)
        async with self._lives.begin() as life:
            clients = Clients(await life.address, self._ledger, self._dice, self._spans)
            await clients.look()
            await clients.close()

    async def _kill_at_start(self, life: Life) -> None:
        """While what the last life left behind is picked up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._dice.uniform(0.0, self._spans.get("start", 0.5))):
                await asyncio.shield(life.address)
        life.kill()

    async def _play(self, life: Life, aim: str) -> None:
        began = time.perf_counter()
        clients = Clients(await life.address, self._ledger, self._dice, self._spans)
        self._spans["start"] = time.perf_counter() - began
        await clients.look()
        while len(self._ledger.entries) < _DRIVEN:
            await clients.create()
        short = sorted(self._ledger.entries.values(), key=lambda entry: len(entry.state.steps))[: 2 * _DRIVEN]
        driven = self._dice.sample(short, _DRIVEN)
        async with asyncio.TaskGroup() as group:
            for entry in driven:
                group.create_task(clients.drive(entry))
            group.create_task(clients.roam(driven))
            await self._wait(clients, aim)
            clients.dying = True
            life.kill()
        with suppress(*GONE):
            await clients.close()

    async def _wait(self, clients: Clients, aim: str) -> None:
        """Until the instant to kill."""
        await asyncio.sleep(self._dice.uniform(0.0, max(0.4, 4 * self._spans.get("act", 0.0))))
        span = 0.0
        if aim not in ("any", "start"):
            begun = clients.begun[aim] = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await begun.wait()
            span = self._spans.get(aim, 0.05)
        await asyncio.sleep(self._dice.uniform(0.0, 1.2 * span))
