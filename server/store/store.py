"""Where worlds are kept. Today's store is memory; a durable one writes each event before `record` returns."""

from typing import Protocol

from server.errors import TooManySteps, TooManyWorlds, UnknownWorld
from server.sessions.world import Event, World


class Store(Protocol):
    """Worlds by id. Called on the event loop, so no method may wait long."""

    def check_room(self) -> None:
        """Whether one more world may be added, asked before work is put into it. Raises TooManyWorlds."""
        ...

    def add(self, world: World) -> None:
        """Keep a new world. Raises TooManyWorlds."""
        ...

    def get(self, world_id: str) -> World:
        """Raises UnknownWorld."""
        ...

    def remove(self, world_id: str) -> None:
        """Raises UnknownWorld."""
        ...

    def worlds(self) -> list[World]:
        """All, oldest first."""
        ...

    def admit(self, world: World, steps: int) -> None:
        """Whether so many more steps may be committed. Raises TooManySteps."""
        ...

    def record(self, world: World, event: Event) -> None:
        """`event`, with the step it commits if it does, is part of the world from now on."""
        ...


class MemoryStore:
    """Keeps worlds as long as the process lives, within bounds."""

    def __init__(self, max_worlds: int, max_steps: int, max_clip_bytes: int):
        self._worlds: dict[str, World] = {}
        self._max_worlds = max_worlds
        self._max_steps = max_steps
        self._max_clip_bytes = max_clip_bytes

    def check_room(self) -> None:
        if len(self._worlds) >= self._max_worlds:
            raise TooManyWorlds(f"There are {self._max_worlds} worlds already, and no more fit. Delete one.")

    def add(self, world: World) -> None:
        self.check_room()
        self._worlds[world.id] = world

    def get(self, world_id: str) -> World:
        try:
            return self._worlds[world_id]
        except KeyError:
            raise UnknownWorld from None

    def remove(self, world_id: str) -> None:
        self.get(world_id)
        del self._worlds[world_id]

    def worlds(self) -> list[World]:
        return list(self._worlds.values())

    def admit(self, world: World, steps: int) -> None:
        kept = {id(step) for other in self._worlds.values() for step in other.steps.values()}
        if len(kept) + steps > self._max_steps:
            raise TooManySteps(f"The worlds have {self._max_steps} steps together, and no more fit. Delete a world.")

    def record(self, world: World, event: Event) -> None:
        excess = sum(step.clip_bytes for step in world.steps.values()) - self._max_clip_bytes
        for number in sorted(world.steps):
            if excess <= 0 or number == world.head:
                break
            whole = world.steps[number]
            world.steps[number] = whole.trimmed()
            excess -= whole.clip_bytes - world.steps[number].clip_bytes
