"""How near to the machine's limits a pass runs: its arithmetic and traffic, the device's peaks, and their ratio.

A pass can't be faster than its operations at the peak of matrix products, nor than its bytes at the peak of memory
traffic (Williams et al., "Roofline", 2009). Counts are closed forms that tests hold against torch's own counter;
peaks are measured on the device, at the time of asking.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from pandora.errors import InvalidConfig
from pandora.video import TransformerConfig


class Decoder(Protocol):
    """Part of an autoencoder's contract."""

    def decode_step(self, latents: Tensor, memory: tuple[Tensor, ...], /) -> tuple[Tensor, tuple[Tensor, ...]]: ...

    def parameters(self) -> Iterable[Tensor]: ...


@dataclass(frozen=True, kw_only=True)
class Work:
    """Floating-point operations (a multiply-add is two) of a pass, and the bytes that it has to move at least once."""

    flops: int
    bytes: int

    def __add__(self, other: "Work") -> "Work":
        return Work(flops=self.flops + other.flops, bytes=self.bytes + other.bytes)

    def __mul__(self, times: int) -> "Work":
        return Work(flops=self.flops * times, bytes=self.bytes * times)

    def seconds(self, peak: "Peak") -> float:
        """The least time that a device of these peaks can take."""
        return max(self.flops / peak.flops, self.bytes / peak.bytes)


@dataclass(frozen=True, kw_only=True)
class Peak:
    """What a device reaches: operations and bytes a second."""

    flops: float
    bytes: float
    device: str
    dtype: str

    def __str__(self) -> str:
        return f"{self.device}, {self.dtype}: {self.flops / 1e12:.4g} TFLOP/s, {self.bytes / 1e9:.4g} GB/s"


def share_of_peak(work: Work, seconds: float, peak: Peak) -> float:
    """The least possible time over the time taken: 1 at the roofline. Raises InvalidConfig for no time at all."""
    if not seconds > 0:
        raise InvalidConfig(f"A share of the peak needs the seconds that a pass took, more than 0, not {seconds}.")
    return work.seconds(peak) / seconds


def denoise(
    config: TransformerConfig,
    *,
    length: int,
    tokens: int,
    past: int,
    context: int,
    state: int = 0,
    batch: int = 1,
    itemsize: int = 2,
) -> Work:
    """One forward of the video transformer with a cache: one denoising step.

    Args:
        length: latent frames of the chunk.
        tokens: of the chunk (latent cells over the patch), of one row.
        past: cached tokens; context, state: those of the two roads of cross-attention, 0 where one is closed.
        itemsize: bytes of a weight and of a cached number.
    """
    width, layers, rows = config.width, config.num_layers, batch * tokens
    attended, inside = past + tokens + context + state, _block_weights(config, context, state)
    patch = config.patch_size[1] * config.patch_size[2] * (config.in_channels + config.out_channels)
    block = 2 * rows * inside + 4 * rows * width * attended
    time_and_action = 2 * batch * (length * _time_weights(config) + _action_weights(config))
    cached = 2 * layers * batch * width * attended  # keys and values that are read or written
    stream = 2 * rows * (width * layers + patch)
    return Work(
        flops=layers * block + 2 * rows * width * patch + time_and_action,
        bytes=itemsize * (cached + layers * inside + _time_weights(config) + width * patch + stream),
    )


def remember(
    config: TransformerConfig,
    *,
    length: int,
    tokens: int,
    past: int,
    context: int,
    state: int = 0,
    batch: int = 1,
    itemsize: int = 2,
) -> Work:
    """The cache of a clean chunk: a step without an action, of whose last block only keys and values are needed."""
    whole = denoise(
        config, length=length, tokens=tokens, past=past, context=context, state=state, batch=batch, itemsize=itemsize
    )
    width, rows, attended = config.width, batch * tokens, past + tokens + context + state
    patch = config.patch_size[1] * config.patch_size[2]
    spared = _block_weights(config, context, state) - 2 * width**2
    ends = width * patch * config.out_channels
    flops = 2 * rows * (spared + ends) + 4 * rows * width * attended + 2 * batch * _action_weights(config)
    return Work(flops=whole.flops - flops, bytes=whole.bytes - itemsize * (spared + ends))


def embed_context(config: TransformerConfig, *, context: int, batch: int = 1, itemsize: int = 2) -> Work:
    """Cross-attention keys and values of `context` text tokens: once an action."""
    return _embed(config, config.text_dim, batch * context, itemsize)


def embed_state(config: TransformerConfig, *, state: int, batch: int = 1, itemsize: int = 2) -> Work:
    """The same for `state` tokens of the state road. Raises InvalidConfig where the config has none."""
    if config.state_dim is None:
        raise InvalidConfig("This transformer has no state road: state_dim is None.")
    return _embed(config, config.state_dim, batch * state, itemsize)


def prefill(language: Mapping[str, Any], *, tokens: int, past: int = 0, batch: int = 1, itemsize: int = 2) -> Work:
    """A language model reads `tokens` after `past` cached ones; without the vocabulary's logits.

    `language` is a `transformers` config as a dictionary, of a decoder with gated feed-forward layers (Llama, Qwen);
    a vision-language model's `text_config` is found in it.
    """
    text = language.get("text_config") or language
    width, layers, inner = text["hidden_size"], text["num_hidden_layers"], text["intermediate_size"]
    heads = text["num_attention_heads"]
    head_dim = text.get("head_dim") or width // heads
    keys = head_dim * (text.get("num_key_value_heads") or heads)
    weights = layers * (2 * width * heads * head_dim + 2 * width * keys + 3 * width * inner)
    rows = batch * tokens
    scores = 4 * layers * rows * heads * head_dim * (past + tokens)  # causal kernels save at most half of the new part
    cached = 2 * layers * batch * keys * (past + tokens)
    return Work(flops=2 * rows * weights + scores, bytes=itemsize * (weights + cached + 2 * rows * width * layers))


def decode(decoder: Decoder, latents: Tensor, memory: tuple[Tensor, ...]) -> Work:
    """One step of a streaming decoder: latents (B, C, L, h, w) and the memory before them; meta tensors will do.

    Of its feature maps only what goes in and comes out is counted as traffic: a fused decoder keeps the rest in caches.
    """
    results: list[tuple[Tensor, tuple[Tensor, ...]]] = []
    flops = counted(lambda: results.append(decoder.decode_step(latents, memory)))
    frames, after = results[0]
    return Work(flops=flops, bytes=sum(x.nbytes for x in (*decoder.parameters(), latents, *memory, frames, *after)))


def counted(call: Callable[[], object]) -> int:
    """Operations of matrix products, convolutions and attention in a call, by torch's counter; meta tensors will do."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        call()
    return counter.get_total_flops()


@torch.inference_mode()
def measure_peak(device: torch.device, dtype: torch.dtype, size: int | None = None) -> Peak:
    """Matrix products of `size` x `size` and copies of as large a tensor as is out of cache, timed now.

    The best of several runs, since whatever else runs on the device only slows them. Default sizes: 8192 and 2 GiB on
    a GPU, 1024 and 128 MiB elsewhere.
    """
    gpu = device.type == "cuda"
    size = size or (8192 if gpu else 1024)
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(left)
    source = torch.zeros(2**30 if gpu else 2**26, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    products = _best_seconds(lambda: torch.matmul(left, right, out=out), device)
    copies = _best_seconds(lambda: target.copy_(source), device)
    name = torch.cuda.get_device_name(device) if gpu else str(device)
    return Peak(
        flops=2 * size**3 / products,
        bytes=2 * source.nbytes / copies,
        device=name,
        dtype=str(dtype).removeprefix("torch."),
    )


def timed(call: Callable[[], object], device: torch.device, runs: int = 5) -> float:
    """Seconds of one call: the mean of `runs` after two unmeasured ones, with the device's queue empty at both ends."""
    for _ in range(2):
        call()
    _wait(device)
    since = time.perf_counter()
    for _ in range(runs):
        call()
    _wait(device)
    return (time.perf_counter() - since) / runs


def _best_seconds(call: Callable[[], object], device: torch.device) -> float:
    return min(timed(call, device) for _ in range(4))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _embed(config: TransformerConfig, given: int, rows: int, itemsize: int) -> Work:
    width = config.width
    weights = given * width + width**2 + config.num_layers * 2 * width**2
    return Work(flops=2 * rows * weights, bytes=itemsize * (weights + rows * (given + 2 * config.num_layers * width)))


def _block_weights(config: TransformerConfig, context: int, state: int) -> int:
    """Of one block, as far as they are used: those for keys and values of either road are used once an action."""
    squares = 4 + 2 * (context > 0) + 2 * (state > 0)
    return squares * config.width**2 + 2 * config.width * config.ffn_dim


def _time_weights(config: TransformerConfig) -> int:
    width = config.width
    embedder = config.freq_dim * width + width**2
    return embedder * (2 if config.flow_map else 1) + 6 * width**2


def _action_weights(config: TransformerConfig) -> int:
    return 0 if config.action_dim is None else config.action_dim * config.width + config.width**2
