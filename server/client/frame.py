"""Pictures as they come over a stream."""

from dataclasses import dataclass
from functools import cached_property

from pandora.media import Frame, load_image
from server.protocol import FrameFlags, FrameHeader


@dataclass(frozen=True, kw_only=True)
class LiveFrame:
    """One frame of a step. A `still` is what the world looks like now, and no part of a moving clip."""

    step: int
    index: int  # 0-based within the step
    frames: int  # of the step
    jpeg: bytes
    still: bool = False
    replay: bool = False  # committed earlier
    timestamp_ms: int = 0  # when it was decoded; 0 where that is not known any more

    @property
    def last(self) -> bool:
        """Whether the step ends with this frame."""
        return self.index == self.frames - 1

    @cached_property
    def array(self) -> Frame:
        """(H, W, 3) uint8 RGB."""
        return load_image(self.jpeg)

    @classmethod
    def from_message(cls, header: FrameHeader, jpeg: bytes) -> "LiveFrame":
        return cls(
            step=header.step, index=header.frame, frames=header.frames, jpeg=jpeg, timestamp_ms=header.timestamp_ms,
            still=FrameFlags.STILL in header.flags, replay=FrameFlags.REPLAY in header.flags,
        )  # fmt: skip
