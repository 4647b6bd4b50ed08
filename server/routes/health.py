"""For those who watch over the service."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from server.asyncapi import describe
from server.engine.engine import EngineStatus
from server.metrics import CONTENT_TYPE
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
    """The model is warm, the store can be written, and no end is near; 503 where it is not so."""
    service.store.check_open()
    name = service.engine.model.name
    await service.store.check()
    return {"status": "ready", "model": name}


@router.get("/asyncapi.json", include_in_schema=False)
async def asyncapi() -> dict[str, Any]:
    """The stream's document; /openapi.json is that of the calls."""
    return describe()


@router.get("/metrics", response_class=Response, dependencies=[Depends(admit(Scope.ADMIN))])
async def metrics(service: TheService) -> Response:
    """Prometheus text."""
    store, sessions, engine = service.store, service.sessions, service.engine
    text = service.metrics.render(
        ready=engine.status is EngineStatus.READY and not store.closing,
        worlds=store.worlds,
        worlds_active=sessions.live,
        worlds_suspended=store.worlds - sessions.live,
        steps=store.steps,
        viewers=sessions.viewers,
        engine_waiting=engine.waiting,
        rollouts_running=service.rollouts.running,
        plans_running=service.plans.running,
        rollout_bytes=service.pool.bytes,
        cached_bytes=sessions.bytes,
        shared_bytes=await sessions.shared_bytes(),
    )
    return Response(text, media_type=CONTENT_TYPE)
