"""What was answered to requests that carried an Idempotency-Key, kept for a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from server.sessions.world import now
from server.store.database import Database
from server.store.tables import answers

_KEPT = timedelta(days=1)
_BEGUN = 0  # the status of a request whose end nobody knows


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`status` is None where the service ended while it worked on the request."""

    fingerprint: str
    status: int | None
    headers: Mapping[str, str]
    body: str


class Answers:
    """By owner and key; a key is taken before the work begins, so that no work is done twice."""

    def __init__(self, database: Database):
        self._database = database

    async def begin(self, owner: str, key: str, fingerprint: str) -> Answer | None:
        """Take the key; what was answered if somebody took it before. Raises StoreUnavailable."""

        def write(connection: Connection) -> Answer | None:
            oldest = (datetime.now(UTC) - _KEPT).isoformat(timespec="milliseconds")
            connection.execute(delete(answers).where(answers.c.created_at < oldest))
            mine = select(answers).where(answers.c.owner == owner, answers.c.key == key)
            row = connection.execute(mine).one_or_none()
            if row is not None:
                status = None if row.status == _BEGUN else row.status
                return Answer(fingerprint=row.fingerprint, status=status, headers=row.headers, body=row.body)
            values = {"owner": owner, "key": key, "fingerprint": fingerprint, "status": _BEGUN, "headers": {}}
            connection.execute(insert(answers).values(**values, body="", created_at=now()))
            return None

        return await self._database.write(write)

    async def end(self, owner: str, key: str, status: int, headers: Mapping[str, str], body: str) -> None:
        """Keep the answer."""
        values: dict[str, Any] = {"status": status, "headers": dict(headers), "body": body}
        mine = update(answers).where(answers.c.owner == owner, answers.c.key == key)
        await self._database.write(lambda connection: connection.execute(mine.values(**values)) and None)

    async def drop(self, owner: str, key: str) -> None:
        """Give the key back: nothing was done."""
        mine = delete(answers).where(answers.c.owner == owner, answers.c.key == key)
        await self._database.write(lambda connection: connection.execute(mine) and None)
