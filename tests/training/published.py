"""Tiny published models as folders, saved by the library's own classes, and a folder of labelled films."""

import json
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from tokenizers import processors
from torch import Tensor, nn
from transformers import UMT5Config, UMT5EncoderModel

from pandora.adapter import AdapterConfig
from pandora.media import save_film
from pandora.pretrained.release import Past, Tuned, save_release
from pandora.training.captioned import ClipForm
from pandora.training.instruction import InstructionTraining, begin
from pandora.training.run import command_line
from tests.pretrained.backbones import CONFIG, clip, save_tiny, tiny_tokenizer

FORM = ClipForm(actions=2, frames_per_action=4, fps=8.0, height=16, width=32)
PAST = Past(chunk=1, history=4, sink=1, time_shift=3.0)
ADAPTER = AdapterConfig(width=16, layers=1, heads=2, ffn=16, context_tokens=8, context_width=24, pooled_width=16)
READING = CONFIG
TEXT_DIM = 24


def save_all(folder: Path) -> Path:
    """backbone/, pipeline/ (transformer, vae, text_encoder, tokenizer) and films/ below a folder."""
    torch.manual_seed(0)
    save_tiny("qwen2_5_vl", folder / "backbone")
    pipeline = folder / "pipeline"
    WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=TEXT_DIM, freq_dim=16,
        ffn_dim=32, num_layers=2,
    ).save_pretrained(pipeline / "transformer")  # fmt: skip
    AutoencoderKLWan(
        base_dim=4, z_dim=4, dim_mult=[1, 1, 2, 2], num_res_blocks=1, latents_mean=[0.0] * 4, latents_std=[1.0] * 4
    ).save_pretrained(pipeline / "vae")
    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", tokenizer.convert_tokens_to_ids("</s>"))]
    )  # as T5's ends every text
    encoder = UMT5Config(
        vocab_size=len(tokenizer), d_model=TEXT_DIM, d_kv=8, d_ff=32, num_layers=1, num_heads=2, pad_token_id=0
    )
    UMT5EncoderModel(encoder).save_pretrained(pipeline / "text_encoder")
    tokenizer.save_pretrained(pipeline / "tokenizer")
    save_films(folder / "films")
    return folder


def save_films(folder: Path, count: int = 2) -> Path:
    """Films of 16 frames, the first of them with actions, the others with captions."""
    folder.mkdir(parents=True)
    lines = []
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 256, (4, 8, 3), dtype=np.uint8)
        frames = np.stack([np.kron(np.roll(noise, shift, 1), np.ones((8, 8, 1), np.uint8)) for shift in range(16)])
        save_film(folder / f"{number}.mp4", frames, 8.0)
        acts = [{"text": "go left", "start": 0.0, "end": 0.5}, {"text": "go right", "start": 0.5, "end": 2.0}]
        label = {"caption": f"noise {number}"} if number else {"actions": acts}
        lines.append(json.dumps({"file": f"{number}.mp4"} | label))
    (folder / "films.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def settings_of(home: Path) -> InstructionTraining:
    return InstructionTraining(
        backbone=str(home / "backbone"), video=str(home / "pipeline" / "transformer"), past=PAST, form=FORM,
        reading=READING, adapter=ADAPTER, road="state", video_rank=2, backbone_rank=3,
    )  # fmt: skip


def tune(home: Path) -> Tuned:
    """Every trained weight is somewhere else than it began."""
    torch.manual_seed(0)
    tuned = begin(settings_of(home), torch.float32, "cpu")
    with torch.no_grad():
        for parameter in (p for p in parts(tuned).parameters() if p.requires_grad):
            parameter += 0.1 * torch.randn_like(parameter)
    return tuned


def release_of(trained: Tuned, home: Path) -> Path:
    """As the stage would save it, below `home`."""
    weights = {name: p for name, p in parts(trained).named_parameters() if p.requires_grad}
    return save_release(home / "release", trained, weights, command_line("instruction", settings_of(home)))


def parts(tuned: Tuned) -> nn.ModuleDict:
    assert tuned.adapter is not None
    assert tuned.video is not None
    return nn.ModuleDict({"backbone": tuned.backbone, "adapter": tuned.adapter, "video": tuned.video})


@torch.no_grad()
def imagine(tuned: Tuned) -> Tensor:
    """A velocity that every part has a say in."""
    assert tuned.adapter is not None
    assert tuned.video is not None
    told = tuned.adapter(tuned.backbone(clip(0), ["go left"], [("wait",)]))
    generator = torch.Generator().manual_seed(0)
    latents, time = torch.randn(1, 4, 2, 2, 4, generator=generator), torch.tensor([500.0])
    return tuned.video(latents, time, None, state=tuned.video.embed_state(told.context_BND))[0]


def copy(folder: Path, to: Path) -> Path:
    """The folder's files."""
    for path in folder.rglob("*"):
        if path.is_file():
            (to / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            (to / path.relative_to(folder)).write_bytes(path.read_bytes())
    return to
