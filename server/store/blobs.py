"""Blobs by the sha256 of their content, on any file system that fsspec reaches. Called on threads that may wait."""

import hashlib
import logging
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pandora.errors import InvalidConfig
from server.errors import StoreUnavailable

log = logging.getLogger(__name__)


class Blobs:
    """Written beside their place and then renamed, so that a name never stands for half a blob.

    `on_error` hears "blob" where one can't be written or read.
    """

    def __init__(self, url: str, on_error: Callable[[str], None] = lambda operation: None):
        self._on_error = on_error
        self._held: Counter[str] = Counter()
        self._removing = threading.Lock()
        try:
            self._files, self._root = fsspec.core.url_to_fs(url, skip_instance_cache=True)
            self._files.makedirs(self._root, exist_ok=True)
        except (ValueError, ImportError, OSError) as error:
            raise InvalidConfig(
                f"Blobs can't be kept at {url!r} ({error}). Valid: a folder, or a URL of an installed fsspec file "
                "system, such as s3://bucket/path with s3fs."
            ) from error

    def put(self, data: bytes, hold: bool = False) -> str:
        """Store `data` and return its sha256; what is there and damaged is written anew. Raises StoreUnavailable.

        With `hold` it is what nothing can make again, and will be named by a row that is not written yet: it stays
        through a power cut, and `remove` keeps off until `release`.
        """
        name = hashlib.sha256(data).hexdigest()
        path = self._path(name)
        if hold:
            with self._removing:
                self._held[name] += 1
        try:
            if not self._holds(path, data):
                folder = path.rsplit("/", 1)[0]
                self._files.makedirs(folder, exist_ok=True)
                part = f"{path}.{secrets.token_hex(4)}.part"
                self._files.pipe_file(part, data)
                self._files.mv(part, path)
                if hold and isinstance(self._files, LocalFileSystem):
                    for place in (path, folder, self._root):
                        _to_disk(place)
        except OSError as error:
            log.error("A blob could not be written: %s", error)
            self._on_error("blob")
            raise StoreUnavailable from error
        return name

    def get(self, name: str) -> bytes | None:
        """The blob; None where it is missing or is not what it was. Raises StoreUnavailable."""
        try:
            data: bytes = self._files.cat_file(self._path(name))
        except FileNotFoundError:
            log.warning("Blob %s is missing", name)
            return None
        except OSError as error:
            log.error("A blob could not be read: %s", error)
            self._on_error("blob")
            raise StoreUnavailable from error
        if hashlib.sha256(data).hexdigest() != name:
            log.error("Blob %s is damaged and will not be used", name)
            return None
        return data

    def release(self, name: str) -> None:
        """Whether a row names it is known now."""
        with self._removing:
            self._held -= Counter([name])

    def remove(self, name: str, is_named: Callable[[], bool] = lambda: False) -> None:
        """Forget a blob, if it is there, nobody holds it and no row names it."""
        with self._removing:
            try:
                if not (self._held[name] or is_named()):
                    self._files.rm_file(self._path(name))
            except (OSError, StoreUnavailable):  # gone, or out of reach: a blob too many harms nobody
                log.warning("Blob %s could not be removed", name)

    def check(self) -> None:
        """Write and remove a few bytes. Raises StoreUnavailable."""
        path = f"{self._root}/check.{secrets.token_hex(4)}"
        try:
            self._files.pipe_file(path, b"pandora")
            self._files.rm_file(path)
        except OSError as error:
            self._on_error("blob")
            raise StoreUnavailable from error

    def _holds(self, path: str, data: bytes) -> bool:
        try:
            return self._files.cat_file(path) == data
        except FileNotFoundError:
            return False

    def _path(self, name: str) -> str:
        return f"{self._root}/{name[:2]}/{name}"


def _to_disk(path: str) -> None:
    """Have the system write a file, or the names in a folder, before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
