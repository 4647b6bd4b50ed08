"""How unlike a picture is to what the weights were trained on.

A statistical model of true frames, world by world, in the autoencoder's latents, fitted by `pandora train novelty`.
A picture belongs to the world whose typical latent cells (found by k-means) are the most like its own. Four things are
then looked at: how far the pooled latents are from that world's mean along its principal axes (Mahalanobis), how much
of them lies off these axes, how far the strangest cells are from typical ones, and how badly the autoencoder draws the
picture. Each is measured on a scale where 0 is a typical frame and 1 the 99th percentile of frames that the fit did not
see, and the worst of them counts.

Strange pictures can be taken some of the way into a world's look: each cell towards the most similar typical ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from pandora.errors import InvalidCheckpoint, InvalidInput, UnknownName
from pandora.video import Autoencoder

PART = "novelty"  # the weights folder keeps it as novelty.safetensors
GRID = 4  # cells of the pooled latents, each way
LIMIT = 0.99  # scores above are of no known world
_AXES = 24
_CODES = 256
_NEAREST, _WARMTH = 4, 4.0  # codes that a cell is taken to, and how sharply the nearest of them wins
_WAY = 0.35  # how far it goes there
_STRANGEST = 0.05  # share of a picture's cells that count as its strangest
_TINY = 1e-6
_LOT = 64  # pictures whose cells are compared at once: more need memory
_AGAIN = "Make it again: pandora train novelty"


@dataclass(frozen=True, kw_only=True)
class Novelty:
    """What is to say of a picture.

    `score`: share of the world's own frames that are less unusual, 0..1: 0.5 is a typical frame. `excess`: how unusual
    it is, where 1 is the 99th percentile of the world's own frames; it goes on growing where the score is at its end.
    """

    score: float
    excess: float
    world: str  # the nearest
    known: bool  # whether it passes for a picture of that world

    @property
    def look(self) -> str | None:
        """The world into whose look the picture is to be taken; None where it passes as it is."""
        return None if self.known else self.world


@dataclass(frozen=True, kw_only=True, eq=False)
class Views:
    """B pictures as the autoencoder sees them, float32 on the CPU.

    pooled (B, C*GRID*GRID), cells (B, h*w, C), errors (B,).
    """

    pooled: Tensor
    cells: Tensor
    errors: Tensor

    def __getitem__(self, rows: slice) -> "Views":
        return Views(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


@torch.inference_mode()
def view(autoencoder: Autoencoder, pixels: Tensor) -> Views:
    """Look at pictures (B, 3, H, W) in -1..1; an error is the root mean square of what is drawn wrongly."""
    latents = autoencoder.encode(pixels[:, :, None])
    drawn = autoencoder.decode(latents)[:, :, 0].float()
    latents = latents[:, :, 0].float().cpu()
    return Views(
        pooled=F.adaptive_avg_pool2d(latents, GRID).flatten(1),
        cells=latents.flatten(2).transpose(1, 2).contiguous(),
        errors=(drawn - pixels.float()).square().mean((1, 2, 3)).sqrt().cpu(),
    )


def join(parts: Sequence[Views]) -> Views:
    """Several lots of pictures as one."""
    return Views(**{one.name: torch.cat([getattr(part, one.name) for part in parts]) for one in fields(Views)})


@dataclass(frozen=True, kw_only=True, eq=False)
class Familiar:
    """What one world's frames look like. All tensors float32; D is C * GRID * GRID, K the axes kept."""

    mean: Tensor  # (D,) of the pooled latents
    axes: Tensor  # (D, K) principal directions, unit length
    spread: Tensor  # (K,) standard deviation along them
    codes: Tensor  # (N, C) typical cells
    scale: Tensor  # (2, 4) of the four measures' logarithms: the median, and the 99th percentile's way from there
    steps: Tensor  # (101,) percentiles of the worst of the four, over frames that the fit did not see

    def measures(self, views: Views) -> Tensor:
        """Logarithms of the four measures, (B, 4)."""
        off = views.pooled - self.mean
        along = off @ self.axes
        inside = (along / self.spread).square().mean(1)
        outside = (off.square().sum(1) - along.square().sum(1)).clamp_min(0) / off.shape[1]
        strange = self.unlike(views)
        top = max(1, round(strange.shape[1] * _STRANGEST))
        found = (inside, outside, strange.topk(top, 1).values.mean(1), views.errors.square())
        return torch.stack(found, 1).add(_TINY).log()

    def unlike(self, views: Views) -> Tensor:
        """How far each cell is from the nearest typical one, squared, (B, h*w)."""
        near = [torch.cdist(lot, self.codes).amin(-1).square() for lot in views.cells.split(_LOT)]
        return torch.cat(near)

    def worst(self, views: Views) -> Tensor:
        """(B,): 0 is typical, 1 the 99th percentile."""
        return ((self.measures(views) - self.scale[0]) / self.scale[1]).amax(1)

    def approach(self, cells: Tensor) -> Tensor:
        """Cells (..., C) on the way to the nearest of the typical ones."""
        nearest = torch.cdist(cells, self.codes).topk(_NEAREST, largest=False)
        weights = torch.softmax(-nearest.values.square() / _WARMTH, -1)
        return cells.lerp((self.codes[nearest.indices] * weights[..., None]).sum(-2), _WAY)

    def judge(self, views: Views) -> tuple[Tensor, Tensor]:
        """Score 0..1 and excess, each (B,)."""
        worst = self.worst(views)
        at = torch.searchsorted(self.steps, worst).clamp(1, 100)
        low, high = self.steps[at - 1], self.steps[at]
        share = (at - 1 + ((worst - low) / (high - low).clamp_min(_TINY)).clamp(0, 1)) / 100
        return share, (worst / self.steps[99].clamp_min(_TINY)).clamp_min(0)


def fit(seen: Views, unseen: Views) -> Familiar:
    """A world's model from frames, and its scales from frames that the model has not seen; hundreds of each at least.

    Raises InvalidInput where there are too few.
    """
    if min(len(seen.errors), len(unseen.errors)) < 100:
        few = f"{len(seen.errors)} and {len(unseen.errors)} frames"
        raise InvalidInput(f"{few} are too few; take 100 of each at least.")
    mean = seen.pooled.mean(0)
    _, sizes, directions = torch.linalg.svd((seen.pooled - mean).double(), full_matrices=False)
    axes = directions[:_AXES].T.float()
    cells = seen.cells.flatten(0, 1)
    blank = Familiar(
        mean=mean, axes=axes, spread=(sizes[:_AXES] / len(seen.errors) ** 0.5).float().clamp_min(1e-3),
        codes=_codes(cells), scale=torch.stack([torch.zeros(4), torch.ones(4)]),
        steps=torch.linspace(0, 1, 101),
    )  # fmt: skip
    blank = _rounded(blank)
    found = blank.measures(unseen)
    middle, high = found.quantile(0.5, 0), found.quantile(0.99, 0)
    scaled = replace(blank, scale=torch.stack([middle, (high - middle).clamp_min(_TINY)]))
    return replace(scaled, steps=scaled.worst(unseen).quantile(torch.linspace(0, 1, 101)))


def _codes(cells: Tensor, most: int = 20_000, rounds: int = 12) -> Tensor:
    """Typical cells (_CODES, C) by k-means, from a fixed random start."""
    generator = torch.Generator().manual_seed(0)
    cells = cells[torch.randperm(len(cells), generator=generator)[:most]]
    codes = cells[:_CODES]
    for _ in range(rounds):
        nearest = torch.cdist(cells, codes).argmin(1)
        counts = torch.bincount(nearest, minlength=len(codes))[:, None]
        sums = torch.zeros_like(codes).index_add_(0, nearest, cells)
        codes = torch.where(counts > 0, sums / counts.clamp_min(1), codes)
    return codes


class NoveltyModel:
    """Familiar worlds by name."""

    def __init__(self, worlds: Mapping[str, Familiar]):
        self.worlds = dict(worlds)

    def judge(self, views: Views) -> list[Novelty]:
        """One verdict a picture, of the world whose cells are the most like its own."""
        names = list(self.worlds)
        unlike = torch.stack([self.worlds[name].unlike(views).mean(1) for name in names], 1)
        found = [self.worlds[name].judge(views) for name in names]
        scores, excesses = (torch.stack(part, 1) for part in zip(*found, strict=True))
        nearest = unlike.argmin(1).tolist()
        return [
            Novelty(
                score=float(scores[row, at]), excess=float(excesses[row, at]), world=names[at],
                known=float(scores[row, at]) <= LIMIT,
            )
            for row, at in enumerate(nearest)
        ]  # fmt: skip

    def approach(self, latents: Tensor, world: str) -> Tensor:
        """Latents (B, C, T, h, w) taken some of the way into the look of a world. Raises UnknownName."""
        if world not in self.worlds:
            raise UnknownName("world", world, self.worlds)
        cells = latents.detach().float().cpu().movedim(1, -1)
        return self.worlds[world].approach(cells.flatten(0, 3)).unflatten(0, cells.shape[:4]).movedim(-1, 1).to(latents)

    def save(self, folder: str | Path) -> Path:
        """Write novelty.safetensors; the folder's manifest is the caller's to renew."""
        path = Path(folder) / f"{PART}.safetensors"
        tensors = {
            f"{world}.{one.name}": _stored(one.name, getattr(familiar, one.name))
            for world, familiar in self.worlds.items()
            for one in fields(Familiar)
        }
        save_file(tensors, path)
        return path

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Self:
        """From stored tensors. Raises InvalidCheckpoint."""
        worlds = dict.fromkeys(key.rpartition(".")[0] for key in state)
        try:
            found = {
                name: Familiar(**{one.name: state[f"{name}.{one.name}"].float() for one in fields(Familiar)})
                for name in worlds
            }
        except KeyError as error:
            raise InvalidCheckpoint(f"{PART}.safetensors lacks {error}. {_AGAIN}") from error
        for name, one in found.items():
            wanted = _shapes(
                one.mean.numel() // GRID**2, one.spread.numel(), max(_NEAREST, len(one.codes) if one.codes.ndim else 0)
            )
            if any(tuple(getattr(one, part).shape) != shape for part, shape in wanted.items()):
                raise InvalidCheckpoint(f"{PART}.safetensors has no model of {name}. {_AGAIN}")
        return cls(found)


_SMALL = {"axes", "codes"}  # large, and kept in half precision


def _shapes(channels: int, axes: int, codes: int) -> dict[str, tuple[int, ...]]:
    """Of a `Familiar`'s tensors."""
    pooled = channels * GRID**2
    return {
        "mean": (pooled,), "axes": (pooled, axes), "spread": (axes,), "codes": (codes, channels), "scale": (2, 4),
        "steps": (101,),
    }  # fmt: skip


def _stored(name: str, tensor: Tensor) -> Tensor:
    return tensor.to(torch.float16 if name in _SMALL else torch.float32).contiguous()


def _rounded(familiar: Familiar) -> Familiar:
    """As it is after being stored, so that the scales are of what is loaded."""
    return replace(familiar, **{name: _stored(name, getattr(familiar, name)).float() for name in _SMALL})
