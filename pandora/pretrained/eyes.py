"""Frames through a published model's own vision tower, as visual tokens; all of it on the model's device."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize
from transformers.vision_utils import (
    get_vision_cu_seqlens,
    get_vision_interpolation_indices_and_weights,
    get_vision_position_ids,
    get_vision_window_index,
)

from pandora.errors import InvalidCheckpoint
from pandora.offloading import device_of
from pandora.pretrained.files import read_json
from pandora.pretrained.prefix import Picture

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, kw_only=True)
class Optics:
    """What a tower expects of pixels: `mean` and `std` of 0..1 RGB, and the fewest pixels that it was trained on."""

    mean: tuple[float, ...] = CLIP_MEAN
    std: tuple[float, ...] = CLIP_STD
    fewest: int = 56 * 56

    @classmethod
    def load(cls, folder: Path) -> "Optics":
        """Of a checkpoint's image processor. Raises InvalidCheckpoint where the folder has none."""
        for name in ("preprocessor_config.json", "processor_config.json"):
            if (folder / name).is_file():
                values = read_json(folder / name)
                values = values.get("image_processor", values)
                fewest = (values.get("size") or {}).get("shortest_edge", values.get("min_pixels", cls.fewest))
                try:
                    return cls(mean=tuple(values["image_mean"]), std=tuple(values["image_std"]), fewest=int(fewest))
                except (KeyError, TypeError, ValueError) as error:
                    raise InvalidCheckpoint(f"{folder / name} says no image_mean and image_std ({error!r}).") from error
        raise InvalidCheckpoint(
            f"{folder} has a vision tower and no preprocessor_config.json to say how pixels are normalised. Fetch it."
        )

    def normalise(self, pixels_TCHW: Tensor) -> Tensor:
        """Pixels (T, 3, H, W) float32 0..255 to what the tower was trained on."""
        mean, std = (torch.tensor(v, device=pixels_TCHW.device).view(3, 1, 1) for v in (self.mean, self.std))
        return (pixels_TCHW / 255 - mean) / std


class Eyes(ABC):
    """A vision tower with its projector, by way of the model that they are part of; holds no weights of its own."""

    def __init__(self, model: Any, optics: Optics):
        self.model, self.optics = model, optics
        self.config = model.config.vision_config

    @abstractmethod
    def __call__(self, frames_THWC: Sequence[Tensor], most: Sequence[int]) -> list[tuple[Picture, ...]]:
        """Clips of frames (T, H, W, 3) uint8, T from 0, to pictures of at most `most` tokens each, all in one pass."""

    def _pixels(self, frames_THWC: Tensor) -> Tensor:
        return frames_THWC.to(device_of(self.model)).permute(0, 3, 1, 2)


class QwenEyes(Eyes):
    """Qwen2-VL, 2.5-VL and 3-VL: frames keep their shape, made smaller to fit, patches merged 2 by 2."""

    def __call__(self, frames_THWC: Sequence[Tensor], most: Sequence[int]) -> list[tuple[Picture, ...]]:
        """Frames are resized as the library's `smart_resize` says; a frame of T = 1 fills a temporal patch twice."""
        made = [self._patches(frames, limit) for frames, limit in zip(frames_THWC, most, strict=True) if len(frames)]
        if not made:
            return [() for _ in frames_THWC]
        patches_ND = torch.cat([patches for patches, _ in made])
        grids = [grid for clip, grid in made for _ in range(len(clip) // (grid[0] * grid[1]))]
        seen = self._features(patches_ND, torch.tensor([(1, *grid) for grid in grids]))
        merge = self.config.spatial_merge_size
        deep = [tuple(layers) for layers in zip(*(getattr(seen, "deepstack_features", None) or ()), strict=True)]
        pictures = iter(
            Picture(tokens, deep[i] if deep else (), (grid[0] // merge, grid[1] // merge))
            for i, (tokens, grid) in enumerate(zip(seen.pooler_output, grids, strict=True))
        )
        return [tuple(next(pictures) for _ in range(len(frames))) for frames in frames_THWC]

    def _patches(self, frames_THWC: Tensor, most: int) -> tuple[Tensor, tuple[int, int]]:
        """Patches (T * rows * columns, 3 * 2 * size * size), 2 x 2 blocks of them together, and rows and columns."""
        size, merge = self.config.patch_size, self.config.spatial_merge_size
        unit = size * merge
        fewest = min(self.optics.fewest, most * unit**2)
        height, width = smart_resize(frames_THWC.shape[1], frames_THWC.shape[2], unit, fewest, most * unit**2)
        pixels = self.optics.normalise(resize(self._pixels(frames_THWC), height, width))
        blocks = pixels.unflatten(3, (width // unit, merge, size)).unflatten(2, (height // unit, merge, size))
        patches = blocks.permute(0, 2, 5, 3, 6, 1, 4, 7)  # T, rows, columns, 2, 2, C, size, size
        patches = patches.unsqueeze(6).expand(*[-1] * 6, self.config.temporal_patch_size, -1, -1)
        return patches.flatten(5).flatten(0, 4), (height // size, width // size)

    def _features(self, patches_ND: Tensor, grids_T3: Tensor) -> Any:
        """The tower's output. What follows from the grid alone is worked out on the CPU, so the device never waits."""
        device, vision, merge = patches_ND.device, self.config, self.config.spatial_merge_size
        given = {
            "image_cu_seqlens": get_vision_cu_seqlens(grids_T3),
            "image_position_ids": get_vision_position_ids(grids_T3, merge).to(device),
        }
        if hasattr(vision, "window_size"):
            index, lengths = get_vision_window_index(grids_T3, merge, vision.window_size, vision.patch_size)
            given |= {"image_window_index": index.to(device), "image_cu_window_seqlens": lengths}
        if hasattr(vision, "num_position_embeddings"):
            side = int(vision.num_position_embeddings**0.5)
            taps, weights = get_vision_interpolation_indices_and_weights(
                grids_T3, side, align_corners=True, spatial_merge_size=merge
            )
            given |= {"image_interp_indices": taps.to(device), "image_interp_weights": weights.to(device)}
        return self.model.get_image_features(patches_ND, image_grid_thw=grids_T3, **given)


class LlavaEyes(Eyes):
    """LLaVA 1.5 and LLaVA-NeXT-Video: a square tower of one size; frames are padded, tokens averaged to fit."""

    def __call__(self, frames_THWC: Sequence[Tensor], most: Sequence[int]) -> list[tuple[Picture, ...]]:
        """Frames are padded to a square with the mean colour, as LLaVA was trained, and resized to the tower's size."""
        clips = [self._square(frames) for frames in frames_THWC if len(frames)]
        if not clips:
            return [() for _ in frames_THWC]
        tokens_TND = iter(self._features(torch.cat(clips)))
        return [
            tuple(self._merge(next(tokens_TND), limit) for _ in range(len(frames)))
            for frames, limit in zip(frames_THWC, most, strict=True)
        ]

    def _square(self, frames_THWC: Tensor) -> Tensor:
        pixels = self._pixels(frames_THWC)
        height, width = pixels.shape[-2:]
        side = max(height, width)
        if height != width:
            colour = torch.tensor([int(value * 255) for value in self.optics.mean], dtype=torch.uint8)
            canvas = colour.to(pixels.device).view(3, 1, 1).repeat(len(pixels), 1, side, side)
            top, left = (side - height) // 2, (side - width) // 2
            canvas[:, :, top : top + height, left : left + width] = pixels
            pixels = canvas
        return self.optics.normalise(resize(pixels, self.config.image_size, self.config.image_size))

    def _features(self, pixels_TCHW: Tensor) -> Tensor:
        """(T, N, D): of LLaVA-NeXT-Video by its video road, whose pooling leaves a quarter of the tokens."""
        pixels_TCHW = pixels_TCHW.to(next(self.model.parameters()).dtype)
        if hasattr(self.model, "vision_resampler"):
            pooled_1ND = self.model.get_video_features(pixels_TCHW[None]).pooler_output
            return pooled_1ND.unflatten(1, (len(pixels_TCHW), -1))[0]
        return torch.stack(tuple(self.model.get_image_features(pixels_TCHW).pooler_output))

    def _merge(self, tokens_ND: Tensor, most: int) -> Picture:
        side = int(len(tokens_ND) ** 0.5)
        factor = next(n for n in range(1, side + 1) if side % n == 0 and (side // n) ** 2 <= most)
        if factor > 1:
            map_DHW = tokens_ND.T.unflatten(1, (side, side))
            tokens_ND = F.avg_pool2d(map_DHW, factor).flatten(1).T
        return Picture(tokens_ND, (), (side // factor, side // factor))


def resize(frames_TCHW: Tensor, height: int, width: int) -> Tensor:
    """Frames uint8 to another size, as float32 whole numbers 0..255: bicubic with antialiasing, rounded as PIL does.

    PIL resizes rows, rounds to bytes, then resizes columns; one pass over both is up to six levels away from it.
    """
    pixels = frames_TCHW.float()
    for size in ((pixels.shape[2], width), (height, width)):
        if pixels.shape[-2:] != size:
            pixels = F.interpolate(pixels, size, mode="bicubic", antialias=True).round().clamp(0, 255)
    return pixels


_FAMILIES: dict[str, type[Eyes]] = {
    "qwen2_vl": QwenEyes, "qwen2_5_vl": QwenEyes, "qwen3_vl": QwenEyes, "llava": LlavaEyes,
    "llava_next_video": LlavaEyes,
}  # fmt: skip


def eyes_of(model: Any, optics: Optics) -> Eyes | None:
    """The eyes of a vision-language model; None for a text decoder. Raises InvalidCheckpoint for a family unknown."""
    if not hasattr(model.config, "vision_config"):
        return None
    kind = model.config.model_type
    if kind not in _FAMILIES:
        raise InvalidCheckpoint(
            f"Vision-language models of type {kind!r} can't be read. Valid: {', '.join(_FAMILIES)}."
        )
    return _FAMILIES[kind](model, optics)
