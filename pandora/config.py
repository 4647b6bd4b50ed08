"""Frozen configs that read and write plain dictionaries; an unknown or missing key is an error that names it."""

from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from typing import Any, Self

from pandora.errors import InvalidConfig

# Denoising steps a clip: the shipped model foretells as well in one as in two or four (`pandora eval`, rows *.steps_*).
DEFAULT_STEPS = 1


@dataclass(frozen=True, kw_only=True)
class Config:
    """Base of every config. Nested fields whose default or type is a Config are read recursively."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from a dictionary as `to_dict` wrote it. Raises InvalidConfig on unknown or missing keys."""
        known = {field.name: field for field in fields(cls)}
        for key in values:
            if key not in known:
                close = get_close_matches(key, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise InvalidConfig(f"{cls.__name__} has no key {key!r}{hint} (valid: {', '.join(known)})")
        missing = [
            n for n, f in known.items() if n not in values and f.default is MISSING and f.default_factory is MISSING
        ]
        if missing:
            raise InvalidConfig(f"{cls.__name__} needs the key(s) {', '.join(missing)}")
        return cls(**{key: _read(known[key].type, value) for key, value in values.items()})

    def to_dict(self) -> dict[str, Any]:
        """Plain values only: ready for JSON."""
        return {field.name: _write(getattr(self, field.name)) for field in fields(self)}


def _read(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Config) and isinstance(value, dict):
        return kind.from_dict(value)
    return tuple(value) if isinstance(value, list) else value


def _write(value: Any) -> Any:
    if isinstance(value, Config):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value
