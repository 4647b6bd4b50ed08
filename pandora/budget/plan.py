"""What a model takes of a device's memory, said before anything is loaded, and what leaves the device if it must.

Weights and caches are exact (numbers times bytes). What computing needs besides are the tensors that live at once when
the operations run one by one: counted on meta tensors for decoders, in closed form for transformers. A reserve is left
for the driver and for the allocator's gaps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from pandora.config import Config
from pandora.errors import InvalidConfig
from pandora.pretrained.video import count_parameters
from pandora.video import TransformerConfig

GIB = 2**30
CARDS = {"24 GB": 22.4, "48 GB": 44.9, "80 GB": 79.1, "141 GB": 139.7}  # GiB that the smallest such cards report
NO_FIT = "doesn't fit"
Kind = Literal["weights", "caches", "working"]
_RESERVE = GIB  # driver, libraries, kernels
_GAPS = 0.04  # of the allocator
_TEXT_ENCODER_LAYERS, _TEXT_ENCODER_TABLE = 24, 256_384 * 4096  # UMT5-XXL's layers and vocabulary
_ROTATING = GIB  # float32 copies while a past is gathered, a slab at a time


@dataclass(frozen=True, kw_only=True)
class Workload(Config):
    """What runs: `worlds` stay on the device, and `rows` of them, or that many branches of one, step in one batch.

    `recorded` are lengths of the past, in latent frames, beside which one world's passes are recorded, each with memory
    of its own (`pandora.video.static`).
    """

    worlds: int = 1
    rows: int = 1
    branches: bool = False  # whether the rows are branches of one world, which share its past
    height: int = 480  # pixels
    width: int = 832
    chunk: int = 3  # latent frames made at once
    window: int = 12  # latent frames attended to, the sink among them
    context_tokens: int = 512  # of cross-attention
    prefix_tokens: int = 1024  # that the language model keeps of a world
    prompt_tokens: int = 128  # that it reads an action
    recorded: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, value in self.to_dict().items():
            if name not in ("branches", "recorded") and value < 1:
                raise InvalidConfig(f"{name} of a workload is at least 1, not {value}.")
        if any(not 1 <= past <= self.window for past in self.recorded):
            raise InvalidConfig(
                f"Recorded pasts are 1 to {self.window} latent frames, the window, not {self.recorded}."
            )


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Of the model: configs where the size of caches follows from them, numbers of parameters elsewhere."""

    video: TransformerConfig
    video_parameters: int | None = None  # counted where it is not given
    spatial: int = 8  # pixels a side of a latent cell
    language: Mapping[str, Any] | None = None  # a `transformers` config as a dictionary
    language_parameters: int = 0  # with its vision tower
    text_encoder_parameters: int = 0
    adapter_parameters: int = 0
    autoencoder_parameters: int = 0
    decoder_memory: int = 0  # bytes that the streaming decoder carries for one world, see `bytes_of`
    decoding: int = 0  # bytes that live at once while a row's latent frame is decoded, see `peak_bytes`
    encoding: int = 0  # the same while a picture is encoded


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of a plan. `layers`, if it has any, may pass through the device one after another."""

    name: str
    kind: Kind
    bytes: int
    detail: str
    layers: int = 0
    table: int = 0  # bytes of its largest single weight, the vocabulary's
    offloaded: bool = False

    @property
    def device_bytes(self) -> int:
        """Offloaded, the larger of a layer and the vocabulary is at work, and a layer is on its way."""
        if not self.offloaded:
            return self.bytes
        layer = self.bytes // self.layers
        return max(layer, self.table) + layer


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that a model takes. A value: `fit` returns another plan."""

    items: tuple[Item, ...]

    @property
    def device_bytes(self) -> int:
        """Weights and caches together, and the largest need of a computation, since those follow one another."""
        lasting = sum(item.device_bytes for item in self.items if item.kind != "working")
        working = max((item.device_bytes for item in self.items if item.kind == "working"), default=0)
        return int((lasting + working) * (1 + _GAPS)) + _RESERVE

    @property
    def host_bytes(self) -> int:
        return sum(item.bytes for item in self.items if item.offloaded)

    @property
    def offloaded(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.items if item.offloaded)

    def fits(self, capacity: float) -> bool:
        """Whether a device of so many bytes holds it."""
        return self.device_bytes <= capacity

    def fit(self, capacity: float) -> "Plan":
        """The same model with as few parts offloaded as `capacity` bytes ask for, those first that are used least.

        The text encoder goes first, since it is used once a sentence, then the language model; `pandora.offloading`
        does it. The video transformer runs several times a chunk and stays. Raises InvalidConfig, saying what takes
        most, where that isn't enough.
        """
        plan = self
        for index in (index for index, item in enumerate(self.items) if item.layers):
            if plan.fits(capacity):
                return plan
            items = list(plan.items)
            items[index] = replace(items[index], offloaded=True)
            plan = Plan(items=tuple(items))
        if plan.fits(capacity):
            return plan
        largest = sorted(plan.items, key=lambda item: -item.device_bytes)[:3]
        named = ", ".join(f"{item.name} {_gib(item.device_bytes)}" for item in largest)
        offloaded = f" with {' and '.join(plan.offloaded)} offloaded" if plan.offloaded else ""
        raise InvalidConfig(
            f"The model needs {_gib(plan.device_bytes)}{offloaded}, and the device has {_gib(capacity)}. Most of it: "
            f"{named}. Lower worlds, rows, window, height or width, record no passes, quantise the video transformer "
            "(fp8 or int8), or take a smaller model or a larger device."
        )

    def verdict(self, capacity: float) -> str:
        """One phrase: whether it fits, and with what offloaded."""
        try:
            plan = self.fit(capacity)
        except InvalidConfig:
            return NO_FIT
        return f"fits with {' and '.join(plan.offloaded)} offloaded" if plan.offloaded else "fits"

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Lines of a table: name, kind, size on the device, detail; the last one is the whole."""
        lines = [
            (item.name, item.kind, _gib(item.device_bytes), item.detail + (", offloaded" if item.offloaded else ""))
            for item in self.items
        ]
        reserve = f"with {_gib(_RESERVE)} for the driver and {_GAPS:.0%} for gaps; of working memory the largest"
        return [*lines, ("in all", "", _gib(self.device_bytes), reserve)]


def plan(parts: Parts, workload: Workload, dtype: torch.dtype = torch.bfloat16, video_bits: int | None = None) -> Plan:
    """The plan of a model under a workload.

    Args:
        video_bits: of the video transformer's weights, 8 where `pandora.quantization` makes them so.
    """
    size, video = dtype.itemsize, parts.video
    count = count_parameters(video) if parts.video_parameters is None else parts.video_parameters
    bits = video_bits or 8 * size
    cells = (workload.height // parts.spatial, workload.width // parts.spatial)
    tokens = (cells[0] // video.patch_size[1]) * (cells[1] // video.patch_size[2])  # of a latent frame
    items = [
        Item(
            name="text encoder", kind="weights", bytes=parts.text_encoder_parameters * size,
            detail=_count(parts.text_encoder_parameters), layers=_TEXT_ENCODER_LAYERS,
            table=_TEXT_ENCODER_TABLE * size,
        ),
        *_language_items(parts, workload, size),
        Item(name="adapter", kind="weights", bytes=parts.adapter_parameters * size,
             detail=_count(parts.adapter_parameters)),
        Item(name="video transformer", kind="weights", bytes=count * bits // 8,
             detail=f"{_count(count)}, {bits} bits"),
        *_video_items(video, workload, tokens, size),
        Item(name="autoencoder", kind="weights", bytes=parts.autoencoder_parameters * size,
             detail=_count(parts.autoencoder_parameters)),
        Item(name="decoder memory", kind="caches", bytes=parts.decoder_memory * (workload.worlds + workload.rows),
             detail=f"{_gib(parts.decoder_memory)} a world or row"),
        Item(name="decoding", kind="working", bytes=workload.rows * parts.decoding, detail="4 frames a row"),
        Item(name="encoding", kind="working", bytes=parts.encoding, detail="a picture"),
    ]  # fmt: skip
    return Plan(items=tuple(item for item in items if item.bytes))


def video_cache_bytes(config: TransformerConfig, tokens: int, itemsize: int = 2) -> int:
    """Keys and values of `tokens` in every layer of the video transformer."""
    return 2 * config.num_layers * tokens * config.width * itemsize


def denoising_bytes(config: TransformerConfig, tokens: int, itemsize: int = 2) -> int:
    """Of what lives at once in a block of the video transformer: x and its copies, and the feed-forward's inside."""
    copies = config.width * (3 * itemsize + 12)  # three in the dtype of x, three in float32
    return tokens * (copies + 2 * config.ffn_dim * itemsize)


def language_cache_bytes(language: Mapping[str, Any], tokens: int, itemsize: int = 2) -> int:
    """Keys and values of `tokens` in every layer of a language model, from its `transformers` config."""
    text = language.get("text_config") or language
    heads = text["num_attention_heads"]
    head_dim = text.get("head_dim") or text["hidden_size"] // heads
    return 2 * text["num_hidden_layers"] * tokens * (text.get("num_key_value_heads") or heads) * head_dim * itemsize


def _language_items(parts: Parts, workload: Workload, size: int) -> list[Item]:
    if parts.language is None:
        return []
    text = parts.language.get("text_config") or parts.language
    prefix = language_cache_bytes(parts.language, workload.prefix_tokens, size)
    prompt = language_cache_bytes(parts.language, workload.prompt_tokens, size)
    read = max(workload.prefix_tokens, workload.rows * workload.prompt_tokens)
    return [
        Item(
            name="language model", kind="weights", bytes=parts.language_parameters * size,
            detail=_count(parts.language_parameters), layers=text["num_hidden_layers"],
            table=text.get("vocab_size", 0) * text["hidden_size"] * size,
        ),
        Item(
            name="prefix cache", kind="caches", bytes=workload.worlds * prefix + workload.rows * prompt,
            detail=f"{workload.prefix_tokens} tokens a world, {workload.prompt_tokens} a row",
        ),
        Item(
            name="reading", kind="working",
            bytes=read * (6 * text["hidden_size"] + 3 * text["intermediate_size"]) * size,
            detail=f"estimate, {read} tokens at once",
        ),
    ]  # fmt: skip


def _video_items(config: TransformerConfig, workload: Workload, tokens: int, size: int) -> list[Item]:
    past, own = workload.window * tokens, workload.chunk * tokens
    held = workload.worlds * past + workload.rows * (own + workload.context_tokens)
    gathered = (1 if workload.branches else workload.rows) * past + workload.rows * own
    recorded = sum(frames * tokens + 2 * own + 2 * workload.context_tokens for frames in workload.recorded)
    beside = 0 if workload.rows == 1 and workload.window in workload.recorded else gathered
    return [
        Item(
            name="video cache", kind="caches", bytes=video_cache_bytes(config, held, size),
            detail=f"{workload.window} latent frames of {tokens} tokens a world, {workload.chunk} a row",
        ),
        Item(
            name="gathered past", kind="caches", bytes=video_cache_bytes(config, beside, size),
            detail="one window for all rows, rotated" if workload.branches else "a window for each row, rotated",
        ),
        Item(
            name="recorded passes", kind="caches", bytes=video_cache_bytes(config, recorded, size),
            detail=f"beside {', '.join(map(str, workload.recorded))} latent frames",
        ),
        Item(
            name="denoising", kind="working", bytes=max(denoising_bytes(config, workload.rows * own, size), _ROTATING),
            detail=f"{own} tokens a row beside {past}",
        ),
    ]  # fmt: skip


def _gib(count: float) -> str:
    return f"{count / GIB:.2f} GiB"


def _count(parameters: int) -> str:
    return f"{parameters:,} parameters"
