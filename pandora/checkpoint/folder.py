"""Save modules into a weights folder and load them back.

A part `video` is `video.safetensors`, or `video-1-of-2.safetensors` and so on where one file would be too large to
keep in a repository. Tensors that several keys share are stored once.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pandora.checkpoint.compact import Bits, pack, unpack
from pandora.checkpoint.manifest import experts, fingerprint, read_manifest, verify, write_manifest
from pandora.errors import InvalidCheckpoint

CONFIG = "config.json"
MAX_FILE_BYTES = 16_000_000
_SHARD_BYTES = 15_000_000  # of tensors; the rest is for the header
_PART = re.compile(r"(?P<name>[\w.]+?)(-\d+-of-\d+)?\.safetensors")

State = dict[str, Tensor]


def save(
    folder: str | Path,
    modules: Mapping[str, nn.Module],
    config: Mapping[str, Any],
    bits: Bits | None = 16,
) -> Path:
    """Write each module's weights, the config and the manifest; other files of the folder stay and are recorded too.

    Floating-point tensors are stored as float16, with 8 or 6 `bits` the matrices among them as whole numbers with
    scales beside them (`pandora.checkpoint.compact`), and with None as they are. Raises InvalidCheckpoint where a value
    doesn't fit, or a tensor no file.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in modules.items():
        state, shared = _unshare(module.state_dict())
        dtype = torch.float16 if bits == 16 else None
        stored = {key: _store(f"{name}: {key}", value, dtype) for key, value in state.items()}
        stored = stored if bits is None else pack(stored, bits)
        _write_shards(folder, name, stored, {"shared": json.dumps(shared)})
    draft = folder / f".{CONFIG}.draft"
    draft.write_text(json.dumps(config, indent=2) + "\n")
    draft.replace(folder / CONFIG)
    write_manifest(folder)
    return folder


def load(folder: str | Path, *, check: bool = True, device: str = "cpu") -> tuple[dict[str, Any], dict[str, State]]:
    """The config, and by part name the stored tensors: in their stored dtype, those in few bits as float32.

    With `check` every file is compared with the manifest first. Raises InvalidCheckpoint.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidCheckpoint(f"There is no folder of weights at {folder}. Give one such as weights/pandora-small.")
    if check:
        verify(folder)
    try:
        config = json.loads((folder / CONFIG).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidCheckpoint(f"{folder / CONFIG} can't be read: {error}. Fetch the folder again.") from error
    stored: dict[str, State] = {}
    shared: dict[str, dict[str, str]] = {}
    for file in sorted(read_manifest(folder)):
        if match := _PART.fullmatch(file):
            tensors, owners = _stored(folder / file, device)
            stored.setdefault(match["name"], {}).update(tensors)  # a matrix and its scales may lie in two files
            shared.setdefault(match["name"], {}).update(owners)
    return config, {name: _whole(tensors, shared[name]) for name, tensors in stored.items()}


def fingerprint_for(folder: str | Path, world: str) -> str:
    """The `fingerprint` of the weights that draw that kind of world: an expert's that knows it, or the folder's own."""
    for place in experts(folder).values():
        if world in json.loads((place / CONFIG).read_text()).get("worlds", ()):
            return fingerprint(place)
    return fingerprint(folder)


def fill(module: nn.Module, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Copy stored tensors into a module, every key and shape exactly. Raises InvalidCheckpoint, naming what differs."""
    own = module.state_dict()
    faults = [
        f"{verdict} {len(keys)} tensors ({', '.join(keys[:5])}{', …' if len(keys) > 5 else ''})"
        for verdict, keys in {
            "it lacks": sorted(own.keys() - state.keys()),
            "the model has no place for": sorted(state.keys() - own.keys()),
            "of another shape are": [
                f"{key}: {list(state[key].shape)} instead of {list(own[key].shape)}"
                for key in sorted(own.keys() & state.keys())
                if own[key].shape != state[key].shape
            ],
            "whole numbers without their scale are": [
                key
                for key in sorted(own.keys() & state.keys())
                if own[key].is_floating_point() and not state[key].is_floating_point()
            ],
        }.items()
        if keys
    ]
    if faults:
        raise InvalidCheckpoint(f"{source} doesn't fit its config: {'; '.join(faults)}.")
    module.load_state_dict(state, strict=True)


def read_sizes(folder: str | Path) -> dict[str, tuple[int, int]]:
    """By part name: how many stored numbers, and bytes on disk. Raises InvalidCheckpoint."""
    stored: dict[str, State] = {}
    sizes: dict[str, int] = {}
    for file in sorted(read_manifest(folder)):
        if match := _PART.fullmatch(file):
            name, path = match["name"], Path(folder) / file
            stored.setdefault(name, {}).update(_stored(path, "cpu")[0])
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    return {name: (sum(one.numel() for one in unpack(stored[name]).values()), size) for name, size in sizes.items()}


def _unshare(state: Mapping[str, Tensor]) -> tuple[State, dict[str, str]]:
    """One key for each memory, and which other keys point to it, e.g. tied embeddings."""
    kept: State = {}
    shared: dict[str, str] = {}
    owners: dict[tuple[object, ...], str] = {}
    for key, tensor in state.items():
        memory = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride())
        owner = owners.setdefault(memory, key) if tensor.numel() else key
        if owner == key:
            kept[key] = tensor
        else:
            shared[key] = owner
    return kept, shared


def _store(name: str, tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    stored = tensor.detach().to("cpu", dtype if tensor.is_floating_point() else None).contiguous().clone()
    if stored.is_floating_point() and not stored.isfinite().all():
        raise InvalidCheckpoint(f"{name} has values that {stored.dtype} can't hold. Save with a wider dtype.")
    return stored


def _write_shards(folder: Path, name: str, state: State, metadata: dict[str, str]) -> None:
    shards: list[State] = [{}]
    room = _SHARD_BYTES
    for key, tensor in state.items():
        if shards[-1] and tensor.nbytes > room:
            shards.append({})
            room = _SHARD_BYTES
        shards[-1][key] = tensor
        room -= tensor.nbytes
    names = [f"{name}-{index}-of-{len(shards)}" for index in range(1, len(shards) + 1)] if len(shards) > 1 else [name]
    drafts = [folder / f".{stem}.draft" for stem in names]
    try:
        for draft, shard in zip(drafts, shards, strict=True):
            save_file(shard, draft, metadata)
            if (size := draft.stat().st_size) > MAX_FILE_BYTES:
                largest = max(shard, key=lambda key: shard[key].nbytes)
                raise InvalidCheckpoint(
                    f"{name} needs a file of {size:,} bytes for {largest}; at most {MAX_FILE_BYTES:,} are allowed. "
                    f"Save with a narrower dtype or make the tensor smaller."
                )
        for old in folder.glob("*.safetensors"):
            if (match := _PART.fullmatch(old.name)) and match["name"] == name:
                old.unlink()
        for draft, stem in zip(drafts, names, strict=True):
            draft.replace(folder / f"{stem}.safetensors")
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)


def read(path: Path, device: str = "cpu") -> State:
    """The tensors of one stored file. Raises InvalidCheckpoint."""
    return _whole(*_stored(path, device))


def _stored(path: Path, device: str) -> tuple[State, dict[str, str]]:
    """The tensors of a file as they lie in it, and which further keys share those of others."""
    try:
        with safe_open(path, framework="pt", device=device) as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a mapping)
            shared = json.loads((file.metadata() or {}).get("shared", "{}"))
            if not isinstance(shared, dict) or not all(isinstance(owner, str) for owner in shared.values()):
                raise ValueError("its list of shared tensors is none")
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise InvalidCheckpoint(f"{path} can't be read as safetensors: {error}. Fetch it again.") from error
    return state, shared


def _whole(stored: State, shared: Mapping[str, str]) -> State:
    state = unpack(stored)
    return state | {key: state[owner] for key, owner in shared.items() if owner in state}
