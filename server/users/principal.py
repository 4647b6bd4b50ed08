"""Who asks, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum

from server.errors import MissingScope


class Scope(StrEnum):
    """What a key may be good for; none of them opens the worlds of others."""

    READ = "world:read"
    WRITE = "world:write"
    ADMIN = "admin"  # what concerns the service as a whole, such as its metrics


@dataclass(frozen=True)
class Principal:
    """Worlds and uploads belong to an owner, whichever of the owner's keys made them."""

    owner: str
    scopes: frozenset[Scope]
    key_id: str | None = None

    def require(self, scope: Scope) -> None:
        """Raises MissingScope."""
        if scope not in self.scopes:
            raise MissingScope(f"This key lacks the scope {scope}. It has: {', '.join(sorted(self.scopes))}.")


LOCAL = Principal("local", frozenset(Scope))  # everybody, where no keys are required
NOBODY = Principal("", frozenset())
