"""A run of a stage on one process or many: what it reads, where it stands, how a step ends, how it goes on later."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from safetensors import SafetensorError
from torch import Tensor, nn

from pandora.adapter import AdapterConfig
from pandora.config import Config
from pandora.errors import InvalidCheckpoint, InvalidConfig, UnknownName
from pandora.pretrained.backbone import ReadingConfig
from pandora.training.captioned import ClipForm, ClipStream, Dropout, Position, Recaptioner, Sample, Skipped
from pandora.training.distributed import PRECISIONS, gather, restore_optimizers, restore_weights, whole
from pandora.training.films import Films
from pandora.training.progress import Log, learning_rate, load_training, record, save_training

TRAINING = "training.safetensors"


@dataclass(frozen=True, kw_only=True)
class RunConfig(Config):
    """What every stage on films is told."""

    data: str = "data/films"  # folder of films with JSONL beside them, or of tar shards
    captions: str = ""  # JSON lines {"film", "caption"} that replace the films' own
    out: str = "runs/films"
    steps: int = 20_000
    batch: int = 1  # a process
    accumulate: int = 1  # batches a step
    learning_rate: float = 1e-4
    warmup: int = 500
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    ema: float = 0.0  # decay of the average over steps that is kept in the end; 0 keeps the last weights
    precision: str = "bf16"  # of the products: no, bf16 or fp16
    seed: int = 0
    workers: int = 4  # threads that decode films
    log_every: int = 50
    save_every: int = 1000
    device: str = "auto"  # cpu where no GPU is to be used; else the launcher deals them out

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UnknownName("precision", self.precision, PRECISIONS)
        if min(self.batch, self.accumulate, self.workers, self.log_every, self.save_every) < 1 or not 0 <= self.ema < 1:
            raise InvalidConfig(
                "batch, accumulate, workers, log_every and save_every are at least 1, and ema from 0 up to less than "
                f"1; got {self.batch}, {self.accumulate}, {self.workers}, {self.log_every}, {self.save_every} and "
                f"{self.ema}."
            )

    def shapes(self) -> dict[str, Any]:
        """The settings, as JSON values, on which it depends what is trained and of what shape."""
        return {}


def shapes_of(reading: ReadingConfig, adapter: AdapterConfig) -> dict[str, Any]:
    """The share of a reading and an adapter in a stage's `shapes`."""
    return {"reading.queries": reading.queries} | {f"adapter.{k}": v for k, v in adapter.to_dict().items()}


class Run:
    """The model and its optimizer as prepared for this process, the films, and the run's folder."""

    def __init__(
        self,
        config: RunConfig,
        accelerator: Accelerator,
        model: nn.Module,
        films: Films,
        form: ClipForm,
        dropout: Dropout,
        names: tuple[str, ...],
    ):
        """Takes up the folder's run if one was begun. `names` are those of the losses, the first the one to lower.

        Raises InvalidCheckpoint where that run is damaged or had other settings, InvalidConfig where it is further.
        """
        self.config, self.accelerator, self.names = config, accelerator, names
        self.folder = Path(config.out)
        self.rank, self.world = accelerator.process_index, accelerator.num_processes
        tensors: dict[str, Tensor] = {}
        self.start, places = 0, [Position()] * self.world
        if (self.folder / TRAINING).exists():
            tensors, self.start, positions = take_up(self.folder, config)
            places = deal(positions, self.world)
            restore_weights(model, tensors, self.folder)
        self.position = places[self.rank]
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, betas=(0.9, 0.98), weight_decay=config.weight_decay)
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        if tensors:
            restore_optimizers(self.model, tensors, self.optimizer.optimizer)
        self.average = self._begin_average(tensors) if config.ema else {}
        self.skipped = Skipped(self.folder / f"skipped-{self.rank}.jsonl")
        captions = Recaptioner(Path(config.captions)) if config.captions else None
        stream = ClipStream(
            films, form, dropout, config.seed, self.rank, self.world, self.position, config.workers, self.skipped,
            captions,
        )  # fmt: skip
        self.samples = iter(stream)
        if accelerator.is_main_process:
            record(self.folder, config, self.world)
        self.log = Log(self.folder, config.steps, self.start)
        self.losses: list[Tensor] = []  # kept on the device, so that no step waits for them

    def steps(self) -> Iterator[int]:
        """Steps to do. Random numbers depend on seed, process and step alone, so a resumed run draws the same ones."""
        for step in range(self.start, self.config.steps):
            torch.manual_seed((self.config.seed * 1_000_003 + step) * 10_007 + self.rank)
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(step, self.config.steps, self.config.learning_rate, self.config.warmup)
            yield step
            self._end(step + 1)
        if self.accelerator.is_main_process and (self.folder / "metrics.jsonl").exists():
            self.log.curve(*self.names)

    def batches(self) -> Iterator[list[Sample]]:
        """The batches of one step; what follows each belongs to its share of the gradient."""
        for _ in range(self.config.accumulate):
            taken = list(islice(self.samples, self.config.batch))
            self.position = taken[-1][1]
            with self.accelerator.accumulate(self.model):
                yield [sample for sample, _ in taken]

    def learn(self, losses: Tensor) -> None:
        """Lower the first of the losses (names,), and note all of them."""
        self.accelerator.backward(losses[0])
        if self.accelerator.sync_gradients:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.losses.append(losses.detach())
        if self.accelerator.sync_gradients:
            with torch.no_grad():
                for name, value in self._trained():
                    if name in self.average:
                        self.average[name].lerp_(value.detach(), 1 - self.config.ema)

    def weights(self) -> dict[str, Tensor]:
        """What was trained, by the bare model's names, whole and on the CPU: the average if one is kept.

        Every process must call it, and the main one gets it.
        """
        if self.average:
            return {name: whole(value) for name, value in self.average.items()}
        return {key.removeprefix("model."): value for key, value in gather(self.model).items()}

    def _trained(self) -> Iterator[tuple[str, Tensor]]:
        """As the bare model names them; sharded where the weights are."""
        return (
            (name, p) for name, p in self.accelerator.unwrap_model(self.model).named_parameters() if p.requires_grad
        )

    def _begin_average(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        average = {name: value.detach().clone() for name, value in self._trained()}
        for name, value in average.items():
            if (stored := tensors.get(f"average.{name}")) is not None:
                _copy(value, stored)
        return average

    def _end(self, step: int) -> None:
        config, last = self.config, step == self.config.steps
        if step % config.log_every == 0 or last:
            mean = self.accelerator.reduce(torch.stack(self.losses).mean(0), "mean")
            self.losses.clear()
            if self.accelerator.is_main_process:
                values: list[float] = mean.tolist()  # type: ignore[union-attr]
                metrics = dict(zip(self.names, values, strict=True))
                self.log(step, **metrics, epoch=self.position.epoch, skipped=self.skipped.count)
        if step % config.save_every == 0 or last:
            self._save(step)

    def _save(self, step: int) -> None:
        tensors = gather(self.model, self.optimizer.optimizer)
        tensors |= {f"average.{name}": whole(value) for name, value in self.average.items()}
        positions = gather_object([list(self.position)])
        if self.accelerator.is_main_process:
            header = {"step": step, "positions": positions, "shapes": self.config.shapes()}
            save_training(self.folder / TRAINING, tensors, header)
        self.accelerator.wait_for_everyone()


def take_up(folder: Path, config: RunConfig) -> tuple[dict[str, Tensor], int, list[list[int]]]:
    """Of the run in a folder: its tensors, the steps it has done, where each process stood.

    Raises InvalidCheckpoint where it is damaged or had other settings, and InvalidConfig where it is further.
    """
    path = folder / TRAINING
    try:
        tensors, header = load_training(path)
        done, positions, before = int(header["step"]), header["positions"], header.get("shapes", {})
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InvalidCheckpoint(
            f"{path} can't be read as a run to go on with ({type(error).__name__}: {error}). Put a whole copy "
            "there, or begin anew with another out."
        ) from error
    now = config.shapes()
    if strange := [
        f"{name} = {before[name]}, not {now[name]}" for name in now if before.get(name, now[name]) != now[name]
    ]:
        raise InvalidCheckpoint(
            f"{folder} was made with other settings: {', '.join(strange)}. Resume with the same ones, or begin "
            "anew with another out."
        )
    if config.steps < done:
        raise InvalidConfig(
            f"{folder} has done {done} steps, and steps = {config.steps} asks for fewer. Give {done} or more, or begin "
            "anew with another out."
        )
    return tensors, done, positions


def deal(positions: list[list[int]], world: int) -> list[Position]:
    """Where each of `world` processes goes on: where it stood, or, were they another number, at the earliest group."""
    before = [Position(*place) for place in positions]
    if len(before) == world:
        return before
    epoch, group, _ = min(before)
    return [Position(epoch, group, 0)] * world


def _copy(value: Tensor, stored: Tensor) -> None:
    """Fill a tensor that may be a process's share of the stored one."""
    if mesh := getattr(value, "device_mesh", None):
        from torch.distributed.tensor import distribute_tensor

        stored = distribute_tensor(stored.to(value.device), mesh, value.placements)  # type: ignore[attr-defined]
    value.copy_(stored)


def command_line(stage: str, config: Config) -> str:
    """The command that runs a stage with these settings: every field that differs from its default, as an option."""
    return shlex.join(["pandora", "train", stage, *_options(config, type(config)(), "")])


def _options(config: Any, default: Any, prefix: str) -> Iterator[str]:
    for one in fields(config):
        value, usual = getattr(config, one.name), getattr(default, one.name)
        flag = f"{prefix}{one.name}".replace("_", "-")
        if is_dataclass(value):
            yield from _options(value, usual, f"{prefix}{one.name}.")
        elif value != usual and isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        elif value != usual:
            for item in value if isinstance(value, tuple) else (value,):
                yield from (f"--{flag}", str(item))
