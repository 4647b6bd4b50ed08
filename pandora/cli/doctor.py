"""`pandora doctor`: what this installation runs on, what fits, and whether weights, codecs and store are in order."""

import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pandora import __version__
from pandora.cli.options import Weights
from pandora.errors import PandoraError

if TYPE_CHECKING:
    from pandora.runtime import Runtime

CHECKS = "pandora.checks"  # entry points of other packages: functions that say what is, and raise what is wrong
_INDENT = "\n" + " " * 15
_VIDEO = "self-forcing-1.3b"
_LIBRARIES = ("torch", "diffusers", "transformers", "peft", "safetensors", "fastapi", "av", "pillow", "xformers")


def doctor(weights: Weights) -> None:
    """Print versions, devices, attention kernels and what fits; verify weights, codecs and the store.

    The exit code is 2 if one of these is not in order.
    """
    _line("pandora", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name in _LIBRARIES:
        _line(name, _version(name))
    import torch

    from pandora.runtime import Runtime, usable_cores

    runtime = Runtime.resolve()
    _line("runtime", f"{runtime} (usable cores: {usable_cores()})")
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        _line(f"cuda:{index}", f"{device.name}, {device.total_memory / 2**30:.0f} GiB")
    plugins = sorted(entry_points(group=CHECKS), key=lambda plugin: plugin.name)
    found = [_check("attention", lambda: _attention(runtime))]
    for kind, state in _quantised(runtime):
        _line(kind, state)
    _line("presets", _fits())
    found += [_check("weights", lambda: _verified(weights)), _check("h264", _h264)]
    found += [_check(plugin.name, lambda plugin=plugin: plugin.load()()) for plugin in plugins]
    if any(found):
        raise PandoraError("Not in order: " + " ".join(wrong for wrong in found if wrong))


def _check(name: str, check: Callable[[], str]) -> str | None:
    """Print what a check says; what is wrong, if something is."""
    try:
        _line(name, check())
    except (PandoraError, OSError, ImportError) as error:
        _line(name, "not in order, see below")
        return f"{name}: {error}"
    return None


def _attention(runtime: "Runtime") -> str:
    """The kernel that is chosen, at the shapes of a published transformer on a GPU, and why. Raises InvalidConfig."""
    from pandora.pretrained.published import published_video
    from pandora.video.choice import choose, describe, shapes_of, survey

    config = published_video(_VIDEO).transformer
    shapes = shapes_of(config, tokens=4680, past=14_040, context=512)  # 480 x 832, 12 frames
    choice = choose(device=runtime.device, dtype=runtime.dtype, shapes=shapes)
    findings = choice.findings if len(choice.findings) > 1 else survey(runtime.device, runtime.dtype)
    return _INDENT.join([str(choice).removeprefix("attention: "), *describe(findings)])


def _quantised(runtime: "Runtime") -> list[tuple[str, str]]:
    """Every kind of 8-bit linear layer, and whether it can be used."""
    from pandora.quantization import KINDS, unavailable

    works = f"linear layers work on {runtime.device}; off unless asked for"
    return [(kind, unavailable(kind, runtime.device) or works) for kind in KINDS]


def _fits() -> str:
    """What the presets of published parts need, and on which cards they fit; those that need the same in one line."""
    from pandora.budget import CARDS, GIB
    from pandora.cli.memory import device_bytes
    from pandora.large.config import PRESETS
    from pandora.large.needs import needs

    sizes = {card: size * GIB for card, size in CARDS.items()}
    if own := device_bytes():
        sizes = {"this GPU": own} | sizes
    names: dict[str, list[str]] = {}
    for name, make in PRESETS.items():
        plan, verdicts = needs(make()), dict[str, list[str]]()
        for card, size in sizes.items():
            verdicts.setdefault(plan.verdict(size), []).append(card)
        said = "; ".join(f"{verdict} on {', '.join(cards)}" for verdict, cards in verdicts.items())
        names.setdefault(f"{plan.device_bytes / GIB:.0f} GiB; {said}", []).append(name)
    return _INDENT.join(f"{', '.join(same)}: {said}" for said, same in names.items())


def _h264() -> str:
    """A frame through the encoder that films and streams need. Raises PandoraError."""
    import av

    try:
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = 64, 64, "yuv420p"
        data = b"".join(bytes(p) for f in (av.VideoFrame(64, 64, "yuv420p"), None) for p in encoder.encode(f))
    except (av.FFmpegError, ValueError) as error:
        raise PandoraError(f"ffmpeg has no libx264 here ({error}). Install PyAV's own wheel: pip install av") from error
    return f"libx264 works, {len(data)} bytes for a frame; ffmpeg {av.ffmpeg_version_info}"


def _verified(weights: Path) -> str:
    from pandora import checkpoint
    from pandora.scenes import read_scenes

    config, states = checkpoint.load(weights)
    count = sum(tensor.numel() for state in states.values() for tensor in state.values())
    name, scenes = config.get("name", weights.name), len(read_scenes(weights))
    return (
        f"{name} in {weights}: whole, {count / 1e6:.1f} million parameters, {scenes} scenes, "
        f"fingerprint {checkpoint.fingerprint(weights)[:16]}"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _line(name: str, text: str) -> None:
    typer.echo(f"{name:14} {text}")
