"""The bare model in a process of its own: `python -m server.bench.bare`, and the other end of its pipe.

Each line that comes in is a number of seconds; each that goes out is how many frames a second were made meanwhile.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from server.bench.process import python


class Bare:
    """Used by the bench."""

    def __init__(self, process: "subprocess.Popen[str]"):
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout

    def frames_per_second(self, seconds: float) -> float:
        self._to.write(f"{seconds}\n")
        self._to.flush()
        return float(self._from.readline())


@contextmanager
def start_bare(options: dict[str, str]) -> Iterator[Bare]:
    """The model as `serve` with these `options` would load it."""
    variables = {f"PANDORA_{'SAMPLING_STEPS' if name == 'steps' else name.upper()}": options[name] for name in options}
    with python("server.bench.bare", **variables) as process:
        bare = Bare(process)
        bare.frames_per_second(0.0)  # it is loaded
        yield bare


def main() -> None:
    import numpy as np

    from pandora.scenes import read_scenes
    from pandora.types import Sampler
    from server.engine.loading import load_model
    from server.settings import Settings

    settings = Settings.from_environment()
    model = load_model(settings)
    sampler, config = Sampler(steps=settings.sampling_steps), model.config
    scenes = list(read_scenes(settings.weights).values())
    actions = (scenes[0].suggestions if scenes else ()) or ("wait",)
    start = model.begin(scenes[0].image if scenes else np.full((config.height, config.width, 3), 128, np.uint8))
    for line in sys.stdin:
        state, clips, began = start, 0, time.perf_counter()
        while not clips or time.perf_counter() - began < float(line):
            for part in model.stream([state], [actions[clips % len(actions)]], sampler):
                state = part.states[0] if part.states else state
            clips += 1
        print(clips * config.frames_per_action / (time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main()
