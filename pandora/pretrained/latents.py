"""What every published autoencoder shares: the statistics of its latents, and the memory format of its weights."""

from collections.abc import Callable, Sequence
from typing import Self

import torch
from torch import Tensor, nn

TIME = 4  # frames that one latent frame stands for, but the first, which stands for one


class LatentStatistics(nn.Module):
    """Mean and standard deviation of the raw latents, channel by channel; float32 whatever the model is cast to."""

    mean: Tensor  # (1, C, 1, 1, 1) float32
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        self.values = {"mean": tuple(mean), "std": tuple(std)}
        for name, values in self.values.items():
            self.register_buffer(name, _column(values), persistent=False)

    def normalise(self, raw: Tensor) -> Tensor:
        """Raw latents (B, C, L, h, w) -> (raw - mean) / std, float32."""
        return (raw.float() - self.mean) / self.std

    def denormalise(self, latents: Tensor) -> Tensor:
        """Inverse of `normalise`, float32."""
        return latents.float() * self.std + self.mean

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """As of `nn.Module`, for a new device; a new dtype is not followed: bfloat16 keeps three digits of a mean."""
        super()._apply(fn, recurse)
        for name, values in self.values.items():
            setattr(self, name, _column(values).to(getattr(self, name).device))
        return self


def to_channels_last(module: nn.Module) -> None:
    """Store the weights of convolutions channels-last, in place: the layout that tensor cores read.

    Values, keys and shapes stay as they are; activations follow the weights' layout.
    """
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in module.parameters():
        if parameter.dim() in formats:
            parameter.data = parameter.data.contiguous(memory_format=formats[parameter.dim()])


def _column(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1, 1)
