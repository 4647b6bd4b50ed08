"""What a client was told of its worlds, and so what must be there after the service died."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Made = tuple[int | None, str | None]  # the parent of a step, and its action


@dataclass(frozen=True)
class State:
    """A world as a client can know it: where it is, and all its steps by number."""

    head: int
    steps: Mapping[int, Made]

    @property
    def next_number(self) -> int:
        return max(self.steps) + 1

    def path(self, number: int) -> "State":
        """A fork at a step."""
        steps: dict[int, Made] = {}
        at: int | None = number
        while at is not None:
            steps[at] = self.steps[at]
            at = self.steps[at][0]
        return State(number, dict(sorted(steps.items())))


BEGUN = State(0, {0: (None, None)})


@dataclass(frozen=True)
class Act:
    text: str

    def apply(self, state: State) -> State:
        return State(state.next_number, {**state.steps, state.next_number: (state.head, self.text)})


@dataclass(frozen=True)
class Rewind:
    number: int

    def apply(self, state: State) -> State:
        return State(self.number, state.steps)


Change = Act | Rewind


def outcomes(state: State, asked: Sequence[Change]) -> Iterator[State]:
    """What may have become of a state while nobody answered: changes are made in order, and a rewind may cancel the
    action before it."""
    yield state
    if asked:
        yield from outcomes(asked[0].apply(state), asked[1:])
        if isinstance(asked[0], Act) and len(asked) > 1 and isinstance(asked[1], Rewind):
            yield from outcomes(asked[1].apply(state), asked[2:])


@dataclass(eq=False)
class Entry:
    """A world that a client knows. `frames` are the last frames it saw, by step."""

    id: str
    state: State
    asked: list[Change] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)  # steps that were shown, though nothing answered for them yet
    leaving: bool = False  # its deletion was asked for
    touched: bool = False  # something was done with it since it was looked at
    frames: dict[int, bytes] = field(default_factory=dict)

    def answered(self, changes: int = 1) -> None:
        """The service said that so many changes are made."""
        for change in self.asked[:changes]:
            self.state = change.apply(self.state)
        self.asked = self.asked[changes:]

    def settle(self, found: State) -> tuple[int, str | None]:
        """Take what is there now for what is true; how many steps are lost, and what is wrong, if anything."""
        lost = {number for number, made in self.state.steps.items() if found.steps.get(number) != made}
        lost |= {number for number in self.seen if number not in found.steps}
        allowed = found in list(outcomes(self.state, self.asked))
        told = f"{_short(found)}, where it was {_short(self.state)} and was asked for {self.asked}"
        self.state, self.asked, self.seen = found, [], set()
        if lost:
            return len(lost), f"lost steps {sorted(lost)}: it is {told}"
        return 0, None if allowed else f"is {told}"


@dataclass(eq=False)
class Birth:
    """New worlds that were asked for, all of them or none; each carries the name that they were asked with."""

    name: str
    count: int
    state: State
    frames: dict[int, bytes] = field(default_factory=dict)


@dataclass(eq=False)
class Ledger:
    entries: dict[str, Entry] = field(default_factory=dict)
    births: dict[str, Birth] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    lost: int = 0
    committed: int = 0  # steps that the service answered for
    quarantined: int = 0

    def __str__(self) -> str:
        held = f"{len(self.entries)} worlds, {self.committed} steps answered for, {self.quarantined} quarantines"
        return f"{held}; {self.lost} steps lost, {len(self.complaints)} complaints"

    def born(self, birth: Birth, ids: Sequence[str]) -> None:
        """The worlds that were asked for are there."""
        self.births.pop(birth.name, None)
        if len(ids) != birth.count:
            self.complain(f"{len(ids)} worlds of {birth.count} were made")
        for world in ids:
            self.entries[world] = Entry(world, birth.state, frames=dict(birth.frames))

    def complain(self, what: str) -> None:
        self.complaints.append(what)

    def compare(self, found: Mapping[str, State], names: Mapping[str, str]) -> None:
        """The service has these worlds now, so named: whether that is what was promised."""
        for entry in [entry for entry in self.entries.values() if entry.id not in found]:
            del self.entries[entry.id]
            if not entry.leaving:
                self.lost += len(entry.state.steps)
                self.complain(f"World {entry.id} is gone")
        for birth in list(self.births.values()):
            ids = [world for world in found if names[world] == birth.name and world not in self.entries]
            if ids:
                self.born(birth, ids)
        self.births.clear()
        for world, state in found.items():
            if world not in self.entries:
                self.complain(f"World {world} was never asked for")
                self.entries[world] = Entry(world, state)
                continue
            entry = self.entries[world]
            entry.leaving = False
            self.settle(entry, state)

    def settle(self, entry: Entry, found: State) -> None:
        """As `Entry.settle`, for the record."""
        lost, wrong = entry.settle(found)
        self.lost += lost
        if wrong is not None:
            self.complain(f"World {entry.id} {wrong}")


def _short(state: State) -> str:
    return f"step {state.head} of {state.next_number}"
