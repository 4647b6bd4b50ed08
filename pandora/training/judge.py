"""Train a world's learned judge on true clips, as they are and worsened, against clips that can't be true.

L = cross-entropy of every attribute, over true clips, + binary cross-entropy of true against spoilt

The seeds of its scenes are those of training; what it says of scenes of evaluation is measured, and written beside it.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pandora.config import Config
from pandora.errors import InvalidInput
from pandora.runtime import Runtime
from pandora.training.judged import Judged, Pool, episodes, gather, recorded
from pandora.training.mixture import parse_mixture
from pandora.training.progress import Course, Log, blend, keep_run, record, take_up_run
from pandora.training.spoiling import spoil, worsen
from pandora.worlds import make_world
from pandora.worlds.base import World
from pandora.worlds.pixels import degrade_all
from pandora.worlds.probe import ClipProbe, path_of

_DECIBEL = 33.0  # PSNR of the worsened clips that a judge is measured on
_REFUSED = 0.002  # the share of true clips, clean and worsened, that may be refused
_CAUTION = 0.5  # a threshold above which a judge never needs to be
_SPOILT = 0.3  # spoilt clips, relative to the true ones in a batch
_CLEAN = 0.4  # the share of true clips that are left as they are; to worsen them costs as much as to learn from them


@dataclass(frozen=True, kw_only=True)
class JudgeConfig(Config):
    world: str = ""  # whose judge is trained
    out: str = ""  # folder of the run; empty: runs/judge/WORLD
    judge: str = ""  # file of the judge; empty: probe.safetensors in the world's own folder
    # folders of films of the world that fill the pool at first, such as data/road,data/more; empty: rendered ones
    data: str = ""
    steps: int = 400
    minutes: float = 0.0  # at most, over all starts; the learning rate then falls by the clock. 0: as long as it takes
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    smoothing: float = 0.01  # of the labels, so that confidence stays a probability
    pool: int = 2400  # clips at hand
    every: int = 2  # steps after which an episode is rendered, in the place of the oldest
    clips: int = 6  # actions in an episode
    checked: int = 400  # clips of evaluation scenes that set the threshold, and as many that are measured
    ema: float = 0.99
    processes: int = 1  # that render; with one, rendering and training take turns
    seed: int = 0
    log_every: int = 25
    save_every: int = 100
    threads: int = 1
    device: str = "auto"


def train(config: JudgeConfig) -> Path:
    """Train or resume, then measure; returns the path of the judge. `probe.json` beside it says how good it is."""
    return train_on(config, make_world(config.world or _unnamed()))


def train_on(config: JudgeConfig, world: World) -> Path:
    """`train` for a world at hand. Raises InvalidInput for one without attributes."""
    if not world.attributes:
        raise InvalidInput(f"The world {world.name} judges clips without learning: it has no `attributes`.")
    runtime = Runtime.resolve(config.device, threads=config.threads).apply()
    folder = Path(config.out or f"runs/judge/{world.name}")
    torch.manual_seed(config.seed)
    probe = ClipProbe(world.attributes).to(runtime.device)
    optimizer = torch.optim.AdamW(probe.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    average = {name: value.detach().clone() for name, value in probe.state_dict().items()}
    start = take_up_run(folder, probe, [optimizer], average)
    record(folder, config, config.processes)
    log = Log(folder, config.steps, start)
    course = Course(folder, config, [optimizer], start, min(100, config.steps // 10))
    pool = Pool(world, config.pool)
    if not course.over:
        # a run that goes on begins where another would not have been: its scenes are new ones
        first = (config.seed * 1_000_003 + start) * 1000
        rendered = episodes(world, first, config.clips, config.processes)
        films = recorded(world, parse_mixture(config.data) if config.data else ())
        while len(pool) < config.pool:
            pool.add(next(films, None) or next(rendered))
            if pool.seen % (50 * config.clips) == 0:
                log.console.print(f"clips {len(pool)}/{config.pool}")
        log.began = time.monotonic()
        for step in course:
            log.add(**_step(config, probe, optimizer, average, pool, rendered, step))
            if course.logs:
                log(course.done, course.total)
            if course.saves:
                keep_run(folder, probe, [optimizer], course.done, average, course.spent)
        rendered.close()  # type: ignore[attr-defined]
        log.curve("loss", "right", "caught")
    probe.load_state_dict(average)
    path = Path(config.judge) if config.judge else path_of(world.name)
    numbers = measure(config, world, probe.eval())
    probe.save(path)
    numbers |= {"minutes": round(course.spent / 60, 1), "device": str(runtime.device)}
    path.with_suffix(".json").write_text(json.dumps(numbers, indent=1) + "\n")
    log.console.print(json.dumps(numbers["clean"]), json.dumps(numbers["degraded"]))
    return path


def _step(
    config: JudgeConfig,
    probe: ClipProbe,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor],
    pool: Pool,
    rendered: Iterator[Judged],
    step: int,
) -> dict[str, float]:
    if step % config.every == 0:
        pool.add(next(rendered))
    rng = np.random.default_rng([config.seed, step])
    torch.manual_seed(config.seed * 1_000_003 + step)
    parts = losses(config, probe.train(), pool.draw(config.batch, rng))
    optimizer.zero_grad(set_to_none=True)
    parts["loss"].backward()
    nn.utils.clip_grad_norm_(probe.parameters(), 1.0)
    optimizer.step()
    blend(average, probe, config.ema, step)
    return {name: float(value.detach()) for name, value in parts.items()}


def losses(config: JudgeConfig, probe: ClipProbe, clips: Judged) -> dict[str, Tensor]:
    """The loss of a batch, its part for telling true from spoilt, and the shares read `right`, and spoilt `caught`."""
    device = next(probe.parameters()).device
    true = torch.from_numpy(clips.looks).to(device).permute(0, 1, 4, 2, 3).float() / 255
    labels = torch.from_numpy(clips.labels).to(device)
    spoilt, shows = spoil(true[: max(2, round(_SPOILT * len(true)))])
    clean = round(_CLEAN * len(true))
    seen = torch.cat([true[:clean], worsen(true[clean:]), spoilt[shows]])
    with torch.autocast(device.type, torch.bfloat16):
        logits, genuine = probe(seen)
    count = len(true)
    pairs = [(head[:count], wanted) for head, wanted in zip(logits, labels.T, strict=True)]
    every = [F.cross_entropy(head, wanted, label_smoothing=config.smoothing) for head, wanted in pairs]
    target = (torch.arange(len(seen), device=device) < count).float()
    with torch.no_grad():
        right = torch.stack([head.argmax(1) == wanted for head, wanted in pairs]).all(0)
        caught = (genuine[count:] < 0).float().mean() if len(seen) > count else torch.ones(())
    # as many true as spoilt ones, by weight
    weight = torch.where(target > 0, 1 / count, 1 / max(1, len(seen) - count)) * len(seen) / 2
    told = F.binary_cross_entropy_with_logits(genuine, target, weight)
    return {"loss": torch.stack(every).sum() + told, "told": told, "right": right.float().mean(), "caught": caught}


def measure(config: JudgeConfig, world: World, probe: ClipProbe) -> dict[str, object]:
    """Set the threshold on some evaluation scenes, and measure on others: shares right and refused."""
    rng = np.random.default_rng(config.seed)
    sets = [gather(world, seed, config.checked, config.clips) for seed in (1, 2)]
    worse = [Judged(np.stack([degrade_all(x, _DECIBEL, rng) for x in some.looks]), some.labels) for some in sets]
    sure = np.concatenate([probe.predict(some.looks)[1] for some in (sets[0], worse[0])])
    probe.threshold = round(min(_CAUTION, float(np.quantile(sure, _REFUSED))), 4)
    looks = torch.from_numpy(sets[1].looks).permute(0, 1, 4, 2, 3).float() / 255
    torch.manual_seed(config.seed)
    spoilt, shows = spoil(looks)
    pixels = (255 * spoilt[shows]).round().clamp(0, 255).byte().permute(0, 1, 3, 4, 2).numpy()
    changed = {
        f.name: value
        for f in fields(config)
        if f.name not in ("world", "processes", "device") and (value := getattr(config, f.name)) != f.default
    }
    options = "".join(f" --{name.replace('_', '-')} {value}" for name, value in changed.items())
    return {
        "command": f"pandora train judge --world {world.name}{options}",
        "seed": config.seed,
        "steps": config.steps,
        "parameters": sum(p.numel() for p in probe.parameters()),
        "threshold": probe.threshold,
        "clips": config.checked,
        "clean": accuracy(probe, sets[1]),
        "degraded": accuracy(probe, worse[1]) | {"psnr": _DECIBEL},
        "spoilt": {"refused": float((probe.predict(pixels)[1] < probe.threshold).mean()), "clips": len(pixels)},
    }


def accuracy(probe: ClipProbe, clips: Judged) -> dict[str, object]:
    """Shares of clips: every value right and not refused, refused, and right for each attribute alone."""
    values, sure = probe.predict(clips.looks)
    right, refused = values == clips.labels, sure < probe.threshold
    each = dict(zip(probe.attributes, map(float, right.mean(0)), strict=True))
    return {"whole": float((right.all(1) & ~refused).mean()), "refused": float(refused.mean()), "attributes": each}


def _unnamed() -> str:
    raise InvalidInput("Say whose judge to train: pandora train judge --world WORLD")
