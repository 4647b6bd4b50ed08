"""The engine against the real model: batching, cancelling, failing alone, stopping."""

import queue
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from pandora.errors import Cancelled, InvalidCheckpoint
from pandora.media import encode_jpeg
from pandora.types import Sampler, WorldState
from pandora.world_model import WorldModel
from server.engine.engine import Engine, EngineStatus
from server.engine.job import ClipBegun, ClipDone, ClipFailed, ClipFrames, ClipJob, JobEvent
from server.engine.loading import load_model
from server.errors import ModelUnavailable, NotReady, Stopping
from server.settings import Settings

PICTURE = np.random.default_rng(5).integers(0, 256, (128, 128, 3), dtype=np.uint8)


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.events: queue.Queue[JobEvent] = queue.Queue()

    def __call__(self, event: JobEvent) -> None:
        self.events.put(event)

    def all(self) -> list[JobEvent]:
        events = [self.events.get(timeout=20)]
        while not isinstance(events[-1], ClipDone | ClipFailed):
            events.append(self.events.get(timeout=20))
        return events


def job(state: WorldState, listener: Callable[[JobEvent], None], steps: int = 2, action: str = "wait") -> ClipJob:
    return ClipJob(state=state, action=action, sampling_steps=steps, listener=listener)


def test_frames_come_before_the_end(engine: Engine, model: WorldModel) -> None:
    state, heard = model.begin(PICTURE, seed=1), Heard()
    engine.submit(job(state, heard))
    events = heard.all()
    assert [type(event) for event in events] == [ClipBegun, ClipFrames, ClipFrames, ClipDone]
    end = events[-1]
    assert isinstance(end, ClipDone)
    after, clip = model.step(state, "wait", Sampler(steps=2))
    assert torch.equal(end.state.latents, after.latents)
    assert end.state.actions == ("wait",)
    timings = end.timings
    assert 0 <= timings["queue"] <= timings["first_frame"] <= timings["total"]
    frames = [frame.jpeg for event in events if isinstance(event, ClipFrames) for frame in event.frames]
    assert frames == [encode_jpeg(frame, 90) for frame in clip.frames]


def test_jobs_that_wait_together_run_together(model: WorldModel) -> None:
    sizes: list[int] = []
    gate = threading.Event()
    engine = Engine(lambda: model, max_batch=2, observe_batch=sizes.append)
    engine.start()
    engine.settled.wait()
    blocked = engine.call(lambda model: gate.wait(20))
    states = [model.begin(PICTURE, seed=seed) for seed in range(4)]
    heard = [Heard() for _ in states]
    for state, listener, steps in zip(states, heard, (2, 2, 2, 4), strict=True):
        engine.submit(job(state, listener, steps))
    gate.set()
    ends = [listener.all()[-1] for listener in heard]
    blocked.result()
    engine.stop()
    assert sizes == [2, 1, 1]  # two fit, one is over the limit, one samples otherwise
    for state, end in zip(states[:3], ends, strict=False):
        assert isinstance(end, ClipDone)
        alone, _ = model.step(state, "wait", Sampler(steps=2))
        assert torch.allclose(end.state.latents, alone.latents, atol=1e-5)


def test_one_that_fails_fails_alone(engine: Engine, model: WorldModel, busy) -> None:
    good = model.begin(PICTURE, seed=1)
    bad = replace(good, latents=good.latents[:, :, :1, :1])
    heard = [Heard(), Heard(), Heard()]
    with busy():
        for state, listener in zip((good, bad, good), heard, strict=True):
            engine.submit(job(state, listener))
    ends = [listener.all() for listener in heard]
    assert [type(events[-1]) for events in ends] == [ClipDone, ClipFailed, ClipDone]
    for events in (ends[0], ends[2]):
        assert sum(isinstance(event, ClipBegun) for event in events) == 1
        assert sum(len(event.frames) for event in events if isinstance(event, ClipFrames)) == 8


def test_a_broken_listener_harms_nobody(engine: Engine, model: WorldModel, caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: JobEvent) -> None:
        raise RuntimeError("broken listener")

    heard = Heard()
    state = model.begin(PICTURE, seed=1)
    engine.submit(job(state, broken))
    engine.submit(job(state, heard))
    assert isinstance(heard.all()[-1], ClipDone)
    assert "broken listener" in caplog.text


def test_cancelled_between_denoising_steps(engine: Engine, model: WorldModel) -> None:
    heard = Heard()

    def listener(event: JobEvent) -> None:
        heard(event)
        if isinstance(event, ClipBegun):
            running.cancel()

    running = job(model.begin(PICTURE, seed=1), listener, steps=50)
    engine.submit(running)
    events = heard.all()
    assert [type(event) for event in events] == [ClipBegun, ClipFailed]
    assert isinstance(events[-1], ClipFailed)
    assert isinstance(events[-1].error, Cancelled)


def test_cancelled_while_others_of_its_batch_go_on(engine: Engine, model: WorldModel, busy) -> None:
    first, second = Heard(), Heard()

    def listener(event: JobEvent) -> None:
        first(event)
        if isinstance(event, ClipBegun):
            quitter.cancel()

    state = model.begin(PICTURE, seed=1)
    quitter = job(state, listener)
    with busy():
        engine.submit(quitter)
        engine.submit(job(state, second))
    assert [type(event) for event in first.all()] == [ClipBegun, ClipFailed]
    assert isinstance(second.all()[-1], ClipDone)


def test_cancelled_before_it_began(engine: Engine, model: WorldModel, busy) -> None:
    heard = Heard()
    with busy():
        waiting = job(model.begin(PICTURE, seed=1), heard)
        engine.submit(waiting)
        assert engine.waiting == 1
        waiting.cancel()
    assert [type(event) for event in heard.all()] == [ClipFailed]


def test_replaced_before_it_began(engine: Engine, model: WorldModel, busy) -> None:
    old, new = Heard(), Heard()
    state = model.begin(PICTURE, seed=1)
    first, second = job(state, old), job(state, new, action="pick up")
    with busy():
        engine.submit(first)
        assert engine.replace(first, second)
        assert not engine.replace(first, second)
    end = new.all()[-1]
    assert isinstance(end, ClipDone)
    assert end.state.actions == ("pick up",)
    assert old.events.empty()
    assert not engine.replace(second, first)


def test_calls_return_or_raise(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    assert engine.call(lambda model: model.name).result(20) == "pandora-tiny"
    with pytest.raises(ZeroDivisionError):
        engine.call(lambda model: 1 / 0).result(20)
    assert "failed" in caplog.text


def test_stopping_cancels_what_runs_and_waits(model: WorldModel) -> None:
    engine = Engine(lambda: model)
    with pytest.raises(NotReady):
        _ = engine.model
    engine.start()
    engine.settled.wait()
    running, waiting = Heard(), Heard()
    state = model.begin(PICTURE, seed=1)
    engine.submit(job(state, running, steps=50))
    engine.submit(job(state, waiting, steps=49))
    assert isinstance(running.events.get(timeout=20), ClipBegun)
    engine.stop()
    assert isinstance(running.all()[-1], ClipFailed)
    assert isinstance(waiting.all()[-1], ClipFailed)
    assert engine.status is EngineStatus.STOPPED
    engine.stop()
    with pytest.raises(Stopping):
        engine.submit(job(state, waiting))


def test_a_model_that_cannot_be_loaded(caplog: pytest.LogCaptureFixture, tmp_path) -> None:
    engine = Engine(lambda: load_model(Settings(weights=tmp_path)))
    engine.start()
    assert engine.settled.wait(20)
    assert engine.status is EngineStatus.FAILED
    assert isinstance(engine.failure, InvalidCheckpoint)
    with pytest.raises(ModelUnavailable):
        _ = engine.model
    engine.stop()


def test_loading_warms_the_model_up(settings: Settings, model: WorldModel) -> None:
    loaded = load_model(settings)
    assert loaded.name == "pandora-tiny"
    assert loaded.fingerprint != "untrained"
    assert loaded.runtime.threads == 1
