"""Goals told from what was done: by worlds and by words, what is refused, how it ends, and that no world notices."""

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from pandora.media import encode_png
from server.app import create_app
from server.client import AsyncClient, AsyncWorld, Client, InvalidRequest, World
from server.engine.engine import Engine
from server.routes import goals as routes
from server.settings import Settings
from tests.server.ruled import EXAMPLES, Ruled, draw
from tests.server.test_users import bearer, refusal
from tests.server.wire import serve

Open = Callable[..., AbstractContextManager[TestClient]]
RED_BLUE, BLUE_RED = "the red block is on the blue block", "the blue block is on the red block"
GOALS = [{"text": RED_BLUE}, {"facts": [["on", "blue", "red"]]}]
PICK, STACK = "pick up the red block", "stack the red block on the blue block"
THREE = {"scene": "blocks-three", "actions": [PICK], "goals": GOALS}


def ask(client: TestClient, headers: dict[str, str] | None = None, **body: Any) -> httpx2.Response:
    return client.post("/v1/goals/infer", json=body, headers=headers)


def infer(client: TestClient, **body: Any) -> dict[str, Any]:
    response = ask(client, **body)
    assert response.status_code == 200, response.text
    return response.json()


def act(client: TestClient, *actions: str, scene: str = "blocks-three") -> str:
    """A world in which something was done."""
    world = client.post("/v1/worlds", json={"scene": scene, "seed": 7}).json()["id"]
    if actions:
        assert client.post(f"/v1/worlds/{world}/steps", json={"actions": list(actions)}).status_code == 200
    return world


def shares(found: dict[str, Any]) -> list[float]:
    return [goal["posterior"] for goal in found["goals"]]


def test_words_tell_a_goal(ruled_client: TestClient, ruled: Ruled) -> None:
    found = infer(ruled_client, **THREE)
    first, second = found["goals"]
    assert first["posterior"] > 0.9
    assert first["posterior"] + second["posterior"] == pytest.approx(1.0)
    assert [goal["prior"] for goal in found["goals"]] == [0.5, 0.5]
    assert (first["index"], first["text"], first["facts"]) == (0, RED_BLUE, [["on", "red", "blue"]])
    assert (second["text"], second["facts"]) == (BLUE_RED, [["on", "blue", "red"]])
    assert (found["steps"], found["complete"]) == (1, True)
    assert found["history"] == [
        {"step": 0, "posterior": [0.5, 0.5], "evidence": False},
        {"step": 1, "posterior": shares(found), "evidence": True},
    ]
    assert found["calls"] == sum(map(len, ruled.batches)) > 0
    assert ruled.threads == {"engine"}, "nobody else computes with the model"


def test_a_world_is_a_film(ruled_client: TestClient) -> None:
    client, world = ruled_client, act(ruled_client, PICK, STACK)
    before = client.get(f"/v1/worlds/{world}").json(), client.get(f"/v1/worlds/{world}/events").json()
    found = infer(client, world=world, goals=GOALS)
    assert (client.get(f"/v1/worlds/{world}").json(), client.get(f"/v1/worlds/{world}/events").json()) == before
    assert [row["step"] for row in found["history"]] == [0, 1, 2]
    words = infer(client, scene="blocks-three", actions=[PICK, STACK], goals=GOALS)
    for row, other in zip(found["history"], words["history"], strict=True):
        assert row["posterior"] == pytest.approx(other["posterior"])
    early = infer(client, world=world, step=1, goals=GOALS)
    assert early["history"] == found["history"][:2]
    nothing = infer(client, world=world, step=0, goals=GOALS)
    assert (nothing["steps"], shares(nothing)) == (0, [0.5, 0.5])
    client.post(f"/v1/worlds/{world}/rewind", json={"step": 0})
    client.post(f"/v1/worlds/{world}/steps", json={"actions": ["pick up the blue block"]})
    other_way = infer(client, world=world, goals=GOALS)
    assert [row["step"] for row in other_way["history"]] == [0, 3]
    assert shares(other_way)[1] > 0.9


def test_an_upload_needs_the_kind_of_its_world(ruled_client: TestClient) -> None:
    picture = encode_png(draw(EXAMPLES["blocks-three"].scene))
    upload = ruled_client.post("/v1/uploads", content=picture).json()["id"]
    body = {"upload": upload, "actions": [PICK], "goals": GOALS}
    assert ask(ruled_client, **body).status_code == 422
    assert shares(infer(ruled_client, **body, readout="blocks")) == shares(infer(ruled_client, **THREE))


def test_a_film_is_watched_by_its_pictures(ruled_client: TestClient) -> None:
    client, world = ruled_client, act(ruled_client, PICK, STACK)
    paths = [f"/v1/worlds/{world}/frames/{step}" for step in range(3)]
    pictures = [client.get(path, headers={"accept": "image/png"}).content for path in paths]
    start, *then = [client.post("/v1/uploads", content=picture).json()["id"] for picture in pictures]
    body = {"upload": start, "readout": "blocks", "goals": GOALS}
    found = infer(client, **body, pictures=then)
    assert [(row["step"], row["evidence"]) for row in found["history"]] == [(0, False), (1, True), (2, True)]
    assert shares(found) == pytest.approx(shares(infer(client, world=world, goals=GOALS)))


def test_what_was_thought_before(ruled_client: TestClient) -> None:
    even, found = infer(ruled_client, **THREE), infer(ruled_client, **THREE, prior=[1, 3])
    assert [goal["prior"] for goal in found["goals"]] == [0.25, 0.75]
    odds, expected = (a / b for a, b in (shares(found), shares(even)))
    assert odds == pytest.approx(expected / 3)


def test_how_rational_the_actor_is(ruled_client: TestClient) -> None:
    told = [shares(infer(ruled_client, **THREE, beta=beta))[0] for beta in (0, 0.5, 2, 100)]
    assert told[0] == pytest.approx(0.5)
    assert told == sorted(told)
    assert told[-1] < 1.0
    assert shares(infer(ruled_client, **THREE))[0] == told[2]


def test_what_can_not_be_read_is_no_evidence(ruled_client: TestClient, ruled: Ruled) -> None:
    world = act(ruled_client, PICK)
    ruled.wrong = lambda state, action: True
    ruled_client.post(f"/v1/worlds/{world}/steps", json={"actions": [STACK]})
    found = infer(ruled_client, world=world, goals=GOALS, samples=2)
    assert [row["evidence"] for row in found["history"]] == [False, True, False]
    assert found["history"][1]["posterior"] == found["history"][2]["posterior"]
    assert infer(ruled_client, **THREE)["history"][1]["evidence"] is False


def test_what_was_done_says_what_a_picture_does_not(ruled_client: TestClient, ruled: Ruled) -> None:
    world = act(ruled_client)
    ruled.wrong = lambda state, action: True
    ruled_client.post(f"/v1/worlds/{world}/steps", json={"actions": [PICK]})
    ruled.wrong = lambda state, action: False
    found = infer(ruled_client, world=world, goals=GOALS)
    assert found["history"][1]["evidence"] is True
    assert shares(found) == pytest.approx(shares(infer(ruled_client, **THREE)))


@pytest.mark.parametrize(
    ("body", "status", "code", "told"),
    [
        ({**THREE, "goals": GOALS[:1]}, 422, "invalid_request", "goals"),
        ({**THREE, "goals": GOALS * 9}, 422, "invalid_request", "goals"),
        ({**THREE, "goals": [{"text": "peace"}, *GOALS]}, 422, "invalid_input", "the hand is empty"),
        ({**THREE, "goals": [{}, *GOALS]}, 422, "invalid_input", "facts"),
        ({**THREE, "goals": [{"text": RED_BLUE, "facts": [["on", "red", "blue"]]}, *GOALS]}, 422, "invalid_input", ""),
        ({**THREE, "goals": [{"facts": [["on"]]}, *GOALS]}, 422, "invalid_input", "never show 'on'"),
        ({**THREE, "goals": [{"facts": [["on", "red", "red"]]}, *GOALS]}, 422, "invalid_input", "on itself"),
        ({**THREE, "goals": [{"facts": [["queen", "takes", "pawn"]]}, *GOALS]}, 422, "invalid_input", "`light off`"),
        ({**THREE, "beta": "2"}, 422, "invalid_request", "beta"),
        ({**THREE, "goals": [{"upload": "x"}, *GOALS]}, 422, "invalid_request", "upload"),
        ({**THREE, "actions": None}, 422, "invalid_input", "actions"),
        ({**THREE, "actions": []}, 422, "invalid_request", "actions"),
        ({**THREE, "actions": [" "]}, 422, "invalid_action", "empty"),
        ({**THREE, "upload": "x"}, 422, "invalid_input", "exactly one"),
        ({**THREE, "scene": "nowhere"}, 422, "unknown_name", "blocks-three"),
        ({**THREE, "readout": "chess"}, 422, "unknown_name", "blocks"),
        ({**THREE, "beta": -1}, 422, "invalid_request", "beta"),
        ({**THREE, "prior": [1]}, 422, "invalid_input", "2 goals"),
        ({**THREE, "prior": [0, 0]}, 422, "invalid_input", "above zero"),
        ({**THREE, "prior": [-1, 2]}, 422, "invalid_request", "prior"),
        ({**THREE, "pictures": ["x"]}, 422, "invalid_input", "either `actions` or `pictures`"),
        ({**THREE, "actions": None, "pictures": ["x"]}, 422, "unknown_upload", "upload"),
        ({**THREE, "samples": 99}, 422, "invalid_request", "samples"),
        ({"world": "nope", "goals": GOALS}, 404, "unknown_world", "no such world"),
        ({"world": "nope", "goals": GOALS, "actions": [PICK]}, 422, "invalid_input", "world"),
    ],
)
def test_what_is_refused(ruled_client: TestClient, body: dict[str, Any], status: int, code: str, told: str) -> None:
    response = ask(ruled_client, **body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert told in response.json()["detail"]


def test_goals_that_nothing_reaches_are_no_harm(ruled_client: TestClient) -> None:
    both = [["on", "red", "blue"], ["on", "blue", "red"]]
    odd = [{"facts": facts} for facts in (both, [["light", "off"]], [["at", "red", "0", "0"], ["holding", "red"]])]
    found = infer(ruled_client, **{**THREE, "goals": [*GOALS, *odd]})
    assert shares(found)[0] == max(shares(found))
    assert all(0 < share < 1 for share in shares(found))
    assert found["goals"][-1]["text"] is None


def test_the_service_has_its_own_bounds(open_ruled: Open, ruled: Ruled) -> None:
    impossible = {"facts": [["on", "red", "blue"], ["on", "blue", "red"]]}
    with open_ruled(max_plan_calls=4) as client:
        few = infer(client, **{**THREE, "goals": [*GOALS, impossible]})
    assert few["complete"] is False
    assert few["calls"] < 4 + 3 + 16
    with open_ruled() as client:
        more = infer(client, **{**THREE, "goals": [*GOALS, impossible]})
    assert more["complete"] is True
    assert more["calls"] > few["calls"]


def test_only_the_end_of_a_long_film_is_watched(ruled_client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MAX_WATCHED_STEPS", 2)
    world = act(ruled_client, PICK, "put down the red block", PICK, STACK)
    found = infer(ruled_client, world=world, goals=GOALS)
    assert [row["step"] for row in found["history"]] == [2, 3, 4]


def test_the_loop_is_free_while_goals_are_told(ruled_client: TestClient, ruled: Ruled) -> None:
    answers: list[httpx2.Response] = []
    ruled.slow.set()
    asking = threading.Thread(target=lambda: answers.append(ask(ruled_client, **THREE)))
    asking.start()
    try:
        began = time.monotonic()
        while not ruled.batches:
            assert time.monotonic() - began < 10
            time.sleep(0.01)
        assert ruled_client.get("/v1/scenes").status_code == 200
        assert not answers
    finally:
        ruled.slow.clear()
        asking.join(20)
    assert answers[0].status_code == 200


def test_the_end_of_the_service_ends_it(ruled_client: TestClient, ruled: Ruled) -> None:
    answers: list[httpx2.Response] = []
    ruled.slow.set()
    asking = threading.Thread(target=lambda: answers.append(ask(ruled_client, **THREE)))
    asking.start()
    service = ruled_client.app.state.service  # type: ignore[attr-defined]
    try:
        while not ruled.batches:
            time.sleep(0.01)
        service.store.closing = True
        asking.join(20)
        assert answers[0].status_code == 503
        assert answers[0].json()["code"] == "stopping"
    finally:
        ruled.slow.clear()


def test_so_many_at_a_time(open_ruled: Open, ruled: Ruled) -> None:
    with open_ruled(max_rollouts_per_user=1) as client:
        ruled.slow.set()
        asking = threading.Thread(target=lambda: ask(client, **THREE))
        asking.start()
        try:
            while not ruled.batches:
                time.sleep(0.01)
            assert ask(client, **THREE).json()["code"] == "too_many_rollouts"
        finally:
            ruled.slow.clear()
            asking.join(20)
        assert ask(client, **THREE).status_code == 200


def test_a_world_of_another_looks_like_none_at_all(open_ruled: Open) -> None:
    with open_ruled(require_keys=True) as client:
        ann, bob = bearer(client, "ann"), bearer(client, "bob")
        world = client.post("/v1/worlds", json={"scene": "blocks-three"}, headers=ann).json()["id"]
        assert ask(client, ann, world=world, goals=GOALS).status_code == 200
        foreign, never = (refusal(ask(client, bob, world=one, goals=GOALS)) for one in (world, "x" * len(world)))
        assert foreign == never
        assert ask(client, world=world, goals=GOALS).status_code == 401


@pytest.fixture
def address(scenes: Path, ruled_engine: Engine, kept: Path) -> Iterator[str]:
    settings = Settings(weights=scenes, device="cpu", data=kept)
    with serve(create_app(settings, ruled_engine)) as port:
        yield f"http://127.0.0.1:{port}"


def test_the_client_asks(address: str) -> None:
    with Client(address) as client:
        world = client.worlds.create(scene="blocks-three", seed=7)
        world.act(PICK)
        found = world.infer_goals([RED_BLUE, [("on", "blue", "red")]], beta=1.0)
        assert [goal.facts for goal in found.goals] == [[["on", "red", "blue"]], [["on", "blue", "red"]]]
        assert found.goals[0].posterior > 0.8
        assert world.infer_goals([RED_BLUE, BLUE_RED], step=0).steps == 0
        with pytest.raises(InvalidRequest, match="goals"):
            world.infer_goals([RED_BLUE])
        world.act(STACK)
        film = [world.frame(step) for step in range(3)]
        watched = client.infer_goals([RED_BLUE, BLUE_RED], film, readout="blocks", prior=[1, 3])
        assert watched.steps == 2
        assert watched.goals[0].posterior > 0.8
        with pytest.raises(InvalidRequest, match="two pictures"):
            client.infer_goals([RED_BLUE, BLUE_RED], film[:1], readout="blocks")

    async def ask() -> float:
        client = AsyncClient(address)
        asked = await (await client.worlds.get(world.id)).infer_goals([RED_BLUE, BLUE_RED], beta=1.0, step=1)
        await client.close()
        return asked.goals[0].posterior

    assert asyncio.run(ask()) == found.goals[0].posterior


def test_both_clients_ask_alike() -> None:
    for pair in ((World, AsyncWorld), (Client, AsyncClient)):
        plain, awaited = (inspect.signature(kind.infer_goals) for kind in pair)
        assert plain.parameters == awaited.parameters
