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
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import numpy as np

from pandora.errors import PandoraError
from pandora.media import encode_png
from server.bench.process import READY, python

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
        life = Life(int((await self._line()).removeprefix(_LIFE)))
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
    from pandora.types import Sampler
    from server.engine.acting import Acting
    from server.engine.engine import Engine
    from server.run import run
    from server.settings import Settings

    torch.set_num_threads(1)
    settings, model = Settings.from_environment(), tiny_model()
    size = model.config.frame_size
    model.step(model.begin(np.zeros((size, size, 3), np.uint8)), "wait", Sampler(steps=settings.sampling_steps))
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
        print(_ENDED, flush=True)


if __name__ == "__main__":
    main()
