"""The head that makes the video model tell whether an action works."""

import pytest
import torch

from pandora import presets
from pandora.training.outcome import OutcomeHead
from pandora.video.flow import VideoModel


@pytest.fixture
def video() -> VideoModel:
    torch.manual_seed(0)
    return VideoModel(presets.tiny().video)


def passed(video: VideoModel, rows: int = 4) -> None:
    config = video.config.transformer
    latents = torch.randn(rows, config.in_channels, video.config.chunk, 4, 4)
    context = video.transformer.embed_context(torch.randn(rows, 2, config.text_dim))
    video.transformer(latents, torch.full((rows,), 1000.0), context, torch.randn(rows, config.action_dim or 0))


def test_it_teaches_the_transformer(video: VideoModel) -> None:
    head = OutcomeHead(video.transformer)
    passed(video)
    loss, share = head.loss(torch.tensor([True, False, True, True]), torch.tensor([True] * 4))
    loss.backward()
    assert 0 <= share.item() <= 1
    first = next(iter(video.transformer.blocks[0].parameters()))
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


def test_rows_that_hold_the_truth_do_not_count(video: VideoModel) -> None:
    head = OutcomeHead(video.transformer)
    losses = []
    for works in ([True, False], [True, True]):
        torch.manual_seed(1)
        passed(video, 2)
        losses.append(head.loss(torch.tensor(works), torch.tensor([True, False]))[0].item())
    assert losses[0] == losses[1]
    passed(video, 2)
    loss, _ = head.loss(torch.tensor([True, True]), torch.tensor([False, False]))
    assert loss.item() == 0
    loss.backward()


def test_passes_without_gradients_are_not_read(video: VideoModel) -> None:
    head = OutcomeHead(video.transformer)
    with torch.no_grad():
        passed(video)
    with pytest.raises(AssertionError, match="gradients"):
        head.loss(torch.tensor([True] * 4), torch.tensor([True] * 4))
