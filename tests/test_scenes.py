"""What is no list of scenes is refused in words, whatever it is."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pandora.cli.main import create_app
from pandora.errors import InvalidCheckpoint
from pandora.scenes import by_world, read_scenes

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


def test_scenes_stand_together_by_kind_of_world(tmp_path: Path) -> None:
    entries = [
        GOOD,
        GOOD | {"id": "b", "world": "road", "world_title": "On the road"},
        GOOD | {"id": "c"},
    ]
    scenes = read_scenes(write(tmp_path, json.dumps(entries)))
    groups = {title: [scene.id for scene in group] for title, group in by_world(scenes.values()).items()}
    assert groups == {"Blocks": ["a", "c"], "On the road": ["b"]}, "older folders say no titles"


def test_the_command_lists_them_by_kind_and_finds_one(tmp_path: Path) -> None:
    entries = [GOOD, GOOD | {"id": "b", "world": "road", "world_title": "On the road"}]
    folder = str(write(tmp_path, json.dumps(entries)))
    listed = CliRunner().invoke(create_app(), ["scenes", "--weights", folder])
    assert listed.output.index("Blocks (blocks)") < listed.output.index("On the road (road)")
    only = CliRunner().invoke(create_app(), ["scenes", "--weights", folder, "--world", "road"])
    assert "b  " in only.output
    assert "a  " not in only.output
    wrong = CliRunner().invoke(create_app(), ["scenes", "--weights", folder, "--world", "rode"])
    assert "Did you mean 'road'?" in str(wrong.exception)
