import pytest
from typer.testing import CliRunner

from pandora.cli.main import create_app
from pandora.errors import InvalidConfig, PandoraError, UnknownName


def run(*arguments: str) -> str:
    result = CliRunner().invoke(create_app(), list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_memory_is_planned_in_a_table():
    out = run(
        "memory",
        "--preset",
        "pandora-7b-longlive",
        "--rows",
        "2",
        "--branches",
        "--bits",
        "8",
        "--unrecorded",
        "--capacity",
        "30",
    )
    assert "5,680,910,336 parameters, offloaded" in out
    assert "one window for all rows" in out
    assert "1,418,996,800 parameters, 8 bits" in out
    assert "24 GB: fits with text encoder and language model offloaded" in out
    assert "80 GB: fits\n" in out
    alone = run("memory", "--preset", "pandora-text", "--height", "256", "--width", "256", "--full-decoder")
    assert "recorded passes" in alone
    assert "language model" not in alone.split("24 GB")[0]


def test_what_does_not_fit_is_shown_and_refused():
    with pytest.raises(InvalidConfig, match=r"the device has 12\.00 GiB"):
        run("memory", "--capacity", "12")
    with pytest.raises(InvalidConfig, match="8 or 16 bits, not 9"):
        run("memory", "--bits", "9")
    with pytest.raises(UnknownName, match="pandora-7b"):
        run("memory", "--preset", "pandora-7")


def test_the_doctor_says_what_is_chosen_and_what_fits(monkeypatch):
    out = run("doctor")
    assert "attention      sdpa (" in out
    assert "works: sdpa (error" in out
    assert "only by name, since it downloads compiled code from the hub" in out
    assert "int8           linear layers work" in out
    assert "pandora-7b-256" in out
    assert "fits with text encoder and language model offloaded on 24 GB" in out
    monkeypatch.setenv("PANDORA_ATTENTION", "flash")
    with pytest.raises(PandoraError, match="no attention kernel named 'flash'"):
        run("doctor")
