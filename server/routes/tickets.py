"""What a browser needs to open the stream of a world."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from server.bodies import Ticket
from server.service import Service, get_service, get_session
from server.sessions.session import Session
from server.users.access import get_principal
from server.users.principal import Principal
from server.users.tickets import TICKET_SECONDS

router = APIRouter(prefix="/worlds", tags=["stream"])


@router.post("/{world_id}/tickets", status_code=201)
async def issue_ticket(
    response: Response,
    session: Annotated[Session, Depends(get_session)],
    principal: Annotated[Principal, Depends(get_principal)],
    service: Annotated[Service, Depends(get_service)],
) -> Ticket:
    """A ticket that opens one stream of this world, once, within a minute; who may look may have one."""
    response.headers["Cache-Control"] = "no-store"
    return Ticket(ticket=service.access.tickets.issue(principal, session.world.id), expires_in=TICKET_SECONDS)
