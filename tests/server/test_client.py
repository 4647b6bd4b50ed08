"""The client against a real server, over lines that break."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from pandora.errors import UnknownName
from pandora.media import encode_png, load_image, read_film
from server.app import create_app
from server.client import (
    AccessDenied,
    AsyncClient,
    AsyncStream,
    AsyncWorld,
    AsyncWorlds,
    Client,
    Conflict,
    InvalidRequest,
    LiveFrame,
    NotFound,
    Overloaded,
    Stream,
    Unreachable,
    World,
    Worlds,
)
from server.client import stream as client_stream
from server.client.cli import world as commands
from server.engine.engine import Engine
from server.protocol import ClipEnd, ClipStart
from server.routes import stream as server_stream
from server.settings import Settings
from tests.server.conftest import make_picture, public_calls
from tests.server.wire import Wire, serve

FRAMES = 8
Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def port(settings: Settings, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serve(create_app(settings.but(data=tmp_path_factory.mktemp("data")), engine)) as port:
        yield port


@pytest.fixture
def service(port: int) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{port}") as client:
        yield client


@pytest.fixture
def far(wire: Wire) -> Iterator[Client]:
    """A client at the other end of the wire."""
    with Client(wire.address) as client:
        yield client


def moving(stream: Stream, last: int) -> list[tuple[int, int]]:
    """Step and index of all frames of clips, up to the end of step `last`."""
    found = []
    for frame in stream:
        if not frame.still:
            found.append((frame.step, frame.index))
            if frame.step == last and frame.last:
                return found
    raise AssertionError("the stream ended")


def all_frames(*steps: int) -> list[tuple[int, int]]:
    return list(product(steps, range(FRAMES)))


# --- without a server ---


def test_it_needs_neither_torch_nor_the_service() -> None:
    code = (
        "import sys, server.client.cli; assert not {'httpx', 'av', 'websockets'} & set(sys.modules);"
        "from server.client import *; from server.client import Client; Client().close();"
        "bad = {'torch', 'transformers', 'diffusers', 'fastapi', 'starlette', 'uvicorn', 'sqlalchemy'};"
        "print(*bad & set(sys.modules)); sys.exit(bool(bad & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def answering(answers: list[httpx.Response], asked: list[httpx.Request]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers.pop(0)

    return answer


def problem(status: int, code: str, **more: Any) -> httpx.Response:
    body = {"type": "", "title": "", "status": status, "detail": "Not now.", "code": code, "instance": ""}
    return httpx.Response(status, json=body | more)


async def test_what_is_busy_is_asked_again() -> None:
    async with AsyncClient("http://test", "pk_1", patience=1.5) as client:
        asked: list[httpx.Request] = []
        answers = [
            problem(429, "too_many_waiting", retry_after=1),
            httpx.Response(502),
            httpx.Response(200, json={"models": []}),
        ]
        client.transport._http = httpx.AsyncClient(
            base_url="http://test", transport=httpx.MockTransport(answering(answers, asked)),
            headers=client.transport.headers,
        )  # fmt: skip
        assert await client.models() == []
        assert len(asked) == 3
        assert asked[0].headers["authorization"] == "Bearer pk_1"

        answers += [problem(503, "not_ready"), problem(429, "too_many_worlds", retry_after=30)]
        with pytest.raises(Overloaded) as caught:
            await client.worlds.create(image=encode_png(make_picture(0)))
        assert (caught.value.code, caught.value.retry_after, caught.value.status) == ("too_many_worlds", 30, 429)
        first, second = asked[3:]
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
        assert first.content == second.content

        answers.append(httpx.Response(418, text="<html>"))
        with pytest.raises(Exception, match="418") as other:
            await client.scenes()
        assert other.value.code == "service_failure"  # type: ignore[attr-defined]


def test_addresses_that_are_none() -> None:
    with pytest.raises(InvalidRequest, match="http://"):
        Client("localhost:8000")
    with Client("http://127.0.0.1:9", patience=0) as client, pytest.raises(Unreachable, match="pandora serve"):
        client.scenes()
    with pytest.raises(RuntimeError, match="closed"):
        client.scenes()


@pytest.mark.parametrize(
    ("plain", "waiting"), [(Client, AsyncClient), (Worlds, AsyncWorlds), (World, AsyncWorld), (Stream, AsyncStream)]
)
def test_both_faces_are_alike(plain: type, waiting: type) -> None:
    hidden = {"refresh", "fetch_frames"}  # with what the stream needs besides
    assert {name: taken for name, taken in public_calls(waiting).items() if name not in hidden} == {
        name: taken for name, taken in public_calls(plain).items() if name not in hidden
    }


# --- over HTTP ---


def test_a_world_from_begin_to_end(service: Client, tmp_path: Path) -> None:
    world = service.worlds.create(scene="tower", seed=7, name="mine")
    assert (world.name, world.head, world.parent) == ("mine", 0, None)
    clip = world.act("pick up the red block")
    assert (clip.step, clip.world.head, len(clip.frames)) == (1, 1, FRAMES)
    assert all(frame.shape == (128, 128, 3) and frame.dtype == np.uint8 for frame in clip.frames)
    assert clip.frames is clip.frames
    several = world.act("wait", "put it down", expected_step=1)
    assert [step.step for step in several.steps] == [2, 3]
    assert len(several.frames) == 2 * FRAMES
    assert np.abs(world.frame(3).astype(int) - several.frames[-1]).mean() < 12  # exact, and a JPEG
    assert np.array_equal(world.frame(3, 2), several.frames[FRAMES + 2])
    film, rate = read_film(several.save(tmp_path / "clip.mp4"))
    assert (len(film), rate) == (2 * FRAMES, service.fps())
    assert several.save(tmp_path / "sheet.png").stat().st_size
    assert len(read_film(world.recording(tmp_path / "all.mp4"))[0]) == 1 + 3 * FRAMES
    assert len(read_film(world.recording(tmp_path / "all.gif"))[0]) == 1 + 3 * FRAMES
    assert {path.name for path in tmp_path.iterdir()} == {"clip.mp4", "sheet.png", "all.mp4", "all.gif"}
    with pytest.raises(UnknownName):
        world.recording(tmp_path / "all.avi")

    assert world.rewind(1).head == 1
    assert [event.type for event in world.events()] == ["created", *["committed"] * 3, "rewound"]
    assert len(world.events(after=4)) == 1
    assert [step.on_path for step in world.tree().worlds[0].steps] == [True, True, False, False]
    assert world.id in [known.id for known in service.worlds.list()]
    assert service.worlds.get(world.id).refresh().head == 1
    world.delete()
    with pytest.raises(NotFound) as caught:
        world.act("wait")
    assert caught.value.code == "unknown_world"


def test_forks(service: Client) -> None:
    world = service.worlds.create(scene="tower")
    world.act("wait")
    one, eight = world.fork(), world.fork(8, step=0, seed=3)
    assert one.parent is not None
    assert (one.head, one.parent.world) == (1, world.id)
    assert [fork.head for fork in eight] == [0] * 8
    assert len({fork.id for fork in eight}) == 8
    assert [fork.id for fork in world.fork(1)] != [world.id]
    assert eight[0].act("wait").step == 1
    assert len(world.tree().worlds) == 1 + 1 + 8 + 1


def test_beginnings(service: Client, tmp_path: Path) -> None:
    picture = make_picture(3)
    path = tmp_path / "picture.png"
    path.write_bytes(encode_png(picture))
    sources = (path, str(path), path.read_bytes(), picture)
    begun = [service.worlds.create(image=image, seed=1, name="from a picture").frame() for image in sources]
    assert all(np.array_equal(frame, begun[0]) for frame in begun)
    upload = service.upload(picture)
    assert (upload.width, upload.height) == (128, 128)
    assert service.worlds.create(upload=upload.id).head == 0
    assert service.worlds.create(scene="blocks").name == "A tower"  # the first scene of that kind of world
    with pytest.raises(InvalidRequest, match="tower"):
        service.worlds.create(scene="nowhere")
    with pytest.raises(InvalidRequest, match="exactly one"):
        service.worlds.create(scene="tower", image=path)
    with pytest.raises(InvalidRequest):
        service.worlds.create(image=b"no picture")
    assert {scene.id for scene in service.scenes()} == {"tower", "row"}
    assert service.models()[0].frames_per_action == FRAMES


def test_refusals(service: Client) -> None:
    world = service.worlds.create(scene="tower")
    with pytest.raises(InvalidRequest) as invalid:
        world.act("")
    assert invalid.value.code == "invalid_action"
    world.act("wait")
    with pytest.raises(Conflict) as conflict:
        world.act("wait", expected_step=0)
    assert (conflict.value.code, conflict.value.head) == ("step_conflict", 1)
    with pytest.raises(NotFound):
        world.rewind(9)
    with pytest.raises(NotFound):
        service.worlds.get("../scenes")


def test_an_answer_that_was_lost_is_not_made_twice(far: Client, wire: Wire) -> None:
    wire.swallowed = 1
    world = far.worlds.create(scene="tower")
    assert len([known for known in far.worlds.list() if known.name == world.name and known.id == world.id]) == 1
    wire.swallowed = 1
    assert world.act("wait", "put it down").step == 2
    assert world.refresh().head == 2
    wire.swallowed = 1
    assert len(world.fork(3)) == 3
    assert len(world.tree().worlds) == 1 + 3


def test_keys(settings: Settings, engine: Engine, kept: Path) -> None:
    app = create_app(settings.but(data=kept, require_keys=True), engine)
    key = app.state.service.access.keys.create("somebody")
    with serve(app) as port:
        address = f"http://127.0.0.1:{port}"
        with Client(address) as stranger, pytest.raises(AccessDenied):
            stranger.worlds.list()
        with Client(address, key) as client:
            world = client.worlds.create(scene="tower")
            with world.stream() as live:
                live.hand_in("wait")
                assert moving(live, 1) == all_frames(1)
                assert app.state.service.access.keys.all()


async def test_the_same_with_await(port: int, tmp_path: Path) -> None:
    async with AsyncClient(f"http://127.0.0.1:{port}") as client:
        world = await client.worlds.create(scene="tower")
        clip = await world.act("wait")
        assert len(await clip.frames()) == FRAMES
        assert (await clip.save(tmp_path / "clip.webp")).exists()
        first, second = await world.fork(2)
        assert first.head == second.head == 1
        seen = []
        async with world.stream() as live:
            await live.hand_in("put it down")
            async for frame in live:
                seen.append((frame.step, frame.index, frame.still))
                if frame.step == 2 and frame.last:
                    break
        assert seen == [(1, 0, True), *((2, index, False) for index in range(FRAMES))]


# --- live ---


def test_a_stream(service: Client) -> None:
    world = service.worlds.create(scene="tower")
    with world.stream() as live:
        still = next(live)
        assert (still.step, still.still, still.last, still.array.shape) == (0, True, True, (128, 128, 3))
        live.hand_in("pick up the red block")
        frames = [next(live) for _ in range(FRAMES)]
        assert [(frame.step, frame.index) for frame in frames] == all_frames(1)
        assert np.array_equal(frames[3].array, world.frame(1, 3))
        with pytest.raises(InvalidRequest):
            live.hand_in("")
        world.act("wait")
        assert moving(live, 2) == all_frames(2)
        world.rewind(1)
        assert (next(live).step, world.head) == (1, 1)
        world.delete()
        assert list(live) == []
    with pytest.raises(NotFound), world.stream() as live:
        next(live)


def test_from_a_step_on(service: Client) -> None:
    world = service.worlds.create(scene="tower")
    world.act("wait", "put it down")
    with world.stream(resume_from=0) as live:
        frame = next(live)
        assert (frame.step, frame.index, frame.replay) == (1, 0, True)
        assert moving(live, 2) == all_frames(1, 2)[1:]


def test_a_stream_that_breaks_loses_and_doubles_nothing(service: Client, far: Client, wire: Wire) -> None:
    world = service.worlds.create(scene="tower")
    size = len(httpx.get(f"{far._client.transport.base_url}/v1/worlds/{world.id}/frames/0").content)
    wire.cuts = [size // 2, 4 * size, 11 * size, 14 * size, 9 * size]
    actions = ["wait", "pick up the red block", "put it down", "wait", "pick up the blue block", "wait"]
    with far.worlds.get(world.id).stream() as live, ThreadPoolExecutor(1) as acting:
        done = acting.submit(world.act, *actions)
        assert moving(live, 6) == all_frames(*range(1, 7))
        assert done.result(20).step == 6
    assert wire.sockets >= 5


def test_each_clip_is_told_once(service: Client, far: Client, wire: Wire) -> None:
    world = service.worlds.create(scene="tower")
    seen = []
    with far.worlds.get(world.id).stream() as live:
        for number in range(1, 5):
            world.act("wait")
            while (item := live.next()) is not None:
                if not isinstance(item, LiveFrame):
                    seen += [(type(item), item.step)] if isinstance(item, ClipStart | ClipEnd) else []
                elif item.step == number and item.index == 3:
                    wire.cut()
                elif item.step == number and item.last:
                    break
        world.delete()
        while (item := live.next()) is not None:
            seen += [(type(item), item.step)] if isinstance(item, ClipStart | ClipEnd) else []
    assert seen == [(kind, number) for number in range(1, 5) for kind in (ClipStart, ClipEnd)]


def test_a_long_absence(service: Client, far: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """More was committed than the service sends again."""
    monkeypatch.setattr(server_stream, "REPLAYED_CLIPS", 1)
    world = service.worlds.create(scene="tower")
    with far.worlds.get(world.id).stream() as live:
        assert next(live).still
        wire.cut()
        clip = world.act("wait", "put it down", "wait", "wait")
        frames = [next(live) for _ in range(4 * FRAMES)]
    assert [(frame.step, frame.index) for frame in frames] == all_frames(1, 2, 3, 4)
    assert all(np.array_equal(frame.array, same) for frame, same in zip(frames, clip.frames, strict=True))


def test_a_rewind_in_absence(service: Client, far: Client, wire: Wire) -> None:
    world = service.worlds.create(scene="tower")
    with far.worlds.get(world.id).stream() as live:
        world.act("wait", "wait")
        moving(live, 2)
        wire.cut()
        world.rewind(1).act("put it down")
        assert moving(live, 3) == all_frames(3)
        wire.cut()
        world.rewind(0)
        still = next(live)
        assert (still.step, still.still) == (0, True)
        wire.cut()
        world.delete()
        assert list(live) == []


def test_the_service_restarts(settings: Settings, engine: Engine, kept: Path, wire: Wire) -> None:
    seen: list[tuple[int, int]] = []
    with Client(wire.address) as client:
        live = None
        for turn in range(2):
            with serve(create_app(settings.but(data=kept), engine)) as port:
                wire.port = port
                if live is None:
                    world = client.worlds.create(scene="tower")
                    live = world.stream()
                live.hand_in("wait")
                seen += moving(live, turn + 1)
        assert seen == all_frames(1, 2)


def test_a_service_that_is_gone(far: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_stream, "BREAKS", 1)
    with far.worlds.create(scene="tower").stream() as live:
        next(live)
        wire.close()
        with pytest.raises(Unreachable):
            next(live)


# --- the command line ---


@pytest.fixture
def cli(port: int) -> Cli:
    def run(*arguments: str, code: int = 0) -> Any:
        result = CliRunner().invoke(commands, [*arguments, "--url", f"http://127.0.0.1:{port}"])
        assert result.exit_code == code, result.output
        return result

    return run


def test_commands(cli: Cli, service: Client, tmp_path: Path) -> None:
    world = cli("create", "--scene", "blocks", "--name", "from a shell").stdout.strip()
    assert f"{world}  step 0" in cli("list").stdout
    film = tmp_path / "clip.gif"
    told = cli("act", world, "pick up the red block", "wait", "-o", str(film))
    assert [line.split("  ")[0].strip() for line in told.stdout.splitlines()] == ["step 1", "step 2"]
    assert len(read_film(film)[0]) == 2 * FRAMES
    assert json.loads(cli("act", world, "wait", "--json").stdout)[0]["step"] == 3
    forks = cli("fork", world, "-n", "3", "--step", "1").stdout.split()
    assert [service.worlds.get(fork).head for fork in forks] == [1, 1, 1]
    cli("rewind", world, "1")
    assert cli("save", world, str(tmp_path / "all.mp4")).stdout.strip() == str(tmp_path / "all.mp4")
    assert len(read_film(tmp_path / "all.mp4")[0]) == 1 + FRAMES
    cli("delete", *forks)
    views = json.loads(cli("list", "--json").stdout)
    assert world in [view["id"] for view in views]
    assert not set(forks) & {view["id"] for view in views}


def test_watching(cli: Cli, service: Client, tmp_path: Path) -> None:
    world: World = service.worlds.create(scene="tower")
    told = cli("watch", world.id, "-a", "wait", "-a", "put it down", "--frames", str(tmp_path))
    assert [line.split("  ")[0].strip() for line in told.stdout.splitlines()] == ["step 1", "step 2"]
    assert len(list(tmp_path.glob("*.jpg"))) == 1 + 2 * FRAMES
    assert load_image(tmp_path / "000002-007.jpg").shape == (128, 128, 3)
    told = cli("watch", world.id, "--resume-from", "0", "-a", "wait", "--json")
    kinds = [json.loads(line)["type"] for line in told.stdout.splitlines()]
    assert kinds.count("clip.end") == 3


def test_exit_codes(cli: Cli, service: Client) -> None:
    world = service.worlds.create(scene="tower")
    world.act("wait")
    assert "There is no such world" in cli("act", "nope", "wait", code=3).stderr
    cli("act", world.id, "wait", "--expected-step", "0", code=4)
    cli("act", world.id, "", code=2)
    cli("create", code=2)
    result = CliRunner().invoke(commands, ["list", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 5
    assert "does not answer" in result.stderr
