"""What the service is told at its start: one frozen value, read from `PANDORA_*` variables and overridden by flags."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from pandora.errors import InvalidConfig

_ROOT = Path(__file__).resolve().parent.parent
_MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is also an environment variable: `port` is PANDORA_PORT."""

    host: str = "127.0.0.1"
    port: int = 8000
    allow_remote: bool = False  # there are no keys yet: whoever reaches the port may do everything

    weights: Path = _ROOT / "weights" / "pandora-small"
    device: str = "auto"
    threads: str = "auto"
    sampling_steps: int = 2
    max_batch: int = 8  # worlds in one pass of the model

    max_worlds: int = 64
    max_steps: int = 1000  # committed, in all worlds together: each keeps its state, about 0.7 MB
    max_clip_bytes: int = 64 * _MIB  # JPEGs kept for one world; beyond, its oldest clips keep their last frame only
    max_uploads: int = 16  # waiting to become a world; the oldest goes first
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
        for name in (f.name for f in fields(self) if f.name.startswith(("max_", "viewer_"))):
            if getattr(self, name) < 1:
                raise InvalidConfig(f"{name} is at least 1, not {getattr(self, name)}.")
        if not self.is_local and not self.allow_remote:
            raise InvalidConfig(
                f"Listening on {self.host} would open the service to other machines, and it asks nobody for a key. "
                "Use 127.0.0.1, or pass --allow-remote (PANDORA_ALLOW_REMOTE=1) if only people you trust can reach it."
            )

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
