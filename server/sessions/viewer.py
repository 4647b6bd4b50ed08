"""What waits to be sent to one viewer: bounded, with the oldest frames dropped when the viewer is slow."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace

from server.metrics import Metrics
from server.protocol import (
    ActionApplied,
    ActionReceived,
    ActionRejected,
    ActionSuperseded,
    ClipEnd,
    ClipStart,
    ControlChanged,
    Draining,
    Ended,
    Pong,
    Ready,
    StreamError,
    WorldRewound,
)  # fmt: skip

Receipt = (
    Ready | ActionReceived | ActionApplied | ActionSuperseded | ActionRejected | ControlChanged | Pong | Draining
    | StreamError | Ended
)  # fmt: skip
Media = ClipStart | ClipEnd | WorldRewound
ACK_WINDOW = 4  # clips that go out beyond the last acknowledged one


@dataclass(frozen=True)
class PackedFrame:
    """A binary message, packed once for all viewers; `filmed` is the frame as H.264, which needs those before it."""

    step: int
    message: bytes
    filmed: bytes | None = None
    still: bool = False


class TooSlow(Exception):
    """So many messages wait that the viewer is as good as gone."""


class Viewer:
    """Two queues: receipts go first; clips and frames follow in order, frames no faster than `rate` x fps allows.

    Used on the event loop only.
    """

    def __init__(self, fps: float, max_frames: int, max_messages: int, metrics: Metrics, h264: bool = False):
        self.rate = 0.0
        self.h264 = h264
        self._fps = fps
        self._max_frames = max_frames
        self._max_messages = max_messages
        self._metrics = metrics
        self._receipts: deque[Receipt] = deque()
        self._media: deque[Media | PackedFrame] = deque()
        self._frames = 0
        self._dropped: dict[int, int] = {}
        self._unacknowledged: deque[int] | None = None  # None until the viewer's first ack
        self._due = 0.0
        self._changed = asyncio.Event()
        self._overflow = False
        self._torn: int | None = None  # a clip of which an H.264 frame was dropped: the frames after it are useless
        self._closed = False

    def put(self, item: Receipt | Media | PackedFrame) -> None:
        """Queue for sending; never waits."""
        if isinstance(item, PackedFrame):
            self._put_frame(item)
        elif isinstance(item, Media):
            if isinstance(item, ClipStart) and self._unacknowledged is not None:
                self._unacknowledged.append(item.step)
            self._media.append(item)
        else:
            self._receipts.append(item)
        if len(self._receipts) + len(self._media) - self._frames > self._max_messages:
            self._overflow = True
        self._changed.set()

    def acknowledge(self, clip: int) -> None:
        """The viewer has shown this clip and those before it."""
        left = [step for step in self._unacknowledged or () if step > clip]
        self._unacknowledged = deque(left)

    def close(self) -> None:
        """Let `get` return None once all that waits is sent."""
        self._closed = True
        self.rate = 0.0
        self._changed.set()

    async def get(self) -> Receipt | Media | PackedFrame | None:
        """The next thing to send, when it is due; None at the end. Raises TooSlow."""
        clock = asyncio.get_running_loop().time
        while True:
            self._changed.clear()
            if self._overflow:
                raise TooSlow
            if self._receipts:
                return self._receipts.popleft()
            wait = self._wait(clock())
            if self._media and wait <= 0:
                return self._pop_media(clock())
            if self._closed and not self._media:
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout(wait if self._media else None):
                    await self._changed.wait()

    def _wait(self, now: float) -> float:
        paced = self._media and isinstance(self._media[0], PackedFrame) and self.rate > 0 and not self._media[0].still
        return self._due - now if paced else 0.0

    def _pop_media(self, now: float) -> Media | PackedFrame:
        item = self._media.popleft()
        if isinstance(item, PackedFrame):
            self._frames -= 1
            self._metrics.frames_sent.inc()
            if self.rate > 0:
                interval = 1.0 / (self._fps * self.rate)
                self._due = (self._due if now - self._due < interval else now) + interval
        elif isinstance(item, ClipEnd):
            return item.model_copy(update={"dropped": self._dropped.pop(item.step, 0)})
        return item

    def _put_frame(self, frame: PackedFrame) -> None:
        if not self.h264 and frame.filmed is not None:
            frame = replace(frame, filmed=None)
        elif frame.filmed is not None and frame.step == self._torn:
            self._drop(frame)
            return
        if not frame.still and self._unacknowledged is not None and len(self._unacknowledged) > ACK_WINDOW:
            self._drop(frame)
            return
        if self._frames >= self._max_frames:
            oldest = next(index for index, item in enumerate(self._media) if isinstance(item, PackedFrame))
            victim = self._media[oldest]
            del self._media[oldest]
            self._frames -= 1
            self._drop(victim)
            if isinstance(victim, PackedFrame) and victim.filmed is not None:
                self._tear(victim.step)
                if frame.filmed is not None and frame.step == self._torn:
                    self._drop(frame)
                    return
        self._media.append(frame)
        self._frames += 1

    def _tear(self, step: int) -> None:
        """Drop what waits of a clip that can't be decoded any more."""
        self._torn = step
        useless = [item for item in self._media if isinstance(item, PackedFrame) and item.filmed and item.step == step]
        for item in useless:
            self._media.remove(item)
            self._frames -= 1
            self._drop(item)

    def _drop(self, frame: Media | PackedFrame) -> None:
        self._metrics.frames_dropped.inc()
        if isinstance(frame, PackedFrame) and not frame.still:
            self._torn = frame.step if frame.filmed is not None else self._torn
            self._dropped[frame.step] = self._dropped.get(frame.step, 0) + 1
