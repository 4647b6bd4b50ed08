import json
import shutil

import pytest
import torch
from torch import nn

from pandora import checkpoint
from pandora.checkpoint import folder as folder_module
from pandora.errors import InvalidCheckpoint


class Tied(nn.Module):
    """An embedding and a head that share their weights, and a counter."""

    def __init__(self, width: int = 8):
        super().__init__()
        self.embed = nn.Embedding(5, width)
        self.head = nn.Linear(width, 5, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("count", torch.tensor(3))


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    modules = {"video": nn.Linear(4, 6), "backbone": Tied()}
    checkpoint.save(tmp_path / "weights", modules, {"name": "tiny", "video": {"width": 4}})
    return tmp_path / "weights", modules


def test_round_trip(saved):
    folder, modules = saved
    config, states = checkpoint.load(folder)
    assert config == {"name": "tiny", "video": {"width": 4}}
    assert set(states) == {"video", "backbone"}
    assert states["video"]["weight"].dtype == torch.float16
    assert states["backbone"]["count"] == 3
    for name, fresh in {"video": nn.Linear(4, 6), "backbone": Tied()}.items():
        checkpoint.fill(fresh, states[name], folder / name)
        for key, value in modules[name].state_dict().items():
            assert torch.equal(
                fresh.state_dict()[key], value.half().to(value.dtype) if value.is_floating_point() else value
            )
    assert {path.name for path in folder.iterdir()} == {
        "backbone.safetensors", "config.json", "manifest.json", "video.safetensors",
    }  # fmt: skip


def test_shared_tensors_are_stored_once(saved):
    folder, _ = saved
    assert (folder / "backbone.safetensors").stat().st_size < 2 * 5 * 8 * 2 + 300
    assert "head.weight" in checkpoint.load(folder)[1]["backbone"]


def test_large_parts_are_split_and_old_files_go(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "_SHARD_BYTES", 600)
    model = nn.Sequential(*(nn.Linear(16, 16) for _ in range(4)))
    checkpoint.save(tmp_path, {"video": model, "video_2": nn.Linear(2, 2)}, {})
    assert len(list(tmp_path.glob("video-?-of-4.safetensors"))) == 4
    fresh = nn.Sequential(*(nn.Linear(16, 16) for _ in range(4)))
    checkpoint.fill(fresh, checkpoint.load(tmp_path)[1]["video"], tmp_path)
    assert all(
        torch.equal(new, old.half().float()) for new, old in zip(fresh.parameters(), model.parameters(), strict=True)
    )
    checkpoint.save(tmp_path, {"video": nn.Linear(2, 2)}, {})
    assert {path.name for path in tmp_path.glob("video*")} == {"video.safetensors", "video_2.safetensors"}
    assert set(checkpoint.load(tmp_path)[1]) == {"video", "video_2"}


def test_a_tensor_too_large_for_a_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "MAX_FILE_BYTES", 400)
    with pytest.raises(InvalidCheckpoint, match=r"weight.*at most 400"):
        checkpoint.save(tmp_path, {"video": nn.Linear(64, 64)}, {})
    assert list(tmp_path.iterdir()) == []


def test_values_beyond_the_dtype_are_refused(tmp_path):
    model = nn.Linear(2, 2)
    nn.init.constant_(model.weight, 1e6)
    with pytest.raises(InvalidCheckpoint, match=r"video: weight.*float16"):
        checkpoint.save(tmp_path, {"video": model}, {})
    checkpoint.save(tmp_path, {"video": model}, {}, bits=None)
    assert torch.equal(checkpoint.load(tmp_path)[1]["video"]["weight"], model.weight)


def test_damage_is_named(saved):
    folder, _ = saved
    path = folder / "video.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InvalidCheckpoint, match=r"video\.safetensors has another sha256"):
        checkpoint.load(folder)
    checkpoint.load(folder, check=False)
    path.write_bytes(b"version https://git-lfs")
    with pytest.raises(InvalidCheckpoint, match=r"video\.safetensors has 23 bytes"):
        checkpoint.load(folder)
    with pytest.raises(InvalidCheckpoint, match=r"video\.safetensors can't be read"):
        checkpoint.load(folder, check=False)
    path.unlink()
    with pytest.raises(InvalidCheckpoint, match=r"video\.safetensors is missing"):
        checkpoint.load(folder)


@pytest.mark.parametrize("content", ["", "[]", '{"files": 3}', "{}"])
def test_unusable_manifest(saved, content):
    folder, _ = saved
    (folder / "manifest.json").write_text(content)
    with pytest.raises(InvalidCheckpoint, match="manifest"):
        checkpoint.load(folder)


def test_missing_folders_and_configs(saved, tmp_path):
    folder, _ = saved
    with pytest.raises(InvalidCheckpoint, match="no folder"):
        checkpoint.load(tmp_path / "nowhere")
    with pytest.raises(InvalidCheckpoint, match=r"no manifest\.json"):
        checkpoint.load(tmp_path)
    (folder / "config.json").write_text("{")
    with pytest.raises(InvalidCheckpoint, match=r"config\.json"):
        checkpoint.load(folder, check=False)


def test_fill_names_what_differs(saved):
    folder, _ = saved
    state = checkpoint.load(folder)[1]["video"]
    with pytest.raises(InvalidCheckpoint, match=r"video doesn't fit.*lacks 1 tensors \(bias\)"):
        checkpoint.fill(nn.Linear(4, 6), {"weight": state["weight"]}, "video")
    with pytest.raises(InvalidCheckpoint, match=r"no place for 1 tensors \(bias\)"):
        checkpoint.fill(nn.Linear(4, 6, bias=False), state, "video")
    with pytest.raises(InvalidCheckpoint, match=r"weight: \[6, 4\] instead of \[6, 5\]"):
        checkpoint.fill(nn.Linear(5, 6), state, "video")


def test_fingerprint_follows_the_weights_alone(saved, tmp_path):
    folder, modules = saved
    first = checkpoint.fingerprint(folder)
    (folder / "README.md").write_text("A model card.")
    (folder / "scenes").mkdir()
    (folder / "scenes" / "scenes.json").write_text("[]")
    checkpoint.verify(folder)
    checkpoint.write_manifest(folder)
    assert checkpoint.fingerprint(folder) == first
    assert set(json.loads((folder / "manifest.json").read_text())["files"]) >= {"scenes/scenes.json", "config.json"}
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert checkpoint.fingerprint(copy) == first
    with torch.no_grad():
        modules["video"].bias.add_(1)
    checkpoint.save(copy, modules, {"name": "tiny", "video": {"width": 4}})
    assert checkpoint.fingerprint(copy) != first
