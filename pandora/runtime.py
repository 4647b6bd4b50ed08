"""Where and how numbers are computed: device, dtype, threads, seeds. "auto" becomes a value here and nowhere else."""

import ctypes
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pandora.errors import InvalidConfig, UnknownName

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_MOST_THREADS = 8  # beyond this, matrices of the small model are too small to share


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A device, the dtype of the weights on it, and the number of CPU threads."""

    device: torch.device
    dtype: torch.dtype
    threads: int

    @classmethod
    def resolve(
        cls,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
        threads: int | str = "auto",
    ) -> "Runtime":
        """Turn names and "auto" into values; changes nothing. Raises InvalidConfig or UnknownName."""
        chosen = resolve_device(device)
        return cls(device=chosen, dtype=resolve_dtype(dtype, chosen), threads=resolve_threads(threads))

    def apply(self) -> "Runtime":
        """Set the process's thread count; for entry points, before the first computation."""
        torch.set_num_threads(self.threads)
        return self

    def __str__(self) -> str:
        plural = "" if self.threads == 1 else "s"
        return f"{self.device}, {str(self.dtype).removeprefix('torch.')}, {self.threads} thread{plural}"


def resolve_device(name: str | torch.device = "auto") -> torch.device:
    """The device of that name; "auto" is cuda where there is one, else cpu. Raises InvalidConfig."""
    if isinstance(name, torch.device):
        return name
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidConfig(f"There is no device named {name!r}. Use auto, cpu, cuda or cuda:0.") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InvalidConfig(
            f"Device {name!r} was asked for, and this machine offers {torch.cuda.device_count()} CUDA devices to torch "
            f"{torch.__version__}. Use auto or cpu, or install a CUDA build of torch."
        )
    return device


def resolve_dtype(name: str | torch.dtype, device: torch.device) -> torch.dtype:
    """The dtype of that name; "auto" is bfloat16 on a GPU that has it, else float32. Raises UnknownName."""
    if isinstance(name, torch.dtype):
        return name
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    if name not in DTYPES:
        raise UnknownName("dtype", name, ["auto", *DTYPES])
    return DTYPES[name]


def resolve_threads(threads: int | str = "auto") -> int:
    """A thread count of at least 1; "auto" obeys OMP_NUM_THREADS, else takes the usable cores. Raises InvalidConfig."""
    if threads == "auto":
        asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
        return int(asked) if asked.isdigit() and int(asked) > 0 else min(usable_cores(), _MOST_THREADS)
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise InvalidConfig(f"The number of threads is a whole number of at least 1, or auto; got {threads!r}.")
    return threads


def usable_cores() -> int:
    """Cores this process may use: the machine's, less what affinity and a container's CPU quota take away."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.is_file():
        limit, period = (*quota.read_text().split(), "100000")[:2]
        if limit.isdigit():
            cores = min(cores, max(1, int(limit) // int(period)))
    return cores


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's global generators; for training scripts, which draw from all three."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def give_back_memory() -> bool:
    """Return what was freed to the system; whether the C library did.

    glibc keeps the pages that were freed below a block still in use: a training that frees tensors of many sizes every
    step holds 20 GB after an hour, of which it uses one.
    """
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    return trim is not None and bool(trim(0))
