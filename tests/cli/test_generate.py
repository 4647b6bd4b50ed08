import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from pandora import media
from pandora.backbone import ActionTokenizer
from pandora.cli import main as cli
from pandora.world_model import WorldModel, WorldModelConfig


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A weights folder as it ships, untrained, with one scene."""
    folder = tmp_path_factory.mktemp("weights")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "pick", "up", "the", "red", "block", "wait"]
    core = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    (folder / "scenes").mkdir()
    Image.new("RGB", (128, 128), (90, 120, 60)).save(folder / "scenes" / "one.png")
    scene = {"id": "one", "world": "blocks", "title": "One", "image": "one.png", "suggestions": ["wait"]}
    (folder / "scenes" / "scenes.json").write_text(json.dumps([scene]))
    torch.manual_seed(0)
    WorldModel(WorldModelConfig(), ActionTokenizer(tokenizer)).save_pretrained(folder)
    return folder


@pytest.fixture
def pandora(monkeypatch, capsys):
    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["pandora", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        captured = capsys.readouterr()
        assert not stopped.value.code, captured.err
        return captured.out

    return run


def test_a_film_from_a_scene(pandora, weights, tmp_path):
    arguments = ["generate", "--scene", "one", "-a", "pick up the red block", "-a", "wait", "--weights", weights]
    out = pandora(*arguments, "--steps", 1, "-o", tmp_path / "film.mp4")
    assert "16 frames in" in out
    assert "frames/s" in out
    frames, fps = media.read_film(tmp_path / "film.mp4")
    assert frames.shape == (17, 128, 128, 3)
    assert fps == 8


def test_a_contact_sheet_from_a_picture_and_the_same_seed(pandora, weights, tmp_path):
    media.save_film(tmp_path / "start.png", np.full((1, 90, 200, 3), 99, np.uint8), 8)
    for name, seed in {"a.png": 5, "b.png": 5, "c.png": 6}.items():
        arguments = ["--image", tmp_path / "start.png", "--action", "wait", "--seed", seed, "--weights", weights]
        pandora("generate", *arguments, "--steps", 1, "-o", tmp_path / name)
    sheets = [media.load_image(tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    assert sheets[0].shape[1] > 9 * 128
    assert (sheets[0] == sheets[1]).all()
    assert (sheets[0] != sheets[2]).any()


def test_the_doctor_finds_the_weights_whole(pandora, weights):
    out = pandora("doctor", "--weights", weights)
    assert "whole" in out
    assert "1 scenes" in out
    assert "torch" in out
