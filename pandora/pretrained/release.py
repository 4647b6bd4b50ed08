"""What training makes of published models, as a folder of its own: small, and it says which checkpoints it fits.

config.json           what was trained, and the bases by name and sha256
adapter.safetensors   the adapter whole
backbone.safetensors  the learned queries; backbone-lora/ the low-rank updates as `peft` keeps them
video.safetensors     what of the transformer was trained whole; video-lora/ its low-rank updates
README.md             a card with the command that made it; manifest.json the files' hashes
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import torch
from diffusers.models.embeddings import PixArtAlphaTextProjection
from safetensors.torch import save_file
from torch import Tensor, nn

from pandora.adapter import Adapter, AdapterConfig
from pandora.checkpoint import verify, write_manifest
from pandora.config import Config
from pandora.errors import InvalidCheckpoint, InvalidConfig, UnknownName
from pandora.pretrained.backbone import PretrainedBackbone, ReadingConfig
from pandora.pretrained.files import locate, read_json, read_tensors
from pandora.pretrained.loading import load_backbone
from pandora.pretrained.lora import LORA_FILE, load_lora, save_lora
from pandora.pretrained.prompts import PROMPT_TOKENS
from pandora.pretrained.published import VIDEO
from pandora.pretrained.published_backbones import BACKBONES
from pandora.pretrained.video import load_transformer
from pandora.video.block import silence
from pandora.video.flow import VideoConfig
from pandora.video.sampling import SamplerName
from pandora.video.transformer import CausalVideoTransformer

FORMAT = 1
ROADS = ("text", "state", "both")
# Pandora's query transformer (maitrix-org/Pandora): BERT's size, 77 tokens
WIDE = AdapterConfig(width=768, layers=12, heads=12, ffn=3072, context_tokens=77, context_width=4096, pooled_width=768)
_PUBLISHED: dict[str, Mapping[str, Any]] = {"backbone": BACKBONES, "video": VIDEO}
LOCAL = "./"  # begins the name of a base that lies in the release itself


@dataclass(frozen=True, kw_only=True)
class Base(Config):
    """A published checkpoint: the name it was loaded by, and one sha256 over its weights. Without a name, none.

    The name of a folder is its absolute path.
    """

    name: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Past(Config):
    """How the video model goes on: its share of a `VideoConfig`."""

    chunk: int = 3  # latent frames made at once
    history: int = 21  # latent frames that are remembered
    sink: int = 1  # the first of them, kept for good
    time_shift: float = 5.0  # > 1 spends more of the times at high noise (Wan 2.1, section 4.3)
    sampler: SamplerName = "euler"


@dataclass(frozen=True, kw_only=True)
class Release(Config):
    """The folder's config.json."""

    format: int = FORMAT
    stage: str
    backbone: Base = field(default_factory=Base)
    video: Base = field(default_factory=Base)
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    past: Past = field(default_factory=Past)
    road: str = "text"  # by which the adapter's tokens reach the transformer: text, state or both
    state_dim: int | None = None
    prompt_tokens: int = PROMPT_TOKENS  # that the text encoder gave beside the adapter's, where the road is both
    video_rank: int = 0  # of low-rank updates; 0 where the transformer was trained whole, or its updates are merged
    backbone_rank: int = 0
    merged: bool = False  # its bases are its own subfolders and hold what was trained
    origins: tuple[str, ...] = ()  # names and hashes of the checkpoints that were merged into

    def __post_init__(self) -> None:
        if self.road not in ROADS:
            raise UnknownName("road", self.road, ROADS)


@dataclass(eq=False)
class Tuned:
    """The trained parts on their bases; a part that no stage has come to yet is None."""

    release: Release
    backbone: PretrainedBackbone
    adapter: Adapter | None = None
    video: CausalVideoTransformer | None = None

    def video_config(self) -> VideoConfig:
        """What a `VideoModel` around the transformer is made with."""
        assert self.video is not None, "the release has a video model"
        values = self.release.past.to_dict() | {"road": self.release.road, "transformer": self.video.config}
        return VideoConfig(prediction="velocity", coordinates=False, **values)


def save_release(folder: str | Path, tuned: Tuned, weights: Mapping[str, Tensor], command: str) -> Path:
    """Write the folder whole; what lay in it under these names goes.

    `weights` are what was trained, on the CPU, by names that begin with backbone., adapter. or video.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    assert tuned.adapter is not None, "every stage trains an adapter"
    adapter = {name: value.detach().cpu() for name, value in tuned.adapter.state_dict().items()}
    _write(folder / "adapter.safetensors", adapter | _of("adapter.", weights))
    _save_part(folder, "backbone", tuned.backbone.model, "model.", _of("backbone.", weights), tuned.release.backbone)
    if tuned.video is not None:
        _save_part(folder, "video", tuned.video, "", _of("video.", weights), tuned.release.video)
    (folder / "config.json").write_text(json.dumps(tuned.release.to_dict(), indent=2) + "\n")
    (folder / "README.md").write_text(_card(tuned.release, weights, command))
    write_manifest(folder)
    return folder


def load_release(
    folder: str | Path,
    *,
    backbone: str = "",
    video: str = "",
    dtype: torch.dtype = torch.bfloat16,
    device: str = "cpu",
    check: bool = True,
) -> Tuned:
    """The parts of a release on their bases, frozen. A folder, or a repository of the hub.

    `backbone` and `video` are where the bases lie, if not under the names that the release has for them. With `check`
    every file is compared with the manifest, and the bases with their sha256. Raises InvalidCheckpoint.
    """
    place = locate(folder, ("*.safetensors", "*.json", "README.md"))
    if check:
        verify(place)
    release = read_release(place)
    names = {"backbone": backbone or release.backbone.name, "video": video or release.video.name}
    names = {part: _inside(place, name) for part, name in names.items()}
    for part, base in (("backbone", release.backbone), ("video", release.video)):
        if base.name:
            _check_base(place, part, base, names[part], check)
    if release.merged:
        bases = {part: replace(getattr(release, part), name=name) for part, name in names.items() if name}
        release = replace(release, **bases)
    language = load_backbone(names["backbone"], release.reading, dtype, device)
    _load_part(place, "backbone", language, language.model)
    adapter = Adapter.load(place / "adapter.safetensors", release.adapter).to(device)
    tuned = Tuned(release, language.eval().requires_grad_(False), adapter.requires_grad_(False))
    if release.video.name:
        tuned.video = load_transformer(names["video"], dtype=dtype, device=device)
        if release.state_dim is not None:
            open_state_road(tuned.video, release.state_dim)
        _load_part(place, "video", tuned.video, tuned.video)
        tuned.video.eval().requires_grad_(False)
    return tuned


def read_release(place: Path) -> Release:
    """Of a release's folder. Raises InvalidCheckpoint."""
    values = read_json(place / "config.json")
    if (found := values.get("format", FORMAT)) != FORMAT:
        raise InvalidCheckpoint(f"{place} has format {found}; this version reads {FORMAT}. Use a newer one.")
    try:
        release = Release.from_dict(values)
    except (InvalidConfig, UnknownName, TypeError) as error:
        raise InvalidCheckpoint(f"{place / 'config.json'} describes no release: {error}. Fetch it again.") from error
    if strange := _mistyped(release):
        raise InvalidCheckpoint(f"{place / 'config.json'} describes no release: {', '.join(strange)}. Fetch it again.")
    return release


def lost_bases(folder: str | Path) -> tuple[str, ...]:
    """Which of a release's bases, "backbone" and "video", were folders that are here no more."""
    release = read_release(locate(folder, ("*.safetensors", "*.json", "README.md")))
    named = {"backbone": release.backbone.name, "video": release.video.name}
    return tuple(part for part, name in named.items() if Path(name).is_absolute() and not Path(name).exists())


def open_state_road(video: CausalVideoTransformer, state_dim: int) -> None:
    """Give a transformer a state road to tokens of width `state_dim`, in place.

    Each block's cross-attention to states begins as a copy of the one to text, with an output projection of zero
    (PAN, 2511.09057), so that nothing changes before it is trained.
    """
    config = replace(video.config, state_dim=state_dim)
    like = video.proj_out.weight
    for block in video.blocks:
        block.attn_state = deepcopy(block.attn2)
        silence(block.attn_state.to_out[0])  # type: ignore[index, arg-type]
        new = nn.LayerNorm(config.width, config.eps).to(like.device)
        block.norm_state = deepcopy(block.norm2) if config.cross_attn_norm else new
    embedder = PixArtAlphaTextProjection(state_dim, config.width, act_fn="gelu_tanh")
    video.condition_embedder.state_embedder = embedder.to(like)
    video.config = config


def describe_base(part: str, name: str) -> Base:
    """A base by its name, with one sha256 over names and contents of its weights. Raises InvalidCheckpoint."""
    published: Any = _PUBLISHED[part].get(name)
    place = locate(published.repository if published else name)
    if not published and (folder := Path(name).expanduser()).exists():
        name = os.path.abspath(folder)  # which means the same from wherever the release is loaded
    if place.is_file():
        return Base(name=name, sha256=_hash(place))
    pattern = getattr(published, "files", None)
    if pattern is None:
        nested = part == "video" and (place / "transformer").is_dir()
        pattern = "transformer/*.safetensors" if nested else "*.safetensors"
    files = sorted(place.glob(pattern))
    if not files:
        raise InvalidCheckpoint(f"{place} has no {pattern}, so there is nothing that a release could name as its base.")
    lines = "\n".join(f"{file.name} {_hash(file)}" for file in files)
    return Base(name=name, sha256=sha256(lines.encode()).hexdigest())


def _inside(place: Path, name: str) -> str:
    """A base's name, or where it lies in the release itself."""
    return os.path.abspath(place / name[len(LOCAL) :]) if name.startswith(LOCAL) else name


def _check_base(place: Path, part: str, base: Base, name: str, check: bool) -> None:
    """Raises InvalidCheckpoint where the base is not found under that name or, with `check`, is another one."""
    published: Any = _PUBLISHED[part].get(name)
    try:
        found = describe_base(part, name).sha256 if check else locate(published.repository if published else name)
    except InvalidCheckpoint as error:
        raise InvalidCheckpoint(
            f"{place} was trained on the {part} {base.name}, which can't be read: {error} If it lies elsewhere "
            f"now, say where: --{part} on the command line, {part}= of load_release."
        ) from error
    if check and found != base.sha256:
        raise InvalidCheckpoint(
            f"{place} was trained on {base.name} with sha256 {base.sha256[:12]}…, and {name} has {str(found)[:12]}…. "
            f"Give the checkpoint that it names, by --{part} on the command line or {part}= of load_release."
        )


def _mistyped(config: Config, prefix: str = "") -> list[str]:
    """Fields, also of nested configs, whose values are of another type than theirs."""
    strange = []
    for one in fields(config):
        value = getattr(config, one.name)
        if isinstance(value, Config):
            strange += _mistyped(value, f"{prefix}{one.name}.")
        elif isinstance(one.type, type):
            allowed = (int, float) if one.type is float else one.type
            if not isinstance(value, allowed) or (isinstance(value, bool) and one.type is not bool):
                strange.append(f"{prefix}{one.name} is {value!r}, not of type {one.type.__name__}")
    return strange


def _repository(part: str, name: str) -> str:
    """The hub's name of a base; empty where it is a folder."""
    published: Any = _PUBLISHED[part].get(name)
    if published:
        return published.repository
    is_repository = re.fullmatch(r"\w[\w.-]*/[\w.-]+", name) and not Path(name).exists()
    return name if is_repository else ""


def _save_part(
    folder: Path, part: str, host: nn.Module, inside: str, weights: Mapping[str, Tensor], base: Base
) -> None:
    """`host` carries the low-rank updates; the part's names of its weights begin with `inside`."""
    shutil.rmtree(folder / f"{part}-lora", ignore_errors=True)
    (folder / f"{part}.safetensors").unlink(missing_ok=True)
    updates = {name.removeprefix(inside): value for name, value in weights.items() if ".lora_" in name}
    if updates:
        save_lora(host, folder / f"{part}-lora", _repository(part, base.name) or base.name, updates)
    plain = {name: value for name, value in weights.items() if ".lora_" not in name}
    if plain:
        _write(folder / f"{part}.safetensors", plain)


def _load_part(place: Path, part: str, module: nn.Module, host: nn.Module) -> None:
    if (place / f"{part}-lora" / LORA_FILE).exists():
        load_lora(host, place / f"{part}-lora")
    path = place / f"{part}.safetensors"
    if not path.exists():
        return
    own = dict(module.named_parameters())
    for name, value in read_tensors(path).items():
        if name not in own or own[name].shape != value.shape:
            raise InvalidCheckpoint(f"{path} has {name} {list(value.shape)}, for which its base has no place.")
        with torch.no_grad():
            own[name].copy_(value)


_CARD = """---
library_name: pandora
pipeline_tag: image-to-video
{bases}
---

# {stage}

What training made of published models with pandora; it runs on these checkpoints and on no others, and their licences
hold for it.

{checkpoints}

| part | trained | parameters |
|---|---|---|
{parts}

## How it was made

```sh
{command}
```

## How to use it

```python
from pandora.pretrained.release import load_release

tuned = load_release("PATH OR REPOSITORY")
```
"""


def _card(release: Release, weights: Mapping[str, Tensor], command: str) -> str:
    bases = {part: base for part in _PUBLISHED if (base := getattr(release, part)).name}
    repositories = [name for part, base in bases.items() if (name := _repository(part, base.name))]
    lines = [f"- `{base.name}`, sha256 `{base.sha256}`" for base in bases.values()]
    lines += [f"- made of `{origin}`" for origin in release.origins]
    rows = []
    for part in ("backbone", "adapter", "video"):
        for kind, low_rank in (("whole", False), ("low-rank updates", True)):
            sizes = [v.numel() for n, v in weights.items() if n.startswith(part) and (".lora_" in n) == low_rank]
            if sizes:
                rows.append(f"| {part} | {kind} | {sum(sizes):,} |")
    return _CARD.format(
        bases="\n".join(["base_model:", *(f"- {name}" for name in repositories)] if repositories else []),
        stage=release.stage,
        checkpoints="\n".join(lines),
        parts="\n".join(rows),
        command=command,
    )


def _of(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, str(path))


def _hash(file: Path) -> str:
    """sha256 of a file; the hub's cache names large files by it."""
    stored = file.resolve().name
    if file.is_symlink() and len(stored) == 64 and set(stored) <= set("0123456789abcdef"):
        return stored
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()
