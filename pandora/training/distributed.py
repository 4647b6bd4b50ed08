"""One process or many, by `accelerate`: how a stage is launched, and its state gathered into named tensors and back.

pandora train launch-config --kind fsdp2 --processes 8 --out launch.json
accelerate launch --config_file launch.json -m pandora.cli.main train instruction …
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from pandora.config import Config
from pandora.errors import InvalidCheckpoint, InvalidConfig, UnknownName

KINDS = ("single", "ddp", "fsdp2")
PRECISIONS = ("no", "bf16", "fp16")
_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
_TRAINED = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)


@dataclass(frozen=True, kw_only=True)
class LaunchConfig(Config):
    """What `accelerate launch --config_file` is told."""

    out: str = "launch.json"
    kind: str = "single"  # single, ddp, or fsdp2: each process holds a share of the weights
    processes: int = 1  # in all, one a GPU
    machines: int = 1
    machine: int = 0  # number of this one
    main_address: str = "127.0.0.1"  # of machine 0
    main_port: int = 29500
    precision: str = "bf16"  # of the products: no, bf16 or fp16
    layers: tuple[str, ...] = (
        "Block",
        "Qwen2_5_VLDecoderLayer",
    )  # of the stage's models: classes whose weights are gathered together
    offload: bool = False  # keep shares in the CPU's memory
    cpu: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName("way to launch", self.kind, KINDS)
        if self.precision not in PRECISIONS:
            raise UnknownName("precision", self.precision, PRECISIONS)
        if self.processes < self.machines or self.machines < 1 or not 0 <= self.machine < self.machines:
            raise InvalidConfig(
                f"{self.processes} processes on {self.machines} machines, seen from machine {self.machine}, can't be: "
                "each machine runs at least one, and machines count from 0."
            )
        if self.kind == "single" and self.processes > 1:
            raise InvalidConfig(f"'single' is one process, not {self.processes}. Use ddp or fsdp2.")

    def to_accelerate(self) -> dict[str, Any]:
        """As `accelerate` names it."""
        many = {"single": "NO", "ddp": "MULTI_CPU" if self.cpu else "MULTI_GPU", "fsdp2": "FSDP"}
        values: dict[str, Any] = {
            "compute_environment": "LOCAL_MACHINE",
            "distributed_type": many[self.kind],
            "mixed_precision": self.precision,
            "num_processes": self.processes,
            "num_machines": self.machines,
            "machine_rank": self.machine,
            "main_process_ip": self.main_address,
            "main_process_port": self.main_port,
            "use_cpu": self.cpu,
        }
        if self.kind == "fsdp2":
            values["fsdp_config"] = {
                "fsdp_version": 2,
                "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
                "fsdp_transformer_layer_cls_to_wrap": ",".join(self.layers),
                "fsdp_reshard_after_forward": True,
                "fsdp_offload_params": self.offload,
                "fsdp_state_dict_type": "FULL_STATE_DICT",
                "fsdp_cpu_ram_efficient_loading": False,  # which empties buffers that no checkpoint holds
                "fsdp_activation_checkpointing": False,  # the stages checkpoint their own blocks
            }
        return values


def write_launch(config: LaunchConfig) -> Path:
    """Write the file for `accelerate launch`; returns its path."""
    path = Path(config.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config.to_accelerate(), indent=2) + "\n")
    return path


@contextmanager
def launched(precision: str, accumulate: int = 1, cpu: bool = False) -> Iterator[Accelerator]:
    """This process's place among those that were launched; its traces are gone afterwards, even after an error."""
    accelerator = Accelerator(
        mixed_precision=precision, gradient_accumulation_steps=accumulate, cpu=cpu, step_scheduler_with_optimizer=False
    )
    try:
        yield accelerator
    finally:
        accelerator.end_training()
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()


def device_of(accelerator: Accelerator) -> str:
    """The process's device by the name that files are loaded to; a CPU has no number."""
    return "cpu" if accelerator.device.type == "cpu" else str(accelerator.device)


def gather(model: nn.Module, *optimizers: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What is trained, and the optimizers' state, whole and by name, as copies on the CPU; every process must call it.

    Names are those of the bare model, however it is wrapped. Where processes share the work the first one gets it all
    and the others nothing.
    """
    trained = set(_names(model).values())
    weights: Any = get_model_state_dict(model, options=_TRAINED)
    tensors = {f"model.{name}": whole(value) for name, value in weights.items() if name in trained}
    for number, optimizer in enumerate(optimizers):
        state: Any = get_optimizer_state_dict(model, optimizer, options=_WHOLE).get("state", {})
        for name, entry in state.items():
            tensors |= {
                f"optimizer.{number}.{key}.{name}": whole(torch.as_tensor(value)) for key, value in entry.items()
            }
    return tensors


def restore_weights(model: nn.Module, tensors: Mapping[str, Tensor], source: object) -> None:
    """Fill in what is trained, before the model is wrapped. Raises InvalidCheckpoint where names or shapes differ."""
    trained = {f"model.{name}": p for name, p in model.named_parameters() if p.requires_grad}
    shapes = {name: tensor.shape for name, tensor in tensors.items() if name.startswith("model.")}
    names = sorted(trained.keys() | shapes.keys())
    if strange := [name for name in names if name not in trained or trained[name].shape != shapes.get(name)]:
        raise InvalidCheckpoint(
            f"{source} was made with other settings: it differs in {', '.join(strange[:4])}. Resume with the same ones."
        )
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(tensors[name])


def restore_optimizers(model: nn.Module, tensors: Mapping[str, Tensor], *optimizers: torch.optim.Optimizer) -> None:
    """Inverse of `gather` for the optimizers, after the model has been wrapped; every process must call it."""
    names = _names(model)
    for number, optimizer in enumerate(optimizers):
        state: dict[str, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(f"optimizer.{number}."):
                _, _, entry, name = key.split(".", 3)
                state.setdefault(name, {})[entry] = value
        groups = [
            {**group, "params": [names[id(parameter)] for parameter in group["params"]]}
            for group in optimizer.param_groups
        ]
        whole_state: Any = {"state": state, "param_groups": groups}
        set_optimizer_state_dict(model, optimizer, whole_state, options=_WHOLE)


def whole(value: Tensor) -> Tensor:
    """A copy on the CPU, gathered first where the processes share it."""
    gathered = value.full_tensor() if hasattr(value, "full_tensor") else value  # type: ignore[operator]
    return gathered.detach().to("cpu", copy=True)


def _names(model: nn.Module) -> dict[int, str]:
    """Of what is trained, by identity, as the bare model has them."""
    return {
        id(parameter): name.removeprefix("module.").replace("_orig_mod.", "")
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
