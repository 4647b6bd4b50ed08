"""Launch files that accelerate reads; state by name, whatever wraps the model; two processes give what one gives."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser
from accelerate.utils import DistributedType
from safetensors.torch import load_file
from torch import nn

from pandora.errors import InvalidCheckpoint, InvalidConfig, UnknownName
from pandora.training.captioned import Position
from pandora.training.distributed import (
    LaunchConfig,
    gather,
    launched,
    restore_optimizers,
    restore_weights,
    write_launch,
)
from pandora.training.run import deal
from tests.training import processes
from tests.training.published import save_all


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"kind": "single", "cpu": True}, DistributedType.NO),
        ({"kind": "ddp", "processes": 2, "cpu": True}, DistributedType.MULTI_CPU),
        ({"kind": "ddp", "processes": 8}, DistributedType.MULTI_GPU),
        ({"kind": "fsdp2", "processes": 16, "machines": 2, "machine": 1}, DistributedType.FSDP),
    ],
)
def test_accelerate_reads_the_launch_file(options: dict, kind: DistributedType, tmp_path: Path) -> None:
    path = write_launch(LaunchConfig(**options, out=str(tmp_path / "launch" / "launch.json")))
    read: Any = load_config_from_file(str(path))
    assert read.distributed_type == kind
    assert read.num_processes == options.get("processes", 1)
    assert read.mixed_precision == "bf16"
    if kind == DistributedType.FSDP:
        known = {action.dest for action in launch_command_parser()._actions}
        assert read.fsdp_config.keys() <= known, "each setting is one that accelerate has"
        assert read.fsdp_config["fsdp_version"] == 2
        assert "Block" in read.fsdp_config["fsdp_transformer_layer_cls_to_wrap"].split(",")


def test_launches_that_can_not_be() -> None:
    with pytest.raises(UnknownName, match="fsdp2"):
        LaunchConfig(kind="fsdp")
    with pytest.raises(UnknownName, match="bf16"):
        LaunchConfig(precision="int8")
    with pytest.raises(InvalidConfig, match="one process"):
        LaunchConfig(processes=2)
    with pytest.raises(InvalidConfig, match="machines count from 0"):
        LaunchConfig(kind="ddp", processes=4, machines=2, machine=2)


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    made.get_parameter("0.bias").requires_grad_(False)
    return made


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    torch.manual_seed(7)
    model(torch.randn(5, 3)).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def trained(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1)


def test_what_is_gathered_goes_back(tmp_path: Path) -> None:
    first, second = network(0), network(1)
    second.get_parameter("0.bias").data.copy_(first.get_parameter("0.bias"))
    optimizers = trained(first), trained(second)
    step(first, optimizers[0])
    tensors = gather(first, optimizers[0])
    assert {name for name in tensors if name.startswith("model.")} == {
        "model.0.weight", "model.2.weight", "model.2.bias",
    }  # fmt: skip
    restore_weights(second, tensors, tmp_path)
    restore_optimizers(second, tensors, optimizers[1])
    step(first, optimizers[0])
    step(second, optimizers[1])
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(InvalidCheckpoint, match=r"differs in model\.0\.bias"):
        restore_weights(network(0).requires_grad_(True), tensors, tmp_path)
    with pytest.raises(InvalidCheckpoint, match=r"differs in model\.2\.bias"):
        restore_weights(second, tensors | {"model.2.bias": torch.zeros(3)}, tmp_path)


def test_a_launch_leaves_no_trace() -> None:
    for precision in ("no", "bf16"):
        with launched(precision, cpu=True) as accelerator:
            assert accelerator.mixed_precision == precision
    with pytest.raises(ZeroDivisionError), launched("no", cpu=True):
        _ = 1 / 0
    with launched("bf16", cpu=True):
        pass


def test_positions_are_dealt_anew_to_another_number_of_processes() -> None:
    kept = [[1, 2, 9], [1, 1, 4]]
    assert deal(kept, 2) == [Position(1, 2, 9), Position(1, 1, 4)]
    assert deal(kept, 3) == [Position(1, 1, 0)] * 3


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    """In parallel on shares of a batch, and with shares of the weights; stopped and resumed in between."""
    home, one, two = save_all(tmp_path / "home"), tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = os.environ | {"OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    shared["PYTHONPATH"] = str(Path(__file__).parents[2])
    jobs = [
        subprocess.Popen(
            [sys.executable, processes.__file__, home, two], env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        )
        for rank in range(2)
    ]
    processes.main(home, one)
    assert [job.wait(120) for job in jobs] == [0, 0]
    for kind in ("parallel", "sharded"):
        alone, together = (load_file(folder / f"{kind}.safetensors") for folder in (one, two))
        assert alone.keys() == together.keys()
        assert any(name.startswith("optimizer.0.exp_avg.") for name in alone)
        for name, value in alone.items():
            torch.testing.assert_close(together[name], value, atol=2e-5, rtol=1e-4, msg=name)
