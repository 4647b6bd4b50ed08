"""The single place where the service is put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from pandora import __version__
from pandora.scenes import read_scenes
from server import problems
from server.bodies import Problem
from server.engine.engine import Engine, EngineStatus
from server.engine.loading import load_model
from server.guards import BodyLimit, SafeHeaders, SameOrigin
from server.metrics import Metrics
from server.routes import catalogue, health, stream, worlds
from server.service import Service
from server.sessions.sessions import Sessions
from server.settings import Settings
from server.store.store import MemoryStore
from server.uploads import Uploads

_ERRORS = {
    "description": "Any error, as RFC 9457 has it",
    "content": {"application/problem+json": {}},
    "model": Problem,
}


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> FastAPI:
    """The whole service. An `engine` that is passed in stays the caller's to start and stop."""
    settings = settings or Settings()
    metrics = Metrics()
    service = _compose(settings, metrics, engine or _new_engine(settings, metrics))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if service.engine.status is EngineStatus.NEW:
            service.engine.start()
        yield
        await service.sessions.drain()
        if engine is None:
            await anyio.to_thread.run_sync(service.engine.stop)

    app = FastAPI(
        title="Pandora", version=__version__, summary="A world you can talk to.", lifespan=lifespan,
        docs_url=None, redoc_url=None, responses={"default": _ERRORS},
    )  # fmt: skip
    app.state.service = service
    problems.install(app)
    app.include_router(health.router)
    for router in (catalogue.router, worlds.router, stream.router):
        app.include_router(router, prefix="/v1")
    if settings.web.is_dir():
        app.mount("/", StaticFiles(directory=settings.web, html=True), name="web")
    app.add_middleware(BodyLimit)
    app.add_middleware(SameOrigin, local=settings.is_local)
    app.add_middleware(SafeHeaders)
    return app


def _compose(settings: Settings, metrics: Metrics, engine: Engine) -> Service:
    store = MemoryStore(settings.max_worlds, settings.max_steps, settings.max_clip_bytes)
    return Service(
        settings=settings,
        engine=engine,
        sessions=Sessions(engine, store, metrics, settings),
        uploads=Uploads(settings.max_uploads),
        metrics=metrics,
        scenes=read_scenes(settings.weights),
    )


def _new_engine(settings: Settings, metrics: Metrics) -> Engine:
    return Engine(
        partial(load_model, settings),
        max_batch=settings.max_batch,
        jpeg_quality=settings.jpeg_quality,
        observe_batch=metrics.observe_batch,
    )
