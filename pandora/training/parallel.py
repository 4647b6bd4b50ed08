"""Several processes train one model: each takes a batch of its own, and their gradients are averaged.

On a CPU one process a core is faster than one process with as many threads, as the small model's matrices are too
small to be shared.
"""

import logging
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from pandora import errors

Settings = TypeVar("Settings")


def inside() -> bool:
    """Whether this process is one of several, started by `spread` or by torchrun."""
    return "WORLD_SIZE" in os.environ


def spread(train: Callable[[Settings], Path], settings: Settings, processes: int) -> Path:
    """`train(settings)` in as many processes on this machine; returns the first one's answer.

    `train` is a function of a module, which each process looks up there. All end as soon as one fails; then raises
    PandoraError where that is what went wrong, and ChildFailedError with the traceback otherwise.
    """
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=uuid.uuid4().hex, rdzv_backend="c10d",
        rdzv_endpoint="localhost:0", max_restarts=0,
    )  # fmt: skip
    for name in ("torch.distributed.elastic", "torch.multiprocessing"):  # what they log is raised, too
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return elastic_launch(config, train)(settings)[0]
    except ChildFailedError as failed:
        told = failed.get_first_failure()[1].error_file_data["message"]
        kind, _, text = (told["message"] if isinstance(told, dict) else told).partition(": ")
        if issubclass(getattr(errors, kind, Exception), errors.PandoraError):
            raise errors.PandoraError(text) from None
        raise


def meet(device: torch.device) -> int:
    """Find the other processes; returns this one's rank."""
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if device.type == "cpu":
        _take_core(int(os.environ.get("LOCAL_RANK", dist.get_rank())))
    return dist.get_rank()


def _take_core(number: int) -> None:
    """Stay on one core: two processes that chase each other over the same cores run several times slower."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[number % len(cores)]})
