"""A small causal video autoencoder: 8x in space, 4x in time, streaming, fast on a CPU.

The first frame makes one latent frame, every following four frames make one more, as in Wan's autoencoder. All
convolutions are two-dimensional (fp32 3-D convolutions have no fast CPU path); time enters by folding four frames
into channels and by memory blocks that see the previous latent frame (the idea of TAEHV's MemBlock). A streamed
decode equals the whole decode, since a block's only memory is its own previous input.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from pandora import checkpoint
from pandora.config import Config
from pandora.errors import InvalidInput

TIME = 4  # frames folded into one latent frame
_SIZES = "config.json"  # beside the weights
SILENT = ("encoder", "decoder", "frame_encoder", "frame_decoder", "frame_merge", "frame_refine")  # as they begin
_ENCODES = ("patch_in", "frame_in", "frame_encoder", "frame_merge", "encoder", "to_latent", "latents_")


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig(Config):
    latent_channels: int = 32
    width: int = 96
    encoder_blocks: int = 2
    decoder_blocks: int = 3
    frame_width: int = 32  # channels per frame after the first upsampling
    frame_blocks: int = 0  # residual blocks over single frames, at half of the pixels' grid, on either side
    spatial: int = 8  # pixels per latent cell, a multiple of 4


class MemoryBlock(nn.Module):
    """Residual block over (B*L, D, h, w) that also sees its own input one latent frame earlier; it starts silent."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.Parameter(torch.ones(width))
        self.conv_in = nn.Conv2d(width, width, 3, padding=1)
        self.conv_past = nn.Conv2d(width, width, 1, bias=False)
        self.conv_out = nn.Conv2d(width, width, 3, padding=1)
        _silence(self.conv_out)

    def forward(self, x: Tensor, past: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """x: (B*length, D, h, w); past: (B, D, h, w), the input before the first. Returns output and new past."""
        sequence = x.unflatten(0, (-1, length))
        shifted = torch.cat([past.unsqueeze(1).to(x.dtype), sequence[:, :-1]], 1).flatten(0, 1)
        hidden = F.silu(self.conv_in(self._normalise(x)) + self.conv_past(self._normalise(shifted)))
        return x + self.conv_out(hidden), sequence[:, -1]

    def _normalise(self, x: Tensor) -> Tensor:
        """RMS over channels at each cell, which keeps streaming exact."""
        scale = torch.rsqrt(x.float().square().mean(1, keepdim=True) + 1e-4).to(x.dtype)
        return x * scale * self.norm.to(x.dtype).view(1, -1, 1, 1)


class FrameBlock(nn.Module):
    """Residual block over single frames (N, D, h, w); it starts silent."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.conv_in = nn.Conv2d(width, hidden, 3, padding=1)
        self.conv_out = nn.Conv2d(hidden, width, 3, padding=1)
        _silence(self.conv_out)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_out(F.silu(self.conv_in(x)))


class Autoencoder(nn.Module):
    """Pixels in -1..1 to latents of about unit variance and back."""

    latents_mean: Tensor  # (C,), measured on training data
    latents_std: Tensor

    def __init__(self, config: AutoencoderConfig):
        super().__init__()
        self.config = config
        width, cell = config.width, config.spatial
        self.patch_in = nn.Conv2d(3 * TIME * cell**2, width, 1)
        self.frame_in = nn.Conv2d(3 * (cell // 2) ** 2, config.frame_width, 3, stride=2, padding=1)
        self.frame_encoder = nn.ModuleList(
            FrameBlock(3 * (cell // 2) ** 2, 2 * config.frame_width) for _ in range(config.frame_blocks)
        )
        self.frame_merge = nn.Conv2d(TIME * config.frame_width, width, 1)
        self.encoder = nn.ModuleList(MemoryBlock(width) for _ in range(config.encoder_blocks))
        self.to_latent = nn.Conv2d(width, config.latent_channels, 1)
        self.from_latent = nn.Conv2d(config.latent_channels, width, 3, padding=1)
        self.decoder = nn.ModuleList(MemoryBlock(width) for _ in range(config.decoder_blocks))
        self.unfold = nn.Conv2d(width, TIME * config.frame_width * 4, 1)
        self.frame_block = nn.Conv2d(config.frame_width, config.frame_width, 3, padding=1)
        self.frame_refine = nn.ModuleList(
            nn.Conv2d(config.frame_width, config.frame_width, 3, padding=1) for _ in range(2)
        )
        self.frame_decoder = nn.ModuleList(
            FrameBlock(config.frame_width, 2 * config.frame_width) for _ in range(config.frame_blocks)
        )
        self.to_pixels = nn.Conv2d(config.frame_width, 3 * (cell // 2) ** 2, 3, padding=1)
        for linear in (self.patch_in, self.to_latent, self.from_latent, self.unfold, self.to_pixels):
            _begin_linear(linear)
        for silent in (self.frame_merge, self.frame_refine[1]):
            _silence(silent)
        self.register_buffer("latents_mean", torch.zeros(config.latent_channels))
        self.register_buffer("latents_std", torch.ones(config.latent_channels))

    def encode(self, video: Tensor) -> Tensor:
        """(B, 3, 1 + 4k, H, W) in -1..1 -> normalised latents (B, C, 1 + k, H/8, W/8). The first frame stands alone."""
        first = video[:, :, :1].expand(-1, -1, TIME, -1, -1)
        return self._normalise(self.encode_raw(torch.cat([first, video[:, :, 1:]], 2)))

    def encode_raw(self, video: Tensor) -> Tensor:
        """(B, 3, 4k, H, W) -> unnormalised latents (B, C, k, h, w), from an empty memory."""
        batch, _, time, height, width = video.shape
        length = time // TIME
        frames = video.transpose(1, 2).reshape(batch * time, 3, height, width)
        folded = frames.reshape(batch * length, TIME * 3, height, width)
        details = F.pixel_unshuffle(frames, self.config.spatial // 2)
        for frame_block in self.frame_encoder:
            details = frame_block(details)
        details = F.silu(self.frame_in(details))
        x = self.patch_in(F.pixel_unshuffle(folded, self.config.spatial))
        x = x + self.frame_merge(details.reshape(batch * length, -1, *details.shape[-2:]))
        for block in self.encoder:
            x, _ = block(x, torch.zeros_like(x[:batch]), length)
        return self.to_latent(x).unflatten(0, (batch, length)).transpose(1, 2)

    def encodes(self, name: str) -> bool:
        """Whether the tensor of that name takes part in encoding; the others only show latents."""
        return name.startswith(_ENCODES)

    def begin_memory(self, batch: int, height: int, width: int) -> tuple[Tensor, ...]:
        """Empty decoder memory for latents of `height` x `width`."""
        weight = self.from_latent.weight
        return tuple(weight.new_zeros(batch, self.config.width, height, width) for _ in self.decoder)

    def decode(self, latents: Tensor) -> Tensor:
        """Normalised latents (B, C, L, h, w), the first of them a single frame -> (B, 3, 1 + 4(L-1), H, W) in -1..1."""
        memory = self.begin_memory(latents.shape[0], *latents.shape[-2:])
        return self.decode_step(latents, memory)[0][:, :, TIME - 1 :]

    def decode_step(self, latents: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Go on decoding: (B, C, L, h, w) and memory -> frames (B, 3, 4L, H, W) and the memory after them."""
        stats = (1, -1, 1, 1, 1)
        raw = latents * self.latents_std.view(stats) + self.latents_mean.view(stats)
        return self.decode_raw(raw.to(self.from_latent.weight.dtype), memory)

    def decode_raw(self, latents: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """As `decode_step`, on unnormalised latents."""
        batch, _, length, height, width = latents.shape
        x = self.from_latent(latents.transpose(1, 2).flatten(0, 1))
        after = []
        for block, past in zip(self.decoder, memory, strict=True):
            x, past = block(x, past, length)
            after.append(past)
        x = F.pixel_shuffle(self.unfold(x).reshape(batch * length * TIME, -1, height, width), 2)
        x = x + F.silu(self.frame_block(F.silu(x)))
        x = x + self.frame_refine[1](F.silu(self.frame_refine[0](F.silu(x))))
        for frame_block in self.frame_decoder:
            x = frame_block(x)
        frames = F.pixel_shuffle(self.to_pixels(x), self.config.spatial // 2)
        return frames.unflatten(0, (batch, length * TIME)).transpose(1, 2), tuple(after)

    def _normalise(self, raw: Tensor) -> Tensor:
        stats = (1, -1, 1, 1, 1)
        return (raw - self.latents_mean.view(stats)) / self.latents_std.view(stats)


def save_autoencoder(model: Autoencoder, folder: Path) -> Path:
    """Write `autoencoder.safetensors`, its sizes beside it in `config.json`; returns the weights' path."""
    path = folder / "autoencoder.safetensors"
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, str(path))
    (folder / _SIZES).write_text(json.dumps({"autoencoder": model.config.to_dict()}, indent=2) + "\n")
    return path


def load_autoencoder(path: str | Path) -> Autoencoder:
    """The autoencoder of a run or of a weights folder, as large as the `config.json` beside it says. For inference.

    Raises InvalidInput where either file is missing, InvalidCheckpoint where they don't fit each other.
    """
    path = Path(path)
    described = path.with_name(_SIZES)
    if not path.is_file():
        raise InvalidInput(f"There is no autoencoder at {path}. Train one: pandora train autoencoder")
    try:
        sizes = json.loads(described.read_text())["autoencoder"]
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(
            f"{described} doesn't say how large {path.name} is ({error}). Give the folder that pandora train "
            f"autoencoder wrote, or one of weights."
        ) from error
    model = Autoencoder(AutoencoderConfig.from_dict(sizes))
    checkpoint.fill(model, checkpoint.read(path), path)
    return model.eval()


def _silence(conv: nn.Module) -> None:
    for parameter in conv.parameters():
        nn.init.zeros_(parameter)


def _begin_linear(conv: nn.Conv2d) -> None:
    """An orthogonal map at the kernel's centre: with silent blocks the autoencoder starts as a linear projection."""
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    middle = conv.kernel_size[0] // 2
    with torch.no_grad():
        conv.weight[:, :, middle, middle] = nn.init.orthogonal_(torch.empty(conv.out_channels, conv.in_channels))
