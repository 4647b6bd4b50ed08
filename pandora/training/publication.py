"""From a release to what others use: merged into plain weights that load without `peft`, and onto the hub."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from httpx import TransportError
from huggingface_hub import HfApi, save_torch_state_dict
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from torch import nn

from pandora.checkpoint import verify
from pandora.checkpoint.manifest import MANIFEST, read_manifest
from pandora.config import Config
from pandora.errors import InvalidCheckpoint, InvalidInput, PandoraError
from pandora.pretrained.files import locate
from pandora.pretrained.lora import merge
from pandora.pretrained.published_backbones import BACKBONES
from pandora.pretrained.release import LOCAL, Base, Tuned, describe_base, load_release, save_release
from pandora.runtime import Runtime
from pandora.video.transformer import CausalVideoTransformer, TransformerConfig

_OURS = ("action_dim", "state_dim", "flow_map", "flow_map_gate")  # fields that diffusers' configs don't have
_STATE_ROAD = ("attn_state", "norm_state", "state_embedder")


@dataclass(frozen=True, kw_only=True)
class MergeConfig(Config):
    """A release, and where its merged twin goes."""

    release: str = "runs/instruction/release"  # folder, or repository of the hub
    out: str = "runs/merged"
    backbone: str = ""  # where its base lies, if not under the name that the release has for it
    video: str = ""
    dtype: str = "bfloat16"
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class PublishConfig(Config):
    """A release, and the repository it becomes."""

    release: str = "runs/instruction/release"
    repository: str = ""  # user/name on the hub; HF_TOKEN opens it
    private: bool = False
    message: str = "Release"


def merge_release(config: MergeConfig) -> Path:
    """Write a release whose bases are its own subfolders, with low-rank updates added to their weights.

    backbone/ is what `transformers` saves, transformer/ has the layout of diffusers: both load without `peft`.
    """
    runtime = Runtime.resolve(config.device, config.dtype)
    place, out = locate(config.release), Path(config.out)
    if out.resolve() == place.resolve():
        raise InvalidInput(f"{out} is the release itself. Give another folder to merge into.")
    tuned = load_release(
        place, backbone=config.backbone, video=config.video, dtype=runtime.dtype, device=str(runtime.device)
    )
    language: Any = merge(tuned.backbone.model)
    language.save_pretrained(out / "backbone")
    tuned.backbone.words.tokenizer.save_pretrained(out / "backbone")
    named = config.backbone or tuned.release.backbone.name
    published = BACKBONES.get(named)
    for file in locate(published.repository if published else named).glob("*preprocessor_config.json"):
        shutil.copyfile(file, out / "backbone" / file.name)
    bases = {"backbone": Base(name=f"{LOCAL}backbone", sha256=describe_base("backbone", str(out / "backbone")).sha256)}
    kept = {"backbone.queries_QD": tuned.backbone.queries_QD}
    if tuned.video is not None:
        save_transformer(merge(tuned.video), tuned.video.config, out / "transformer")
        weights = describe_base("video", str(out / "transformer")).sha256
        bases["video"] = Base(name=f"{LOCAL}transformer", sha256=weights)
        kept |= {f"video.{name}": p for name, p in tuned.video.named_parameters() if _is_ours(name)}
    old = (tuned.release.backbone, tuned.release.video)
    origins = tuple(f"{base.name}, sha256 {base.sha256}" for base in old if base.name)
    release = replace(tuned.release, **bases, video_rank=0, backbone_rank=0, merged=True, origins=origins)
    command = (place / "README.md").read_text().split("```sh\n")[1].split("\n```")[0]
    return save_release(out, Tuned(release, tuned.backbone, tuned.adapter, tuned.video), kept, command)


def save_transformer(video: nn.Module, config: TransformerConfig, folder: Path) -> Path:
    """Write a transformer in diffusers' layout, without the state road, which that layout does not have."""
    assert isinstance(video, CausalVideoTransformer)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value for name, value in video.state_dict().items() if not _is_ours(name)}
    save_torch_state_dict(weights, folder, filename_pattern="diffusion_pytorch_model{suffix}.safetensors")
    values = {name: value for name, value in config.to_dict().items() if name not in _OURS}
    values["_class_name"] = "WanTransformer3DModel"
    if config.flow_map:
        values |= {"_class_name": "AnyFlowTransformer3DModel", "gate_value": config.flow_map_gate}
    (folder / "config.json").write_text(json.dumps(values, indent=2) + "\n")
    return folder


def publish(config: PublishConfig, api: HfApi | None = None) -> str:
    """Put a release's files, and no others, into a repository of the hub, made if need be; returns its address.

    Raises InvalidCheckpoint where the folder is damaged, InvalidInput where the hub refuses, and PandoraError where it
    can't be reached.
    """
    folder = Path(config.release)
    if config.repository.count("/") != 1:
        raise InvalidInput(f"A repository is named user/name, not {config.repository!r}. Give --repository.")
    if not folder.is_dir():
        raise InvalidCheckpoint(f"There is no release at {folder}. Train one: pandora train instruction.")
    verify(folder)
    client = api or HfApi()
    try:
        client.create_repo(config.repository, private=config.private, exist_ok=True)
        client.upload_folder(
            repo_id=config.repository, folder_path=folder, commit_message=config.message,
            allow_patterns=[*read_manifest(folder), MANIFEST, "README.md"],
        )  # fmt: skip
    except (HfHubHTTPError, HFValidationError) as error:
        raise InvalidInput(
            f"The hub does not take {config.repository} ({type(error).__name__}: {error}). Check the name, and that "
            "HF_TOKEN may write there."
        ) from error
    except (TransportError, ConnectionError) as error:
        raise PandoraError(
            f"The hub can't be reached for {config.repository} ({type(error).__name__}: {error}). Nothing is lost: "
            f"publish {folder} again when there is a network, or set HF_ENDPOINT to the hub that you use."
        ) from error
    return f"https://huggingface.co/{config.repository}"


def _is_ours(name: str) -> bool:
    return any(part in name for part in _STATE_ROAD)
