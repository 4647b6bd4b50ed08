"""Instruction tuning at size: a pretrained video transformer learns to go on from a past, as it is told.

A clip is a first latent frame and chunks, each with its own action. Every chunk is noised by a time of its own and
predicted from the clean chunks before it, whose keys and values stand at t = 0: teacher forcing with independent noise
(diffusion forcing, 2407.01392; CausVid, 2412.07772), chunk by chunk as in sampling, so that no mask is needed and the
cache that is learnt is the cache that is used. The loss is flow matching's: the mean squared error of the velocity.
Withheld pictures are pure noise at t = 1 (history guidance, 2502.06764), withheld text is the null conditioning.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch import Tensor, nn

from pandora.adapter import Adapter, AdapterConfig, Conditioning
from pandora.errors import InvalidConfig, UnknownName
from pandora.media import to_tensor
from pandora.pretrained.autoencoder import load_autoencoder
from pandora.pretrained.backbone import ReadingConfig
from pandora.pretrained.latents import TIME
from pandora.pretrained.loading import load_backbone
from pandora.pretrained.lora import adapt, is_adapted, unfreeze
from pandora.pretrained.prompts import PROMPT_TOKENS, PromptEncoder
from pandora.pretrained.release import (
    ROADS,
    WIDE,
    Past,
    Release,
    Tuned,
    describe_base,
    load_release,
    lost_bases,
    open_state_road,
    save_release,
)
from pandora.pretrained.video import load_transformer
from pandora.training.captioned import ClipBatch, ClipForm, Dropout
from pandora.training.checkpointing import prepare_blocks, recompute_layers, roads
from pandora.training.distributed import device_of, launched
from pandora.training.ewc import Anchor
from pandora.training.films import open_films
from pandora.training.run import Run, RunConfig, command_line, shapes_of
from pandora.video.cache import Cache, append
from pandora.video.flow import diffuse

_GREY = 128  # what the backbone sees where pictures are withheld
_STATE = ("attn_state", "norm_state", "state_embedder")  # of the state road, which no checkpoint holds
_TEXT = ("attn2", "norm2", "text_embedder")


@dataclass(frozen=True, kw_only=True)
class InstructionTraining(RunConfig):
    """The stage's settings. Pandora trains transformer and queries; PAN these and a state road; LoRA is ours."""

    out: str = "runs/instruction"
    start_from: str = ""  # a release of the alignment, or of an earlier run of this stage, whose parts are gone on with
    backbone: str = (
        "qwen2.5-vl-7b"  # name here, hub name or folder; where a release names it, read only if that folder is gone
    )
    video: str = "wan2.1-t2v-1.3b"
    autoencoder: str = "wan2.1-t2v-1.3b"
    text_encoder: str = ""  # needed where the road is both: hub name or folder
    prompt_tokens: int = PROMPT_TOKENS  # that the text encoder reads
    road: str = "text"  # of the adapter's tokens: text, in place of the text encoder's; state, alone; both, beside them
    video_rank: int = 64  # of low-rank updates of the transformer; 0 trains it whole
    backbone_rank: int = 0  # of low-rank updates of the language model; 0 leaves it as it is
    tune_adapter: bool = True
    history_noise: float = 0.1  # at most, on half of the rows: a model's own past is never quite clean
    anchor: str = ""  # what `pandora train anchor` wrote: holds the language model where its own task needs it
    ewc: float = 1.0  # weight of the anchor
    recompute: bool = True  # blocks in the backward pass: slower, far less memory
    past_gradient: bool = True  # through what is remembered; without it, less memory (Transformer-XL, 1901.02860)
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    adapter: AdapterConfig = WIDE
    past: Past = field(default_factory=Past)
    form: ClipForm = field(default_factory=ClipForm)
    dropout: Dropout = field(default_factory=Dropout)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.road not in ROADS:
            raise UnknownName("road", self.road, ROADS)
        if self.form.frames_per_action != TIME * self.past.chunk:
            raise InvalidConfig(
                f"An action of {self.form.frames_per_action} frames is no chunk of {self.past.chunk} latent frames of "
                f"{TIME}. Set form.frames_per_action to {TIME * self.past.chunk}, or past.chunk."
            )
        if not 0 <= self.history_noise < 1:
            raise InvalidConfig(f"history_noise is a share of noise, 0 up to less than 1, not {self.history_noise}.")
        if (self.road == "both") != bool(self.text_encoder):
            raise InvalidConfig(f"Road {self.road!r} and text_encoder {self.text_encoder!r}: both roads take one.")
        if self.anchor and not self.backbone_rank:
            raise InvalidConfig("An anchor holds a language model that is trained. Set backbone_rank, or no anchor.")

    def shapes(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("road", "video_rank", "backbone_rank", "tune_adapter")}
        return own if self.start_from else own | shapes_of(self.reading, self.adapter)


class InstructionModel(nn.Module):
    """Backbone, adapter and transformer as one module, whose `forward` is the loss."""

    def __init__(
        self,
        tuned: Tuned,
        history_noise: float = 0.0,
        anchor: Anchor | None = None,
        ewc: float = 0.0,
        past_gradient: bool = True,
    ):
        """`ewc` weighs the penalty of an anchor of the decoder. `prepare_blocks` is called on `video` before use."""
        super().__init__()
        assert tuned.adapter is not None
        assert tuned.video is not None
        self.backbone, self.adapter, self.video = tuned.backbone, tuned.adapter, tuned.video
        self.past, self.road = tuned.release.past, tuned.release.road
        self.history_noise, self.anchor, self.ewc = history_noise, anchor, ewc
        self.past_gradient = past_gradient

    def forward(self, latents: Tensor, batch: ClipBatch, prompts: Tensor | None = None) -> Tensor:
        """Losses (3,): what to lower, the velocity's error, the anchor's penalty.

        latents (B, C, 1 + A * chunk, h, w) of the batch's frames; prompts (B * A, S, text_dim): the text encoder's
        tokens of its actions, clip by clip, where the road is "both".
        """
        told = self.condition(batch, latents.device)
        flow = self.velocity_error(latents, told, prompts, batch.no_image.to(latents.device))
        penalty = flow.new_zeros(()) if self.anchor is None else self.anchor.penalty(self.backbone.decoder)
        return torch.stack([flow + self.ewc * penalty, flow.detach(), penalty.detach()])

    def condition(self, batch: ClipBatch, device: torch.device) -> Conditioning:
        """What B * A chunks are told, clip by clip: the adapter's reading of the frame before and the action."""
        rows, count = len(batch.actions), len(batch.actions[0])
        each = (batch.frames.shape[1] - 1) // count
        now = batch.frames[:, : count * each : each].to(device)
        now = now.masked_fill(batch.no_image.to(device).view(-1, 1, 1, 1, 1), _GREY)
        said = [text for row in batch.actions for text in row]
        earlier = [batch.earlier(action)[row] for row in range(rows) for action in range(count)]
        conditioning = self.adapter(self.backbone(now.flatten(0, 1), said, earlier))
        heard = torch.tensor([bool(text) for text in said], device=device)
        heard = heard & ~batch.no_text.to(device).repeat_interleave(count)
        return conditioning.where(heard, self.adapter.null(rows * count))

    def velocity_error(self, latents: Tensor, told: Conditioning, prompts: Tensor | None, blind: Tensor) -> Tensor:
        """Flow matching's loss over all chunks, a scalar; `blind` (B,) bool: rows whose past is withheld."""
        chunk, rows = self.past.chunk, latents.shape[0]
        count = (latents.shape[2] - 1) // chunk
        piece, *targets = latents.split([1, *[chunk] * count], dim=2)
        cache: Cache | None = None
        errors: list[Tensor] = []
        for number, target in enumerate(targets):
            cache = self.remember(piece, cache, blind)
            time = self._times(rows, latents.device)
            noise = torch.randn_like(target)
            action = torch.arange(rows, device=latents.device) * count + number
            context, state = self._roads(told[action], None if prompts is None else prompts[action])
            pooled = told.pooled_BD[action] if self.video.config.action_dim is not None else None
            noisy = diffuse(target, noise, time)
            velocity, _ = self.video(noisy, time * 1000, context, pooled, cache, state=state)
            errors.append((velocity.float() - (noise - target)).square().mean())
            piece = target
        return torch.stack(errors).mean()

    def remember(self, piece: Tensor, cache: Cache | None, blind: Tensor) -> Cache:
        """The cache after a clean piece (B, C, L, h, w), within the window; it is told of no action."""
        rows, length = piece.shape[0], piece.shape[2]
        level = self.history_noise * torch.rand(rows, device=piece.device)
        level = torch.where(torch.rand(rows, device=piece.device) < 0.5, level, 0.0)
        level = torch.where(blind, 1.0, level)
        time = blind.float().unsqueeze(1).expand(-1, length) * 1000
        seen = diffuse(piece, torch.randn_like(piece), level)
        with torch.set_grad_enabled(self.past_gradient and torch.is_grad_enabled()):
            _, entries = self.video(seen, time, self._silence(rows, piece.device), None, cache)
        each = entries[0][0].shape[1] // length
        return roll(append(cache, entries), self.past.sink * each, self.past.history * each)

    def _silence(self, rows: int, device: torch.device) -> Any:
        """The context of a past that knows no action, as `VideoModel.remember` has it."""
        if self.road == "state":
            return None
        nothing = torch.zeros(rows, 1, self.video.config.text_dim, device=device)
        return roads(self.video, self._embed_text(nothing))

    def _roads(self, told: Conditioning, prompts: Tensor | None) -> tuple[Any, Any]:
        """Context and state of a chunk."""
        if self.road == "text":
            return roads(self.video, self._embed_text(told.context_BND)), None
        embedder = self.video.condition_embedder.state_embedder
        assert embedder is not None, "the transformer has a state road"
        state = roads(self.video, embedder(told.context_BND))
        if self.road == "state":
            return None, state
        assert prompts is not None, "the text road is open"
        return roads(self.video, self._embed_text(prompts)), state

    def _embed_text(self, tokens: Tensor) -> Tensor:
        return self.video.condition_embedder.text_embedder(tokens.to(self.video.proj_out.weight.dtype))

    def _times(self, rows: int, device: torch.device) -> Tensor:
        shift, u = self.past.time_shift, torch.rand(rows, device=device)
        return shift * u / (1 + (shift - 1) * u)


def roll(cache: Cache, sink: int, window: int) -> Cache:
    """The first `sink` tokens and the newest, `window` in all; positions count anew over what is left."""
    if cache[0][0].shape[1] <= window:
        return cache
    newest = window - sink

    def kept(x: Tensor) -> Tensor:
        return torch.cat([x[:, :sink], x[:, x.shape[1] - newest :]], 1)

    return tuple((kept(keys), kept(values)) for keys, values in cache)


def train(config: InstructionTraining) -> Path:
    """Train or resume; returns the release's folder."""
    films = open_films(config.data)  # before hours of fetching models
    with launched(config.precision, config.accumulate, config.device == "cpu") as accelerator:
        torch.manual_seed(config.seed)
        device = device_of(accelerator)
        dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
        tuned = begin(config, dtype, device)
        autoencoder = load_autoencoder(config.autoencoder, dtype=dtype, device=device)
        check_form(config.form, autoencoder.spatial, tuned)
        encoder = None
        if config.text_encoder:
            encoder = PromptEncoder.from_pretrained(config.text_encoder, dtype, device, config.prompt_tokens)
        anchor = load_anchor(config, accelerator)
        model = InstructionModel(tuned, config.history_noise, anchor, config.ewc, config.past_gradient)
        prepare_blocks(model.video, config.recompute)
        if config.recompute:
            recompute_layers(model.backbone)
        run = Run(config, accelerator, model, films, config.form, config.dropout, ("loss", "flow", "ewc"))
        for _ in run.steps():
            for samples in run.batches():
                batch = ClipBatch.of(samples)
                with torch.no_grad():
                    latents = autoencoder.encode(to_tensor(batch.frames, device).transpose(1, 2))
                    prompts = None if encoder is None else encoder(batch.prompts()).clone()  # for autograd
                run.learn(run.model(latents, batch, prompts))
        weights = run.weights()
        if accelerator.is_main_process:
            save_release(run.folder / "release", tuned, weights, command_line("instruction", config))
        accelerator.wait_for_everyone()
    return Path(config.out) / "release"


def begin(config: InstructionTraining, dtype: torch.dtype, device: str) -> Tuned:
    """The parts, with what is to be trained of them in float32: of a release, and of published models what it lacks.

    Raises InvalidConfig where the adapter's tokens don't fit the road.
    """
    if config.start_from:
        lost = lost_bases(config.start_from)
        tuned = load_release(
            config.start_from, backbone=config.backbone if "backbone" in lost else "",
            video=config.video if "video" in lost else "", dtype=dtype, device=device,
        )  # fmt: skip
        _check_goes_on(config, tuned.release)
    else:
        backbone = load_backbone(config.backbone, config.reading, dtype, device)
        base = describe_base("backbone", config.backbone)
        release = Release(stage="instruction", backbone=base, reading=config.reading, adapter=config.adapter)
        tuned = Tuned(release, backbone)
    video, base = tuned.video, tuned.release.video
    if video is None:
        video, base = load_transformer(config.video, dtype=dtype, device=device), describe_base("video", config.video)
    if tuned.adapter is None:
        width = video.config.text_dim if config.road == "text" else config.adapter.context_width
        widths = {"backbone_width": tuned.backbone.width, "context_width": width}
        tuned.adapter = Adapter(AdapterConfig.from_dict(config.adapter.to_dict() | widths)).to(device)
    adapter = tuned.adapter.config
    if config.road == "text" and adapter.context_width != video.config.text_dim:
        raise InvalidConfig(
            f"The adapter's tokens are {adapter.context_width} wide and the text road takes {video.config.text_dim}. "
            "Use the road 'state', or an alignment with this video model's own text encoder."
        )
    if config.road != "text" and video.config.state_dim is None:
        open_state_road(video, adapter.context_width)
    tuned.video = video
    tuned.release = replace(
        tuned.release, stage="instruction", video=base, adapter=adapter, past=config.past, road=config.road,
        state_dim=video.config.state_dim, video_rank=config.video_rank, backbone_rank=config.backbone_rank,
        prompt_tokens=config.prompt_tokens, merged=False,
    )  # fmt: skip
    choose_trained(config, tuned)
    return tuned


def check_form(form: ClipForm, spatial: int, tuned: Tuned) -> None:
    """Raises InvalidConfig where clips are no whole number of patches, of latent cells of `spatial` pixels a side."""
    assert tuned.video is not None
    _, *patch = tuned.video.config.patch_size
    for side, length, cells in zip(("height", "width"), (form.height, form.width), patch, strict=True):
        if length < 1 or length % (least := spatial * cells):
            raise InvalidConfig(
                f"form.{side} is a multiple of {least} here, as the autoencoder makes a latent cell of {spatial} "
                f"pixels and the transformer a token of {cells} cells; got {length}. Use "
                f"{max(1, round(length / least)) * least}."
            )


def _check_goes_on(config: InstructionTraining, release: Release) -> None:
    """Raises InvalidConfig where a release's own video model was trained in another way: part of it would be lost."""
    if not release.video.name:
        return
    kept = release.road, release.video_rank, release.backbone_rank
    free = (release.road, config.video_rank, config.backbone_rank) if release.merged else kept
    if (config.road, config.video_rank, config.backbone_rank) != free:
        raise InvalidConfig(
            f"{config.start_from} was trained with road = {kept[0]}, video_rank = {kept[1]}, backbone_rank = "
            f"{kept[2]}. Go on with the same, or merge it first (pandora train merge) and choose other ranks."
        )


def choose_trained(config: InstructionTraining, tuned: Tuned) -> None:
    """Mark what is trained, and keep it in float32: what no road leads to would never get a gradient."""
    backbone, adapter, video = tuned.backbone, tuned.adapter, tuned.video
    assert adapter is not None
    assert video is not None
    for module in (backbone, adapter, video):
        module.requires_grad_(False)
    if config.backbone_rank:
        _adapt(backbone.model, "language", config.backbone_rank)
    unread = "pooled" if video.config.action_dim is None else "no parameter"
    chosen = [backbone.queries_QD]
    if config.tune_adapter:
        chosen += [p for name, p in adapter.named_parameters() if unread not in name]
    if config.video_rank:
        _adapt(video, "video", config.video_rank, "attn2" if config.road == "state" else "")
    else:
        closed = _TEXT if config.road == "state" else ()
        chosen += [p for name, p in video.named_parameters() if not any(part in name for part in closed)]
    if config.road != "text":
        chosen += [p for name, p in video.named_parameters() if any(part in name for part in _STATE)]
    for parameter in chosen:
        parameter.requires_grad_(True)
        parameter.data = parameter.data.float()


def _adapt(model: nn.Module, layout: str, rank: int, without: str = "") -> None:
    """Put low-rank updates in, or go on with those that are there."""
    if is_adapted(model):
        unfreeze(model)
    else:
        adapt(model, layout, rank, without)


def load_anchor(config: InstructionTraining, accelerator: Accelerator) -> Anchor | None:
    """Raises InvalidConfig where weights are shared out among processes, and InvalidCheckpoint."""
    if config.anchor and accelerator.distributed_type == DistributedType.FSDP:
        raise InvalidConfig("An anchor compares whole weights, and fsdp2 shares them out. Launch with ddp.")
    return Anchor.load(config.anchor) if config.anchor else None
