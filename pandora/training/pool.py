"""The rows of a batch, which stay from step to step where the model goes on from what it made itself."""

import numpy as np
from torch import Tensor

from pandora.training.clips import Batch, Clips, Emphasis, Place
from pandora.video import keyframes


class Pool:
    """Rows that walk through episodes; the first `own` of them carry histories that the model made."""

    def __init__(self, clips: Clips, rows: int, own: int, rng: np.random.Generator, emphasis: Emphasis | None = None):
        self.clips, self.own, self.rng, self.emphasis = clips, own, rng, emphasis or Emphasis(1.0)
        self.places = [clips.place(rng, self.emphasis) for _ in range(rows)]  # an episode and a clip in it
        self.histories = clips.past(self.places)  # (rows, C, keyframes + history, h, w)

    @property
    def kinds(self) -> list[str]:
        return [self.clips.kind(*place) for place in self.places]

    @property
    def worlds(self) -> list[str]:
        return [self.clips.world(episode) for episode, _ in self.places]

    def batch(self) -> Batch:
        return self.clips.batch(self.places, self.histories, self.rng)

    def advance(self, made: Tensor | None, errors: list[float]) -> None:
        """Own rows go on from `made` (own, C, chunk, h, w); the others, and finished ones, draw a new place."""
        self.emphasis.learn(self.kinds, errors)
        going_on = [row for row in range(self.own if made is not None else 0) if self._goes_on(*self.places[row])]
        anew = sorted(set(range(len(self.places))) - set(going_on))
        for row in going_on:
            episode, clip = self.places[row]
            self.places[row] = episode, clip + 1
        for row in anew:
            own = row < self.own
            self.places[row] = (self.clips.draw(self.rng), 0) if own else self.clips.place(self.rng, self.emphasis)
        past = self.histories.clone()
        if made is not None and going_on:
            past[going_on] = keyframes.carry_all(past[going_on], made[going_on].to(past), self.clips.keyframes)
        if anew:
            past[anew] = self.clips.past([self.places[row] for row in anew])
        self.histories = past

    def _goes_on(self, episode: Place, clip: int) -> bool:
        return clip + 1 < self.clips.length(episode)
