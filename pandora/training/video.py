"""Stages 2 to 4: the video model, instruction tuning of backbone and adapter with it, training on its own rollouts.

One loop serves all three. `own` is the share of the batch whose history the model made itself: those rows live in a
pool, and after each step the model's own sample becomes the history of the row's next clip (self-forcing in spirit,
2506.08009, with the true next clip as the target, so no teacher is needed). `tune` lets the loss reach backbone and
adapter. Several `processes` average their gradients.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import Tensor, nn

from pandora import checkpoint
from pandora.adapter import Adapter, Conditioning
from pandora.backbone import Backbone
from pandora.config import Config
from pandora.errors import InvalidConfig
from pandora.runtime import Runtime
from pandora.training import parallel
from pandora.training.alignment import load as load_aligned
from pandora.training.balance import Balance
from pandora.training.clips import Batch, Clips, Emphasis
from pandora.training.joint import Films, JointDecoder
from pandora.training.lora import add_lora, fold
from pandora.training.metric import visible_metric
from pandora.training.optimizers import adam_and_muon, average_gradients, collect_momentum, step_all
from pandora.training.outcome import OutcomeHead
from pandora.training.pool import Pool
from pandora.training.progress import Course, Log, blend, keep_run, record, save_training, take_up_run
from pandora.training.store import InMemory, OnDisk
from pandora.training.unseen import Unseen
from pandora.video.autoencoder import load_autoencoder
from pandora.video.flow import VideoConfig, VideoModel, diffuse
from pandora.video.transformer import Cache

_SMALL_CHANGE = 32  # latent cells


@dataclass(frozen=True, kw_only=True)
class VideoTraining(Config):
    data: str = "data/blocks"  # a folder of encoded shards, or several with weights: data/blocks=2,data/road=1
    aligned: str = "runs/align"  # backbone and adapter to start from
    # latent errors count by what the decoder shows of them; "" to count them as they are
    autoencoder: str = "runs/autoencoder/autoencoder.safetensors"
    out: str = "runs/video"
    start_from: str = ""  # an earlier run of this loop, or shipped weights, whose video model is taken over
    steps: int = 5000
    minutes: float = 0.0  # at most, over all starts; the learning rate then falls by the clock. 0: as long as it takes
    batch: int = 16  # a process
    learning_rate: float = 8e-4
    weight_decay: float = 0.01
    tune: bool = False
    tune_rate: float = 0.05  # learning rate of backbone and adapter, relative
    lora_rank: int = 0  # tune the backbone by low-rank updates instead: for pretrained ones
    floor: float = 0.2  # how often, at least, a clip of a kind that goes well is taken; the worst kind always is
    share: float = 1.0  # of each folder's shards that are read
    without: tuple[str, ...] = ()  # kinds that are kept out, such as tabletop/push_left
    plain_text: bool = False  # tell the video model what the sentence says and nothing else: no picture, no history
    stress: tuple[str, ...] = ()  # kinds whose errors count so many times when clips are drawn, such as unstack=4
    own: float = 0.0  # share of rows on the model's own history
    own_steps: int = 2  # at most, when the model samples its own history
    history_noise: float = 0.15  # at most, on half of the rows
    pure_noise: float = 0.5  # share of rows trained at t = 1, where sampling starts and nothing gives the answer away
    muon_rate: float = 2.0  # learning rate of the blocks' matrices, relative
    refine: float = 0.1  # share of the other rows that start from the model's own first guess, as when sampling
    moving_weight: float = 4.0
    outcome_weight: float = 0.05  # of telling whether the action works
    joint: int = 0  # rows a step whose prediction is decoded and held against the film, so that the decoder learns, too
    joint_weight: float = 0.2
    soft: float = 0.3  # errors well below it count squared, those above count once: a lit room must not drown a block
    ema: float = 0.999
    seed: int = 0
    log_every: int = 50
    save_every: int = 250
    unseen: str = ""  # folders of films that are not learned from: their error is told, see pandora/training/unseen.py
    unseen_clips: int = 48  # of each of these folders
    unseen_every: int = 500  # steps
    threads: int = 1  # of a process
    processes: int = 1  # that share the work, each with `batch` clips a step; on a CPU best one a core
    compile: bool = False  # the model's blocks, by torch: the first minutes go into it, then a step takes 0.8 times
    device: str = "auto"
    model: VideoConfig = field(default_factory=VideoConfig)


class Trainer(nn.Module):
    """The trained modules together, so that one optimizer, one checkpoint and one average hold them."""

    def __init__(self, config: VideoTraining):
        super().__init__()
        self.backbone, self.adapter = load_aligned(config.aligned)
        if config.plain_text:
            self.backbone.config = replace(self.backbone.config, sees=False, history=0)
        self.video = VideoModel(config.model)
        if config.start_from:
            _start_from(self.video, Path(config.start_from))
        if config.compile:
            self.video.transformer.compile_blocks()
        self.outcome = OutcomeHead(self.video.transformer)
        if config.joint and not config.autoencoder:
            raise InvalidConfig("To train the decoder along, say which: --autoencoder …/autoencoder.safetensors")
        self.decoder = JointDecoder(load_autoencoder(config.autoencoder)) if config.joint else None
        self.backbone.requires_grad_(config.tune)
        self.adapter.requires_grad_(config.tune)
        if config.tune and config.lora_rank:
            add_lora(self.backbone, config.lora_rank)

    backbone: Backbone
    adapter: Adapter

    def condition(self, batch: Batch, device: torch.device, tune: bool) -> Conditioning:
        ids, mask = self.backbone.tokenize(batch.sentences, batch.earlier)
        with torch.set_grad_enabled(tune):
            return self.adapter(self.backbone(batch.frames.to(device), ids, mask))

    def optimizers(self, config: VideoTraining) -> list[torch.optim.Optimizer]:
        """Muon for the matrices of the video model's blocks, AdamW for everything else; `scale` is a relative rate."""
        matrices = [p for p in self.video.transformer.blocks.parameters() if p.ndim == 2]
        chosen = {id(p) for p in matrices}
        parts = [m for m in (self.video, self.outcome, self.decoder) if m is not None]
        others = [p for m in parts for p in m.parameters() if p.requires_grad and id(p) not in chosen]
        groups = [{"params": others, "scale": 1.0}]
        tuned = [p for m in (self.backbone, self.adapter) for p in m.parameters() if p.requires_grad]
        if tuned:
            groups.append({"params": tuned, "scale": config.tune_rate})
        return adam_and_muon(groups, matrices, config.muon_rate, config.weight_decay)


@dataclass(frozen=True)
class Outcome:
    """Of one step, before the gradient."""

    loss: Tensor
    metrics: dict[str, float]
    errors: list[float]  # of each row: over the cells that should move, and not below that of a small change
    losses: list[float]  # of each row, without its weight
    made: Tensor | None  # the model's own next clips for the first `own` rows


def step_losses(
    model: Trainer,
    batch: Batch,
    config: VideoTraining,
    own: int,
    device: torch.device,
    metric: Tensor | None = None,
    films: Tensor | None = None,
    weights: Sequence[float] = (),
) -> Outcome:
    """The weighted x-prediction loss, and what the next step needs.

    `metric` (C, C) as `visible_metric` gives it; `films` are the true frames of the first rows, for the decoder;
    `weights` are those of the rows, 1 where there are none.
    """
    conditioning = model.condition(batch, device, config.tune)
    history, target = batch.history.to(device), batch.target.to(device)
    rows = history.shape[0]
    level = config.history_noise * torch.rand(rows, device=device) * (torch.rand(rows, device=device) < 0.5)
    history = history + level.view(-1, 1, 1, 1, 1) * torch.randn_like(history)
    with torch.no_grad():  # the cache carries no gradient, as in Transformer-XL (1901.02860, section 3.2)
        cache = model.video.remember(history)

    last = history[:, :, -1:]
    context = model.video.transformer.embed_context(conditioning.context_BND)
    told = Told(last, context, conditioning.pooled_BD, cache)
    noisy, time = _noisy(model.video, target, told, config)
    clean = model.video.predict(noisy, time, *told)
    outcome, sure = model.outcome.loss(batch.works.to(device), time == 1)
    missed = clean - target
    error = missed.square().mean(1)
    seen = error if metric is None else torch.einsum("cd,bdlhw->bclhw", metric, missed).square().mean(1)
    moving = ((target - last).abs().amax(1) > 0.5).float()
    robust = (seen + config.soft**2).sqrt() - config.soft  # pseudo-Huber over the channels of a latent cell
    of_rows = ((1 + config.moving_weight * moving) * robust).flatten(1).mean(1)
    loss = (torch.tensor(weights or [1.0], device=device) * of_rows).mean() + config.outcome_weight * outcome
    if model.decoder is not None and films is not None:
        loss = loss + config.joint_weight * model.decoder.loss(last, clean, films.to(device))
    metrics = {
        "robust": robust.mean().item(),
        "outcome": sure.item(),
        "mse": error.mean().item(),
        "seen": (seen * moving).sum().item() / max(1.0, moving.sum().item()),
        "moving": (error * moving).sum().item() / max(1.0, moving.sum().item()),
    }
    errors = robust.flatten(1).sum(1) / moving.flatten(1).sum(1).clamp(min=_SMALL_CHANGE)

    made = None
    if own:
        with torch.no_grad():
            steps = 1 + int(torch.randint(config.own_steps, ()).item())
            made = model.video.sample(
                history[:own], conditioning.context_BND[:own], conditioning.pooled_BD[:own],
                torch.randn_like(target[:own]), steps, cache=tuple((k[:own], v[:own]) for k, v in cache),
            )  # fmt: skip
    return Outcome(loss, metrics, errors.tolist(), of_rows.tolist(), made)


class Told(NamedTuple):
    """What the prediction of a chunk is given besides the noisy chunk."""

    last: Tensor
    context: Cache
    action: Tensor
    cache: Cache

    def of(self, rows: Tensor) -> "Told":
        context, cache = (tuple((k[rows], v[rows]) for k, v in entries) for entries in (self.context, self.cache))
        return Told(self.last[rows], context, self.action[rows], cache)


def _noisy(video: VideoModel, target: Tensor, told: Told, config: VideoTraining) -> tuple[Tensor, Tensor]:
    """The chunks to denoise and their times (B,).

    Where sampling comes to a time below 1 the chunk does not hold the truth but the model's first guess: some rows are
    trained on just that, so that the later step mends what the first one left (exposure bias, 2308.15321). Not most:
    a first guess of a rich scene is mist, which tells less of how to sharpen it than noised truth does.
    """
    rows, device = target.shape[0], target.device
    shift, u = config.model.time_shift, torch.rand(rows, device=device)
    time = torch.where(torch.rand(rows, device=device) < config.pure_noise, 1.0, shift * u / (1 + (shift - 1) * u))
    noise, behind = torch.randn_like(target), target
    guessed = ((torch.rand(rows, device=device) < config.refine) & (time < 1)).nonzero().squeeze(1)
    if len(guessed):
        with torch.no_grad():
            first = video.predict(noise[guessed], torch.ones_like(time[guessed]), *told.of(guessed))
        behind = target.index_copy(0, guessed, first)
    return diffuse(behind, noise, time), time


def stress_of(texts: Sequence[str]) -> dict[str, float]:
    """Of "unstack=4" and the like. Raises InvalidConfig."""
    found = [text.partition("=") for text in texts]
    try:
        return {kind.strip(): float(times) for kind, _, times in found}
    except ValueError as error:
        raise InvalidConfig(f"A stress is a kind of action and a number, such as unstack=4, not {texts}.") from error


def _start_from(video: VideoModel, folder: Path) -> None:
    """Take over a run's video model, or that of weights that ship; it may know no key frames and no places yet."""
    ships = (folder / "manifest.json").exists()
    weights = checkpoint.load(folder)[1]["video"] if ships else load_file(folder / "video.safetensors")
    transformer = video.transformer
    new = ("keyframe_embedding", "place_embedding")
    own = {name: value for name, value in video.state_dict().items() if any(part in name for part in new)}
    checkpoint.fill(video, {**own, **weights}, folder)
    if transformer.keyframe_embedding is not None and not any("keyframe_embedding" in name for name in weights):
        transformer.keyframe_embedding.begin(transformer.patch_embedding)


def _clips(config: VideoTraining, device: torch.device) -> Clips:
    return Clips(
        config.data, config.model.history, config.model.chunk, keyframes=config.model.transformer.keyframes,
        store=InMemory(device) if device.type == "cuda" else OnDisk(), share=config.share, without=config.without,
    )  # fmt: skip


def _unseen(config: VideoTraining, device: torch.device) -> Unseen:
    others = _clips(replace(config, data=config.unseen, share=1.0), device)
    return Unseen(others, config.unseen_clips, config.batch)


def train(config: VideoTraining) -> Path:
    """Train or resume; returns the run's folder with video, backbone and adapter weights (averaged over steps)."""
    if config.processes > 1 and not parallel.inside():
        return parallel.spread(train, config, config.processes)
    runtime = Runtime.resolve(config.device, threads=config.threads).apply()
    rank = parallel.meet(runtime.device) if parallel.inside() else 0
    folder = Path(config.out)
    torch.manual_seed(config.seed)
    model = Trainer(config).to(runtime.device)
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    optimizers = model.optimizers(config)
    start = take_up_run(folder, model, optimizers, average)
    parameters = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    clips = _clips(config, runtime.device)
    metric = None
    if config.autoencoder:
        metric = visible_metric(load_autoencoder(config.autoencoder), clips).to(runtime.device)
    unseen = _unseen(config, runtime.device) if config.unseen and rank == 0 else None
    films = Films(clips) if config.joint else None
    own = round(config.own * config.batch)
    emphasis = Emphasis(config.floor, stress=stress_of(config.stress))
    balance = Balance()
    pool = Pool(clips, config.batch, own, np.random.default_rng([config.seed, rank, start]), emphasis)
    torch.manual_seed(config.seed + 7919 * rank + 104729 * start)
    if rank == 0:
        record(folder, config, dist.get_world_size() if parallel.inside() else 1)
    log = Log(folder, config.steps, start)
    course = Course(folder, config, optimizers, start)
    for step in course:
        with torch.autocast(runtime.device.type, torch.bfloat16):
            true = films(pool.places[: config.joint]) if films else None
            weights = balance.weights(pool.worlds)
            outcome = step_losses(model, pool.batch(), config, own, runtime.device, metric, true, weights)
        balance.learn(pool.worlds, outcome.losses)
        outcome.loss.backward()
        if parallel.inside():
            average_gradients(parameters)
        norm = nn.utils.clip_grad_norm_(parameters, 1.0)
        step_all(optimizers)
        if rank == 0:
            log.add(loss=outcome.loss.item(), **outcome.metrics, grad_norm=float(norm))
            for world, error in zip(pool.worlds, outcome.errors, strict=True):
                log.add(**{f"error.{world}": error})
        pool.advance(outcome.made, outcome.errors)
        blend(average, model, config.ema, step)
        if unseen is not None and (course.done % config.unseen_every == 0 or course.over):
            log.add(**{f"unseen.{world}": error for world, error in unseen(model, average).items()})
        if rank == 0 and course.logs:
            log(course.done, course.total, clips=clips.size)
        if course.saves:
            clips.refresh()
            collect_momentum(optimizers)
            if rank == 0:
                keep_run(folder, model, optimizers, course.done, average, course.spent)
                save(folder, model, average, course.done, config)
    if rank == 0:
        log.curve("loss", "robust", "error.*", *(["unseen.*"] if unseen is not None else []))
    if parallel.inside():
        dist.destroy_process_group()
    return folder


def save(folder: Path, model: Trainer, average: dict[str, Tensor], step: int, config: VideoTraining) -> None:
    """The averaged weights of each part, with what is needed to build them: `config.json` and the tokenizer."""
    places = {part: f"{part}." for part in ("video", "backbone", "adapter")} | {"autoencoder": "decoder.autoencoder."}
    for part, prefix in places.items():
        found = {k.removeprefix(prefix): v for k, v in average.items() if k.startswith(prefix)}
        if found:
            save_training(folder / f"{part}.safetensors", fold(found), {"step": step})
    model.backbone.tokenizer.save(folder / "tokenizer")
    values: dict[str, Config] = {
        "backbone": model.backbone.config, "adapter": model.adapter.config, "video": config.model,
    }  # fmt: skip
    if model.decoder is not None:
        values["autoencoder"] = model.decoder.autoencoder.config
    text = json.dumps({name: part.to_dict() for name, part in values.items()}, indent=2)
    (folder / "config.json").write_text(text + "\n")
