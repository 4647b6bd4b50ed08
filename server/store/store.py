"""Worlds kept for good: rows in a database, frames and states as blobs. The rows are the authority.

What changes a world is handed in as a whole, a step with its event and the new head, and is durable when the future is
done. What builds on a step that was refused, or deleted meanwhile, is refused too. Deleting a world keeps the steps
that forks of it need.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Executable, Row, delete, func, insert, or_, select, update

from server.errors import Stopping, StoreUnavailable, TooManySteps, TooManyWorlds, UnknownWorld
from server.sessions.world import Event, Step, World, now
from server.store import tables as t
from server.store.blobs import Blobs
from server.store.database import Database
from server.store.migrations import upgrade

log = logging.getLogger(__name__)

_MOST_SEQ = 2**63 - 1  # that a column holds
_STEP = ("world", "number", "parent", "depth", "action", "seed", "sampling_steps", "model", "frames", "created_at",
         "timings", "clip", "snapshot", "description")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A world without its steps: what a list shows."""

    world: World
    depth: int


class Store:
    """One database and one place for blobs. Its methods wait on other threads, never on the event loop."""

    def __init__(self, database: Database, blobs: Blobs, *, max_worlds: int, max_steps: int):
        self.database = database
        self.blobs = blobs
        self.closing = False  # once true, nothing more is let in
        self._max_worlds = max_worlds
        self._max_steps = max_steps
        upgrade(database.engine)
        self.worlds = (
            database.look(lambda c: c.scalar(select(func.count()).where(t.worlds.c.deleted_at.is_(None)))) or 0
        )
        self.steps = database.look(lambda c: c.scalar(select(func.count()).select_from(t.steps))) or 0

    def check_open(self) -> None:
        """Raises Stopping where the end is near: what runs is finished, and nothing more begins."""
        if self.closing:
            raise Stopping("The service is stopping, or starting afresh. Try again in a moment.")

    def check_room(self, worlds: int = 1) -> None:
        """Whether so many more worlds may be added, asked before work is put into them.

        Raises TooManyWorlds, Stopping.
        """
        self.check_open()
        if self.worlds + worlds > self._max_worlds:
            raise TooManyWorlds(f"There are {self._max_worlds} worlds at most, and no more fit. Delete some.")

    def admit(self, steps: int) -> None:
        """Whether so many more steps may be committed. Raises TooManySteps, Stopping."""
        self.check_open()
        if self.steps + steps > self._max_steps:
            raise TooManySteps(f"The worlds have {self._max_steps} steps together, and no more fit. Delete a world.")

    # --- writing ---

    def add(self, worlds: Sequence[World], events: Sequence[Event], step: Step | None = None) -> "Future[None]":
        """Keep new worlds, each with its first event, and the start picture of a world that is no fork."""
        rows = [_world_row(world) for world in worlds]
        lines = [_event_row(world.id, event) for world, event in zip(worlds, events, strict=True)]
        first = None if step is None else _step_row(step)
        tips = {(tip.world, tip.number) for tip in (world.step() for world in worlds) if tip is not step}

        def write(connection: Connection) -> None:
            for tip in tips:
                _check_kept(connection, *tip)
            last = connection.scalar(select(func.max(t.worlds.c.order))) or 0
            connection.execute(insert(t.worlds), [row | {"order": last + 1 + i} for i, row in enumerate(rows)])
            if first is not None:
                connection.execute(insert(t.steps), [first])
            connection.execute(insert(t.events), lines)

        self.worlds += len(worlds)
        self.steps += step is not None
        return self.database.submit(write)

    def commit(self, world: World, step: Step, event: Event) -> "Future[None]":
        """A new step, which is the head from now on."""
        row, line, at = _step_row(step), _event_row(world.id, event), {"head": step.number, "depth": step.depth}
        before = world.step(step.parent)
        self.steps += 1

        def write(connection: Connection) -> None:
            _check_kept(connection, before.world, before.number)
            connection.execute(insert(t.steps), [row])
            connection.execute(insert(t.events), [line])
            connection.execute(update(t.worlds).where(t.worlds.c.id == row["world"]).values(faults=0, **at))

        return self.database.submit(write)

    def record(self, world: World, events: Iterable[Event]) -> "Future[None]":
        """Lines of the log, and the head as they leave it."""
        lines, world_id = [_event_row(world.id, event) for event in events], world.id
        head = world.step()
        at = {"head": head.number, "depth": head.depth, "faults": world.faults}

        def write(connection: Connection) -> None:
            _check_kept(connection, head.world, head.number)
            connection.execute(insert(t.events), lines)
            connection.execute(update(t.worlds).where(t.worlds.c.id == world_id).values(**at))

        return self.database.submit(write)

    def finish(self, step: Step) -> "Future[None]":
        """Where a step's blobs are, and how long it took. Blobs of a step that was deleted meanwhile are removed."""
        values = {
            "clip": step.clip, "snapshot": step.snapshot, "timings": dict(step.timings),
            "description": step.description,
        }  # fmt: skip
        row = (t.steps.c.world == step.world) & (t.steps.c.number == step.number)

        def write(connection: Connection) -> None:
            if connection.execute(update(t.steps).where(row).values(**values)).rowcount == 0:
                for blob in filter(None, (values["clip"], values["snapshot"])):
                    if not _is_named(connection, blob):
                        self.database.later(self.blobs.remove, blob)

        return self.database.submit(write)

    def fault(self, worlds: Iterable[str]) -> "Future[None]":
        """Count one more end of the process while these worlds were acting."""
        found = t.worlds.c.id.in_(list(worlds))
        more = update(t.worlds).where(found).values(faults=t.worlds.c.faults + 1)
        return self.database.submit(lambda connection: _run(connection, more))

    async def remove(self, world: World) -> None:
        """Delete a world, and of its family every step and blob that no world needs any more."""
        gone = await self.database.write(lambda connection: self._remove(connection, world.id, world.family))
        self.worlds -= 1
        self.steps -= gone[0]
        for blob in gone[1]:
            self.database.later(self._sweep, blob)

    # --- reading ---

    async def load(self, world_id: str, owner: str) -> World:
        """Raises UnknownWorld, also for a world of somebody else."""
        return await self.database.read(lambda connection: self._load(connection, world_id, owner))

    async def owned(self, owner: str) -> list[Summary]:
        """The worlds of an owner, oldest first."""
        return await self.database.read(lambda connection: self._list(connection, owner))

    async def count(self, owner: str) -> int:
        """The worlds of an owner."""
        mine = select(func.count()).where(t.worlds.c.owner == owner, t.worlds.c.deleted_at.is_(None))
        return await self.database.read(lambda connection: connection.scalar(mine)) or 0

    async def family(self, world: World) -> list[World]:
        """The worlds that descend from the same start, oldest first."""
        family = select(t.worlds.c.id).where(t.worlds.c.family == world.family, t.worlds.c.deleted_at.is_(None))

        def read(connection: Connection) -> list[World]:
            return [self._load(connection, row.id) for row in connection.execute(family.order_by(t.worlds.c.order))]

        return await self.database.read(read)

    async def said(self, world_id: str, most: int) -> dict[str, str]:
        """The newest committed actions by the event_id they came with, oldest first."""
        lines = select(t.events.c.facts).where(t.events.c.world == world_id, t.events.c.type == "committed")
        newest = lines.order_by(t.events.c.seq.desc()).limit(most)
        rows = await self.database.read(lambda connection: connection.execute(newest).all())
        return {row.facts["event_id"]: row.facts["action"] for row in reversed(rows)}

    async def events(self, world_id: str, after: int, limit: int) -> list[Event]:
        """Lines of a world's log, oldest first."""
        c = t.events.c
        lines = select(t.events).where(c.world == world_id, c.seq >= min(after, _MOST_SEQ)).order_by(c.seq).limit(limit)
        rows = await self.database.read(lambda connection: connection.execute(lines).all())
        return [Event(seq=row.seq, type=row.type, at=row.at, facts=row.facts) for row in rows]

    async def check(self) -> None:
        """Whether rows and blobs can be written. Raises StoreUnavailable."""
        await self.database.write(lambda connection: connection.execute(select(1)).all())
        await self.database.read(lambda connection: self.blobs.check())

    # --- on the database's threads ---

    def _sweep(self, blob: str) -> None:
        """Remove a blob that no row named a moment ago; the same picture may begin another world meanwhile."""
        self.blobs.remove(blob, lambda: self.database.look(lambda connection: _is_named(connection, blob)))

    def _load(self, connection: Connection, world_id: str, owner: str | None = None) -> World:
        row = connection.execute(select(t.worlds).where(t.worlds.c.id == world_id)).one_or_none()
        if row is None or row.deleted_at is not None or owner not in (None, row.owner):
            raise UnknownWorld
        world = _world(row)
        world.own = self._own(connection, world_id)
        world.inherited = self._inherited(connection, world.parent)
        seen = select(func.max(t.events.c.seq)).where(t.events.c.world == world_id)
        world.logged = (-1 if (last := connection.scalar(seen)) is None else last) + 1
        return world

    def _own(self, connection: Connection, world_id: str) -> dict[int, Step]:
        rows = connection.execute(select(t.steps).where(t.steps.c.world == world_id))
        return {row.number: _step(row) for row in rows}

    def _inherited(self, connection: Connection, parent: tuple[str, int] | None) -> dict[int, Step]:
        """The path up to where a fork left its parent, through all generations."""
        path: dict[int, Step] = {}
        while parent is not None:
            world_id, number = parent
            own = self._own(connection, world_id)
            at: int | None = number
            while at is not None and at in own:
                path[at] = own[at]
                at = own[at].parent
            c = t.worlds.c
            row = connection.execute(select(c.parent, c.parent_step).where(c.id == world_id)).one()
            parent = None if at is None else (row.parent, at)
        return path

    def _list(self, connection: Connection, owner: str) -> list[Summary]:
        mine = select(t.worlds).where(t.worlds.c.owner == owner, t.worlds.c.deleted_at.is_(None))
        rows = connection.execute(mine.order_by(t.worlds.c.order))
        return [Summary(world=_world(row), depth=row.depth) for row in rows]

    def _remove(self, connection: Connection, world_id: str, family: str) -> tuple[int, list[str]]:
        """Returns how many steps are gone, and the blobs that nothing names any more."""
        gone = update(t.worlds).where(t.worlds.c.id == world_id, t.worlds.c.deleted_at.is_(None))
        if connection.execute(gone.values(deleted_at=now())).rowcount == 0:
            raise UnknownWorld
        worlds = {row.id: row for row in connection.execute(select(t.worlds).where(t.worlds.c.family == family))}
        theirs = select(t.steps).join(t.worlds, t.worlds.c.id == t.steps.c.world).where(t.worlds.c.family == family)
        steps = connection.execute(theirs).all()
        kept, needed = _needed(worlds, steps)
        doomed = [row for row in steps if (row.world, row.number) not in needed]
        for row in doomed:
            connection.execute(delete(t.steps).where(t.steps.c.world == row.world, t.steps.c.number == row.number))
        connection.execute(delete(t.events).where(t.events.c.world == world_id))
        for gone_id in worlds.keys() - kept:
            connection.execute(delete(t.worlds).where(t.worlds.c.id == gone_id))
        blobs = {blob for row in doomed for blob in (row.clip, row.snapshot) if blob}
        return len(doomed), [blob for blob in sorted(blobs) if not _is_named(connection, blob)]


def _run(connection: Connection, statement: Executable) -> None:
    connection.execute(statement)


def _needed(worlds: Mapping[str, Row[Any]], steps: Sequence[Row[Any]]) -> tuple[set[str], set[tuple[str, int]]]:
    """Of a family, the worlds and steps that its living worlds are, or inherit from."""
    parents = {(step.world, step.number): step.parent for step in steps}
    living = [row for row in worlds.values() if row.deleted_at is None]
    kept = {row.id for row in living}
    needed = {step for step in parents if step[0] in kept}
    for row in living:
        at, number = row.parent, row.parent_step
        while at is not None and number is not None:
            kept.add(at)
            while (at, number) in parents:
                known = (at, number) in needed  # and so is what it goes back to
                needed.add((at, number))
                number = None if known else parents[at, number]
            at = worlds[at].parent
    return kept, needed


def _check_kept(connection: Connection, world: str, number: int) -> None:
    """Raises StoreUnavailable where there is no such step."""
    kept = select(t.steps.c.number).where(t.steps.c.world == world, t.steps.c.number == number)
    if connection.execute(kept).first() is None:
        log.error("Step %d of world %s is not on record, and nothing can build on it", number, world)
        raise StoreUnavailable


def _is_named(connection: Connection, blob: str) -> bool:
    named = select(t.steps.c.number).where(or_(t.steps.c.clip == blob, t.steps.c.snapshot == blob)).limit(1)
    return connection.execute(named).first() is not None


def _step(row: Row[Any]) -> Step:
    return Step(**{name: getattr(row, name) for name in _STEP})


def _world(row: Row[Any]) -> World:
    return World(
        id=row.id, owner=row.owner, name=row.name, seed=row.seed, scene=row.scene, family=row.family,
        parent=None if row.parent is None else (row.parent, row.parent_step), created_at=row.created_at,
        suggestions=tuple(row.suggestions), novelty=row.novelty, head=row.head, faults=row.faults,
    )  # fmt: skip


def _world_row(world: World) -> dict:
    parent, parent_step = world.parent or (None, None)
    return {
        "id": world.id, "owner": world.owner, "name": world.name, "scene": world.scene, "seed": world.seed,
        "suggestions": list(world.suggestions), "novelty": world.novelty, "family": world.family, "parent": parent,
        "parent_step": parent_step, "head": world.head, "depth": world.step().depth, "created_at": world.created_at,
    }  # fmt: skip


def _step_row(step: Step) -> dict:
    return {name: getattr(step, name) for name in _STEP} | {"timings": dict(step.timings)}


def _event_row(world: str, event: Event) -> dict:
    return {"world": world, "seq": event.seq, "type": event.type, "at": event.at, "facts": event.facts}
