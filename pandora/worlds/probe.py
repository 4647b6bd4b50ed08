"""A learned judge: a small CNN that reads a world's categorical attributes off a clip, and says how sure it is.

    start frame and four of the clip's frames, with their differences -> features -> one softmax head an attribute,
    and one that tells true clips from blends, ghosts and smears

It never sees a sentence. `pandora train judge --world W` trains it on true clips; see pandora/training/judge.py.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pandora.errors import InvalidCheckpoint, InvalidInput
from pandora.worlds.base import Facts, Frame, Frames

SHOWN = 5  # the start frame and four of the clip's
_CHANNELS = 3 * SHOWN + 3 * (SHOWN - 1) + 2  # frames, differences, and where a pixel is
_WIDTHS = (48, 96, 128)
_STRONGER = 3.0  # by which differences are scaled, as most are small
_BATCH = 64

Attributes = Mapping[str, tuple[str, ...]]
Labels = NDArray[np.int64]  # (A,) or (B, A): the index of each attribute's value


def picked(length: int) -> list[int]:
    """Which four of a clip's frames are looked at: evenly spread, the last one included."""
    return [round(length * quarter / (SHOWN - 1)) - 1 for quarter in range(1, SHOWN)]


def look(start: Frame, frames: Frames) -> Frames:
    """What the probe sees of a clip: (5, H, W, 3) uint8, the start frame first."""
    if len(frames) < SHOWN - 1:
        raise InvalidInput(f"A clip of {len(frames)} frames is too short to be judged; it needs {SHOWN - 1}.")
    return np.concatenate([start[None], frames[picked(len(frames))]])


def label(attributes: Attributes, facts: Facts) -> Labels:
    """The value's index for each attribute, int64 (A,). Raises InvalidInput where the facts are not one of each."""
    told: dict[str, list[str]] = {}
    for name, *value in facts:
        told.setdefault(name, []).append(" ".join(value))
    for name, values in told.items():
        if name not in attributes or len(values) != 1 or values[0] not in attributes[name]:
            raise InvalidInput(
                f"A world with a learned judge shows one value of each attribute; {name} has {', '.join(values)}, and "
                f"may have one of {', '.join(attributes.get(name, ())) or 'none'}. Mend `attributes` or `shown`."
            )
    if missing := [name for name in attributes if name not in told]:
        raise InvalidInput(f"`shown` says nothing about {', '.join(missing)}, which the world's attributes name.")
    return np.array([values.index(told[name][0]) for name, values in attributes.items()], np.int64)


class ClipProbe(nn.Module):
    """See above. `threshold` is the confidence below which a clip counts as unreadable."""

    def __init__(self, attributes: Attributes, threshold: float = 0.0):
        super().__init__()
        self.attributes = {name: tuple(values) for name, values in attributes.items()}
        self.threshold = threshold
        small, middle, large = _WIDTHS
        self.stem = nn.Sequential(nn.Conv2d(_CHANNELS, small, 4, 4, bias=False), nn.BatchNorm2d(small), nn.ReLU())
        self.fine = _Residual(small)
        self.coarser = _convolution(small, middle, 2)
        self.middle = _Residual(middle)
        self.coarsest = _convolution(middle, large, 2)
        self.places = nn.Conv2d(middle, len(self.attributes) + 1, 1)  # where each head looks
        width = 2 * large + middle
        self.heads = nn.ModuleList(nn.Linear(width, len(values)) for values in self.attributes.values())
        # What can't be true goes wrong in many ways, so this head looks at several combinations of features.
        self.truth = nn.Sequential(nn.Linear(width + middle, large), nn.ReLU(), nn.Linear(large, 1))

    def forward(self, seen: Tensor) -> tuple[list[Tensor], Tensor]:
        """Logits (B, values) of each attribute, and (B,) of the clip being true, from (B, 5, 3, H, W) in 0..1."""
        middle = self.middle(self.coarser(self.fine(self.stem(self._input(seen)))))
        large = self.coarsest(middle)
        common = torch.cat([large.mean((2, 3)), large.amax((2, 3))], 1)
        weights = self.places(middle).flatten(2).float().softmax(2).to(middle.dtype)
        found = torch.einsum("bap,bcp->bac", weights, middle.flatten(2))
        logits = [head(torch.cat([common, found[:, i]], 1)).float() for i, head in enumerate(self.heads)]
        truth = self.truth(torch.cat([common, found[:, -1], middle.amax((2, 3))], 1))
        return logits, truth[:, 0].float()

    @staticmethod
    def _input(seen: Tensor) -> Tensor:
        batch, _, _, height, width = seen.shape
        rows = torch.linspace(-1, 1, height, device=seen.device, dtype=seen.dtype)
        columns = torch.linspace(-1, 1, width, device=seen.device, dtype=seen.dtype)
        place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None].expand(batch, -1, -1, -1)
        moved = _STRONGER * (seen[:, 1:] - seen[:, :-1])
        return torch.cat([2 * seen.flatten(1, 2) - 1, moved.flatten(1, 2), place], 1)

    @torch.inference_mode()
    def predict(self, looks: NDArray[np.uint8]) -> tuple[Labels, NDArray[np.float32]]:
        """Values (B, A) and confidence (B,) 0..1 of clips (B, 5, H, W, 3) uint8 as `look` makes them.

        The confidence is the least probability among the values read and that of the clip being true.
        """
        device, values, sure = next(self.parameters()).device, [], []
        for first in range(0, len(looks), _BATCH):
            seen = torch.from_numpy(np.ascontiguousarray(looks[first : first + _BATCH])).to(device)
            logits, true = self(seen.permute(0, 1, 4, 2, 3).float() / 255)
            best = [head.softmax(1).max(1) for head in logits]
            values.append(torch.stack([index for _, index in best], 1).cpu().numpy())
            sure.append(torch.stack([*(p for p, _ in best), true.sigmoid()], 1).amin(1).cpu().numpy())
        return np.concatenate(values), np.concatenate(sure)

    def facts(self, values: Iterable[int]) -> Facts:
        """The inverse of `label`."""
        pairs = zip(self.attributes.items(), values, strict=True)
        return frozenset((name, choices[int(index)]) for (name, choices), index in pairs)

    def read_all(self, starts: Sequence[Frame], clips: Sequence[Frames]) -> list[Facts | None]:
        """`read` for many clips at once."""
        values, sure = self.predict(np.stack([look(*pair) for pair in zip(starts, clips, strict=True)]))
        return [self.facts(row) if s >= self.threshold else None for row, s in zip(values, sure, strict=True)]

    def read(self, start: Frame, frames: Frames) -> Facts | None:
        """What the clip shows, one value an attribute; None below the threshold. Frames are (H, W, 3) uint8."""
        return self.read_all([start], [frames])[0]

    def confidence(self, start: Frame, frames: Frames) -> float:
        """How sure `read` is, 0..1."""
        return float(self.predict(look(start, frames)[None])[1][0])

    def save(self, path: Path) -> None:
        """One safetensors file in float16, with the attributes and the threshold in its header."""
        tensors = {
            name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
            for name, value in self.state_dict().items()
        }
        header = {"attributes": json.dumps(self.attributes), "threshold": repr(self.threshold)}
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, str(part := path.with_suffix(".part")), header)
        os.replace(part, path)

    @classmethod
    def open(cls, path: Path) -> "ClipProbe":
        """Inverse of `save`, on the CPU in float32, ready to read. Raises InvalidCheckpoint."""
        try:
            with safe_open(str(path), "pt") as file:
                header = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a mapping)
            probe = cls(json.loads(header["attributes"]), float(header["threshold"]))
            probe.load_state_dict(
                {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
            )
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise InvalidCheckpoint(f"{path} can't be read as a learned judge: {error}.") from error
        return probe.eval().requires_grad_(False)


def path_of(world: str) -> Path:
    """Where the learned judge of a world lies."""
    return Path(__file__).parent / world / "probe.safetensors"


@lru_cache(maxsize=8)
def load(world: str) -> ClipProbe:
    """The learned judge of the world of that name. Raises InvalidInput where none was trained yet."""
    path = path_of(world)
    if not path.is_file():
        raise InvalidInput(
            f"The world {world} has no trained judge ({path} is missing). Train it: pandora train judge --world {world}"
        )
    return ClipProbe.open(path)


def _convolution(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)
    )


class _Residual(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))
