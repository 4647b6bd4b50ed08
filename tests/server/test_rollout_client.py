"""Rollouts through the client, over lines that break; from the shell; and measured."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pandora.media import encode_png, read_film
from server.app import create_app
from server.bench import rollouts as bench_rollouts
from server.bench.process import start_server
from server.cli import bench
from server.client import (
    AsyncClient,
    AsyncFuture,
    AsyncRollout,
    Client,
    Future,
    InvalidRequest,
    NotFound,
    Rollout,
    World,
)
from server.client.cli import world as commands
from server.engine.engine import Engine
from server.settings import Settings
from tests.server.conftest import make_picture, public_calls
from tests.server.test_rollouts import until
from tests.server.wire import Wire, serve

LEFT, RIGHT, WAIT = "push the red block left", "push the red block right", "wait"
CANDIDATES = [[LEFT, WAIT], [RIGHT], [WAIT, WAIT, LEFT]]


@pytest.fixture(scope="module")
def port(settings: Settings, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serve(create_app(settings.but(data=tmp_path_factory.mktemp("data")), engine)) as port:
        yield port


@pytest.fixture
def far(wire: Wire) -> Iterator[World]:
    """A world at the other end of the wire."""
    with Client(wire.address) as client:
        yield client.worlds.create(scene="tower", seed=7)


@pytest.mark.parametrize(("plain", "waiting"), [(Future, AsyncFuture), (Rollout, AsyncRollout)])
def test_both_faces_are_alike(plain: type, waiting: type) -> None:
    assert public_calls(waiting) == public_calls(plain)


def test_futures_come_one_by_one(far: World, tmp_path: Path) -> None:
    rollout = far.rollouts(CANDIDATES, goal=make_picture(3), samples=2, film=True, latents=True)
    found = list(rollout)
    assert sorted(future.index for future in found) == [0, 1, 2]
    assert [future.index for future in rollout.futures] == [future.index for future in found]
    assert (rollout.view.status, rollout.refresh().done, far.refresh().head) == ("complete", 12, 0)
    for future in found:
        assert future.complete
        assert future.actions == CANDIDATES[future.index]
        assert 0 <= (future.score or 0.0) <= 1
        assert future.frame().shape == future.frame(1).shape == (128, 128, 3)
        assert future.facts() is None
    best = rollout.best
    assert best is not None
    assert best.score == max(future.score or 0.0 for future in found)
    assert found[0].latents(1).shape == found[0].latents().shape
    film, _ = read_film(found[0].save(tmp_path / "film.mp4"))
    assert len(film) == 8 * len(found[0].actions)
    happened = far.act(*CANDIDATES[0]).frames[-1]
    imagined = next(future for future in found if future.index == 0).frame()
    assert np.abs(happened.astype(int) - imagined).max() <= 4
    plain = far.rollouts([WAIT])
    assert next(plain).actions == [WAIT]
    assert (next(plain, None), plain.best) == (None, None)
    with pytest.raises(NotFound):
        plain.futures[0].save(tmp_path / "film.mp4")
    with pytest.raises(NotFound):
        plain.futures[0].latents()


def test_a_line_that_breaks_loses_no_future(far: World, wire: Wire) -> None:
    rollout = far.rollouts(actions=[LEFT, RIGHT, WAIT], horizon=2)
    found = []
    for future in rollout:
        found.append(future.index)
        wire.cut()
    assert sorted(found) == list(range(9))


def test_cancel_and_deadline(far: World, engine: Engine) -> None:
    rollout = far.rollouts([[LEFT] * 30, [RIGHT] * 30], sampling_steps=50)
    rollout.cancel()
    assert all(not future.complete for future in rollout)
    with pytest.raises(NotFound):
        rollout.refresh()
    late = far.rollouts([[LEFT] * 30, [RIGHT] * 30], sampling_steps=50, deadline=0.05)
    assert [future.complete for future in late] == [False, False]
    assert (late.view.status, late.view.code, late.best) == ("partial", "deadline", None)
    assert far.act(WAIT).step == 1


def test_what_is_no_list_is_refused(far: World) -> None:
    with pytest.raises(InvalidRequest, match="one sentence alone is"):
        far.rollouts(WAIT)
    with pytest.raises(InvalidRequest, match="lists of words"):
        far.rollouts([WAIT], goal=("on", "red", "blue"))
    with pytest.raises(InvalidRequest, match="lists of words"):
        far.infer_goals([("on", "red", "blue"), "the hand is empty"])
    with pytest.raises(InvalidRequest, match="never show 'on red pink'"):
        far.rollouts([WAIT], goal=[("on", "red", "pink")])


def test_goals_that_are_refused(far: World) -> None:
    with pytest.raises(InvalidRequest) as refused:
        far.rollouts([WAIT], goal="a castle")
    assert refused.value.code == "invalid_input"
    words = next(far.rollouts([WAIT], goal="the red block is on the blue block"))
    assert (words.score, words.confidence) == (None, 0.0), "noise can't be read"
    facts = next(far.rollouts([WAIT], goal=[("on", "red", "blue")], facts=True))
    assert (facts.score, facts.confidence, facts.facts()) == (None, 0.0, None), "noise can't be read"


async def test_with_await(port: int) -> None:
    async with AsyncClient(f"http://127.0.0.1:{port}") as client:
        world = await client.worlds.create(scene="tower")
        rollout = await world.rollouts(CANDIDATES)
        assert sorted([future.index async for future in rollout]) == [0, 1, 2]
        assert (await rollout.futures[0].frame()).shape == (128, 128, 3)
        await rollout.close()


@pytest.mark.slow
def test_a_killed_service_loses_no_world_while_a_rollout_runs(weights: Path, tmp_path: Path) -> None:
    options = {"weights": str(weights), "threads": "1"}
    with start_server(options, tmp_path) as server, Client(server.address, patience=0.0) as client:
        world = client.worlds.create(scene="tower")
        world.act(WAIT)
        rollout = world.rollouts([[LEFT] * 32, [RIGHT] * 32], sampling_steps=50)
        until(lambda: rollout.refresh().done > 0)
        head = world.act(LEFT).step
        assert rollout.refresh().status == "running"
        server.process.kill()
        server.process.wait(20)
    with start_server(options, tmp_path) as server, Client(server.address) as client:
        world = client.worlds.get(world.id)
        assert (world.head, [step.action for step in world.refresh().steps]) == (head, [None, WAIT, LEFT])
        assert world.act(RIGHT).step == head + 1


# --- from the shell --------------------------------------------------------------------------------------------------


def test_from_the_shell(port: int, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(commands, [*arguments, "--url", f"http://127.0.0.1:{port}"])
        return done.exit_code, done.stdout

    world = run("create", "--scene", "tower")[1].strip()
    (picture := tmp_path / "goal.png").write_bytes(encode_png(make_picture(3)))
    code, told = run(
        "rollout", world, f"{LEFT}; {WAIT}", RIGHT, "--goal-image", str(picture), "-o", str(tmp_path / "o")
    )
    assert code == 0
    assert {line.split("  ")[-1] for line in told.splitlines()} == {f"{LEFT}; {WAIT}", RIGHT}
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["000.mp4", "001.mp4"]
    code, told = run("rollout", world, "-a", LEFT, "-a", WAIT, "--horizon", "2", "--goal", "on red blue", "--json")
    assert code == 0
    assert len({json.loads(line)["index"] for line in told.splitlines()}) == 4
    code, told = run("rollout", world, WAIT, "--goal-text", "the red block is on the blue block", "--json")
    assert (code, json.loads(told)["score"]) == (0, None), "noise can't be read"
    assert run("rollout", world, WAIT, "--goal", "on red blue", "--goal-text", "the hand is empty")[0] == 2
    assert run("rollout", world)[0] == 2
    assert run("rollout", world, WAIT, "-a", WAIT)[0] == 2
    assert run("rollout", "nothing", WAIT)[0] == 3


# --- measured --------------------------------------------------------------------------------------------------------


def test_the_bench(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extent = bench_rollouts.Extent(futures=4, depth=2, branches=2, rounds=1, singles=2)
    monkeypatch.setattr(bench_rollouts, "QUICK", extent)
    out = tmp_path / "bench.json"
    arguments = ["rollouts", "--quick", "--weights", str(weights), "--threads", "1", "--json", str(out)]
    result = CliRunner().invoke(bench, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    found = {row["name"]: row["value"] for row in json.loads(out.read_text())["rows"]}
    assert list(found) == [
        "rollouts.4x2_seconds", "rollouts.first_result_seconds", "rollouts.faster_than_single_steps",
        "rollouts.2x2_shared_seconds", "rollouts.spared",
    ]  # fmt: skip
    assert 0 < found["rollouts.first_result_seconds"] <= found["rollouts.4x2_seconds"]
    assert len(set(bench_rollouts.ACTIONS)) == 64
    assert len({first for first, *_ in bench_rollouts._apart(bench_rollouts.WHOLE)}) == 64
