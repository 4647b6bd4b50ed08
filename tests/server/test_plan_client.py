"""Plans through the client, over lines that break; and from the shell."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pandora.media import read_film
from server.app import create_app
from server.client import (
    AsyncClient,
    AsyncPlan,
    AsyncPlanNode,
    Client,
    Conflict,
    InvalidRequest,
    NotFound,
    Plan,
    PlanNode,
    World,
)
from server.client.cli import world as commands
from server.engine.engine import Engine
from server.settings import Settings
from tests.server.conftest import public_calls
from tests.server.ruled import Ruled
from tests.server.test_plans import GOAL, PLAN
from tests.server.wire import Wire, serve


@pytest.fixture
def port(scenes: Path, ruled_engine: Engine, kept: Path) -> Iterator[int]:
    with serve(create_app(Settings(weights=scenes, device="cpu", data=kept), ruled_engine)) as port:
        yield port


@pytest.fixture
def far(wire: Wire) -> Iterator[World]:
    """A world at the other end of the wire."""
    with Client(wire.address) as client:
        yield client.worlds.create(scene="blocks-three", seed=7)


@pytest.mark.parametrize(("plain", "waiting"), [(PlanNode, AsyncPlanNode), (Plan, AsyncPlan)])
def test_both_faces_are_alike(plain: type, waiting: type) -> None:
    assert public_calls(waiting) == public_calls(plain)


def test_a_plan_is_watched_and_played(far: World, tmp_path: Path) -> None:
    plan = far.plan(GOAL["text"])
    assert plan.found is None or plan.view.status == "complete"
    nodes = list(plan)
    assert [node.id for node in nodes] == list(range(7))
    assert [node.id for node in plan.nodes] == [node.id for node in nodes]
    assert (nodes[0].action, nodes[0].parent, nodes[0].depth, nodes[0].value) == (None, None, 0, 0.0)
    assert (nodes[-1].reached or nodes[-2].reached or nodes[-3].reached) is True
    assert ("hand", "empty") in (nodes[0].facts() or ())
    assert nodes[1].frame().shape == (128, 128, 3)
    assert (plan.found, plan.actions, plan.value, plan.confidence) == (True, PLAN, 1.0, 1.0)
    assert far.refresh().head == 0
    frames = plan.frames()
    assert len(frames) == 3
    film, _ = read_film(plan.save(tmp_path / "plan.mp4"))
    assert len(film) == 16
    clip = plan.apply()
    assert (clip.step, far.head) == (2, 2)
    assert np.array_equal(clip.frames[-1], frames[-1])
    with pytest.raises(Conflict) as moved:
        plan.apply()
    assert moved.value.head == 2
    done = far.plan(GOAL["text"])
    with pytest.raises(Conflict, match="nothing to do"):
        done.apply()
    with pytest.raises(NotFound):
        done.save(tmp_path / "none.mp4")
    early = far.plan(GOAL["text"], step=0)
    with pytest.raises(Conflict):
        early.apply()


def test_a_line_that_breaks_loses_no_state(far: World, wire: Wire) -> None:
    plan = far.plan([("on", "red", "blue"), ("on", "blue", "yellow")], limit=4, verify=0)
    found = []
    for node in plan:
        found.append(node.id)
        if len(found) % 4 == 0:
            wire.cut()
    assert found == list(range(len(plan.refresh().tree)))
    assert plan.found


def test_nothing_found_is_nothing_played(far: World) -> None:
    plan = far.plan(GOAL["text"], limit=1, calls=50, actions=["wait"]).wait()
    assert (plan.found, plan.confidence, plan.view.status) == (False, 0.0, "complete")
    with pytest.raises(Conflict, match="No plan"):
        plan.apply()
    assert far.refresh().head == 0
    with pytest.raises(InvalidRequest, match="can't be read"):
        far.plan("a nice tower")


def test_cancel_and_deadline(far: World, ruled: Ruled) -> None:
    ruled.slow.set()
    plan = far.plan(GOAL["text"])
    plan.cancel()
    assert list(plan)[1:] == []
    with pytest.raises(NotFound):
        plan.refresh()
    late = far.plan(GOAL["text"], deadline=0.2).wait()
    assert (late.found, late.view.status, late.view.code) == (False, "partial", "deadline")


async def test_with_await(port: int) -> None:
    async with AsyncClient(f"http://127.0.0.1:{port}") as client:
        world = await client.worlds.create(scene="blocks-three")
        plan = await world.plan([("holding", "red")], planner="breadth_first", verify=2)
        nodes = [node async for node in plan]
        assert (await nodes[0].frame()).shape == (128, 128, 3)
        assert (plan.found, plan.actions) == (True, PLAN[:1])
        assert (await plan.apply()).step == 1
        await plan.close()


# --- from the shell --------------------------------------------------------------------------------------------------


def test_from_the_shell(port: int, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(commands, [*arguments, "--url", f"http://127.0.0.1:{port}"])
        return done.exit_code, done.stdout, done.stderr

    world = run("create", "--scene", "blocks-three")[1].strip()
    code, told, said = run("plan", world, GOAL["text"], "-o", str(tmp_path / "plan.mp4"))
    assert (code, told.splitlines()) == (0, PLAN)
    assert "confidence 1.00" in said
    assert len(read_film(tmp_path / "plan.mp4")[0]) == 16
    code, told, said = run("plan", world, "--fact", "holding red", "--verify", "0", "--apply", "--json")
    assert code == 0
    assert json.loads(told)["actions"] == PLAN[:1]
    assert "the world is at step 1" in said
    code, told, said = run("plan", world, "--fact", "holding red")
    assert (code, told) == (0, "")
    assert "reached already" in said
    code, told, said = run("plan", world, "the yellow block is on the red block", "-a", "wait", "--limit", "2")
    assert code == 1
    assert "no plan was found" in said
    assert run("plan", world)[0] == 2
    assert run("plan", world, GOAL["text"], "--fact", "holding red")[0] == 2
    assert run("plan", world, "a nice tower")[0] == 2
    assert run("plan", "nothing", GOAL["text"])[0] == 3
