"""For those who watch over the service."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse

from server.engine.engine import EngineStatus
from server.service import Service, get_service
from server.users.access import admit
from server.users.principal import Scope

router = APIRouter(tags=["health"])
TheService = Annotated[Service, Depends(get_service)]


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(service: TheService) -> dict[str, str]:
    """The model is loaded and warm and the store can be written; 503 before that, and where it is not so."""
    await service.store.check()
    return {"status": "ready", "model": service.engine.model.name}


@router.get("/metrics", response_class=PlainTextResponse, dependencies=[Depends(admit(Scope.ADMIN))])
async def metrics(service: TheService) -> PlainTextResponse:
    """Prometheus text."""
    text = service.metrics.render(
        worlds=service.store.worlds,
        live=service.sessions.live,
        cached_bytes=service.sessions.bytes,
        viewers=service.sessions.viewers,
        waiting=service.engine.waiting,
        ready=service.engine.status is EngineStatus.READY,
    )
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")
