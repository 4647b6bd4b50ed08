"""The backbone reads a row the same alone, in a batch and with any padding, and comes back from disk as it was."""

import copy
from collections.abc import Mapping

import pytest
import torch
from transformers import AutoConfig, AutoModel

from pandora.backbone import ActionTokenizer, Backbone, BackboneConfig
from pandora.errors import InvalidCheckpoint, InvalidConfig

ACTIONS = ["pick up the red block", "wait", "put the red block on the blue one, please, as gently as you can"]
HISTORIES = [("wait",), (), ("push red left", "wait", "stack blue on red")]


@pytest.fixture
def frames() -> torch.Tensor:
    return torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_batch_equals_single(backbone: Backbone, frames: torch.Tensor) -> None:
    batch = backbone(frames, *backbone.tokenize(ACTIONS, HISTORIES))
    assert batch.shape == (3, 4, 32)
    for i in range(3):
        single = backbone(frames[i : i + 1], *backbone.tokenize(ACTIONS[i : i + 1], HISTORIES[i : i + 1]))
        torch.testing.assert_close(batch[i : i + 1], single, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_padding_changes_nothing(backbone: Backbone, frames: torch.Tensor) -> None:
    ids, mask = backbone.tokenize(ACTIONS[:1], HISTORIES[:1])
    wide = torch.nn.functional.pad(ids, (7, 0)), torch.nn.functional.pad(mask, (7, 0))
    torch.testing.assert_close(backbone(frames[:1], *wide), backbone(frames[:1], ids, mask), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_action_picture_and_history_all_count(backbone: Backbone, frames: torch.Tensor) -> None:
    first = backbone(frames[:1], *backbone.tokenize(["wait"], [()]))
    assert not torch.allclose(first, backbone(frames[:1], *backbone.tokenize(["put"], [()])))
    assert not torch.allclose(first, backbone(frames[1:2], *backbone.tokenize(["wait"], [()])))
    assert not torch.allclose(first, backbone(frames[:1], *backbone.tokenize(["wait"], [("put",)])))


def test_only_recent_history_is_read(backbone: Backbone) -> None:
    long, _ = backbone.tokenize(["wait"], [("push red", "put", "stack")])
    short, _ = backbone.tokenize(["wait"], [("put", "stack")])
    assert long.tolist() == short.tolist()


@torch.no_grad()
def test_frames_of_any_size(backbone: Backbone) -> None:
    ids, mask = backbone.tokenize(["wait"], [()])
    assert backbone(torch.zeros(1, 48, 64, 3, dtype=torch.uint8), ids, mask).shape == (1, 4, 32)


def test_config_round_trip_and_unknown_keys(config: BackboneConfig) -> None:
    assert BackboneConfig.from_dict(config.to_dict()) == config
    with pytest.raises(InvalidConfig, match="quiries"):
        BackboneConfig.from_dict({"quiries": 3})


@torch.no_grad()
def test_saved_weights_read_the_same(backbone: Backbone, frames: torch.Tensor, tmp_path) -> None:
    backbone.save(tmp_path / "weights.safetensors")
    again = Backbone.load(tmp_path / "weights.safetensors", backbone.config, backbone.tokenizer)
    ids, mask = backbone.tokenize(ACTIONS, HISTORIES)
    assert torch.equal(again(frames, ids, mask), backbone(frames, ids, mask))
    other = BackboneConfig.from_dict(backbone.config.to_dict() | {"queries": 5})
    with pytest.raises(InvalidCheckpoint, match="Backbone"):
        Backbone.load(tmp_path / "weights.safetensors", other, backbone.tokenizer)
    with pytest.raises(InvalidCheckpoint):
        Backbone.load(tmp_path / "missing.safetensors", backbone.config, backbone.tokenizer)


@torch.no_grad()
def test_published_models_take_the_same_path(
    config: BackboneConfig, tokenizer: ActionTokenizer, frames: torch.Tensor, tmp_path
) -> None:
    def publish(values: Mapping, name: str) -> str:
        values = dict(values)
        model = AutoModel.from_config(AutoConfig.for_model(values.pop("model_type"), **values))
        model.save_pretrained(tmp_path / name)
        return str(tmp_path / name)

    language = publish({**config.language, "model_type": "qwen2", "num_key_value_heads": 2}, "language")
    model = Backbone.from_pretrained(language, publish(config.vision, "vision"), tokenizer, queries=3).eval()
    ids, mask = model.tokenize(ACTIONS, HISTORIES)
    hidden = model(frames, ids, mask)
    assert hidden.shape == (3, 3, 32)
    assert hidden.dtype == torch.bfloat16
    model.float().save(tmp_path / "weights.safetensors")
    values = BackboneConfig.from_dict(model.config.to_dict())
    again = Backbone.load(tmp_path / "weights.safetensors", values, tokenizer)
    assert torch.equal(again(frames, ids, mask), model(frames, ids, mask))


@torch.no_grad()
def test_rotary_frequencies_survive_a_cast(backbone: Backbone, frames: torch.Tensor) -> None:
    ids, mask = backbone.tokenize(ACTIONS, HISTORIES)
    again = copy.deepcopy(backbone).to(torch.bfloat16).float()
    assert torch.equal(again.language.model.rotary_emb.inv_freq, backbone.language.model.rotary_emb.inv_freq)
    torch.testing.assert_close(again(frames, ids, mask), backbone(frames, ids, mask), atol=0.1, rtol=0.1)
