"""One live world: takes actions in, keeps one at a time with the engine, commits clips and tells the viewers.

Everything here runs on the event loop; the engine's thread reaches it only through `call_soon_threadsafe`. A step is
committed when its first frames come, since from then on action, seed and sampler make it again; nobody sees a frame
before the commit is durable.
"""

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from pandora.errors import Cancelled, PandoraError
from server import errors, protocol
from server.engine.engine import Engine
from server.engine.job import ClipBegun, ClipDone, ClipFailed, ClipFrames, ClipJob, Frame, JobEvent
from server.metrics import Metrics
from server.problems import explain
from server.sessions.audience import Audience
from server.sessions.lifecycle import Status, move
from server.sessions.moments import Moments
from server.sessions.outbox import Outbox
from server.sessions.packing import clip_end, clip_start, pack_frames, pack_still
from server.sessions.said import Said
from server.sessions.turn import Turn
from server.sessions.viewer import PackedFrame, Viewer
from server.sessions.waiting import Waiting
from server.sessions.world import Step, World
from server.settings import Settings
from server.store.store import Store

if TYPE_CHECKING:
    from pandora.types import WorldState

log = logging.getLogger(__name__)

FAULTS = 2  # ends of the process while a world was acting, after which it acts no more by itself


class Session:
    """Scheduling and publishing for one world. `said` are the event_ids of newest steps and what was said with them."""

    def __init__(
        self, world: World, engine: Engine, store: Store, moments: Moments, metrics: Metrics, settings: Settings,
        said: dict[str, str],
    ):  # fmt: skip
        self.world = world
        self.status = Status.IDLE
        self.paused = False
        self.failed = False  # the store refused a write: what is in memory is not what is stored
        self._engine = engine
        self._store = store
        self._moments = moments
        self._metrics = metrics
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._break)
        self.audience = Audience(self._outbox)
        self._waiting = Waiting()
        self._asked: set[Turn] = set()  # those whose outcome somebody awaits
        self._running: Turn | None = None
        self._said = Said(said)
        self._tasks: set[asyncio.Task[None]] = set()
        self._touched = self._loop.time()
        self._dry_at = 0.0  # when viewers will have seen all there is, by the loop's clock

    # --- actions ---

    def hand_in(self, text: str, event_id: str | None = None, viewer: Viewer | None = None) -> protocol.ActionReceived:
        """Take a live action in; it replaces one that has not begun. The same `event_id` again changes nothing, and
        only `viewer`, who said it again, hears the receipt once more.

        Raises InvalidAction, EventIdConflict, TooManySteps, Quarantined, or what the engine raises when not ready.
        """
        event_id = event_id or f"e-{secrets.token_hex(8)}"
        text = self._engine.model.check_action(text)
        receipt = protocol.ActionReceived(event_id=event_id, text=text)
        if self._said.is_known(event_id, text):
            if viewer is not None:
                viewer.put(receipt)
            return receipt
        self._check_fit(1)
        self._said.remember(event_id, text)
        self.audience.publish(receipt)
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
            raise errors.TooManyWaiting(
                f"{len(self._waiting)} actions wait in this world already. Try again in a moment."
            )
        self._check_fit(len(texts))
        turns = [Turn(event_id=f"s-{secrets.token_hex(8)}", text=text, live=False) for text in texts]
        turns[0].expected = expected
        for index, turn in enumerate(turns):
            turn.rest = tuple(turns[index + 1 :])
        self._waiting.add(turns)
        self._asked.update(turns)
        self._advance()
        try:
            return [await turn.done for turn in turns]
        finally:
            self._asked.difference_update(turns)

    async def rewind(self, number: int) -> None:
        """Move the head to a committed step; what runs or waits is cancelled. Raises UnknownStep, StoreUnavailable."""
        step = self.world.step(number)
        frame = await self._moments.last_frame(self.world, step)
        if self.failed:
            raise errors.StoreUnavailable
        self._cancel_all(Cancelled("The world was rewound before this action was committed."))
        self.world.faults = 0
        event = self.world.rewind(number)
        self._outbox.wait_for(self._store.record(self.world, [event]))
        self.audience.publish(protocol.WorldRewound(head=number))
        self.audience.publish(pack_still(step, frame))
        await self.settled()

    def pause(self, paused: bool) -> None:
        """Hold live actions that have not begun, or let them go on."""
        self.touch()
        self.paused = paused
        self.audience.tell_pause(paused)
        self._advance()

    async def settled(self) -> None:
        """Until all that this world shows is durable. Raises StoreUnavailable."""
        await self._outbox.settled()

    # --- what a step holds ---

    async def clip(self, number: int) -> tuple[Frame, ...]:
        """The frames of a committed step. Raises UnknownStep, and as Moments.clip."""
        self.touch()
        return await self._moments.clip(self.world, self.world.step(number))

    async def still(self, number: int | None = None) -> PackedFrame:
        """The last frame of a step, the head by default, as a message. Raises as `clip`."""
        coming = self._running and self._running.step  # a viewer is shown what was before, and then its clip
        step = self.world.step(coming.parent if number is None and coming else number)
        return pack_still(step, await self._moments.last_frame(self.world, step))

    async def state(self, number: int | None = None) -> "WorldState":
        """The state after a step, the head by default. Raises UnknownStep, and as Moments.state."""
        self.touch()
        return await self._moments.state(self.world, self.world.step(number))

    # --- viewers ---

    def new_viewer(self, h264: bool = False) -> Viewer:
        """A viewer who hears nothing until it is attached. Raises TooManyViewers."""
        return self.audience.new_viewer(self._engine.model.config.fps, self._settings, self._metrics, h264)

    def attach(self, viewer: Viewer) -> None:
        """Let a viewer hear all that comes, beginning with the frames of the clip that is being made."""
        self.touch()
        turn, fps, begun = self._running, self._engine.model.config.fps, []
        if turn and (step := turn.step):
            begun = [clip_start(step, turn.event_id, fps), *pack_frames(step.number, turn.frames, 0, step.frames, fps)]
        self.audience.join(viewer, begun)

    def detach(self, viewer: Viewer) -> None:
        self.touch()
        self.audience.leave(viewer)

    def end(self, reason: str) -> None:
        """No more steps, no more viewers."""
        self._cancel_all(Cancelled("The world ended before this action was committed."))
        self.status = move(self.status, Status.DELETED)
        self.audience.publish(protocol.Ended(reason=reason))
        self.audience.close()

    @property
    def is_idle(self) -> bool:
        """Whether nobody watches, nothing runs or could begin, and nothing happened lately."""
        quiet = self._loop.time() - self._touched >= self._settings.suspend_seconds
        return quiet and not (len(self.audience) or self._waiting.first(self.paused) or self.is_busy)

    @property
    def is_busy(self) -> bool:
        """Whether something runs or is still being written."""
        return bool(self._running or self._tasks)

    # --- scheduling ---

    def _enqueue_live(self, turn: Turn) -> None:
        self.touch()
        running = self._running
        if running and running.live and self.status is Status.QUEUED:
            if running.job is None:  # its state is still being read
                self._start(turn)
                self._supersede(running, turn)
                return
            turn.job = self._job(turn, running.job.state)
            if self._engine.replace(running.job, turn.job):
                self._running = turn
                self._supersede(running, turn)
                return
        if (before := self._waiting.supersede(turn)) is not None:
            self._supersede(before, turn)
        self._advance()

    def _advance(self) -> None:
        """Begin the next turn, if the world is free for one."""
        if self.status is Status.IDLE and (turn := self._waiting.first(self.paused)) is not None:
            self._waiting.take_out([turn])
            self.status = move(self.status, Status.QUEUED)
            self._start(turn)

    def _start(self, turn: Turn) -> None:
        self._running = turn
        self._spawn(self._submit(turn))

    async def _submit(self, turn: Turn) -> None:
        """Hand a turn to the engine, once the state that it continues is there."""
        try:
            self._check_expected(turn.expected)
            head = self.world.step()
            if head.model not in self._engine.model.fingerprints:
                raise errors.IncompatibleModel
            state = await self._moments.state(self.world, head)
            if turn is self._running:
                turn.job = self._job(turn, state.fork(self.world.seed))
                self._engine.submit(turn.job)
        except PandoraError as error:
            if turn is self._running:
                self._release()
                self._refuse(turn, error)
                self._advance()

    def _job(self, turn: Turn, state: "WorldState") -> ClipJob:
        def listener(event: JobEvent) -> None:
            self._loop.call_soon_threadsafe(self._hear, turn, event, context=turn.context)

        return ClipJob(
            state=state, action=turn.text, sampling_steps=self._settings.sampling_steps, listener=listener,
            world=self.world.id, owner=self.world.owner, dry_at=self._dry_at if len(self.audience) else float("inf"),
            h264=any(viewer.h264 for viewer in self.audience.viewers),
        )  # fmt: skip

    def _hear(self, turn: Turn, event: JobEvent) -> None:
        if self.failed or (turn is not self._running and turn.step is None):
            return  # cancelled meanwhile: what it makes belongs to nobody
        match event:
            case ClipBegun():
                self.status = move(self.status, Status.GENERATING)
                self._metrics.applied(turn)
                applied = protocol.ActionApplied(event_id=turn.event_id, step=self.world.next_number, text=turn.text)
                self.audience.publish(applied)
            case ClipFrames(frames):
                self._take_in(turn, frames)
            case ClipDone(state, timings):
                self._finish(turn, state, timings)
            case ClipFailed(error):
                self._fail(turn, error)
        self._advance()

    def _take_in(self, turn: Turn, frames: tuple[Frame, ...]) -> None:
        sent = len(turn.frames)
        turn.frames.extend(frames)
        step = turn.step or self._commit(turn)
        if turn is self._running:
            for packed in pack_frames(step.number, frames, sent, step.frames, self._engine.model.config.fps):
                self.audience.publish(packed)

    def _commit(self, turn: Turn) -> Step:
        model, steps = self._engine.model, self._settings.sampling_steps
        drawn_by = model.fingerprint_of(turn.job.state.expert if turn.job else "")
        step, event = self.world.commit(turn.text, turn.event_id, steps, drawn_by, model.config.frames_per_action)
        turn.step, self.world.faults = step, 0
        self._said.remember(turn.event_id, turn.text)
        write = self._store.commit(self.world, step, event)
        self._outbox.wait_for(self._metrics.commit(turn, self._loop.time(), write))
        self.audience.publish(clip_start(step, turn.event_id, model.config.fps))
        self._dry_at = max(self._dry_at, self._loop.time()) + step.frames / model.config.fps
        return step

    def _finish(self, turn: Turn, state: "WorldState", timings: dict[str, float]) -> None:
        step = turn.step
        assert step is not None, "frames come before the end"
        step.timings, step.description = timings, state.description
        self._moments.keep(step, state, tuple(turn.frames))
        self._outbox.do(lambda: self._spawn(self._moments.save(step, state, tuple(turn.frames))))
        self._metrics.clip(self.world, turn, timings)
        if turn is self._running:
            self._release()
            self.audience.publish(clip_end(step.number, self.world.head, timings, description=step.description))
        self._outbox.do(lambda: turn.settle(step))

    def _fail(self, turn: Turn, error: Exception) -> None:
        if not isinstance(error, PandoraError):
            log.error("Generation failed in world %s", self.world.id, exc_info=error)
            error = errors.GenerationFailed()
        self._metrics.clip_lost(error)
        number = turn.step.number if turn.step else self.world.next_number
        if turn is self._running:
            self._release()
        self._drop(turn.rest, error)
        events = [self.world.log("failed", action=turn.text, event_id=turn.event_id, code=error.code)]
        if turn.step is not None and self.world.head == number and not isinstance(error, Cancelled):
            events.append(self.world.rewind(turn.step.parent or 0))  # committed, and yet it can't be finished
        self._outbox.wait_for(self._store.record(self.world, events))
        self.audience.publish(clip_end(number, self.world.head, {}, error))
        if not isinstance(error, Cancelled):  # who cancels shows what comes instead
            self._spawn(self._show_head())
        self._outbox.do(lambda: turn.settle(error))

    async def _show_head(self) -> None:
        try:
            self.audience.publish(await self.still())
        except PandoraError as error:
            log.warning("The head of world %s can't be shown: %s", self.world.id, error)

    def _release(self) -> None:
        self.touch()
        self._running = None
        self.status = move(self.status, Status.IDLE)

    def drop_waiting(self, error: PandoraError) -> None:
        """Begin nothing more of what waits; what runs goes on."""
        self._drop(None, error)

    def _drop(self, turns: Iterable[Turn] | None, error: PandoraError) -> None:
        for turn in self._waiting.take_out(turns):
            self._refuse(turn, error)

    def _cancel_all(self, error: Cancelled) -> None:
        self.drop_waiting(error)
        turn = self._running
        if turn is None:
            return
        if turn.step is not None:  # committed: it is finished for the record, and nobody watches
            self._release()
            self.audience.publish(clip_end(turn.step.number, self.world.head, {}))
            return
        if turn.job:
            turn.job.cancel()
        self._fail(turn, error)

    def _refuse(self, turn: Turn, error: PandoraError) -> None:
        self._metrics.turned_away(error)
        if turn.live:
            code, detail = explain(error)
            self.audience.publish(protocol.ActionRejected(event_id=turn.event_id, code=code, detail=detail))
            self._said.forget(turn.event_id)
        turn.settle(error)
        self._drop(turn.rest, error)

    def _supersede(self, old: Turn, new: Turn) -> None:
        self._metrics.superseded()
        self._store.record(self.world, [self.world.log("superseded", action=old.text, event_id=old.event_id)])
        self.audience.publish(protocol.ActionSuperseded(event_id=old.event_id, by=new.event_id))

    def _check_expected(self, expected: int | None) -> None:
        head = self.world.head
        if expected is not None and expected != head:
            told = f"The world is at step {head}, not at step {expected}. Look again, then act."
            raise errors.StepConflict(told, head)

    def _check_fit(self, steps: int) -> None:
        if self.failed:
            raise errors.StoreUnavailable
        if self.world.faults >= FAULTS:
            raise errors.Quarantined
        self._store.admit(steps)

    def touch(self) -> None:
        self._touched = self._loop.time()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _break(self, error: Exception) -> None:
        """The store refused: forget what is not durable, so that the world is read afresh when it is touched next."""
        self.failed = True
        code, detail = explain(error)
        running, turns = self._running, self._waiting.take_out()
        if running:
            self._release()
            if running.job:
                running.job.cancel()
        self._moments.forget(self.world)
        for turn in (*self._asked, *turns, *([running] if running else [])):
            turn.settle(errors.StoreUnavailable())
        self.audience.tell_now(protocol.StreamError(code=code, detail=detail, retryable=True))
        self.audience.close()
