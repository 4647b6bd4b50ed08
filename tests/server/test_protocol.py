import re

import pytest
from pydantic import ValidationError

from server import protocol
from server.protocol import FRAME_HEADER_BYTES, FrameFlags, FrameHeader, client_message


def test_a_header_survives_the_wire() -> None:
    flags = FrameFlags.LAST | FrameFlags.REPLAY
    header = FrameHeader(step=2**32 - 1, frame=7, frames=8, media_ms=875, timestamp_ms=1_790_000_000_123, flags=flags)
    packed = header.pack(b"jpeg")
    assert len(packed) == FRAME_HEADER_BYTES + 4 == 28
    assert FrameHeader.unpack(packed) == (header, b"jpeg")


def test_the_header_lies_where_its_documentation_says() -> None:
    header = FrameHeader(step=0x01020304, frame=5, frames=8, media_ms=625, timestamp_ms=9, flags=FrameFlags.STILL)
    packed = header.pack()
    assert packed[:4] == b"PF\x01\x02"
    assert packed[4:8] == bytes([4, 3, 2, 1])
    assert [int.from_bytes(packed[a:b], "little") for a, b in ((8, 10), (10, 12), (12, 16), (16, 24))] == [5, 8, 625, 9]


@pytest.mark.parametrize("message", [b"", b"PF", b"JPEG" + bytes(30), b"PF\x02" + bytes(30)])
def test_foreign_bytes_are_no_frame(message: bytes) -> None:
    with pytest.raises(ValueError, match="frame"):
        FrameHeader.unpack(message)


def test_the_example_exchange_is_valid() -> None:
    documented = re.findall(r"client  (\{.*\})", protocol.__doc__ or "")
    assert [client_message.validate_json(line).type for line in documented] == ["hello", "action", "ack"]


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "hello", "resume_from": -1}',
        '{"type": "action", "text": "wait"}',
        '{"type": "action", "event_id": "", "text": "wait"}',
        '{"type": "action", "event_id": "a", "text": "wait", "extra": 1}',
        '{"type": "control", "command": "rate", "value": 1e999}',
        '{"type": "ack", "clip": "1"}',
        '{"type": "nothing"}',
        "[]",
        "{",
    ],
)
def test_other_messages_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        client_message.validate_json(text)
