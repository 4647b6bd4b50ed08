"""The database refuses a write in the middle of a world's life: nothing is built on what is not on record."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.errors import StoreUnavailable
from server.sessions.world import Event, Step, World
from server.store.blobs import Blobs
from server.store.database import Database
from server.store.store import Store
from tests.server.test_operations import Busy, service, until
from tests.server.test_store import act, begin, picture

Open = Callable[..., AbstractContextManager[TestClient]]


def test_a_world_goes_on_from_what_is_on_record(open_client: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_client() as client:
        world, twin = begin(client), begin(client)
        act(client, world, "wait")
        act(client, twin, "wait", "turn off the light")
        expected = picture(client, twin, 2)
        store = service(client).store
        commit, refused = store.commit, list[Step]()

        def refuse(world: World, step: Step, event: Event) -> "Future[None]":
            if refused:
                return commit(world, step, event)
            refused.append(step)
            broken: Future[None] = Future()
            asyncio.get_running_loop().call_later(0.05, broken.set_exception, StoreUnavailable())
            return broken

        monkeypatch.setattr(store, "commit", refuse)
        body = {"actions": ["pick up the red block", "wait"]}
        answer = client.post(f"/v1/worlds/{world}/steps", json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        assert [step.number for step in refused] == [2]
        assert client.get(f"/v1/worlds/{world}").json()["head"] == 1, "neither the step nor the one that came after it"
        assert act(client, world, "turn off the light")["world"]["head"] == 2
        assert picture(client, world, 2) == expected, "and nothing is left of the step that had this number"


async def test_nothing_builds_on_a_step_that_is_not_on_record(kept: Path) -> None:
    database = Database(f"sqlite:///{kept / 'test.db'}")
    store = Store(database, Blobs(str(kept / "blobs")), max_worlds=1000, max_steps=1000)
    world = World(owner="me", name="first", seed=0, scene=None)
    step, event = world.begin("model")
    await asyncio.wrap_future(store.add([world], [event], step))
    world.commit("wait", "e", 1, "model", 8)  # and it never came to the store
    child = world.fork(1, None, None, None)[0]
    for write in (
        store.record(world, [world.log("forked", step=1, world=child.id)]),
        store.add([child], [child.log("created", step=1)]),
        store.commit(world, *world.commit("wait", "f", 1, "model", 8)),
    ):
        with pytest.raises(StoreUnavailable):
            await asyncio.wrap_future(write)
    found = await store.load(world.id, "me")
    assert (found.head, set(found.steps), found.logged) == (0, {0}, 1)
    assert [summary.world.id for summary in await store.owned("me")] == [world.id]
    await asyncio.to_thread(database.close)


def test_after_an_action_that_is_refused_the_others_of_its_request_do_not_run(client: TestClient, busy: Busy) -> None:
    world = begin(client)

    def ask(**body: Any) -> Any:
        return client.post(f"/v1/worlds/{world}/steps", json=body)

    with ThreadPoolExecutor(2) as threads:
        with busy():
            first = threads.submit(ask, actions=["wait"])
            until(lambda: service(client).engine.waiting == 1)
            second = threads.submit(ask, actions=["turn off the light", "pick up the red block"], expected_step=0)
            until(lambda: len(service(client).sessions._live[world]._waiting) == 2)
        answers = [future.result(20) for future in (first, second)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert client.get(f"/v1/worlds/{world}").json()["head"] == 1


def test_a_paused_world_with_an_action_that_waits_leaves_the_memory(open_client: Open) -> None:
    with open_client(suspend_seconds=1) as client:
        world = begin(client)
        with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as socket:
            socket.send_json({"type": "hello"})
            socket.send_json({"type": "control", "command": "pause"})
            socket.send_json({"type": "action", "event_id": "a1", "text": "wait"})
            until(lambda: len(service(client).sessions._live[world]._waiting) == 1)
        until(lambda: service(client).sessions.live == 0)
        assert act(client, world, "turn off the light")["world"]["head"] == 1
