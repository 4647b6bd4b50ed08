"""Weights that wait in host memory and pass through the device layer by layer, by diffusers' group offloading."""

import torch
from diffusers.hooks import apply_group_offloading
from torch import nn


def offload(module: nn.Module, device: torch.device) -> nn.Module:
    """Move a module's weights to the host; each layer comes to `device` for its turn. The module is changed.

    On a GPU the next layer is on its way while one is at work, from pinned memory. Inputs are taken to `device`, and
    outputs are there. For inference; afterwards the module can't be moved with `.to`. `pandora.budget` says when it
    is worth it, and what it takes of the device.
    """
    apply_group_offloading(
        module.requires_grad_(False),
        onload_device=device,
        offload_device=torch.device("cpu"),
        offload_type="leaf_level",
        use_stream=device.type == "cuda",
    )
    for part in module.modules():
        part.execution_device = device  # type: ignore[assignment]
    return module


def device_of(module: nn.Module) -> torch.device:
    """Where a module computes: where its weights are, or come to for their turn."""
    offloaded: torch.device | None = getattr(module, "execution_device", None)
    return next(module.parameters()).device if offloaded is None else offloaded
