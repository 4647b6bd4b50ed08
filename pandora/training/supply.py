"""Data that is still being made and encoded while the stages learn from what is there.

Two processes beside the one that trains: one makes shards, all worlds growing together, the other encodes them as they
come. They end with the process that started them.
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from types import TracebackType

from pandora.training import data, encoding
from pandora.worlds import make_world

_PAUSE = 5.0  # seconds between two looks for shards that came


def make_in_rounds(configs: Sequence[data.DataConfig], first: float) -> Iterator[float]:
    """Make all folders' shards in rounds that double: at least the share `first` of the clips, then twice as many, …

    Yields the share that is there after a round.
    """
    share = min(first, 1.0)
    while True:
        for config in configs:
            for name, folder in data.folders(config).items():
                world = make_world(name)
                shards = math.ceil(share * config.clips / (config.episodes * config.actions_in(world)))
                data.make_one(world, config, folder, shards if share < 1 else None)
        yield share
        if share == 1:
            return
        share = min(2 * share, 1.0)


@dataclass(eq=False)
class Supply:
    """What makes the rest of the data and encodes it, once it is started; a context that ends with both."""

    made: tuple[data.DataConfig, ...]
    encoded: encoding.Encoding
    log: Path  # folder of what they say
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, "subprocess.Popen[bytes]"])

    def start(self, *jobs: str) -> None:
        """Begin to "make" and to "encode", or one of them, unless it is under way."""
        told = {"make": [config.to_dict() for config in self.made], "encode": self.encoded.to_dict()}
        self.log.mkdir(parents=True, exist_ok=True)
        for job in (job for job in jobs if job not in self.running):
            command = [sys.executable, "-m", "pandora.training.supply", job, json.dumps(told[job])]
            with (self.log / f"{job}.log").open("ab") as log:
                self.running[job] = subprocess.Popen(
                    command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )

    def stop(self) -> None:
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running.clear()

    def __enter__(self) -> "Supply":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _end_with(parent: int) -> None:
    """Leave, with all that was started here, once the parent is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    job, text = sys.argv[1:]
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    if job == "make":
        configs = [data.DataConfig.from_dict(values) for values in json.loads(text)]
        for _ in make_in_rounds(configs, min(config.episodes / config.clips for config in configs)):
            pass
        return
    shards = replace(encoding.Encoding.from_dict(json.loads(text)), only_new=True)
    while True:
        for _ in encoding.encode(shards):
            pass
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
