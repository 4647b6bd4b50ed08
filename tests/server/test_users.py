"""Who may do what: keys, scopes, other people's worlds, the ways to a socket, limits."""

import asyncio
import random
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from pandora.media import encode_png
from server.errors import TooManyWorldsOfYours
from server.routes import stream
from server.users.access import Access
from server.users.limits import Quota
from server.users.principal import Scope
from server.users.tickets import Tickets
from tests.server.conftest import Viewing, make_picture

READ, WRITE, ADMIN = Scope.READ, Scope.WRITE, Scope.ADMIN
OPEN = {"/healthz", "/readyz"}
NO_KEY = f"pk_{'0' * 12}_{'0' * 64}"
Headers = dict[str, str]


@pytest.fixture
def keyed(open_client: Callable[..., AbstractContextManager[TestClient]]) -> Iterator[TestClient]:
    """A client, with no key, of a service that requires keys."""
    with open_client(require_keys=True) as client:
        yield client


def access(client: TestClient) -> Access:
    return client.app.state.service.access  # type: ignore[attr-defined]


def bearer(client: TestClient, owner: str, *scopes: Scope) -> Headers:
    """What somebody sends with a new key."""
    return {"authorization": f"Bearer {access(client).keys.create(owner, scopes=scopes or (READ, WRITE))}"}


def begin(client: TestClient, headers: Headers) -> str:
    response = client.post("/v1/worlds", json={"scene": "tower"}, headers=headers)
    assert response.status_code == 201, response.text
    return response.json()["id"]


def routes(client: TestClient) -> Iterator[tuple[str, str, Any]]:
    """Method, path and a body of every call that the service describes."""
    description = client.app.openapi()  # type: ignore[attr-defined]
    for path, calls in description["paths"].items():
        for method, call in calls.items():
            content = call.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            yield method.upper(), path, description["components"]["schemas"].get(name, {}).get("examples", [{}])[0]


def fill(path: str, world: str) -> str:
    return re.sub(r"\{\w+\}", "0", path.replace("{world_id}", world))


def call(client: TestClient, method: str, path: str, body: Any, headers: Headers | None = None) -> httpx2.Response:
    return client.request(method, path, json=body if method in ("POST", "PUT", "PATCH") else None, headers=headers)


def refusal(response: httpx2.Response) -> tuple[int, Headers, dict[str, Any]]:
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    return response.status_code, headers, response.json()


def watch_refused(client: TestClient, world: str, **how: Any) -> tuple[int, dict[str, Any]]:
    """The close code of a socket that is not let in, and what was said before."""
    with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream", **how) as socket:
        viewing = Viewing(socket)
        messages, _ = viewing.until("closed")
        assert [message["type"] for message in messages] == ["error", "closed"]
        return messages[1]["code"], messages[0]


# --- keys and scopes ---


def test_every_call_needs_a_key_and_says_nothing_about_keys(keyed: TestClient) -> None:
    keys = access(keyed).keys
    good, revoked = keys.create("ann"), keys.create("ann")
    keys.revoke(revoked.split("_")[1])
    wrong = [
        None, "", "Bearer", "Bearer ", f"Bearer {NO_KEY}", f"Basic {good}", f"Bearer {good}0", f"Bearer {revoked}",
        f"Bearer {'_'.join(good.split('_')[:2])}_{'0' * 64}",
    ]  # fmt: skip
    asked = [route for route in routes(keyed) if route[1] not in OPEN]
    assert len(asked) >= 17
    for method, path, body in asked:
        path = fill(path, "a-world")
        answers = [call(keyed, method, path, body, {"authorization": one} if one is not None else {}) for one in wrong]
        status, headers, problem = refusal(answers[0])
        assert (status, problem["code"], headers["www-authenticate"]) == (401, "unauthenticated", "Bearer"), path
        assert all(refusal(answer) == (status, headers, problem) for answer in answers), path
    assert keyed.get("/v1/worlds", headers={"authorization": f"bearer {good}"}).status_code == 200
    assert all(keyed.get(path).status_code == 200 for path in OPEN)
    assert "securitySchemes" in keyed.get("/openapi.json").json()["components"]


def test_every_call_needs_its_scope(keyed: TestClient) -> None:
    readers, writers = bearer(keyed, "ann", READ), bearer(keyed, "ann", WRITE)
    operators = bearer(keyed, "ann", ADMIN)
    for method, path, body in routes(keyed):
        if path in OPEN:
            continue
        if path == "/metrics":
            needed, keys = operators, (readers, writers)
        elif method == "GET" or path.endswith("/tickets"):
            needed, keys = readers, (writers, operators)
        else:
            needed, keys = writers, (readers, operators)
        path = fill(path, "a-world")
        for key in keys:
            assert refusal(call(keyed, method, path, body, key))[2]["code"] == "missing_scope", (method, path)
            assert call(keyed, method, path, body, key).status_code == 403
        assert call(keyed, method, path, body, needed).status_code not in (401, 403), (method, path)


def test_where_no_keys_are_required_everybody_is_the_same_user(client: TestClient, world: str) -> None:
    assert client.get(f"/v1/worlds/{world}", headers={"authorization": "Bearer nonsense"}).status_code == 200
    assert client.get("/metrics").status_code == 200
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]
    how = {"subprotocols": ["pandora.v1", "pandora.ticket.nonsense"]}
    with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream", **how) as socket:
        assert socket.accepted_subprotocol == "pandora.v1"
        socket.send_json({"type": "hello"})
        assert socket.receive_json()["type"] == "ready"


def test_a_revoked_key_is_good_for_half_a_minute_at_most(keyed: TestClient) -> None:
    headers = bearer(keyed, "ann")
    assert keyed.get("/v1/worlds", headers=headers).status_code == 200
    keys = access(keyed).keys
    keys.revoke(keys.all()[0].id)
    began = keys._clock()
    keys._clock = lambda: began + 30
    assert keyed.get("/v1/worlds", headers=headers).status_code == 401


# --- worlds of others ---


@pytest.mark.parametrize("scopes", [(READ, WRITE), (READ, WRITE, ADMIN)], ids=["user", "admin"])
def test_a_world_of_another_looks_like_none_at_all(keyed: TestClient, scopes: tuple[Scope, ...]) -> None:
    ann, bob = bearer(keyed, "ann"), bearer(keyed, "bob", *scopes)
    world = begin(keyed, ann)
    before = keyed.get(f"/v1/worlds/{world}/events", headers=ann).json()
    unknown = "x" * len(world)
    asked = [route for route in routes(keyed) if "{world_id}" in route[1]]
    assert len(asked) >= 11
    for method, path, body in asked:
        foreign, never = (call(keyed, method, fill(path, one), body, bob) for one in (world, unknown))
        status, headers, problem = refusal(foreign)
        assert (status, problem["code"]) == (404, "unknown_world"), (method, path)
        assert (status, headers, problem | {"instance": ""}) == (
            *refusal(never)[:2],
            refusal(never)[2] | {"instance": ""},
        )
        assert problem["detail"] == refusal(never)[2]["detail"]
    assert watch_refused(keyed, world, headers=bob) == watch_refused(keyed, unknown, headers=bob)
    assert watch_refused(keyed, world, headers=bob)[0] == 4404
    assert keyed.get(f"/v1/worlds/{world}/events", headers=ann).json() == before


def test_lists_show_ones_own(keyed: TestClient) -> None:
    ann, bob = bearer(keyed, "ann"), bearer(keyed, "bob", READ, WRITE, ADMIN)
    world = begin(keyed, ann)
    fork = keyed.post(f"/v1/worlds/{world}/forks", json={}, headers=ann).json()["id"]
    own = begin(keyed, bob)
    for method, path, _ in routes(keyed):
        if method == "GET" and "{" not in path:
            text = keyed.get(path, headers=bob).text
            assert world not in text, path
            assert fork not in text, path
    listed = keyed.get("/v1/worlds", headers=ann).json()["worlds"]
    assert {one["id"] for one in listed} == {world, fork}
    assert [one["id"] for one in keyed.get("/v1/worlds", headers=bob).json()["worlds"]] == [own]
    second_key = bearer(keyed, "ann", READ)
    assert keyed.get(f"/v1/worlds/{fork}", headers=second_key).status_code == 200
    tree = keyed.get(f"/v1/worlds/{fork}/tree", headers=ann).json()["worlds"]
    assert {one["id"] for one in tree} == {world, fork}


def test_uploads_belong_to_who_made_them(keyed: TestClient) -> None:
    ann, bob = bearer(keyed, "ann"), bearer(keyed, "bob")
    picture = encode_png(make_picture(3))
    upload = keyed.post("/v1/uploads", content=picture, headers=ann).json()["id"]
    foreign = keyed.post("/v1/worlds", json={"upload": upload}, headers=bob)
    never = keyed.post("/v1/worlds", json={"upload": "nothing"}, headers=bob)
    assert refusal(foreign) == refusal(never)
    assert foreign.json()["code"] == "unknown_upload"
    assert keyed.post("/v1/worlds", json={"upload": upload}, headers=ann).status_code == 201


def test_nobody_pushes_out_the_uploads_of_others(open_client) -> None:
    with open_client(require_keys=True, max_uploads=3) as client:
        ann, bob = bearer(client, "ann"), bearer(client, "bob")
        picture = encode_png(make_picture(3))
        kept = client.post("/v1/uploads", content=picture, headers=ann).json()["id"]
        many = [client.post("/v1/uploads", content=picture, headers=bob).json()["id"] for _ in range(4)]
        found = [client.post("/v1/worlds", json={"upload": one}, headers=bob).status_code == 201 for one in many]
        assert found == [False, False, True, True]
        assert client.post("/v1/worlds", json={"upload": kept}, headers=ann).status_code == 201


# --- sockets ---


def offer(client: TestClient, world: str, headers: Headers) -> dict[str, Any]:
    """What a browser opens a socket with."""
    response = client.post(f"/v1/worlds/{world}/tickets", headers=headers)
    assert (response.status_code, response.json()["expires_in"]) == (201, 60)
    assert response.headers["cache-control"] == "no-store"
    return {"subprotocols": ["pandora.v1", f"pandora.ticket.{response.json()['ticket']}"]}


def test_a_socket_takes_a_key_or_a_ticket(keyed: TestClient) -> None:
    ann = bearer(keyed, "ann")
    world = begin(keyed, ann)
    ways: list[tuple[dict[str, Any], str | None]] = [
        ({"headers": dict(ann)}, None),
        (offer(keyed, world, ann), "pandora.v1"),
    ]
    for how, selected in ways:
        with keyed.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream", **how) as socket:
            assert socket.accepted_subprotocol == selected
            viewing = Viewing(socket)
            viewing.send("hello")
            viewing.until("ready")
            viewing.still()
            viewing.act(f"by {selected}", "wait")
            assert viewing.until("clip.end")[0][-1]["committed"]
    code, said = watch_refused(keyed, world)
    assert (code, said["code"], said["retryable"]) == (4401, "unauthenticated", False)
    assert watch_refused(keyed, world, headers={"authorization": f"Bearer {NO_KEY}"}) == (code, said)


def test_a_ticket_is_good_once(keyed: TestClient) -> None:
    ann = bearer(keyed, "ann")
    world, other = begin(keyed, ann), begin(keyed, ann)
    how = offer(keyed, world, ann)
    with keyed.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream", **how):
        assert watch_refused(keyed, world, **how)[0] == 4401
    how = offer(keyed, world, ann)
    assert watch_refused(keyed, other, **how)[0] == 4401
    assert watch_refused(keyed, world, **how)[0] == 4401, "used up on the wrong world"
    assert watch_refused(keyed, world, subprotocols=["pandora.v1", "pandora.ticket."])[0] == 4401


def test_a_ticket_is_good_for_a_minute(keyed: TestClient) -> None:
    ann = bearer(keyed, "ann")
    world, now = begin(keyed, ann), 0.0
    access(keyed).tickets = Tickets(lambda: now)
    early, late = offer(keyed, world, ann), offer(keyed, world, ann)
    now = 59.9
    with keyed.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream", **early) as socket:
        socket.send_json({"type": "hello"})
        assert socket.receive_json()["type"] == "ready"
    now = 60.0
    assert watch_refused(keyed, world, **late)[0] == 4401
    for _ in range(3):
        offer(keyed, world, ann)
    now = 120.0
    offer(keyed, world, ann)
    assert len(access(keyed).tickets) == 1, "those that are too old are forgotten"


def test_a_ticket_dies_with_its_key(keyed: TestClient) -> None:
    ann = bearer(keyed, "ann")
    world = begin(keyed, ann)
    how = offer(keyed, world, ann)
    access(keyed).keys.revoke(access(keyed).keys.all()[0].id)
    assert watch_refused(keyed, world, **how)[0] == 4401


def test_who_may_only_look_sees_what_others_do(keyed: TestClient) -> None:
    ann, looker, blind = bearer(keyed, "ann"), bearer(keyed, "ann", READ), bearer(keyed, "ann", WRITE)
    world = begin(keyed, ann)
    code, said = watch_refused(keyed, world, headers=dict(blind))
    assert (code, said["code"]) == (4403, "missing_scope")
    how = offer(keyed, world, looker)
    with keyed.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream", **how) as socket:
        viewing = Viewing(socket)
        viewing.send("hello")
        viewing.until("ready")
        viewing.still()
        viewing.act("a1")
        rejected = viewing.until("action.rejected")[0][-1]
        assert (rejected["event_id"], rejected["code"]) == ("a1", "missing_scope")
        viewing.send("control", command="pause")
        assert viewing.until("error")[0][-1]["code"] == "missing_scope"
        viewing.send("control", command="rate", value=0)
        assert viewing.until("control")[0][-1]["paused"] is False
        taken = keyed.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]}, headers=ann)
        assert taken.status_code == 200
        messages, frames = viewing.until("clip.end")
        assert (messages[-1]["step"], len(frames)) == (1, 8)


def test_the_socket_of_a_revoked_key_is_closed(keyed: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stream.CHECK_SECONDS + stream.LAST_WORDS_SECONDS < 60
    monkeypatch.setattr(stream, "CHECK_SECONDS", 0.05)
    ann = bearer(keyed, "ann")
    world = begin(keyed, ann)
    keep = bearer(keyed, "ann")
    url = f"ws://localhost/v1/worlds/{world}/stream"
    with (
        keyed.websocket_connect(url, headers=dict(ann)) as one,
        keyed.websocket_connect(url, headers=dict(keep)) as other,
    ):
        viewers = Viewing(one), Viewing(other)
        for viewing in viewers:
            viewing.send("hello")
            viewing.until("ready")
            viewing.still()
        access(keyed).keys.revoke(ann["authorization"].split("_")[1])
        said = viewers[0].until("closed")[0]
        assert (said[0]["code"], said[1]["code"]) == ("unauthenticated", 4401)
        viewers[1].send("ping")
        assert viewers[1].until("pong")[0][-1]["type"] == "pong"


# --- limits ---


def test_requests_of_one_user_are_limited(open_client) -> None:
    with open_client(require_keys=True, requests_per_second=2) as client:
        ann, bob = bearer(client, "ann"), bearer(client, "bob")
        now = 0.0
        access(client).requests._clock = lambda: now
        answers = [client.get("/v1/worlds", headers=ann) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429]
        _, headers, problem = refusal(answers[-1])
        assert (problem["code"], headers["retry-after"], problem["retry_after"]) == ("too_many_requests", "1", 1)
        assert "2 requests a second" in problem["detail"]
        assert watch_refused(client, "a-world", headers=dict(ann))[0] == 1013
        assert client.get("/v1/worlds", headers=bob).status_code == 200
        now = 0.5
        assert [client.get("/v1/worlds", headers=ann).status_code for _ in range(2)] == [200, 429]


def test_new_worlds_of_one_user_are_limited(open_client) -> None:
    with open_client(require_keys=True, worlds_per_minute=3) as client:
        ann, bob = bearer(client, "ann"), bearer(client, "bob")
        world = begin(client, ann)
        assert client.post(f"/v1/worlds/{world}/forks", json={"count": 2}, headers=ann).status_code == 201
        for refused in (
            client.post("/v1/worlds", json={"scene": "tower"}, headers=ann),
            client.post(f"/v1/worlds/{world}/forks", json={}, headers=ann),
        ):
            status, headers, problem = refusal(refused)
            assert (status, problem["code"]) == (429, "too_many_new_worlds")
            assert 15 <= int(headers["retry-after"]) <= 20
            assert "3 new worlds a minute" in problem["detail"]
        begin(client, bob)


def test_where_no_keys_are_required_nobody_is_slowed_down(open_client) -> None:
    with open_client(requests_per_second=1, worlds_per_minute=1) as client:
        assert [client.get("/v1/worlds").status_code for _ in range(6)] == [200] * 6
        assert [client.post("/v1/worlds", json={"scene": "tower"}).status_code for _ in range(3)] == [201] * 3


@pytest.mark.parametrize("seed", range(20))
def test_a_quota_is_exact_however_slow_the_count_and_the_making(seed: int) -> None:
    rng = random.Random(seed)
    worlds: list[int] = []

    async def pause() -> None:
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(0)

    async def count(owner: str) -> int:
        await pause()
        held = len(worlds)
        await pause()  # what was counted is old by now
        return held

    async def make(quota: Quota, which: int) -> bool:
        await pause()
        try:
            async with quota.room("ann"):
                await pause()
                if which % 5 == 4:
                    return True  # it failed: its place is free again
                worlds.append(which)
                await pause()
        except TooManyWorldsOfYours:
            return False
        return True

    async def run() -> None:
        quota = Quota(4, count)
        let_in = await asyncio.gather(*(make(quota, which) for which in range(12)))
        assert len(worlds) == 4, "all the places are taken, and none twice"
        assert not all(let_in)
        assert not len(quota), "nothing is kept of who is done"

    asyncio.run(run())


@pytest.mark.parametrize("require_keys", [False, True])
def test_a_user_has_so_many_worlds_and_no_more(open_client, require_keys: bool) -> None:
    with open_client(require_keys=require_keys, max_worlds_per_user=3) as client:
        ann = bearer(client, "ann") if require_keys else {}
        with ThreadPoolExecutor(6) as pool:
            made = list(pool.map(lambda _: client.post("/v1/worlds", json={"scene": "tower"}, headers=ann), range(6)))
        assert sorted(one.status_code for one in made) == [201] * 3 + [409] * 3
        refused = [one.json() for one in made if one.status_code == 409]
        assert {one["code"] for one in refused} == {"too_many_worlds_of_yours"}
        world = next(one.json()["id"] for one in made if one.status_code == 201)
        fork = client.post(f"/v1/worlds/{world}/forks", json={}, headers=ann)
        assert (fork.status_code, fork.json()["code"]) == (409, "too_many_worlds_of_yours")
        assert client.delete(f"/v1/worlds/{world}", headers=ann).status_code == 204
        world = begin(client, ann)
        assert client.delete(f"/v1/worlds/{world}", headers=ann).status_code == 204
        other = client.get("/v1/worlds", headers=ann).json()["worlds"][0]["id"]
        many = client.post(f"/v1/worlds/{other}/forks", json={"count": 2}, headers=ann)
        assert many.status_code == 409, "all or none"
        assert len(client.get("/v1/worlds", headers=ann).json()["worlds"]) == 2
        if require_keys:
            begin(client, bearer(client, "bob"))


def test_worlds_survive_with_their_owner(open_client) -> None:
    with open_client(require_keys=True) as client:
        ann, bob = bearer(client, "ann"), bearer(client, "bob")
        world = begin(client, ann)
    with open_client(require_keys=True) as client:
        assert client.get(f"/v1/worlds/{world}", headers=bob).status_code == 404
        assert client.get(f"/v1/worlds/{world}", headers=ann).status_code == 200
