import os
import platform
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from pandora import runtime
from pandora.errors import InvalidConfig, UnknownName


def test_auto_becomes_values(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    resolved = runtime.Runtime.resolve()
    assert resolved.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolved.dtype in (torch.float32, torch.bfloat16)
    assert resolved.threads == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= runtime.resolve_threads() <= 8


def test_given_values_stay():
    resolved = runtime.Runtime.resolve("cpu", "bfloat16", 2)
    assert str(resolved) == "cpu, bfloat16, 2 threads"
    assert runtime.Runtime.resolve(resolved.device, resolved.dtype, resolved.threads) == resolved


def test_what_does_not_exist_is_refused():
    with pytest.raises(InvalidConfig, match="no device named 'gpu'"):
        runtime.resolve_device("gpu")
    with pytest.raises(InvalidConfig, match="CUDA"):
        runtime.resolve_device("cuda:99")
    with pytest.raises(UnknownName, match="bfloat16"):
        runtime.resolve_dtype("bf16", torch.device("cpu"))
    for threads in (0, -1, "many", True):
        with pytest.raises(InvalidConfig, match="threads"):
            runtime.resolve_threads(threads)


def test_seed_everything():
    draws = []
    for _ in range(2):
        runtime.seed_everything(5)
        draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert draws[0] == draws[1]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory in other ways")
def test_freed_memory_goes_back_to_the_system():
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    blocks = [bytearray(100_000) for _ in range(1000)]
    del blocks[:-1]  # what is left lies above all that is freed
    before = resident()
    assert runtime.give_back_memory()
    assert before - resident() > 50_000_000
    assert len(blocks) == 1
