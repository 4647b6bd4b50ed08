"""A world as data: a growing log of committed steps, a head, and where it came from. Nothing here waits or computes."""

import secrets
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from server.errors import UnknownStep


@dataclass(kw_only=True, eq=False, slots=True)
class Step:
    """A committed step: what makes its clip again from the step before it. Forks share it.

    Its frames and the state after it are a `Moment`, kept elsewhere; `clip` and `snapshot` name the blobs that hold
    them, once they are stored.
    """

    world: str  # where it was made; a fork's steps begin with those of its parents
    number: int
    parent: int | None
    depth: int  # actions since the start picture
    action: str | None
    seed: int
    sampling_steps: int
    model: str  # fingerprint of the weights that made it
    frames: int
    created_at: str = field(default_factory=lambda: now())
    timings: dict[str, float] = field(default_factory=dict)
    clip: str | None = None
    snapshot: str | None = None
    description: str | None = None  # what the language model made of the action, where it was asked


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a world's log; `facts` are fields of `EventView`."""

    seq: int
    type: str
    at: str
    facts: dict[str, Any]


@dataclass(kw_only=True, eq=False)
class World:
    """Steps by number. The head is where the next action continues; steps that a rewind left behind stay.

    A fork reads the path up to its start from `inherited`, which all forks of that step share, and writes to `own`.
    """

    id: str = field(default_factory=lambda: secrets.token_hex(16))  # no dash, which a shell takes for an option
    owner: str
    name: str
    seed: int
    scene: str | None
    family: str = ""  # the id of the world that the first of this family of forks was
    parent: tuple[str, int] | None = None
    created_at: str = field(default_factory=lambda: now())
    suggestions: tuple[str, ...] = ()
    novelty: dict[str, Any] | None = None  # fields of `NoveltyView`, of a picture that is no scene
    own: dict[int, Step] = field(default_factory=dict)
    inherited: Mapping[int, Step] = field(default_factory=dict)
    logged: int = 0  # events so far
    head: int = 0
    faults: int = 0  # ends of the process while it was acting, in a row

    def __post_init__(self) -> None:
        self.family = self.family or self.id

    @property
    def steps(self) -> Mapping[int, Step]:
        return ChainMap(self.own, self.inherited)  # type: ignore[arg-type]  # nothing is written through it

    @property
    def next_number(self) -> int:
        return max(max(self.own, default=-1), max(self.inherited, default=-1)) + 1

    def step(self, number: int | None = None) -> Step:
        """A committed step, the head by default. Raises UnknownStep."""
        number = self.head if number is None else number
        found = self.own.get(number) or self.inherited.get(number)
        if found is None:
            raise UnknownStep(f"This world has no step {number}; its last is {self.next_number - 1}.")
        return found

    def path(self, number: int | None = None) -> list[Step]:
        """The steps from the start picture to `number` (the head), oldest first."""
        return list(self._back(number))[::-1]

    def begin(self, model: str) -> tuple[Step, Event]:
        """Take the start picture as step 0."""
        step = Step(
            world=self.id, number=0, parent=None, depth=0, action=None, seed=self.seed, sampling_steps=0, model=model,
            frames=1,
        )  # fmt: skip
        self.own[0] = step
        return step, self.log("created", step=0)

    def commit(self, action: str, event_id: str, sampling_steps: int, model: str, frames: int) -> tuple[Step, Event]:
        """Make a step after the head part of the world, and the new head."""
        head = self.step()
        step = Step(
            world=self.id, number=self.next_number, parent=head.number, depth=head.depth + 1, action=action,
            seed=self.seed, sampling_steps=sampling_steps, model=model, frames=frames,
        )  # fmt: skip
        self.own[step.number] = step
        self.head = step.number
        return step, self.log("committed", step=step.number, parent=head.number, action=action, event_id=event_id)

    def rewind(self, number: int) -> Event:
        """Move the head to any committed step. Raises UnknownStep."""
        step = self.step(number)
        left, self.head = self.head, step.number
        return self.log("rewound", step=step.number, parent=left)

    def fork(self, count: int, number: int | None, seed: int | None, name: str | None) -> list["World"]:
        """New worlds that share the path up to `number`; another seed, another future. Raises UnknownStep."""
        path = self.path(number)
        inherited = {step.number: step for step in path}
        tip = path[-1].number
        return [
            World(
                owner=self.owner, name=name or self.name, seed=self.seed if seed is None else seed, scene=self.scene,
                family=self.family, parent=(self.id, tip), suggestions=self.suggestions, novelty=self.novelty,
                inherited=inherited, head=tip,
            )
            for _ in range(count)
        ]  # fmt: skip

    def log(self, kind: str, **facts: Any) -> Event:
        """The next line of the log."""
        event = Event(seq=self.logged, type=kind, at=now(), facts=facts)
        self.logged += 1
        return event

    def _back(self, number: int | None) -> Iterator[Step]:
        step: Step | None = self.step(number)
        while step is not None:
            yield step
            step = None if step.parent is None else self.step(step.parent)


def now() -> str:
    """The present as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
