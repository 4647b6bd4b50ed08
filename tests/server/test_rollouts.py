"""Rollouts of the service: what they answer, whose they are, how they end, and that no world notices."""

import base64
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx2
import numpy as np
import pytest
from safetensors.numpy import load
from starlette.testclient import TestClient

from pandora import scoring
from pandora.media import encode_jpeg, encode_png, load_image, read_film
from pandora.rollout import sample_seed
from pandora.scoring import Score
from pandora.types import WorldState
from pandora.world_model import WorldModel
from server.routes import rollouts as routes
from tests.server.conftest import make_picture
from tests.server.ruled import Ruled
from tests.server.test_users import access, bearer, begin, refusal

Open = Callable[..., AbstractContextManager[TestClient]]
Busy = Callable[[], AbstractContextManager[None]]
LEFT, RIGHT, WAIT = "push the red block left", "push the red block right", "wait"


def ask(client: TestClient, headers: dict[str, str] | None = None, **body: Any) -> httpx2.Response:
    return client.post("/v1/rollouts", json=body, headers=headers)


def take(client: TestClient, **body: Any) -> dict[str, Any]:
    """A rollout from its beginning to its end."""
    response = ask(client, **body)
    assert response.status_code == 202, response.text
    return end(client, response.json()["id"])


def end(client: TestClient, rollout: str) -> dict[str, Any]:
    lines(client, rollout)
    return client.get(f"/v1/rollouts/{rollout}").json()


def lines(client: TestClient, rollout: str, after: int = 0) -> list[dict[str, Any]]:
    response = client.get(f"/v1/rollouts/{rollout}/events", params={"after": after})
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def plain(model: WorldModel, state: WorldState, actions: list[str]) -> tuple[WorldState, list[np.ndarray]]:
    frames: list[np.ndarray] = []
    for action in actions:
        state, clip = model.step(state, action)
        frames += list(clip.frames)
    return state, frames


def alike(jpeg: bytes, frame: np.ndarray) -> bool:
    """Up to the rounding of batches, which may tip a JPEG's coefficient: a block of 8x8 pixels is then a little off."""
    found = np.asarray(load_image(jpeg), int)
    return bool(np.abs(found - np.asarray(load_image(encode_jpeg(frame, 90)), int)).mean() < 0.05)


# --- what comes out --------------------------------------------------------------------------------------------------


def test_what_is_imagined_is_what_would_happen(client: TestClient, world: str, model: WorldModel) -> None:
    client.post(f"/v1/worlds/{world}/steps", json={"actions": [WAIT]})
    before = client.get(f"/v1/worlds/{world}").json(), client.get(f"/v1/worlds/{world}/events").json()
    candidates = [[LEFT, WAIT], [LEFT, RIGHT], [WAIT]]
    found = take(client, world=world, candidates=candidates, samples=2, outputs={"frame": "inline", "film": True})
    assert (client.get(f"/v1/worlds/{world}").json(), client.get(f"/v1/worlds/{world}/events").json()) == before
    assert (found["status"], found["code"], found["world"], found["step"]) == ("complete", None, world, 1)
    assert (found["done"], found["total"], found["candidates"], found["samples"]) == (8, 8, 3, 2)
    assert found["spared"] == pytest.approx(1 - 8 / 10)
    assert sorted(future["index"] for future in found["futures"]) == [0, 1, 2]
    state = model.step(model.begin(make_picture(0), seed=7), WAIT)[0]
    for future in found["futures"]:
        assert future["actions"] == candidates[future["index"]]
        assert future["complete"]
        assert future["spread"]["pixels"] > 0
        for sample in future["samples"]:
            assert sample["seed"] == sample_seed(7, sample["sample"])
            _, frames = plain(model, state.fork(sample["seed"]), future["actions"])
            assert alike(base64.b64decode(sample["frame"]), frames[-1])
            assert client.get(sample["frame_url"]).content == base64.b64decode(sample["frame"])
    acted = client.post(f"/v1/worlds/{world}/steps", json={"actions": candidates[0]}).json()["steps"][-1]
    first = next(future for future in found["futures"] if future["index"] == 0)
    told, happened = (
        load_image(client.get(url).content) for url in (first["samples"][0]["frame_url"], acted["frame_url"])
    )
    assert np.abs(told.astype(int) - happened).max() <= 4


def test_films(client: TestClient, world: str, tmp_path) -> None:
    found = take(client, world=world, candidates=[[LEFT, WAIT], [WAIT]], outputs={"film": True, "frame": "none"})
    for future in found["futures"]:
        sample = future["samples"][0]
        assert (sample["frame"], sample["frame_url"]) == (None, None)
        (path := tmp_path / "film.mp4").write_bytes(client.get(sample["film_url"]).content)
        assert read_film(path)[0].shape == (8 * len(future["actions"]), 128, 128, 3)
    missing = client.get(f"/v1/rollouts/{found['id']}/futures/7/film.mp4")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_future")
    assert client.get(f"/v1/rollouts/{found['id']}/futures/0/frame").json()["code"] == "unknown_future"


def test_latents(client: TestClient, world: str) -> None:
    found = take(client, world=world, candidates=[[LEFT, WAIT]], samples=2, outputs={"latents": True, "frame": "none"})
    first, second = (load(client.get(sample["latents_url"]).content) for sample in found["futures"][0]["samples"])
    assert first.keys() == {"latents"}
    assert first["latents"].ndim == 4
    assert first["latents"].shape == second["latents"].shape
    assert not np.array_equal(first["latents"], second["latents"]), "each sample has its own noise"
    plain = take(client, world=world, candidates=[[WAIT]])
    assert plain["futures"][0]["samples"][0]["latents_url"] is None
    missing = client.get(f"/v1/rollouts/{plain['id']}/futures/0/latents.safetensors")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_future")


def test_events_come_in_order_and_go_on_where_one_was(client: TestClient, world: str) -> None:
    answer = ask(client, world=world, actions=[LEFT, RIGHT, WAIT], horizon=2)
    rollout = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/rollouts/{rollout}"
    told = lines(client, rollout)
    futures = [line for line in told if line["type"] == "future"]
    assert {tuple(line["future"]["actions"]) for line in futures} == {
        (a, b) for a in (LEFT, RIGHT, WAIT) for b in (LEFT, RIGHT, WAIT)
    }
    assert told[-1] == {"type": "ended", "status": "complete", "code": None, "best": None, "done": 12, "total": 12}
    again = [line for line in lines(client, rollout, after=7) if line["type"] == "future"]
    assert again == [line | {"done": 12} for line in futures[7:]]


def test_from_a_step_a_scene_and_an_upload(client: TestClient, world: str, model: WorldModel) -> None:
    client.post(f"/v1/worlds/{world}/steps", json={"actions": [LEFT, RIGHT]})
    upload = client.post("/v1/uploads", content=encode_png(make_picture(0))).json()["id"]
    begun = model.begin(make_picture(0), seed=7)
    for source in ({"world": world, "step": 0}, {"scene": "tower", "seed": 7}, {"upload": upload, "seed": 7}):
        found = take(client, candidates=[[WAIT]], outputs={"frame": "inline"}, **source)
        frame = base64.b64decode(found["futures"][0]["samples"][0]["frame"])
        assert alike(frame, plain(model, begun, [WAIT])[1][-1]), source
        assert found["step"] == (0 if "world" in source else None)
    steps = [take(client, scene="tower", candidates=[[WAIT]], sampling_steps=n)["done"] for n in (1, 4)]
    assert steps == [1, 1]


def test_goals_of_facts(client: TestClient, world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = frozenset({("on", "red", "blue"), ("clear", "red")})
    for module in (routes, scoring):
        monkeypatch.setattr(module, "readout_of", lambda name: lambda frame: facts)
    goal = {"facts": [["on", "red", "blue"], ["on", "blue", "green"]]}
    found = take(client, world=world, candidates=[[LEFT], [RIGHT]], samples=2, goal=goal, outputs={"facts": True})
    for future in found["futures"]:
        assert future["score"] == {"value": 0.5, "confidence": 1.0}
        assert (future["spread"]["score"], future["spread"]["facts"]) == (0.0, 0.0)
        assert [sample["facts"] for sample in future["samples"]] == [[["clear", "red"], ["on", "red", "blue"]]] * 2
    assert found["best"] == found["futures"][0]["index"] or found["best"] == 0
    for module in (routes, scoring):
        monkeypatch.setattr(module, "readout_of", lambda name: lambda frame: None)
    blind = take(client, world=world, candidates=[[LEFT]], goal=goal, outputs={"facts": True})
    assert (blind["futures"][0]["score"], blind["futures"][0]["samples"][0]["facts"], blind["best"]) == (
        None,
        None,
        None,
    )


def test_states_in_the_models_own_words(ruled_client: TestClient, ruled: Ruled) -> None:
    pick = "pick up the red block"
    goal = {"text": "the hand holds the red block"}
    found = take(
        ruled_client, scene="blocks-three", candidates=[[pick], [WAIT]], goal=goal, outputs={"text_state": True}
    )
    by_action = {future["actions"][0]: future for future in found["futures"]}
    told = by_action[pick]["samples"][0]["text_state"]
    assert "red in hand" in told["text"]
    assert told["confidence"] == 0.8
    assert by_action[pick]["score"] == {"value": 1.0, "confidence": 0.8}
    assert by_action[WAIT]["score"]["value"] == 0.0
    assert found["best"] == by_action[pick]["index"]
    assert ruled.threads == {"engine"}, "the model is used on its own thread alone"
    ruled.speaks = False
    refused = ask(ruled_client, scene="blocks-three", candidates=[[WAIT]], outputs={"text_state": True})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")


def test_goals_of_pictures(client: TestClient, world: str) -> None:
    upload = client.post("/v1/uploads", content=encode_png(make_picture(4))).json()["id"]
    found = take(client, world=world, candidates=[[LEFT], [RIGHT, WAIT]], goal={"upload": upload})
    for future in found["futures"]:
        score = Score(**future["score"])
        assert 0 <= score.value <= 1
        assert 0 <= score.confidence <= 1
    assert found["best"] in (0, 1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"candidates": [[WAIT]]}, 422, "invalid_input"),
        ({"scene": "tower", "upload": "x", "candidates": [[WAIT]]}, 422, "invalid_input"),
        ({"scene": "nowhere", "candidates": [[WAIT]]}, 422, "unknown_name"),
        ({"upload": "nothing", "candidates": [[WAIT]]}, 422, "unknown_upload"),
        ({"world": "nothing", "candidates": [[WAIT]]}, 404, "unknown_world"),
        ({"scene": "tower", "step": 1, "candidates": [[WAIT]]}, 422, "invalid_input"),
        ({"scene": "tower"}, 422, "invalid_input"),
        ({"scene": "tower", "candidates": [[WAIT]], "actions": [WAIT]}, 422, "invalid_input"),
        ({"scene": "tower", "candidates": []}, 422, "invalid_request"),
        ({"scene": "tower", "candidates": [[]]}, 422, "invalid_request"),
        ({"scene": "tower", "candidates": [[WAIT] * 33]}, 422, "invalid_request"),
        ({"scene": "tower", "candidates": [[" "]]}, 422, "invalid_action"),
        ({"scene": "tower", "candidates": [[WAIT]], "samples": 17}, 422, "invalid_request"),
        ({"scene": "tower", "candidates": [[WAIT]], "deadline_ms": 0}, 422, "invalid_request"),
        ({"scene": "tower", "candidates": [[WAIT]], "horizons": 2}, 422, "invalid_request"),
        ({"scene": "tower", "actions": ["a", "b", "c", "d"], "horizon": 5}, 422, "rollout_too_large"),
        ({"scene": "tower", "actions": ["a", "b"], "horizon": 8, "samples": 16}, 422, "rollout_too_large"),
        ({"scene": "tower", "candidates": [[WAIT]], "goal": {}}, 422, "invalid_input"),
        ({"scene": "tower", "candidates": [[WAIT]], "goal": {"upload": "nothing"}}, 422, "unknown_upload"),
        ({"scene": "tower", "candidates": [[WAIT]], "goal": {"text": "a tower"}}, 422, "invalid_input"),
        ({"scene": "tower", "candidates": [[WAIT]], "outputs": {"facts": True}, "readout": "x"}, 422, "unknown_name"),
    ],
)  # fmt: skip
def test_what_is_refused(client: TestClient, body: dict[str, Any], status: int, code: str) -> None:
    response = ask(client, **body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"


def test_facts_of_an_upload_need_a_readout(client: TestClient) -> None:
    upload = client.post("/v1/uploads", content=encode_png(make_picture(0))).json()["id"]
    refused = ask(client, upload=upload, candidates=[[WAIT]], outputs={"facts": True})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert "blocks" in refused.json()["detail"]
    found = take(client, upload=upload, candidates=[[WAIT]], outputs={"facts": True}, readout="blocks")
    assert found["futures"][0]["samples"][0]["facts"] is None, "noise is no scene"
    large = client.post("/v1/rollouts", content=b"x" * 70_000, headers={"content-type": "application/json"})
    assert large.status_code == 413


# --- ends ------------------------------------------------------------------------------------------------------------


def test_a_deadline_gives_what_there_is(client: TestClient, world: str, busy: Busy) -> None:
    with busy():
        rollout = ask(client, world=world, candidates=[[LEFT], [RIGHT]], deadline_ms=50).json()["id"]
        told = lines(client, rollout)
    assert [line["type"] for line in told if line["type"] != "progress"] == ["future", "future", "ended"]
    assert (told[-1]["status"], told[-1]["code"], told[-1]["done"]) == ("partial", "deadline", 0)
    for line in told[:-1]:
        if line["type"] == "future":
            assert (line["future"]["complete"], line["future"]["code"]) == (False, "deadline")
            assert (line["future"]["samples"][0]["depth"], line["future"]["samples"][0]["frame_url"]) == (0, None)
    assert client.get(f"/v1/rollouts/{rollout}").json()["expires_at"] is not None
    assert client.post(f"/v1/worlds/{world}/steps", json={"actions": [WAIT]}).json()["world"]["head"] == 1


def test_delete_stops_and_forgets(client: TestClient, world: str, busy: Busy) -> None:
    with busy():
        rollout = ask(client, world=world, candidates=[[LEFT] * 9, [RIGHT] * 9]).json()["id"]
        found = client.get(f"/v1/rollouts/{rollout}").json()
        assert (found["status"], found["futures"], found["expires_at"]) == ("running", [], None)
        job = client.app.state.service.rollouts.find(rollout, "local")  # type: ignore[attr-defined]
        assert client.delete(f"/v1/rollouts/{rollout}").status_code == 204
        until(job.ended.done)
    assert (job.status, job.code) == ("cancelled", "cancelled")
    for path in ("", "/events", "/futures/0/frame"):
        gone = client.get(f"/v1/rollouts/{rollout}{path}")
        assert (gone.status_code, gone.json()["code"]) == (404, "unknown_rollout")
    assert client.delete(f"/v1/rollouts/{rollout}").status_code == 404
    until(lambda: client.app.state.service.engine.waiting == 0)  # type: ignore[attr-defined]


def test_a_step_that_fails_ends_what_builds_on_it(
    client: TestClient, world: str, model: WorldModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = model.stream

    def failing(states: Any, actions: Any, *args: Any, **options: Any) -> Any:
        if LEFT in actions:
            raise MemoryError
        return stream(states, actions, *args, **options)

    monkeypatch.setattr(model, "stream", failing)
    found = take(client, world=world, candidates=[[RIGHT], [RIGHT, LEFT, WAIT], [WAIT]])
    ends = {future["index"]: (future["complete"], future["code"]) for future in found["futures"]}
    assert ends == {0: (True, None), 1: (False, "out_of_memory"), 2: (True, None)}
    assert (found["status"], found["code"]) == ("partial", "out_of_memory")
    calls = iter([True] + [False] * 99)

    def once(states: Any, actions: Any, *args: Any, **options: Any) -> Any:
        if len(states) == 1 and RIGHT in actions and states[0].seed != 7 and next(calls):
            raise MemoryError
        return stream(states, actions, *args, **options)

    monkeypatch.setattr(model, "stream", once)
    with monkeypatch.context() as patch:
        patch.setattr(client.app.state.service.rollouts, "_width", lambda: 1)  # type: ignore[attr-defined]
        found = take(client, world=world, candidates=[[RIGHT, WAIT, LEFT], [WAIT]], samples=3)
    ends = {future["index"]: (future["complete"], future["code"]) for future in found["futures"]}
    assert ends == {0: (False, "out_of_memory"), 1: (True, None)}


def test_results_are_forgotten_after_a_while(open_client: Open) -> None:
    with open_client(rollout_seconds=1) as client:
        found = take(client, scene="tower", candidates=[[WAIT]])
        until(lambda: client.get(f"/v1/rollouts/{found['id']}").status_code == 404)
    with open_client(max_rollout_bytes=1) as client:
        rollout = ask(client, scene="tower", candidates=[[WAIT]]).json()["id"]
        until(lambda: client.get(f"/v1/rollouts/{rollout}").status_code == 404)


def test_the_end_of_the_service_ends_rollouts_and_loses_no_world(open_client: Open, busy: Busy) -> None:
    with open_client(drain_seconds=20) as client:
        world = client.post("/v1/worlds", json={"scene": "tower"}).json()["id"]
        service = client.app.state.service  # type: ignore[attr-defined]
        assert client.portal is not None
        with busy():
            rollout = ask(client, world=world, candidates=[[LEFT] * 9, [RIGHT] * 9]).json()["id"]
        until(lambda: client.get(f"/v1/rollouts/{rollout}").json()["done"] > 0)
        assert client.post(f"/v1/worlds/{world}/steps", json={"actions": [WAIT]}).status_code == 200
        job = service.rollouts.find(rollout, "local")
        client.portal.call(service.drain)
        assert job.is_over
        refused = ask(client, scene="tower", candidates=[[WAIT]])
        assert (refused.status_code, refused.json()["code"]) == (503, "stopping")
        ended = job.status, job.code
    assert ended in (("cancelled", "stopping"), ("complete", None))
    with open_client() as client:
        found = client.get(f"/v1/worlds/{world}").json()
        assert (found["head"], [step["action"] for step in found["steps"]]) == (1, [None, WAIT])
        assert client.get(f"/v1/rollouts/{rollout}").json()["code"] == "unknown_rollout"
        again = take(client, world=world, candidates=[[LEFT]])
        assert again["status"] == "complete"


# --- who, and how many -----------------------------------------------------------------------------------------------


def test_a_rollout_of_another_looks_like_none_at_all(open_client: Open) -> None:
    with open_client(require_keys=True) as client:
        ann, bob = bearer(client, "ann"), bearer(client, "bob")
        world = begin(client, ann)
        rollout = ask(client, ann, world=world, candidates=[[WAIT]]).json()["id"]
        unknown = "x" * len(rollout)
        for method, path in (
            ("GET", ""), ("DELETE", ""), ("GET", "/events"), ("GET", "/futures/0/frame"),
            ("GET", "/futures/0/film.mp4"),
        ):  # fmt: skip
            foreign, never = (
                refusal(client.request(method, f"/v1/rollouts/{one}{path}", headers=bob)) for one in (rollout, unknown)
            )
            assert (foreign[0], foreign[2]["code"]) == (404, "unknown_rollout"), path
            assert foreign[:2] == never[:2]
            assert foreign[2] | {"instance": ""} == never[2] | {"instance": ""}
        foreign, never = (
            refusal(ask(client, bob, world=one, candidates=[[WAIT]])) for one in (world, "x" * len(world))
        )
        assert foreign == never
        assert foreign[2]["code"] == "unknown_world"
        assert client.get(f"/v1/rollouts/{rollout}", headers=ann).status_code == 200
        second_key = {"authorization": f"Bearer {access(client).keys.create('ann')}"}
        assert client.delete(f"/v1/rollouts/{rollout}", headers=second_key).status_code == 204


def test_so_many_at_a_time_and_no_more(open_client: Open, busy: Busy) -> None:
    with open_client(require_keys=True, max_rollouts=3, max_rollouts_per_user=2) as client:
        ann, bob, cid = bearer(client, "ann"), bearer(client, "bob"), bearer(client, "cid")
        worlds = {name: begin(client, headers) for name, headers in (("ann", ann), ("bob", bob), ("cid", cid))}
        with busy():
            made = [ask(client, ann, world=worlds["ann"], candidates=[[WAIT]]) for _ in range(3)]
            assert [one.status_code for one in made] == [202, 202, 429]
            assert (made[2].json()["code"], made[2].headers["retry-after"]) == ("too_many_rollouts", "5")
            assert ask(client, bob, world=worlds["bob"], candidates=[[WAIT]]).status_code == 202
            assert ask(client, cid, world=worlds["cid"], candidates=[[WAIT]]).json()["code"] == "too_many_rollouts"
        for one in made[:2]:
            response = client.get(f"/v1/rollouts/{one.json()['id']}/events", headers=ann)
            assert json.loads(response.text.splitlines()[-1])["status"] == "complete"
        assert ask(client, ann, world=worlds["ann"], candidates=[[WAIT]]).status_code == 202


def test_a_rollout_makes_room_for_who_watches(client: TestClient, world: str, watch, busy: Busy) -> None:
    service = client.app.state.service  # type: ignore[attr-defined]
    with busy():
        alone = ask(client, world=world, candidates=[[f"wait {n}"] for n in range(20)]).json()["id"]
        until(lambda: service.engine.waiting == 1)  # the first candidate goes ahead
    end(client, alone)
    with watch(world) as viewing:
        rollout = ask(client, world=world, actions=[LEFT, RIGHT, WAIT], horizon=3).json()["id"]
        assert service.rollouts.find(rollout, "local")._steps.width == 2
        viewing.act("a1")
        assert viewing.until("clip.end")[0][-1]["committed"]
        assert end(client, rollout)["status"] == "complete"
    until(lambda: service.sessions.viewers == 0)
    assert service.rollouts._width() == 8


def test_the_same_request_twice_is_one_rollout(client: TestClient, world: str) -> None:
    key = {"idempotency-key": "once"}
    body = {"world": world, "candidates": [[WAIT]]}
    first, second = ask(client, key, **body), ask(client, key, **body)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotency-replayed"] == "true"
    other = ask(client, key, **body, samples=2)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


def test_what_is_counted(client: TestClient, world: str) -> None:
    take(client, world=world, actions=[LEFT, RIGHT], horizon=2)
    metrics = client.app.state.service.metrics  # type: ignore[attr-defined]
    assert metrics.value("rollouts_total", outcome="complete") == 1
    assert (metrics.value("rollout_steps_total"), metrics.value("rollout_steps_spared_total")) == (6, 2)
    assert metrics.value("clips_total", outcome="committed") == 0
    text = client.get("/metrics").text
    assert "pandora_rollouts_running 0" in text
    assert "pandora_first_future_seconds_count 1" in text
