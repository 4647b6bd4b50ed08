"""The database: SQLite in WAL mode beside the blobs by default, PostgreSQL by a URL. One thread writes, in groups.

A write is a function of a connection. Those that wait are run together in one transaction, each in a savepoint of its
own, and are durable when their future is done: with SQLite's `synchronous=FULL`, also through a power cut.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from pandora.errors import InvalidConfig
from server.errors import StoreUnavailable

log = logging.getLogger(__name__)

Result = TypeVar("Result")
_GROUP = 64  # writes in one transaction


class Database:
    """Reads on a few threads, writes on one; `on_error` hears "read" or "write" where one is refused.

    Raises InvalidConfig for a URL that can't work.
    """

    def __init__(self, url: str, on_error: Callable[[str], None] = lambda operation: None):
        self.engine = _open(url)
        self._on_error = on_error
        self._queue: SimpleQueue[tuple[Callable[[Connection], Any], Future[Any]] | None] = SimpleQueue()
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="reader")
        self._writer = threading.Thread(target=self._work, name="writer", daemon=True)
        self._writer.start()

    def submit(self, write: Callable[[Connection], Result]) -> "Future[Result]":
        """Run `write` after those handed in before; the future is done once it is durable.

        It fails with StoreUnavailable where the database refuses, and with what `write` itself raises.
        """
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()  # it is done whether or not somebody still waits for it
        self._queue.put((write, future))
        return future

    async def write(self, write: Callable[[Connection], Result]) -> Result:
        """As `submit`, awaited."""
        return await asyncio.wrap_future(self.submit(write))

    async def read(self, read: Callable[[Connection], Result]) -> Result:
        """Run `read` in a transaction that changes nothing. Raises StoreUnavailable."""
        return await asyncio.wrap_future(self._readers.submit(self.look, read))

    def look(self, read: Callable[[Connection], Result]) -> Result:
        """As `read`, on this thread."""
        try:
            with self.engine.connect() as connection:
                return read(connection)
        except SQLAlchemyError as error:
            log.error("The database refused a read: %s", error)
            self._on_error("read")
            raise StoreUnavailable from error

    def later(self, work: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Do something that waits on one of the threads that read."""
        return self._readers.submit(work, *arguments)

    def close(self) -> None:
        """Finish what waits, then let go of every connection."""
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            while len(group) < _GROUP and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    self._queue.put(None)
                    break
                group.append(following)
            self._run(group)

    def _run(self, group: list[tuple[Callable[[Connection], Any], "Future[Any]"]]) -> None:
        outcomes: list[tuple[Future[Any], Any, Exception | None]] = []
        try:
            with self.engine.begin() as connection:
                for write, future in group:
                    try:
                        with connection.begin_nested():
                            outcomes.append((future, write(connection), None))
                    except Exception as error:
                        outcomes.append((future, None, error))
        except Exception as error:  # the whole group is undone
            log.error("The database refused to commit: %s", error)
            outcomes = [(future, None, error) for _, future in group]
        for future, result, error in outcomes:
            if error is None:
                future.set_result(result)
            elif isinstance(error, SQLAlchemyError):
                log.error("The database refused a write: %s", error)
                self._on_error("write")
                refused = StoreUnavailable()
                refused.__cause__ = error
                future.set_exception(refused)
            else:
                future.set_exception(error)


def _open(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(parsed, connect_args={"timeout": 5.0, "check_same_thread": False})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        return create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, OSError) as error:
        raise InvalidConfig(
            f"The database URL can't be used ({error}). Valid: sqlite:////path/to/file.db, or "
            "postgresql+psycopg://user:password@host/name with the extra `postgres` installed."
        ) from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin as `_begin_sqlite` says, not as the driver likes
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    """Writers take the lock at once: a reader that turns writer would fail where it ought to wait."""
    writes = threading.current_thread().name == "writer"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
