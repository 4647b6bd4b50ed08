"""From names to a model on its device: what it takes is said first, then parts are loaded, kernels chosen and recorded.

`load` reads published weights; `stand_in.random_parts` makes parts of the same sizes whose weights are random, for
benchmarks where nothing can be downloaded. Both come to `assemble`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from pandora import budget
from pandora.adapter import Adapter
from pandora.checkpoint.manifest import MANIFEST
from pandora.errors import InvalidCheckpoint, InvalidConfig, UnknownName
from pandora.large.compiling import compile_parts
from pandora.large.config import PRESETS, LargeConfig
from pandora.large.model import LargeParts, LargeWorldModel
from pandora.large.needs import needs
from pandora.large.reading import Reader
from pandora.offloading import offload
from pandora.pretrained.autoencoder import TieredAutoencoder, WanAutoencoder, load_autoencoder
from pandora.pretrained.backbone import PretrainedBackbone
from pandora.pretrained.files import locate
from pandora.pretrained.loading import load_backbone
from pandora.pretrained.prompts import PROMPT_TOKENS, PromptEncoder
from pandora.pretrained.published import VIDEO
from pandora.pretrained.published_backbones import BACKBONES
from pandora.pretrained.release import load_release, read_release
from pandora.pretrained.tiny_decoder import TINY_DECODERS
from pandora.pretrained.video import load_transformer
from pandora.quantization import KINDS, QuantizedLinear, quantize
from pandora.runtime import Runtime
from pandora.video import choice, static
from pandora.video.flow import Road, VideoModel
from pandora.video.kernels import find_kernel
from pandora.video.transformer import CausalVideoTransformer, TransformerConfig

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What may make it faster. `attention` is a kernel's name or auto; `quantized` is fp8, int8 or nothing.

    `static` compiles what it can and records the passes of a full window as CUDA graphs: for `batches` of worlds, and
    for `branches` of one state.
    """

    attention: str = "auto"
    quantized: str = ""
    static: bool = True
    batches: tuple[int, ...] = (1,)
    branches: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Raises UnknownName before anything is loaded."""
        if self.quantized and self.quantized not in KINDS:
            raise UnknownName("quantisation", self.quantized, KINDS)
        if self.attention != "auto":
            find_kernel(self.attention)


@dataclass(frozen=True, kw_only=True, eq=False)
class Loaded:
    """The parts that `assemble` composes; those that a config leaves out are None."""

    transformer: CausalVideoTransformer
    autoencoder: WanAutoencoder | TieredAutoencoder
    prompts: PromptEncoder | None = None
    backbone: PretrainedBackbone | None = None
    adapter: Adapter | None = None
    adapter_road: str = "state"


def load(
    config: LargeConfig,
    device: str = "auto",
    dtype: str = "auto",
    speed: Speed | None = None,
    report: Report = lambda line: None,
) -> LargeWorldModel:
    """A model of published parts. `report` hears the memory plan before anything is loaded, then what was chosen.

    Raises InvalidCheckpoint where a part is missing or doesn't fit, InvalidConfig where the device can't hold it.
    """
    runtime, speed = Runtime.resolve(device, dtype), speed or Speed()
    config, loaded = load_parts(config, runtime, speed, report)
    return assemble(config, loaded, runtime, speed, report, fingerprint(config, speed))


def load_parts(config: LargeConfig, runtime: Runtime, speed: Speed, report: Report) -> tuple[LargeConfig, Loaded]:
    """The parts of a config, after the memory plan, and the config as a release has it. Raises as `load`."""
    if config.release:
        config = of_release(config)
    offloaded = plan(config, runtime, speed, report)
    place, weights = str(runtime.device), runtime.dtype
    home = {name: "cpu" if name in offloaded else place for name in ("text encoder", "language model")}
    adapter, adapter_road, release = None, "state", None
    if config.release:
        tuned = load_release(
            config.release, backbone=_given(config, "backbone"), video=_given(config, "video"), dtype=weights,
            device=place,
        )  # fmt: skip
        release, backbone, adapter = tuned.release, tuned.backbone, tuned.adapter
        transformer, adapter_road = tuned.video, tuned.release.road
        if adapter is not None:
            adapter.to(place, weights)
        transformer = transformer or load_transformer(config.video, _shape(config), weights, place)
    else:
        transformer = load_transformer(config.video, _shape(config), weights, place)
        backbone = None
        if config.backbone:
            backbone = load_backbone(config.backbone, config.reading, weights, home["language model"])
    prompts = None
    if config.prompts and not (release and release.road == "text"):
        length = release.prompt_tokens if release else PROMPT_TOKENS
        prompts = PromptEncoder.from_pretrained(config.prompts, weights, home["text encoder"], length)
    for name, module in (
        ("text encoder", prompts and prompts.encoder),
        ("language model", backbone and backbone.model),
    ):
        if module is not None and name in offloaded:
            offload(module, runtime.device)
    if backbone is not None:
        backbone.queries_QD.data = backbone.queries_QD.data.to(runtime.device)
    loaded = Loaded(
        transformer=transformer, prompts=prompts, backbone=backbone, adapter=adapter, adapter_road=adapter_road,
        autoencoder=load_autoencoder(config.autoencoder, config.tiny_decoder or None, weights, place),
    )  # fmt: skip
    return config, loaded


def of_release(config: LargeConfig) -> LargeConfig:
    """The config with what a release was trained for: its past and how it samples. Raises InvalidCheckpoint."""
    place = locate(config.release, ("*.safetensors", "*.json", "README.md"))
    release = read_release(place)
    if not release.video.name:
        raise InvalidCheckpoint(
            f"{config.release} has no video model: it is an alignment. Go on from it: pandora train instruction "
            f"--start-from {config.release}"
        )
    past = release.past
    return replace(
        config, release=str(place.resolve()), chunk=past.chunk, window=past.history, sink=past.sink,
        time_shift=past.time_shift, sampler=past.sampler, told_past=False,
    )  # fmt: skip


def assemble(
    config: LargeConfig,
    loaded: Loaded,
    runtime: Runtime,
    speed: Speed | None = None,
    report: Report = lambda line: None,
    fingerprint: str = "untrained",
) -> LargeWorldModel:
    """Compose the parts, choose and record kernels, and say so. Raises InvalidConfig."""
    speed, transformer = speed or Speed(), loaded.transformer
    road = _open(config, loaded)
    _check_fit(loaded)
    if config.sampler == "flow_map" and not transformer.config.flow_map:
        report("sampler: euler, since this transformer knows no flow map")
        config = replace(config, sampler="euler")
    if runtime.device.type == "cuda":
        torch.cuda.set_device(runtime.device)  # streams and graphs belong to the thread's current device
    with torch.device("meta"):
        video = VideoModel(config.video_config(transformer.config, road))
    video.transformer = transformer
    if speed.quantized and not any(isinstance(part, QuantizedLinear) for part in transformer.modules()):
        report(str(quantize(transformer, speed.quantized)))
    cells = config.height // loaded.autoencoder.spatial, config.width // loaded.autoencoder.spatial
    _, rows, columns = transformer.config.patch_size
    tokens = (cells[0] // rows) * (cells[1] // columns)
    context = loaded.prompts.length if loaded.prompts else 64
    shapes = choice.shapes_of(transformer.config, config.chunk * tokens, config.window * tokens, context)
    found = choice.choose(speed.attention, device=runtime.device, dtype=runtime.dtype, shapes=shapes)
    choice.install(transformer, found)
    report(str(found))
    reader = Reader(loaded.prompts, loaded.backbone, loaded.adapter, loaded.adapter_road, config.rewrite)
    parts = LargeParts(reader=reader, video=video, autoencoder=loaded.autoencoder)
    model = LargeWorldModel(config, parts, runtime, fingerprint)
    for module in model.modules().values():
        module.eval().requires_grad_(False)
    if speed.static:
        static.accelerate(video, _steps(video, loaded, cells, context, speed), report)
        compile_parts(model, report)
    return model


def plan(config: LargeConfig, runtime: Runtime, speed: Speed, report: Report) -> tuple[str, ...]:
    """Say what the model takes of the device, and which parts must leave it. Raises InvalidConfig where it can't fit.

    Parts that are no published names are not counted, which is said.
    """
    unknown = [
        name for name, known in ((config.video, VIDEO), (config.backbone, BACKBONES)) if name and name not in known
    ]
    if unknown:
        report(f"memory: not planned, for the sizes of {', '.join(unknown)} are known only once they are loaded")
        return ()
    made = needs(
        config, 8 if speed.quantized else 8 * runtime.dtype.itemsize, speed.static and runtime.device.type == "cuda",
        runtime.dtype, rows=max((*speed.batches, *speed.branches)), branches=bool(speed.branches),
    )  # fmt: skip
    if runtime.device.type != "cuda":
        report(f"memory: {made.device_bytes / budget.GIB:.1f} GiB, on the CPU")
        if not made.fits(room := host_bytes()):
            raise InvalidConfig(
                f"{config.name} needs {made.device_bytes / budget.GIB:.0f} GiB, and this machine has "
                f"{room / budget.GIB:.0f} GiB and no GPU. `pandora memory --preset {config.name}` says which GPUs "
                "hold it."
            )
        return ()
    free, _ = torch.cuda.mem_get_info(runtime.device)
    made = made.fit(free)
    for line in made.rows():
        report("memory: " + "  ".join(filter(None, line)))
    return made.offloaded


def host_bytes() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _shape(config: LargeConfig) -> TransformerConfig | None:
    """Of a file that lies without its config.json; None where the checkpoint says it itself."""
    path = Path(config.video)
    if config.shape and path.is_file() and not (path.parent / "config.json").exists():
        return VIDEO[config.shape].transformer
    return None


def _given(config: LargeConfig, part: str) -> str:
    """Where a part lies that was asked for by name; nothing where it is the preset's, as a release names its own."""
    usual = PRESETS[config.name]() if config.name in PRESETS else None
    value = getattr(config, part)
    return "" if usual is not None and value == getattr(usual, part) else value


def _open(config: LargeConfig, loaded: Loaded) -> Road:
    """The road that is asked for, or the one that the parts are for. Raises InvalidConfig where a part is missing."""
    trained = loaded.adapter_road if loaded.adapter is not None else ""
    has = {
        "text": loaded.prompts is not None or trained == "text",
        "state": loaded.transformer.config.state_dim is not None and trained in ("state", "both"),
    }
    usual = trained if loaded.adapter is not None and trained else "text" if has["text"] else "off"
    road: Any = usual if config.road == "auto" else config.road
    wanted = {"text": ("text",), "state": ("state",), "both": ("text", "state"), "off": ()}[road]
    if missing := [one for one in wanted if not has[one]]:
        parts = {"text": "a text encoder (prompts)", "state": "a release that trained a state road"}
        raise InvalidConfig(
            f"The road {road!r} needs {' and '.join(parts[one] for one in missing)}, and the model has none. "
            f"Open here: {', '.join(['off', *(one for one in has if has[one])])}."
        )
    return road


def _check_fit(loaded: Loaded) -> None:
    """Raises InvalidConfig where parts don't fit each other."""
    config, channels = loaded.transformer.config, loaded.autoencoder.latent_channels
    if config.in_channels != channels:
        raise InvalidConfig(
            f"The video transformer draws {config.in_channels} latent channels, and the autoencoder has {channels}. "
            "Name the autoencoder that it was trained with."
        )
    width = None if loaded.prompts is None else loaded.prompts.width
    if width is not None and width != config.text_dim:
        raise InvalidConfig(
            f"The video transformer reads text tokens of width {config.text_dim}, and the text encoder's have {width}. "
            "Name the text encoder that it was trained with."
        )


def _steps(video: VideoModel, loaded: Loaded, cells: tuple[int, int], context: int, speed: Speed) -> list[static.Step]:
    """The steps to record: of worlds whose windows are full, and of branches that share one.

    Each length of the past has memory of its own, so those on the way there, a few clips, run as they are.
    """
    config, adapter = video.config, loaded.adapter
    spoken = None if adapter is None else adapter.config.context_tokens
    text = state = None
    if config.road in ("text", "both"):
        encoded = None if loaded.prompts is None else context
        text = spoken if adapter is not None and loaded.adapter_road == "text" else encoded
    if config.road in ("state", "both"):
        state = spoken
    steps = static.steps_of(config, *cells, batches=speed.batches, text=text, state=state)
    shared = [replace(steps[0], batch=number, shared=config.history) for number in speed.branches if number > 1]
    return [*steps, *shared]


def fingerprint(config: LargeConfig, speed: Speed) -> str:
    """Of the settings and of what every weight file holds: what makes two models give other frames.

    A release's manifest knows its files and its bases; of published files names, sizes, headers and samples are taken.
    """
    kept = {name: value for name, value in config.to_dict().items() if name not in _PLACES}
    told = [repr(sorted(kept.items())), speed.quantized]
    if config.release:
        told.append((Path(config.release) / MANIFEST).read_text())
    for name, patterns in _PLACES.items():
        source = getattr(config, name)
        if source and name != "release" and not (config.release and name in ("backbone", "video")):
            told += _digests(source, patterns)
    return sha256("\n".join(told).encode()).hexdigest()


_PLACES = {
    "backbone": ("*.safetensors",), "video": ("transformer/*.safetensors", "*.safetensors"),
    "prompts": ("text_encoder/*.safetensors", "*.safetensors"), "autoencoder": ("vae/*.safetensors", "*.safetensors"),
    "tiny_decoder": ("*.safetensors",), "release": (),
}  # fmt: skip
_SAMPLES, _SAMPLE = 16, 2**16  # of a file, and their bytes


def _digests(source: str, patterns: tuple[str, ...]) -> list[str]:
    """Of the files of a part: those of the first pattern that the place has."""
    known: Any = VIDEO.get(source) or BACKBONES.get(source) or TINY_DECODERS.get(source)
    place = locate(known.repository if known else source)
    own = getattr(known, "files", None) or getattr(known, "file", None)
    found = [sorted(place.glob(pattern)) for pattern in ((own,) if own else patterns)]
    files = [place] if place.is_file() else next(filter(None, found), [])
    digests = []
    for path in files:
        size, content = path.stat().st_size, sha256()
        with path.open("rb") as file:
            content.update(file.read(8 + int.from_bytes(file.read(8), "little")))
            for sample in range(_SAMPLES):
                file.seek(size * sample // _SAMPLES)
                content.update(file.read(_SAMPLE))
        digests.append(f"{path.name} {size} {content.hexdigest()}")
    return digests
