"""Frames as a tower is given them: equal to the library's own image processors, within a budget of tokens."""

import pytest
import torch

from pandora.errors import InvalidCheckpoint
from pandora.pretrained.eyes import LlavaEyes, Optics, QwenEyes, eyes_of, resize
from tests.pretrained.backbones import clip, tiny_backbone, tiny_model, tiny_processor

LEVEL = 1 / 255 / 0.26  # one of 256 levels of brightness, as a tower sees it


@pytest.mark.parametrize(
    ("height", "width", "most", "grid"),
    [(24, 32, 32, (6, 8)), (16, 8, 32, (4, 2)), (70, 50, 32, (12, 8)), (90, 160, 32, (8, 14)), (4, 12, 32, (2, 4))],
)
def test_patches_are_the_librarys(height: int, width: int, most: int, grid: tuple[int, int]) -> None:
    eyes = tiny_backbone("qwen2_5_vl").eyes
    assert isinstance(eyes, QwenEyes)
    frames = clip(0, 2, height, width)
    processor = tiny_processor("qwen2_5_vl")
    theirs = processor([frame.numpy() for frame in frames], return_tensors="pt", input_data_format="channels_last")
    ours, shape = eyes._patches(frames, most)
    assert shape == grid == tuple(theirs["image_grid_thw"][0, 1:].tolist())
    assert grid[0] * grid[1] // 4 <= most
    allowed = 1e-5 if (height, width) == (grid[0] * 4, grid[1] * 4) else 1.02 * LEVEL
    assert (ours - theirs["pixel_values"]).abs().max() < allowed


@pytest.mark.parametrize(("height", "width"), [(16, 16), (30, 30), (20, 48), (13, 7)])
def test_squares_are_the_librarys(height: int, width: int) -> None:
    eyes = tiny_backbone("llava").eyes
    assert isinstance(eyes, LlavaEyes)
    frames = clip(0, 2, height, width)
    made = tiny_processor("llava")([*frames.numpy()], return_tensors="pt", input_data_format="channels_last")
    allowed = 1e-5 if (height, width) == (16, 16) else 1.02 * LEVEL
    assert (eyes._square(frames) - made["pixel_values"]).abs().max() < allowed


@torch.no_grad()
@pytest.mark.parametrize(
    ("kind", "frames", "tokens"),
    [
        ("qwen2_5_vl", 1, 30), ("qwen2_5_vl", 4, 6), ("qwen3_vl", 32, 1), ("llava", 1, 16), ("llava", 3, 4),
        ("llava", 8, 4), ("llava", 9, 1), ("llava_next_video", 2, 4), ("llava_next_video", 10, 1),
    ],
)  # fmt: skip
def test_frames_share_a_turn(kind: str, frames: int, tokens: int) -> None:
    [turn] = tiny_backbone(kind).see([clip(0, frames, 40, 48)], [])
    assert [picture.count for picture in turn.pictures] == [tokens] * frames
    assert all(len(picture.tokens_ND) == tokens for picture in turn.pictures)
    assert [len(layer) for layer in turn.pictures[0].deepstack] == ([tokens] * 2 if kind == "qwen3_vl" else [])


@torch.no_grad()
@pytest.mark.parametrize("kind", ["qwen2_5_vl", "qwen3_vl", "llava", "llava_next_video"])
def test_clips_are_seen_alone_or_together(kind: str) -> None:
    backbone = tiny_backbone(kind)
    assert backbone.eyes is not None
    clips = [clip(0), clip(1, 0), clip(2, 3, 48, 16)]
    together = backbone.eyes(clips, [20, 20, 6])
    for frames, most, seen in zip(clips, [20, 20, 6], together, strict=True):
        [alone] = backbone.eyes([frames], [most])
        assert len(seen) == len(alone) == len(frames)
        for one, other in zip(seen, alone, strict=True):
            assert one.grid == other.grid
            torch.testing.assert_close(one.tokens_ND, other.tokens_ND, atol=2e-5, rtol=1e-4)


def test_tokens_are_averaged_over_blocks() -> None:
    eyes = tiny_backbone("llava").eyes
    assert isinstance(eyes, LlavaEyes)
    tokens = torch.arange(16.0)[:, None].expand(16, 3)
    assert eyes._merge(tokens, 16).tokens_ND.equal(tokens)
    picture = eyes._merge(tokens, 15)
    assert picture.grid == (2, 2)
    assert picture.tokens_ND[:, 0].tolist() == [2.5, 4.5, 10.5, 12.5]


def test_resizing_stays_within_the_levels() -> None:
    edges = torch.zeros(1, 3, 9, 9, dtype=torch.uint8)
    edges[..., 4:] = 255
    sized = resize(edges, 30, 17)
    assert sized.shape == (1, 3, 30, 17)
    assert sized.min() == 0
    assert sized.max() == 255
    assert torch.equal(sized, sized.round())


def test_families_that_cannot_be_read() -> None:
    model = tiny_model("llava").base_model
    model.config.model_type = "idefics3"
    with pytest.raises(InvalidCheckpoint, match=r"'idefics3'.*qwen3_vl"):
        eyes_of(model, Optics())
    assert eyes_of(tiny_model("llama").base_model, Optics()) is None
