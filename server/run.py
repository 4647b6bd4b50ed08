"""The service as a process: a socket, uvicorn, and what is said to the person who started it."""

import asyncio
import errno
import logging
import signal
import socket
from dataclasses import fields
from types import FrameType

import uvicorn

from pandora import __version__
from pandora.errors import InvalidConfig, PandoraError
from server import logs
from server.app import create_app
from server.engine.engine import Engine
from server.memory import share_arenas
from server.service import Service
from server.settings import Settings

log = logging.getLogger(__name__)

MAX_TRANSPORT_BYTES = 16 * 1024 * 1024  # of one WebSocket message; beyond, the socket closes with 1009


def run(settings: Settings, engine: Engine | None = None) -> bool:
    """Serve until a signal comes; False when the model could not be loaded. Raises PandoraError for a taken port."""
    logs.configure(settings.log_format, settings.log_level)
    share_arenas()
    app = create_app(settings, engine)
    service: Service = app.state.service
    _check_keys(service)
    listener = _listen(settings.host, settings.port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws_max_size=MAX_TRANSPORT_BYTES,
        ws_per_message_deflate=False,  # JPEG does not shrink
        timeout_graceful_shutdown=2,  # after the drain: what is left are answers on their way
    )
    server = _Server(config, service, _address(settings.host, listener))
    server.run(sockets=[listener])
    return service.engine.failure is None


class _Server(uvicorn.Server):
    """Says when the model is ready. On a signal nothing more is let in, what runs is finished, and sockets close."""

    def __init__(self, config: uvicorn.Config, service: Service, address: str):
        super().__init__(config)
        self._service = service
        self._address = address
        self._announcing: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        settings = self._service.settings
        self._say(f"Pandora {__version__}: loading {settings.preset or settings.weights} …")
        await super().startup(sockets)
        self._announcing = asyncio.create_task(self._announce())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Unlike uvicorn's, does not raise the signal once more at the end: to stop when told to is no failure."""
        self._service.store.closing = True
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._announcing:
            self._announcing.cancel()
        await self._service.drain()
        await super().shutdown(sockets)

    async def _announce(self) -> None:
        engine = self._service.engine
        while not engine.settled.is_set():
            await asyncio.sleep(0.02)
        if engine.failure is not None:
            self.should_exit = True
            return
        self._say(_summary(self._service))
        self._say(f"Pandora is ready: {self._address}")

    def _say(self, text: str) -> None:
        """To who started it; a machine that reads the log has it there."""
        if self._service.settings.log_format == "text":
            print(text, flush=True)
        else:
            for line in text.splitlines():
                log.info("%s", line.strip())


def _summary(service: Service) -> str:
    model, settings = service.engine.model, service.settings
    config = model.config
    steps = f"{settings.sampling_steps} denoising step{'' if settings.sampling_steps == 1 else 's'} a clip"
    lines = [
        f"  model    {model.name} ({model.fingerprint[:12]})",
        f"  film     {config.width}x{config.height} at {config.fps} fps, {config.frames_per_action} frames an action",
        f"  runs on  {model.runtime}, {steps}",
        f"  scenes   {len(service.scenes)}",
        f"  worlds   {service.store.worlds} with {service.store.steps} steps",
        f"  kept in  {service.store.database.engine.url!r} and {settings.blobs_url}",
        f"  keys     {_told_of_keys(settings)}",
    ]
    shown = settings.shown()
    changed = [f"{f.name}={shown[f.name]}" for f in fields(settings) if getattr(settings, f.name) != f.default]
    if changed:
        lines.append(f"  set      {', '.join(changed)}")
    return "\n".join(lines)


def _told_of_keys(settings: Settings) -> str:
    if settings.require_keys:
        return "required: `pandora keys create --owner NAME` makes one"
    if settings.is_local:
        return "not asked for: only this machine can reach the service"
    return "not asked for, and other machines can reach the service"


def _check_keys(service: Service) -> None:
    """Raises InvalidConfig for a service that other machines can reach and that nobody has a key for."""
    settings = service.settings
    is_meant = settings.is_local or settings.allow_remote or not settings.require_keys
    if not is_meant and not service.access.keys.any_valid():
        raise InvalidConfig(
            f"Keys are required on {settings.host}, and there is none yet that is valid. Make one: "
            "pandora keys create --owner NAME"
        )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PandoraError(f"Port {port} of {host} is taken. Stop its user, or pass --port 0 for any.") from None
        raise PandoraError(f"Can't listen on {host}, port {port}: {error.strerror or error}.") from None


def _address(host: str, listener: socket.socket) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"
