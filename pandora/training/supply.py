"""Data that is still being made and encoded while the stages learn from what is there.

Two processes beside the one that trains: one makes shards, all worlds growing together, the other encodes them as they
come. They end with the process that started them.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from types import TracebackType

from pandora.training import data, encoding
from pandora.worlds import make_world

_PAUSE = 5.0  # seconds between two looks for shards that came


def make_in_rounds(config: data.DataConfig, first: int) -> Iterator[int]:
    """Make all worlds' shards in rounds that double: at least `first` clips of each, then twice as many, …

    Yields the clips of each world that are there after a round.
    """
    clips = min(max(first, 1), config.clips)
    while True:
        for name, folder in data.folders(config).items():
            world = make_world(name)
            shards = -(-clips // (config.episodes * config.actions_in(world)))
            data.make_one(world, config, folder, shards if clips < config.clips else None)
        yield clips
        if clips == config.clips:
            return
        clips = min(2 * clips, config.clips)


@dataclass(eq=False)
class Supply:
    """What makes the rest of the data and encodes it, once it is started; a context that ends with both."""

    made: data.DataConfig
    encoded: encoding.Encoding
    log: Path  # folder of what they say
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, "subprocess.Popen[bytes]"])

    def start(self, *jobs: str) -> None:
        """Begin to "make" and to "encode", or one of them, unless it is under way."""
        configs = {"make": self.made, "encode": self.encoded}
        self.log.mkdir(parents=True, exist_ok=True)
        for job in (job for job in jobs if job not in self.running):
            command = [sys.executable, "-m", "pandora.training.supply", job, json.dumps(configs[job].to_dict())]
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
        config = data.DataConfig.from_dict(json.loads(text))
        for _ in make_in_rounds(config, config.episodes):
            pass
        return
    shards = replace(encoding.Encoding.from_dict(json.loads(text)), only_new=True)
    while True:
        for _ in encoding.encode(shards):
            pass
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
