"""An offloaded module computes what it computed, and its weights are on the host between passes."""

import torch
from diffusers.hooks.group_offloading import _is_group_offload_enabled
from transformers import LlamaConfig, LlamaModel

from pandora.offloading import offload


@torch.no_grad()
def test_offloading_changes_nothing() -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=64,
        vocab_size=50,
    )  # fmt: skip
    model, ids = LlamaModel(config).eval(), torch.arange(14).view(2, 7)
    expected = model(ids).last_hidden_state
    assert offload(model, torch.device("cpu")) is model
    for _ in range(2):
        assert model(ids).last_hidden_state.equal(expected)
    assert _is_group_offload_enabled(model)
    assert all(parameter.device.type == "cpu" and not parameter.requires_grad for parameter in model.parameters())
