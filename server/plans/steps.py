"""The engine as the model that a planner steps: batches go in, and the planner's thread waits for what they come to."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from pandora.errors import Cancelled
from pandora.media import load_image
from server.engine.engine import Engine
from server.engine.job import ClipDone, ClipFailed, ClipFrames, ClipJob, Frame, JobEvent, Kind
from server.sessions.moments import state_bytes

if TYPE_CHECKING:
    from pandora.futures import Said
    from pandora.media import Frame as Picture
    from pandora.types import Clip, Sampler, WorldState
    from pandora.world_model import WorldModel

Result = TypeVar("Result")


class EngineSteps:
    """What `Imagined` steps. `step` and `call` are for one thread, all else for any.

    At most `width` steps are with the engine at a time. `made` counts clips, `bytes` are those of their states and
    frames. The first step that fails, or `stop`, ends the waiting: from then on every call raises that error.
    """

    def __init__(self, engine: Engine, start: "WorldState", *, owner: str, sampling_steps: int, width: int):
        self.width = width
        self.made = 0
        self.bytes = 0
        self._engine = engine
        self._start = start
        self._owner = owner
        self._sampling_steps = sampling_steps
        self._running: set[ClipJob] = set()
        self._error: Exception | None = None
        self._frames: WeakKeyDictionary[WorldState, tuple[Frame, ...]] = WeakKeyDictionary()
        self._changed = threading.Condition()  # never held while the engine is called, which has a lock of its own

    @property
    def stopped(self) -> bool:
        return self._error is not None

    def stop(self, error: Exception | None = None) -> None:
        """Cancel what runs or waits, and let nothing follow."""
        with self._changed:
            self._error = self._error or error or Cancelled("The search was stopped.")
            jobs = list(self._running)
            self._changed.notify_all()
        for job in jobs:
            job.cancel()

    def begin(self, image: "Picture", seed: int = 0) -> "WorldState":
        """The state to plan from, which the picture shows already."""
        return self._start

    def step(
        self, states: "Sequence[WorldState]", actions: Sequence[str], sampler: "Sampler | None" = None
    ) -> "tuple[list[WorldState], Sequence[Clip]]":
        """The states that follow, and their clips, which are decoded from JPEG when one is taken.

        Raises Cancelled, or what the engine or the model raised.
        """
        after: dict[int, WorldState] = {}
        left = deque(enumerate(zip(states, actions, strict=True)))
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._error or (left and len(self._running) < self.width) or not (left or self._running)
                )
                if self._error is not None:
                    raise self._error
                if not left and not self._running:
                    made = [after[place] for place in range(len(states))]
                    return made, _Clips([self.frames(state) for state in made], self._engine.model.config.fps)
                jobs = []
                while left and len(jobs) < self.width - len(self._running):
                    place, (state, action) = left.popleft()
                    jobs.append(self._job(state, action, place, after))
                self._running.update(jobs)
            self._engine.submit(*jobs)

    def call(self, function: "Callable[[WorldModel], Result]") -> Result:
        """What `function(model)` returns on the engine's thread. Raises as `step`, and what the function raises."""
        future = self._engine.call(function)
        future.add_done_callback(lambda _: self._wake())
        with self._changed:
            self._changed.wait_for(lambda: self._error or future.done())
            if self._error is not None:
                future.cancel()
                raise self._error
        return future.result()

    def frames(self, state: "WorldState") -> tuple[Frame, ...]:
        """What led to a state that was stepped to here; nothing for any other."""
        return self._frames.get(state, ())

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _job(self, state: "WorldState", action: str, place: int, after: "dict[int, WorldState]") -> ClipJob:
        frames: list[Frame] = []

        def listener(event: JobEvent) -> None:
            match event:
                case ClipFrames(made):
                    frames.extend(made)
                case ClipDone(made, _):
                    with self._changed:
                        self._running.discard(job)
                        self._frames[made], after[place] = tuple(frames), made
                        self.made += 1
                        self.bytes += state_bytes(made) + sum(len(frame.jpeg) for frame in frames)
                        self._changed.notify_all()
                case ClipFailed(error):
                    with self._changed:
                        self._running.discard(job)
                    self.stop(error)

        job = ClipJob(
            state=state, action=action, sampling_steps=self._sampling_steps, listener=listener, owner=self._owner,
            kind=Kind.ROLLOUT,
        )  # fmt: skip
        return job


class _Clips(Sequence["Clip"]):
    """Clips that were made, as what the planner reads."""

    def __init__(self, frames: list[tuple[Frame, ...]], fps: float):
        self._frames, self._fps = frames, fps

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: Any) -> Any:
        from pandora.types import Clip

        return Clip(frames=np.stack([load_image(frame.jpeg) for frame in self._frames[index]]), fps=self._fps)


class EngineVoice:
    """What `Worded` asks: the words of the model or its expert, in turn with what else the engine has to do."""

    def __init__(self, steps: EngineSteps, expert: str = ""):
        self._steps, self._expert = steps, expert

    def describe(self, frames: "Sequence[Picture]") -> "Sequence[Said]":
        """Raises as EngineSteps.call."""
        return self._steps.call(lambda model: model.expert(self._expert).describe(frames))

    def foresee(self, texts: Sequence[str], actions: Sequence[str]) -> "Sequence[Said]":
        """Raises as EngineSteps.call."""
        return self._steps.call(lambda model: model.expert(self._expert).foresee(texts, actions))
