"""What is no list of scenes is refused in words, whatever it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from pandora.errors import InvalidCheckpoint
from pandora.scenes import read_scenes

GOOD: dict[str, Any] = {"id": "a", "world": "blocks", "title": "A", "image": "a.png", "suggestions": ["wait"]}


def write(folder: Path, text: str) -> Path:
    (folder / "scenes").mkdir(exist_ok=True)
    (folder / "scenes" / "scenes.json").write_text(text)
    return folder


def test_scenes_in_their_order(tmp_path: Path) -> None:
    scenes = read_scenes(write(tmp_path, json.dumps([GOOD | {"id": "b"}, GOOD])))
    assert list(scenes) == ["b", "a"]
    assert scenes["a"].suggestions == ("wait",)
    assert scenes["a"].image == tmp_path / "scenes" / "a.png"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '[{"a":' * 50_000,
        json.dumps([GOOD | {"id": ["a"]}]),
        json.dumps([GOOD | {"id": None}]),
        json.dumps([GOOD | {"title": {"a": 1}}]),
        json.dumps([GOOD | {"suggestions": "wait"}]),
        json.dumps([GOOD | {"suggestions": [["wait"]]}]),
        json.dumps([GOOD | {"image": "../../secret.png"}]),
        json.dumps([GOOD | {"image": "/etc/hostname"}]),
        json.dumps([GOOD | {"image": "a\x00.png", "world": 3}]),
        json.dumps({"a": 1}),
        "3",
        "null",
        '"text"',
    ],
    ids=range(14),
)
def test_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidCheckpoint, match=r"can't be read as a list of scenes"):
        read_scenes(write(tmp_path, text))
