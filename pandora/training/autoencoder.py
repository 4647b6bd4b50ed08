"""Stage 1: the autoencoder, on frames alone. Then `encode` turns shards of frames into shards of latents."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pandora.config import Config
from pandora.errors import InvalidInput
from pandora.runtime import Runtime
from pandora.training.progress import Log, keep_run, learning_rate, record, take_up_run
from pandora.video.autoencoder import TIME, Autoencoder, AutoencoderConfig


@dataclass(frozen=True, kw_only=True)
class AutoencoderTraining(Config):
    data: str = "data/blocks"
    out: str = "runs/autoencoder"
    start_from: str = ""  # autoencoder.safetensors of an earlier, perhaps smaller one; what it lacks starts silent
    steps: int = 6000
    batch: int = 4
    frames: int = 9  # 1 + 4k
    learning_rate: float = 1e-3
    latent_noise: float = 0.05  # of each channel's deviation: what the video model may get wrong
    moving_weight: float = 8.0  # extra weight of pixels that differ from the first frame
    rest_weight: float = 2.0  # of the last of four frames, on which an action ends
    seed: int = 0
    log_every: int = 100
    save_every: int = 1000
    threads: int = 1
    device: str = "auto"
    model: AutoencoderConfig = field(default_factory=AutoencoderConfig)


def batches(config: AutoencoderTraining, start: int) -> Iterator[Tensor]:
    """Random windows (B, 3, frames, H, W) in -1..1; over the same shards, step k always draws the same windows."""
    for step in range(start, config.steps):
        if step == start or step % 100 == 0:  # shards may still be coming
            paths = sorted(Path(config.data).glob("*.npy"))
        if not paths:
            raise InvalidInput(f"No shards in {config.data}. Make some: pandora data make --out {config.data}")
        rng = np.random.default_rng([config.seed, step])
        shard = np.load(paths[rng.integers(len(paths))], mmap_mode="r")
        rows = []
        for _ in range(config.batch):
            first = 4 * rng.integers((shard.shape[1] - config.frames) // 4 + 1)
            rows.append(shard[rng.integers(len(shard)), first : first + config.frames])
        video = torch.from_numpy(np.stack(rows)).permute(0, 4, 1, 2, 3).float()
        yield video / 127.5 - 1


def loss_of(model: Autoencoder, video: Tensor, config: AutoencoderTraining) -> tuple[Tensor, Tensor]:
    """Weighted reconstruction loss and the plain mean squared error (in 0..1 units)."""
    sequence = torch.cat([video[:, :, :1].expand(-1, -1, 3, -1, -1), video], 2)
    raw = model.encode_raw(sequence)
    noisy = raw + config.latent_noise * raw.detach().std((0, 2, 3, 4), keepdim=True) * torch.randn_like(raw)
    memory = model.begin_memory(video.shape[0], *raw.shape[-2:])
    error = model.decode_raw(noisy, memory)[0].float() - sequence
    moving = (sequence - sequence[:, :, :1]).abs().amax(1, keepdim=True) > 0.12
    weight = 1 + config.moving_weight * moving
    weight[:, :, TIME - 1 :: TIME] *= config.rest_weight
    loss = (weight * (error.abs() + error.square())).mean() + 1e-4 * raw.float().square().mean()
    return loss, (error[:, :, 3:] / 2).square().mean()


@torch.no_grad()
def measure_latents(model: Autoencoder, config: AutoencoderTraining, count: int = 40) -> None:
    """Set the per-channel mean and deviation that normalise the latents."""
    rows = []
    for index, video in enumerate(batches(config, 0)):
        if index == count:
            break
        sequence = torch.cat([video[:, :, :1].expand(-1, -1, 3, -1, -1), video], 2)
        rows.append(model.encode_raw(sequence).float().transpose(0, 1).flatten(1))
    values = torch.cat(rows, 1)
    model.latents_mean.copy_(values.mean(1))
    model.latents_std.copy_(values.std(1))


def train(config: AutoencoderTraining) -> Path:
    """Train or resume; returns the path of `autoencoder.safetensors` in the run's folder."""
    runtime = Runtime.resolve(config.device, threads=config.threads).apply()
    torch.manual_seed(config.seed)
    folder = Path(config.out)
    model = Autoencoder(config.model).to(runtime.device)
    if config.start_from:
        model.load_state_dict(load_file(config.start_from), strict=False)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, betas=(0.9, 0.98), weight_decay=1e-3)
    start = take_up_run(folder, model, [optimizer])
    record(folder, config)
    log = Log(folder, config.steps, start)
    for step, video in enumerate(batches(config, start), start):
        torch.manual_seed(config.seed * 1_000_003 + step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config.steps, config.learning_rate)
        with torch.autocast(runtime.device.type, torch.bfloat16):
            loss, error = loss_of(model, video.to(runtime.device), config)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        log.add(loss=loss.item(), psnr=-10 * float(torch.log10(error.detach())))
        if (step + 1) % config.log_every == 0:
            log(step + 1)
        if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
            keep_run(folder, model, [optimizer], step + 1)
    measure_latents(model, config)
    log.curve("loss", "psnr")
    path = folder / "autoencoder.safetensors"
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, str(path))
    return path


@dataclass(frozen=True, kw_only=True)
class Encoding(Config):
    data: str = "data/blocks"
    autoencoder: str = "runs/autoencoder/autoencoder.safetensors"
    threads: int = 1
    device: str = "auto"
    model: AutoencoderConfig = field(default_factory=AutoencoderConfig)


@torch.no_grad()
def encode(config: Encoding) -> Iterator[Path]:
    """Write `NNNNN.safetensors` with float16 `latents` (E, C, L, h, w) beside each shard; those that exist are kept."""
    runtime = Runtime.resolve(config.device, threads=config.threads).apply()
    model = Autoencoder(config.model).to(runtime.device)
    model.load_state_dict(load_file(config.autoencoder))
    model.eval()
    for source in sorted(Path(config.data).glob("*.npy")):
        path = source.with_suffix(".safetensors")
        if not path.exists():
            frames = np.load(source, mmap_mode="r")
            rows = [_encode_rows(model, frames[i : i + 4], runtime.device) for i in range(0, len(frames), 4)]
            save_file({"latents": torch.cat(rows)}, str(part := path.with_suffix(".part")))
            os.replace(part, path)
        yield path


def _encode_rows(model: Autoencoder, frames: np.ndarray, device: torch.device) -> Tensor:
    video = torch.from_numpy(np.array(frames)).to(device).permute(0, 4, 1, 2, 3).contiguous()
    with torch.autocast(device.type, torch.bfloat16):
        return model.encode(video.bfloat16() / 127.5 - 1).half().cpu()
