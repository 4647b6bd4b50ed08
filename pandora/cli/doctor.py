"""`pandora doctor`: what this installation runs on, and whether the weights are whole."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from pandora import __version__
from pandora.cli.options import Weights

_LIBRARIES = ("torch", "diffusers", "transformers", "peft", "safetensors", "fastapi", "av", "pillow", "xformers")


def doctor(weights: Weights) -> None:
    """Print versions and devices, and verify the weights; exit code 2 if they are damaged."""
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
    _line("weights", _verified(weights))


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
