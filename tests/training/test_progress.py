"""A run's steps: what the clock allows, and that several processes go by one clock."""

import multiprocessing
import socket
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from pandora.training.autoencoder import AutoencoderTraining
from pandora.training.progress import Course, keep_run

SECONDS = 1.5


def course(folder: Path, start: int = 0) -> Course:
    return Course(folder, AutoencoderTraining(steps=10**6, minutes=SECONDS / 60), [], start)


def steps_of(rank: int, port: int, folder: Path, tell: Callable[[tuple[int, float]], None]) -> None:
    """One of two processes: the second one's clock starts later, by half of what both are given."""
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", world_size=2, rank=rank)
    time.sleep(0.5 * SECONDS * rank)
    taken = course(folder)
    for _ in taken:
        dist.all_reduce(torch.ones(1))  # as gradients are averaged
        time.sleep(0.01)
    tell((taken.done, taken.spent))
    dist.destroy_process_group()


def test_processes_stop_at_one_step(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    workers = [context.Process(target=steps_of, args=(rank, port, tmp_path, told.put)) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    (first, spent), (second, same) = told.get(), told.get()
    assert first == second > 10
    assert spent == same >= SECONDS


def test_a_run_that_goes_on_has_the_time_that_is_left(tmp_path: Path) -> None:
    keep_run(tmp_path, nn.Linear(1, 1), [], 7, spent=SECONDS - 0.3)
    began = time.monotonic()
    taken = course(tmp_path, start=7)
    assert taken.spent == SECONDS - 0.3
    for _ in taken:
        time.sleep(0.01)
    assert time.monotonic() - began < SECONDS
    assert taken.done > 7
    assert taken.saves
