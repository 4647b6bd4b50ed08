"""Where training reads latents and pictures from: the disk, row by row, or a device's memory, all rows at once."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from pandora.training.encoded import Encoded


class Store(Protocol):
    """Serves rows of shards by their number and the row's in it."""

    shards: list[Encoded]

    def take_up(self, shard: Encoded) -> None:
        """Serve this shard as well; it gets the next number."""
        ...

    def latents(self, episodes: Sequence[tuple[int, int]], frames: Tensor) -> Tensor:
        """Frames (B, N) int64 of B episodes' latents -> (B, C, N, h, w) float32."""
        ...

    def pictures(self, episodes: Sequence[tuple[int, int]], clips: Sequence[int]) -> Tensor:
        """The pictures before clips of B episodes: (B, H, W, 3) uint8."""
        ...


class OnDisk(Store):
    """Reads what is asked for: a hundred thousand clips cost no memory."""

    def __init__(self) -> None:
        self.shards: list[Encoded] = []

    def take_up(self, shard: Encoded) -> None:
        self.shards.append(shard)

    def latents(self, episodes: Sequence[tuple[int, int]], frames: Tensor) -> Tensor:
        def read(shard: int, row: int, wanted: Tensor) -> Tensor:
            first = int(wanted.min())
            return self.shards[shard].latents(row, first, int(wanted.max()) + 1)[:, wanted - first]

        return torch.stack([read(*episode, wanted) for episode, wanted in zip(episodes, frames, strict=True)])

    def pictures(self, episodes: Sequence[tuple[int, int]], clips: Sequence[int]) -> Tensor:
        rows = zip(episodes, clips, strict=True)
        return torch.stack([torch.from_numpy(self.shards[shard].frame(row, clip)) for (shard, row), clip in rows])


class InMemory(Store):
    """Everything lies on the device, 66 kB a clip of 128 x 128 pixels: a GPU would wait for the disk."""

    def __init__(self, device: torch.device):
        self.device = device
        self.shards: list[Encoded] = []
        self.first: list[tuple[int, int]] = []  # of each shard: its first latent frame and its first picture
        self.frames, self.images = torch.empty(0), torch.empty(0)

    def take_up(self, shard: Encoded) -> None:
        latents, images = (rows.to(self.device) for rows in shard.everything())
        self.first.append((len(self.frames), len(self.images)))
        self.frames = torch.cat([self.frames, latents]) if self.shards else latents
        self.images = torch.cat([self.images, images]) if self.shards else images
        self.shards.append(shard)

    def latents(self, episodes: Sequence[tuple[int, int]], frames: Tensor) -> Tensor:
        begins = [self.first[shard][0] + self.shards[shard].begin(row)[0] for shard, row in episodes]
        rows = (torch.tensor(begins)[:, None] + frames).to(self.device)
        return self.frames[rows].float().transpose(1, 2)

    def pictures(self, episodes: Sequence[tuple[int, int]], clips: Sequence[int]) -> Tensor:
        begins = [self.first[shard][1] + self.shards[shard].begin(row)[1] for shard, row in episodes]
        return self.images[(torch.tensor(begins) + torch.tensor(clips)).to(self.device)]
