"""Every error a person can cause, as one tree; each message says what was given, what is allowed, what to do.

PandoraError
├── InvalidInput          an argument that can't be used as it is
│   ├── InvalidAction     the sentence is empty, too long or not text
│   ├── InvalidImage      the picture can't be read or has unusable dimensions
│   ├── UnknownName       a name that no registry holds; the message lists the valid ones
│   └── UnsupportedGoal   a goal of a kind that this model can't judge
├── InvalidConfig         a config with unknown, missing or contradictory keys
├── InvalidCheckpoint     files are missing, damaged or don't fit the config
└── Cancelled             the caller asked to stop before the work was done
"""

from collections.abc import Iterable
from difflib import get_close_matches


class PandoraError(Exception):
    """Base of everything below. `code` is stable and machine-readable."""

    code = "error"


class InvalidInput(PandoraError, ValueError):
    code = "invalid_input"


class NothingToPlan(InvalidInput):
    """A kind of world that knows no goals."""

    code = "nothing_to_plan"


class InvalidAction(InvalidInput):
    code = "invalid_action"


class InvalidImage(InvalidInput):
    code = "invalid_image"


class UnknownName(InvalidInput):
    code = "unknown_name"

    def __init__(self, kind: str, name: object, valid: Iterable[str]):
        names = sorted(valid)
        close = get_close_matches(str(name), names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"There is no {kind} named {name!r}. Valid: {', '.join(names)}.{hint}")


class UnsupportedGoal(InvalidInput):
    code = "unsupported_goal"


class InvalidConfig(PandoraError, ValueError):
    code = "invalid_config"


class InvalidCheckpoint(PandoraError):
    code = "invalid_checkpoint"


class Cancelled(PandoraError):
    code = "cancelled"
