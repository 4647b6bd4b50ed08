"""What every training stage shares: a progress line with time left, a log of metrics, a loss curve, checkpoints."""

import json
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from rich.console import Console
from torch import nn

from pandora.config import Config
from pandora.media import save_plot
from pandora.runtime import give_back_memory

TRAINING = "training.safetensors"  # in a run's folder: what it resumes from


class Log:
    """Prints progress and keeps `metrics.jsonl` in the run's folder; `curve` draws it."""

    def __init__(self, folder: Path, total: int, start: int = 0):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "metrics.jsonl"
        self.total, self.start = total, start
        self.began = time.monotonic()
        self.values: dict[str, list[float]] = {}
        self.console = Console(highlight=False)

    def add(self, **metrics: float) -> None:
        """Metrics of one step; the next line shows their means since the last one, over those that were added."""
        for name, value in metrics.items():
            self.values.setdefault(name, []).append(value)

    def __call__(self, step: int, of: int | None = None, /, **metrics: float) -> None:
        """Print and keep the line of a step, of as many; None: of what was planned."""
        total = of or self.total
        metrics = {name: sum(values) / len(values) for name, values in self.values.items()} | metrics
        self.values = {}
        elapsed = time.monotonic() - self.began
        rate = (step - self.start) / elapsed if elapsed else 0.0
        left = (total - step) / rate if rate else 0.0
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **metrics, "seconds": round(elapsed)}) + "\n")
        shown = "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        self.console.print(f"step {step}/{total}  {shown}  {rate:.2f} steps/s  {left / 60:.0f} min left")

    def curve(self, *names: str) -> None:
        """Write `curve.png`: the named metrics over steps, each in a panel of its own; all of error.* share one."""
        if not self.path.exists():  # the run ended before its first line
            return
        import matplotlib.pyplot as plt

        rows = [json.loads(line) for line in self.path.read_text().splitlines()]
        figure, axes = plt.subplots(1, len(names), figsize=(5 * len(names), 3.2), squeeze=False)
        for axis, name in zip(axes[0], names, strict=True):
            family = name.removesuffix("*")
            lines = [name] if family == name else sorted({key for row in rows for key in row if key.startswith(family)})
            values: list[float] = []
            for line in lines:
                points = [(row["step"], row[line]) for row in rows if line in row]
                axis.plot(*zip(*points, strict=True), linewidth=1, label=line.removeprefix(family)) if points else None
                values += [value for _, value in points]
            axis.set(xlabel="step", title=name.removesuffix(".*"))
            if values and min(values) > 0 and max(values) > 10 * min(values):
                axis.set_yscale("log")
            if len(lines) > 1:
                axis.legend(fontsize=7)
            axis.grid(alpha=0.3)
        figure.tight_layout()
        save_plot(figure, self.path.with_name("curve.png"))
        plt.close(figure)


def record(folder: Path, config: Config, processes: int = 1) -> None:
    """Add the settings and the machine of this start to `runs.jsonl`: what a model card needs to name."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else (names or [platform.machine()])[0]
    machine = {"device": device, "cores": os.cpu_count(), "torch": torch.__version__, "processes": processes}
    entry = {"stage": type(config).__name__, "config": config.to_dict(), "machine": machine}
    with (folder / "runs.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def learning_rate(step: int, total: int, peak: float, warmup: int = 200, floor: float = 0.02) -> float:
    """Linear warm-up, then a cosine down to `floor` of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    phase = min(1.0, (step - warmup) / max(1, total - warmup))
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * phase)))


class Plan(Protocol):
    """What a stage's settings say about its steps."""

    @property
    def steps(self) -> int: ...
    @property
    def minutes(self) -> float: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def log_every(self) -> int: ...
    @property
    def save_every(self) -> int: ...


class Course:
    """The steps of a run, from where it stands to its end: as many as planned or, with `minutes`, as fit into them.

    Iterate to take them: each gives its number, from 0, once the optimizers have its learning rate, times the `scale`
    of a group that has one. Within a step `done` counts it already, and `logs`, `saves` and `over` say what is due
    after it.
    """

    def __init__(
        self, folder: Path, plan: Plan, optimizers: Sequence[torch.optim.Optimizer], start: int, warmup: int = 200
    ):
        self.plan, self.warmup, self.done = plan, warmup, start
        self.groups = [group for optimizer in optimizers for group in optimizer.param_groups]
        self.spent = time_spent(folder)  # seconds, with those of earlier starts
        self.began = time.monotonic() - self.spent
        self.asked, self.ended = -1, False

    def __iter__(self) -> Iterator[int]:
        while not self.over:
            rate = learning_rate(self.done, self.total, self.plan.learning_rate, self.warmup)
            for group in self.groups:
                group["lr"] = group.get("scale", 1.0) * rate
            self.done += 1
            yield self.done - 1
            if self.logs:
                give_back_memory()

    @property
    def total(self) -> int:
        """Steps in all, as things look now."""
        if not self.plan.minutes or not self.done:
            return self.plan.steps
        fit = round(self.done * 60 * self.plan.minutes / max(self.spent, 1e-9))
        return min(self.plan.steps, max(1, fit))

    @property
    def over(self) -> bool:
        """The clock is asked once a step, so that the last one is also the one that saves. Processes share a clock."""
        if self.asked != self.done:
            self.spent = _told_by_the_first(time.monotonic() - self.began)
            late = self.plan.minutes > 0 and self.spent >= 60 * self.plan.minutes
            self.asked, self.ended = self.done, self.done >= self.plan.steps or late
        return self.ended

    @property
    def logs(self) -> bool:
        return self.done % self.plan.log_every == 0 or self.over

    @property
    def saves(self) -> bool:
        return self.done % self.plan.save_every == 0 or self.over


def _told_by_the_first(seconds: float) -> float:
    """The first process's number, where there are several: by clocks of their own they would stop at other steps."""
    if not dist.is_initialized():
        return seconds
    told = torch.tensor(seconds, dtype=torch.float64, device="cpu" if dist.get_backend() == "gloo" else "cuda")
    dist.broadcast(told, 0)
    return float(told)


def save_training(path: Path, tensors: dict[str, torch.Tensor], header: dict[str, Any]) -> None:
    """Write a resumable checkpoint as safetensors, whole or not at all."""
    from safetensors.torch import save_file

    part = path.with_suffix(".part")
    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, str(part), {"header": json.dumps(header)})
    os.replace(part, path)


def load_training(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Inverse of `save_training`."""
    from safetensors import safe_open

    with safe_open(str(path), "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["header"])  # noqa: SIM118


def optimizer_tensors(*optimizers: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The state of optimizers as named tensors, in parameter order."""
    return {
        f"optimizer.{which}.{index}.{name}": torch.as_tensor(value)
        for which, optimizer in enumerate(optimizers)
        for index, entry in optimizer.state_dict()["state"].items()
        for name, value in entry.items()
    }


def restore_optimizer(tensors: dict[str, torch.Tensor], *optimizers: torch.optim.Optimizer) -> None:
    """Inverse of `optimizer_tensors`, for the same optimizers over the same parameters."""
    for which, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(f"optimizer.{which}."):
                _, _, index, name = key.split(".", 3)
                state.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def keep_run(
    folder: Path,
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    step: int,
    average: Mapping[str, torch.Tensor] | None = None,
    spent: float = 0.0,
) -> None:
    """Write the run's `training.safetensors`: the model, its average over steps if there is one, the optimizers.

    `spent` seconds went into it so far.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in (average or {}).items()}
    save_training(folder / TRAINING, tensors | optimizer_tensors(*optimizers), {"step": step, "spent": spent})


def time_spent(folder: Path) -> float:
    """Seconds that went into the run so far, as `keep_run` was told."""
    from safetensors import safe_open

    if not (folder / TRAINING).exists():
        return 0.0
    with safe_open(str(folder / TRAINING), "pt") as file:
        return float(json.loads(file.metadata()["header"]).get("spent", 0.0))


def take_up_run(
    folder: Path,
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    average: Mapping[str, torch.Tensor] | None = None,
) -> int:
    """Inverse of `keep_run`, in place; returns the number of steps done, 0 where nothing is kept."""
    if not (folder / TRAINING).exists():
        return 0
    tensors, header = load_training(folder / TRAINING)
    model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
    for name, value in (average or {}).items():
        value.copy_(tensors[f"average.{name}"])
    restore_optimizer(tensors, *optimizers)
    return int(header["step"])


@torch.no_grad()
def blend(average: Mapping[str, torch.Tensor], model: nn.Module, ema: float, step: int) -> None:
    """Move the average towards the model after step number `step`, faster at the beginning."""
    decay = min(ema, (step + 1) / (step + 10))
    for name, value in model.state_dict().items():
        average[name].lerp_(value, 1 - decay) if value.is_floating_point() else average[name].copy_(value)
