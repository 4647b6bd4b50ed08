"""API keys: made, checked, listed, revoked. A key is shown once, when it is made; the table keeps a hash of its secret.

A secret has 256 random bits, so a plain SHA-256 of it can't be guessed back and no slow hash is needed.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from pandora.errors import InvalidInput
from server.errors import UnknownKey
from server.store.database import Database
from server.store.tables import keys as table
from server.users.principal import Principal, Scope

TRUSTED_SECONDS = 20.0  # that a key which was good is taken for good without another look at the database
_TRUSTED_KEYS = 4096
_USED_EVERY = timedelta(minutes=1)  # how exact `used_at` is
_KEY = re.compile(r"pk_([0-9a-f]{12})_([0-9a-f]{64})")
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_NO_HASH = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Key:
    """What is known of a key; its secret is not."""

    id: str
    owner: str
    name: str
    scopes: frozenset[Scope]
    created_at: str
    revoked_at: str | None
    used_at: str | None


class Keys:
    """The table `keys`. `check` and `still_valid` are for the event loop; the others wait for the database."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic):
        self._database = database
        self._clock = clock
        # By the hash of the whole key, so that a wrong secret takes as long for an id that exists as for one that
        # doesn't.
        self._trusted: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    async def check(self, key: str) -> Principal | None:
        """Whose key it is; None if it is none, a wrong one or a revoked one. Raises StoreUnavailable."""
        parts = _KEY.fullmatch(key)
        if parts is None:
            return None
        digest = hashlib.sha256(key.encode()).digest()
        principal, until = self._trusted.get(digest, (None, 0.0))
        if principal is not None and self._clock() < until:
            return principal
        self._trusted.pop(digest, None)
        asked = self._clock()
        row = await self._database.read(lambda connection: _find(connection, parts[1]))
        is_right = hmac.compare_digest(_hash(parts[2]), row.hash if row else _NO_HASH)
        if row is None or not is_right or row.revoked_at is not None:
            return None
        principal = Principal(row.owner, _scopes(row.scopes), row.id)
        self._trusted[digest] = (principal, asked + TRUSTED_SECONDS)
        if len(self._trusted) > _TRUSTED_KEYS:
            self._trusted.popitem(last=False)
        self._note_use(row)
        return principal

    async def still_valid(self, key_id: str) -> bool:
        """Whether the key was not revoked, as the database has it now. Raises StoreUnavailable."""
        row = await self._database.read(lambda connection: _find(connection, key_id))
        return row is not None and row.revoked_at is None

    def create(self, owner: str, name: str = "", scopes: Iterable[Scope] = (Scope.READ, Scope.WRITE)) -> str:
        """A new key, the only time that it is seen. Raises InvalidInput for an owner who can't be."""
        if not _OWNER.fullmatch(owner):
            raise InvalidInput(
                f"{owner!r} can't be an owner: 1 to 64 letters, digits and . _ @ + -, the first a letter or a digit."
            )
        key_id, secret = secrets.token_hex(6), secrets.token_hex(32)
        row = {
            "id": key_id, "owner": owner, "name": name, "hash": _hash(secret), "scopes": sorted(set(scopes)),
            "created_at": _time(),
        }  # fmt: skip
        self._database.submit(lambda connection: connection.execute(insert(table), row) and None).result()
        return f"pk_{key_id}_{secret}"

    def all(self) -> list[Key]:
        """Every key, the oldest first."""
        query = select(table).order_by(table.c.created_at, table.c.id)
        return self._database.look(lambda connection: [_view(row) for row in connection.execute(query)])

    def any_valid(self) -> bool:
        """Whether anybody has a key that was not revoked."""
        query = select(table.c.id).where(table.c.revoked_at.is_(None)).limit(1)
        return self._database.look(lambda connection: connection.execute(query).first() is not None)

    def revoke(self, key_id: str) -> Key:
        """The key is good for nothing from now on; a second time changes nothing. Raises UnknownKey."""

        def write(connection: Connection) -> Key:
            still = update(table).where(table.c.id == key_id, table.c.revoked_at.is_(None))
            connection.execute(still.values(revoked_at=_time()))
            row = _find(connection, key_id)
            if row is None:
                raise UnknownKey(f"There is no key {key_id!r}. `pandora keys list` shows them by their id.")
            return _view(row)

        return self._database.submit(write).result()

    def _note_use(self, row: Row[Any]) -> None:
        """Set `used_at` unless that was done a moment ago; nobody waits for it."""
        before = _time(-_USED_EVERY)
        if row.used_at is None or row.used_at < before:
            is_due = or_(table.c.used_at.is_(None), table.c.used_at < before)
            change = update(table).where(table.c.id == row.id, is_due).values(used_at=_time())
            self._database.submit(lambda connection: connection.execute(change) and None)


def _find(connection: Connection, key_id: str) -> Row[Any] | None:
    return connection.execute(select(table).where(table.c.id == key_id)).first()


def _view(row: Row[Any]) -> Key:
    return Key(
        id=row.id, owner=row.owner, name=row.name, scopes=_scopes(row.scopes), created_at=row.created_at,
        revoked_at=row.revoked_at, used_at=row.used_at,
    )  # fmt: skip


def _scopes(names: list[str]) -> frozenset[Scope]:
    """Those that this version knows."""
    return frozenset(scope for scope in Scope if scope in names)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _time(offset: timedelta = timedelta()) -> str:
    """ISO 8601 in UTC, so that the order of the texts is the order of the times."""
    return (datetime.now(UTC) + offset).isoformat(timespec="milliseconds")
