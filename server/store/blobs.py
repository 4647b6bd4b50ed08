"""Blobs by the sha256 of their content, on any file system that fsspec reaches. Called on threads that may wait."""

import hashlib
import logging
import secrets

import fsspec

from pandora.errors import InvalidConfig
from server.errors import StoreUnavailable

log = logging.getLogger(__name__)


class Blobs:
    """Written beside their place and then renamed, so that a name never stands for half a blob."""

    def __init__(self, url: str):
        try:
            self._files, self._root = fsspec.core.url_to_fs(url, skip_instance_cache=True)
            self._files.makedirs(self._root, exist_ok=True)
        except (ValueError, ImportError, OSError) as error:
            raise InvalidConfig(
                f"Blobs can't be kept at {url!r} ({error}). Valid: a folder, or a URL of an installed fsspec file "
                "system, such as s3://bucket/path with s3fs."
            ) from error

    def put(self, data: bytes) -> str:
        """Store `data` and return its sha256. Raises StoreUnavailable."""
        name = hashlib.sha256(data).hexdigest()
        path = self._path(name)
        try:
            if not self._files.exists(path):
                self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
                part = f"{path}.{secrets.token_hex(4)}.part"
                self._files.pipe_file(part, data)
                self._files.mv(part, path)
        except OSError as error:
            log.error("A blob could not be written: %s", error)
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
            raise StoreUnavailable from error
        if hashlib.sha256(data).hexdigest() != name:
            log.error("Blob %s is damaged and will not be used", name)
            return None
        return data

    def remove(self, name: str) -> None:
        """Forget a blob, if it is there."""
        try:
            self._files.rm_file(self._path(name))
        except OSError:  # already gone, or out of reach: a blob too many harms nobody
            log.warning("Blob %s could not be removed", name)

    def check(self) -> None:
        """Write and remove a few bytes. Raises StoreUnavailable."""
        path = f"{self._root}/check.{secrets.token_hex(4)}"
        try:
            self._files.pipe_file(path, b"pandora")
            self._files.rm_file(path)
        except OSError as error:
            raise StoreUnavailable from error

    def _path(self, name: str) -> str:
        return f"{self._root}/{name[:2]}/{name}"
