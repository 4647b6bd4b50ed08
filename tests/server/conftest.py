"""The real service around the real model at a tiny, random size."""

import inspect
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient, WebSocketTestSession

from pandora.media import encode_png
from pandora.presets import tiny_model
from pandora.world_model import WorldModel
from pandora.worlds.blocks.world import Blocks
from server.app import create_app
from server.engine.engine import Engine
from server.protocol import FrameHeader
from server.settings import Settings
from tests.server.ruled import Ruled, read, write_scenes
from tests.server.wire import Wire

SCENES = [
    {"id": "tower", "world": "blocks", "title": "A tower", "image": "tower.png", "suggestions": ["pick up", "wait"]},
    {"id": "row", "world": "blocks", "title": "A row", "image": "row.png", "suggestions": ["wait"]},
]


def make_picture(seed: int, size: tuple[int, int] = (128, 128)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def public_calls(kind: type) -> dict[str, list[str]]:
    """What can be called on objects of a class, with the names of the parameters."""
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: list(inspect.signature(call).parameters) for name, call in found if not name.startswith("_")}


@pytest.fixture(scope="session")
def model() -> WorldModel:
    model = tiny_model()
    model.runtime.apply()
    return model


@pytest.fixture(scope="session")
def weights(model: WorldModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    (folder / "scenes").mkdir()
    (folder / "scenes" / "scenes.json").write_text(json.dumps(SCENES))
    for seed, scene in enumerate(SCENES):
        (folder / "scenes" / scene["image"]).write_bytes(encode_png(make_picture(seed)))
    return model.save_pretrained(folder)


@pytest.fixture(scope="session")
def settings(weights: Path) -> Settings:
    return Settings(weights=weights, device="cpu", threads="1")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the worlds of a test are kept."""
    return tmp_path / "data"


@contextmanager
def running(model: WorldModel) -> Iterator[Engine]:
    """An engine that has its model."""
    engine = Engine(lambda: model)
    engine.start()
    engine.settled.wait()
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def engine(model: WorldModel) -> Iterator[Engine]:
    with running(model) as engine:
        yield engine


@pytest.fixture
def open_client(settings: Settings, engine: Engine, kept: Path) -> Callable[..., AbstractContextManager[TestClient]]:
    """A client of a service with some settings changed."""

    def open_client(**changes: Any) -> AbstractContextManager[TestClient]:
        return TestClient(create_app(settings.but(**{"data": kept} | changes), engine), base_url="http://localhost")

    return open_client


@pytest.fixture
def client(open_client: Callable[..., AbstractContextManager[TestClient]]) -> Iterator[TestClient]:
    with open_client() as client:
        yield client


@pytest.fixture
def wire(port: int) -> Iterator[Wire]:
    """A line to the module's own `port`."""
    wire = Wire(port)
    yield wire
    wire.close()


@pytest.fixture
def busy(engine: Engine) -> Callable[[], AbstractContextManager[None]]:
    """Keeps the engine from beginning anything."""

    @contextmanager
    def busy() -> Iterator[None]:
        gate, begun = threading.Event(), threading.Event()

        def wait(model: WorldModel) -> None:
            begun.set()
            gate.wait(20)

        call: Future[None] = engine.call(wait)
        begun.wait(20)
        try:
            yield
        finally:
            gate.set()
            call.result(20)

    return busy


class Viewing:
    """A stream, read message by message; frames as (header, JPEG)."""

    def __init__(self, socket: WebSocketTestSession):
        self.socket = socket

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send_json({"type": kind, **fields})

    def act(self, event_id: str, text: str = "pick up the red block") -> None:
        self.send("action", event_id=event_id, text=text)

    def read(self) -> dict[str, Any] | tuple[FrameHeader, bytes]:
        message = self.socket.receive()
        if message["type"] == "websocket.close":
            return {"type": "closed", "code": message["code"]}
        if message.get("bytes") is not None:
            return FrameHeader.unpack(message["bytes"])
        return json.loads(message["text"])

    def until(self, kind: str) -> tuple[list[dict[str, Any]], list[tuple[FrameHeader, bytes]]]:
        """Messages (that of `kind` is the last) and frames up to the next message of `kind`."""
        messages, frames = [], []
        while not messages or messages[-1]["type"] != kind:
            item = self.read()
            if isinstance(item, tuple):
                frames.append(item)
            else:
                messages.append(item)
                assert item["type"] != "closed" or kind == "closed", messages
        return messages, frames

    def still(self) -> FrameHeader:
        """The next item, which is a frame to show at once."""
        item = self.read()
        assert isinstance(item, tuple), item
        return item[0]


@pytest.fixture
def watch(client: TestClient) -> Callable[..., AbstractContextManager[Viewing]]:
    """A viewer of a world, after its `ready` and first still, unless it resumes."""

    @contextmanager
    def watch(world: str, **hello: Any) -> Iterator[Viewing]:
        with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as socket:
            viewing = Viewing(socket)
            viewing.send("hello", **hello)
            viewing.until("ready")
            if "resume_from" not in hello:
                viewing.still()
            yield viewing

    return watch


@pytest.fixture
def world(client: TestClient) -> str:
    """The id of a new world."""
    response = client.post("/v1/worlds", json={"scene": "tower", "seed": 7})
    assert response.status_code == 201, response.text
    return response.json()["id"]


# --- where behaviour must be exact: a model that knows the rules -----------------------------------------------------


@pytest.fixture
def ruled(monkeypatch: pytest.MonkeyPatch) -> Ruled:
    """Its pictures are read once each: a readout takes as long as a step."""
    monkeypatch.setattr(Blocks, "readout", lambda self, frame: read(np.ascontiguousarray(frame).tobytes()))
    return Ruled()


@pytest.fixture
def ruled_engine(ruled: Ruled, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr("server.engine.engine._give_way", lambda: None)  # it computes next to nothing
    with running(ruled) as engine:  # type: ignore[arg-type]
        yield engine
        ruled.slow.clear()


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture
def open_ruled(scenes: Path, ruled_engine: Engine, kept: Path) -> Callable[..., AbstractContextManager[TestClient]]:
    """As `open_client`, of a service with the model that knows the rules."""
    settings = Settings(weights=scenes, device="cpu", data=kept)
    return lambda **changes: TestClient(create_app(settings.but(**changes), ruled_engine), base_url="http://localhost")


@pytest.fixture
def ruled_client(open_ruled: Callable[..., AbstractContextManager[TestClient]]) -> Iterator[TestClient]:
    with open_ruled() as client:
        yield client
