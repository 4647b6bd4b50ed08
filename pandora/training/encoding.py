"""`pandora data encode`: films to latents, a file beside each shard, which the video stages read.

A file says which encoder and which shard it was made of; where either is another one by now it is made anew.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pandora.config import Config
from pandora.errors import InvalidInput
from pandora.media import Frames
from pandora.runtime import Runtime
from pandora.training.dataset import Meter
from pandora.training.encoded import SUFFIX, Encoded, write_encoded
from pandora.training.filmcodec import decode_film
from pandora.training.mixture import parse_mixture
from pandora.training.shards import samples
from pandora.video.autoencoder import TIME, Autoencoder, load_autoencoder

_FIRST_GUESS = {"cpu": 4, "cuda": 64}  # episodes at once


@dataclass(frozen=True, kw_only=True)
class Encoding(Config):
    data: str = "data/blocks"  # a folder of shards, or several: data/blocks,data/road
    autoencoder: str = "runs/autoencoder/autoencoder.safetensors"
    only_new: bool = False  # pass over shards that have latents, whatever made them
    batch: int = 0  # episodes at once; 0: as many as fit
    threads: int = 1
    device: str = "auto"


def fingerprint(path: str | Path) -> str:
    """Which file this is: the beginning of its SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def latents_of(model: Autoencoder) -> str:
    """Whose latents these are: the beginning of the SHA-256 of all that encodes. The decoder may go on learning."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if model.encodes(name):
            digest.update(name.encode() + value.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def encode(config: Encoding) -> Iterator[Path]:
    """Write an encoded shard beside each shard; those that are there and up to date are kept. Yields every path."""
    shards = [shard for folder in parse_mixture(config.data) for shard in sorted(folder.glob("*.tar"))]
    if not shards:
        raise InvalidInput(f"No shards in {config.data}. Make some: pandora data make")
    if config.only_new:
        shards = [shard for shard in shards if not shard.with_suffix(SUFFIX).exists()]
        if not shards:
            return
    runtime = Runtime.resolve(config.device, threads=config.threads).apply()
    model = load_autoencoder(config.autoencoder)
    weights = latents_of(model)
    encoder = Encoder(model.to(runtime.device), runtime.device, config.batch)
    with Meter("encoding", len(shards), "shards") as meter:
        for shard in shards:
            path = shard.with_suffix(SUFFIX)
            made_of = {"autoencoder": weights, "shard": fingerprint(shard)}
            if fresh := not _is_current(path, made_of):
                _encode_shard(encoder, shard, path, made_of)
            meter.advance(fresh=fresh)
            yield path


def _is_current(path: Path, made_of: dict[str, str]) -> bool:
    try:
        return path.exists() and Encoded(path).made_of == made_of
    except InvalidInput:
        return False


def _encode_shard(encoder: "Encoder", shard: Path, path: Path, made_of: dict[str, str]) -> None:
    labels, films, before = [], [], []
    for sample in samples(shard):
        label, frames = sample.label(), decode_film(sample.film().read(), sample.key)
        per_action = int(label["frames_per_action"])
        if len(frames) != 1 + per_action * len(label["actions"]) or per_action % TIME:
            raise InvalidInput(
                f"{sample.key} in {shard} has {len(frames)} frames and {len(label['actions'])} actions of "
                f"{per_action}; a film is its start picture and the frames of its actions, a multiple of {TIME} each."
            )
        labels.append(label)
        films.append(frames)
        before.append(frames[:-1:per_action])
    write_encoded(path, encoder(films), before, labels, made_of)


class Encoder:
    """Films to latents in bfloat16, films of one length at once, and fewer of them where memory runs out."""

    def __init__(self, model: Autoencoder, device: torch.device, batch: int = 0):
        self.model, self.device = model, device
        self.batch = batch or _FIRST_GUESS.get(device.type, 4)

    def __call__(self, films: Sequence[Frames]) -> list[NDArray[np.float16]]:
        """Of each film (1 + 4k, H, W, 3) uint8 its latents (1 + k, C, h, w)."""
        made: dict[int, NDArray[np.float16]] = {}
        by_length = sorted(range(len(films)), key=lambda index: (len(films[index]), index))
        while by_length:
            length = len(films[by_length[0]])
            few = [index for index in by_length if len(films[index]) == length][: self.batch]
            try:
                latents = self._encode(np.stack([films[index] for index in few]))
            except torch.OutOfMemoryError:
                if self.batch == 1:
                    raise
                self.batch //= 2
                continue
            made |= dict(zip(few, latents, strict=True))
            by_length = by_length[len(few) :]
        return [made[index] for index in range(len(films))]

    @torch.no_grad()
    def _encode(self, frames: Frames) -> NDArray[np.float16]:
        video = torch.from_numpy(frames).to(self.device).permute(0, 4, 1, 2, 3).contiguous()
        with torch.autocast(self.device.type, torch.bfloat16):
            latents = self.model.encode(video.bfloat16() / 127.5 - 1)
        return latents.half().transpose(1, 2).contiguous().cpu().numpy()
