"""The operations that a served OpenAPI document describes, and the calls that can be made of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from pandora.errors import PandoraError

Values = Mapping[str, Sequence[Any]]  # by the name of a parameter or of a body's field: what may stand there
JSON, FORM = "application/json", "multipart/form-data"
_BINARY = ("image/", "video/")
_BOUNDARY = "pandora-bench-boundary"


class Unfilled(PandoraError):
    """An operation takes something that nobody says a value for."""

    code = "unfilled"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`bodies` are the schemas that it takes, by content type; `examples` are JSON bodies."""

    method: str
    path: str
    parameters: tuple[Mapping[str, Any], ...]
    bodies: Mapping[str, Mapping[str, Any]]
    examples: tuple[Mapping[str, Any], ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def names(self) -> set[str]:
        """Of all that can be filled in."""
        fields = {name for schema in self.bodies.values() for name in schema.get("properties", {})}
        return fields | {parameter["name"] for parameter in self.parameters}


@dataclass(frozen=True, kw_only=True)
class Call:
    """An HTTP request; `target` is its path and query, quoted."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __str__(self) -> str:
        body = f" {self.body[:200]!r}" if self.body else ""
        return f"{self.method} {self.target} {dict(self.headers) or ''}{body}"


def read_operations(document: Mapping[str, Any]) -> list[Operation]:
    """Every operation of the document."""
    return [
        _operation(document, method, path, call, shared.get("parameters", []))
        for path, shared in document["paths"].items()
        for method, call in shared.items()
        if method != "parameters"
    ]


def calls(operation: Operation, values: Values) -> list[Call]:
    """The call with the first value of all that is required, then others that differ from it in one thing.

    Raises Unfilled.
    """
    if missing := sorted(operation.names - values.keys()):
        raise Unfilled(f"{operation} takes {', '.join(missing)}, and the bench has no value to try it with.")
    by_place = {place: [p for p in operation.parameters if p["in"] == place] for place in ("path", "query", "header")}
    if unknown := [p["name"] for p in operation.parameters if p["in"] not in by_place]:
        raise Unfilled(f"{operation} takes {', '.join(unknown)} in a place that the bench does not know.")
    first = {p["name"]: values[p["name"]][0] for p in by_place["path"]}
    asked = {p["name"]: values[p["name"]][0] for p in by_place["query"] if p.get("required")}
    sent = {p["name"]: str(values[p["name"]][0]) for p in by_place["header"] if p.get("required")}
    bodies = list(_bodies(operation, values)) or [("", b"")]
    kind = {"Content-Type": bodies[0][0]} if bodies[0][0] else {}
    base = Call(
        method=operation.method, target=_target(operation, first, asked), headers={**sent, **kind}, body=bodies[0][1]
    )
    found = [base]
    for parameter in by_place["path"]:
        others = values[parameter["name"]][1:]
        found += [replace(base, target=_target(operation, first | {parameter["name"]: v}, asked)) for v in others]
    for parameter in by_place["query"]:
        name = parameter["name"]
        found += [replace(base, target=_target(operation, first, asked | {name: v})) for v in values[name]]
    for parameter in by_place["header"]:
        name = parameter["name"]
        found += [replace(base, headers={**base.headers, name: str(v)}) for v in values[name]]
    found += [replace(base, headers={**sent, "Content-Type": kind}, body=body) for kind, body in bodies[1:]]
    return found


def encode_form(fields: Mapping[str, Any]) -> tuple[str, bytes]:
    """Content type and body of multipart/form-data; bytes become files."""
    parts = []
    for name, value in fields.items():
        file = '; filename="picture.png"\r\nContent-Type: image/png' if isinstance(value, bytes) else ""
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        parts.append(head.encode() + (value if isinstance(value, bytes) else str(value).encode()) + b"\r\n")
    return f"{FORM}; boundary={_BOUNDARY}", b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def _operation(
    document: Mapping[str, Any], method: str, path: str, call: Mapping[str, Any], shared: Sequence[Mapping[str, Any]]
) -> Operation:
    content = _follow(document, call.get("requestBody", {})).get("content", {})
    bodies = {kind: _follow(document, told.get("schema", {})) for kind, told in content.items()}
    described = content.get(JSON, {})
    examples = [example["value"] for example in described.get("examples", {}).values()]
    examples += [example for example in bodies.get(JSON, {}).get("examples", []) if example not in examples]
    parameters = tuple(_follow(document, parameter) for parameter in (*shared, *call.get("parameters", [])))
    return Operation(method=method.upper(), path=path, parameters=parameters, bodies=bodies, examples=tuple(examples))


def _follow(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a `$ref` points to."""
    while "$ref" in node:
        found: Any = document
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        node = found
    return node


def _target(operation: Operation, path: Mapping[str, Any], query: Mapping[str, Any]) -> str:
    target = operation.path
    for name, value in path.items():
        target = target.replace(f"{{{name}}}", quote(str(value), safe=""))
    asked = "&".join(f"{quote(name)}={quote(str(value), safe='')}" for name, value in query.items())
    return f"{target}?{asked}" if asked else target


def _bodies(operation: Operation, values: Values) -> Iterator[tuple[str, bytes]]:
    """Content type and content: the examples with known values in them, what is near to them, and what is no body."""
    for kind, schema in sorted(operation.bodies.items(), key=lambda body: body[0] != JSON):
        fields = {name: values[name] for name in schema.get("properties", {})}
        least = {name: fields[name][0] for name in schema.get("required", [])}
        alone = [least | {name: value} for name, found in fields.items() for value in found]
        if kind == JSON:
            known = [{name: fields[name][0] for name in example} for example in operation.examples]
            others = [body for example in known for body in _near(example, fields)]
            for text in dict.fromkeys(json.dumps(body) for body in (*known, least, *alone, *others, {})):
                yield kind, text.encode()
            yield from ((kind, b"{"), (kind, b""))
        elif kind == FORM:
            yield from (encode_form(body) for body in (least, *alone))
        elif kind.startswith(_BINARY):
            yield kind, values["image"][0]
        else:
            raise Unfilled(f"{operation} takes a body of {kind}, and the bench has none to try it with.")


def _near(example: Mapping[str, Any], fields: Values) -> Iterator[dict[str, Any]]:
    """The example with a field more, with one changed, and with one in another's place."""
    for name, found in fields.items():
        yield from ({**example, name: value} for value in found)
        if name not in example:
            for left_out in example:
                yield {**{key: value for key, value in example.items() if key != left_out}, name: found[0]}
