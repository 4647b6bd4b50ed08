"""Many lives of one service, by `python -m server.bench.lives`: a process that has everything imported and no threads.

For each line that comes in it forks a child, which serves the tiny model over the store in PANDORA_DATA as `pandora
serve` does; it tells the child's pid at once, and waits for its end.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pandora.errors import PandoraError
from pandora.media import encode_png
from server.bench.process import READY, python

if TYPE_CHECKING:
    from pandora.world_model import WorldModel
    from server.settings import Settings

SCENE = "noise"
_LIFE, _ENDED = "life ", "ended"


class Life:
    """From the fork of a process to its end."""

    def __init__(self, pid: int):
        self.pid = pid
        self.address: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Lives:
    """Used by the bench: one life after another."""

    def __init__(self, process: "subprocess.Popen[str]"):
        self._process = process

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Life]:
        """A life, which is ready once its address is known; it is killed at the latest here."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        if not (line := await self._line()):
            raise PandoraError("The process that the service is forked from has ended. What it said stands above.")
        life = Life(int(line.removeprefix(_LIFE)))
        hearing = asyncio.get_running_loop().create_task(self._hear(life))
        try:
            yield life
        finally:
            life.kill()
            await hearing

    async def _hear(self, life: Life) -> None:
        """Until the life has ended."""
        while (line := await self._line()) and not line.startswith(_ENDED):
            if line.startswith(READY):
                life.address.set_result(line.removeprefix(READY).strip())
        if not life.address.done():
            life.address.set_exception(PandoraError("The service ended before it was ready."))
            life.address.exception()  # mark as retrieved: it may have been meant to end

    async def _line(self) -> str:
        assert self._process.stdout is not None
        return await asyncio.to_thread(self._process.stdout.readline)


@contextmanager
def start_lives(data: Path) -> Iterator[Lives]:
    """The process that has everything imported, over a store in `data`."""
    (scenes := data / "weights" / "scenes").mkdir(parents=True)
    entry = {"id": SCENE, "world": "noise", "title": "Noise", "image": "noise.png", "suggestions": []}
    (scenes / "scenes.json").write_text(json.dumps([entry]))
    (scenes / "noise.png").write_bytes(encode_png(np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)))
    variables = {"PANDORA_DATA": data, "PANDORA_WEIGHTS": data / "weights", "PANDORA_PORT": 0}
    alone = {"OMP_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1, "TOKENIZERS_PARALLELISM": "false"}
    with python("server.bench.lives", **variables, **alone) as process:
        yield Lives(process)


def main() -> None:
    import torch

    from pandora.presets import tiny_model
    from server.engine.acting import Acting
    from server.engine.engine import Engine
    from server.run import run
    from server.settings import Settings

    torch.set_num_threads(1)
    settings, model = Settings.from_environment(), tiny_model()
    _import_all(settings, model)
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                acting = Acting(settings.data / "acting.json")
                run(settings, Engine(lambda: model, max_batch=settings.max_batch, observe_acting=acting.write))
            finally:
                os._exit(0)
        print(f"{_LIFE}{pid}", flush=True)
        os.waitpid(pid, 0)
        print(f"\n{_ENDED}", flush=True)  # on a line of its own, wherever the child was in its words


def _import_all(settings: "Settings", model: "WorldModel") -> None:
    """Have every module loaded that a life needs, by a service that is put together and never runs."""
    import uvicorn

    from pandora.types import Sampler
    from server.app import create_app
    from server.engine.engine import Engine

    blank = np.zeros((model.config.height, model.config.width, 3), np.uint8)
    model.step(model.begin(blank), "wait", Sampler(steps=settings.sampling_steps))
    app = create_app(settings, Engine(lambda: model))
    uvicorn.Config(app, log_config=None).load()
    app.state.service.store.database.close()
    if threading.active_count() > 1:
        raise RuntimeError("A process with several threads can't be forked safely.")


if __name__ == "__main__":
    main()
