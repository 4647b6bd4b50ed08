"""The README's Python runs as it stands there, from its first snippet to its last, with the weights that ship."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def snippets() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)


def test_every_snippet_in_order(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    found = [text for text in snippets() if "Client(" not in text]  # that one talks to a server
    assert len(found) == len(snippets()) - 1 >= 6
    names: dict = {}
    for text in found:
        exec(compile(text, "README.md", "exec"), names)
    assert "put it on the blue block" in capsys.readouterr().out
    assert names["best"].actions == ("put it on the blue block",)
    assert "red in hand" in names["seen"].text
    assert names["plan"].reached
    assert names["watcher"].posterior[0] > 0.8
    assert names["info"]["legal"]
