"""Rows of different worlds count alike: where all of a picture moves the loss is many times that of a small block's.

Each row's loss is divided by the running mean of its world's. The worlds' shares in the gradient are then those of the
mixture, whatever their pictures are like. Of one world all weights are 1.
"""

from collections.abc import Sequence


class Balance:
    """Running means of the losses by world; the first one counts whole."""

    def __init__(self, momentum: float = 0.99):
        self.momentum = momentum
        self.means: dict[str, float] = {}

    def weights(self, worlds: Sequence[str]) -> list[float]:
        """Of rows of these worlds; 1 of a world that was not met yet."""
        if not self.means:
            return [1.0] * len(worlds)
        typical = sum(self.means.values()) / len(self.means)
        return [typical / max(self.means.get(world, typical), 1e-9) for world in worlds]

    def learn(self, worlds: Sequence[str], losses: Sequence[float]) -> None:
        """Take in the losses of rows, as they are without weights."""
        for world, loss in zip(worlds, losses, strict=True):
            before = self.means.get(world, loss)
            self.means[world] = self.momentum * before + (1 - self.momentum) * loss
