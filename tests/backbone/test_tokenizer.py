"""Any text becomes known ids; rows are padded on the left; the new action stands last."""

import pytest

from pandora.backbone import ActionTokenizer
from pandora.errors import InvalidCheckpoint


@pytest.mark.parametrize(
    "text",
    [
        "pick up the red block",
        "🙂 stack RED on blue 🟥",
        "",
        "   ",
        "日本語",
        "naïve façade “quoted” it’s",
        "a" * 500,
        "\x00\t\n!?#$~`",
    ],
)
def test_nothing_is_unknown(tokenizer: ActionTokenizer, text: str) -> None:
    ids, mask = tokenizer([text], [()])
    assert tokenizer.tokenizer.unk_token_id not in ids[0].tolist()
    assert ids.shape == mask.shape
    assert mask.all()


def test_case_accents_and_emoji_decide_nothing(tokenizer: ActionTokenizer) -> None:
    plain, _ = tokenizer(["push the red block"], [()])
    dressed, _ = tokenizer(["  Push the RÉD  block 🙂"], [()])
    assert plain.tolist() == dressed.tolist()


def test_history_comes_before_the_action(tokenizer: ActionTokenizer) -> None:
    alone, _ = tokenizer(["wait"], [()])
    both, mask = tokenizer(["wait", "wait"], [("push red", "pick up"), ()])
    assert both[0, -alone.shape[1] :].tolist() == alone[0].tolist()
    assert both[0].tolist().count(tokenizer.tokenizer.sep_token_id) == 3
    assert mask[1].sum() == alone.shape[1]
    assert mask[1, -alone.shape[1] :].all()


def test_long_text_is_cut(tokenizer: ActionTokenizer) -> None:
    ids, _ = tokenizer(["red " * 5000], [("blue " * 5000,)])
    assert ids.shape[1] < 256


def test_saved_files_read_the_same(tokenizer: ActionTokenizer, tmp_path) -> None:
    tokenizer.save(tmp_path)
    again = ActionTokenizer.load(tmp_path)
    text = "Take the tower's red, 12 blöcks!"
    assert again([text], [("wait",)])[0].tolist() == tokenizer([text], [("wait",)])[0].tolist()
    with pytest.raises(InvalidCheckpoint, match=r"tokenizer\.json"):
        ActionTokenizer.load(tmp_path / "nowhere")


def test_texts_are_read_as_they_are_written(tokenizer: ActionTokenizer) -> None:
    text = "the hand; the block, the hand!"
    assert tokenizer.read([[*tokenizer.pieces(text, 40), *tokenizer.end, 5]]) == [text]
