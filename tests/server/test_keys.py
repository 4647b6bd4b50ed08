"""Keys as rows and on the command line, and what is counted for each user."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from pandora.errors import InvalidConfig, InvalidInput, PandoraError
from server import run
from server.errors import TooManyRequests, UnknownKey
from server.settings import Settings
from server.store.database import Database
from server.store.migrations import upgrade
from server.store.tables import keys as table
from server.users.cli import keys as command
from server.users.keys import TRUSTED_SECONDS, Keys
from server.users.limits import Rate
from server.users.principal import Principal, Scope


class CountedDatabase(Database):
    """Counts reads and writes."""

    reads = writes = 0

    def look(self, read: Any) -> Any:
        self.reads += 1
        return super().look(read)

    def submit(self, write: Any) -> Any:
        self.writes += 1
        return super().submit(write)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pandora.db"


@pytest.fixture
def database(file: Path) -> Iterator[CountedDatabase]:
    database = CountedDatabase(f"sqlite:///{file}")
    upgrade(database.engine)
    yield database
    database.close()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


# --- keys ---


async def test_a_key_is_its_owner_until_it_is_revoked(database: CountedDatabase) -> None:
    clock = Clock()
    keys = Keys(database, clock)
    key = keys.create("ann@example.com", "laptop", [Scope.READ])
    other = keys.create("bob")
    found = await keys.check(key)
    assert found is not None
    assert found == Principal("ann@example.com", frozenset({Scope.READ}), key.split("_")[1])
    assert [(one.owner, one.name, one.revoked_at) for one in keys.all()] == [
        ("ann@example.com", "laptop", None),
        ("bob", "", None),
    ]
    assert found.key_id is not None
    revoked = keys.revoke(found.key_id)
    assert revoked.revoked_at is not None
    assert keys.revoke(found.key_id) == revoked, "the first time counts"
    assert not await keys.still_valid(found.key_id)
    assert not await keys.still_valid("nothing")
    clock.now += TRUSTED_SECONDS
    assert TRUSTED_SECONDS <= 30
    assert await keys.check(key) is None
    assert (await keys.check(other)) == Principal("bob", frozenset({Scope.READ, Scope.WRITE}), other.split("_")[1])
    assert keys.any_valid()
    keys.revoke(other.split("_")[1])
    assert not keys.any_valid()
    with pytest.raises(UnknownKey, match="keys list"):
        keys.revoke("nothing")


async def test_a_secret_is_kept_nowhere(database: CountedDatabase, file: Path) -> None:
    keys = Keys(database)
    key = keys.create("ann")
    assert await keys.check(key)
    secret = key.split("_")[2]
    assert len(secret) == 64
    kept = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert key.split("_")[1].encode() in kept
    assert secret.encode() not in kept
    assert secret not in repr(vars(keys))


async def test_only_the_right_key_spares_the_database(database: CountedDatabase) -> None:
    clock = Clock()
    keys = Keys(database, clock)
    key = keys.create("ann")

    async def reads(key: str) -> int:
        before = database.reads
        await keys.check(key)
        return database.reads - before

    assert await reads(key) == 1
    clock.now += TRUSTED_SECONDS - 0.1
    assert await reads(key) == 0
    head, _, secret = key.rpartition("_")
    wrong_secret = f"{head}_{'0' if secret[0] != '0' else '1'}{secret[1:]}"
    no_such_id = f"pk_{'0' * 12}_{secret}"
    for _ in range(2):  # both take as long, whether or not the id is in use just now
        assert (await reads(wrong_secret), await reads(no_such_id)) == (1, 1)
    assert await keys.check(wrong_secret) is None
    assert await keys.check(no_such_id) is None
    clock.now += 0.1
    assert await reads(key) == 1


async def test_the_last_use_is_noted_once_a_minute(database: CountedDatabase) -> None:
    clock = Clock()
    keys = Keys(database, clock)
    key = keys.create("ann")

    async def use(seconds_ago: float | None) -> str | None:
        """`used_at` after a use, where it was so long ago that it was noted."""
        if seconds_ago is not None:
            at = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat(timespec="milliseconds")
            await database.write(lambda connection: connection.execute(update(table).values(used_at=at)) and None)
        clock.now += TRUSTED_SECONDS
        before = database.writes
        assert await keys.check(key)
        noted = database.writes - before
        await database.write(lambda connection: None)  # writes keep their order: it is done now
        assert noted == (keys.all()[0].used_at != (at if seconds_ago is not None else None))
        return keys.all()[0].used_at

    now = datetime.now(UTC).isoformat(timespec="seconds")[:16]
    first = await use(None)
    assert first is not None
    assert first[:16] >= now
    recent = await use(50)
    assert recent is not None
    assert recent < first
    again = await use(70)
    assert again is not None
    assert again >= first


@pytest.mark.parametrize("owner", ["", " ", "a b", "-a", "a" * 65, "a/b", "a\nb", "ä"])
def test_owners_who_cannot_be(database: CountedDatabase, owner: str) -> None:
    with pytest.raises(InvalidInput, match="owner"):
        Keys(database).create(owner)


# --- rates ---


def test_a_rate_has_a_burst_and_then_a_pace() -> None:
    clock = Clock()
    rate = Rate(0.5, 3, TooManyRequests, clock)
    for _ in range(3):
        rate.spend("ann")
    with pytest.raises(TooManyRequests, match="30 requests a minute") as refused:
        rate.spend("ann")
    assert refused.value.retry_after == 2
    rate.spend("bob")
    clock.now += 2
    rate.spend("ann")
    with pytest.raises(TooManyRequests) as refused:
        rate.spend("ann", 3)
    assert refused.value.retry_after == 6
    clock.now += 6
    rate.spend("ann", 30)  # more than ever fit, so all that fit


def test_users_who_went_are_forgotten() -> None:
    clock = Clock()
    rate = Rate(8, 16, TooManyRequests, clock)
    for user in range(1000):
        rate.spend(f"user-{user}")
    for _ in range(16):
        rate.spend("busy")
    assert len(rate) == 1001
    clock.now += 1.5
    rate.spend("busy", 12)
    clock.now += 0.5
    rate.spend("late")
    assert len(rate) == 2
    with pytest.raises(TooManyRequests):
        rate.spend("busy", 5)


# --- who may be asked from other machines ---


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_other_machines_need_keys_or_an_explicit_word(host: str) -> None:
    with pytest.raises(InvalidConfig, match=r"--require-keys.*--allow-remote.*everything"):
        Settings(host=host)
    assert not Settings(host=host, require_keys=True).is_local
    assert not Settings(host=host, allow_remote=True).is_local
    assert Settings.from_environment({"PANDORA_HOST": host, "PANDORA_REQUIRE_KEYS": "1"}).require_keys


def test_required_keys_must_exist(weights: Path, tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(weights=weights, data=tmp_path, host="0.0.0.0", port=port, require_keys=True)
        with pytest.raises(InvalidConfig, match="pandora keys create"):
            run.run(settings)
        made = invoke("create", "--owner", "ann", database=settings.database_url)
        key_id = made.stdout.split("_")[1]
        with pytest.raises(PandoraError, match="taken"):  # it went on to listen
            run.run(settings)
        invoke("revoke", key_id, database=settings.database_url)
        with pytest.raises(InvalidConfig, match="pandora keys create"):
            run.run(settings)
        with pytest.raises(PandoraError, match="taken"):
            run.run(settings.but(host="127.0.0.1"))
        with pytest.raises(PandoraError, match="taken"):
            run.run(settings.but(allow_remote=True))


# --- the command line ---


def invoke(*arguments: str, database: str | None = None, **environment: str) -> Result:
    flags = ["--database", database] if database else []
    return CliRunner().invoke(command, [*arguments, *flags], env=environment)


def test_keys_are_made_listed_and_revoked_while_the_service_runs(open_client, kept: Path) -> None:
    with open_client(require_keys=True) as client:
        url = f"sqlite:///{kept / 'pandora.db'}"
        made = invoke("create", "--owner", "ann", "--name", "laptop", "--scope", "world:read", database=url)
        assert made.exit_code == 0, made.output
        key = made.stdout.strip()
        assert "not shown again" in made.stderr
        headers = {"authorization": f"Bearer {key}"}
        assert client.get("/v1/worlds", headers=headers).status_code == 200
        assert client.post("/v1/worlds", json={"scene": "tower"}, headers=headers).status_code == 403
        listed = invoke("list", PANDORA_DATA=str(kept)).output
        assert [word in listed for word in (key.split("_")[1], "ann", "laptop", "world:read")] == [True] * 4
        assert key.split("_")[2] not in listed
        fresh = invoke("create", "--owner", "bob", PANDORA_DATABASE=url).stdout.strip()
        revoked = invoke("revoke", fresh.split("_")[1], database=url)
        assert (revoked.exit_code, "revoked" in invoke("list", database=url).output) == (0, True)
        assert client.get("/v1/worlds", headers={"authorization": f"Bearer {fresh}"}).status_code == 401


def test_commands_that_cannot_be(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'pandora.db'}"
    assert "no keys" in invoke("list", database=url).output
    assert isinstance(invoke("create", "--owner", "a b", database=url).exception, InvalidInput)
    assert isinstance(invoke("revoke", "nothing", database=url).exception, UnknownKey)
    assert invoke("create", "--owner", "ann", "--scope", "everything", database=url).exit_code == 2
    assert isinstance(invoke("list", database="nonsense").exception, InvalidConfig)
    assert "no keys" in invoke("list", database=url).output
