"""The front desk: who a connection comes from, and whether they may go on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from server.accounting import note
from server.errors import TooManyNewWorlds, TooManyRequests, Unauthenticated
from server.settings import Settings
from server.users.keys import Keys
from server.users.limits import Quota, Rate
from server.users.principal import LOCAL, Principal, Scope
from server.users.tickets import Tickets

SUBPROTOCOL = "pandora.v1"
TICKET_PREFIX = "pandora.ticket."
_READING = ("GET", "HEAD", "OPTIONS")


class Access:
    """Keys, tickets and limits as the settings want them. Where no keys are required, everybody is `LOCAL`."""

    def __init__(self, settings: Settings, keys: Keys, count_worlds: Callable[[str], Awaitable[int]]):
        self.is_open = not settings.require_keys
        self.keys = keys
        self.tickets = Tickets()
        per_second, per_minute = settings.requests_per_second, settings.worlds_per_minute
        self.requests = Rate(per_second, 2 * per_second, TooManyRequests)
        self.creations = Rate(per_minute / 60, per_minute, TooManyNewWorlds)
        self.quota = Quota(settings.max_worlds_per_user, count_worlds)

    async def identify(self, connection: HTTPConnection) -> Principal:
        """Whose key the request carries. Raises Unauthenticated, which never says what is wrong with a key."""
        if self.is_open:
            return LOCAL
        kind, _, key = connection.headers.get("authorization", "").partition(" ")
        principal = await self.keys.check(key.strip()) if kind.lower() == "bearer" else None
        if principal is None:
            raise Unauthenticated
        return principal

    async def identify_socket(self, socket: WebSocket, world_id: str) -> Principal:
        """As `identify`; a browser offers a ticket beside the subprotocol. Raises Unauthenticated."""
        offered = [name for name in socket.scope["subprotocols"] if name.startswith(TICKET_PREFIX)]
        if self.is_open or not offered:
            return await self.identify(socket)
        principal = self.tickets.redeem(offered[0].removeprefix(TICKET_PREFIX), world_id)
        if principal is None or not await self.still_valid(principal):
            raise Unauthenticated
        return principal

    async def still_valid(self, principal: Principal) -> bool:
        """Whether the key that `principal` came with was not revoked meanwhile. Raises StoreUnavailable."""
        return principal.key_id is None or await self.keys.still_valid(principal.key_id)

    def count_request(self, principal: Principal) -> None:
        """Raises TooManyRequests."""
        if not self.is_open:
            self.requests.spend(principal.owner)

    @asynccontextmanager
    async def room(self, principal: Principal, more: int = 1) -> AsyncIterator[None]:
        """While a user's worlds are made. Raises TooManyWorldsOfYours, TooManyNewWorlds."""
        async with self.quota.room(principal.owner, more):
            if not self.is_open:
                self.creations.spend(principal.owner, more)
            yield


async def get_principal(connection: HTTPConnection) -> Principal:
    """For `Depends`. Raises Unauthenticated."""
    principal = await connection.app.state.service.access.identify(connection)
    note(owner=principal.owner)
    return principal


def admit(scope: Scope | None = None) -> Callable[..., Awaitable[None]]:
    """For `Depends`: lets in who has `scope`, by default the one that the request's method needs, and not too often."""

    async def admit(connection: HTTPConnection, principal: Annotated[Principal, Depends(get_principal)]) -> None:
        needed = scope or (Scope.READ if connection.scope["method"] in _READING else Scope.WRITE)
        principal.require(needed)
        connection.app.state.service.access.count_request(principal)

    return admit
