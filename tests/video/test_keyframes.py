"""Key frames: which moments are kept, and that the transformer reads them."""

from dataclasses import replace

import pytest
import torch

from pandora.errors import InvalidConfig
from pandora.video import keyframes
from pandora.video.cache import RollingCache
from pandora.video.flow import VideoConfig, VideoModel
from pandora.video.transformer import TransformerConfig

SHAPE = (4, 1, 8, 8)


def view(number: int) -> torch.Tensor:
    """The latent (C, 1, h, w) of a place."""
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(number))


def kept(past: torch.Tensor, views: dict[int, torch.Tensor], count: int) -> list[int]:
    """The places that the key frames show."""
    return [next(n for n, latent in views.items() if torch.equal(latent[:, 0], past[:, i])) for i in range(count)]


def walk(places: list[int], count: int) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:
    views = {place: view(place) for place in places}
    past = keyframes.begin(views[places[0]], count, 1)
    for place in places[1:]:
        past = keyframes.carry(past, torch.cat([view(99), views[place]], 1), count)
    return past, views


def test_a_world_that_stands_still_forgets_nothing() -> None:
    past, views = walk([0, 1, 2, 3, 3, 3, 3, 3], 4)
    assert kept(past, views, 4)[-4:] == [0, 1, 2, 3]
    assert torch.equal(past[:, -1], views[3][:, 0])


def test_a_full_turn_is_remembered() -> None:
    past, views = walk([0, 1, 2, 3, 4, 5, 6, 7, 0], 8)
    assert kept(past, views, 8) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_of_two_that_look_alike_the_newer_stays() -> None:
    first, second, third = view(0), view(1), view(2)
    nearly = first + 0.01 * view(3)
    past = keyframes.begin(first, 3, 1)
    for latent in (second, nearly, third, view(4)):
        past = keyframes.carry(past, latent, 3)
    assert any(torch.equal(past[:, i], nearly[:, 0]) for i in range(3))
    assert not any(torch.equal(past[:, i], first[:, 0]) for i in range(3))


def test_without_key_frames_the_newest_frames_are_kept() -> None:
    past = keyframes.begin(view(0), 0, 2)
    after = keyframes.carry(past, torch.cat([view(1), view(2)], 1), 0)
    assert torch.equal(after, torch.cat([view(1), view(2)], 1))


@pytest.mark.parametrize(("count", "history"), [(0, 1), (0, 3), (4, 1), (3, 2)])
def test_the_trace_of_an_episode_is_what_carrying_leads_to(count: int, history: int) -> None:
    places = [0, 1, 1, 2, 3, 0, 4, 5]
    film = torch.cat([view(0), *(torch.cat([view(50 + i), view(place)], 1) for i, place in enumerate(places))], 1)
    rows = keyframes.trace(film, count, history, chunk=2)
    past = keyframes.begin(film[:, :1], count, history)
    assert len(rows) == len(places) + 1
    for clip, row in enumerate(rows):
        assert torch.equal(film[:, row], past)
        past = keyframes.carry(past, film[:, 1 + 2 * clip : 3 + 2 * clip], count) if clip < len(places) else past


def test_many_worlds_carry_on_as_each_would_alone() -> None:
    pasts = torch.stack([walk(places, 3)[0] for places in ([0, 1, 2, 3], [4, 4, 4, 5], [6, 7, 6, 7])])
    chunks = torch.stack([torch.cat([view(i), view(i + 10)], 1) for i in range(3)])
    together = keyframes.carry_all(pasts, chunks, 3)
    assert torch.equal(together, torch.stack([keyframes.carry(p, c, 3) for p, c in zip(pasts, chunks, strict=True)]))


@pytest.fixture
def config() -> VideoConfig:
    transformer = TransformerConfig(
        num_attention_heads=2, attention_head_dim=12, in_channels=10, out_channels=4, text_dim=8, freq_dim=16,
        ffn_dim=32, num_layers=2, action_dim=8, keyframes=3,
    )  # fmt: skip
    return VideoConfig(transformer=transformer)


def dream(model: VideoModel, past: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(1)
    shapes = ((5, 8), (8,), (4, 2, 8, 8))
    context, action, noise = (torch.randn(1, *shape).repeat(len(past), *[1] * len(shape)) for shape in shapes)
    with torch.no_grad():
        return model.sample(past, context, action, noise, 2)


def test_what_is_remembered_changes_what_comes(config: VideoConfig) -> None:
    torch.manual_seed(0)
    model = VideoModel(config)
    past = model.begin(view(0))
    assert past.shape == (4, 4, 8, 8)
    other = past.clone()
    other[:, 1] = view(7)[:, 0]
    one, two = dream(model, torch.stack([past, other]))
    assert not torch.allclose(one, two)
    alone = dream(model, past[None])[0]
    assert torch.allclose(one, alone, atol=1e-5)


def test_a_coarse_patch_begins_as_the_mean_of_the_finer_ones(config: VideoConfig) -> None:
    torch.manual_seed(0)
    transformer = VideoModel(config).transformer
    frames = torch.randn(1, 10, 3, 8, 8)
    assert transformer.keyframe_embedding is not None
    fine = transformer.patch(frames).unflatten(1, (3, 2, 2, 2, 2)).mean((3, 5)).flatten(1, 3)
    assert torch.allclose(transformer.keyframe_embedding(frames), fine, atol=1e-5)


def test_without_key_frames_nothing_is_added(config: VideoConfig) -> None:
    plain = VideoModel(replace(config, transformer=replace(config.transformer, keyframes=0)))
    assert not [name for name in plain.state_dict() if "keyframe" in name]


def test_what_key_frames_do_not_go_with_is_refused(config: VideoConfig) -> None:
    with pytest.raises(InvalidConfig, match="sink"):
        replace(config, history=3, sink=1)
    model = VideoModel(config)
    with pytest.raises(InvalidConfig, match="Rolling"):
        model.transformer.prepare([RollingCache(window=4)], (2, 8, 8))
