"""The user's own sentences: what is read, what is refused, how they are counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from pandora.errors import InvalidInput
from pandora.evaluation.measures import Bench, Sizes
from pandora.evaluation.phrases import Template, measure, read, worst
from pandora.evaluation.subjects import CopyLast, Told
from pandora.types import Sampler
from pandora.world_model import WorldModel
from tests.evaluation.conftest import Knowing, Strips


def check(text: str) -> str:
    return WorldModel.check_action(None, text)  # type: ignore[arg-type]


def file(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "phrases.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_followed_sentences(world: Strips, tmp_path: Path) -> None:
    sentences = {"right": ["please right {a}", "move {a} right"], "light_on": ["light on"], "wait": ["wait"]}
    templates = read(file(tmp_path, sentences), world, check)
    assert templates[0] == Template("right", "please right {a}")
    model = Knowing(world)
    rows, fates = measure(Bench(world, [], Sizes()), Told(model, Sampler()), templates, 6)
    assert {row.name: row.value for row in rows} == {
        "phrases.right": 1.0, "phrases.light_on": 1.0, "phrases.wait": 1.0, "phrases.all": 1.0,
    }  # fmt: skip
    assert [(fate.right, fate.stayed, fate.n) for fate in fates] == [(6, 0, 6), (6, 0, 6), (6, 0, 6), (6, 6, 6)]
    assert len(model.asked) == rows[-1].n == 24

    rows, fates = measure(Bench(world, [], Sizes()), CopyLast(), templates, 6)
    assert [row.value for row in rows] == [0.0, 0.0, 1.0, 0.25]
    assert [fate.template.verb for fate in worst(fates)] == ["light_on", "right", "right", "wait"]


def test_what_a_sentence_leaves_out_must_be_settled(world: Strips) -> None:
    bench, template = Bench(world, [], Sizes()), Template("right", "move it right")
    _, (fate,) = measure(bench, CopyLast(), [template], 3)  # scenes where one square alone can move right
    assert fate.n == 3
    with pytest.raises(InvalidInput, match="name its arguments"):
        measure(Bench(Crowded(), [], Sizes()), CopyLast(), [template], 1)


class Crowded(Strips):
    def reset(self, seed: int, **options: Any) -> Any:
        return super().reset(7, squares=3)  # where two squares can move right


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ("[1, 2", "not JSON"),
        ({}, "no phrases"),
        (["grab it"], "list"),
        ({"rihgt": ["go"]}, "Did you mean 'right'"),
        ({"right": "go right"}, "list of sentences"),
        ({"right": []}, "list of sentences"),
        ({"right": [3]}, "not a sentence"),
        ({"right": ["move {b} right"]}, r"unknown placeholder \{b\}"),
        ({"right": ["move {} right"]}, "unknown placeholder"),
        ({"right": ["move {a!r} right"]}, "unknown placeholder"),
        ({"right": ["move {a.real} right"]}, "unknown placeholder"),
        ({"right": ["move {a right"]}, "brace"),
        ({"wait": ["wait for {a}"]}, "no placeholder"),
        ({"wait": ["  "]}, "is empty"),
        ({"wait": ["z" * 501]}, "at most 500"),
    ],
)
def test_refused(world: Strips, tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(file(tmp_path, content), world, check)


def test_a_missing_file(world: Strips, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be read"):
        read(tmp_path / "nowhere.json", world, check)
