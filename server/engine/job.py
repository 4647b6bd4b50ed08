"""What the engine is asked to do, and what it tells while doing it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandora.types import WorldState

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One encoded frame and when it was decoded, in milliseconds since 1970.

    `h264`, where somebody wants it, is its access unit: the first of a clip is a key frame, the others need those
    before them.
    """

    jpeg: bytes
    timestamp_ms: int
    h264: bytes | None = None


@dataclass(frozen=True)
class ClipBegun:
    """The model has the action; it can't be replaced any more."""


@dataclass(frozen=True)
class ClipFrames:
    """The next frames, as soon as they are decoded."""

    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class ClipDone:
    """The state after the clip, and milliseconds by stage: queue, first_frame, generate, encode, total."""

    state: "WorldState"
    timings: dict[str, float]


@dataclass(frozen=True)
class ClipFailed:
    """A `Cancelled`, an error of the action, or whatever the model raised."""

    error: Exception


JobEvent = ClipBegun | ClipFrames | ClipDone | ClipFailed


class Kind(Enum):
    LIVE = "live"
    ROLLOUT = "rollout"  # imagined ahead: it yields to what somebody watches


@dataclass(eq=False, kw_only=True)
class ClipJob:
    """One action in one world. `listener` is called on the engine's thread and must return at once."""

    state: "WorldState"
    action: str
    sampling_steps: int
    listener: Callable[[JobEvent], None]
    world: str = ""
    owner: str = ""
    kind: Kind = Kind.LIVE
    h264: bool = False  # whether a viewer reads it
    shown: bool = True  # whether anybody looks at its frames; if not, none are made into pictures or told of
    dry_at: float = float("inf")  # when its viewers will have seen all there is, by the event loop's clock
    cancelled: threading.Event = field(default_factory=threading.Event)
    submitted_at: float = field(default_factory=time.perf_counter)

    def cancel(self) -> None:
        """Stop at the next denoising step, or never start; the listener gets `ClipFailed(Cancelled)`."""
        self.cancelled.set()

    def tell(self, event: JobEvent) -> None:
        """Call the listener; one that fails harms no other job."""
        try:
            self.listener(event)
        except Exception:
            log.exception("A listener failed on %s", type(event).__name__)
