"""AdamW for vectors and embeddings, Muon for the matrices in between; on one process or on several that share the work.

Muon (Jordan et al. 2024; scaled as in 2502.16982, so that both live with one learning rate) orthogonalises the update
of a matrix.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import nn


def adam_and_muon(
    groups: list[dict[str, Any]], matrices: list[nn.Parameter], muon_rate: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """Both, in this order. `scale`, of AdamW's groups as given and of the matrices `muon_rate`, is a relative rate."""
    return [
        torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=weight_decay),
        torch.optim.Muon(
            [{"params": matrices, "scale": muon_rate}], weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
        ),
    ]


def average_gradients(parameters: list[nn.Parameter]) -> None:
    """Mean over the processes, in one message."""
    flat = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    offset = 0
    for p in parameters:
        if p.grad is not None:
            p.grad.copy_(flat[offset : offset + p.numel()].view_as(p))
            offset += p.numel()


def step_all(optimizers: list[torch.optim.Optimizer]) -> None:
    """One step of AdamW and Muon. Processes share Muon's work: each steps its share of the matrices and sends it on."""
    adam, muon = optimizers
    adam.step()
    matrices = muon.param_groups[0]["params"]
    world, rank = (dist.get_world_size(), dist.get_rank()) if dist.is_initialized() else (1, 0)
    for index, matrix in enumerate(matrices):
        if index % world != rank:
            matrix.grad = None
    muon.step()
    for owner in range(world if world > 1 else 0):
        share = matrices[owner::world]
        flat = torch.cat([matrix.detach().flatten() for matrix in share])
        dist.broadcast(flat, owner)
        if owner != rank:
            pieces = flat.split([matrix.numel() for matrix in share])
            for matrix, piece in zip(share, pieces, strict=True):
                matrix.detach().copy_(piece.view_as(matrix))
    adam.zero_grad()
    muon.zero_grad()


@torch.no_grad()
def collect_momentum(optimizers: list[torch.optim.Optimizer]) -> None:
    """Give the first process the momentum of the matrices that others step (`step_all`), so that it can be kept."""
    muon = optimizers[1]
    world, rank = (dist.get_world_size(), dist.get_rank()) if dist.is_initialized() else (1, 0)
    for index, matrix in enumerate(muon.param_groups[0]["params"]):
        if (owner := index % world) == 0:
            continue
        own = muon.state[matrix].get("momentum_buffer") if owner == rank else None
        momentum = torch.zeros_like(matrix) if own is None else own
        dist.broadcast(momentum, owner)
        if rank == 0:
            muon.state[matrix]["momentum_buffer"] = momentum
