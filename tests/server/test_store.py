"""What is committed stays: restarts, damage, forks, deletion, idempotency."""

import asyncio
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pandora.presets import tiny_model
from server.engine.acting import Acting
from server.engine.engine import Engine
from server.sessions.outbox import Outbox
from server.sessions.world import World
from server.store.blobs import Blobs
from server.store.database import Database
from server.store.store import Store

Open = Callable[..., AbstractContextManager[TestClient]]
ACTIONS = ["pick up the red block", "wait", "turn off the light"]


def begin(client: TestClient, **body: Any) -> str:
    response = client.post("/v1/worlds", json={"scene": "tower", "seed": 7} | body)
    assert response.status_code == 201, response.text
    return response.json()["id"]


def act(client: TestClient, world: str, *actions: str) -> dict[str, Any]:
    response = client.post(f"/v1/worlds/{world}/steps", json={"actions": list(actions)})
    assert response.status_code == 200, response.text
    return response.json()


def picture(client: TestClient, world: str, step: int, **query: Any) -> bytes:
    response = client.get(f"/v1/worlds/{world}/frames/{step}", params=query, headers={"Accept": "image/png"})
    assert response.status_code == 200, response.text
    return response.content


def test_a_world_goes_on_after_a_restart(open_client: Open) -> None:
    with open_client() as client:
        world, other = begin(client), begin(client)
        act(client, world, *ACTIONS)
        seen = client.get(f"/v1/worlds/{world}").json()
        log = client.get(f"/v1/worlds/{world}/events").json()
        after = picture(client, world, 3)
        expected = [picture(client, other, act(client, other, *ACTIONS, "wait")["world"]["head"])]
    with open_client() as client:
        assert client.get(f"/v1/worlds/{world}").json() == seen
        assert client.get(f"/v1/worlds/{world}/events").json() == log
        assert [w["id"] for w in client.get("/v1/worlds").json()["worlds"]] == [world, other]
        assert picture(client, world, 3) == after
        act(client, world, "wait")
        assert [picture(client, world, 4)] == expected


def test_a_fork_that_goes_on_equals_a_replay_from_the_start(open_client: Open, kept: Path) -> None:
    """Bit for bit, also when nothing but the log and the start picture is left."""
    with open_client() as client:
        world = begin(client)
        act(client, world, *ACTIONS)
        fork = client.post(f"/v1/worlds/{world}/forks", json={"step": 2}).json()["id"]
        act(client, fork, "push the red block to the left")
        frames = [picture(client, fork, 3, frame=index) for index in range(8)]
        start = picture(client, fork, 0)
    blobs = Blobs(str(kept / "blobs"))
    database = kept / "pandora.db"
    with sqlite3.connect(database) as connection:
        first = connection.execute("select snapshot from steps where number = 0").fetchone()[0]
    for path in (kept / "blobs").rglob("*"):
        if path.is_file() and path.name != first:
            blobs.remove(path.name)
    with open_client() as client:
        assert [picture(client, fork, 3, frame=index) for index in range(8)] == frames
        assert picture(client, fork, 0) == start


def test_a_damaged_blob_is_not_used(open_client: Open, kept: Path) -> None:
    with open_client(snapshot_every=1) as client:
        world = begin(client)
        act(client, world, *ACTIONS)
        frames = [picture(client, world, number) for number in range(4)]
    with sqlite3.connect(kept / "pandora.db") as connection:
        names = connection.execute("select clip, snapshot from steps where number > 0").fetchall()
    for name in {name for row in names for name in row}:
        path = kept / "blobs" / name[:2] / name
        path.write_bytes(path.read_bytes()[:-7] + b"garbage")
    with open_client() as client:
        assert [picture(client, world, number) for number in range(4)] == frames
    with sqlite3.connect(kept / "pandora.db") as connection:
        names = connection.execute("select clip, snapshot from steps where number > 0").fetchall()
    blobs = Blobs(str(kept / "blobs"))
    assert all(blobs.get(name) for row in names for name in row), "made again, they are written again"


def test_what_can_not_be_made_again_is_said_to_be_damaged(open_client: Open, kept: Path) -> None:
    with open_client() as client:
        world = begin(client)
    for path in (kept / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    with open_client() as client:
        answer = client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]})
        assert (answer.status_code, answer.json()["code"]) == (500, "damaged")
        assert client.get(f"/v1/worlds/{world}").status_code == 200


def test_other_weights_do_not_go_on_with_a_world(open_client: Open, settings: Any, kept: Path) -> None:
    with open_client() as client:
        world = begin(client)
        act(client, world, "wait")
        frame = picture(client, world, 1, frame=0)
    from server.app import create_app

    other = tiny_model(seed=5)
    other.fingerprint = "f" * 64
    engine = Engine(lambda: other)
    engine.start()
    engine.settled.wait()
    try:
        with TestClient(create_app(settings.but(data=kept), engine), base_url="http://localhost") as client:
            answer = client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]})
            assert (answer.status_code, answer.json()["code"]) == (409, "incompatible_model")
            assert picture(client, world, 1, frame=0) == frame
    finally:
        engine.stop()


def test_worlds_go_on_when_experts_for_others_are_added(open_client: Open, settings: Any, kept: Path) -> None:
    with open_client() as client:
        world = begin(client)
        act(client, world, "wait")
    from server.app import create_app

    other = tiny_model()
    other._own, other.fingerprint = other.fingerprint, "f" * 64  # that of the whole
    engine = Engine(lambda: other)
    engine.start()
    engine.settled.wait()
    try:
        with TestClient(create_app(settings.but(data=kept), engine), base_url="http://localhost") as client:
            assert act(client, world, "wait")["world"]["head"] == 2
    finally:
        engine.stop()


def test_deleting_a_parent_keeps_what_its_forks_need(open_client: Open, kept: Path) -> None:
    def blobs() -> int:
        return sum(path.is_file() for path in (kept / "blobs").rglob("*"))

    with open_client(snapshot_every=1) as client:
        world = begin(client)
        act(client, world, *ACTIONS)
        child = client.post(f"/v1/worlds/{world}/forks", json={"step": 2}).json()["id"]
        grandchild = client.post(f"/v1/worlds/{child}/forks", json={"step": 1}).json()["id"]
        assert client.delete(f"/v1/worlds/{world}").status_code == 204
        assert client.get(f"/v1/worlds/{world}").status_code == 404
    with open_client(snapshot_every=1) as client:
        assert client.get(f"/v1/worlds/{world}").status_code == 404
        assert [s["step"] for s in client.get(f"/v1/worlds/{child}").json()["steps"]] == [0, 1, 2]
        assert client.get(f"/v1/worlds/{child}/frames/3").status_code == 404
        act(client, child, "wait")
        client.delete(f"/v1/worlds/{child}")
        assert [s["step"] for s in client.get(f"/v1/worlds/{grandchild}").json()["steps"]] == [0, 1]
        act(client, grandchild, "wait")
        client.delete(f"/v1/worlds/{grandchild}")
        assert client.get("/v1/worlds").json()["worlds"] == []
    assert blobs() == 0


def test_many_forks_at_once(open_client: Open) -> None:
    with open_client() as client:
        world = begin(client)
        act(client, world, "wait")
        answer = client.post(f"/v1/worlds/{world}/forks", json={"count": 8, "name": "what if"})
        forks = answer.json()["worlds"]
        assert answer.status_code == 201
        assert len({fork["id"] for fork in forks}) == 8
        assert {(fork["parent"]["world"], fork["parent"]["step"], fork["depth"]) for fork in forks} == {(world, 1, 1)}
        act(client, forks[3]["id"], "wait")
        assert len(client.get(f"/v1/worlds/{world}/tree").json()["worlds"]) == 9
        for count in (0, 65, "8"):
            assert client.post(f"/v1/worlds/{world}/forks", json={"count": count}).status_code == 422


def test_a_world_that_ended_the_service_twice_waits_for_a_rewind(open_client: Open, kept: Path) -> None:
    with open_client() as client:
        world = begin(client)
    for expected in (200, 409):
        for _ in range(1 if expected == 200 else 2):
            Acting(kept / "acting.json").write([world])
            with open_client() as client:
                client.get("/v1/worlds")
        with open_client() as client:
            answer = client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]})
            assert answer.status_code == expected, answer.text
    with open_client() as client:
        answer = client.post(f"/v1/worlds/{world}/actions", json={"text": "wait"})
        assert (answer.status_code, answer.json()["code"]) == (409, "quarantined")
        assert client.post(f"/v1/worlds/{world}/rewind", json={"step": 1}).status_code == 200
        act(client, world, "wait")


def test_an_event_that_was_committed_is_known_after_a_restart(open_client: Open) -> None:
    with open_client() as client:
        world = begin(client)
        client.post(f"/v1/worlds/{world}/actions", json={"text": "wait", "event_id": "a1"})
        act(client, world, "wait")
    with open_client() as client:
        again = client.post(f"/v1/worlds/{world}/actions", json={"text": "wait", "event_id": "a1"})
        assert again.json() == {"event_id": "a1", "text": "wait", "head": 2}
        other = client.post(f"/v1/worlds/{world}/actions", json={"text": "pick up", "event_id": "a1"})
        assert (other.status_code, other.json()["code"]) == (409, "event_id_conflict")
        assert act(client, world, "wait")["world"]["head"] == 3


def test_the_same_request_again_does_nothing(open_client: Open) -> None:
    with open_client() as client:
        headers = {"Idempotency-Key": "k1"}
        first = client.post("/v1/worlds", json={"scene": "row"}, headers=headers)
        again = client.post("/v1/worlds", json={"scene": "row"}, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotency-replayed"] == "true"
        other = client.post("/v1/worlds", json={"scene": "tower"}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
        path = f"/v1/worlds/{first.json()['id']}/steps"
        steps = [client.post(path, json={"actions": ["wait"]}, headers={"Idempotency-Key": "s"}) for _ in range(3)]
        assert {answer.json()["world"]["head"] for answer in steps} == {1}
    with open_client() as client:
        assert client.post(path, json={"actions": ["wait"]}, headers={"Idempotency-Key": "s"}).json() == steps[0].json()
        assert len(client.get("/v1/worlds").json()["worlds"]) == 1
        assert client.post("/v1/worlds", json={}, headers={"Idempotency-Key": "x"}).status_code == 422
        assert client.post("/v1/worlds", json={"scene": "row"}, headers={"Idempotency-Key": "x"}).status_code == 201
        assert client.post("/v1/worlds", json={}, headers={"Idempotency-Key": "y" * 300}).status_code == 422


def test_the_same_request_at_the_same_time_is_told_to_wait(
    open_client: Open, engine: Engine, busy: Callable[[], AbstractContextManager[None]]
) -> None:
    with open_client() as client:
        path, answers = f"/v1/worlds/{begin(client)}/steps", []
        headers = {"Idempotency-Key": "k"}

        def post() -> None:
            answers.append(client.post(path, json={"actions": ["wait"]}, headers=headers))

        with busy():
            thread = threading.Thread(target=post)
            thread.start()
            while not engine.waiting:
                time.sleep(0.01)
            second = client.post(path, json={"actions": ["wait"]}, headers=headers)
            assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_progress")
        thread.join()
        assert answers[0].json()["world"]["head"] == 1


@pytest.mark.parametrize("url", ["sqlite+nothing:///x", "nonsense", "postgresql+psycopg2://localhost/x"])
def test_a_database_that_can_not_be(open_client: Open, url: str) -> None:
    from pandora.errors import InvalidConfig

    with pytest.raises(InvalidConfig, match="Valid: sqlite"), open_client(database=url):
        pass


def test_a_start_picture_outlives_another_world_that_began_from_it(open_client: Open) -> None:
    with open_client() as client:
        first, store = begin(client), client.app.state.service.store  # type: ignore[attr-defined]
        stored, deleted, put, answers = threading.Event(), threading.Event(), store.blobs.put, []

        def slow_put(*arguments: Any, **options: Any) -> str:
            name = put(*arguments, **options)
            stored.set()
            deleted.wait(20)
            return name

        store.blobs.put = slow_put
        thread = threading.Thread(target=lambda: answers.append(begin(client)))
        thread.start()
        assert stored.wait(20)
        assert client.delete(f"/v1/worlds/{first}").status_code == 204
        deleted.set()
        thread.join()
    with open_client() as client:
        assert act(client, answers[0], "wait")["world"]["head"] == 1
        client.delete(f"/v1/worlds/{answers[0]}")


async def test_a_write_that_nobody_waits_for_any_more_is_done(kept: Path) -> None:
    database = Database(f"sqlite:///{kept / 'test.db'}")
    begun, gate, done = threading.Event(), threading.Event(), []

    def hold(_: Any) -> None:
        begun.set()
        gate.wait(20)

    held = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(begun.wait, 20)
    left = asyncio.create_task(database.write(lambda _: done.append("left")))
    await asyncio.sleep(0.01)
    held.cancel()
    left.cancel()
    gate.set()
    async with asyncio.timeout(20):
        await database.write(lambda _: done.append("after"))
    assert done == ["left", "after"]
    await asyncio.to_thread(database.close)


async def test_settled_waits_for_what_is_written_meanwhile() -> None:
    outbox = Outbox(lambda error: None)
    first, second = Future[None](), Future[None]()
    outbox.wait_for(first)
    waiting = asyncio.create_task(outbox.settled())
    await asyncio.sleep(0.01)
    outbox.wait_for(second)
    first.set_result(None)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    second.set_result(None)
    async with asyncio.timeout(20):
        await waiting


async def test_a_family_keeps_what_it_needs_and_nothing_else(kept: Path) -> None:
    """Worlds act, fork, rewind and go in any order; those that stay are what they were."""
    database = Database(f"sqlite:///{kept / 'test.db'}")
    store = Store(database, Blobs(str(kept / "blobs")), max_worlds=1000, max_steps=1000)
    dice = random.Random(0)
    first = World(owner="me", name="first", seed=0, scene=None)
    step, event = first.begin("model")
    store.add([first], [event], step)
    living = [first]
    for _ in range(60):
        world = dice.choice(living)
        for _ in range(dice.randint(0, 2)):
            store.commit(world, *world.commit("wait", "e", 1, "model", 8))
        if dice.random() < 0.4:
            store.record(world, [world.rewind(dice.choice(list(world.steps)))])
        for child in world.fork(dice.randint(0, 2), dice.choice(list(world.steps)), None, None):
            store.add([child], [child.log("created", step=child.head)])
            living.append(child)
        if dice.random() < 0.7 and len(living) > 1:
            await store.remove(living.pop(dice.randrange(len(living))))
        await database.write(lambda connection: None)  # all that was written before is there
        for world in dice.sample(living, min(3, len(living))):
            found = await store.load(world.id, "me")
            assert set(found.steps) == set(world.steps)
            assert all(found.steps[number].parent == step.parent for number, step in world.steps.items())
    for world in living:
        await store.remove(world)
    assert (store.worlds, store.steps) == (0, 0)
    await asyncio.to_thread(database.close)
    with sqlite3.connect(kept / "test.db") as connection:
        for table in ("worlds", "steps", "events"):
            assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)
