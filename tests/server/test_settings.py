from pathlib import Path

import pytest

from pandora.errors import InvalidConfig
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
