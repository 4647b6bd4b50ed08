"""Data that comes while training is under way."""

import time
from dataclasses import replace
from pathlib import Path

import torch

from pandora import presets
from pandora.training.data import DataConfig
from pandora.training.encoding import Encoding
from pandora.training.supply import Supply, make_in_rounds
from pandora.video import Autoencoder, save_autoencoder

MODEL = presets.tiny().autoencoder


def shards(folder: Path, suffix: str = ".tar") -> list[str]:
    return sorted(path.stem for path in folder.glob(f"*{suffix}"))


def made(folder: Path) -> DataConfig:
    """Four shards of two episodes of two actions."""
    return DataConfig(world=("blocks",), out=str(folder), clips=16, length=2, episodes=2, processes=1)


def test_rounds_double_and_end_with_all(tmp_path: Path) -> None:
    both = [made(tmp_path / "data"), replace(made(tmp_path / "short"), clips=4, length=1)]
    rounds = [
        (share, *(len(shards(tmp_path / name)) for name in ("data", "short"))) for share in make_in_rounds(both, 0.25)
    ]
    assert rounds == [(0.25, 1, 1), (0.5, 2, 1), (1.0, 4, 2)]


def test_the_rest_is_made_and_encoded_beside_the_training(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = save_autoencoder(Autoencoder(MODEL), tmp_path)
    config = made(tmp_path / "data")
    next(make_in_rounds([config], 0.25))
    encoded = Encoding(data=config.out, autoencoder=str(weights), device="cpu")
    with Supply((config,), encoded, tmp_path / "supply") as supply:
        supply.start("make", "encode")
        supply.start("make")  # is under way
        processes = list(supply.running.values())
        assert len(processes) == 2
        until = time.monotonic() + 120
        while len(shards(tmp_path / "data", ".safetensors")) < 4 and time.monotonic() < until:
            time.sleep(0.2)
    said = {path.name: path.read_text()[-2000:] for path in (tmp_path / "supply").iterdir()}
    assert shards(tmp_path / "data", ".safetensors") == ["00000", "00001", "00002", "00003"], said
    assert all(process.poll() is not None for process in processes), "they end with the training"
