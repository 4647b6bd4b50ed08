"""Plans of the service: what is found, how searches end, whose they are, and that no world notices."""

import gc
import json
import time
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from pandora.media import encode_png, load_image, read_film
from pandora.scoring import Score
from pandora.types import WorldState
from server.plans.job import PlanJob
from server.rollouts import start as starting
from tests.server.conftest import make_picture
from tests.server.ruled import EXAMPLES, Ruled, draw
from tests.server.test_users import bearer, begin, refusal

Open = Callable[..., AbstractContextManager[TestClient]]
Busy = Callable[[], AbstractContextManager[None]]
GOAL = {"text": "the red block is on the blue block"}
PLAN = ["pick up the red block", "stack the red block on the blue block"]
THREE = {"scene": "blocks-three", "goal": GOAL}
FAR = {"scene": "blocks-row", "goal": {"facts": [["on", "red", "blue"], ["on", "blue", "green"]]}, "verify": 0}


def ask(client: TestClient, headers: dict[str, str] | None = None, **body: Any) -> httpx2.Response:
    return client.post("/v1/plans", json=body, headers=headers)


def take(client: TestClient, **body: Any) -> dict[str, Any]:
    """A plan from its beginning to its end."""
    response = ask(client, **body)
    assert response.status_code == 202, response.text
    return end(client, response.json()["id"])


def end(client: TestClient, plan: str) -> dict[str, Any]:
    lines(client, plan)
    return client.get(f"/v1/plans/{plan}").json()


def lines(client: TestClient, plan: str, after: int = 0) -> list[dict[str, Any]]:
    response = client.get(f"/v1/plans/{plan}/events", params={"after": after})
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]


def job_of(client: TestClient, plan: str) -> PlanJob:
    return client.app.state.service.plans.find(plan, "local")  # type: ignore[attr-defined]


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def new_world(client: TestClient, scene: str = "blocks-three") -> str:
    return client.post("/v1/worlds", json={"scene": scene, "seed": 7}).json()["id"]


# --- what comes out --------------------------------------------------------------------------------------------------


def test_a_plan_is_found_and_works(ruled_client: TestClient, ruled: Ruled, tmp_path) -> None:
    client, world = ruled_client, new_world(ruled_client)
    before = client.get(f"/v1/worlds/{world}").json(), client.get(f"/v1/worlds/{world}/events").json()
    found = take(client, world=world, goal=GOAL)
    assert (client.get(f"/v1/worlds/{world}").json(), client.get(f"/v1/worlds/{world}/events").json()) == before
    assert (found["status"], found["code"], found["found"], found["actions"]) == ("complete", None, True, PLAN)
    assert (found["value"], found["confidence"], found["spread"]) == (1.0, 1.0, 0.0)
    assert (found["world"], found["step"], found["planner"]) == (world, 0, "astar")
    assert found["goal"] == {"facts": [["on", "red", "blue"]], "text": GOAL["text"], "upload": None}
    assert found["calls"] == 6 + 4 * 2, "two states expanded, and the plan rolled out four times"
    assert ruled.threads == {"engine"}, "nobody else computes with the model"
    assert [step["action"] for step in found["steps"]] == [None, *PLAN]
    assert [step["index"] for step in found["steps"]] == [0, 1, 2]
    assert found["steps"][0]["facts"] == sorted(map(list, read_facts(client, found["steps"][0]["frame_url"])))
    assert ["holding", "red"] in found["steps"][1]["facts"]
    assert ["on", "red", "blue"] in found["steps"][2]["facts"]
    (path := tmp_path / "film.mp4").write_bytes(client.get(found["film_url"]).content)
    assert read_film(path)[0].shape == (16, 128, 128, 3)
    played = client.post(f"/v1/worlds/{world}/steps", json={"actions": found["actions"], "expected_step": 0})
    last = played.json()["steps"][-1]["frame_url"]
    assert client.get(last).content == client.get(found["steps"][-1]["frame_url"]).content


def read_facts(client: TestClient, url: str) -> Any:
    from pandora.scoring import readout_of

    return readout_of("blocks")(load_image(client.get(url).content))


def test_the_tree_is_one(ruled_client: TestClient) -> None:
    found = take(ruled_client, **THREE)
    tree = found["tree"]
    assert [node["id"] for node in tree] == list(range(7))
    assert (tree[0]["parent"], tree[0]["action"], tree[0]["depth"]) == (None, None, 0)
    for node in tree[1:]:
        assert node["parent"] < node["id"]
        assert node["depth"] == tree[node["parent"]]["depth"] + 1
        assert ruled_client.get(node["frame_url"]).headers["content-type"] == "image/jpeg"
    on_plan = [node for node in tree if node["on_plan"]]
    assert [node["action"] for node in on_plan] == [None, *PLAN]
    assert [node["reached"] for node in on_plan] == [False, False, True]
    assert [node["frame_url"] for node in on_plan] == [step["frame_url"] for step in found["steps"]]
    missing = ruled_client.get(f"/v1/plans/{found['id']}/nodes/99/frame")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_node")
    assert ruled_client.get(f"/v1/plans/{found['id']}/nodes/-1/frame").status_code == 404


def test_events_come_in_order_and_go_on_where_one_was(ruled_client: TestClient) -> None:
    answer = ask(ruled_client, **THREE)
    plan = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/plans/{plan}"
    told = lines(ruled_client, plan)
    nodes = [line["node"] for line in told if line["type"] == "node"]
    assert [node["id"] for node in nodes] == list(range(7))
    assert told[-1] == {
        "type": "ended", "status": "complete", "code": None, "found": True, "actions": PLAN, "value": 1.0,
        "confidence": 1.0,
    }  # fmt: skip
    again = [line["node"]["id"] for line in lines(ruled_client, plan, after=5) if line["type"] == "node"]
    assert again == [5, 6]


def test_progress_comes_while_nothing_else_does(ruled_client: TestClient, ruled: Ruled) -> None:
    ruled.slow.set()
    plan = ask(ruled_client, **THREE, deadline_ms=1500).json()["id"]
    told = lines(ruled_client, plan)
    progress = [line for line in told if line["type"] == "progress"]
    assert len(progress) >= 1
    assert progress[0]["calls"] == 0
    assert progress[0]["best"] in (None, 0.0), "the start may not have been looked at by then"
    assert progress[-1]["seconds"] > 0
    assert told[-1]["code"] == "deadline"


def test_a_plan_may_be_sketched_in_words(ruled_client: TestClient, ruled: Ruled) -> None:
    drawn = take(ruled_client, **THREE, limit=2, verify=0)
    found = take(ruled_client, **THREE, limit=2, verify=0, think="words")
    assert (drawn["think"], found["think"]) == ("pictures", "words")
    assert (found["found"], found["actions"]) == (True, PLAN)
    assert found["calls"] == len(PLAN) < drawn["calls"], "only what the plan goes through"
    assert [node["action"] for node in found["tree"]] == [None, *PLAN]
    assert all(node["on_plan"] for node in found["tree"])
    assert ruled_client.get(found["film_url"]).status_code == 200
    assert take(ruled_client, **THREE, limit=2, verify=3, think="words")["trials"] == 3
    assert ruled.threads == {"engine"}, "nobody else computes with the model"
    ruled.speaks = False
    refused = ask(ruled_client, **THREE, think="words")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    upload = ruled_client.post("/v1/uploads", content=encode_png(draw(EXAMPLES["blocks-three"].scene))).json()["id"]
    refused = ask(ruled_client, scene="blocks-three", goal={"upload": upload}, think="words")
    assert (refused.status_code, refused.json()["code"]) == (422, "unsupported_goal")


@pytest.mark.parametrize("planner", ["astar", "breadth_first", "beam", "mcts", "cem", "icem", "mppi"])
def test_every_planner_finds_it(ruled_client: TestClient, planner: str) -> None:
    found = take(ruled_client, **THREE, planner=planner, limit=2, verify=1, seed=3)
    assert (found["planner"], found["found"], found["confidence"]) == (planner, True, 1.0)
    assert found["actions"] == PLAN


def test_a_greedy_plan_goes_where_most_of_the_goal_is(ruled_client: TestClient) -> None:
    goal = {"facts": [["holding", "yellow"]]}
    found = take(ruled_client, scene="blocks-three", goal=goal, planner="greedy", limit=3, verify=0)
    assert (found["found"], found["actions"], found["calls"]) == (True, ["pick up the yellow block"], 3)


def test_a_random_plan_is_a_plan(ruled_client: TestClient) -> None:
    found = take(ruled_client, **THREE, planner="random", limit=3, seed=1)
    assert found["status"] == "complete"
    assert 0 < len(found["actions"]) <= 3


def test_goals_of_facts(ruled_client: TestClient) -> None:
    found = take(ruled_client, scene="blocks-three", goal={"facts": [["holding", "yellow"]]}, limit=1, verify=0)
    assert (found["found"], found["actions"]) == (True, ["pick up the yellow block"])
    assert found["goal"]["text"] == "the hand holds the yellow block"
    there = take(ruled_client, scene="blocks-three", goal={"facts": [["table", "red"], ["at", "red", "1", "1"]]})
    assert (there["status"], there["found"], there["actions"], there["film_url"]) == ("complete", True, [], None)
    assert there["goal"]["text"] is None, "a goal that has no sentence"
    still = ruled_client.get(f"/v1/plans/{there['id']}/film.mp4")
    assert (still.status_code, still.headers["content-type"]) == (200, "video/mp4")


class NearPicture:
    """As an ImageGoal: 1 for the same picture, else the share of pixels that are the same."""

    confidence = 1.0

    def __init__(self, model: Ruled, image: Any, start: WorldState | None = None):
        self.image = image

    def __call__(self, state: WorldState) -> Score:
        return Score(float((state.frame.numpy() == self.image).all(-1).mean()))


def test_a_goal_that_looks_like_the_start_is_unclear(ruled_client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "ImageGoal", NearPicture)
    monkeypatch.setattr(NearPicture, "confidence", 0.0)
    upload = ruled_client.post("/v1/uploads", content=encode_png(make_picture(4))).json()["id"]
    found = take(ruled_client, scene="blocks-three", goal={"upload": upload})
    assert (found["status"], found["code"], found["found"]) == ("partial", "unclear_goal", False)
    assert (found["actions"], len(found["tree"]), found["value"]) == ([], 1, None)


@pytest.mark.parametrize("planner", [None, "breadth_first", "mcts"])
def test_goals_of_pictures(
    ruled_client: TestClient, monkeypatch: pytest.MonkeyPatch, ruled: Ruled, planner: str | None
) -> None:
    monkeypatch.setattr(starting, "ImageGoal", NearPicture)
    state = ruled.begin(draw(EXAMPLES["blocks-three"].scene))
    for action in PLAN:
        state = next(iter(ruled.stream([state], [action]))).states[0]  # type: ignore[index]
    upload = ruled_client.post("/v1/uploads", content=encode_png(state.frame.numpy())).json()["id"]
    asked = {} if planner is None else {"planner": planner}
    found = take(ruled_client, scene="blocks-three", goal={"upload": upload}, limit=2, verify=1, **asked)
    assert (found["found"], found["actions"], found["value"]) == (True, PLAN, 1.0)
    assert found["planner"] == (planner or "beam")
    assert found["goal"] == {"facts": None, "text": None, "upload": upload}
    refused = ask(ruled_client, scene="blocks-three", goal={"upload": upload}, planner="astar")
    assert (refused.status_code, refused.json()["code"]) == (422, "unsupported_goal")
    assert "breadth_first" in refused.json()["detail"]


def test_a_goal_of_a_picture_is_scored_by_the_model(client: TestClient) -> None:
    upload = client.post("/v1/uploads", content=encode_png(make_picture(4))).json()["id"]
    found = take(client, scene="tower", goal={"upload": upload})
    assert (found["status"], found["code"], found["found"]) == ("partial", "unreadable_start", False)
    assert (found["actions"], len(found["tree"]), found["value"]) == ([], 1, None)


def test_only_what_may_be_done_is_done(ruled_client: TestClient) -> None:
    said = ["wait", *PLAN]
    found = take(ruled_client, **THREE, actions=[*said, " wait "], limit=3)
    assert (found["found"], found["actions"]) == (True, PLAN)
    assert [node["action"] for node in found["tree"][1:4]] == said
    never = take(ruled_client, **THREE, actions=["pick up the red block"], limit=3)
    assert (never["status"], never["code"], never["found"], never["value"]) == ("complete", None, False, 0.0)
    assert never["confidence"] == 0.0


def test_from_a_step_and_an_upload(ruled_client: TestClient) -> None:
    world = new_world(ruled_client)
    ruled_client.post(f"/v1/worlds/{world}/steps", json={"actions": PLAN[:1]})
    assert take(ruled_client, world=world, goal=GOAL)["actions"] == PLAN[1:]
    early = take(ruled_client, world=world, step=0, goal=GOAL)
    assert (early["actions"], early["step"]) == (PLAN, 0)
    picture = encode_png(draw(EXAMPLES["blocks-three"].scene))
    upload = ruled_client.post("/v1/uploads", content=picture).json()["id"]
    assert take(ruled_client, upload=upload, goal=GOAL, readout="blocks")["actions"] == PLAN
    refused = ask(ruled_client, upload=upload, goal=GOAL)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert "readout" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "code", "told"),
    [
        ({"goal": GOAL}, 422, "invalid_input", "exactly one"),
        ({"scene": "blocks-three", "upload": "x", "goal": GOAL}, 422, "invalid_input", "exactly one"),
        ({"scene": "blocks-three", "step": 1, "goal": GOAL}, 422, "invalid_input", "step"),
        ({"scene": "nowhere", "goal": GOAL}, 422, "unknown_name", "blocks-three"),
        ({"world": "nothing", "goal": GOAL}, 404, "unknown_world", ""),
        ({"scene": "blocks-three"}, 422, "invalid_request", "goal"),
        ({"scene": "blocks-three", "goal": {}}, 422, "invalid_input", "exactly one"),
        ({"scene": "blocks-three", "goal": {"text": "a nice tower"}}, 422, "invalid_input", "the hand is empty"),
        ({"scene": "blocks-three", "goal": {"text": "the pink block is on the table"}}, 422, "invalid_input", "red"),
        ({"scene": "blocks-three", "goal": {"upload": "nothing"}}, 422, "unknown_upload", ""),
        (THREE | {"readout": "clouds"}, 422, "unknown_name", "blocks"),
        (THREE | {"planner": "guess"}, 422, "invalid_request", "astar"),
        (THREE | {"limit": 17}, 422, "invalid_request", "16"),
        (THREE | {"limit": 0}, 422, "invalid_request", "limit"),
        (THREE | {"samples": 9}, 422, "invalid_request", "8"),
        (THREE | {"verify": 17}, 422, "invalid_request", "16"),
        (THREE | {"budget": {"calls": 0}}, 422, "invalid_request", "calls"),
        (THREE | {"budget": {"seconds": 0}}, 422, "invalid_request", "seconds"),
        (THREE | {"budget": {"tokens": 1}}, 422, "invalid_request", "tokens"),
        (THREE | {"actions": [" "]}, 422, "invalid_action", ""),
        (THREE | {"actions": []}, 422, "invalid_request", "actions"),
        (THREE | {"horizon": 2}, 422, "invalid_request", "horizon"),
    ],
)  # fmt: skip
def test_what_is_refused(ruled_client: TestClient, body: dict[str, Any], status: int, code: str, told: str) -> None:
    response = ask(ruled_client, **body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert told in response.json()["detail"]
    assert ruled_client.app.state.service.plans.running == 0  # type: ignore[attr-defined]


# --- what is not sure ------------------------------------------------------------------------------------------------


def test_a_plan_that_fails_again_is_less_sure(ruled_client: TestClient, ruled: Ruled) -> None:
    ruled.wrong = lambda state, action: action == PLAN[1] and state.seed != 0
    found = take(ruled_client, **THREE, verify=4)
    assert (found["status"], found["found"], found["actions"]) == ("complete", True, PLAN)
    assert (found["confidence"], found["spread"]) == (0.0, 1.0)
    assert len(found["tree"]) == len({(n["parent"], n["action"], n["frame_url"]) for n in found["tree"]})
    unsure = take(ruled_client, **THREE, verify=0)
    assert (unsure["found"], unsure["confidence"]) == (True, 1.0), "nobody looked again"


def test_samples_that_disagree_are_told_of(ruled_client: TestClient, ruled: Ruled) -> None:
    ruled.wrong = lambda state, action: action == PLAN[0] and state.seed % 7 > 1  # some come through
    found = take(ruled_client, **THREE, samples=4, verify=0)
    assert found["found"]
    assert 0 < found["spread"] < 1


# --- ends ------------------------------------------------------------------------------------------------------------


def test_a_budget_ends_a_search(ruled_client: TestClient) -> None:
    found = take(ruled_client, **FAR, budget={"calls": 10})
    assert (found["status"], found["code"], found["found"]) == ("partial", "budget", False)
    assert found["calls"] == 10
    assert len(found["tree"]) == 11
    quick = take(ruled_client, **FAR, budget={"seconds": 0.000001})
    assert (quick["status"], quick["code"], quick["calls"]) == ("partial", "budget", 0)


@pytest.mark.parametrize("limits", [{"max_plan_calls": 7}, {"max_plan_nodes": 6}, {"max_plan_bytes": 200_000}])
def test_the_service_has_its_own_bounds(open_ruled: Open, limits: dict[str, int]) -> None:
    with open_ruled(**limits) as client:
        found = take(client, **FAR, budget={"calls": 5000})
        assert (found["status"], found["code"], found["found"]) == ("partial", "budget", False)
        assert 0 < found["calls"] <= 10


def test_a_deadline_gives_what_there_is(ruled_client: TestClient, ruled: Ruled) -> None:
    stream = ruled.stream

    def stalls(states: Any, actions: Any, *args: Any, **options: Any) -> Any:
        if PLAN[1] in actions:
            ruled.slow.set()
        return stream(states, actions, *args, **options)

    ruled.stream = stalls  # type: ignore[method-assign]
    goal = {"facts": [["on", "red", "blue"], ["holding", "red"]]}
    found = take(ruled_client, scene="blocks-three", goal=goal, deadline_ms=700)
    assert (found["status"], found["code"], found["found"]) == ("partial", "deadline", False)
    assert (found["actions"], found["value"]) == (PLAN[:1], 0.5)
    assert found["film_url"] is not None
    assert found["seconds"] < 5
    assert found["expires_at"] is not None


def test_no_plan_takes_longer_than_the_service_allows(open_ruled: Open, ruled: Ruled) -> None:
    with open_ruled(max_plan_seconds=1) as client:
        ruled.slow.set()
        found = take(client, **THREE)
        assert (found["status"], found["code"]) == ("partial", "deadline")
        assert found["seconds"] < 5


def test_delete_stops_and_forgets(ruled_client: TestClient, ruled: Ruled) -> None:
    ruled.slow.set()
    plan = ask(ruled_client, **THREE).json()["id"]
    found = ruled_client.get(f"/v1/plans/{plan}").json()
    assert (found["status"], found["found"], found["expires_at"], found["film_url"]) == ("running", None, None, None)
    film = ruled_client.get(f"/v1/plans/{plan}/film.mp4")
    assert (film.status_code, film.json()["code"]) == (404, "unknown_film")
    job, began = job_of(ruled_client, plan), time.monotonic()
    until(lambda: len(ruled.batches) > 0)
    assert ruled_client.delete(f"/v1/plans/{plan}").status_code == 204
    until(job.ended.done)
    assert time.monotonic() - began < 5, "it does not wait for the model"
    assert (job.status, job.code) == ("cancelled", "cancelled")
    for path in ("", "/events", "/nodes/0/frame", "/film.mp4"):
        gone = ruled_client.get(f"/v1/plans/{plan}{path}")
        assert (gone.status_code, gone.json()["code"]) == (404, "unknown_plan")
    assert ruled_client.delete(f"/v1/plans/{plan}").status_code == 404
    assert ruled_client.app.state.service.engine.waiting == 0  # type: ignore[attr-defined]


def test_a_step_that_fails_ends_the_search(ruled_client: TestClient, ruled: Ruled) -> None:
    stream = ruled.stream

    def failing(states: Any, actions: Any, *args: Any, **options: Any) -> Any:
        if PLAN[1] in actions:
            raise MemoryError
        return stream(states, actions, *args, **options)

    ruled.stream = failing  # type: ignore[method-assign]
    found = take(ruled_client, **THREE)
    assert (found["status"], found["code"], found["found"]) == ("partial", "out_of_memory", False)

    def broken(*args: Any, **options: Any) -> Any:
        raise RuntimeError("planted")

    ruled.stream = broken  # type: ignore[method-assign]
    found = take(ruled_client, **THREE)
    assert (found["status"], found["code"], found["calls"]) == ("partial", "internal_error", 0)
    ruled.stream = stream  # type: ignore[method-assign]
    assert take(ruled_client, **THREE)["found"]


def test_the_end_of_the_service_ends_plans(open_ruled: Open, ruled: Ruled) -> None:
    with open_ruled(drain_seconds=20) as client:
        ruled.slow.set()
        plan, began = ask(client, **THREE).json()["id"], time.monotonic()
        job = job_of(client, plan)
        assert client.portal is not None
        client.portal.call(client.app.state.service.drain)  # type: ignore[attr-defined]
        assert job.is_over
        assert (job.status, job.code) == ("cancelled", "stopping")
        assert time.monotonic() - began < 10
        refused = ask(client, **THREE)
        assert (refused.status_code, refused.json()["code"]) == (503, "stopping")


def test_results_are_forgotten_after_a_while(open_ruled: Open) -> None:
    with open_ruled(rollout_seconds=1) as client:
        found = take(client, **THREE)
        until(lambda: client.get(f"/v1/plans/{found['id']}").status_code == 404)
    with open_ruled(max_rollout_bytes=1) as client:
        plan = ask(client, **THREE).json()["id"]
        until(lambda: client.get(f"/v1/plans/{plan}").status_code == 404)


def test_no_state_outlives_its_search(ruled_client: TestClient, ruled: Ruled) -> None:
    stream, made = ruled.stream, weakref.WeakSet[WorldState]()

    def watched(*args: Any, **options: Any) -> Any:
        for part in stream(*args, **options):
            made.update(part.states or [])
            yield part

    ruled.stream = watched  # type: ignore[method-assign]
    plan = ask(ruled_client, **THREE).json()["id"]
    assert end(ruled_client, plan)["calls"] == 14
    assert job_of(ruled_client, plan).bytes > 7 * 1000, "its pictures are kept"
    ruled_client.app.state.service.engine.call(lambda model: None).result(20)  # type: ignore[attr-defined]
    gc.collect()  # the engine has its last batch in hand until then
    assert not made


# --- who, and how many -----------------------------------------------------------------------------------------------


def test_a_plan_of_another_looks_like_none_at_all(open_client: Open) -> None:
    with open_client(require_keys=True) as client:
        ann, bob = bearer(client, "ann"), bearer(client, "bob")
        world = begin(client, ann)
        plan = ask(client, ann, world=world, goal=GOAL).json()["id"]
        unknown = "x" * len(plan)
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events"), ("GET", "/nodes/0/frame"),
                             ("GET", "/film.mp4")):  # fmt: skip
            foreign, never = (
                refusal(client.request(method, f"/v1/plans/{one}{path}", headers=bob)) for one in (plan, unknown)
            )
            assert (foreign[0], foreign[2]["code"]) == (404, "unknown_plan"), path
            assert foreign[:2] == never[:2]
            assert foreign[2] | {"instance": ""} == never[2] | {"instance": ""}
        foreign, never = (refusal(ask(client, bob, world=one, goal=GOAL)) for one in (world, "x" * len(world)))
        assert foreign == never
        assert foreign[2]["code"] == "unknown_world"
        rollout = client.get(f"/v1/rollouts/{plan}", headers=ann)
        assert rollout.json()["code"] == "unknown_rollout", "a plan is no rollout"
        assert client.get(f"/v1/plans/{plan}", headers=ann).status_code == 200
        assert client.delete(f"/v1/plans/{plan}", headers=ann).status_code == 204


def test_plans_and_rollouts_share_their_places(open_ruled: Open, ruled: Ruled) -> None:
    with open_ruled(max_rollouts=3, max_rollouts_per_user=2) as client:
        world = new_world(client)
        ruled.slow.set()
        assert ask(client, world=world, goal=GOAL).status_code == 202
        rollout = client.post("/v1/rollouts", json={"world": world, "candidates": [["wait"]]})
        assert rollout.status_code == 202
        full = ask(client, world=world, goal=GOAL)
        assert (full.status_code, full.json()["code"], full.headers["retry-after"]) == (429, "too_many_rollouts", "5")
        client.delete(f"/v1/rollouts/{rollout.json()['id']}")
        service = client.app.state.service  # type: ignore[attr-defined]
        until(lambda: service.rollouts.running == 0)
        plan = ask(client, world=world, goal=GOAL)
        assert plan.status_code == 202
        ruled.slow.clear()
        assert end(client, plan.json()["id"])["found"]
        until(lambda: service.plans.running == 0)


def test_a_search_makes_room_for_who_watches(ruled_client: TestClient, ruled: Ruled) -> None:
    take(ruled_client, **FAR, budget={"calls": 30})
    assert max(map(len, ruled.batches)) > 2
    world = new_world(ruled_client)
    with ruled_client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as socket:
        socket.send_json({"type": "hello"})
        while not socket.receive().get("bytes"):
            pass
        ruled.batches.clear()
        take(ruled_client, **FAR, budget={"calls": 30})
    assert max(map(len, ruled.batches)) == 2


def test_the_same_request_twice_is_one_plan(ruled_client: TestClient) -> None:
    key = {"idempotency-key": "once"}
    first, second = ask(ruled_client, key, **THREE), ask(ruled_client, key, **THREE)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotency-replayed"] == "true"


def test_the_same_request_searches_the_same_way(ruled_client: TestClient) -> None:
    found = [take(ruled_client, **THREE, planner="mcts", seed=5)["tree"] for _ in range(2)]
    first, second = ([(node["parent"], node["action"]) for node in tree] for tree in found)
    assert first == second


def test_what_is_counted(ruled_client: TestClient) -> None:
    take(ruled_client, **THREE)
    metrics = ruled_client.app.state.service.metrics  # type: ignore[attr-defined]
    assert metrics.value("plans_total", outcome="complete") == 1
    assert metrics.value("plan_clips_total") == 14
    assert metrics.value("clips_total", outcome="committed") == 0
    text = ruled_client.get("/metrics").text
    assert "pandora_plans_running 0" in text
    assert "pandora_plan_seconds_count 1" in text
