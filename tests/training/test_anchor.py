"""A language model that is tuned for a world goes on writing what it could write, where an anchor holds it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pandora.errors import InvalidInput
from pandora.pretrained.backbone import PretrainedBackbone
from pandora.pretrained.loading import load_backbone
from pandora.pretrained.lora import adapt, fits
from pandora.pretrained.release import load_release
from pandora.training import instruction
from pandora.training.anchor import AnchorConfig, language_anchor, log_likelihood, measure
from pandora.training.ewc import Anchor
from pandora.training.instruction import InstructionTraining
from tests.training.published import ADAPTER, FORM, PAST, READING

TEXTS = ["red is warm", "blue is cold"]
ACTIONS = ["up and down", "left or right"]


@pytest.fixture(scope="module")
def home(home: Path) -> Path:
    """With a language model that has learnt a few texts by heart."""
    backbone = load_backbone(home / "backbone", READING, torch.float32)
    backbone.decoder.requires_grad_(True)
    learn(backbone, TEXTS, 25)
    backbone.requires_grad_(False).model.save_pretrained(home / "backbone")
    return home


def learn(backbone: PretrainedBackbone, texts: list[str], steps: int, anchor: Anchor | None = None) -> None:
    optimizer = torch.optim.Adam([p for p in backbone.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(steps):
        loss = -likelihood(backbone, texts)
        if anchor is not None:
            loss = loss + 1e4 * anchor.penalty(backbone.decoder)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def known(backbone: PretrainedBackbone, texts: list[str]) -> float:
    return float(likelihood(backbone, texts))


def likelihood(backbone: PretrainedBackbone, texts: list[str]) -> torch.Tensor:
    ids = [torch.tensor([backbone.words.trusted(text)]) for text in texts]
    return torch.cat([log_likelihood(backbone, row) for row in ids]).mean()


def test_old_texts_are_held_that_plain_tuning_forgets(home: Path) -> None:
    at_first = known(load_backbone(home / "backbone", READING, torch.float32), TEXTS)
    kept = {}
    for held in (False, True):
        torch.manual_seed(0)
        backbone = load_backbone(home / "backbone", READING, torch.float32)
        anchor = language_anchor(backbone, TEXTS) if held else None
        adapt(backbone.model, "language", 4)
        before = known(backbone, ACTIONS)
        learn(backbone, ACTIONS, 40, anchor)
        kept[held] = known(backbone, TEXTS), known(backbone, ACTIONS) - before
    assert kept[False][0] < at_first - 15, "forgotten"
    assert kept[True][0] > at_first - 8, "held"
    assert kept[True][1] > 0.9 * kept[False][1] > 0, "and the new texts are learnt all the same"


def test_an_anchor_is_of_the_layers_that_are_adapted(home: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join([*TEXTS, "", "x"]) + "\n")
    config = AnchorConfig(
        backbone=str(home / "backbone"), texts=str(tmp_path / "texts.txt"), dtype="float32", device="cpu",
        out=str(tmp_path / "a" / "anchor.safetensors"),
    )  # fmt: skip
    anchor = Anchor.load(measure(config))
    assert len(anchor.values) == 3 * 7
    assert all(fits("language", name.removesuffix(".weight")) for name in anchor.values)
    assert all(fisher.any() for fisher in anchor.fisher.values())
    with pytest.raises(InvalidInput, match="no file of texts"):
        measure(replace(config, texts=str(tmp_path / "none.txt")))
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(InvalidInput, match=r"latin\.txt is not UTF-8"):
        measure(replace(config, texts=str(tmp_path / "latin.txt")))
    (tmp_path / "texts.txt").write_text("\n")
    with pytest.raises(InvalidInput, match="at least one example"):
        measure(replace(config))


def test_instruction_tuning_with_an_anchor(home: Path, tmp_path: Path) -> None:
    backbone = load_backbone(home / "backbone", READING, torch.float32)
    language_anchor(backbone, TEXTS).save(tmp_path / "anchor.safetensors")
    values: dict[str, Any] = {
        "data": str(home / "films"), "backbone": str(home / "backbone"), "video": str(home / "pipeline/transformer"),
        "autoencoder": str(home / "pipeline"), "past": PAST, "form": FORM, "reading": READING, "adapter": ADAPTER,
        "video_rank": 2, "backbone_rank": 2, "steps": 4, "batch": 1, "warmup": 1, "learning_rate": 3e-2,
        "precision": "no", "log_every": 1, "workers": 1, "device": "cpu",
    }  # fmt: skip
    away = []
    for weight in (0.0, 1e8):
        config = InstructionTraining(
            **values, out=str(tmp_path / str(weight)), anchor=str(tmp_path / "anchor.safetensors"), ewc=weight
        )
        tuned = load_release(instruction.train(config), dtype=torch.float32)
        away.append(float(Anchor.load(tmp_path / "anchor.safetensors").penalty(tuned.backbone.decoder)))
        logged = (tmp_path / str(weight) / "metrics.jsonl").read_text().splitlines()
        assert json.loads(logged[0])["ewc"] == 0
        assert json.loads(logged[-1])["ewc"] > 0
    assert 0 < away[1] < 0.5 * away[0]
