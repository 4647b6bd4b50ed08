"""The parts around the video model, compiled: layers of the language model, and the live decoder."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import torch

from pandora.large.model import LargeWorldModel
from pandora.pretrained.autoencoder import TieredAutoencoder

_PAD_TO = 64  # what is read comes in multiples of it, so that few shapes are compiled
_ACTIONS = ("wait", "the door opens and somebody comes in")


@torch.inference_mode()
def compile_parts(model: LargeWorldModel, report: Callable[[str], None]) -> list[str]:
    """Compile what has many small kernels, and try it; what can't be compiled stays as it is, and why is said.

    Returns the names of what is compiled.
    """
    device = model.runtime.device
    if device.type != "cuda" or find_spec("triton") is None:
        reason = "triton is not installed" if device.type == "cuda" else f"the weights are on {device}"
        report(f"compiled parts: none, for {reason}")
        return []
    done = []
    for name, compile_it, undo in (
        ("language model", _compile_reading, _undo_reading),
        ("live decoder", _compile_decoding, _undo_decoding),
    ):
        try:
            if compile_it(model):
                done.append(name)
        except Exception as error:  # whatever a compiler may raise, the parts work without it
            undo(model)
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            report(f"compiled parts: not the {name} ({type(error).__name__}: {first:.160})")
    report(f"compiled parts: {', '.join(done) or 'none'}")
    return done


def _compile_reading(model: LargeWorldModel) -> bool:
    backbone = model.reader.backbone
    if backbone is None or hasattr(backbone.model, "execution_device"):  # layers that come and go stay as they are
        return False
    backbone.config = replace(backbone.config, pad_to=_PAD_TO)
    for layer in backbone.decoder.layers:
        layer.compile(dynamic=False)
    frame = torch.zeros(1, model.config.height, model.config.width, 3, dtype=torch.uint8, device=model.runtime.device)
    prefix = backbone.prefix([frame if backbone.eyes is not None else frame[:0]])
    for action in _ACTIONS:
        backbone.read([prefix], [action])
    return True


def _undo_reading(model: LargeWorldModel) -> None:
    backbone = model.reader.backbone
    assert backbone is not None
    backbone.config = replace(backbone.config, pad_to=1)
    for layer in backbone.decoder.layers:
        layer._compiled_call_impl = None


def _compile_decoding(model: LargeWorldModel) -> bool:
    autoencoder: Any = model.autoencoder
    if not isinstance(autoencoder, TieredAutoencoder):
        return False
    tiny: Any = autoencoder.tiny
    tiny.decode_step = torch.compile(tiny.decode_step, fullgraph=True, dynamic=False)
    spatial = autoencoder.spatial
    sides = model.config.height // spatial, model.config.width // spatial
    latents = torch.zeros(
        1, autoencoder.latent_channels, 1, *sides, device=model.runtime.device, dtype=model.runtime.dtype
    )
    memory = autoencoder.begin_memory(1, *sides)
    for _ in range(3):
        _, memory = autoencoder.decode_step(latents, memory)
    return True


def _undo_decoding(model: LargeWorldModel) -> None:
    tiny: Any = model.autoencoder.tiny  # type: ignore[union-attr]
    tiny.__dict__.pop("decode_step", None)
