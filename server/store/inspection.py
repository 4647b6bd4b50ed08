"""A look at where the worlds are kept, for `pandora doctor`. It makes nothing and changes nothing."""

import os
import shutil
from pathlib import Path

from sqlalchemy import Engine, create_engine, func, make_url, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from pandora.errors import InvalidConfig, PandoraError
from server.settings import Settings
from server.store import tables as t


def inspect(settings: Settings | None = None) -> str:
    """What `pandora serve` would find here. Raises PandoraError for what it could not use."""
    settings = settings or Settings.where()
    folder = settings.data.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise PandoraError(f"{there} can't be written. Mend its permissions, or set PANDORA_DATA to another folder.")
    free = f"{shutil.disk_usage(there).free / 2**30:.1f} GiB free"
    place = f"{folder}: writable, {free}" if there == folder else f"{folder}: not there yet, {free} for it"
    return f"{place}; {_count(settings.database_url)}"


def _count(url: str) -> str:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            engine = create_engine(parsed)
        elif parsed.database is None or not Path(parsed.database).exists():
            return "no database yet, the first start makes it"
        else:
            # Read-only SQLite would still leave its two files of the WAL behind where nobody has the database open.
            alone = "" if Path(f"{parsed.database}-wal").exists() else "&immutable=1"
            engine = create_engine(f"sqlite:///file:{parsed.database}?mode=ro{alone}&uri=true")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise InvalidConfig(f"The database URL can't be used ({error}). See PANDORA_DATABASE.") from error
    try:
        return f"{_worlds(engine)} in {parsed!r}"
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise PandoraError(f"The database {parsed!r} can't be read: {reason}") from error
    finally:
        engine.dispose()


def _worlds(engine: Engine) -> str:
    with engine.connect() as connection:
        if not engine.dialect.has_table(connection, t.worlds.name):
            return "no tables yet"
        alive = select(func.count()).where(t.worlds.c.deleted_at.is_(None))
        return f"{connection.scalar(alive)} worlds"
