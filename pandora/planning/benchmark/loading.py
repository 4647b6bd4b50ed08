"""A model that is loaded when it is first needed: benchmarks without one never wait for it."""

from pathlib import Path

from pandora.planning.imagined import Steps
from pandora.world_model import WorldModel


class LateModel:
    """`model`, from a folder of weights unless it is given."""

    def __init__(self, weights: Path, device: str, threads: int | str, model: Steps | None = None):
        self._source = weights, device, threads
        self._model = model

    @property
    def model(self) -> Steps:
        if self._model is None:
            weights, device, threads = self._source
            model = WorldModel.from_pretrained(weights, device, threads=threads)
            model.runtime.apply()
            self._model = model
        return self._model
