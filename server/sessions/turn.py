"""An action on its way to become a step."""

import asyncio
from dataclasses import dataclass, field

from server.engine.job import ClipJob, Frame
from server.sessions.world import Step


@dataclass(eq=False, kw_only=True)
class Turn:
    """A live one may be superseded while it waits and nobody waits for it; of the others somebody awaits `done`."""

    event_id: str
    text: str
    live: bool
    expected: int | None = None  # where the head must be when it begins
    job: ClipJob | None = None
    frames: list[Frame] = field(default_factory=list)
    done: asyncio.Future[Step] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def settle(self, outcome: Step | Exception) -> None:
        """Tell whoever awaits `done`."""
        if self.live or self.done.done():
            return
        if isinstance(outcome, Step):
            self.done.set_result(outcome)
        else:
            self.done.set_exception(outcome)
            self.done.exception()  # mark as retrieved: the caller may have gone away
