"""An action on its way to become a step."""

import asyncio
import time
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from server import tracing
from server.engine.job import ClipJob, Frame
from server.sessions.world import Step


@dataclass(eq=False, kw_only=True)
class Turn:
    """A live one may be superseded while it waits and nobody waits for it; of the others somebody awaits `done`."""

    event_id: str
    text: str
    live: bool
    expected: int | None = None  # where the head must be when it begins
    rest: tuple["Turn", ...] = ()  # what the same request asked for after it
    job: ClipJob | None = None
    step: Step | None = None  # once it is committed, which is when the first frames come
    frames: list[Frame] = field(default_factory=list)
    done: asyncio.Future[Step] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    handed_in: float = field(default_factory=time.perf_counter)
    commit: tuple[float, float] | None = None  # when its step was handed to the store, and seconds until durable
    context: Context = field(default_factory=copy_context)  # of who handed it in: the ids that its log lines carry
    parent: tracing.Context = field(default_factory=tracing.here)
    settled: bool = False

    def settle(self, outcome: Step | Exception) -> None:
        """Tell whoever awaits `done`."""
        if not self.settled:
            self.settled = True
            tracing.trace_action(self, outcome)
        if self.live or self.done.done():
            return
        if isinstance(outcome, Step):
            self.done.set_result(outcome)
        else:
            self.done.set_exception(outcome)
            self.done.exception()  # mark as retrieved: the caller may have gone away
