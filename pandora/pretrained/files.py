"""A checkpoint's files, by hub name or folder: safetensors only, in one piece or in shards with an index."""

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from pandora.errors import InvalidCheckpoint

_PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl")


def locate(name_or_folder: str | Path, patterns: tuple[str, ...] = ("*.safetensors", "*.json")) -> Path:
    """The folder itself, or what the hub holds of that name in the local cache, fetched if need be.

    Raises InvalidCheckpoint where there is neither.
    """
    folder = Path(name_or_folder).expanduser()
    if folder.exists():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(str(name_or_folder), allow_patterns=list(patterns)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise InvalidCheckpoint(
            f"{name_or_folder} is no folder here, and the hub does not give it ({_first_line(error)}). "
            "Give a folder with config.json and safetensors, or a repository name such as "
            "Wan-AI/Wan2.1-T2V-1.3B-Diffusers; HF_TOKEN opens gated ones."
        ) from error


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no more is said'}"


def read_json(path: Path) -> dict[str, Any]:
    """Raises InvalidCheckpoint."""
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidCheckpoint(f"{path} can't be read: {error}.") from error
    if not isinstance(values, dict):
        raise InvalidCheckpoint(f"{path} holds no JSON object.")
    return values


def read_tensors(place: Path, pattern: str = "*.safetensors", device: str = "cpu") -> dict[str, Tensor]:
    """Every tensor of a safetensors file, or of the folder's files that fit the pattern.

    Shards must be all there, as their index lists them, and none may hold a key twice. Raises InvalidCheckpoint.
    """
    paths = [place] if place.is_file() else sorted(p for p in place.rglob("*") if _fits(p, place, pattern))
    if not paths or any(path.suffix in _PICKLES for path in paths):
        raise InvalidCheckpoint(_nothing(place, pattern))
    tensors: dict[str, Tensor] = {}
    for path in paths:
        try:
            with safe_open(str(path), "pt", device=device) as file:
                for key in file.keys():  # noqa: SIM118  (not a mapping)
                    if key in tensors:
                        raise InvalidCheckpoint(f"{key} is in more than one file of {place}. Name the file to read.")
                    tensors[key] = file.get_tensor(key)
        except (OSError, SafetensorError) as error:
            raise InvalidCheckpoint(f"{path} can't be read as safetensors: {error}. Fetch it again.") from error
    for index in {path.parent for path in paths}:
        _check_index(index, tensors)
    return tensors


def _fits(path: Path, place: Path, pattern: str) -> bool:
    relative = path.relative_to(place).as_posix()
    return path.is_file() and (fnmatch(relative, pattern) or fnmatch(path.name, pattern))


def _check_index(folder: Path, tensors: dict[str, Tensor]) -> None:
    for path in folder.glob("*.safetensors.index.json"):
        listed = read_json(path).get("weight_map", {})
        lacking = sorted(set(listed) - set(tensors))
        if lacking:
            files = sorted({listed[key] for key in lacking})
            raise InvalidCheckpoint(f"{folder} lacks {', '.join(files[:4])}, which {path.name} lists. Fetch it again.")


def _nothing(place: Path, pattern: str) -> str:
    everything = [place] if place.is_file() else place.rglob("*")
    pickles = sorted(path.name for path in everything if path.suffix in _PICKLES)
    if pickles:
        return (
            f"{place} holds {', '.join(pickles[:3])}: pickled files, which can run any program when opened and are "
            "never read here. Where you trust them, write them anew: safetensors.torch.save_file("
            "torch.load(PATH, weights_only=True, map_location='cpu'), 'model.safetensors')."
        )
    return f"{place} has no file {pattern}. Give a folder with the weights as safetensors."
