"""From names to a model on its device: what it takes is said first, then parts are loaded, kernels chosen and recorded.

`load` reads published weights; `stand_in` makes a model of the same parts and sizes whose weights are random, for
benchmarks where nothing can be downloaded. Both end in `assemble`.
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
from pandora.errors import InvalidConfig
from pandora.large.config import PRESETS, LargeConfig
from pandora.large.model import LargeParts, LargeWorldModel
from pandora.large.needs import needs
from pandora.large.reading import Reader
from pandora.offloading import offload
from pandora.pretrained.autoencoder import TieredAutoencoder, WanAutoencoder, load_autoencoder
from pandora.pretrained.backbone import PretrainedBackbone
from pandora.pretrained.files import locate
from pandora.pretrained.loading import load_backbone
from pandora.pretrained.prompts import PromptEncoder
from pandora.pretrained.published import VIDEO
from pandora.pretrained.published_backbones import BACKBONES
from pandora.pretrained.release import load_release
from pandora.pretrained.video import load_transformer
from pandora.quantization import quantize
from pandora.runtime import Runtime
from pandora.types import Sampler
from pandora.video import choice, static
from pandora.video.flow import VideoModel
from pandora.video.transformer import CausalVideoTransformer, TransformerConfig

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What may make it faster. `attention` is a kernel's name or auto; `quantized` is fp8, int8 or nothing.

    `static` records the passes of one world as CUDA graphs, and with `branches` those of that many from one state.
    """

    attention: str = "auto"
    quantized: str = ""
    static: bool = True
    branches: int = 0


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
        prompts = PromptEncoder.from_pretrained(config.prompts, weights, home["text encoder"])
    for name, module in (
        ("text encoder", prompts and prompts.encoder),
        ("language model", backbone and backbone.model),
    ):
        if module is not None and name in offloaded:
            offload(module, runtime.device)
    loaded = Loaded(
        transformer=transformer, prompts=prompts, backbone=backbone, adapter=adapter, adapter_road=adapter_road,
        autoencoder=load_autoencoder(config.autoencoder, config.tiny_decoder or None, weights, place),
    )  # fmt: skip
    return assemble(config, loaded, runtime, speed, report, _fingerprint(config))


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
    _check_roads(config, loaded)
    with torch.device("meta"):
        video = VideoModel(config.video_config(transformer.config))
    video.transformer = transformer
    if speed.quantized:
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
    for module in (video, loaded.autoencoder, loaded.adapter):
        if module is not None:
            module.eval().requires_grad_(False)
    model = LargeWorldModel(config, parts, runtime, fingerprint)
    if speed.static:
        static.accelerate(video, _steps(video, loaded, cells, context, speed), report)
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
        runtime.dtype, rows=max(1, speed.branches), branches=speed.branches > 1,
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


def _check_roads(config: LargeConfig, loaded: Loaded) -> None:
    """Raises InvalidConfig where the config opens a road for which there is no part."""
    trained = loaded.adapter_road if loaded.adapter is not None else ""
    has = {
        "text": loaded.prompts is not None or trained in ("text", "both"),
        "state": loaded.transformer.config.state_dim is not None and trained in ("state", "both"),
    }
    wanted = {"text": ("text",), "state": ("state",), "both": ("text", "state"), "off": ()}[config.road]
    if missing := [road for road in wanted if not has[road]]:
        parts = {"text": "a text encoder (prompts)", "state": "a release that trained a state road"}
        raise InvalidConfig(
            f"The road {config.road!r} needs {' and '.join(parts[road] for road in missing)}, and the model has none. "
            f"Open here: {', '.join(['off', *(road for road in has if has[road])])}."
        )


def _steps(video: VideoModel, loaded: Loaded, cells: tuple[int, int], context: int, speed: Speed) -> list[static.Step]:
    """The steps to record: of a world whose window is full, and of branches that share it.

    Each length of the past has memory of its own, so those on the way there, a few clips, run as they are.
    """
    config, adapter = video.config, loaded.adapter
    text = context if config.road in ("text", "both") and loaded.prompts is not None else None
    state = adapter.config.context_tokens if adapter is not None and config.road in ("state", "both") else None
    steps = static.steps_of(config, *cells, text=text, state=state)
    if speed.branches > 1:
        steps.append(replace(steps[-1], batch=speed.branches, shared=config.history))
    return steps


def _fingerprint(config: LargeConfig) -> str:
    """Of the settings and of every weight file's size and header: what makes two models give other frames."""
    told = [repr(sorted(config.to_dict().items()))]
    for name in filter(None, (config.backbone, config.video, config.autoencoder, config.prompts, config.release)):
        known: Any = VIDEO.get(name) or BACKBONES.get(name)
        place = locate(known.repository if known else name)
        for path in [place] if place.is_file() else sorted(place.rglob("*.safetensors")):
            with path.open("rb") as file:
                header = file.read(8)
                names = sha256(file.read(int.from_bytes(header, "little"))).hexdigest()
            told.append(f"{path.name} {path.stat().st_size} {names}")
    return sha256("\n".join(told).encode()).hexdigest()


def warm(model: LargeWorldModel, clips: int = 3) -> None:
    """Run a few clips of a grey world, so that the first user does not wait for kernels."""
    grey = torch.full((model.config.height, model.config.width, 3), 128, dtype=torch.uint8).numpy()
    state = model.begin(grey)
    for _ in range(clips):
        state, _ = model.step(state, "wait", Sampler(steps=model.config.steps))
