"""A tiny decoder of Wan's latents: TAEHV by its public layout, 25 times cheaper than Wan's own decoder.

All convolutions are two-dimensional; time enters by memory blocks, each of which also sees its own input one frame
earlier, and by growth layers that make two frames of one. What has to be known about the published weights
(github.com/madebyollin/taehv, README and taehv.py): keys are `decoder.N.…` and `encoder.N.…` of one sequence of layers;
`taew2_*` take latents normalised as the video model makes them, LightX2V's `lighttaew2_*` take raw ones; pixels come
out in 0..1; of the first latent frame's four frames, the last alone is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pandora.checkpoint import fill
from pandora.config import Config
from pandora.errors import InvalidCheckpoint, InvalidInput, UnknownName
from pandora.pretrained.files import locate, read_tensors
from pandora.pretrained.latents import TIME, LatentStatistics, to_channels_last

GROWTH = (1, 2, 2)  # frames that each stage makes of one
_BLOCKS = 3  # memory blocks a stage
_STAGE = 6  # places of a stage in the public sequence: its blocks, upsampling (no weights), growth, convolution
_FIRST, _HEAD = 3, 3 + _STAGE * len(GROWTH) + 1


@dataclass(frozen=True, kw_only=True)
class TinyDecoderConfig(Config):
    """`widths` of the three stages and of the head; `patch` x `patch` pixels come out of each of its cells."""

    latent_channels: int = 16
    patch: int = 1
    widths: tuple[int, int, int, int] = (256, 128, 64, 64)


@dataclass(frozen=True, kw_only=True)
class PublishedTinyDecoder:
    """A file on the hub and what is in it; `raw` says that it takes latents that are not normalised."""

    repository: str
    file: str
    config: TinyDecoderConfig
    parameters: int
    raw: bool = False


_WAN, _WAN22 = TinyDecoderConfig(), TinyDecoderConfig(latent_channels=48, patch=2)
_HUB = "lightx2v/Autoencoders"
TINY_DECODERS: dict[str, PublishedTinyDecoder] = {
    "taew2_1": PublishedTinyDecoder(
        repository=_HUB, file="taew2_1.safetensors", config=_WAN, parameters=9_844_611,
    ),
    "taew2_2": PublishedTinyDecoder(
        repository=_HUB, file="taew2_2.safetensors", config=_WAN22, parameters=9_923_532,
    ),
    "lighttaew2_1": PublishedTinyDecoder(
        repository=_HUB, file="lighttaew2_1.safetensors", config=_WAN, parameters=9_844_611, raw=True,
    ),
    "lighttaew2_2": PublishedTinyDecoder(
        repository=_HUB, file="lighttaew2_2.safetensors", config=_WAN22, parameters=9_923_532, raw=True,
    ),
}  # fmt: skip


class MemoryBlock(nn.Module):
    """Residual block over (B*L, D, h, w) that also sees its own input one frame earlier."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Sequential(
            _conv(2 * width, width), nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width)
        )

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """`past` (B, D, T, h, w): the frame before the first, or none (T = 0). Returns output and the new past."""
        sequence = x.unflatten(0, (past.shape[0], -1))
        before = past.transpose(1, 2).to(x.dtype) if past.shape[2] else torch.zeros_like(sequence[:, :1])
        shifted = torch.cat([before, sequence[:, :-1]], 1).flatten(0, 1)
        # a copy, lest the memory keep the whole chunk alive
        return F.relu(self.conv(torch.cat([x, shifted], 1)) + x), sequence[:, -1:].transpose(1, 2).clone()


class TimeGrowth(nn.Module):
    """(B*L, D, h, w) -> (B*L*growth, D, h, w): each frame becomes `growth` frames."""

    def __init__(self, width: int, growth: int):
        super().__init__()
        self.growth = growth
        self.conv = nn.Conv2d(width, width * growth, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).unflatten(1, (self.growth, -1)).flatten(0, 1)


class TinyDecoder(nn.Module):
    """Latents to pixels in -1..1; keys as published. `statistics` where the weights take raw latents."""

    reach = 8  # latent frames back, the last included, that the memory depends on

    def __init__(self, config: TinyDecoderConfig, statistics: LatentStatistics | None = None):
        super().__init__()
        self.config, self.statistics = config, statistics
        widths = config.widths
        layers: dict[str, nn.Module] = {"1": _conv(config.latent_channels, widths[0])}
        for stage, growth in enumerate(GROWTH):
            place = _FIRST + _STAGE * stage
            layers |= {str(place + block): MemoryBlock(widths[stage]) for block in range(_BLOCKS)}
            layers[str(place + 4)] = TimeGrowth(widths[stage], growth)
            layers[str(place + 5)] = _conv(widths[stage], widths[stage + 1], bias=False)
        layers[str(_HEAD)] = _conv(widths[-1], 3 * config.patch**2)
        self.decoder = nn.ModuleDict(layers)
        to_channels_last(self)

    @property
    def latent_channels(self) -> int:
        return self.config.latent_channels

    @property
    def spatial(self) -> int:
        """Pixels per latent cell, along a side."""
        return 8 * self.config.patch

    def begin_memory(self, batch: int, height: int, width: int) -> tuple[Tensor, ...]:
        """The memory before the first latent frame of `height` x `width` cells: (B, D, 0, h, w) a block.

        Later it is (B, D, 1, h, w); worlds share a batch where all of them have begun, or none.
        """
        weight: Tensor = self.decoder["1"].weight  # type: ignore[assignment]
        return tuple(
            weight.new_empty(batch, self.config.widths[stage], 0, height << stage, width << stage)
            for stage in range(len(GROWTH))
            for _ in range(_BLOCKS)
        )

    def decode(self, latents: Tensor) -> Tensor:
        """Normalised latents (B, C, L, h, w), the first of them a single frame -> (B, 3, 1 + 4(L-1), H, W) in -1..1."""
        return self.decode_step(latents, self.begin_memory(latents.shape[0], *latents.shape[-2:]))[0]

    def decode_step(self, latents: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Go on decoding: normalised latents (B, C, L, h, w) and memory -> frames (B, 3, 4L, H, W) and new memory.

        A world's first latent frame makes one frame, not four. Frames have the dtype of the weights.
        """
        hidden, after = self._remember(latents, memory)
        x = self.decoder[str(_HEAD)](F.relu(self._rise(len(GROWTH) - 1, hidden)))
        frames = F.pixel_shuffle(x, self.config.patch).clamp(0, 1) * 2 - 1
        frames = frames.unflatten(0, (latents.shape[0], -1)).transpose(1, 2)
        begun = memory[0].shape[2] > 0
        return frames if begun else frames[:, :, TIME - 1 :], after

    def remember(self, latents: Tensor) -> tuple[Tensor, ...]:
        """The memory after latents (B, C, L, h, w), made anew, without pixels.

        It is the one that streaming left where `latents` begin with the world's first or are at least `reach` many.
        """
        return self._remember(latents, self.begin_memory(latents.shape[0], *latents.shape[-2:]))[1]

    def _remember(self, latents: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What the last memory block makes of the latents (B*2L, D, 4h, 4w), and the memory after them."""
        if self.statistics is not None:
            latents = self.statistics.denormalise(latents)
        x = latents.to(self.decoder["1"].weight.dtype).transpose(1, 2).flatten(0, 1)  # type: ignore[arg-type]
        x = F.relu(self.decoder["1"](torch.tanh(x / 3) * 3))
        after: list[Tensor] = []
        for stage in range(len(GROWTH)):
            if stage:
                x = self._rise(stage - 1, x)
            for block in range(_BLOCKS):
                x, past = self.decoder[str(_FIRST + _STAGE * stage + block)](x, memory[len(after)])
                after.append(past)
        return x, tuple(after)

    def _rise(self, stage: int, x: Tensor) -> Tensor:
        """To the next stage: more frames, twice the height and width."""
        place = _FIRST + _STAGE * stage
        # the growth is a map of each cell by itself: before the upsampling it is the same, at a quarter of the cost
        x = F.interpolate(self.decoder[str(place + 4)](x), scale_factor=2.0, mode="nearest")
        return self.decoder[str(place + 5)](x)


def load_tiny_decoder(
    source: str | Path,
    statistics: LatentStatistics | None = None,
    dtype: torch.dtype = torch.bfloat16,
    device: str = "cpu",
    raw: bool | None = None,
) -> TinyDecoder:
    """A published tiny decoder by its name here (see `TINY_DECODERS`), or by folder or safetensors file.

    The shape is read from the tensors. `raw` says that the weights take latents that are not normalised, which then
    needs the autoencoder's `statistics`; a published name says it itself. Raises InvalidCheckpoint where files or
    keys are missing or unknown, InvalidInput for raw latents without statistics.
    """
    published = TINY_DECODERS.get(str(source))
    if published:
        place = locate(published.repository, (published.file,))
        place = place if place.is_file() else place / published.file
        raw = published.raw
    else:
        place = locate(source)
    if raw and statistics is None:
        raise InvalidInput(f"{source} takes raw latents: give the statistics of the autoencoder that it stands in for.")
    tensors = read_tensors(place, device=device)
    kept = {key: tensor for key, tensor in tensors.items() if not key.startswith("encoder.")}  # Wan's own encodes
    config = read_shape(kept, place)
    if published and config != published.config:
        raise InvalidCheckpoint(f"{place} holds {config}, and {source} is {published.config}. Fetch it again.")
    with torch.device("meta"):
        model = TinyDecoder(config)
    model.to(dtype).to_empty(device=device)
    fill(model, _cut(kept, config), place)
    model.statistics = statistics.to(device) if raw and statistics is not None else None
    return model.eval().requires_grad_(False)


def published_tiny_decoder(name: str) -> PublishedTinyDecoder:
    """Raises UnknownName, listing the valid ones."""
    if name not in TINY_DECODERS:
        raise UnknownName("published tiny decoder", name, TINY_DECODERS)
    return TINY_DECODERS[name]


def read_shape(tensors: Mapping[str, Tensor], source: object) -> TinyDecoderConfig:
    """The config that tensors under public keys are of. Raises InvalidCheckpoint."""
    places = [1, *(_FIRST + _STAGE * stage + 5 for stage in range(len(GROWTH))), _HEAD]
    keys = [f"decoder.{place}.weight" for place in places]
    lacking = [key for key in keys if key not in tensors or tensors[key].dim() != 4]
    if lacking:
        shown = ", ".join(sorted(tensors)[:5]) or "nothing"
        raise InvalidCheckpoint(f"{source} is no TAEHV decoder: it has {shown}, … but not {', '.join(lacking)}.")
    first, *between, head = (tensors[key].shape for key in keys)
    widths = (first[0], *(shape[0] for shape in between))
    patch = isqrt(head[0] // 3)
    if len(widths) != 4 or patch < 1 or 3 * patch**2 != head[0]:
        raise InvalidCheckpoint(f"{source} gives {head[0]} channels a cell; RGB in square patches was expected.")
    return TinyDecoderConfig(latent_channels=first[1], patch=patch, widths=widths)


def _cut(tensors: Mapping[str, Tensor], config: TinyDecoderConfig) -> dict[str, Tensor]:
    """Growth layers at the size that is used.

    LightX2V publishes the first with two frames where one is used: the later one, which comes last.
    """
    cut = dict(tensors)
    for stage, growth in enumerate(GROWTH):
        key, rows = f"decoder.{_FIRST + _STAGE * stage + 4}.conv.weight", config.widths[stage] * growth
        if key in cut and cut[key].shape[0] > rows:
            cut[key] = cut[key][-rows:]
    return cut


def _conv(channels_in: int, channels_out: int, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=bias)
