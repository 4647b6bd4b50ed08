"""The service's log: one line an event, as text or as JSON, with the ids of what is at work as fields."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")

# One dict for each request, which what it starts shares: an id that is found out late is on its access line too.
_ids: ContextVar[dict[str, str] | None] = ContextVar("ids", default=None)


def begin(**ids: str) -> None:
    """From here on, in this context, lines carry these ids and those that are noted later."""
    _ids.set(ids)


def note(**ids: str) -> None:
    """Add ids: request_id, world, owner."""
    known = _ids.get()
    if known is None:
        begin(**ids)
    else:
        known.update(ids)


def noted() -> dict[str, str]:
    """The ids of what is at work here."""
    return dict(_ids.get() or {})


def configure(form: str, level: str) -> None:
    """Log to stderr; other libraries only what they warn of. For entry points."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for ours in ("pandora", "server"):
        logging.getLogger(ours).setLevel(level.upper())


class JsonLines(logging.Formatter):
    """Each record as one JSON object; `extra={"fields": …}` adds to it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record), "level": record.levelname.lower(), "logger": record.name,
            "message": record.getMessage(), **noted(), **getattr(record, "fields", {}),
        }  # fmt: skip
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """For people: the ids come last."""

    def format(self, record: logging.LogRecord) -> str:
        ids = "".join(f" {name}={value}" for name, value in noted().items())
        text = f"{_time(record)} {record.levelname.lower():7} {record.name}: {record.getMessage()}{ids}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
