import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from pandora.errors import InvalidConfig
from server.cli import serve
from server.settings import Settings


def test_variables_then_flags() -> None:
    environment = {"PANDORA_PORT": "9000", "PANDORA_WEIGHTS": "/somewhere", "PANDORA_MAX_WORLDS": "3", "HOME": "/"}
    settings = Settings.from_environment(environment, port=9100, host=None)
    assert (settings.port, settings.weights, settings.max_worlds) == (9100, Path("/somewhere"), 3)
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PANDORA_PORT", "http"),
        ("PANDORA_PORT", "70000"),
        ("PANDORA_ALLOW_REMOTE", "perhaps"),
        ("PANDORA_SAMPLING_STEPS", "0"),
        ("PANDORA_JPEG_QUALITY", "101"),
        ("PANDORA_MAX_WORLDS", "0"),
        ("PANDORA_HOST", "0.0.0.0"),
        ("PANDORA_HOST", "192.0.2.1"),
    ],
)
def test_what_cannot_be(name: str, value: str) -> None:
    with pytest.raises(InvalidConfig):
        Settings.from_environment({name: value})


def test_other_machines_only_on_request() -> None:
    assert not Settings.from_environment({"PANDORA_HOST": "0.0.0.0", "PANDORA_ALLOW_REMOTE": "1"}).is_local
    assert all(Settings(host=host).is_local for host in ("localhost", "127.0.0.1", "127.1.2.3", "::1"))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_flags_then_variables_then_file_then_defaults(tmp_path: Path) -> None:
    file = write(tmp_path / "pandora.toml", 'port = 1\nmax_batch = 2\njpeg_quality = 3\ndata = "/kept"\n')
    environment = {"PANDORA_CONFIG": str(file), "PANDORA_PORT": "10", "PANDORA_MAX_BATCH": "20"}
    fallback = {"jpeg_quality": 30, "weights": Path("/here")}
    settings = Settings.from_environment(environment, fallback=fallback, port=100)
    assert (settings.port, settings.max_batch, settings.jpeg_quality) == (100, 20, 3)
    assert (settings.data, settings.weights, settings.max_live) == (Path("/kept"), Path("/here"), Settings.max_live)
    other = write(tmp_path / "other.toml", "port = 5\n")
    assert Settings.from_environment({"PANDORA_CONFIG": str(file)}, file=other).port == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", "no setting named 'prot'.*allow_remote, .*Did you mean 'port'"),
        ("[server]\nport = 1", "no setting named 'server'"),
        ("port = '80'", "port is a whole number, not '80'"),
        ("port = true", "port is a whole number"),
        ("require_keys = 1", "require_keys is true or false"),
        ("weights = 1", "weights is a text"),
        ("port = ", "can't be read"),
        ("log_level = 'loud'", "debug, info, warning, error"),
        ("log_format = 'xml'", "text, json"),
        ("drain_seconds = -1", "at least 0"),
    ],
)
def test_files_that_cannot_be(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidConfig, match=words):
        Settings.from_environment({}, file=write(tmp_path / "pandora.toml", text))
    with pytest.raises(InvalidConfig, match="can't be read"):
        Settings.from_environment({}, file=tmp_path / "none.toml")


def test_what_is_printed_can_be_read(tmp_path: Path) -> None:
    settings = Settings(port=9, data=Path('/a "b" ü'), require_keys=True, database="sqlite:////x.db", log_format="json")
    assert Settings.from_environment({}, file=write(tmp_path / "p.toml", settings.to_toml())) == settings
    assert "hunter2" not in Settings(database="postgresql+psycopg://me:hunter2@host/pandora").to_toml()


def test_serve_prints_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDORA_MAX_BATCH", "3")
    file = write(tmp_path / "p.toml", 'port = 1\nmax_batch = 2\nweights = "/mine"\n')
    app = Typer()
    app.command()(serve)
    result = CliRunner().invoke(app, ["--config", str(file), "--steps", "4", "--print-config"])
    assert result.exit_code == 0, result.output
    printed = tomllib.loads(result.stdout)
    assert (printed["port"], printed["max_batch"], printed["sampling_steps"]) == (1, 3, 4)
    assert printed["weights"] == "/mine"
    assert set(printed) == {field.name for field in fields(Settings)}


def test_keys_and_doctor_find_where_worlds_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "p.toml", f'host = "0.0.0.0"\ndata = "{tmp_path}"\n')
    monkeypatch.setenv("PANDORA_CONFIG", str(file))
    assert Settings.where().data == tmp_path
    monkeypatch.setenv("PANDORA_DATA", "/elsewhere")
    assert Settings.where().data == Path("/elsewhere")
    assert Settings.where(database="sqlite:////x.db").database_url == "sqlite:////x.db"
