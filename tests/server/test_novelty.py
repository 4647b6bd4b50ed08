"""The service says how strange an uploaded picture is."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import pytest
from starlette.testclient import TestClient

from pandora.media import encode_png, to_tensor
from pandora.novelty import NoveltyModel, fit, view
from pandora.world_model import WorldModel
from tests.server.conftest import make_picture

Open = Callable[..., AbstractContextManager[TestClient]]


def pictures(count: int, seed: int) -> np.ndarray:
    """(count, 128, 128, 3) uint8: noise of low contrast, differently bright."""
    rng = np.random.default_rng(seed)
    middle = rng.integers(60, 190, (count, 1, 1, 3))
    return (middle + rng.integers(-20, 21, (count, 128, 128, 3))).clip(0, 255).astype(np.uint8)


@pytest.fixture
def knowing(model: WorldModel, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [view(model.autoencoder, to_tensor(pictures(110, seed))) for seed in (0, 1)]
    monkeypatch.setattr(model, "novelty_model", NoveltyModel({"grey": fit(*seen)}))


def begin(client: TestClient, picture: np.ndarray) -> dict:
    answer = client.post("/v1/worlds", files={"image": ("a.png", encode_png(picture))})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.usefixtures("knowing")
def test_a_strange_picture_is_told_for_good_and_a_known_one_too(open_client: Open) -> None:
    with open_client() as client:
        strange = begin(client, make_picture(3))
        near = begin(client, pictures(1, 5)[0])
        assert strange["novelty"]["known"] is False
        assert strange["novelty"]["score"] > 0.99
        assert strange["novelty"]["world"] == "grey"
        assert strange["novelty"]["excess"] > near["novelty"]["excess"]
        assert near["novelty"]["known"] is True
        fork = client.post(f"/v1/worlds/{strange['id']}/forks", json={}).json()
        assert fork["novelty"] == strange["novelty"]
        of_scene = client.post("/v1/worlds", json={"scene": "tower"}).json()
        assert of_scene["novelty"] is None, "start pictures are known"
        upload = client.post("/v1/uploads", content=encode_png(make_picture(3))).json()
        again = client.post("/v1/worlds", json={"upload": upload["id"]}).json()
        assert again["novelty"] == strange["novelty"]
    with open_client() as client:  # after a restart
        listed = {world["id"]: world["novelty"] for world in client.get("/v1/worlds").json()["worlds"]}
        assert listed[strange["id"]] == strange["novelty"]
        assert listed[of_scene["id"]] is None


def test_weights_that_can_not_tell_say_nothing(client: TestClient) -> None:
    assert begin(client, make_picture(3))["novelty"] is None


def test_the_catalogue_names_kinds_of_world(client: TestClient) -> None:
    assert client.get("/v1/models").json()["models"][0]["worlds"] == ["blocks"]
    assert {scene["world_title"] for scene in client.get("/v1/scenes").json()["scenes"]} == {"Blocks"}
