"""The REST calls when all goes well."""

import io

import av
import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from pandora.media import encode_png, load_image
from pandora.world_model import WorldModel
from server.settings import Settings

ACTIONS = ["pick up the red block", "wait", "turn the light off"]


def step(client: TestClient, world: str, *actions: str) -> dict:
    response = client.post(f"/v1/worlds/{world}/steps", json={"actions": list(actions)})
    assert response.status_code == 200, response.text
    return response.json()


def test_catalogue(client: TestClient, model: WorldModel, settings: Settings) -> None:
    (shown,) = client.get("/v1/models").json()["models"]
    assert shown["id"] == "pandora-tiny"
    assert (shown["width"], shown["frames_per_action"], shown["fps"]) == (128, 8, 8)
    scenes = client.get("/v1/scenes").json()["scenes"]
    assert [scene["id"] for scene in scenes] == ["tower", "row"]
    picture = client.get(scenes[0]["image_url"])
    assert picture.headers["content-type"] == "image/png"
    assert picture.content == (settings.weights / "scenes" / "tower.png").read_bytes()


def test_health(client: TestClient, world: str) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "model": "pandora-tiny"}
    step(client, world, "wait")
    text = client.get("/metrics").text
    assert "pandora_worlds 1.0\n" in text
    assert 'pandora_clips_total{outcome="committed"} 1.0\n' in text
    assert "pandora_generate_seconds_count 1.0\n" in text


def test_a_world_begins_from_a_scene(client: TestClient) -> None:
    response = client.post("/v1/worlds", json={"scene": "tower", "seed": 7})
    assert response.status_code == 201
    world = response.json()
    assert response.headers["location"] == f"/v1/worlds/{world['id']}"
    assert (world["name"], world["scene"], world["seed"], world["head"]) == ("A tower", "tower", 7, 0)
    assert world["suggestions"] == ["pick up", "wait"]
    assert [(s["step"], s["parent"], s["action"], s["frames"]) for s in world["steps"]] == [(0, None, None, 1)]
    assert client.get(response.headers["location"]).json() == world
    assert [w["id"] for w in client.get("/v1/worlds").json()["worlds"]] == [world["id"]]


def test_a_world_begins_from_a_picture(client: TestClient) -> None:
    png = encode_png(np.full((60, 90, 3), 200, np.uint8))
    by_form = client.post("/v1/uploads", files={"image": ("desk.png", png, "image/png")})
    by_body = client.post("/v1/uploads", content=png, headers={"content-type": "image/png"})
    for response in (by_form, by_body):
        assert response.status_code == 201
        assert (response.json()["width"], response.json()["height"]) == (90, 60)
    first = client.post("/v1/worlds", json={"upload": by_body.json()["id"], "name": "desk"})
    second = client.post("/v1/worlds", files={"image": ("desk.png", png, "image/png")}, data={"seed": "3"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert (first.json()["name"], second.json()["seed"]) == ("desk", 3)
    frames = [client.get(world.json()["frame_url"]).content for world in (first, second)]
    assert frames[0] == frames[1]


def test_steps(client: TestClient, world: str, model: WorldModel) -> None:
    taken = step(client, world, *ACTIONS)
    assert [s["step"] for s in taken["steps"]] == [1, 2, 3]
    assert [s["action"] for s in taken["steps"]] == ACTIONS
    assert taken["world"]["head"] == 3
    assert {"queue", "first_frame", "generate", "encode", "total", "denoise"} <= set(taken["steps"][0]["timings"])
    answer = client.post(f"/v1/worlds/{world}/steps", json={"actions": ["  wait\n"], "expected_step": 3}).json()
    assert answer["steps"][0]["action"] == "wait"


def test_frames_are_those_of_the_model(client: TestClient, world: str, model: WorldModel, settings: Settings) -> None:
    step(client, world, "wait")
    state = model.begin(settings.weights / "scenes" / "tower.png", seed=7)
    state, clip = model.step(state, "wait")
    png = client.get(f"/v1/worlds/{world}/frames/1", headers={"accept": "image/png"})
    assert png.headers["content-type"] == "image/png"
    assert np.array_equal(load_image(png.content), clip.frames[-1])
    jpeg = client.get(f"/v1/worlds/{world}/frames/1")
    assert jpeg.headers["content-type"] == "image/jpeg"
    assert "immutable" in jpeg.headers["cache-control"]
    assert Image.open(io.BytesIO(jpeg.content)).size == (128, 128)
    every = [client.get(f"/v1/worlds/{world}/frames/1?frame={index}").content for index in range(8)]
    assert every[-1] == jpeg.content


def test_the_same_again_is_the_same(client: TestClient, world: str) -> None:
    again = client.post("/v1/worlds", json={"scene": "tower", "seed": 7}).json()["id"]
    other = client.post("/v1/worlds", json={"scene": "tower", "seed": 8}).json()["id"]
    for one in (world, again, other):
        step(client, one, *ACTIONS)
    last = [client.get(f"/v1/worlds/{one}/frames/3").content for one in (world, again, other)]
    assert last[0] == last[1] != last[2]


def test_a_fork_goes_on_as_a_replay_would(client: TestClient, world: str) -> None:
    step(client, world, *ACTIONS)
    fork = client.post(f"/v1/worlds/{world}/forks", json={"step": 1, "name": "what if"})
    assert fork.status_code == 201
    child = fork.json()
    assert child["parent"] == {"world": world, "step": 1}
    assert [s["step"] for s in child["steps"]] == [0, 1]
    step(client, child["id"], *ACTIONS[1:])
    assert client.get(f"/v1/worlds/{child['id']}").json()["head"] == 3
    frames = [client.get(f"/v1/worlds/{one}/frames/3").content for one in (world, child["id"])]
    assert frames[0] == frames[1]
    reseeded = client.post(f"/v1/worlds/{world}/forks", json={"step": 2, "seed": 99}).json()
    step(client, reseeded["id"], ACTIONS[2])
    assert client.get(f"/v1/worlds/{reseeded['id']}/frames/3").content != frames[0]
    tree = client.get(f"/v1/worlds/{child['id']}/tree").json()["worlds"]
    assert [one["id"] for one in tree] == [world, child["id"], reseeded["id"]]
    assert [s["parent"] for s in tree[0]["steps"]] == [None, 0, 1, 2]


def test_a_fork_outlives_its_parent(client: TestClient, world: str) -> None:
    step(client, world, "wait")
    child = client.post(f"/v1/worlds/{world}/forks", json={}).json()["id"]
    assert client.delete(f"/v1/worlds/{world}").status_code == 204
    assert client.get(f"/v1/worlds/{world}").status_code == 404
    assert step(client, child, "wait")["world"]["head"] == 2
    assert [one["id"] for one in client.get(f"/v1/worlds/{child}/tree").json()["worlds"]] == [child]


def test_rewind_loses_nothing(client: TestClient, world: str) -> None:
    step(client, world, *ACTIONS)
    back = client.post(f"/v1/worlds/{world}/rewind", json={"step": 1}).json()
    assert (back["head"], [s["step"] for s in back["steps"]]) == (1, [0, 1])
    taken = step(client, world, *ACTIONS[1:])
    assert [(s["step"], s["parent"], s["depth"]) for s in taken["steps"]] == [(4, 1, 2), (5, 4, 3)]
    frames = [client.get(f"/v1/worlds/{world}/frames/{number}").content for number in (3, 5)]
    assert frames[0] == frames[1]
    assert client.post(f"/v1/worlds/{world}/rewind", json={"step": 3}).json()["head"] == 3
    (shown,) = client.get(f"/v1/worlds/{world}/tree").json()["worlds"]
    assert [s["on_path"] for s in shown["steps"]] == [True, True, True, True, False, False]
    log = client.get(f"/v1/worlds/{world}/events").json()
    kinds = [event["type"] for event in log["events"]]
    assert kinds == ["created", *["committed"] * 3, "rewound", *["committed"] * 2, "rewound"]
    page = client.get(f"/v1/worlds/{world}/events?after=4&limit=2").json()
    assert [event["seq"] for event in page["events"]] == [4, 5]
    assert page["next"] == 6


def test_films(client: TestClient, world: str) -> None:
    step(client, world, *ACTIONS)
    for url, frames in ((f"/v1/worlds/{world}/recording.mp4", 25), (f"/v1/worlds/{world}/clips/2", 8)):
        response = client.get(url)
        assert response.headers["content-type"] == "video/mp4"
        with av.open(io.BytesIO(response.content), "r") as container:
            assert container.streams.video[0].codec_context.name == "h264"
            assert sum(1 for _ in container.decode(video=0)) == frames


def test_an_action_for_the_stream_gets_a_receipt(client: TestClient, world: str) -> None:
    response = client.post(f"/v1/worlds/{world}/actions", json={"text": "wait", "event_id": "a1"})
    assert response.status_code == 202
    assert response.json() == {"event_id": "a1", "text": "wait", "head": 0}
    again = client.post(f"/v1/worlds/{world}/actions", json={"text": "wait", "event_id": "a1"})
    assert again.status_code == 202
    assert step(client, world, "wait")["world"]["head"] == 2


def test_the_description_has_every_call(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    assert {"/v1/worlds", "/v1/worlds/{world_id}/steps", "/v1/uploads", "/healthz"} <= set(description["paths"])
    create = description["paths"]["/v1/worlds"]["post"]["requestBody"]["content"]
    assert set(create) == {"application/json", "multipart/form-data"}
    assert create["application/json"]["examples"]
    assert description["components"]["schemas"]["TakeSteps"]["examples"]


def test_what_left_the_memory_is_read_again(open_client) -> None:
    with open_client() as client:
        world = client.post("/v1/worlds", json={"scene": "tower"}).json()["id"]
        step(client, world, *ACTIONS, *ACTIONS)
        pictures = [client.get(f"/v1/worlds/{world}/frames/{n}?frame=3").content for n in range(1, 7)]
    with open_client(max_clip_bytes=1, max_state_bytes=1) as client:
        again = [client.get(f"/v1/worlds/{world}/frames/{n}?frame=3").content for n in range(1, 7)]
        assert again == pictures
        recording = client.get(f"/v1/worlds/{world}/recording.mp4").content
        with av.open(io.BytesIO(recording), "r") as container:
            assert sum(1 for _ in container.decode(video=0)) == 1 + 6 * 8
