"""Windows of films as the autoencoder is trained on: drawn by weight from several folders, decoded ahead by threads."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import numpy as np

from pandora.errors import InvalidInput
from pandora.media import Frames
from pandora.training.filmcodec import decode_film
from pandora.training.mixture import parse_mixture, pick
from pandora.training.shards import TarSample, samples

_STEPS_AHEAD = 4
_REFRESH = 100  # steps; shards may still be coming


class Windows:
    """Random stretches of `frames` frames; the same generator draws the same windows from the same shards.

    The films that were decoded last stay in memory, up to `gigabytes`: once all of them fit, nothing is decoded twice.
    """

    def __init__(self, data: str, frames: int, gigabytes: float = 2.0):
        self.mixture, self.frames = parse_mixture(data), frames
        self.room, self.used = int(gigabytes * 1e9), 0  # bytes
        self.shards: dict[Path, list[Path]] = {}
        self.listed: dict[Path, list[TarSample]] = {}
        self.kept: OrderedDict[str, Frames] = OrderedDict()
        self.lock = Lock()
        self.refresh()

    def refresh(self) -> None:
        """Take up shards that came later."""
        for folder in self.mixture:
            self.shards[folder] = sorted(folder.glob("*.tar"))
            if not self.shards[folder]:
                raise InvalidInput(f"No shards in {folder}. Make some: pandora data make --out {folder}")

    def draw(self, rng: np.random.Generator) -> Callable[[], Frames]:
        """A window, as a call that reads it: (frames, H, W, 3) uint8, beginning at a multiple of four frames."""
        folders = list(self.mixture)
        shards = self.shards[folders[pick(list(self.mixture.values()), rng)]]
        place, film, moment = rng.random(3)
        for turn in range(len(shards)):  # the next one where a shard of imported films is empty
            shard = shards[(int(place * len(shards)) + turn) % len(shards)]
            if shard not in self.listed:
                self.listed[shard] = list(samples(shard))
            if found := self.listed[shard]:
                sample = found[int(film * len(found))]
                return lambda: self._cut(sample, moment)
        raise InvalidInput(f"No episodes in {shards[0].parent}. Make or import some.")

    def _cut(self, sample: TarSample, moment: float) -> Frames:
        film = self._film(sample)
        if len(film) < self.frames:
            raise InvalidInput(
                f"{sample.key} has {len(film)} frames, fewer than a window of {self.frames}. Train with fewer."
            )
        first = 4 * int(moment * ((len(film) - self.frames) // 4 + 1))
        return film[first : first + self.frames]

    def _film(self, sample: TarSample) -> Frames:
        key = f"{sample.shard}/{sample.key}"
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
                return self.kept[key]
        film = decode_film(sample.film().read(), sample.key)
        with self.lock:
            if key not in self.kept and film.nbytes <= self.room:
                self.kept[key] = film
                self.used += film.nbytes
            while self.used > self.room:
                self.used -= self.kept.popitem(last=False)[1].nbytes
        return film

    def batches(self, seed: int, start: int, steps: int, rows: int, readers: int = 2) -> Iterator[Frames]:
        """Batches (rows, frames, H, W, 3) of the steps from `start` on: step k always draws the same windows."""
        waiting: deque[list[Future[Frames]]] = deque()
        step = start
        with ThreadPoolExecutor(readers) as pool:
            try:
                while step < steps or waiting:
                    while step < steps and len(waiting) < _STEPS_AHEAD:
                        if step % _REFRESH == 0:
                            self.refresh()
                        rng = np.random.default_rng([seed, step])
                        waiting.append([pool.submit(self.draw(rng)) for _ in range(rows)])
                        step += 1
                    yield np.stack([future.result() for future in waiting.popleft()])
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
