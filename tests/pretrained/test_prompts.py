"""The text road's encoder reads what Wan's pipeline reads, from files in the public layout."""

import shutil
from pathlib import Path

import pytest
import torch
from diffusers import WanPipeline
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from pandora.errors import InvalidCheckpoint
from pandora.pretrained.prompts import PromptEncoder

SENTENCES = ["the rain &amp; the  road", "turn left", ""]
WORDS = ["<pad>", "</s>", "<unk>", "the", "rain", "road", "turn", "left", "&"]
CONFIG = UMT5Config(
    d_model=16, d_ff=24, d_kv=8, num_heads=2, num_layers=2, vocab_size=len(WORDS), pad_token_id=0, eos_token_id=1
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights as Wan's repositories keep them."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("wan")
    encoder = UMT5EncoderModel(CONFIG)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    encoder.save_pretrained(folder / "text_encoder")
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder / "tokenizer")
    return folder


def test_it_equals_wans_pipeline(folder: Path) -> None:
    ours = PromptEncoder.from_pretrained(folder, torch.float32, length=12)
    theirs = UMT5EncoderModel.from_pretrained(folder / "text_encoder")
    pipeline = WanPipeline(ours.tokenizer, theirs, vae=None, scheduler=None, transformer=None)  # type: ignore[arg-type]
    expected, _ = pipeline.encode_prompt(SENTENCES, do_classifier_free_guidance=False, max_sequence_length=12)
    found = ours(SENTENCES)
    assert found.shape == (3, 12, 16)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert (found[1, 3:] == 0).all(), "two words and their end"
    torch.testing.assert_close(ours(SENTENCES[1:2]), found[1:2], atol=1e-5, rtol=1e-5)


def test_long_sentences_are_cut(folder: Path) -> None:
    ours = PromptEncoder.from_pretrained(folder, torch.float32, length=4)
    assert ours(["the " * 50]).shape == (1, 4, 16)


def test_the_full_size_is_the_published_one() -> None:
    with torch.device("meta"):
        encoder = UMT5EncoderModel(
            UMT5Config(d_model=4096, d_ff=10240, num_layers=24, num_heads=64, d_kv=64, vocab_size=256384)
        )
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 5_680_910_336


def test_files_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidCheckpoint, match="no folder here"):
        PromptEncoder.from_pretrained(tmp_path / "none")
    (other := tmp_path / "text_encoder").mkdir()
    (other / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InvalidCheckpoint, match="umt5"):
        PromptEncoder.from_pretrained(tmp_path)
    (other / "config.json").write_text((folder / "text_encoder" / "config.json").read_text())
    tensors = load_file(folder / "text_encoder" / "model.safetensors")
    name = "encoder.block.1.layer.0.SelfAttention.q.weight"
    save_file({key: value for key, value in tensors.items() if key != name}, other / "model.safetensors")
    with pytest.raises(InvalidCheckpoint, match="SelfAttention"):
        PromptEncoder.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("tokenizer/tokenizer.json", None),
        ("tokenizer/tokenizer.json", "{"),
        ("tokenizer/tokenizer.json", "{}"),
        ("tokenizer/tokenizer_config.json", "[]"),
        ("text_encoder/config.json", '{"model_type": "umt5", "d_model": "wide"}'),
        ("text_encoder/config.json", '{"model_type": "umt5", "d_model": -1}'),
    ],
)
def test_damaged_files_are_named(folder: Path, tmp_path: Path, file: str, text: str | None) -> None:
    twin = tmp_path / "twin"
    shutil.copytree(folder, twin)
    if text is None:
        (twin / file).unlink()
    else:
        (twin / file).write_text(text)
    with pytest.raises(InvalidCheckpoint, match=f"twin/{file.split('/')[0]}"):
        PromptEncoder.from_pretrained(twin, torch.float32)
