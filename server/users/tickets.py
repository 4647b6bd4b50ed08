"""Tickets: what a browser offers in place of a key when it opens a socket, which can't carry headers of its own."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from server.users.principal import Principal

TICKET_SECONDS = 60


class Tickets:
    """Good for one socket of one world, once, for a minute. In memory; how fast they are asked for bounds how many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._tickets: OrderedDict[str, tuple[Principal, str, float]] = OrderedDict()  # the oldest first

    def __len__(self) -> int:
        return len(self._tickets)

    def issue(self, principal: Principal, world_id: str) -> str:
        """A ticket for that world, to be used by whoever holds it."""
        self._forget()
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = (principal, world_id, self._clock() + TICKET_SECONDS)
        return ticket

    def redeem(self, ticket: str, world_id: str) -> Principal | None:
        """Whom the ticket was given to; None if it is none, too old, used, or for another world. It is used up."""
        principal, world, until = self._tickets.pop(ticket, (None, "", 0.0))
        return principal if world == world_id and self._clock() < until else None

    def _forget(self) -> None:
        now = self._clock()
        while self._tickets and next(iter(self._tickets.values()))[2] <= now:
            self._tickets.popitem(last=False)
