"""The single place where the service is put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.staticfiles import StaticFiles

from pandora import __version__
from pandora.scenes import read_scenes
from server import openapi, problems, tracing
from server.accounting import Accounted
from server.bodies import Problem
from server.engine.acting import Acting
from server.engine.engine import Engine, EngineStatus
from server.engine.loading import load_model
from server.guards import BodyLimit, SafeHeaders, SameOrigin
from server.idempotency import Idempotent
from server.metrics import Metrics
from server.plans.plans import Plans
from server.rollouts.pool import Pool
from server.rollouts.rollouts import Rollouts
from server.routes import catalogue, goals, health, plans, rollouts, stream, tickets, worlds
from server.service import Service
from server.sessions.sessions import Sessions
from server.settings import Settings
from server.store.answers import Answers
from server.store.blobs import Blobs
from server.store.database import Database
from server.store.store import Store
from server.uploads import Uploads
from server.users.access import Access, admit
from server.users.keys import Keys
from server.users.principal import Scope

_ERRORS = {
    "description": "Any error, as RFC 9457 has it",
    "content": {"application/problem+json": {}},
    "model": Problem,
}


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> FastAPI:
    """The whole service. An `engine` that is passed in stays the caller's to start and stop."""
    settings = settings or Settings()
    metrics = Metrics()
    acting = Acting(settings.data / "acting.json")
    service = _compose(settings, metrics, engine or _new_engine(settings, metrics, acting))
    if left := acting.left():
        service.store.fault(left)
        acting.write([])

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if service.engine.status is EngineStatus.NEW:
            service.engine.start()
        service.sessions.start()
        yield
        await service.drain()
        if engine is None:
            await anyio.to_thread.run_sync(service.engine.stop)
        await anyio.to_thread.run_sync(service.store.database.close)
        acting.close()

    app = FastAPI(
        title="Pandora", version=__version__, summary="A world you can talk to.", lifespan=lifespan,
        docs_url=None, redoc_url=None, responses={"default": _ERRORS}, telemetry=tracing.request_spans(),
        generate_unique_id_function=openapi.operation_id,
    )  # fmt: skip
    app.state.service = service
    problems.install(app)
    openapi.install(app)
    app.include_router(health.router)
    described = [Depends(HTTPBearer(auto_error=False, description="pk_…"))] if settings.require_keys else []
    scoped = ((catalogue, None), (worlds, None), (tickets, Scope.READ), (rollouts, None), (plans, None), (goals, None))
    for routes, scope in scoped:
        app.include_router(routes.router, prefix="/v1", dependencies=[Depends(admit(scope)), *described])
    app.include_router(stream.router, prefix="/v1")  # lets in by itself, once it can say why not
    if settings.web.is_dir():
        app.mount("/", StaticFiles(directory=settings.web, html=True), name="web")
    app.add_middleware(Idempotent, service=service)
    app.add_middleware(BodyLimit)
    app.add_middleware(SameOrigin, local=settings.is_local)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Accounted, metrics=metrics)
    return app


def _compose(settings: Settings, metrics: Metrics, engine: Engine) -> Service:
    database = Database(settings.database_url, metrics.store_error)
    blobs = Blobs(settings.blobs_url, metrics.store_error)
    store = Store(database, blobs, max_worlds=settings.max_worlds, max_steps=settings.max_steps)
    sessions = Sessions(engine, store, metrics, settings)
    pool = Pool(settings, lambda: sessions.viewers)
    return Service(
        settings=settings,
        engine=engine,
        store=store,
        answers=Answers(database),
        sessions=sessions,
        access=Access(settings, Keys(database), store.count),
        uploads=Uploads(settings.max_uploads),
        pool=pool,
        rollouts=Rollouts(engine, metrics, settings, pool),
        plans=Plans(metrics, settings, pool),
        metrics=metrics,
        scenes=read_scenes(settings.weights),
    )


def _new_engine(settings: Settings, metrics: Metrics, acting: Acting) -> Engine:
    return Engine(
        partial(load_model, settings),
        max_batch=settings.max_batch,
        jpeg_quality=settings.jpeg_quality,
        observe_batch=metrics.observe_batch,
        observe_acting=acting.write,
    )
