"""The client with `await`. `sync.py` is the same without."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, overload
from urllib.parse import quote
from uuid import uuid4

from pandora.media import (
    Frame,
    ImageSource,
    check_film_suffix,
    encode_png,
    load_image,
    read_film,
    save_film,
)
from server.bodies import (
    EventList,
    EventView,
    Forks,
    ModelList,
    ModelView,
    NoveltyView,
    Parent,
    Receipt,
    SceneList,
    SceneView,
    StepsTaken,
    StepView,
    Tree,
    UploadView,
    WorldDetail,
    WorldList,
    WorldView,
)
from server.client.clip import AsyncClip
from server.client.events import Goal
from server.client.failure import InvalidRequest
from server.client.frame import LiveFrame
from server.client.goals import CandidateGoals, infer_goals
from server.client.plan import AsyncPlan, begin_plan
from server.client.rollout import AsyncRollout, Candidates, begin_rollout
from server.client.stream import AsyncStream
from server.client.transport import Transport
from server.goals.bodies import InferredGoals
from server.plans.bodies import PlannerName, Think

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT, PATIENCE = 600.0, 60.0
_AT_ONCE = 8  # frames that are fetched side by side


class AsyncClient:
    """A service. `timeout`: seconds for one answer; `patience`: seconds to wait in all where the service is busy."""

    def __init__(
        self, base_url: str = DEFAULT_URL, key: str | None = None, *, timeout: float = TIMEOUT,
        patience: float = PATIENCE,
    ):  # fmt: skip
        self.transport = Transport(base_url, key, timeout=timeout, patience=patience)
        self.worlds = AsyncWorlds(self)
        self._fps: float | None = None

    async def models(self) -> list[ModelView]:
        """The models that the service runs."""
        return (await self.transport.ask(ModelList, "GET", "/v1/models")).models

    async def scenes(self) -> list[SceneView]:
        """Start pictures that ship with the model."""
        return (await self.transport.ask(SceneList, "GET", "/v1/scenes")).scenes

    async def upload(self, image: ImageSource) -> UploadView:
        """Hand in a picture to begin worlds from: a path, the bytes of a file, a PIL image or an array."""
        content = await asyncio.to_thread(_picture, image)
        headers = {"Content-Type": "application/octet-stream"}
        return await self.transport.ask(UploadView, "POST", "/v1/uploads", content=content, headers=headers)

    async def infer_goals(
        self, goals: CandidateGoals, pictures: Sequence[ImageSource], *, readout: str,
        prior: Sequence[float] | None = None, beta: float | None = None, samples: int = 1, seed: int | None = None,
    ) -> InferredGoals:  # fmt: skip
        """Which of several goals somebody has who is seen in a film; waits. See `AsyncWorld.infer_goals`.

        `pictures` are those of the start and after each action, at least two; `readout` is the kind of world they show.
        """
        if len(pictures) < 2:
            raise InvalidRequest("Goals are told from two pictures at least: the start, and what followed an action.")
        first, *then = [(await self.upload(picture)).id for picture in pictures]
        return await infer_goals(
            self, goals, upload=first, pictures=then, readout=readout, prior=prior, beta=beta, samples=samples,
            seed=seed,
        )  # fmt: skip

    async def fps(self) -> float:
        """Frames a second of the model's films; asked for once."""
        if self._fps is None:
            self._fps = (await self.models())[0].fps
        return self._fps

    async def close(self) -> None:
        await self.transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncWorlds:
    """The caller's worlds."""

    def __init__(self, client: AsyncClient):
        self._client = client
        self._transport = client.transport

    async def create(
        self, *, scene: str | None = None, image: ImageSource | None = None, upload: str | None = None, seed: int = 0,
        name: str | None = None,
    ) -> "AsyncWorld":  # fmt: skip
        """Begin a world from a scene, a picture (as `AsyncClient.upload` takes it) or the id of an upload.

        `scene` is an id, or a kind of world, such as "blocks", whose first scene is taken.
        """
        options = {"seed": seed} | ({} if name is None else {"name": name})
        if image is not None:
            if scene is not None or upload is not None:
                raise InvalidRequest("A world begins from exactly one of `scene`, `image` and `upload`.")
            files = {"image": ("image", await asyncio.to_thread(_picture, image))}
            return await self._create(data=options, files=files)
        source = {key: value for key, value in (("scene", scene), ("upload", upload)) if value is not None}
        try:
            return await self._create(json=source | options)
        except InvalidRequest as failure:
            if scene is None or failure.code != "unknown_name":
                raise
            fitting = [known.id for known in await self._client.scenes() if known.world == scene]
            if not fitting:
                raise
        return await self._create(json={"scene": fitting[0]} | options)

    async def list(self) -> "list[AsyncWorld]":
        """All of them, oldest first."""
        found = await self._transport.ask(WorldList, "GET", "/v1/worlds")
        return [AsyncWorld(self._client, view) for view in found.worlds]

    async def get(self, world: str) -> "AsyncWorld":
        """By id. Raises NotFound."""
        return AsyncWorld(self._client, await self._transport.ask(WorldDetail, "GET", world_path(world)))

    async def _create(self, **request: Any) -> "AsyncWorld":
        return AsyncWorld(self._client, await self._transport.ask(WorldDetail, "POST", "/v1/worlds", **request))


class AsyncWorld:
    """A world. What it tells of itself is what the service said last; `refresh` asks again."""

    def __init__(self, client: AsyncClient, view: WorldView):
        self.client = client
        self.view = view
        self._transport = client.transport
        self._path = world_path(view.id)

    @property
    def id(self) -> str:
        return self.view.id

    @property
    def name(self) -> str:
        return self.view.name

    @property
    def head(self) -> int:
        """The step that the next action continues."""
        return self.view.head

    @property
    def parent(self) -> Parent | None:
        """Where this world left another, if it is a fork."""
        return self.view.parent

    @property
    def novelty(self) -> NoveltyView | None:
        """How unlike its start picture is to what the model knows; None for scenes, and where the model can't tell."""
        return self.view.novelty

    async def refresh(self, patience: float | None = None) -> WorldDetail:
        """What the service says of the world now, with the steps on its path."""
        self.view = detail = await self._transport.ask(WorldDetail, "GET", self._path, patience=patience)
        return detail

    async def act(self, *actions: str, expected_step: int | None = None) -> AsyncClip:
        """Apply actions one after another and wait until the last is committed.

        With `expected_step`, Conflict (and its `head`) where the world is at another step.
        """
        body: dict[str, Any] = {"actions": actions}
        if expected_step is not None:
            body["expected_step"] = expected_step
        taken = await self._transport.ask(StepsTaken, "POST", f"{self._path}/steps", json=body)
        self.view = taken.world
        return AsyncClip(self, taken.steps)

    async def hand_in(self, text: str, event_id: str | None = None) -> Receipt:
        """Hand in an action for those who watch, and don't wait; the newest replaces one that has not begun."""
        body = {"text": text, "event_id": event_id or uuid4().hex}
        return await self._transport.ask(Receipt, "POST", f"{self._path}/actions", json=body)

    @overload
    async def fork(
        self, count: None = None, *, step: int | None = None, seed: int | None = None, name: str | None = None
    ) -> "AsyncWorld": ...

    @overload
    async def fork(
        self, count: int, *, step: int | None = None, seed: int | None = None, name: str | None = None
    ) -> "list[AsyncWorld]": ...

    async def fork(
        self, count: int | None = None, *, step: int | None = None, seed: int | None = None, name: str | None = None
    ) -> "AsyncWorld | list[AsyncWorld]":
        """A new world that goes on from the head or any committed `step`; with `count`, a list of so many."""
        options = {"step": step, "seed": seed, "name": name, "count": None if count == 1 else count}
        body = {key: value for key, value in options.items() if value is not None}
        path = f"{self._path}/forks"
        if "count" in body:
            forks = await self._transport.ask(Forks, "POST", path, json=body)
            return [AsyncWorld(self.client, view) for view in forks.worlds]
        child = AsyncWorld(self.client, await self._transport.ask(WorldDetail, "POST", path, json=body))
        return child if count is None else [child]

    async def rewind(self, step: int) -> Self:
        """Move the head to any committed step; what runs or waits is cancelled."""
        self.view = await self._transport.ask(WorldDetail, "POST", f"{self._path}/rewind", json={"step": step})
        return self

    async def events(self, after: int = 0) -> list[EventView]:
        """The world's log, oldest first, without the first `after` entries."""
        found: list[EventView] = []
        while True:
            page = await self._transport.ask(EventList, "GET", f"{self._path}/events", params={"after": after})
            found += page.events
            if not page.events:
                return found
            after = page.next

    async def tree(self) -> Tree:
        """All worlds of this world's family, with all their steps."""
        return await self._transport.ask(Tree, "GET", f"{self._path}/tree")

    async def frame(self, step: int | None = None, index: int | None = None) -> Frame:
        """A frame of a step, the last of the head by default: (H, W, 3) uint8 RGB. The last one is exact."""
        path = f"{self._path}/frames/{self.head if step is None else step}"
        params = {} if index is None else {"frame": index}
        response = await self._transport.send("GET", path, params=params, headers={"Accept": "image/png"})
        return load_image(response.content)

    async def fetch_frames(self, step: StepView) -> list[LiveFrame]:
        """All frames of a step, as they went over the stream."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def fetch(index: int) -> LiveFrame:
            async with slots:
                path, params = f"{self._path}/frames/{step.step}", {"frame": index}
                response = await self._transport.send("GET", path, params=params)
            return LiveFrame(step=step.step, index=index, frames=step.frames, jpeg=response.content, replay=True)

        return list(await asyncio.gather(*(fetch(index) for index in range(step.frames))))

    async def recording(self, path: str | os.PathLike[str]) -> Path:
        """Write the film from the start picture to the head: .mp4, .gif, .webp, or a .png contact sheet."""
        path = Path(path)
        check_film_suffix(path)
        data = (await self._transport.send("GET", f"{self._path}/recording.mp4")).content
        await asyncio.to_thread(write_film, path, data)
        return path

    async def delete(self) -> None:
        """End the world; its forks live on."""
        await self._transport.send("DELETE", self._path)

    async def rollouts(
        self, candidates: Candidates | None = None, *, actions: Sequence[str] | None = None, horizon: int | None = None,
        goal: Goal | None = None, samples: int = 1, deadline: float | None = None, step: int | None = None,
        seed: int | None = None, sampling_steps: int | None = None, film: bool = False, facts: bool = False,
        text_state: bool = False, latents: bool = False, readout: str | None = None,
    ) -> AsyncRollout:  # fmt: skip
        """Imagine futures from the head or any committed `step`, while the world stays as it is; see AsyncRollout.

        `candidates` are lists of sentences, or else every sequence of `horizon` of `actions` is one. `goal` is facts,
        such as [("on", "red", "blue")], or a picture, as `AsyncClient.upload` takes it; a str is a goal in words. After
        `deadline` seconds the rest comes as far as it got.
        """
        return await begin_rollout(
            self.client, candidates, world=self.id, actions=actions, horizon=horizon, goal=goal, samples=samples,
            deadline_ms=None if deadline is None else max(1, round(deadline * 1000)), step=step, seed=seed,
            sampling_steps=sampling_steps, film=film, facts=facts, text_state=text_state, latents=latents,
            readout=readout,
        )  # fmt: skip

    async def plan(
        self, goal: Goal, *, planner: PlannerName | None = None, think: Think | None = None, limit: int | None = None,
        calls: int | None = None, seconds: float | None = None, samples: int = 1, verify: int | None = None,
        actions: Sequence[str] | None = None, deadline: float | None = None, step: int | None = None,
        seed: int | None = None, sampling_steps: int | None = None, readout: str | None = None,
    ) -> AsyncPlan:  # fmt: skip
        """Search for actions that reach a goal, from the head or any committed `step`; see AsyncPlan.

        The world stays as it is, until `AsyncPlan.apply`. `goal` is words, such as "the red block is on the blue
        block", facts, or a picture. At most `limit` actions, found with `calls` clips of the model and in `seconds`;
        each step is sampled `samples` times, and the plan rolled out `verify` times to say how sure it is. After
        `deadline` seconds the best so far is the answer. Only `actions` are taken, if they are given. With `think`
        "words" plans are sketched in words, and only what a sketch goes through is drawn.
        """
        budget = {name: value for name, value in (("calls", calls), ("seconds", seconds)) if value is not None}
        return await begin_plan(
            self, goal, planner=planner, think=think, limit=limit, budget=budget, samples=samples, verify=verify,
            actions=actions, deadline_ms=None if deadline is None else max(1, round(deadline * 1000)), step=step,
            seed=seed, sampling_steps=sampling_steps, readout=readout,
        )  # fmt: skip

    async def infer_goals(
        self, goals: CandidateGoals, *, prior: Sequence[float] | None = None, beta: float | None = None,
        samples: int = 1, step: int | None = None, seed: int | None = None, readout: str | None = None,
    ) -> InferredGoals:  # fmt: skip
        """Which of several goals somebody has by what was done up to the head, or any committed `step`; waits.

        Goals are words, such as "the red block is on the blue block", or facts. `prior` has a weight for
        each, all equal if None. `beta` is how rational they act.
        """
        return await infer_goals(
            self.client, goals, world=self.id, prior=prior, beta=beta, samples=samples, step=step, seed=seed,
            readout=readout,
        )  # fmt: skip

    def stream(self, resume_from: int | None = None) -> AsyncStream:
        """What happens from now on, or from step `resume_from` on, frame by frame; see AsyncStream."""
        return AsyncStream(self, resume_from)

    def __repr__(self) -> str:
        return f"<world {self.id} {self.name!r} at step {self.head}>"


def world_path(world: str) -> str:
    return f"/v1/worlds/{quote(world, safe='')}"


def _picture(image: ImageSource) -> bytes:
    """The bytes to send. A file goes as it is, for the service to judge."""
    if isinstance(image, str | os.PathLike):
        return Path(image).read_bytes()
    if isinstance(image, bytes):
        return image
    return encode_png(load_image(image))


def write_film(path: Path, mp4: bytes) -> None:
    """Write a film by its suffix; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=".pandora-") as folder:
        draft = Path(folder) / "film.mp4"
        draft.write_bytes(mp4)
        if path.suffix.lower() == ".mp4":
            draft.replace(path)
        else:
            save_film(path, *read_film(draft))
