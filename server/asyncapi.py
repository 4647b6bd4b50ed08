"""The stream as an AsyncAPI 3 document, made from the models of `protocol.py`."""

from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from pandora import __version__
from server import protocol
from server.bodies import WorldView
from server.protocol import (
    FRAME_HEADER_BYTES,
    Ack,
    Act,
    ActionApplied,
    ActionReceived,
    ActionRejected,
    ActionSuperseded,
    ClipEnd,
    ClipStart,
    Control,
    ControlChanged,
    Draining,
    Ended,
    FrameFlags,
    FrameHeader,
    Hello,
    Ping,
    Pong,
    Ready,
    StreamError,
    WorldRewound,
)

CHANNEL = "worldStream"
SENT_BY_CLIENTS: tuple[type[BaseModel], ...] = get_args(get_args(protocol.ClientMessage)[0])
SENT_BY_SERVICE: tuple[type[BaseModel], ...] = get_args(protocol.ServerMessage)

_SAID = "pick up the red block"
_WORLD = WorldView(
    id="w-7f3a", name="A tower", status="idle", paused=False, scene="blocks-tower", seed=7, head=0, depth=0,
    parent=None, created_at="2026-01-31T12:00:00Z", suggestions=[_SAID], frame_url="/v1/worlds/w-7f3a/frames/0",
)  # fmt: skip
EXAMPLES: tuple[BaseModel, ...] = (
    Hello(type="hello", formats=["jpeg"], resume_from=3),
    Act(type="action", event_id="a1", text=_SAID),
    Control(type="control", command="rate", value=1.0),
    Ack(type="ack", clip=1),
    Ping(type="ping", id="p1"),
    Ready(format="jpeg", world=_WORLD, fps=8.0, frames_per_action=8, width=128, height=128),
    ActionReceived(event_id="a1", text=_SAID),
    ActionApplied(event_id="a1", step=1, text=_SAID),
    ActionSuperseded(event_id="a1", by="a2"),
    ActionRejected(event_id="a1", code="invalid_action", detail="An action is a sentence; this one is empty."),
    ClipStart(step=1, parent=0, action=_SAID, event_id="a1", frames=8, fps=8.0),
    ClipEnd(step=1, committed=True, head=1, queue_ms=0.4, generate_ms=181.0, encode_ms=1.9),
    WorldRewound(head=0),
    ControlChanged(paused=False, rate=1.0),
    Pong(id="p1", timestamp_ms=1769860800000),
    Draining(),
    StreamError(code="malformed_message", detail="Hello was said already."),
    Ended(reason="deleted"),
)

HEADER = (
    (0, 2, "bytes", "magic", 'the letters "PF"'),
    (2, 1, "u8", "version", f"of the protocol: {protocol.PROTOCOL_VERSION}"),
    (3, 1, "u8", "flags", "one bit each, see `x-flags`"),
    (4, 4, "u32", "step", "the step that the frame belongs to"),
    (8, 2, "u16", "frame", "0-based within the step"),
    (10, 2, "u16", "frames", "in this step"),
    (12, 4, "u32", "media_ms", "media time within the clip, milliseconds"),
    (16, 8, "u64", "timestamp_ms", "when the frame was decoded, milliseconds since 1970"),
)
_FLAGS = {
    FrameFlags.LAST: "the last frame of its step",
    FrameFlags.STILL: "a picture to show at once, not a part of a playing clip",
    FrameFlags.REPLAY: "committed earlier and sent again for `resume_from`",
    FrameFlags.H264: "an H.264 access unit (Annex B) instead of a JPEG; frame 0 of a clip is a key frame",
}
_CLOSE_CODES = {
    1000: "the world has ended", 1008: "what was sent can't be used", 1011: "the service failed",
    1012: "the service restarts: connect again", 1013: "busy, or this viewer is too slow: try later",
    4401: "no key, or a key that is not valid", 4403: "the key lacks the scope world:read", 4404: "no such world",
}  # fmt: skip


def describe() -> dict[str, Any]:
    """The whole document. `receive` and `send` are the service's: clients do the opposite."""
    about, _, more = (protocol.__doc__ or "").partition("\n\n")
    kinds = (*SENT_BY_CLIENTS, *SENT_BY_SERVICE)
    template = "#/components/schemas/{model}"
    _, schemas = models_json_schema([(kind, _mode(kind)) for kind in kinds], ref_template=template)
    messages = {kind.__name__: _message(kind) for kind in kinds} | {"Frame": _frame()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pandora: the stream of a world",
            "version": __version__,
            "description": f"{about}\n\n{more}",
        },
        "defaultContentType": "application/json",
        "servers": {"local": _server()},
        "channels": {CHANNEL: _channel(list(messages))},
        "operations": {
            "hearClient": _operation("receive", "What clients say; `Hello` comes first.", SENT_BY_CLIENTS),
            "tellClient": _operation("send", "What the service says; `Ready` comes first.", SENT_BY_SERVICE),
            "sendFrame": _operation("send", "Pictures, as binary messages.", ("Frame",)),
        },
        "components": {
            "messages": messages,
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "pk_…, where keys are required"},
            },
        },
    }


def _mode(kind: type[BaseModel]) -> JsonSchemaMode:
    return "validation" if kind in SENT_BY_CLIENTS else "serialization"


def _server() -> dict[str, Any]:
    return {
        "host": "127.0.0.1:8000",
        "pathname": "/v1",
        "protocol": "ws",
        "description": "Where `pandora serve` listens by default.",
        "security": [{"$ref": "#/components/securitySchemes/key"}],
    }


def _channel(messages: list[str]) -> dict[str, Any]:
    return {
        "address": "/worlds/{world_id}/stream",
        "description": "One connection to one world. It may break at any time, and the world goes on.",
        "parameters": {"world_id": {"description": "id of a world, as POST /v1/worlds answers it"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "x-close-codes": {str(code): meaning for code, meaning in _CLOSE_CODES.items()},
    }


def _operation(action: str, summary: str, kinds: tuple[type[BaseModel] | str, ...]) -> dict[str, Any]:
    names = [kind if isinstance(kind, str) else kind.__name__ for kind in kinds]
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": f"#/channels/{CHANNEL}"},
        "messages": [{"$ref": f"#/channels/{CHANNEL}/messages/{name}"} for name in names],
    }


def _message(kind: type[BaseModel]) -> dict[str, Any]:
    example = next(example for example in EXAMPLES if type(example) is kind)
    payload = example.model_dump(mode="json", exclude_none=kind in SENT_BY_CLIENTS)
    told = {"summary": " ".join(kind.__doc__.split())} if kind.__doc__ else {}
    return {
        "name": payload["type"],
        "title": kind.__name__,
        **told,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "examples": [{"name": payload["type"], "payload": payload}],
    }


def _frame() -> dict[str, Any]:
    header = FrameHeader(
        step=1, frame=7, frames=8, media_ms=875, timestamp_ms=1769860800000, flags=FrameFlags.LAST
    ).pack()
    return {
        "name": "frame",
        "title": "Frame",
        "summary": "A header and one picture.",
        "description": f"{FRAME_HEADER_BYTES} bytes of header, little-endian, then one JPEG up to the end of the "
        "message; or one H.264 access unit, where the flag H264 is set.",
        "contentType": "application/octet-stream",
        "payload": {
            "type": "string",
            "format": "binary",
            "x-header": [
                {"offset": offset, "bytes": size, "type": kind, "name": name, "description": meaning}
                for offset, size, kind, name, meaning in HEADER
            ],
            "x-flags": [
                {"value": int(flag), "name": flag.name, "description": meaning} for flag, meaning in _FLAGS.items()
            ],
        },
        "examples": [{"name": "header", "summary": f"{header.hex(' ')}, then the JPEG", "payload": header.hex()}],
    }
