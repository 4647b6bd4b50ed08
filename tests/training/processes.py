"""Run by each of some processes: trains with `accelerate` and with sharded weights, stops, goes on, writes the state.

python processes.py HOME OUT, with the environment of torchrun where there is more than one process.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from pandora.training.captioned import ClipBatch
from pandora.training.checkpointing import prepare_blocks, recompute_layers
from pandora.training.distributed import gather, launched, restore_optimizers, restore_weights
from pandora.training.instruction import InstructionModel, InstructionTraining, begin
from tests.training.published import ADAPTER, FORM, PAST, READING

STEPS = 2  # of each of two runs


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def instruction(home: Path) -> InstructionModel:
    torch.manual_seed(0)
    config = InstructionTraining(
        backbone=str(home / "backbone"), video=str(home / "pipeline" / "transformer"), past=PAST, form=FORM,
        reading=READING, adapter=ADAPTER, road="state", video_rank=2, backbone_rank=2,
    )  # fmt: skip
    model = InstructionModel(begin(config, torch.float32, "cpu"), config.history_noise)
    prepare_blocks(model.video)
    recompute_layers(model.backbone)
    return model


def shard(model: InstructionModel, processes: int) -> InstructionModel:
    """As accelerate's fsdp2 does by layer classes, which it does on GPUs alone."""
    if processes > 1:
        mesh = init_device_mesh("cpu", (processes,))
        for block in [*model.video.blocks, *model.backbone.decoder.layers]:
            fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)
    return model


def losses(model: nn.Module, step: int) -> Tensor:
    torch.manual_seed(step)
    frames = torch.randint(0, 256, (2, 9, 16, 32, 3), dtype=torch.uint8)
    nothing = torch.zeros(2, dtype=torch.bool)
    batch = ClipBatch(frames, [("go left", "go right")] * 2, nothing, nothing)
    return model(torch.randn(2, 4, 3, 2, 4), batch)


def main(home: Path, out: Path) -> None:
    with launched("no", cpu=True) as accelerator:
        rank, processes = accelerator.process_index, accelerator.num_processes
        rows = torch.randn(2 * STEPS, 8, 3, generator=torch.Generator().manual_seed(1))
        state: dict[str, dict[str, Tensor]] = {"parallel": {}, "sharded": {}}
        for run in range(2):
            for kind, tensors in state.items():
                bare: nn.Module = network() if kind == "parallel" else instruction(home)
                if tensors:
                    restore_weights(bare, tensors, out)
                wrapped = accelerator.prepare(bare) if kind == "parallel" else shard(bare, processes)  # type: ignore[arg-type]
                optimizer = torch.optim.AdamW([p for p in wrapped.parameters() if p.requires_grad], lr=0.01)
                if tensors:
                    restore_optimizers(wrapped, tensors, optimizer)
                for step in range(run * STEPS, run * STEPS + STEPS):
                    share = rows[step].chunk(processes)[rank]
                    loss = wrapped(share).square().mean() if kind == "parallel" else losses(wrapped, step)[0]
                    loss.backward()
                    optimizer.step()
                    optimizer.zero_grad()
                gathered = gather(wrapped, optimizer)
                if accelerator.is_main_process:
                    save_file(gathered, out / f"{kind}.safetensors")
                accelerator.wait_for_everyone()
                state[kind] = load_file(out / f"{kind}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
