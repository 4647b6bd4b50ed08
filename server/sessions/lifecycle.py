"""The life of a world as an enum and a table of legal moves."""

from enum import Enum


class Status(Enum):
    IDLE = "idle"
    QUEUED = "queued"  # an action waits for the engine
    GENERATING = "generating"  # the model has it
    DELETED = "deleted"


MOVES: dict[Status, tuple[Status, ...]] = {
    Status.IDLE: (Status.QUEUED, Status.DELETED),
    Status.QUEUED: (Status.GENERATING, Status.IDLE, Status.DELETED),
    Status.GENERATING: (Status.IDLE, Status.DELETED),
    Status.DELETED: (),
}


def move(old: Status, new: Status) -> Status:
    """`new`, if a world may go there from `old`; RuntimeError otherwise."""
    if new not in MOVES[old]:
        raise RuntimeError(f"A world that is {old.value} can't become {new.value}.")
    return new
