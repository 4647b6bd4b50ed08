import sys

import pytest
import typer
from typer.testing import CliRunner

from pandora import __version__
from pandora.cli import main as cli


@pytest.fixture
def pandora(monkeypatch, capsys):
    """Run `pandora …` as the console script does: exit code, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pandora", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        code = stopped.value.code
        captured = capsys.readouterr()
        return int(code or 0), captured.out, captured.err

    return run


def test_help_and_version(pandora):
    code, out, _ = pandora("--help")
    assert code == 0
    for command in ("generate", "scenes", "eval", "train", "data", "doctor", "serve", "bench"):
        assert command in out
    assert pandora("--version")[1].strip() == __version__


def test_errors_are_one_line(pandora, tmp_path):
    for arguments, words in {
        ("scenes", "--weights", tmp_path / "none"): "no folder of weights",
        ("doctor", "--weights", tmp_path): "no manifest.json",
        ("generate", "--action", "wait", "-o", "film.avi", "--image", "x.png"): "Valid: .gif, .mp4, .png, .webp",
        ("generate", "--action", "wait", "-o", "film.mp4"): "either --scene",
        ("generate", "--action", "wait", "-o", "film.mp4", "--image", "none.png"): "none.png can't be read",
    }.items():
        code, _, err = pandora(*arguments)
        assert code == 2
        assert err.startswith("pandora: ")
        assert words in err
        assert len(err.splitlines()) == 1


def test_a_text_file_is_no_picture(pandora, tmp_path):
    (tmp_path / "note.png").write_text("not a picture")
    code, _, err = pandora("generate", "--image", tmp_path / "note.png", "--action", "wait", "-o", tmp_path / "a.mp4")
    assert code == 2
    assert "not a readable picture" in err


def test_scenes_are_listed(pandora, tmp_path):
    assert "no scenes" in pandora("scenes", "--weights", tmp_path)[1]
    (tmp_path / "scenes").mkdir()
    scenes = tmp_path / "scenes" / "scenes.json"
    entry = '{"id": "tower", "world": "w", "title": "A tower", "image": "a.png", "suggestions": ["wait", "light on"]}'
    scenes.write_text(f"[{entry}]")
    assert "tower" in pandora("scenes", "--weights", tmp_path)[1]
    code, _, err = pandora("generate", "--scene", "towr", "--action", "a", "-o", "a.gif", "--weights", tmp_path)
    assert code == 2
    assert "Did you mean 'tower'?" in err
    scenes.write_text('[{"id": 3}]')
    assert pandora("scenes", "--weights", tmp_path)[0] == 2


class Plugin:
    name, value = "extra", "some.package:command"

    def __init__(self, loaded):
        self.loaded = loaded

    def load(self):
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def one_command() -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def extra(times: int = 1) -> None:
        """Say it."""
        typer.echo("said " * times)

    return app


def two_commands() -> typer.Typer:
    app = one_command()
    app.command("other")(lambda: typer.echo("other"))
    return app


@pytest.mark.parametrize(
    ("loaded", "arguments", "expected"),
    [
        (lambda: typer.echo("plain"), ["extra"], "plain"),
        (one_command(), ["extra", "--times", "2"], "said said"),
        (two_commands(), ["extra", "other"], "other"),
    ],
)
def test_plugins(monkeypatch, loaded, arguments, expected):
    monkeypatch.setattr(cli, "entry_points", lambda group: [Plugin(loaded)])
    result = CliRunner().invoke(cli.create_app(), arguments)
    assert result.exit_code == 0
    assert result.output.strip() == expected


def test_a_plugin_that_cannot_be_loaded_says_so_when_called(monkeypatch, pandora):
    monkeypatch.setattr(cli, "entry_points", lambda group: [Plugin(ImportError("no such module"))])
    assert "Not available: no such module" in pandora("--help")[1]
    code, _, err = pandora("extra")
    assert code == 2
    assert "can't be loaded: no such module" in err
