"""The service on a model of published parts: frames that are not square, states that carry memory, a restart."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pandora.errors import InvalidConfig, UnknownName
from pandora.large import LargeWorldModel
from pandora.media import load_image
from server.app import create_app
from server.engine import loading
from server.engine.engine import Engine
from server.settings import Settings
from tests.large.conftest import CONFIG, make
from tests.server.conftest import running


@pytest.fixture(scope="module")
def large() -> LargeWorldModel:
    return make()


@pytest.fixture
def large_engine(large: LargeWorldModel) -> Iterator[Engine]:
    with running(large) as engine:
        yield engine


def test_worlds_live_fork_and_outlive_a_restart(scenes: Path, large_engine: Engine, kept: Path) -> None:
    settings = Settings(weights=scenes, device="cpu", data=kept, snapshot_every=1, max_state_bytes=1)
    with TestClient(create_app(settings, large_engine), base_url="http://localhost") as client:
        model = client.get("/v1/models").json()["models"][0]
        assert (model["width"], model["height"], model["frames_per_action"]) == (96, 64, 8)
        world = client.post("/v1/worlds", json={"scene": "blocks-three", "seed": 3}).json()["id"]
        for action in ("it starts to rain", "turn left"):
            answer = client.post(f"/v1/worlds/{world}/steps", json={"actions": [action]})
            assert answer.status_code == 200, answer.text
        fork = client.post(f"/v1/worlds/{world}/forks", json={"step": 1}).json()
        fork_id = fork["worlds"][0]["id"] if "worlds" in fork else fork["id"]
        assert client.post(f"/v1/worlds/{fork_id}/steps", json={"actions": ["turn left"]}).status_code == 200
    with TestClient(create_app(settings, large_engine), base_url="http://localhost") as client:
        assert client.get(f"/v1/worlds/{world}").json()["head"] == 2
        step = client.post(f"/v1/worlds/{world}/steps", json={"actions": ["go on"]}).json()["steps"][0]
        frame = load_image(client.get(step["frame_url"]).content)
        assert frame.shape == (64, 96, 3)


def test_what_the_language_model_made_of_an_action_is_shown(scenes: Path, kept: Path) -> None:
    settings = Settings(weights=scenes, device="cpu", data=kept)
    with running(make(replace(CONFIG, rewrite=4))) as engine:
        with TestClient(create_app(settings, engine), base_url="http://localhost") as client:
            world = client.post("/v1/worlds", json={"scene": "blocks-three"}).json()["id"]
            made = client.post(f"/v1/worlds/{world}/steps", json={"actions": ["turn left"]}).json()["steps"][0]
            assert isinstance(made["description"], str)
        with TestClient(create_app(settings, engine), base_url="http://localhost") as client:
            steps = client.get(f"/v1/worlds/{world}").json()["steps"]
            assert [step["description"] for step in steps] == [None, made["description"]]


def test_streams_tell_every_frame(scenes: Path, large_engine: Engine, kept: Path) -> None:
    settings = Settings(weights=scenes, device="cpu", data=kept)
    with TestClient(create_app(settings, large_engine), base_url="http://localhost") as client:
        world = client.post("/v1/worlds", json={"scene": "blocks-three"}).json()["id"]
        with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as socket:
            socket.send_json({"type": "hello"})
            assert socket.receive_json()["type"] == "ready"
            socket.receive_bytes()
            socket.send_json({"type": "action", "event_id": "a", "text": "it starts to rain"})
            frames, kinds = 0, []
            while not kinds or kinds[-1] != "clip.end":
                message = socket.receive()
                frames += message.get("bytes") is not None
                kinds += [message["text"].split('"type":"')[1].split('"')[0]] if message.get("text") else []
            assert frames == 8


def test_a_preset_is_loaded_by_its_names(monkeypatch: pytest.MonkeyPatch, large: LargeWorldModel) -> None:
    asked = {}

    def load(config: object, device: str, speed: object, report: object) -> LargeWorldModel:
        asked.update(config=config, device=device, speed=speed)
        return large

    monkeypatch.setattr("pandora.large.load", load)
    settings = Settings.from_environment({}, preset="pandora-7b-256", backbone="qwen2.5-vl-3b", quantized="fp8")
    assert settings.sampling_steps == 4, "as the checkpoint was made for"
    assert loading.load_model(settings.but(sampling_steps=1)) is large
    assert (asked["config"].height, asked["config"].backbone) == (256, "qwen2.5-vl-3b")
    assert asked["speed"].quantized == "fp8"
    assert Settings.from_environment({}, preset="pandora-7b", sampling_steps=2).sampling_steps == 2
    assert Settings.from_environment({}, preset="pandora-7b", video="wan2.2-ti2v-5b").sampling_steps == 50
    with pytest.raises(InvalidConfig, match="belong to a preset"):
        Settings(video="longlive-1.3b")
    with pytest.raises(InvalidConfig, match="road"):
        Settings.from_environment({"PANDORA_PRESET": "pandora-7b", "PANDORA_ROAD": "nonsense"})
    with pytest.raises(UnknownName, match="fp8"):
        loading.load_model(settings.but(quantized="fp9"))
    with pytest.raises(UnknownName, match="pandora-7b"):
        Settings.from_environment({"PANDORA_PRESET": "pandora-8b"})
