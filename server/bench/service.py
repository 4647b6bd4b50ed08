"""`pandora bench service`: what the service adds to the model, what its promises cost, and whether it keeps them."""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pandora.errors import PandoraError, UnknownName
from server.bench import fuzz, kill, probe, schema, soak
from server.bench.bare import start_bare
from server.bench.page import pixels
from server.bench.process import Server, ask, begin, get, start_server
from server.bench.rows import Row, bootstrap, median, report, settings
from server.bench.viewing import back_to_back, watch
from server.sessions.world import World
from server.settings import Settings
from server.store.blobs import Blobs
from server.store.database import Database
from server.store.store import Store

FORKS, HISTORY = 64, 32


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured."""

    rounds: int  # of one thing and the other in turn
    seconds: float  # of each turn
    forks: int  # calls that are timed
    families: int  # forks that are looked at for their memory, in calls
    pages: int  # clips on the page
    worlds: int  # stored, for the restart
    restarts: int
    kills: int
    soak: soak.Extent
    probe: probe.Extent
    fuzz: fuzz.Extent
    examples: int  # calls of each operation that follow its schema


WHOLE = Extent(
    rounds=6, seconds=8.0, forks=20, families=5, pages=60, worlds=1000, restarts=3, kills=500, soak=soak.WHOLE,
    probe=probe.WHOLE, fuzz=fuzz.WHOLE, examples=250,
)  # fmt: skip
QUICK = Extent(
    rounds=2, seconds=2.0, forks=5, families=2, pages=8, worlds=1000, restarts=1, kills=10, soak=soak.QUICK,
    probe=probe.QUICK, fuzz=fuzz.QUICK, examples=8,
)  # fmt: skip

Options = dict[str, str]


def measure(
    options: Options, *, only: list[str] | None = None, quick: bool = False, json_path: Path | None = None
) -> list[Row]:
    """Measure the groups named by `only` (all), print a table, and write `json_path` if given. Raises UnknownName."""
    extent = QUICK if quick else WHOLE
    for name in only or ():
        if name not in GROUPS:
            raise UnknownName("group", name, list(GROUPS))
    rows: list[Row] = []
    for name, group in GROUPS.items():
        if not only or name in only:
            print(f"{name} …", flush=True)
            rows += group(options, extent)
    report(rows, settings(options, None, quick=quick), json_path, part=bool(only))
    return rows


def share(options: Options, extent: Extent) -> list[Row]:
    """Frames a second through the socket of one world, by those of the bare model, in turns."""
    shares = []
    with start_server(options) as server, start_bare(options) as bare:
        asyncio.run(_frames_per_second(server, 1, 1.0))
        for _ in range(extent.rounds):
            served = asyncio.run(_frames_per_second(server, 1, extent.seconds))
            shares.append(served / bare.frames_per_second(extent.seconds))
    return [median("service.share_of_model", "ratio", shares)]


def eight(options: Options, extent: Extent) -> list[Row]:
    """Frames a second of eight worlds together, by those of one, in turns."""
    gains = []
    with start_server(options) as server:
        asyncio.run(_frames_per_second(server, 8, 1.0))
        for _ in range(extent.rounds):
            one = asyncio.run(_frames_per_second(server, 1, extent.seconds))
            gains.append(asyncio.run(_frames_per_second(server, 8, extent.seconds)) / one)
    return [median("service.eight_worlds", "ratio", gains)]


async def _frames_per_second(server: Server, worlds: int, seconds: float) -> float:
    """Of so many new worlds together, a socket each, until the first of them has had its time."""
    model = server.model

    async def drive(seed: int) -> list[float]:
        world, actions = begin(server.address, seed)
        async with watch(server.address, world) as socket:
            ready.append(seed)
            while len(ready) < worlds:
                await asyncio.sleep(0.001)
            return await back_to_back(socket, actions, seconds=seconds)

    ready: list[int] = []
    spans = await asyncio.gather(*(drive(seed) for seed in range(worlds)))
    return sum(len(span) / sum(span) for span in spans) * model["frames_per_action"]


def fork(options: Options, extent: Extent) -> list[Row]:
    """Milliseconds of 64 forks at once of a world with 32 steps, and the memory that they take.

    The memory is the growth of the server's resident set while 64 forks are made and each is opened by a GET, which
    brings its steps into memory, by 64 times what the service holds of states and clips of that one world
    (`pandora_cached_bytes`): what as many copies would take. One such call goes before, so that what is allocated once
    does not count.
    """
    spans, shares = [], []
    with start_server(options, max_worlds_per_user=1_000_000) as server:
        world, actions = begin(server.address)
        history = [actions[index % len(actions)] for index in range(HISTORY)]
        ask(f"{server.address}/v1/worlds/{world}/steps", actions=history)
        copies = FORKS * server.metric("pandora_cached_bytes")
        before = 0
        for index in range(extent.families + 1):
            for child in _fork(server, world)[1]:
                get(f"{server.address}/v1/worlds/{child}")
            memory = server.memory or 0
            shares += [max(0, memory - before) / copies] if index else []
            before = memory
        for _ in range(extent.forks):
            spans.append(_fork(server, world)[0])
    rows = [median("fork.64_ms", "ms", spans)]
    if before:
        mean = statistics.fmean(shares)
        rows.append(Row("fork.memory_share", mean, "ratio", min(shares), max(shares), len(shares)))
    return rows


def _fork(server: Server, world: str) -> tuple[float, list[str]]:
    """Milliseconds, and the forks."""
    began = time.perf_counter()
    made = ask(f"{server.address}/v1/worlds/{world}/forks", count=FORKS)
    return (time.perf_counter() - began) * 1000, [child["id"] for child in made["worlds"]]


def page(options: Options, extent: Extent) -> list[Row]:
    """From a clip's first frame, made, to its pixels on the page; nothing where there is no browser."""
    with start_server(options) as server:
        try:
            spans = pixels(server, extent.pages)
        except PandoraError as error:
            print(f"  left out: {error}", flush=True)
            return []
    return [
        bootstrap(
            f"page.chunk_to_pixels_p{part}_ms",
            "ms",
            np.array(spans),
            lambda s, part=part: float(np.percentile(s, part)),
        )
        for part in (50, 95)
    ]


def restart(options: Options, extent: Extent) -> list[Row]:
    """Seconds to become ready with worlds stored, less those with a store that has none."""
    more = []
    with TemporaryDirectory(prefix="pandora-bench-") as folder:
        full, empty = Path(folder) / "full", Path(folder) / "empty"
        _fill(full, extent.worlds)
        _fill(empty, 0)
        for _ in range(extent.restarts):
            with start_server(options, empty) as server:
                bare = server.seconds
            with start_server(options, full) as server:
                more.append(server.seconds - bare)
                if server.metric("pandora_worlds") != extent.worlds:
                    raise RuntimeError("The store does not hold the worlds that were put into it.")
    return [median("restart.seconds", "s", more)]


def _fill(data: Path, worlds: int) -> None:
    """Families of worlds with a history each, as rows: no start reads more than that."""
    settings = Settings(data=data)
    database = Database(settings.database_url)
    store = Store(database, Blobs(settings.blobs_url), max_worlds=worlds, max_steps=settings.max_steps)
    left = worlds
    while left:
        world = World(owner="local", name="bench", seed=left, scene=None)
        step, created = world.begin("bench")
        store.add([world], [created], step)
        for number in range(HISTORY // 2):
            store.commit(world, *world.commit("wait", f"e{number}", settings.sampling_steps, "bench", 8))
        for child in world.fork(min(FORKS, left - 1), HISTORY // 4, None, None):
            store.add([child], [child.log("created", step=child.head, world=world.id)])
            left -= 1
        left -= 1
    database.close()


def kills(_: Options, extent: Extent) -> list[Row]:
    """Committed steps lost over kills, by the tiny model, which has the same service around it."""
    return kill.measure(extent.kills)


def soaking(options: Options, extent: Extent) -> list[Row]:
    """Memory over time with many worlds and all sorts of viewers."""
    return soak.measure(options, extent.soak)


def probing(_: Options, extent: Extent) -> list[Row]:
    """What one user learns of what another has, by the tiny model."""
    return probe.measure(extent.probe)


def fuzzing(_: Options, extent: Extent) -> list[Row]:
    """What hurts the service or a loader of checkpoints, by the tiny model."""
    return fuzz.measure(extent.fuzz)


def described(_: Options, extent: Extent) -> list[Row]:
    """Answers that are not as the document says, by the tiny model; nothing where what makes the calls is missing."""
    try:
        return schema.measure(extent.examples)
    except PandoraError as error:
        print(f"  left out: {error}", flush=True)
        return []


GROUPS: dict[str, Callable[[Options, Extent], list[Row]]] = {
    "share": share, "eight": eight, "fork": fork, "page": page, "kill": kills, "restart": restart, "soak": soaking,
    "probe": probing, "fuzz": fuzzing, "schema": described,
}  # fmt: skip
