"""Few bits a weight: what is small stays, what is large comes back nearly, and the file is half as large, or less."""

from pathlib import Path

import pytest
import torch
from torch import nn

from pandora import checkpoint
from pandora.checkpoint import folder as folder_module
from pandora.checkpoint.compact import Bits, pack, unpack
from pandora.errors import InvalidCheckpoint


@pytest.mark.parametrize(("bits", "widest"), [(8, 64), (6, 32)])
def test_groups_of_weights_come_back_within_half_a_step(bits: Bits, widest: int) -> None:
    torch.manual_seed(0)
    state = {
        "groups": torch.randn(16, 4 * 64) * torch.logspace(-2, 1, 4).repeat_interleave(64),
        "matrix": torch.randn(64, 48) * torch.logspace(-3, 1, 64)[:, None],
        "kernel": torch.randn(32, 16, 3, 3),
        "prime": torch.randn(64, 67),
        "zeros": torch.zeros(64, 64),
        "bias": torch.randn(4000),
        "small": torch.randn(8, 8),
        "count": torch.tensor(3),
    }
    found = unpack(pack(state, bits))
    assert found.keys() == state.keys()
    for name, width in (("groups", widest), ("matrix", 48 if bits == 8 else 24), ("prime", 67), ("zeros", widest)):
        step = state[name].view(-1, width).abs().amax(1) / (2 ** (bits - 1) - 1)
        error = (found[name] - state[name]).view(-1, width).abs().amax(1)
        assert found[name].dtype == torch.float32
        assert (error <= 0.51 * step).all(), "half a step, and what float16 takes from the scale"
    assert found["kernel"].shape == state["kernel"].shape
    for name in ("bias", "small"):
        assert torch.equal(found[name], state[name].half())
    assert found["count"] == 3


def test_six_bits_are_laid_in_three_quarters_of_the_room() -> None:
    whole = torch.arange(-31, 33).clamp(max=31).repeat(32).view(64, 32)
    stored = pack({"weight": whole.float(), "odd": whole[:63].float()}, 6)
    assert stored["weight"].dtype == torch.uint8
    assert stored["weight"].shape == (48, 32)
    assert stored["odd"].dtype == torch.int8, "rows that don't come in fours take eight bits"
    found = unpack(stored)
    assert torch.equal(found["weight"], whole.float()), "every number from -31 to 31, exactly"
    torch.testing.assert_close(found["odd"], whole[:63].float(), atol=0.15, rtol=0)


@pytest.mark.parametrize(("bits", "share"), [(8, 0.6), (6, 0.47)])
def test_a_folder_in_few_bits_fills_the_same_model(tmp_path: Path, bits: Bits, share: float) -> None:
    torch.manual_seed(0)
    words, head = nn.Embedding(300, 64), nn.Linear(64, 300, bias=False)
    head.weight = words.weight  # tied: stored once
    model = nn.Sequential(words, head)
    checkpoint.save(tmp_path / "half", {"video": model}, {})
    checkpoint.save(tmp_path / "few", {"video": model}, {}, bits)
    half, few = (checkpoint.read_sizes(tmp_path / name)["video"] for name in ("half", "few"))
    assert few[1] < share * half[1]
    assert few[0] == half[0], "as many numbers, whatever they are stored as"
    states = checkpoint.load(tmp_path / "few")[1]
    other, ahead = nn.Embedding(300, 64), nn.Linear(64, 300, bias=False)
    checkpoint.fill(nn.Sequential(other, ahead), states["video"], tmp_path)
    torch.testing.assert_close(other.weight, words.weight, atol=0.02 if bits == 8 else 0.08, rtol=0)
    assert torch.equal(other.weight, ahead.weight)


@pytest.mark.parametrize("bits", [8, 6])
def test_a_matrix_and_its_scales_may_lie_in_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: Bits
) -> None:
    torch.manual_seed(0)
    model, other = nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False)
    monkeypatch.setattr(folder_module, "_SHARD_BYTES", 64 * 64 * bits // 8)
    checkpoint.save(tmp_path, {"video": model}, {}, bits)
    assert len(list(tmp_path.glob("video-*-of-2.safetensors"))) == 2
    assert checkpoint.read_sizes(tmp_path)["video"][0] == 64 * 64
    checkpoint.fill(other, checkpoint.load(tmp_path)[1]["video"], tmp_path)
    torch.testing.assert_close(other.weight, model.weight, atol=4e-3, rtol=0)
    with pytest.raises(InvalidCheckpoint, match=r"without their scale are 1 tensors .weight"):
        checkpoint.fill(other, {"weight": pack(model.state_dict(), 8)["weight"]}, tmp_path)


def test_what_no_number_of_bits_can_hold_is_refused(tmp_path: Path) -> None:
    broken = nn.Linear(64, 64)
    broken.weight.data[0, 0] = torch.nan
    with pytest.raises(InvalidCheckpoint, match="weight"):
        checkpoint.save(tmp_path, {"video": broken}, {}, 6)
