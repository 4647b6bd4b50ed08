"""Goals as people say them: clauses joined by "and", each of which asks for one fact."""

import re
from collections.abc import Callable, Sequence

from pandora.errors import InvalidInput
from pandora.worlds.base import Fact, Facts

Clause = tuple[re.Pattern[str], Callable[..., Fact]]  # what is said, and the fact for what its groups caught

_JOINT = re.compile(r"\band\b|[,;.]")


def clause(pattern: str, fact: Callable[..., Fact]) -> Clause:
    return re.compile(pattern), fact


def read_goal(text: str, clauses: Sequence[Clause], say: str) -> Facts:
    """The facts that a sentence asks for. Raises InvalidInput where it can't be read; `say` tells what could be."""
    parts = [" ".join(part.split()) for part in _JOINT.split(text.lower()) if part.strip()]
    if not parts:
        raise InvalidInput(f"The goal is empty. Say {say}.")
    return frozenset(_read(part, clauses, say) for part in parts)


def _read(text: str, clauses: Sequence[Clause], say: str) -> Fact:
    for pattern, fact in clauses:
        if found := pattern.fullmatch(text):
            return fact(*found.groups())
    raise InvalidInput(f'The goal {text!r} can\'t be read. Say {say}, joined by "and".')
