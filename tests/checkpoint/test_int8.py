"""Eight bits a weight: what is small stays, what is large comes back nearly, and the file is half as large."""

from pathlib import Path

import pytest
import torch
from torch import nn

from pandora import checkpoint
from pandora.checkpoint import folder as folder_module
from pandora.checkpoint.int8 import pack, unpack
from pandora.errors import InvalidCheckpoint


def test_groups_of_weights_come_back_within_half_a_step() -> None:
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
    found = unpack(pack(state))
    assert found.keys() == state.keys()
    for name, width in (("groups", 64), ("matrix", 48), ("kernel", 48), ("prime", 67), ("zeros", 64)):
        step = state[name].view(-1, width).abs().amax(1) / 127
        error = (found[name] - state[name]).view(-1, width).abs().amax(1)
        assert found[name].dtype == torch.float32
        assert (error <= 0.51 * step).all(), "half a step, and what float16 takes from the scale"
    for name in ("bias", "small"):
        assert torch.equal(found[name], state[name].half())
    assert found["count"] == 3


def test_a_folder_in_eight_bits_fills_the_same_model(tmp_path: Path) -> None:
    torch.manual_seed(0)
    words, head = nn.Embedding(300, 64), nn.Linear(64, 300, bias=False)
    head.weight = words.weight  # tied: stored once
    model = nn.Sequential(words, head)
    for name, dtype in (("half", torch.float16), ("eight", torch.int8)):
        checkpoint.save(tmp_path / name, {"video": model}, {}, dtype)
    sizes = {name: checkpoint.read_sizes(tmp_path / name)["video"] for name in ("half", "eight")}
    assert sizes["eight"][1] < 0.6 * sizes["half"][1]
    assert sizes["eight"][0] == sizes["half"][0], "as many numbers, whatever they are stored as"
    states = checkpoint.load(tmp_path / "eight")[1]
    other, ahead = nn.Embedding(300, 64), nn.Linear(64, 300, bias=False)
    checkpoint.fill(nn.Sequential(other, ahead), states["video"], tmp_path)
    torch.testing.assert_close(other.weight, words.weight, atol=0.02, rtol=0)
    assert torch.equal(other.weight, ahead.weight)


def test_a_matrix_and_its_scales_may_lie_in_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model, other = nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False)
    monkeypatch.setattr(folder_module, "_SHARD_BYTES", 64 * 64)
    checkpoint.save(tmp_path, {"video": model}, {}, torch.int8)
    assert len(list(tmp_path.glob("video-*-of-2.safetensors"))) == 2
    checkpoint.fill(other, checkpoint.load(tmp_path)[1]["video"], tmp_path)
    torch.testing.assert_close(other.weight, model.weight, atol=1e-3, rtol=0)
    with pytest.raises(InvalidCheckpoint, match=r"without their scale are 1 tensors .weight"):
        checkpoint.fill(other, {"weight": pack(model.state_dict())["weight"]}, tmp_path)


def test_what_no_number_of_bits_can_hold_is_refused(tmp_path: Path) -> None:
    broken = nn.Linear(64, 64)
    broken.weight.data[0, 0] = torch.nan
    with pytest.raises(InvalidCheckpoint, match="weight"):
        checkpoint.save(tmp_path, {"video": broken}, {}, torch.int8)
