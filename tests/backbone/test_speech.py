"""The voice: cached writing equals the slow way, batches equal singles, a few steps teach it to say what it sees."""

import pytest
import torch

from pandora.backbone import ActionTokenizer, Backbone, BackboneConfig, Said
from pandora.errors import InvalidConfig


@pytest.fixture(scope="module")
def speaking(config: BackboneConfig, tokenizer: ActionTokenizer) -> Backbone:
    torch.manual_seed(1)
    return Backbone(BackboneConfig.from_dict(config.to_dict() | {"voice": len(tokenizer)}), tokenizer).eval()


@pytest.fixture
def frames() -> torch.Tensor:
    return torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def slowly(backbone: Backbone, prompt: tuple[torch.Tensor, torch.Tensor], limit: int) -> list[int]:
    """One row, every word from the whole text before it."""
    assert backbone.voice is not None
    table = backbone.language.model.get_input_embeddings().weight
    (inputs, mask), ids = prompt, []
    for _ in range(limit):
        word = backbone.voice.logits(backbone.language(inputs, mask)[:, -1:], table).argmax()
        ids.append(int(backbone.voice.words_W[word]))
        inputs = torch.cat([inputs, backbone.language.embed(torch.tensor([[ids[-1]]]))], 1)
        mask = torch.cat([mask, mask.new_ones(1, 1)], 1)
    return ids


@torch.no_grad()
def test_cached_equals_whole(speaking: Backbone, frames: torch.Tensor) -> None:
    speaker = speaking.speaker
    for prompt in (speaker.see(frames[:1]), speaker.think(["red on blue"], ["put down the red block"])):
        ids = slowly(speaking, prompt, 12)
        assert speaker.write(prompt, 12)[0].text == speaking.tokenizer.read([ids])[0]


@torch.no_grad()
def test_batch_equals_singles(speaking: Backbone) -> None:
    speaker = speaking.speaker
    states, actions = ["red on blue", "blue on the red block", "up"], ["wait", "put the red block left", "stack"]
    together = speaker.write(speaker.think(states, actions), 10)
    for said, state, action in zip(together, states, actions, strict=True):
        alone = speaker.write(speaker.think([state], [action]), 10)[0]
        assert said.text == alone.text
        assert said.confidence == pytest.approx(alone.confidence, rel=1e-3)


def test_it_learns_to_say_what_it_sees(config: BackboneConfig, tokenizer: ActionTokenizer) -> None:
    torch.manual_seed(0)
    backbone = Backbone(BackboneConfig.from_dict(config.to_dict() | {"voice": len(tokenizer)}), tokenizer)
    speaker = backbone.speaker
    frames = torch.stack([torch.full((32, 32, 3), level, dtype=torch.uint8) for level in (0, 255)])
    texts = ["red on blue", "blue up"]
    optimizer = torch.optim.AdamW(backbone.parameters(), lr=5e-3)
    for _ in range(60):
        loss = speaker.loss(speaker.see(frames), texts) + speaker.loss(speaker.think(texts, ["stack"] * 2), texts[::-1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    backbone.eval()
    said = speaker.write(speaker.see(frames))
    assert [s.text for s in said] == texts
    assert all(s.confidence > 0.5 for s in said)
    assert [s.text for s in speaker.write(speaker.think(texts, ["stack"] * 2))] == texts[::-1]


@torch.no_grad()
def test_a_voice_changes_nothing_else(backbone: Backbone, speaking: Backbone, frames: torch.Tensor) -> None:
    quiet = Backbone(backbone.config, backbone.tokenizer).eval()
    quiet.load_state_dict({k: v for k, v in speaking.state_dict().items() if not k.startswith("voice.")})
    ids, mask = quiet.tokenize(["wait"], [()])
    assert torch.equal(quiet(frames[:1], ids, mask), speaking(frames[:1], ids, mask))
    with pytest.raises(InvalidConfig, match="no voice"):
        _ = quiet.speaker


@torch.no_grad()
def test_what_does_not_end_is_cut(speaking: Backbone, frames: torch.Tensor) -> None:
    said = speaking.speaker.write(speaking.speaker.see(frames), 1)
    assert len(said) == 3
    assert all(isinstance(s, Said) and 0 <= s.confidence <= 1 for s in said)
