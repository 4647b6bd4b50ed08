"""`pandora train recipe`: from nothing to a weights folder by one command, within a time, and resumable.

    data -> autoencoder -> encode -> alignment -> video -> speech -> rollout -> decoder -> export

Each stage is one that can be run alone; here they share a budget of minutes. A stage that is done leaves `done.json`
beside its run and is passed over; a stopped one goes on where it stood. With `start_from` nothing is begun anew:
weights that know some worlds learn others as well, and what was told and seen of the former stays as it is.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from pandora import checkpoint
from pandora.config import Config
from pandora.errors import InvalidInput, UnknownName
from pandora.runtime import Runtime, resolve_device
from pandora.training import alignment, autoencoder, encoding, export, rollout, speech, supply, video
from pandora.training import data as data_stage
from pandora.training.autoencoder import AutoencoderTraining
from pandora.video.autoencoder import AutoencoderConfig
from pandora.video.flow import VideoConfig
from pandora.video.transformer import TransformerConfig
from pandora.world_model import WorldModelConfig
from pandora.worlds import world_names

SHARES: Mapping[str, float] = {  # of the minutes; the rest is for making and encoding data
    "autoencoder": 0.11, "alignment": 0.08, "video": 0.28, "speech": 0.1, "rollout": 0.2, "decoder": 0.06,
}  # fmt: skip
TALKS = "blocks"  # the world whose states have words
ORDER = ("data", "autoencoder", "encode", "alignment", "video", "speech", "rollout", "decoder", "export")
SETTINGS = "recipe.json"  # what the runs beside it were begun with
_HOW = {"minutes", "threads", "processes", "until", "device", "ahead", "compile"}  # may differ from start to start
_EXPORTED = {"weights", "expert", "bits", "novelty"}  # ask for the last stage alone
ENDLESS = 10**9  # steps, where the clock decides
_SHORT = 2  # actions of the episodes in fresh scenes


Training = TypeVar("Training", bound=video.VideoTraining)


@dataclass(frozen=True, kw_only=True)
class Recipe(Config):
    """What is trained, and how long. With the same settings it goes on where it stopped."""

    worlds: tuple[str, ...] = ()  # none: all of them
    out: str = "runs/general"  # the runs, a folder each, and the weights
    data: str = "data/general"  # a folder a world
    minutes: float = 60.0  # for all stages together, over all starts
    clips: int = 20_000  # of each world
    fresh: float = 0.5  # as many clips again, relative, in episodes of two actions: that many more scenes to begin from
    ahead: int = 0  # clips of each world to begin with, while the rest is made beside the training; 0: all of them
    weight: tuple[str, ...] = ()  # of a world in the mixture, such as blocks=2; 1 where none is given
    films: tuple[str, ...] = ()  # folders of imported clips to learn from as well, with weights: data/kitchen=0.5
    start_from: str = ""  # weights that ship, to go on from; the worlds that they know are kept
    aligned: str = ""  # backbone and adapter to begin with, in the place of the stage alignment
    autoencoder: str = ""  # autoencoder.safetensors to use, in the place of the stages autoencoder and decoder
    weights: str = ""  # the folder that is made in the end; none: `out`/weights
    expert: str = ""  # their name among the experts of those weights, beside what these know already
    bits: checkpoint.Bits = 16  # of a stored weight: 8 take half the room of 16, 6 two fifths
    batch: int = 0  # of the video stages; 0: 256 on a GPU, 16 a core on a CPU
    threads: int = 0  # 0: one a CPU core, up to eight; the video stages on a CPU take as many processes instead
    processes: int = 0  # that make data; 0: one a CPU core
    compile: bool = False  # the video model's blocks, by torch: needs a C++ compiler, or triton
    novelty: int = 2000  # frames of each world that tell what a strange picture is; 0: nothing tells
    until: str = ""  # the last stage to run; none: all of them
    seed: int = 0
    device: str = "auto"
    model: VideoConfig = field(
        default_factory=lambda: VideoConfig(transformer=TransformerConfig(keyframes=8, places=(2, 8, 8)))
    )
    decoder: AutoencoderConfig = field(
        default_factory=lambda: AutoencoderConfig(encoder_blocks=3, decoder_blocks=4, frame_blocks=2)
    )

    @property
    def names(self) -> tuple[str, ...]:
        return self.worlds or tuple(world_names())

    @property
    def mixture(self) -> str:
        """The data folders with their weights, as the stages read them."""
        weights = dict(part.split("=", 1) for part in self.weight)
        if unknown := set(weights) - set(self.names):
            raise InvalidInput(f"There is a weight for {', '.join(sorted(unknown))}, which is none of the worlds.")
        folders = {self.data: 1.0, **({self.data_fresh: self.fresh} if self.fresh else {})}
        made = (
            f"{folder}/{name}={float(weights.get(name, '1')) * share:g}"
            for folder, share in folders.items()
            for name in self.names
        )
        return ",".join((*made, *self.films))

    @property
    def shipped(self) -> str:
        return self.weights or f"{self.out}/weights"

    @property
    def data_fresh(self) -> str:
        return f"{self.data}/fresh"


def run(config: Recipe) -> Path:
    """Run the stages that are not done; returns the weights folder.

    Raises InvalidInput where `out` was begun with other settings.
    """
    stages = Stages(config)
    if config.until and config.until not in stages.names:
        raise UnknownName("stage", config.until, stages.names)
    console, folder = Console(highlight=False), Path(config.out)
    _begin(config, folder)
    with stages.supply:
        for number, name in enumerate(stages.names, 1):
            done = folder / name / "done.json"
            if not done.exists():
                console.rule(f"{number} of {len(stages.names)}: {name}", align="left")
                began = time.monotonic()
                getattr(stages, name)()
                done.parent.mkdir(parents=True, exist_ok=True)
                done.write_text(json.dumps({"seconds": round(time.monotonic() - began, 1)}) + "\n")
            if name == config.until:
                break
    return Path(config.shipped)


def _begin(config: Recipe, folder: Path) -> None:
    """Write down the settings, or compare them with those that the runs were begun with: stages must not mix."""
    path = folder / SETTINGS
    told = json.loads(json.dumps({name: value for name, value in config.to_dict().items() if name not in _HOW}))
    before = json.loads(path.read_text()) if path.exists() else told
    other = {name for name in told if before.get(name) != told[name]}
    if mixed := sorted(other - _EXPORTED):
        was = "; ".join(f"{name} {before.get(name)!r}, now {told[name]!r}" for name in mixed)
        raise InvalidInput(f"{folder} was begun otherwise: {was}. Give the same settings, or another --out.")
    if other:
        (folder / "export" / "done.json").unlink(missing_ok=True)
    if other or not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told, indent=1) + "\n")


class Stages:
    """What is run, a method a stage; `names` has them in order."""

    def __init__(self, config: Recipe):
        self.kept: tuple[str, ...] = ()
        if config.start_from:
            config = self._gone_on_from(config)
        self.config, self.out, self.seed, self.device = config, config.out, config.seed, config.device
        self.mixture = config.mixture
        self.minutes = {name: share * config.minutes for name, share in SHARES.items()}
        self.on_gpu = resolve_device(config.device).type == "cuda"
        self.threads = config.threads or Runtime.resolve(config.device).threads
        self.latents = config.autoencoder or f"{config.out}/autoencoder/autoencoder.safetensors"
        self.shown = config.autoencoder or f"{config.out}/decoder/autoencoder.safetensors"
        self.aligned = config.aligned or f"{config.out}/alignment"
        self.supply = supply.Supply(
            self._made(),
            encoding.Encoding(
                data=self.mixture, autoencoder=self.latents, threads=self.threads, device=self.device
            ),
            Path(config.out) / "supply",
        )  # fmt: skip
        given = {"alignment": config.aligned, "autoencoder": config.autoencoder, "decoder": config.autoencoder}
        left_out = {name for name, path in given.items() if path}
        left_out |= set[str]() if TALKS in config.names else {"speech"}
        self.names = [name for name in ORDER if name not in left_out]

    def data(self) -> None:
        first = self.config.ahead or self.config.clips
        next(supply.make_in_rounds(self.supply.made, first / self.config.clips))

    def autoencoder(self) -> None:
        self._supply("make")
        config = self._autoencoder("autoencoder")
        if self.config.start_from:
            weights = Path(self.config.start_from) / "autoencoder.safetensors"
            keep = ",".join(f"{self.config.data}/{name}" for name in self.kept)
            config = replace(config, start_from=str(weights), keep=keep, keep_batch=max(1, config.batch // 8))
        autoencoder.train(config)

    def encode(self) -> None:
        self._supply("make")
        _exhaust(encoding.encode(self.supply.encoded))

    def alignment(self) -> None:
        names = self.config.names
        config = alignment.AlignmentConfig(
            out=self.aligned, worlds=names, steps=6000, minutes=self.minutes["alignment"],
            sentences=20_000 * len(names), seed=self.seed, threads=self.threads, device=self.device,
            start_from=self.config.start_from, keep=self.kept,
        )  # fmt: skip
        alignment.train(config)

    def video(self) -> None:
        self._supply("make", "encode")
        begun = video.VideoTraining(
            tune=True, aligned=self.aligned, start_from=self.config.start_from, minutes=self.minutes["video"]
        )
        video.train(self._drawn(begun, "video"))

    def speech(self) -> None:
        config = speech.SpeechConfig(
            data=f"{self.config.data}/{TALKS}", world=TALKS, aligned=f"{self.out}/video", out=f"{self.out}/speech",
            kept=self.mixture, keep=8.0, steps=ENDLESS, minutes=self.minutes["speech"], seed=self.seed,
            threads=self.threads, device=self.device,
        )  # fmt: skip
        speech.train(config)

    def rollout(self) -> None:
        """On what the backbone tells by now, which no longer changes."""
        self._supply("make", "encode")
        told = f"{self.out}/{'speech' if 'speech' in self.names else 'video'}"
        begun = rollout.RolloutTraining(
            tune=False, aligned=told, start_from=f"{self.out}/video", minutes=self.minutes["rollout"]
        )
        rollout.train(self._drawn(begun, "rollout"))

    def decoder(self) -> None:
        """Alone, as the encoder's latents are what the video model has learned by now."""
        autoencoder.train(replace(self._autoencoder("decoder"), start_from=self.latents, decoder_only=True))

    def export(self) -> None:
        made, config = f"{self.out}/rollout", self.config
        export.export(
            export.ExportConfig(
                video=made, aligned=made, autoencoder=self.shown, worlds=config.names, novelty=config.novelty,
                out=config.shipped, expert=config.expert, bits=config.bits,
            )
        )  # fmt: skip

    def _made(self) -> tuple[data_stage.DataConfig, ...]:
        """What data is made: long episodes for memory, short ones for many scenes."""
        config = self.config

        def made(folder: str, clips: int, length: int, seed: int) -> data_stage.DataConfig:
            out = folder if len(config.names) > 1 else f"{folder}/{next(iter(config.names))}"
            return data_stage.DataConfig(
                world=config.names, clips=clips, length=length, seed=seed, processes=config.processes, out=out
            )

        long = made(config.data, config.clips, 0, 2 * self.seed)
        if not config.fresh:
            return (long,)
        return long, made(config.data_fresh, max(1, round(config.fresh * config.clips)), _SHORT, 2 * self.seed + 1)

    def _gone_on_from(self, config: Recipe) -> Recipe:
        """The recipe with the sizes of the weights that it starts from, but for what begins silent and can be added."""
        begun = WorldModelConfig.from_dict(checkpoint.load(config.start_from)[0])
        self.kept = tuple(name for name in config.names if name in begun.worlds)
        wanted, known = config.model.transformer, begun.video.transformer
        transformer = replace(known, keyframes=wanted.keyframes, places=known.places or wanted.places)
        return replace(config, model=replace(begun.video, transformer=transformer), decoder=begun.autoencoder)

    def _autoencoder(self, name: str) -> AutoencoderTraining:
        """A stage of the autoencoder with what both of them share."""
        batch, rate, memory = (64, 2e-3, 24.0) if self.on_gpu else (4, 1e-3, 2.0)
        return AutoencoderTraining(
            data=self.mixture, out=f"{self.out}/{name}", steps=ENDLESS, minutes=self.minutes[name],
            seed=self.seed, threads=self.threads, readers=max(2, self.threads), device=self.device,
            model=self.config.decoder, batch=batch, learning_rate=rate, film_memory=memory,
        )  # fmt: skip

    def _supply(self, *jobs: str) -> None:
        """See to it that more data comes, if not all of it is there."""
        if self.config.ahead:
            self.supply.start(*jobs)

    def _drawn(self, stage: Training, name: str) -> Training:
        """A stage of the video model with what all of them share."""
        shared = {"threads": self.threads} if self.on_gpu else {"threads": 1, "processes": self.threads}
        return replace(
            stage, data=self.mixture, autoencoder=self.latents, out=f"{self.out}/{name}", steps=ENDLESS,
            batch=self.config.batch or (256 if self.on_gpu else 16), save_every=500 if self.on_gpu else 100,
            seed=self.seed, device=self.device, model=self.config.model, compile=self.config.compile,
            **shared,
        )  # fmt: skip


def _exhaust(made: Iterator[object]) -> None:
    for _ in made:
        pass
