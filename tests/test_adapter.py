"""The adapter turns hidden states into conditioning, row by row, and comes back from disk as it was."""

import pytest
import torch

from pandora.adapter import Adapter, AdapterConfig
from pandora.errors import InvalidCheckpoint, InvalidConfig

CONFIG = AdapterConfig(
    backbone_width=24, width=16, layers=1, heads=2, ffn=32, context_tokens=3, context_width=20, pooled_width=12
)


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    torch.manual_seed(0)
    return Adapter(CONFIG).eval()


@torch.no_grad()
def test_shapes_and_batch_equals_single(adapter: Adapter) -> None:
    hidden = torch.randn(4, 5, 24, generator=torch.Generator().manual_seed(0))
    batch = adapter(hidden)
    assert batch.context_BND.shape == (4, 3, 20)
    assert batch.pooled_BD.shape == (4, 12)
    single = adapter(hidden[2:3])
    torch.testing.assert_close(batch[2:3].context_BND, single.context_BND, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(batch[2:3].pooled_BD, single.pooled_BD, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_rows_are_dropped_to_null(adapter: Adapter) -> None:
    given, null = adapter(torch.randn(2, 5, 24)), adapter.null(2)
    mixed = given.where(torch.tensor([True, False]), null)
    assert torch.equal(mixed.context_BND[0], given.context_BND[0])
    assert torch.equal(mixed.pooled_BD[1], null.pooled_BD[1])


def test_config_round_trip_and_unknown_keys() -> None:
    assert AdapterConfig.from_dict(CONFIG.to_dict()) == CONFIG
    with pytest.raises(InvalidConfig, match="wdith"):
        AdapterConfig.from_dict({"wdith": 3})


@torch.no_grad()
def test_saved_weights_read_the_same(adapter: Adapter, tmp_path) -> None:
    adapter.save(tmp_path / "adapter.safetensors")
    again = Adapter.load(tmp_path / "adapter.safetensors", CONFIG)
    hidden = torch.randn(2, 5, 24)
    assert torch.equal(again(hidden).pooled_BD, adapter(hidden).pooled_BD)
    with pytest.raises(InvalidCheckpoint, match="Adapter"):
        Adapter.load(tmp_path / "adapter.safetensors", AdapterConfig(width=32))
