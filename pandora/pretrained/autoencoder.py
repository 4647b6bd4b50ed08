"""Wan's video autoencoder, streaming, with its memory as a value: 2.1 (8 x 8 x 4, 16 channels), 2.2 (16 x 16 x 4, 48).

The weights and blocks are those of diffusers' `AutoencoderKLWan` ("Wan: Open and Advanced Large-Scale Video Generative
Models", arXiv 2503.20314, section 4.1). Its own `encode` and `decode` keep what causal convolutions have seen inside
the module; here it goes in and comes out, so that worlds, forks and batches never share it.

A memory is a tuple of (B, D, T, h, w), one for each convolution in time, in the order of use. Before the first frame
T is 0 everywhere; from then on T is 2 (1 where time is halved), and shapes stay as they are. So the shape tells the
first frame from later ones, without looking at values, and rows of a batch must all have begun or all not.
"""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import (
    AutoencoderKLWan,
    WanCausalConv3d,
    WanResample,
    WanUpBlock,
    patchify,
    unpatchify,
)
from torch import Tensor, nn
from torch.nn import functional as F

from pandora.checkpoint import fill
from pandora.errors import InvalidCheckpoint, InvalidInput
from pandora.pretrained.files import locate, read_json, read_tensors
from pandora.pretrained.latents import TIME, LatentStatistics, to_channels_last
from pandora.pretrained.published import VIDEO
from pandora.pretrained.tiny_decoder import TinyDecoder, load_tiny_decoder

Memory = tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class PublishedAutoencoder:
    """The shape of a published autoencoder, in the terms of `AutoencoderKLWan`, and its size in parameters.

    The statistics of its latents are in its own config.json.
    """

    shape: dict[str, Any]
    parameters: int


AUTOENCODERS: dict[str, PublishedAutoencoder] = {  # by repository
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": PublishedAutoencoder(
        shape={"base_dim": 96, "z_dim": 16}, parameters=126_892_531,
    ),
    "Wan-AI/Wan2.2-TI2V-5B-Diffusers": PublishedAutoencoder(
        shape={
            "base_dim": 160, "decoder_base_dim": 256, "z_dim": 48, "is_residual": True, "in_channels": 12,
            "out_channels": 12, "patch_size": 2, "scale_factor_spatial": 16,
        }, parameters=704_688_668,
    ),
}  # fmt: skip
_FILES = ("vae/*.safetensors", "vae/*.json", "diffusion_pytorch_model*.safetensors", "config.json")


@dataclass(frozen=True)
class _Slot:
    """What one causal convolution remembers: `frames` of `channels`, at `scale` times the size of the part's input."""

    channels: int
    frames: int
    scale: float


class WanAutoencoder(nn.Module):
    """Pixels in -1..1 to normalised latents and back."""

    def __init__(self, model: AutoencoderKLWan):
        super().__init__()
        config: Any = model.config
        to_channels_last(model)
        self.model = model
        self.statistics = LatentStatistics(config.latents_mean, config.latents_std)
        self.latent_channels: int = config.z_dim
        self.patch: int = config.patch_size or 1
        self._encoder_slots, self._decoder_slots = _slots(model.encoder), _slots(model.decoder)
        self.spatial = 2 ** (len(config.dim_mult) - 1) * self.patch  # pixels per latent cell, along a side

    def encode(self, video: Tensor) -> Tensor:
        """(B, 3, 1 + 4k, H, W) in -1..1 -> normalised latents (B, C, 1 + k, h, w) float32: the posterior's mode.

        A still picture is a video of one frame. Raises InvalidInput for other lengths, or sides that are no
        multiple of `spatial`.
        """
        height, width = video.shape[-2:]
        if height % self.spatial or width % self.spatial:
            raise InvalidInput(f"A frame's sides are multiples of {self.spatial} here; got {height} x {width}. Resize.")
        memory = self.begin_encoder_memory(video.shape[0], height // self.spatial, width // self.spatial)
        return self.encode_step(video, memory)[0]

    def begin_encoder_memory(self, batch: int, height: int, width: int) -> Memory:
        """The encoder's memory before the first frame, for latents of `height` x `width`."""
        weight, cell = self.model.encoder.conv_in.weight, self.spatial // self.patch
        return _empty(self._encoder_slots, weight, batch, height * cell, width * cell)

    def encode_step(self, video: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Go on encoding: (B, 3, 4k, H, W) in -1..1, or 1 + 4k frames where nothing was encoded yet, and memory ->
        normalised latents (B, C, k or 1 + k, h, w) float32 and the memory after them. Raises InvalidInput.
        """
        time, first = video.shape[2], _is_new(memory)
        if (time - first) % TIME or not time:
            allowed = "1, 5, 9, …" if first else "4, 8, 12, …"
            raise InvalidInput(f"{allowed} frames can be encoded here, not {time}. Cut or repeat the last one.")
        lengths = [1] * first + [TIME] * ((time - first) // TIME)
        frames = patchify(video.to(self.model.encoder.conv_in.weight.dtype), self.patch)
        pieces: list[Tensor] = []
        for piece in frames.split(lengths, dim=2):
            encoded, memory = self._encode_latent(piece, memory)
            pieces.append(encoded)
        return self.statistics.normalise(torch.cat(pieces, 2)), memory

    def begin_memory(self, batch: int, height: int, width: int) -> Memory:
        """The decoder's memory before the first latent frame of `height` x `width` cells."""
        return _empty(self._decoder_slots, self.model.decoder.conv_in.weight, batch, height, width)

    def decode(self, latents: Tensor) -> Tensor:
        """Normalised latents (B, C, L, h, w), the first of them a single frame -> (B, 3, 1 + 4(L-1), H, W) in -1..1."""
        return self.decode_step(latents, self.begin_memory(latents.shape[0], *latents.shape[-2:]))[0]

    def decode_step(self, latents: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Go on decoding: normalised latents (B, C, L, h, w) and memory -> frames (B, 3, 4L, H, W) and new memory.

        A world's first latent frame makes one frame, not four. Frames have the dtype of the weights.
        """
        raw = self.statistics.denormalise(latents).to(self.model.decoder.conv_in.weight.dtype)
        pieces: list[Tensor] = []
        for latent in raw.split(1, dim=2):
            frames, memory = self._decode_latent(latent, memory)
            pieces.append(frames)
        return torch.cat(pieces, 2), memory

    def _encode_latent(self, frames: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The frames of one latent frame -> the mean of its posterior (B, C, 1, h, w), raw."""
        pasts: list[Any] = [None] * len(memory) if _is_new(memory) else list(memory)
        moments = self.model.quant_conv(self.model.encoder(frames, feat_cache=pasts, feat_idx=[0]))
        # of a single frame the library remembers one, and takes what is missing for zeros
        lacking = (slot.frames - past.shape[2] for past, slot in zip(pasts, self._encoder_slots, strict=True))
        after = tuple(F.pad(past, (0, 0, 0, 0, n, 0)) if n else past for past, n in zip(pasts, lacking, strict=True))
        return moments.chunk(2, dim=1)[0], after

    def _decode_latent(self, latent: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """One raw latent frame -> one frame where it is the first, else four.

        As the library's decoder, but that it marks the first frames by None and "Rep", and we by shape and by zeros.
        """
        decoder, first = self.model.decoder, _is_new(memory)
        pasts = [F.pad(past, (0, 0, 0, 0, 2, 0)) for past in memory] if first else list(memory)
        index = [0]
        x = _convolve(decoder.conv_in, self.model.post_quant_conv(latent), pasts, index)
        x = decoder.mid_block(x, feat_cache=pasts, feat_idx=index)
        for block in decoder.up_blocks:
            x = _rise(block, x, pasts, index, first)
        x = _convolve(decoder.conv_out, decoder.nonlinearity(decoder.norm_out(x)), pasts, index)
        # one memory format from the first step on, whatever a kernel leaves: a captured graph asks for equal strides
        after = tuple(past.clone(memory_format=torch.channels_last_3d) for past in pasts)
        return unpatchify(x, self.patch).clamp(-1, 1), after


class TieredAutoencoder(nn.Module):
    """A full autoencoder that encodes and exports, and a tiny decoder that shows worlds live."""

    def __init__(self, full: WanAutoencoder, tiny: TinyDecoder):
        super().__init__()
        ours, theirs = (full.latent_channels, full.spatial), (tiny.latent_channels, tiny.spatial)
        if ours != theirs:
            raise InvalidCheckpoint(
                f"The tiny decoder takes {theirs[0]} channels and makes {theirs[1]} pixels of a cell; the autoencoder "
                f"has {ours[0]} and {ours[1]}. taew2_1 goes with Wan 2.1, taew2_2 with Wan 2.2 (TI2V 5B)."
            )
        self.full, self.tiny = full, tiny
        self.latent_channels, self.spatial = ours

    def encode(self, video: Tensor) -> Tensor:
        """As `WanAutoencoder.encode`."""
        return self.full.encode(video)

    def begin_memory(self, batch: int, height: int, width: int) -> Memory:
        """As `TinyDecoder.begin_memory`."""
        return self.tiny.begin_memory(batch, height, width)

    def decode_step(self, latents: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """As `TinyDecoder.decode_step`."""
        return self.tiny.decode_step(latents, memory)

    def decode(self, latents: Tensor) -> Tensor:
        """The whole film by the full decoder, for export: as `WanAutoencoder.decode`."""
        return self.full.decode(latents)


def load_autoencoder(
    source: str | Path,
    tiny: str | Path | None = None,
    dtype: torch.dtype = torch.bfloat16,
    device: str = "cpu",
) -> WanAutoencoder | TieredAutoencoder:
    """Wan's autoencoder in diffusers' layout, by the name of a video model of `VIDEO`, by hub name or by folder.

    The folder is the autoencoder's, or one that holds it as `vae`. With `tiny`, worlds are shown live by that decoder:
    a name of `TINY_DECODERS`, or a safetensors file. Raises InvalidCheckpoint where files are missing, a key is unknown
    or missing, or a shape differs.
    """
    published = VIDEO.get(str(source))
    place = locate(published.autoencoder if published else source, _FILES)
    folder = place.parent if place.is_file() else place
    if (folder / "vae" / "config.json").exists():
        place = folder = folder / "vae"
    config = read_config(read_json(folder / "config.json"), folder)
    with torch.device("meta"):
        full = WanAutoencoder(AutoencoderKLWan(**config))
    full.to(dtype).to_empty(device=device)
    fill(full.model, read_tensors(place, device=device), place)
    full.eval().requires_grad_(False)
    if tiny is None:
        return full
    return TieredAutoencoder(full, load_tiny_decoder(tiny, full.statistics, dtype, device))


def read_config(values: dict[str, Any], source: object) -> dict[str, Any]:
    """The arguments of `AutoencoderKLWan` in a `config.json`. Raises InvalidCheckpoint where it is of another."""
    kind = values.get("_class_name", "AutoencoderKLWan")
    if kind != "AutoencoderKLWan":
        raise InvalidCheckpoint(f"{source} holds a {kind}; an AutoencoderKLWan is needed.")
    known = inspect.signature(AutoencoderKLWan.__init__).parameters
    config = {name: value for name, value in values.items() if name in known}
    channels = config.get("z_dim", known["z_dim"].default)
    for name in ("latents_mean", "latents_std"):
        if len(config.get(name, known[name].default)) != channels:
            raise InvalidCheckpoint(f"{source} has {channels} latent channels, and {name} for another number of them.")
    halvings = sum(config.get("temperal_downsample", known["temperal_downsample"].default))
    if 2**halvings != TIME:
        raise InvalidCheckpoint(f"{source} makes one latent frame of {2**halvings}; of {TIME} is supported.")
    return config


def _is_new(memory: Memory) -> bool:
    return memory[0].shape[2] == 0


def _slots(part: nn.Module) -> tuple[_Slot, ...]:
    """The causal convolutions of an encoder or decoder in the order of use, which is that of its modules."""
    slots: list[_Slot] = []
    scale = 1.0
    for module in part.modules():
        if isinstance(module, WanResample):
            rises = module.mode.startswith("up")
            scale = scale if rises else scale / 2
            if module.mode.endswith("3d"):
                slots.append(_Slot(module.dim, 2 if rises else 1, scale))
            scale = scale * 2 if rises else scale
        elif isinstance(module, WanCausalConv3d) and module.kernel_size == (3, 3, 3):
            slots.append(_Slot(module.in_channels, 2, scale))
    return tuple(slots)


def _empty(slots: tuple[_Slot, ...], like: Tensor, batch: int, height: int, width: int) -> Memory:
    return tuple(
        like.new_empty(batch, slot.channels, 0, int(height * slot.scale), int(width * slot.scale)) for slot in slots
    )


def _convolve(conv: WanCausalConv3d, x: Tensor, pasts: list[Tensor], index: list[int]) -> Tensor:
    """A causal convolution after its past, of which the last two frames are kept."""
    past = pasts[index[0]]
    pasts[index[0]] = torch.cat([past[:, :, x.shape[2] :], x[:, :, -2:]], 2)
    index[0] += 1
    return conv(x, past)


def _rise(block: Any, x: Tensor, pasts: list[Tensor], index: list[int], first: bool) -> Tensor:
    """One level of the decoder: residual blocks, then twice the size and, on some levels, twice the frames."""
    before = x
    for resnet in block.resnets:
        x = resnet(x, feat_cache=pasts, feat_idx=index)
    if isinstance(block, WanUpBlock):
        return _upsample(block.upsamplers[0], x, pasts, index, first) if block.upsamplers else x
    if block.upsampler is not None:
        x = _upsample(block.upsampler, x, pasts, index, first)
    return x if block.avg_shortcut is None else x + block.avg_shortcut(before, first_chunk=first)


def _upsample(resample: Any, x: Tensor, pasts: list[Tensor], index: list[int], first: bool) -> Tensor:
    """(B, D, T, h, w) -> (B, D', T or 2T, 2h, 2w). The first frame of all stays one and is not remembered."""
    if resample.mode == "upsample3d" and first:
        index[0] += 1
    elif resample.mode == "upsample3d":
        x = _convolve(resample.time_conv, x, pasts, index).unflatten(1, (2, -1))
        x = x.permute(0, 2, 3, 1, 4, 5).flatten(2, 3)
    frames = resample.resample(x.transpose(1, 2).flatten(0, 1))
    return frames.unflatten(0, (x.shape[0], -1)).transpose(1, 2)
