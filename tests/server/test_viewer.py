"""What one viewer is sent, and what it is not."""

import asyncio
import time

import pytest

from server.metrics import Metrics
from server.protocol import ClipEnd, ClipStart, Pong
from server.sessions.packing import clip_end
from server.sessions.viewer import ACK_WINDOW, PackedFrame, TooSlow, Viewer


def viewer(max_frames: int = 16, max_messages: int = 50) -> tuple[Viewer, Metrics]:
    metrics = Metrics()
    return Viewer(8.0, max_frames, max_messages, metrics), metrics


def sent_and_dropped(metrics: Metrics) -> tuple[float, float]:
    return metrics.value("frames_sent_total"), metrics.value("frames_dropped_total")


def put_clip(viewer: Viewer, step: int, frames: int = 8) -> None:
    viewer.put(ClipStart(step=step, parent=step - 1, action="wait", event_id=None, frames=frames, fps=8.0))
    for frame in range(frames):
        viewer.put(PackedFrame(step=step, message=b"%d %d" % (step, frame)))
    viewer.put(clip_end(step, step, {}))


async def drain(viewer: Viewer) -> list:
    viewer.close()
    items = []
    while (item := await viewer.get()) is not None:
        items.append(item)
    return items


async def test_everything_arrives_in_order() -> None:
    one, metrics = viewer()
    put_clip(one, 1)
    put_clip(one, 2)
    items = await drain(one)
    assert [type(item) for item in items] == [ClipStart, *[PackedFrame] * 8, ClipEnd] * 2
    assert sent_and_dropped(metrics) == (16, 0)


async def test_a_slow_viewer_loses_old_frames_and_no_messages() -> None:
    one, metrics = viewer(max_frames=10)
    for step in range(1, 11):
        put_clip(one, step)
    items = await drain(one)
    frames = [item.message for item in items if isinstance(item, PackedFrame)]
    assert frames == [b"9 6", b"9 7", *(b"10 %d" % frame for frame in range(8))]
    ends = [item for item in items if isinstance(item, ClipEnd)]
    assert [end.dropped for end in ends] == [8] * 8 + [6, 0]
    assert sent_and_dropped(metrics) == (10, 70)


async def test_a_viewer_that_takes_nothing_is_cut_off() -> None:
    one, _ = viewer(max_messages=20)
    for step in range(1, 12):
        put_clip(one, step)
    with pytest.raises(TooSlow):
        await one.get()


async def test_receipts_overtake_frames() -> None:
    one, _ = viewer()
    put_clip(one, 1)
    one.put(Pong(timestamp_ms=0))
    assert isinstance(await one.get(), Pong)
    assert isinstance(await one.get(), ClipStart)


async def test_a_viewer_that_acknowledges_gets_no_more_than_it_can_show() -> None:
    one, metrics = viewer(max_frames=1000)
    one.acknowledge(0)
    for step in range(1, 8):
        put_clip(one, step)
    assert metrics.value("frames_dropped_total") == 8 * (7 - ACK_WINDOW)
    one.acknowledge(6)
    put_clip(one, 8)
    assert metrics.value("frames_dropped_total") == 8 * (7 - ACK_WINDOW)


async def test_frames_at_a_rate() -> None:
    one, _ = viewer()
    one.rate = 10.0  # a frame every 12.5 ms
    put_clip(one, 1)
    started = time.perf_counter()
    while not isinstance(await one.get(), ClipEnd):
        pass
    assert time.perf_counter() - started > 0.06


async def test_waiting_for_something_to_send() -> None:
    one, _ = viewer()
    waiting = asyncio.create_task(one.get())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    one.put(Pong(timestamp_ms=1))
    assert await waiting == Pong(timestamp_ms=1)
