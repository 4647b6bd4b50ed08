"""One live world: takes actions in, keeps one at a time with the engine, commits clips and tells the viewers.

Everything here runs on the event loop; the engine's thread reaches it only through `call_soon_threadsafe`.
"""

import asyncio
import logging
import secrets
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from pandora.errors import Cancelled, PandoraError
from server.engine.engine import Engine
from server.engine.job import ClipBegun, ClipDone, ClipFailed, ClipFrames, ClipJob, JobEvent
from server.errors import EventIdConflict, GenerationFailed, StepConflict, TooManyViewers, TooManyWaiting
from server.metrics import Metrics
from server.problems import explain
from server.protocol import (
    ActionApplied,
    ActionReceived,
    ActionRejected,
    ActionSuperseded,
    ClipStart,
    ControlChanged,
    Ended,
    WorldRewound,
)
from server.sessions.lifecycle import Status, move
from server.sessions.packing import clip_end, pack_frames, pack_still
from server.sessions.turn import Turn
from server.sessions.viewer import Media, PackedFrame, Receipt, Viewer
from server.sessions.world import Step, World
from server.settings import Settings
from server.store.store import Store

if TYPE_CHECKING:
    from pandora.types import WorldState

log = logging.getLogger(__name__)

_REMEMBERED_EVENTS = 256


class Session:
    """Scheduling and publishing for one world."""

    def __init__(self, world: World, engine: Engine, store: Store, metrics: Metrics, settings: Settings):
        self.world = world
        self.status = Status.IDLE
        self.paused = False
        self.viewers: set[Viewer] = set()
        self._engine = engine
        self._store = store
        self._metrics = metrics
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Turn] = deque()
        self._running: Turn | None = None
        self._seen: OrderedDict[str, str] = OrderedDict()

    # --- actions ---

    def hand_in(self, text: str, event_id: str | None = None) -> ActionReceived:
        """Take a live action in; it replaces one that has not begun. The same `event_id` again changes nothing.

        Raises InvalidAction, EventIdConflict, TooManySteps, or what the engine raises when it is not ready.
        """
        event_id = event_id or f"e-{secrets.token_hex(8)}"
        text = self._engine.model.check_action(text)
        receipt = ActionReceived(event_id=event_id, text=text)
        if event_id in self._seen:
            if self._seen[event_id] != text:
                raise EventIdConflict(f"The event_id {event_id!r} was used for another action. Use a new one.")
            return receipt
        self._store.admit(self.world, 1)
        self._seen[event_id] = text
        if len(self._seen) > _REMEMBERED_EVENTS:
            self._seen.popitem(last=False)
        self._publish(receipt)
        self._enqueue_live(Turn(event_id=event_id, text=text, live=True))
        return receipt

    async def take(self, actions: list[str], expected: int | None = None) -> list[Step]:
        """Apply the actions one after another and wait for their steps; after one that fails the later ones don't run.

        Raises as `hand_in`, StepConflict when the head is not `expected` as the first begins, TooManyWaiting, Cancelled
        when a rewind or the end of the world comes first, or GenerationFailed.
        """
        model = self._engine.model
        texts = [model.check_action(action) for action in actions]
        self._check_expected(expected)
        if len(self._waiting) + len(texts) > self._settings.max_waiting:
            raise TooManyWaiting(f"{len(self._waiting)} actions wait in this world already. Try again in a moment.")
        self._store.admit(self.world, len(texts))
        turns = [Turn(event_id=f"s-{secrets.token_hex(8)}", text=text, live=False) for text in texts]
        turns[0].expected = expected
        self._waiting.extend(turns)
        self._advance()
        try:
            return [await turn.done for turn in turns]
        except PandoraError:
            self._waiting = deque(turn for turn in self._waiting if turn not in turns)
            raise

    def rewind(self, number: int) -> None:
        """Move the head to a committed step; what runs or waits is cancelled. Raises UnknownStep."""
        self.world.step(number)
        self._cancel_all(Cancelled("The world was rewound before this action was committed."))
        self.world.rewind(number)
        self._record()
        self._publish(WorldRewound(head=number))
        self._publish(pack_still(self.world.step()))

    def pause(self, paused: bool) -> None:
        """Hold live actions that have not begun, or let them go on."""
        self.paused = paused
        for viewer in self.viewers:
            viewer.put(ControlChanged(paused=paused, rate=viewer.rate))
        self._advance()

    # --- viewers ---

    def new_viewer(self) -> Viewer:
        """A viewer who hears nothing until it is attached. Raises TooManyViewers."""
        settings = self._settings
        if len(self.viewers) >= settings.max_viewers:
            raise TooManyViewers(f"This world has {settings.max_viewers} viewers, and no more fit.")
        fps = self._engine.model.config.fps
        return Viewer(fps, settings.viewer_frames, settings.viewer_messages, self._metrics)

    def attach(self, viewer: Viewer) -> None:
        """Let a viewer hear all that comes, beginning with the frames of the clip that is being made."""
        self.viewers.add(viewer)
        if self._running and self._running.frames:
            viewer.put(self._clip_start(self._running))
            for packed in self._pack(self._running, 0):
                viewer.put(packed)

    def detach(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)

    def end(self, reason: str) -> None:
        """No more steps, no more viewers."""
        self._cancel_all(Cancelled("The world ended before this action was committed."))
        self.status = move(self.status, Status.DELETED)
        self._publish(Ended(reason=reason))
        for viewer in self.viewers:
            viewer.close()

    # --- scheduling ---

    def _enqueue_live(self, turn: Turn) -> None:
        running = self._running
        if running and running.live and running.job and self.status is Status.QUEUED:
            turn.job = self._job(turn)
            if self._engine.replace(running.job, turn.job):
                self._running = turn
                self._supersede(running, turn)
                return
        for index, other in enumerate(self._waiting):
            if other.live:
                self._waiting[index] = turn
                self._supersede(other, turn)
                return
        self._waiting.append(turn)
        self._advance()

    def _advance(self) -> None:
        """Give the engine the next turn, if the world is free for one."""
        while self.status is Status.IDLE:
            turn = next((turn for turn in self._waiting if not (turn.live and self.paused)), None)
            if turn is None:
                return
            self._waiting.remove(turn)
            try:
                self._check_expected(turn.expected)
                turn.job = self._job(turn)
                self._engine.submit(turn.job)
            except PandoraError as error:
                self._refuse(turn, error)
                continue
            self._running = turn
            self.status = move(self.status, Status.QUEUED)

    def _job(self, turn: Turn) -> ClipJob:
        def listener(event: JobEvent) -> None:
            self._loop.call_soon_threadsafe(self._hear, turn, event)

        state, sampling_steps = self.world.step().state, self._settings.sampling_steps
        return ClipJob(state=state, action=turn.text, sampling_steps=sampling_steps, listener=listener)

    def _hear(self, turn: Turn, event: JobEvent) -> None:
        if turn is not self._running:
            return  # cancelled meanwhile: what it makes belongs to nobody
        match event:
            case ClipBegun():
                self.status = move(self.status, Status.GENERATING)
                self._publish(ActionApplied(event_id=turn.event_id, step=self.world.next_number, text=turn.text))
            case ClipFrames(frames):
                if not turn.frames:
                    self._publish(self._clip_start(turn))
                sent = len(turn.frames)
                turn.frames.extend(frames)
                for packed in self._pack(turn, sent):
                    self._publish(packed)
            case ClipDone(state, timings):
                self._commit(turn, state, timings)
                self._advance()
            case ClipFailed(error):
                self._fail(turn, error)
                self._advance()

    def _commit(self, turn: Turn, state: "WorldState", timings: dict[str, float]) -> None:
        step = self.world.commit(turn.text, state, tuple(turn.frames), timings)
        self._record()
        self._metrics.observe_clip(timings)
        self._release()
        self._publish(clip_end(step.number, step.number, timings))
        turn.settle(step)

    def _fail(self, turn: Turn, error: Exception) -> None:
        if not isinstance(error, PandoraError):
            log.error("Generation failed in world %s", self.world.id, exc_info=error)
            error = GenerationFailed()
        self._metrics.clips["cancelled" if isinstance(error, Cancelled) else "failed"] += 1
        self.world.log("failed", action=turn.text, event_id=turn.event_id, code=error.code)
        self._record()
        self._release()
        self._publish(clip_end(self.world.next_number, self.world.head, {}, error))
        self._publish(pack_still(self.world.step()))
        turn.settle(error)

    def _release(self) -> None:
        self._running = None
        self.status = move(self.status, Status.IDLE)

    def _cancel_all(self, error: Cancelled) -> None:
        waiting, self._waiting = self._waiting, deque()
        for turn in waiting:
            self._refuse(turn, error)
        if self._running and self._running.job:
            self._running.job.cancel()
            self._fail(self._running, error)

    def _refuse(self, turn: Turn, error: PandoraError) -> None:
        if turn.live:
            code, detail = explain(error)
            self._publish(ActionRejected(event_id=turn.event_id, code=code, detail=detail))
        turn.settle(error)

    def _supersede(self, old: Turn, new: Turn) -> None:
        self._metrics.actions_superseded += 1
        self.world.log("superseded", action=old.text, event_id=old.event_id)
        self._record()
        self._publish(ActionSuperseded(event_id=old.event_id, by=new.event_id))

    def _check_expected(self, expected: int | None) -> None:
        if expected is not None and expected != self.world.head:
            head = self.world.head
            raise StepConflict(f"The world is at step {head}, not at step {expected}. Look again, then act.", head)

    # --- publishing ---

    def _publish(self, item: Receipt | Media | PackedFrame) -> None:
        for viewer in self.viewers:
            viewer.put(item)

    def _record(self) -> None:
        self._store.record(self.world, self.world.events[-1])

    def _clip_start(self, turn: Turn) -> ClipStart:
        config = self._engine.model.config
        return ClipStart(
            step=self.world.next_number, parent=self.world.head, action=turn.text, event_id=turn.event_id,
            frames=config.frames_per_action, fps=config.fps,
        )  # fmt: skip

    def _pack(self, turn: Turn, first: int) -> list[PackedFrame]:
        config = self._engine.model.config
        step, frames = self.world.next_number, turn.frames[first:]
        return list(pack_frames(step, frames, first, config.frames_per_action, config.fps))
