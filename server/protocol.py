"""What travels over the stream of a world: JSON messages both ways, and frames. (Bodies of REST calls: `bodies.py`.)

A **world** is a growing log of committed **steps**. Step 0 is the start picture; every later step is one action and its
clip. Step numbers are never reused: after a rewind the next step takes the next free number and names its parent, so
`/frames/{step}` never changes. The **head** is the step that the next action continues; the **path** runs from step 0
to the head. A **fork** is a new world that shares the path up to a step and keeps its numbers.

The stream, `WS /v1/worlds/{id}/stream`, carries JSON text messages with a `type`, and binary frames: a header of 24
bytes (`FrameHeader`) followed by one JPEG, or by one H.264 access unit where its flag says so. A client that asks for
"h264" gets it for clips made while it watches; stills and replays are JPEGs. The client speaks first:

    client  {"type": "hello", "formats": ["jpeg"]}
    server  {"type": "ready", "protocol": 1, "format": "jpeg", "world": {"id": "…", "head": 0, …}, "fps": 8.0,
             "frames_per_action": 8, "width": 128, "height": 128}
    server  <frame: step 0, frame 0 of 1, flags STILL|LAST>                   what the world looks like now
    client  {"type": "action", "event_id": "a1", "text": "pick up the red block"}
    server  {"type": "action.received", "event_id": "a1", "text": "pick up the red block"}
    server  {"type": "action.applied", "event_id": "a1", "step": 1, "text": "pick up the red block"}   it has begun
    server  {"type": "clip.start", "step": 1, "parent": 0, "frames": 8, …}
    server  <frame: step 1, frame 0 of 8> … <frame: step 1, frame 7 of 8, flags LAST>
    server  {"type": "clip.end", "step": 1, "committed": true, "generate_ms": 181.0, "encode_ms": 1.9, …}
    client  {"type": "ack", "clip": 1}

An action waits in one slot while another runs; a newer one takes its place and the older gets `action.superseded`.
A clip that ends with `committed: false` never became part of the world: show the head's frame again. Frames arrive as
fast as they are made (in bursts): the page plays them at `fps`. `timestamp_ms` says when a frame was decoded. A viewer
that falls behind loses frames, never messages. `resume_from` in `hello` replays what was committed after that step. A
change made elsewhere (REST, another viewer) reaches every viewer: `action.*` and `clip.*` as above, a rewind as
`world.rewound`, the end as `ended`. Errors keep the connection unless it closes right after.

A service that requires keys takes one as `Authorization: Bearer pk_…`. A browser, which can't send that, offers the
subprotocols `pandora.v1` and `pandora.ticket.<ticket>` with a ticket from `POST /v1/worlds/{id}/tickets`. Close codes:
1012 the service restarts, 1013 try later, 4401 not authenticated (or the key was revoked), 4403 the key lacks the scope
`world:read`, 4404 no such world. Without `world:write`, actions and controls are refused and watching goes on.
"""

import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from server.bodies import ActionText, Answered, EventId, Sent, Step, WorldView

PROTOCOL_VERSION = 1
FRAME_FORMATS = ("jpeg", "h264")


# --- frames ----------------------------------------------------------------------------------------------------------


class FrameFlags(IntFlag):
    """Bits of the header's `flags`."""

    NONE = 0
    LAST = 1  # the last frame of its step
    STILL = 2  # a picture to show at once, not a part of a playing clip
    REPLAY = 4  # committed earlier and sent again for `resume_from`
    H264 = 8  # an H.264 access unit (Annex B) instead of a JPEG; frame 0 of a clip is a key frame


@dataclass(frozen=True, kw_only=True)
class FrameHeader:
    """The 24 bytes before each JPEG, little-endian.

    offset  0  2 bytes  magic "PF"
    offset  2  u8       version, 1
    offset  3  u8       flags (`FrameFlags`)
    offset  4  u32      step
    offset  8  u16      frame, 0-based within the step
    offset 10  u16      frames in this step
    offset 12  u32      media time within the clip, milliseconds
    offset 16  u64      when the frame was decoded, milliseconds since 1970
    """

    step: int
    frame: int
    frames: int
    media_ms: int
    timestamp_ms: int
    flags: FrameFlags = FrameFlags.NONE

    def pack(self, jpeg: bytes = b"") -> bytes:
        """The header's bytes followed by `jpeg`."""
        fields = (self.step, self.frame, self.frames, self.media_ms, self.timestamp_ms)
        return _HEADER.pack(_MAGIC, PROTOCOL_VERSION, int(self.flags), *fields) + jpeg

    @classmethod
    def unpack(cls, message: bytes) -> tuple["FrameHeader", bytes]:
        """The header and the JPEG of a binary message. ValueError when it's not one of ours."""
        if len(message) < FRAME_HEADER_BYTES:
            raise ValueError(f"A frame has at least {FRAME_HEADER_BYTES} bytes; this message has {len(message)}.")
        magic, version, flags, step, frame, frames, media_ms, timestamp_ms = _HEADER.unpack_from(message)
        if magic != _MAGIC or version != PROTOCOL_VERSION:
            raise ValueError(f"Not a frame of protocol {PROTOCOL_VERSION}: it starts with {message[:3]!r}.")
        header = cls(
            step=step, frame=frame, frames=frames, media_ms=media_ms, timestamp_ms=timestamp_ms, flags=FrameFlags(flags)
        )
        return header, message[FRAME_HEADER_BYTES:]


_HEADER = struct.Struct("<2sBBIHHIQ")
_MAGIC = b"PF"
FRAME_HEADER_BYTES = _HEADER.size


# --- messages: client to server -------------------------------------------------------------------------------------


class Hello(Sent):
    type: Literal["hello"]
    formats: list[Annotated[str, Field(max_length=20)]] = Field(default=["jpeg"], max_length=8)
    resume_from: Step | None = None


class Act(Sent):
    type: Literal["action"]
    event_id: EventId
    text: ActionText


class Control(Sent):
    """`pause` holds back streamed actions that have not begun, for the whole world, until `play`. `rate` paces this
    viewer's frames at `value` x fps; 0, the default, sends them as soon as they exist. `control` answers."""

    type: Literal["control"]
    command: Literal["play", "pause", "rate"]
    value: float | None = Field(default=None, ge=0, le=16, allow_inf_nan=False)


class Ack(Sent):
    """The viewer has shown this clip. One that acknowledges is sent at most four clips beyond its last ack."""

    type: Literal["ack"]
    clip: Step


class Ping(Sent):
    type: Literal["ping"]
    id: Annotated[str, Field(max_length=64)] | None = None


ClientMessage = Annotated[Hello | Act | Control | Ack | Ping, Field(discriminator="type")]
client_message: TypeAdapter[Hello | Act | Control | Ack | Ping] = TypeAdapter(ClientMessage)


# --- messages: server to client -------------------------------------------------------------------------------------


class Ready(Answered):
    type: Literal["ready"] = "ready"
    protocol: int = PROTOCOL_VERSION
    format: str
    world: WorldView
    fps: float
    frames_per_action: int
    width: int
    height: int
    paused: bool = False


class ActionReceived(Answered):
    type: Literal["action.received"] = "action.received"
    event_id: str
    text: str


class ActionApplied(Answered):
    """The model has begun this action's clip; nothing can supersede it now."""

    type: Literal["action.applied"] = "action.applied"
    event_id: str
    step: int
    text: str


class ActionSuperseded(Answered):
    type: Literal["action.superseded"] = "action.superseded"
    event_id: str
    by: str


class ActionRejected(Answered):
    """To the sender alone; to all when a rewind or the end of the world took away an action that was received."""

    type: Literal["action.rejected"] = "action.rejected"
    event_id: str
    code: str
    detail: str


class ClipStart(Answered):
    type: Literal["clip.start"] = "clip.start"
    step: int
    parent: int
    action: str
    event_id: str | None
    frames: int
    fps: float
    replay: bool = False


class ClipEnd(Answered):
    """With `committed: false`, `code` and `detail` say why, the step's frames count for nothing (there may be none, and
    no `clip.start`), and a STILL frame of the head follows."""

    type: Literal["clip.end"] = "clip.end"
    step: int
    committed: bool
    head: int
    queue_ms: float
    generate_ms: float
    encode_ms: float
    description: str | None = Field(default=None, description="what the language model made of the action, if asked")
    dropped: int = Field(default=0, description="frames of this clip that this viewer did not get")
    replay: bool = False
    code: str | None = None
    detail: str | None = None


class WorldRewound(Answered):
    """The head moved; a STILL frame of the new head follows."""

    type: Literal["world.rewound"] = "world.rewound"
    head: int


class ControlChanged(Answered):
    type: Literal["control"] = "control"
    paused: bool
    rate: float


class Pong(Answered):
    type: Literal["pong"] = "pong"
    id: str | None = None
    timestamp_ms: int


class Draining(Answered):
    """The service is about to stop; the socket closes with 1012."""

    type: Literal["draining"] = "draining"


class StreamError(Answered):
    type: Literal["error"] = "error"
    code: str
    detail: str
    retryable: bool = False


class Ended(Answered):
    """Nothing more will come; `reason`: deleted, draining."""

    type: Literal["ended"] = "ended"
    reason: str


ServerMessage = (
    Ready | ActionReceived | ActionApplied | ActionSuperseded | ActionRejected | ClipStart | ClipEnd | WorldRewound
    | ControlChanged | Pong | Draining | StreamError | Ended
)  # fmt: skip
