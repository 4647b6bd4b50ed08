"""The values that flow through the world model.

Axes, by letter: B batch · T frames · L latent frames · C channels · H W pixels · h w latent height and width ·
N tokens · Q queries · D width · S text tokens.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from pandora.config import DEFAULT_STEPS
from pandora.errors import InvalidInput

Frames = NDArray[np.uint8]  # (T, H, W, 3) RGB, 0..255


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """How a clip is sampled: `steps` denoising steps from pure noise, 1 to 50."""

    steps: int = DEFAULT_STEPS

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 50:
            raise InvalidInput(f"A sampler takes 1 to 50 steps, not {self.steps}.")


class Carried(Protocol):
    """What a model keeps of a world besides its state."""

    @property
    def nbytes(self) -> int: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class WorldState:
    """Everything a world needs to go on. A value: `step` returns a new one, and to fork is to keep the old one."""

    seed: int  # of the world; with `step` it fixes the noise of the next clip
    step: int  # actions applied so far
    actions: tuple[str, ...]  # what was said so far, oldest first
    latents: Tensor  # (C, L, h, w) float32, normalised: the history that the video model attends to
    frame: Tensor  # (H, W, 3) uint8: the last frame shown
    decoder_memory: tuple[Tensor, ...]  # what the streaming decoder carries, float32
    description: str | None = None  # what the backbone made of the last action, where it was asked to say it
    expert: str = ""  # which of the model's experts draws it; none: the model itself
    carried: Carried | None = None  # what could be made again from the rest, kept on the device; never stored

    @property
    def nbytes(self) -> int:
        """Memory that its tensors take, with what it carries; forks share theirs."""
        own = sum(tensor.nbytes for tensor in (self.latents, self.frame, *self.decoder_memory))
        return own + (0 if self.carried is None else self.carried.nbytes)

    def fork(self, seed: int | None = None) -> WorldState:
        """The same moment; with another `seed` its future is sampled afresh."""
        return self if seed is None else replace(self, seed=seed)

    def to_bytes(self) -> bytes:
        """Serialise to safetensors, exactly."""
        tensors = {"latents": self.latents, "frame": self.frame}
        tensors |= {f"decoder_memory.{i}": memory for i, memory in enumerate(self.decoder_memory)}
        header = {name: getattr(self, name) for name in ("seed", "step", "actions", "description", "expert")}
        return save({k: v.contiguous() for k, v in tensors.items()}, {"world_state": json.dumps(header)})

    @classmethod
    def from_bytes(cls, data: bytes) -> WorldState:
        """Inverse of `to_bytes`. Raises InvalidInput on anything else."""
        try:
            tensors = load(data)
            length = int.from_bytes(data[:8], "little")
            header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["world_state"])
            memory = tuple(tensors[f"decoder_memory.{i}"] for i in range(len(tensors) - 2))
            return cls(
                seed=header["seed"], step=header["step"], actions=tuple(header["actions"]),
                latents=tensors["latents"], frame=tensors["frame"], decoder_memory=memory,
                description=header.get("description"), expert=header.get("expert", ""),
            )  # fmt: skip
        except (SafetensorError, ValueError, KeyError) as error:
            raise InvalidInput(
                f"These bytes are no world state ({error}). Use what WorldState.to_bytes wrote."
            ) from error


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """The frames that one action made."""

    frames: Frames
    fps: float
    timings: dict[str, float] = field(default_factory=dict)  # milliseconds by stage


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A piece of the clips of a batch, as soon as it is decoded; `states` comes with the last piece."""

    index: int
    frames: list[Frames]  # one (T, H, W, 3) a world
    states: list[WorldState] | None = None


def noise(states: list[WorldState], shape: tuple[int, ...], device: torch.device | str = "cpu") -> Tensor:
    """Standard normal noise (B, *shape) float32 that depends on each state's (seed, step) alone.

    Each kind of device draws its own; on the CPU it is the same everywhere.
    """
    rows = []
    for state in states:
        generator = torch.Generator(device).manual_seed((state.seed * 1_000_003 + state.step) % 2**63)
        rows.append(torch.randn(shape, generator=generator, device=device))
    return torch.stack(rows)
