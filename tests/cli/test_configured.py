from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import typer
from typer.testing import CliRunner

from pandora.cli.configured import configured, placeholder

SEEN: list["Stage"] = []


@dataclass(frozen=True, kw_only=True)
class Inner:
    width: int = 8


@dataclass(frozen=True, kw_only=True)
class Stage:
    out: Path
    learning_rate: float = 1e-3  # of AdamW
    mode: Literal["fast", "slow"] = "fast"
    compile: bool = False
    limit: int | None = None
    sizes: tuple[int, ...] = (1, 2)
    extra: Mapping[str, int] = field(default_factory=lambda: {"layers": 4, "heads": 2})
    unset: dict[str, int] | None = None
    model: Inner = field(default_factory=Inner)


def train(config: Stage) -> Iterator[Path]:
    SEEN.append(config)
    yield config.out


def invoke(*arguments: str):
    app = typer.Typer()
    app.callback()(lambda: None)
    app.command("stage", help="A stage.", cls=configured(f"{__name__}:train"))(placeholder)
    return CliRunner().invoke(app, ["stage", *arguments], env={"COLUMNS": "200"})


def test_fields_become_options():
    SEEN.clear()
    result = invoke(
        "--out", "runs/x", "--learning-rate", "0.5", "--mode", "slow", "--compile", "--limit", "3", "--sizes", "7",
        "--sizes", "9", "--model.width", "16", "--extra", '{"layers": 3}',
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.output.strip() == "runs/x"
    expected = Stage(
        out=Path("runs/x"), learning_rate=0.5, mode="slow", compile=True, limit=3, sizes=(7, 9), model=Inner(width=16),
        extra={"layers": 3, "heads": 2},
    )  # fmt: skip
    assert [expected] == SEEN
    invoke("--out", "y")
    assert SEEN[1] == Stage(out=Path("y"))


def test_help_and_wrong_options():
    result = invoke("--help")
    assert "of AdamW" in result.output
    assert "--model.width" in result.output
    assert "--unset" not in result.output
    assert invoke().exit_code == 2
    assert invoke("--out", "x", "--mode", "odd").exit_code == 2
    assert invoke("--out", "x", "--unknown", "1").exit_code == 2
    for text in ('{"layers": ', "[3]"):
        result = invoke("--out", "x", "--extra", text)
        assert result.exit_code == 2
        assert "An object in JSON" in result.output
