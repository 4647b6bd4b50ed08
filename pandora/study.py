"""`pandora train study`: what a choice is worth. One setting is varied, all else stays, and each variant is measured.

    sizes      how large the video model is, against its accuracy and its speed
    data       how much it learns from
    mixture    all worlds alike, what goes badly more often, or one world after another
    rollouts   with and without training on its own rollouts
    memory     with and without key frames
    roads      told by a language model that sees the world and remembers, or by the plain text of the action
    joint      with the decoder as it was, or trained along with the video model
    transfer   a world with its own clips of some actions, without them, and without the other worlds as well

Variants have equal time, equal data and equal seeds. Each is a run of the video stage of its own that resumes; what is
measured lies beside it, and a table and a plot of all in the study's folder.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console

from pandora import evaluation
from pandora.config import Config
from pandora.errors import InvalidConfig, UnknownName
from pandora.evaluation.measures import Sizes
from pandora.media import save_plot
from pandora.training import export, video
from pandora.video.flow import VideoConfig
from pandora.video.transformer import TransformerConfig
from pandora.world_model import WorldModel
from pandora.worlds import make_world

SIZES: Mapping[str, tuple[int, int]] = {"small": (4, 3), "medium": (8, 4), "large": (12, 6)}  # layers, heads of 64
SHARES: Mapping[str, float] = {"an eighth": 1 / 8, "a quarter": 1 / 4, "half": 1 / 2, "all": 1.0}
_TIMED = 12  # clips


@dataclass(frozen=True, kw_only=True)
class Study(Config):
    """What is varied, and what all variants share."""

    what: str = ""  # sizes, data, mixture, rollouts, memory, joint, roads or transfer
    data: str = "data/general"  # with a folder a world
    worlds: tuple[str, ...] = ("blocks",)  # that are trained on, and measured
    aligned: str = "weights/pandora-small"  # backbone and adapter
    autoencoder: str = "runs/autoencoder/autoencoder.safetensors"
    start_from: str = ""  # weights or a run that all variants start from, where their sizes allow; none: from nothing
    out: str = "runs/study"  # the study's folder is made in there
    minutes: float = 20.0  # a variant
    steps: int = 10**9  # at most, a variant
    batch: int = 12
    unseen: str = ""  # a folder with a world each, of films that no variant learns from: how far off it is there
    own: float = 0.34  # share of rows on the model's own history
    kept_out: tuple[str, ...] = ("push_left", "push_right")  # transfer: verbs of `into` that are not trained there
    into: str = "tabletop"  # transfer: the world that shall learn them elsewhere
    clips: int = 200  # measured, a row
    seed: int = 0
    threads: int = 1
    processes: int = 1  # that train together, each with `batch` clips a step
    device: str = "auto"
    model: VideoConfig = field(
        default_factory=lambda: VideoConfig(transformer=TransformerConfig(keyframes=8, places=(2, 8, 8)))
    )

    def mixture(self, worlds: Sequence[str]) -> str:
        return ",".join(f"{self.data}/{name}" for name in worlds)


Stages = tuple[video.VideoTraining, ...]  # each goes on from what the one before has learned
Variants = dict[str, video.VideoTraining | Stages]


def run(config: Study) -> Path:
    """Train and measure every variant that is not done, then draw; returns the study's folder."""
    if config.what not in STUDIES:
        raise UnknownName("study", config.what, sorted(STUDIES))
    folder, console = Path(config.out) / config.what, Console(highlight=False)
    found: dict[str, dict[str, Any]] = {}
    for name, variant in STUDIES[config.what](config, _common(config)).items():
        place = folder / name.replace(" ", "-")
        console.rule(f"{config.what}: {name}", align="left")
        measured = place / "measured.json"
        if not measured.exists():
            training = _train(variant if isinstance(variant, tuple) else (variant,), place)
            _measure(config, training, place, measured, console)
        found[name] = json.loads(measured.read_text())
    _write(config, folder, found)
    return folder


def _train(stages: Stages, place: Path) -> video.VideoTraining:
    """Stage by stage, the last one in `place` itself, which is returned."""
    for number, stage in enumerate(stages, 1):
        out = str(place if number == len(stages) else place / f"stage-{number}")
        stage = replace(stage, out=out)
        if number > 1:
            before = str(place / f"stage-{number - 1}")
            stage = replace(stage, start_from=before, aligned=before)
        video.train(stage)
    return stage


def _common(study: Study) -> video.VideoTraining:
    return video.VideoTraining(
        data=study.mixture(study.worlds), aligned=study.aligned, autoencoder=study.autoencoder, tune=True,
        own=study.own, start_from=study.start_from, steps=study.steps, minutes=study.minutes, batch=study.batch,
        seed=study.seed, threads=study.threads, processes=study.processes, device=study.device, model=study.model,
        save_every=200,
        unseen=",".join(f"{study.unseen}/{name}" for name in study.worlds) if study.unseen else "",
    )  # fmt: skip


def _sizes(study: Study, common: video.VideoTraining) -> Variants:
    if study.start_from:
        raise InvalidConfig("Models of other sizes start from nothing: leave start_from away.")

    def sized(layers: int, heads: int) -> VideoConfig:
        old = study.model.transformer
        ffn = old.ffn_dim * heads // old.num_attention_heads
        changed = replace(old, num_layers=layers, num_attention_heads=heads, ffn_dim=ffn)
        return replace(study.model, transformer=changed)

    return {name: replace(common, model=sized(*size)) for name, size in SIZES.items()}


def _data(study: Study, common: video.VideoTraining) -> Variants:
    return {name: replace(common, share=share) for name, share in SHARES.items()}


def _mixture(study: Study, common: video.VideoTraining) -> Variants:
    worlds, minutes = study.worlds, study.minutes / len(study.worlds)
    if len(worlds) < 2:
        raise InvalidConfig("A mixture needs two worlds or more: --worlds blocks --worlds road …")
    growing = (study.mixture(worlds[: count + 1]) for count in range(len(worlds)))
    return {
        "all alike": replace(common, floor=1.0),
        "what goes badly": common,
        "one after another": tuple(replace(common, data=data, minutes=minutes) for data in growing),
    }


def _rollouts(study: Study, common: video.VideoTraining) -> Variants:
    return {"true histories": replace(common, own=0.0), "own rollouts": common}


def _memory(study: Study, common: video.VideoTraining) -> Variants:
    def remembering(keyframes: int) -> video.VideoTraining:
        transformer = replace(study.model.transformer, keyframes=keyframes)
        return replace(common, model=replace(study.model, transformer=transformer))

    most = study.model.transformer.keyframes or 8
    return {"last clip": remembering(0), f"{most} key frames": remembering(most)}


def _joint(study: Study, common: video.VideoTraining) -> Variants:
    return {"decoder as it was": common, "decoder trained along": replace(common, joint=2)}


def _roads(study: Study, common: video.VideoTraining) -> Variants:
    return {"plain text": replace(common, plain_text=True), "language model": common}


def _transfer(study: Study, common: video.VideoTraining) -> Variants:
    if study.into not in study.worlds or len(study.worlds) < 2:
        raise InvalidConfig(f"Transfer into {study.into} needs it and another world: --worlds {study.into} --worlds …")
    without = tuple(f"{study.into}/{verb}{rest}" for verb in study.kept_out for rest in ("", " (illegal)"))
    return {
        "never seen": replace(common, without=without, data=study.mixture([study.into])),
        "seen elsewhere": replace(common, without=without),
        "seen there": common,
    }


# What each study is about: rows of every world, under its name.
ASKED: Mapping[str, tuple[str, ...]] = {
    "sizes": ("followed", "horizon.8"),
    "data": ("followed", "followed.held_out_phrasings"),
    "mixture": ("followed",),
    "rollouts": ("followed", "horizon.8"),
    "memory": ("followed", "return"),
    "joint": ("followed", "drift"),
    "roads": ("followed", "followed.held_out_phrasings"),
    "transfer": ("followed",),
}
STUDIES: Mapping[str, Callable[[Study, video.VideoTraining], Variants]] = {
    "sizes": _sizes, "data": _data, "mixture": _mixture, "rollouts": _rollouts, "memory": _memory, "joint": _joint,
    "roads": _roads, "transfer": _transfer,
}  # fmt: skip


def _measure(study: Study, training: video.VideoTraining, place: Path, out: Path, console: Console) -> None:
    """The rows of every world that the variant knows, and how large and how fast it is."""
    worlds = (study.into,) if study.what == "transfer" else study.worlds
    own = place / "autoencoder.safetensors"
    parts = export.ExportConfig(
        video=str(place), aligned=str(place), worlds=worlds, novelty=0, out=str(place / "weights"),
        autoencoder=str(own) if own.exists() else study.autoencoder,
    )  # fmt: skip
    weights = export.export(parts)
    count = study.clips
    some = max(4, count // 4)
    sizes = Sizes(clips=count, walks=some, actions=8, pairs=4, drifts=2, long=24, trials=some)
    rows: dict[str, Any] = {}
    for name in worlds:
        report = evaluation.run(weights, world=name, sizes=sizes, device=study.device, console=console)
        rows |= {row.name: asdict(row) for row in report.rows if row.name.startswith(f"{name}.")}
    rows |= {f"{name}.unseen": _point(error) for name, error in _unseen(place).items()}
    model = WorldModel.from_pretrained(weights, device=study.device)
    told = {
        "parameters": sum(p.numel() for p in model.video.parameters()),
        "clip_ms": _clip_ms(model, worlds[0]),
        "device": str(model.runtime.device),
        "threads": torch.get_num_threads(),
        "settings": training.to_dict(),
    }
    out.write_text(json.dumps({**told, "rows": rows}, indent=1) + "\n")


def _unseen(place: Path) -> dict[str, float]:
    """By world, how far off the run is on films that it has not learned from, as it told when it ended."""
    entries = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    told = [entry for entry in entries if any(key.startswith("unseen.") for key in entry)]
    return {key.removeprefix("unseen."): value for key, value in (told[-1] if told else {}).items() if "unseen." in key}


def _point(value: float) -> dict[str, float]:
    return {"value": value, "low": value, "high": value}


def _clip_ms(model: WorldModel, world: str) -> float:
    """Milliseconds of one clip of one world, the median of a few."""
    arena = make_world(world)
    state, spent = model.begin(arena.render(arena.examples()[0].scene), seed=0), []
    for _ in range(_TIMED):
        began = time.perf_counter()
        state, _ = model.step(state, "wait")
        spent.append(time.perf_counter() - began)
    return 1000 * float(np.median(spent[2:]))


def _write(study: Study, folder: Path, found: Mapping[str, Mapping[str, Any]]) -> None:
    """`study.md`, `study.json` and `study.png` of what was measured, a variant after the other."""
    asked = [f"{world}.{row}" for row in (*ASKED[study.what], "unseen") for world in study.worlds]
    if study.what == "transfer":
        kept_out = (f"followed.verb.{verb}" for verb in study.kept_out)
        asked = [f"{study.into}.{row}" for row in (*kept_out, "followed", "unseen")]
    asked = [name for name in asked if any(name in entry["rows"] for entry in found.values())]
    lines = [
        f"| {study.what} | parameters | ms a clip | " + " | ".join(f"`{name}`" for name in asked) + " |",
        "|---" * (3 + len(asked)) + "|",
    ]
    for variant, entry in found.items():
        cells = [_cell(entry["rows"].get(name)) for name in asked]
        lines.append(f"| {variant} | {entry['parameters']:,} | {entry['clip_ms']:.0f} | {' | '.join(cells)} |")
    told = next(iter(found.values()))
    effort = f"{study.minutes:g} minutes a variant, batches of {study.batch}, seed {study.seed}"
    lines += ["", f"{effort}, on {told['device']} ({told['threads']} threads); 95 % intervals."]
    if any(name.endswith(".unseen") for name in asked):
        lines += ["`unseen`: the squared error where films move that no variant learned from; to stand still has 1."]
    (folder / "study.md").write_text("\n".join(lines) + "\n")
    kept = {name: {**entry, "rows": {k: entry["rows"].get(k) for k in asked}} for name, entry in found.items()}
    (folder / "study.json").write_text(json.dumps({"what": study.what, "variants": kept}, indent=1) + "\n")
    _draw(study, folder / "study.png", asked, found)


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    interval = f" ({row['low']:.3f} to {row['high']:.3f})" if row["low"] < row["high"] else ""
    return f"{row['value']:.3f}{interval}"


def _draw(study: Study, path: Path, asked: Sequence[str], found: Mapping[str, Mapping[str, Any]]) -> None:
    """A line a row over the variants; for sizes, over what a clip costs."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis, names = figure.subplots(), list(found)
    cost = [found[name]["clip_ms"] for name in names]
    places = cost if study.what == "sizes" else list(range(len(names)))
    for row in asked:
        points = [(place, found[name]["rows"].get(row)) for place, name in zip(places, names, strict=True)]
        known = [(place, entry) for place, entry in points if entry is not None]
        value = np.array([entry["value"] for _, entry in known])
        low, high = (np.array([entry[end] for _, entry in known]) for end in ("low", "high"))
        axis.errorbar(
            [place for place, _ in known], value, (value - low, high - value), marker="o", capsize=3, label=row
        )
    if study.what == "sizes":
        axis.set(xlabel="milliseconds a clip", xscale="log")
        for name, place in zip(names, cost, strict=True):
            axis.annotate(name, (place, 0.02), ha="center", fontsize=8)
    else:
        axis.set_xticks(places, names)
    shown = "share, or relative error" if any(row.endswith(".unseen") for row in asked) else "share"
    axis.set(ylabel=shown, ylim=(0, 1.02), title=f"{study.what}, {study.minutes:g} minutes each")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    save_plot(figure, path)
