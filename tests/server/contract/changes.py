"""What differs between two versions of a description, and what of it breaks clients."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TOLD = {"description", "summary", "title", "example", "examples", "tags", "deprecated", "info"}  # nothing depends on it
NAMED = ("name", "$ref", "offset")  # what tells the entries of a list apart
NARROWER = {
    "maxLength": -1, "maximum": -1, "maxItems": -1, "exclusiveMaximum": -1, "minLength": 1, "minimum": 1, "minItems": 1,
    "exclusiveMinimum": 1,
}  # fmt: skip
Node = Any


@dataclass(frozen=True)
class Change:
    """`where` is a path into the document."""

    where: str
    what: str
    breaking: bool

    def __str__(self) -> str:
        return f"{'BREAKING  ' if self.breaking else '          '}{self.where}: {self.what}"


def compare(old: dict[str, Node], new: dict[str, Node]) -> list[Change]:
    """Every difference; those that break clients first."""
    sent = _sent_schemas(old) | _sent_schemas(new)
    found = _walk(old, new, (), sent)
    return sorted(found, key=lambda change: (not change.breaking, change.where))


def _walk(old: Node, new: Node, at: tuple[str, ...], sent: set[str]) -> Iterator[Change]:
    if at and at[-1] in ("required", "enum") and isinstance(old, list) and isinstance(new, list):
        yield from _members(old, new, at, sent)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                yield _removed(old[key], (*at, key), sent)
            elif key not in old:
                yield _added(new[key], (*at, key), sent)
            else:
                yield from _walk(old[key], new[key], (*at, key), sent)
    elif isinstance(old, list) and isinstance(new, list) and not _is_told(at):
        yield from _walk(_by_name(old), _by_name(new), at, sent)
    elif old != new:
        yield Change(_path(at), f"{_show(old)} became {_show(new)}", _breaks(old, new, at, sent))


def _removed(old: Node, at: tuple[str, ...], sent: set[str]) -> Change:
    relaxed = at[-1] in NARROWER or at[-1] in ("pattern", "additionalProperties")
    harmless = _is_told(at) or at[-1] == "default" or (relaxed and _is_sent(at, sent))
    return Change(_path(at), f"{_kind(at)} was removed{_value(old)}", not harmless)


def _added(new: Node, at: tuple[str, ...], sent: set[str]) -> Change:
    narrows = at[-1] in NARROWER or at[-1] in ("pattern", "enum", "const")
    required = "parameters" in at[-2:-1] and isinstance(new, dict) and bool(new.get("required"))
    if at[-1] == "required" and isinstance(new, list):
        return Change(_path(at), f"now required: {', '.join(new)}", _is_sent(at, sent))
    breaking = not _is_told(at) and (required or (narrows and _is_sent(at, sent)))
    return Change(_path(at), f"{_kind(at)} was added{_value(new)}", breaking)


def _members(old: list[str], new: list[str], at: tuple[str, ...], sent: set[str]) -> Iterator[Change]:
    """A field that becomes required breaks who sends, one that may be absent breaks who reads; values the other way."""
    required = at[-1] == "required"
    for member in sorted(set(new) - set(old), key=str):
        what = f"{member} is required now" if required else f"the value {_show(member)} was added"
        yield Change(_path(at), what, required and _is_sent(at, sent))
    for member in sorted(set(old) - set(new), key=str):
        what = f"{member} may be absent now" if required else f"the value {_show(member)} was removed"
        yield Change(_path(at), what, not (required and _is_sent(at, sent)))


def _breaks(old: Node, new: Node, at: tuple[str, ...], sent: set[str]) -> bool:
    if _is_told(at) or at[-1] == "default":
        return False
    if at[-1] in NARROWER and isinstance(old, int | float) and isinstance(new, int | float):
        return _is_sent(at, sent) and (new - old) * NARROWER[at[-1]] > 0
    if at[-1] == "required" and "parameters" in at:
        return bool(new)
    return True


def _sent_schemas(document: dict[str, Node]) -> set[str]:
    """Names of the schemas that clients send: those that requests and received messages lead to."""
    calls = [call for calls in document.get("paths", {}).values() for call in calls.values()]
    roots = [part for call in calls for part in (call.get("requestBody"), call.get("parameters"))]
    components = document.get("components", {})
    for operation in document.get("operations", {}).values():
        if operation["action"] == "receive":
            names = [entry["$ref"].rpartition("/")[2] for entry in operation["messages"]]
            roots += [components.get("messages", {}).get(name) for name in names]
    found: set[str] = set()
    while roots:
        for name in set(_references(roots.pop())) - found:
            found.add(name)
            roots.append(components.get("schemas", {}).get(name))
    return found


def _references(node: Node) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str) and "/schemas/" in reference:
            yield reference.rpartition("/")[2]
        node = list(node.values())
    if isinstance(node, list):
        for entry in node:
            yield from _references(entry)


def _is_sent(at: tuple[str, ...], sent: set[str]) -> bool:
    if at[:2] == ("components", "schemas"):
        return at[2] in sent
    return "requestBody" in at or "parameters" in at


def _is_told(at: tuple[str, ...]) -> bool:
    """Text for people; a field that is named like one, such as `title`, is none."""
    return any(key in TOLD and before != "properties" for before, key in zip(("", *at), at, strict=False))


def _by_name(entries: list[Node]) -> dict[str, Node]:
    def name(entry: Node) -> str:
        key = next((key for key in NAMED if isinstance(entry, dict) and key in entry), None)
        return str(entry[key]) if key else json.dumps(entry, sort_keys=True)

    return {name(entry): entry for entry in entries}


def _path(at: tuple[str, ...]) -> str:
    return " > ".join(at)


def _kind(at: tuple[str, ...]) -> str:
    within = at[-2] if len(at) > 1 else ""
    if len(at) == 3 and at[0] == "paths":
        return "the operation"
    return {
        "paths": "the path", "properties": "the field", "parameters": "the parameter", "responses": "the answer",
        "schemas": "the schema", "messages": "the message", "operations": "the operation", "channels": "the channel",
    }.get(within, "it")  # fmt: skip


def _value(node: Node) -> str:
    return "" if isinstance(node, dict | list) else f": {_show(node)}"


def _show(node: Node) -> str:
    text = json.dumps(node, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"
