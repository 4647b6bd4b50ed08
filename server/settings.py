"""What the service is told at its start: one frozen value, read from `PANDORA_*` variables and overridden by flags."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from pandora.errors import InvalidConfig

_ROOT = Path(__file__).resolve().parent.parent
_MIB = 2**20
_AT_LEAST_ONE = ("max_", "viewer_", "requests_", "worlds_")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is also an environment variable: `port` is PANDORA_PORT."""

    host: str = "127.0.0.1"
    port: int = 8000
    require_keys: bool = False  # off: everybody is the same user, who may do everything
    allow_remote: bool = False  # let other machines in though no keys are required

    data: Path = Path.home() / ".local" / "share" / "pandora"  # the database and the blobs, unless they are elsewhere
    database: str = ""  # SQLAlchemy URL; a SQLite file in `data` when empty
    blobs: str = ""  # fsspec URL, such as s3://bucket/pandora; a folder in `data` when empty

    weights: Path = _ROOT / "weights" / "pandora-small"
    device: str = "auto"
    threads: str = "auto"
    sampling_steps: int = 2
    max_batch: int = 8  # worlds in one pass of the model

    max_worlds: int = 10_000
    max_live: int = 512  # worlds in use at a time: watched, or touched a moment ago
    max_steps: int = 200_000  # committed, in all worlds together: each takes about 0.1 MB of the store
    max_state_bytes: int = 256 * _MIB  # states kept in memory; the others are read or made again when they are needed
    max_clip_bytes: int = 128 * _MIB  # clips kept in memory, likewise
    snapshot_every: int = 8  # steps; what lies between is made again from the last snapshot
    suspend_seconds: int = 60  # a world that nobody watches or moves leaves the memory
    max_worlds_per_user: int = 1000
    requests_per_second: int = 50  # of one user, where keys are required; twice as many at once
    worlds_per_minute: int = 30  # that one user begins or forks, where keys are required
    max_uploads: int = 64  # waiting to become a world; the oldest of who has the most goes first
    max_waiting: int = 64  # actions that wait in one world
    max_viewers: int = 16  # of one world
    viewer_frames: int = 64  # that wait for one slow viewer; the oldest goes first
    viewer_messages: int = 512  # that wait for one slow viewer; beyond, it is cut off
    jpeg_quality: int = 90
    web: Path = Path(__file__).resolve().parent / "web"

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise InvalidConfig(f"The port is between 0 and 65535, not {self.port}.")
        if not 1 <= self.sampling_steps <= 50:
            raise InvalidConfig(f"Sampling takes 1 to 50 steps, not {self.sampling_steps}.")
        if not 1 <= self.jpeg_quality <= 100:
            raise InvalidConfig(f"The JPEG quality is between 1 and 100, not {self.jpeg_quality}.")
        for name in (f.name for f in fields(self) if f.name.startswith(_AT_LEAST_ONE)):
            if getattr(self, name) < 1:
                raise InvalidConfig(f"{name} is at least 1, not {getattr(self, name)}.")
        if not self.is_local and not self.require_keys and not self.allow_remote:
            raise InvalidConfig(
                f"Listening on {self.host} would open the service to other machines, and it asks nobody for a key. "
                "Pass --require-keys (PANDORA_REQUIRE_KEYS=1) and make a key with `pandora keys create`, or use "
                "127.0.0.1. With --allow-remote (PANDORA_ALLOW_REMOTE=1) whoever reaches the port may do everything."
            )

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data.absolute() / 'pandora.db'}"

    @property
    def blobs_url(self) -> str:
        return self.blobs or str(self.data.absolute() / "blobs")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the service."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **overrides: Any) -> Self:
        """Defaults, then `PANDORA_*`, then `overrides` that are not None. Raises InvalidConfig."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            name = f"PANDORA_{field.name.upper()}"
            if name in environment:
                values[field.name] = _read(name, environment[name], type(field.default))
        return cls(**(values | {key: value for key, value in overrides.items() if value is not None}))

    def but(self, **changes: Any) -> Self:
        """The same settings with some changed."""
        return replace(self, **changes)


def _read(name: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() in ("", "0", "false", "no", "off"):
            return False
        raise InvalidConfig(f"{name} is 1 or 0, not {text!r}.")
    if kind is int:
        try:
            return int(text)
        except ValueError as error:
            raise InvalidConfig(f"{name} is a whole number, not {text!r}.") from error
    return Path(text) if issubclass(kind, Path) else text
