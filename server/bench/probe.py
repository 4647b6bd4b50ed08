"""`pandora bench service --only probe`: does anything tell one user of what another has?

One user makes worlds and uploads. Others try every operation of the served document, and the stream, on them: each
call is made twice, with ids that are somebody else's and with ids that never were, and both answers must be the same.
So that a call which is malformed can't pass for a secret kept, the owner makes it too and must be served.
"""

import random
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pandora.errors import PandoraError
from server.bench.answers import Heard, Line, Received, listen, receive
from server.bench.document import Call, Operation, calls, read_operations
from server.bench.family import KEY, REFERENCES, Family
from server.bench.process import get
from server.bench.rows import Row, single
from server.bench.tiny import start_tiny
from server.settings import Settings
from server.store.database import Database
from server.users.keys import Keys
from server.users.principal import Scope

_SHOWN = 20
_UNLIMITED: dict[str, Any] = {
    "requests_per_second": 1_000_000, "worlds_per_minute": 1_000_000, "max_worlds": 1_000_000,
    "max_worlds_per_user": 1_000_000, "max_live": 1_000_000, "max_uploads": 10_000, "max_rollouts": 10_000,
    "max_rollouts_per_user": 10_000,
}  # fmt: skip


@dataclass(frozen=True)
class Stranger:
    """Somebody who has no business with the owner's worlds, and may look at worlds (of their own) or not."""

    name: str
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is tried."""

    rounds: int  # with new worlds each, in memory and out of it in turn
    share: float  # of the calls that differ from the first of their operation


WHOLE = Extent(rounds=10, share=1.0)
QUICK = Extent(rounds=1, share=0.3)


def measure(extent: Extent, seed: int = 0) -> list[Row]:
    """Tries that told something of what another user has.

    Raises PandoraError for an operation that can't be tried.
    """
    with TemporaryDirectory(prefix="pandora-bench-") as folder:
        data = Path(folder)
        with start_tiny(data, require_keys=1, suspend_seconds=1, **_UNLIMITED) as server:
            probe = Probe(server.address, make_keys(data), random.Random(seed), extent.share)
            with closing(probe):
                for number in range(extent.rounds):
                    probe.run(suspended=number % 2 == 1)
    for leak in probe.leaks[:_SHOWN]:
        print(f"  {leak}")
    return [single("probe.leaks", "leaks", len(probe.leaks), probe.tries)]


def make_keys(data: Path) -> dict[str, str]:
    """A key each of the owner, of another user, and of an operator, in the database of a running service."""
    database = Database(Settings(data=data).database_url)
    try:
        keys = Keys(database)
        return {
            "owner": keys.create(f"owner-{secrets.token_hex(4)}", scopes=tuple(Scope)),
            "user": keys.create(f"user-{secrets.token_hex(4)}"),
            "operator": keys.create(f"operator-{secrets.token_hex(4)}", scopes=tuple(Scope)),
        }
    finally:
        database.close()


class Probe:
    """`leaks` says what told something; `tries` counts what was tried."""

    def __init__(self, address: str, keys: Mapping[str, str], dice: random.Random, share: float = 1.0):
        self.leaks: list[str] = []
        self.tries = 0
        self._address = address
        self._dice = dice
        self._share = share
        self._line = Line(address)
        self._operations = read_operations(get(f"{address}/openapi.json"))
        self._owner = {"Authorization": f"Bearer {keys['owner']}"}
        known_id = keys["owner"].rpartition("_")[0]
        self._strangers = [
            Stranger("another user", {"Authorization": f"Bearer {keys['user']}"}),
            Stranger("an operator", {"Authorization": f"Bearer {keys['operator']}"}),
            Stranger("nobody", {}),
            Stranger("a wrong secret", {"Authorization": f"Bearer {known_id}_{'0' * 64}"}),
        ]

    def close(self) -> None:
        self._line.close()

    def run(self, *, suspended: bool = False) -> None:
        """Probe a family of new worlds, in memory or out of it."""
        before = {stranger.name: self._lists(stranger) for stranger in self._strangers}
        family = Family(self._line, self._owner, self._operations)
        whole = family.snapshot()
        if suspended:
            family.await_suspension()
        for stranger in self._strangers:
            if (after := self._lists(stranger)) != before[stranger.name]:
                told = [name for name in after if after[name] != before[stranger.name].get(name)]
                self.leaks.append(f"{', '.join(told)} told {stranger.name} that worlds were made")
            self.tries += len(after)
        for operation in self._operations:
            for stranger in self._strangers:
                self._try(operation, stranger, family)
        for stranger in self._strangers:
            self._try_stream(stranger, family)
        if family.snapshot() != whole:
            self.leaks.append("The owner's worlds are not as they were before others tried their hands on them")
        self._check_owner(family)

    def _check_owner(self, family: Family) -> None:
        """Each reference of every operation that was tried must serve the owner. Raises PandoraError."""
        tried = [operation for operation in self._operations if operation.names & REFERENCES.keys()]
        for operation in sorted(tried, key=lambda operation: operation.method == "DELETE"):
            made = calls(operation, family.values(family.references[0]))
            served = [f"{call.target} {call.body}" for call in made if self._send(call, self._owner).is_success]
            for name in _named(operation):
                if not any(family.references[0][name] in text for text in served):
                    raise PandoraError(f"No call of {operation} with a {name} serves its owner: others prove nothing.")

    # --- calls ---

    def _try(self, operation: Operation, stranger: Stranger, family: Family) -> None:
        """Every call of an operation, on what is the owner's and on what never was."""
        named = _named(operation)
        distinct = {tuple(one[name] for name in named): one for one in family.references}
        for one in distinct.values():
            never = family.never(one)
            theirs = never | one | ({KEY: family.keys[str(operation)]} if str(operation) in family.keys else {})
            pairs = zip(calls(operation, family.values(theirs)), calls(operation, family.values(never)), strict=True)
            for number, (foreign, unknown) in enumerate(pairs):
                if number and self._dice.random() >= self._share:
                    continue
                turn = 1 if self._dice.random() < 0.5 else -1
                tries = [(foreign, theirs), (unknown, never)][::turn]
                one, other = (receive(self._send(call, stranger.headers), sent) for call, sent in tries)
                self._compare(f"{stranger.name}: {foreign}", *((one, other) if turn > 0 else (other, one)), family)

    def _compare(self, what: str, foreign: Received, unknown: Received, family: Family) -> None:
        self.tries += 1
        if foreign.told() != unknown.told():
            self.leaks.append(f"{what} was answered {foreign}, and {unknown} where nothing ever was")
        if found := [secret for secret in family.secrets if foreign.tells(secret) or unknown.tells(secret)]:
            self.leaks.append(f"{what} was told {', '.join(found)}")

    def _send(self, call: Call, headers: Mapping[str, str]) -> Heard:
        return self._line.request(call.method, call.target, {**call.headers, **headers}, call.body)

    def _lists(self, stranger: Stranger) -> dict[str, Any]:
        """What the calls answer that take nothing; an operator may count all worlds."""
        found: dict[str, Any] = {}
        for operation in self._operations:
            if operation.method == "GET" and not operation.names:
                call = calls(operation, {})[0]
                heard = receive(self._send(call, stranger.headers), {})
                is_count = operation.path == "/metrics" and heard.status == 200
                found[str(operation)] = heard.status if is_count else heard.whole()
        return found

    # --- streams ---

    def _try_stream(self, stranger: Stranger, family: Family) -> None:
        """A socket of every channel of the stream's document, with a key and with tickets."""
        ways = self._tickets(stranger, family.scene)
        for theirs in family.references:
            never = family.never(theirs)
            for address in channels(self._address):
                for ticket in ways:
                    foreign, unknown = (
                        listen(address.replace("{world_id}", sent["world_id"]), stranger.headers, ticket(), sent)
                        for sent in (theirs, never)
                    )
                    self._compare(f"{stranger.name}: {address} of {theirs['world_id']}", foreign, unknown, family)

    def _tickets(self, stranger: Stranger, scene: str) -> list[Callable[[], str | None]]:
        """Ways to come by a ticket: none, a made-up one, and one for a world of one's own."""
        headers = stranger.headers
        ways: list[Callable[[], str | None]] = [lambda: None, lambda: secrets.token_urlsafe(24)]
        world = self._line.ask("POST", "/v1/worlds", headers, {"scene": scene})
        if world.is_success:
            path = f"/v1/worlds/{world.json()['id']}/tickets"
            ways.append(lambda: self._line.ask("POST", path, headers).json()["ticket"])
        return ways


def _named(operation: Operation) -> list[str]:
    """The kinds of references that it takes."""
    return sorted({REFERENCES[name] for name in operation.names & REFERENCES.keys()})


def channels(address: str) -> Iterator[str]:
    """The WebSocket addresses that the stream's document names. Raises PandoraError for one that can't be filled."""
    document = get(f"{address}/asyncapi.json")
    prefix = next(iter(document["servers"].values()))["pathname"]
    for channel in document["channels"].values():
        if set(channel["parameters"]) != {"world_id"}:
            raise PandoraError(f"The channel {channel['address']} takes what the bench has no value to try it with.")
        yield f"{address.replace('http', 'ws', 1)}{prefix}{channel['address']}"
