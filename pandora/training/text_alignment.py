"""Alignment of a pretrained language model with a pretrained video model, before any video is made.

The adapter learns to say in the video model's own text tokens what the language model has read: a frozen text encoder
encodes the captions, and the adapter's tokens are regressed to it (Pandora, 2406.09455: L2 between both).
Trained are the adapter and the learned queries.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pandora.adapter import Adapter, AdapterConfig
from pandora.pretrained.backbone import PretrainedBackbone, ReadingConfig
from pandora.pretrained.loading import load_backbone
from pandora.pretrained.prompts import PromptEncoder
from pandora.pretrained.release import WIDE, Release, Tuned, describe_base, save_release
from pandora.training.captioned import ClipBatch, ClipForm, Dropout
from pandora.training.checkpointing import recompute_layers
from pandora.training.distributed import device_of, launched
from pandora.training.films import open_films
from pandora.training.run import Run, RunConfig, command_line, shapes_of

_NOTHING_WITHHELD = Dropout(text=0.0, image=0.0, both=0.0)


@dataclass(frozen=True, kw_only=True)
class TextAlignment(RunConfig):
    """The stage's settings. Widths of the adapter that follow from the models are taken from them."""

    out: str = "runs/text-alignment"
    batch: int = 32
    padding: float = 0.1  # weight of the tokens beyond a caption's end, which the video model reads as zeros
    text_encoder: str = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"  # hub name or folder
    backbone: str = "qwen2.5-vl-7b"  # name here, hub name or folder
    recompute: bool = True  # layers in the backward pass: slower, far less memory
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    adapter: AdapterConfig = WIDE
    form: ClipForm = field(default_factory=lambda: ClipForm(actions=1, frames_per_action=1))  # the first frame is seen

    def shapes(self) -> dict[str, Any]:
        return shapes_of(self.reading, self.adapter)


class AlignmentModel(nn.Module):
    """What is trained, and what it looks through."""

    def __init__(self, backbone: PretrainedBackbone, adapter: Adapter):
        super().__init__()
        self.backbone, self.adapter = backbone, adapter
        backbone.requires_grad_(False)
        backbone.queries_QD.requires_grad_(True)
        backbone.queries_QD.data = backbone.queries_QD.data.float()
        for name, parameter in adapter.named_parameters():
            parameter.requires_grad_("pooled" not in name and "null" not in name)

    def forward(self, frames: Tensor, captions: list[str], target: Tensor, padding: float) -> Tensor:
        """Frames (B, H, W, 3) uint8, B captions, the encoder's tokens (B, N, D), zero beyond the end -> losses (2,).

        They are the loss, and 1 - cosine of the captions' tokens, which is not lowered by itself.
        """
        mask = target.any(2)
        said = self.adapter(self.backbone(frames, captions, [()] * len(captions))).context_BND.float()
        with torch.no_grad():
            away = 1 - F.cosine_similarity(said, target, dim=2)[mask].mean()
        return torch.stack([regression(said, target, mask, padding), away])


def regression(said: Tensor, target: Tensor, mask: Tensor, padding: float) -> Tensor:
    """Mean squared error over the real tokens, plus `padding` times that over the others, whose target is zero.

    said, target (B, N, D); mask (B, N) bool, true where a token is real.
    """
    error = (said - target).square().mean(2)
    real = (error * mask).sum() / mask.sum().clamp(min=1)
    beyond = (error * ~mask).sum() / (~mask).sum().clamp(min=1)
    return real + padding * beyond


def train(config: TextAlignment) -> Path:
    """Train or resume; returns the folder of the release that the stage `instruction` starts from."""
    films = open_films(config.data)  # before hours of fetching models
    with launched(config.precision, config.accumulate, config.device == "cpu") as accelerator:
        torch.manual_seed(config.seed)
        device = device_of(accelerator)
        dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
        encoder = PromptEncoder.from_pretrained(config.text_encoder, dtype, device, config.adapter.context_tokens)
        backbone = load_backbone(config.backbone, config.reading, dtype, device)
        widths = {"backbone_width": backbone.width, "context_width": encoder.encoder.config.d_model}
        adapter = Adapter(AdapterConfig.from_dict(config.adapter.to_dict() | widths)).to(device)
        with torch.no_grad():  # "no action" is the empty prompt, which the video model knows
            adapter.null_context_ND.copy_(encoder([""])[0])
        model = AlignmentModel(backbone, adapter)
        if config.recompute:
            recompute_layers(backbone)
        run = Run(config, accelerator, model, films, config.form, _NOTHING_WITHHELD, ("loss", "cosine"))
        for _ in run.steps():
            for samples in run.batches():
                batch = ClipBatch.of(samples)
                captions = [said[0] for said in batch.actions]
                target = encoder(captions).float()
                run.learn(run.model(batch.frames[:, 0].to(device), captions, target, config.padding))
        weights = run.weights()
        if accelerator.is_main_process:
            base = describe_base("backbone", config.backbone)
            release = Release(stage="text-alignment", backbone=base, reading=config.reading, adapter=adapter.config)
            tuned = Tuned(release, backbone, adapter)
            save_release(run.folder / "release", tuned, weights, command_line("text-alignment", config))
        accelerator.wait_for_everyone()
    return Path(config.out) / "release"
