"""What makes whole models the experts of one: clips of one shape, and that it can be told whose a picture is.

A hard mixture of experts: the gate is `pandora.novelty`, which gives a picture to the expert whose worlds it is most
like. A world stays with the expert that it was begun with, so each can be trained, measured and replaced alone.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from pandora.errors import InvalidCheckpoint


class Model(Protocol):
    """What is asked of a whole model here."""

    fingerprint: str
    novelty_model: Any

    @property
    def worlds(self) -> tuple[str, ...]: ...
    @property
    def clip_shape(self) -> tuple[int, ...]: ...
    @property
    def experts(self) -> Mapping[str, Any]: ...


def check(model: Model, experts: Mapping[str, Model]) -> None:
    """Raises InvalidCheckpoint where these can't be experts of the model."""
    known = dict.fromkeys(model.worlds, "the model itself")
    for name, one in experts.items():
        if one.clip_shape != model.clip_shape:
            raise InvalidCheckpoint(
                f"The expert {name} makes clips of {one.clip_shape} (height, width, frames, frames a second, latent "
                f"frames), the model itself of {model.clip_shape}. Give it experts that make the same."
            )
        if one.experts:
            raise InvalidCheckpoint(f"The expert {name} has experts itself. Put them beside it.")
        if twice := [world for world in one.worlds if world in known]:
            raise InvalidCheckpoint(
                f"The expert {name} knows {twice[0]}, as {known[twice[0]]} does. A world has one expert: remove one."
            )
        known.update(dict.fromkeys(one.worlds, f"the expert {name}"))
    for name, one in {"the model itself": model, **experts}.items():
        if experts and one.novelty_model is None:
            raise InvalidCheckpoint(
                f"Of several experts each must tell its own pictures, and {name} can't. Run pandora train novelty."
            )
