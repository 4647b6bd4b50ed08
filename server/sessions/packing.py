"""Steps and clips as messages of the stream."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pandora.errors import PandoraError
from server.engine.job import Frame
from server.problems import explain
from server.protocol import ClipEnd, ClipStart, FrameFlags, FrameHeader
from server.sessions.viewer import PackedFrame
from server.sessions.world import Step


def pack_frames(
    step: int, frames: Sequence[Frame], first: int, total: int, fps: float, flags: FrameFlags = FrameFlags.NONE
) -> Iterator[PackedFrame]:
    """Frames `first`, `first` + 1, … of a step's `total`."""
    for index, frame in enumerate(frames, first):
        last = FrameFlags.LAST if index == total - 1 else FrameFlags.NONE
        header = FrameHeader(
            step=step, frame=index, frames=total, media_ms=round(index * 1000 / fps), timestamp_ms=frame.timestamp_ms,
            flags=flags | last,
        )  # fmt: skip
        filmed = None
        if frame.h264 is not None and not flags:
            filmed = replace(header, flags=header.flags | FrameFlags.H264).pack(frame.h264)
        yield PackedFrame(step=step, message=header.pack(frame.jpeg), filmed=filmed)


def pack_still(step: Step, frame: Frame) -> PackedFrame:
    """The last frame of a step, to be shown at once."""
    header = FrameHeader(
        step=step.number, frame=0, frames=1, media_ms=0, timestamp_ms=frame.timestamp_ms,
        flags=FrameFlags.STILL | FrameFlags.LAST,
    )  # fmt: skip
    return PackedFrame(step=step.number, message=header.pack(frame.jpeg), still=True)


def pack_replay(
    step: Step, clip: Sequence[Frame], head: int, fps: float
) -> Iterator[ClipStart | PackedFrame | ClipEnd]:
    """A committed step once more, as it was sent at first."""
    assert step.parent is not None, "the start picture is no clip"
    assert step.action is not None
    total = len(clip)
    yield ClipStart(
        step=step.number, parent=step.parent, action=step.action, event_id=None, frames=total, fps=fps, replay=True
    )
    yield from pack_frames(step.number, clip, 0, total, fps, FrameFlags.REPLAY)
    yield clip_end(step.number, head, step.timings, replay=True, description=step.description)


def clip_start(step: Step, event_id: str, fps: float) -> ClipStart:
    """The message before a clip's frames."""
    assert step.parent is not None, "the start picture is no clip"
    assert step.action is not None
    return ClipStart(
        step=step.number, parent=step.parent, action=step.action, event_id=event_id, frames=step.frames, fps=fps
    )


def clip_end(
    step: int, head: int, timings: dict[str, float], error: PandoraError | None = None, replay: bool = False,
    description: str | None = None,
) -> ClipEnd:  # fmt: skip
    """The message after a clip's frames; with `error` it was not committed."""
    code, detail = explain(error) if error else (None, None)
    queue, generate, encode = (timings.get(stage, 0.0) for stage in ("queue", "generate", "encode"))
    return ClipEnd(
        step=step, committed=error is None, head=head, replay=replay, code=code, detail=detail, queue_ms=queue,
        generate_ms=generate, encode_ms=encode, description=description,
    )  # fmt: skip
