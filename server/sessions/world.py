"""A world as data: a growing log of committed steps, a head, and where it came from. Nothing here waits or computes."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from server.engine.job import Frame
from server.errors import UnknownStep

if TYPE_CHECKING:
    from pandora.types import WorldState


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """A committed step; forks share it. `clip` holds all frames, or only the last once the others were let go."""

    number: int
    parent: int | None
    depth: int  # actions since the start picture
    action: str | None
    state: "WorldState"
    clip: tuple[Frame, ...]
    timings: dict[str, float]
    created_at: str

    @property
    def last_frame(self) -> Frame:
        return self.clip[-1]

    @property
    def clip_bytes(self) -> int:
        return sum(len(frame.jpeg) for frame in self.clip)

    def trimmed(self) -> "Step":
        """The same step with its last frame alone."""
        return replace(self, clip=self.clip[-1:])


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a world's log; `facts` are fields of `EventView`."""

    seq: int
    type: str
    at: str
    facts: dict[str, Any]


@dataclass(kw_only=True, eq=False)
class World:
    """Steps by number. The head is where the next action continues; steps that a rewind left behind stay."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    name: str
    seed: int
    scene: str | None
    family: str  # the id of the world that the first of this family of forks was
    parent: tuple[str, int] | None = None
    created_at: str = field(default_factory=lambda: now())
    suggestions: tuple[str, ...] = ()
    steps: dict[int, Step] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    head: int = 0

    @classmethod
    def begin(
        cls, name: str, seed: int, scene: str | None, suggestions: tuple[str, ...], state: "WorldState", picture: Frame
    ) -> "World":
        """A world with its start picture as step 0."""
        world = cls(name=name, seed=seed, scene=scene, family="", suggestions=suggestions)
        world.family = world.id
        world.steps[0] = Step(
            number=0, parent=None, depth=0, action=None, state=state, clip=(picture,), timings={}, created_at=now()
        )
        world.log("created", step=0)
        return world

    @property
    def next_number(self) -> int:
        return max(self.steps) + 1

    def step(self, number: int | None = None) -> Step:
        """A committed step, the head by default. Raises UnknownStep."""
        number = self.head if number is None else number
        if number not in self.steps:
            raise UnknownStep(f"This world has no step {number}; its last is {max(self.steps)}.")
        return self.steps[number]

    def path(self, number: int | None = None) -> list[Step]:
        """The steps from the start picture to `number` (the head), oldest first."""
        return list(self._back(number))[::-1]

    def commit(self, action: str, state: "WorldState", clip: tuple[Frame, ...], timings: dict[str, float]) -> Step:
        """Make a step after the head part of the world, and the new head."""
        head = self.step()
        step = Step(
            number=self.next_number, parent=head.number, depth=head.depth + 1, action=action, state=state, clip=clip,
            timings=timings, created_at=now(),
        )  # fmt: skip
        self.steps[step.number] = step
        self.head = step.number
        self.log("committed", step=step.number, parent=head.number, action=action)
        return step

    def rewind(self, number: int) -> None:
        """Move the head to any committed step. Raises UnknownStep."""
        step = self.step(number)
        self.log("rewound", step=step.number, parent=self.head)
        self.head = step.number

    def fork(self, number: int | None, seed: int | None, name: str | None) -> "World":
        """A new world that shares the path up to `number`; another seed, another future. Raises UnknownStep."""
        path = self.path(number)
        tip = path[-1]
        child = World(
            name=name or self.name, seed=self.seed if seed is None else seed, scene=self.scene, family=self.family,
            parent=(self.id, tip.number), suggestions=self.suggestions, steps={step.number: step for step in path},
            head=tip.number,
        )  # fmt: skip
        if seed is not None and seed != self.seed:
            child.steps[tip.number] = replace(tip, state=tip.state.fork(seed))
        child.log("created", step=tip.number, world=self.id)
        self.log("forked", step=tip.number, world=child.id)
        return child

    def log(self, kind: str, **facts: Any) -> Event:
        """Append to the log."""
        event = Event(seq=len(self.events), type=kind, at=now(), facts=facts)
        self.events.append(event)
        return event

    def _back(self, number: int | None) -> Iterator[Step]:
        step: Step | None = self.step(number)
        while step is not None:
            yield step
            step = None if step.parent is None else self.steps[step.parent]


def now() -> str:
    """The present as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
