"""What the service is told at its start: one frozen value, of flags, `PANDORA_*` variables, a file and defaults."""

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from pandora.config import DEFAULT_STEPS
from pandora.errors import InvalidConfig
from server.logs import FORMATS, LEVELS

_ROOT = Path(__file__).resolve().parent.parent
_MIB = 2**20
OF_PRESET = (
    "backbone", "video", "prompts", "autoencoder", "tiny_decoder", "release", "road", "rewrite", "height", "width",
)  # fmt: skip
_AT_LEAST_ONE = ("max_", "viewer_", "requests_", "worlds_", "rollout_")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is also a key of the file, and an environment variable: `port` is PANDORA_PORT."""

    host: str = "127.0.0.1"
    port: int = 8000
    require_keys: bool = False  # off: everybody is the same user, who may do everything
    allow_remote: bool = False  # let other machines in though no keys are required

    data: Path = Path.home() / ".local" / "share" / "pandora"  # the database and the blobs, unless they are elsewhere
    database: str = ""  # SQLAlchemy URL; a SQLite file in `data` when empty
    blobs: str = ""  # fsspec URL, such as s3://bucket/pandora; a folder in `data` when empty

    weights: Path = _ROOT / "weights" / "pandora-small"
    preset: str = ""  # a model of published parts, such as pandora-7b, in the place of `weights`
    backbone: str = ""  # of the preset: another language model, by name, hub name or folder
    video: str = ""  # of the preset: another video transformer, likewise
    prompts: str = ""  # of the preset: another text encoder, likewise
    autoencoder: str = ""  # of the preset: another autoencoder, likewise
    tiny_decoder: str = ""  # of the preset: another decoder for live frames, likewise
    release: str = ""  # of the preset: what `pandora train instruction` made
    road: str = ""  # of the preset: off, text, state or both; the release's own when empty
    rewrite: int = 0  # of the preset: tokens in which the language model may describe what an action leads to
    height: int = 0  # of the preset: of frames, in pixels
    width: int = 0  # of the preset: of frames, in pixels
    attention: str = "auto"  # of the preset: a kernel's name
    quantized: str = ""  # of the preset: fp8 or int8
    device: str = "auto"
    threads: str = "auto"
    sampling_steps: int = DEFAULT_STEPS
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
    max_rollouts: int = 16  # and plans, at work at a time
    max_rollouts_per_user: int = 4  # of these
    max_rollout_steps: int = 2048  # of one, shared ones counted once
    max_rollout_bytes: int = 128 * _MIB  # pictures of those that ended; the oldest of who has the most goes first
    rollout_seconds: int = 600  # that a rollout or plan which ended can still be looked at
    max_plan_calls: int = 256  # clips that the search for one plan makes
    max_plan_nodes: int = 1024  # states in its tree
    max_plan_bytes: int = 128 * _MIB  # of the states that one search keeps in memory
    max_plan_seconds: int = 300  # of one plan, from its start to its end
    jpeg_quality: int = 90
    drain_seconds: int = 5  # that clips which run have to end when the service is told to stop
    log_format: str = "text"  # or json: one object a line
    log_level: str = "info"
    web: Path = Path(__file__).resolve().parent / "web"

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise InvalidConfig(f"The port is between 0 and 65535, not {self.port}.")
        told = [name for name in OF_PRESET if getattr(self, name)]
        if told and not self.preset:
            raise InvalidConfig(f"{', '.join(told)} belong to a preset, and none is named. Add --preset pandora-7b.")
        if not 1 <= self.sampling_steps <= 50:
            raise InvalidConfig(f"Sampling takes 1 to 50 steps, not {self.sampling_steps}.")
        if not 1 <= self.jpeg_quality <= 100:
            raise InvalidConfig(f"The JPEG quality is between 1 and 100, not {self.jpeg_quality}.")
        if self.drain_seconds < 0:
            raise InvalidConfig(f"drain_seconds is at least 0, not {self.drain_seconds}.")
        for name, valid in (("log_format", FORMATS), ("log_level", LEVELS)):
            if getattr(self, name) not in valid:
                raise InvalidConfig(f"{name} is one of {', '.join(valid)}, not {getattr(self, name)!r}.")
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
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, file: Path | None = None, only: Iterable[str] = (),
        fallback: Mapping[str, Any] | None = None, **overrides: Any,
    ) -> Self:  # fmt: skip
        """Defaults, `fallback`, the TOML `file` or that of PANDORA_CONFIG, `PANDORA_*`, `overrides` that are not None.

        Of file and variables, the names in `only` count, if there are any. Raises InvalidConfig.
        """
        kinds = {field.name: type(field.default) for field in fields(cls)}
        path = file or (Path(environment["PANDORA_CONFIG"]) if environment.get("PANDORA_CONFIG") else None)
        read = {} if path is None else _read_file(path, kinds)
        counted = set(only) or set(kinds)
        values = {name: value for name, value in read.items() if name in counted}
        for name in counted:
            variable = f"PANDORA_{name.upper()}"
            if variable in environment:
                values[name] = _read(variable, environment[variable], kinds[name])
        flags = {name: value for name, value in overrides.items() if value is not None}
        told = dict(fallback or {}) | values | flags
        if told.get("preset"):
            from pandora.large import choose

            config = choose(told["preset"], **{name: told.get(name) for name in OF_PRESET})
            told.setdefault("sampling_steps", config.steps)
        return cls(**told)

    @classmethod
    def where(cls, **overrides: Any) -> Self:
        """Where `pandora serve` keeps its worlds here, however the rest is set. Raises InvalidConfig."""
        return cls.from_environment(only=("data", "database", "blobs"), **overrides)

    def to_toml(self) -> str:
        """Every setting as a line of a file that `--config` takes; a password is not shown."""
        return "".join(f"{name} = {_toml(value)}\n" for name, value in self.shown().items())

    def shown(self) -> dict[str, Any]:
        """Every setting by name, without the password of a database."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"database": _without_password(self.database)}

    def but(self, **changes: Any) -> Self:
        """The same settings with some changed."""
        return replace(self, **changes)


def _read_file(path: Path, kinds: Mapping[str, type]) -> dict[str, Any]:
    try:
        told = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidConfig(f"The settings in {path} can't be read: {error}.") from error
    for name, value in told.items():
        if name not in kinds:
            close = get_close_matches(name, kinds, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise InvalidConfig(
                f"There is no setting named {name!r}, as in {path}. Valid: {', '.join(sorted(kinds))}.{hint}"
            )
        kind = str if issubclass(kinds[name], Path) else kinds[name]
        if type(value) is not kind:
            named = {bool: "true or false", int: "a whole number", str: "a text in quotes"}[kind]
            raise InvalidConfig(f"{name} is {named}, not {value!r}, as in {path}.")
    return {name: Path(value) if issubclass(kinds[name], Path) else value for name, value in told.items()}


def _toml(value: object) -> str:
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _without_password(url: str) -> str:
    return re.sub(r"(://[^:/@]*:)[^@]*@", r"\1***@", url)


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
