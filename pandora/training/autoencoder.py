"""Stage 1: the autoencoder, on frames alone. pandora/training/encoding.py then turns films into latents."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pandora import checkpoint
from pandora.config import Config
from pandora.errors import InvalidConfig
from pandora.runtime import Runtime
from pandora.training.progress import Course, Log, keep_run, record, take_up_run
from pandora.training.variety import vary
from pandora.training.windows import Windows
from pandora.video.autoencoder import SILENT, TIME, Autoencoder, AutoencoderConfig, save_autoencoder


@dataclass(frozen=True, kw_only=True)
class AutoencoderTraining(Config):
    data: str = "data/blocks"  # a folder of shards, or several with weights: data/blocks=2,data/road=1
    out: str = "runs/autoencoder"
    start_from: str = ""  # autoencoder.safetensors of an earlier, perhaps smaller one; what it lacks starts silent
    decoder_only: bool = False  # the encoder stays as it is, and with it all that was encoded and trained on
    keep: str = ""  # data whose latents stay those of `start_from`, so that what was trained on them goes on working
    keep_weight: float = 1.0
    keep_batch: int = 1
    steps: int = 6000
    minutes: float = 0.0  # at most, over all starts; the learning rate then falls by the clock. 0: as long as it takes
    batch: int = 4
    frames: int = 9  # 1 + 4k
    variety: float = 0.0  # share of the windows that show what is in no world, see pandora/training/variety.py
    learning_rate: float = 1e-3
    latent_noise: float = 0.05  # of each channel's deviation: what the video model may get wrong
    moving_weight: float = 8.0  # extra weight of pixels that differ from the first frame
    rest_weight: float = 2.0  # of the last of four frames, on which an action ends
    seed: int = 0
    log_every: int = 100
    save_every: int = 1000
    readers: int = 2  # threads that decode films ahead
    film_memory: float = 2.0  # gigabytes of decoded films that are kept; a film of six actions has 2.4 MB
    threads: int = 1
    device: str = "auto"
    model: AutoencoderConfig = field(default_factory=AutoencoderConfig)


def batches(config: AutoencoderTraining, start: int, data: str = "", rows: int = 0, salt: int = 0) -> Iterator[Tensor]:
    """Random windows (B, frames, H, W, 3) uint8; over the same shards, step k always draws the same windows.

    Args:
        data, rows: other films than the ones trained on, and how many.
        salt: other windows.
    """
    windows = Windows(data or config.data, config.frames, config.film_memory)
    seed = config.seed + 7919 * salt
    for frames in windows.batches(seed, start, config.steps, rows or config.batch, config.readers):
        yield torch.from_numpy(frames)


def to_video(frames: Tensor, device: torch.device) -> Tensor:
    """(B, T, H, W, 3) uint8 -> (B, 3, T, H, W) in -1..1 on the device, where pixels take four times the room."""
    return frames.to(device).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def shown_error(made: Tensor, true: Tensor, moving_weight: float, rest_weight: float) -> Tensor:
    """What is wrong with frames (B, 3, 4k, H, W) in -1..1: mean of |x - y| + (x - y)^2, weighted.

    More weight have pixels that differ from the first frame, and the frames on which an action may end.
    """
    error = made.float() - true
    weight = 1 + moving_weight * ((true - true[:, :, :1]).abs().amax(1, keepdim=True) > 0.12)
    weight[:, :, TIME - 1 :: TIME] *= rest_weight
    return (weight * (error.abs() + error.square())).mean()


def loss_of(model: Autoencoder, video: Tensor, config: AutoencoderTraining) -> tuple[Tensor, Tensor]:
    """Weighted reconstruction loss and the plain mean squared error (in 0..1 units)."""
    sequence = torch.cat([video[:, :, :1].expand(-1, -1, 3, -1, -1), video], 2)
    raw = model.encode_raw(sequence)
    noisy = raw + config.latent_noise * raw.detach().std((0, 2, 3, 4), keepdim=True) * torch.randn_like(raw)
    memory = model.begin_memory(video.shape[0], *raw.shape[-2:])
    made = model.decode_raw(noisy, memory)[0]
    loss = shown_error(made, sequence, config.moving_weight, config.rest_weight) + 1e-4 * raw.float().square().mean()
    return loss, ((made.float() - sequence)[:, :, 3:] / 2).square().mean()


class Kept:
    """Films whose latents stay as they were (learning without forgetting, 1606.09282)."""

    def __init__(self, config: AutoencoderTraining, before: Autoencoder, start: int):
        self.before = before
        self.films = batches(config, start, config.keep, config.keep_batch, salt=1)

    def change(self, model: Autoencoder) -> Tensor:
        """The mean squared change of the latents of the next films, in units of each channel's variance."""
        video = to_video(next(self.films), model.latents_mean.device)
        with torch.no_grad():
            old = self.before.encode(video)
        return (model.encode(video).float() - old.float()).square().mean()


def freeze_encoder(model: Autoencoder) -> None:
    """Have only the decoder learn: latents stay what they are, and whatever was trained on them goes on working."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not model.encodes(name))


@torch.no_grad()
def measure_latents(model: Autoencoder, config: AutoencoderTraining, count: int = 40) -> None:
    """Set the per-channel mean and deviation that normalise the latents."""
    rows = []
    for index, frames in enumerate(batches(config, 0)):
        if index == count:
            break
        video = to_video(frames, model.latents_mean.device)
        sequence = torch.cat([video[:, :, :1].expand(-1, -1, 3, -1, -1), video], 2)
        rows.append(model.encode_raw(sequence).float().transpose(0, 1).flatten(1).cpu())
    values = torch.cat(rows, 1)
    model.latents_mean.copy_(values.mean(1))
    model.latents_std.copy_(values.std(1))


def _start_from(model: Autoencoder, file: Path) -> None:
    """Take over an earlier, perhaps smaller autoencoder: the blocks that it lacks are silent and change no latents.

    Raises InvalidConfig for a larger one, or another model.
    """
    missing, extra = model.load_state_dict(checkpoint.read(file), strict=False)
    if extra:
        raise InvalidConfig(
            f"{file} has {len(extra)} tensors that this autoencoder has no place for ({extra[0]} …). Give at least the "
            f"sizes that it was trained with: --model.encoder-blocks and so on, as its run's config.json has them."
        )
    if lacking := [name for name in missing if name.split(".")[0] not in SILENT]:
        raise InvalidConfig(f"{file} is no autoencoder to start from: it lacks {lacking[0]}.")


def train(config: AutoencoderTraining) -> Path:
    """Train or resume; returns the path of `autoencoder.safetensors` in the run's folder."""
    if config.keep and config.decoder_only:
        raise InvalidConfig("decoder_only keeps all latents as they are: leave keep away.")
    runtime = Runtime.resolve(config.device, threads=config.threads).apply()
    torch.manual_seed(config.seed)
    folder = Path(config.out)
    model = Autoencoder(config.model).to(runtime.device)
    if config.start_from:
        _start_from(model, Path(config.start_from))
    elif config.keep or config.decoder_only:
        raise InvalidConfig("keep and decoder_only need start_from, the autoencoder whose latents are kept.")
    if config.decoder_only:
        freeze_encoder(model)
    before = copy.deepcopy(model).requires_grad_(False) if config.keep else None
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate, betas=(0.9, 0.98), weight_decay=1e-3)
    start = take_up_run(folder, model, [optimizer])
    record(folder, config)
    log, course = Log(folder, config.steps, start), Course(folder, config, [optimizer], start)
    films = batches(config, start)
    kept = Kept(config, before, start) if before is not None else None
    for step in course:
        shown = vary(next(films).numpy(), config.variety, np.random.default_rng([config.seed, step]))
        video = to_video(torch.from_numpy(shown), runtime.device)
        torch.manual_seed(config.seed * 1_000_003 + step)
        with torch.autocast(runtime.device.type, torch.bfloat16):
            loss, error = loss_of(model, video, config)
            change = kept.change(model) if kept else loss.new_zeros(())
        (loss + config.keep_weight * change).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        log.add(
            loss=loss.item(), psnr=-10 * float(torch.log10(error.detach())), **({"keep": change.item()} if kept else {})
        )
        if course.logs:
            log(course.done, course.total)
        if course.saves:
            keep_run(folder, model, [optimizer], course.done, spent=course.spent)
    if kept is None and not config.decoder_only:
        measure_latents(model, config)
    log.curve("loss", "psnr")
    return save_autoencoder(model, folder)
