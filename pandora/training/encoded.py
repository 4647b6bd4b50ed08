"""Encoded shards: what the video stages read of a shard of films. One safetensors file beside each tar.

    latents  float16 (frames of latents, C, h, w)  of all episodes, one after the other: 1 + clips * chunk of each
    frames   uint8 (clips, H, W, 3)                the picture before each action, which the backbone looks at
    labels   uint8 (bytes)                         the labels of the episodes as JSON lines

Rows are read when they are asked for: a hundred thousand clips cost no memory but their labels.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor

from pandora.errors import InvalidInput

SUFFIX = ".safetensors"
_TYPES = {"F16": np.dtype("<f2"), "U8": np.dtype("u1")}
_PARTS = ("latents", "frames", "labels")


def write_encoded(
    path: Path,
    latents: Sequence[NDArray[np.float16]],
    frames: Sequence[NDArray[np.uint8]],
    labels: Sequence[Mapping[str, Any]],
    made_of: Mapping[str, str],
) -> None:
    """Of each episode its latents (L, C, h, w), its pictures (clips, H, W, 3) and its label; appears whole."""
    lines = "\n".join(map(json.dumps, labels)).encode()
    tensors = {
        "latents": np.concatenate(latents) if latents else np.zeros((0, 1, 1, 1), np.float16),
        "frames": np.concatenate(frames) if frames else np.zeros((0, 1, 1, 3), np.uint8),
        "labels": np.frombuffer(lines, np.uint8),
    }
    rows = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    save_file(rows, part := path.with_suffix(".encoding"), metadata=dict(made_of))
    os.replace(part, path)


class Encoded:
    """One encoded shard, opened for reading. Raises InvalidInput where it can't be read."""

    def __init__(self, path: Path):
        self.path = path
        try:
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(length))
            self.made_of: dict[str, str] = header.get("__metadata__", {})
            self._parts = {name: (8 + length + header[name]["data_offsets"][0], header[name]) for name in _PARTS}
            lines = bytes(self._rows("labels", 0, self._parts["labels"][1]["shape"][0])).decode().split("\n")
            self.labels: list[dict[str, Any]] = [json.loads(line) for line in lines if line]
        except (OSError, KeyError, ValueError) as error:
            raise InvalidInput(
                f"{path} is no encoded shard of this version ({error}). Encode anew: pandora data encode --data "
                f"{path.parent}. Data of an earlier layout (NNNNN.npy) has to be made again, in another folder."
            ) from error
        self.clips = [len(label["actions"]) for label in self.labels]
        self._first_clip = np.cumsum([0, *self.clips]).tolist()

    @property
    def chunk(self) -> int:
        """Latent frames of an action."""
        total = self._parts["latents"][1]["shape"][0]
        return (total - len(self.clips)) // max(1, sum(self.clips))

    def begin(self, row: int) -> tuple[int, int]:
        """Where an episode begins: the number of its first latent frame in the shard, and of its first picture."""
        clip = self._first_clip[row]
        return row + clip * self.chunk, clip

    def latents(self, row: int, first: int, last: int) -> Tensor:
        """Frames `first` to `last` (exclusive) of an episode's latents: (C, last - first, h, w) float32."""
        begin, _ = self.begin(row)
        return torch.from_numpy(self._rows("latents", begin + first, begin + last).astype(np.float32)).movedim(0, 1)

    def frame(self, row: int, clip: int) -> NDArray[np.uint8]:
        """The picture before an action: (H, W, 3) uint8."""
        _, begin = self.begin(row)
        return self._rows("frames", begin + clip, begin + clip + 1)[0]

    def everything(self) -> tuple[Tensor, Tensor]:
        """All latents (F, C, h, w) float16 and all pictures (clips, H, W, 3) uint8 of the shard."""
        latents, frames = (self._rows(name, 0, self._parts[name][1]["shape"][0]) for name in ("latents", "frames"))
        return torch.from_numpy(latents), torch.from_numpy(frames)

    def _rows(self, name: str, first: int, last: int) -> NDArray[Any]:
        """A copy: the file is not kept open, as there may be more shards than a process may have files."""
        begin, entry = self._parts[name]
        kind, shape = _TYPES[entry["dtype"]], entry["shape"][1:]
        size = math.prod(shape) * kind.itemsize
        with self.path.open("rb") as file:
            file.seek(begin + first * size)
            data = bytearray(file.read((last - first) * size))
        return np.frombuffer(data, kind).reshape(last - first, *shape)
