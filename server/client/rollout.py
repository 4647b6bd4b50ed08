"""Futures that the service imagines from a step of a world, as they are complete."""

import asyncio
import base64
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from safetensors.numpy import load

from pandora.media import Frame, check_film_suffix, load_image
from server.client.events import AsyncEvents, Goal, goal_body
from server.client.failure import InvalidRequest, NotFound
from server.rollouts.bodies import FutureTold, FutureView, RolloutEnded, RolloutEvent, RolloutView, Status

if TYPE_CHECKING:
    from server.client.aio import AsyncClient

Candidates = Iterable[str | Sequence[str]]

_event: TypeAdapter[RolloutEvent] = TypeAdapter(RolloutEvent)


class AsyncFuture:
    """One candidate, imagined. What is asked of a sample is by default that of sample 0, of what would happen."""

    def __init__(self, client: "AsyncClient", view: FutureView):
        self.view = view
        self._client = client

    @property
    def index(self) -> int:
        """Of the candidate."""
        return self.view.index

    @property
    def actions(self) -> list[str]:
        return self.view.actions

    @property
    def complete(self) -> bool:
        return self.view.complete

    @property
    def score(self) -> float | None:
        """Mean over the samples; None without a goal, or where it can't be said."""
        return None if self.view.score is None else self.view.score.value

    @property
    def confidence(self) -> float:
        """How much the score can be trusted, 0..1."""
        return 0.0 if self.view.score is None else self.view.score.confidence

    def facts(self, sample: int = 0) -> frozenset[tuple[str, ...]] | None:
        """What the last frame shows; None where it can't be read, or facts were not asked for."""
        found = self.view.samples[sample].facts
        return None if found is None else frozenset(map(tuple, found))

    def text_state(self, sample: int = 0) -> str | None:
        """What it shows in the model's own words; None where they were not asked for, or nothing was imagined."""
        said = self.view.samples[sample].text_state
        return None if said is None else said.text

    async def frame(self, sample: int = 0) -> Frame:
        """The last frame: (H, W, 3) uint8 RGB. Raises NotFound where nothing was imagined."""
        view = self.view.samples[sample]
        if view.frame is not None:
            return load_image(base64.b64decode(view.frame))
        return load_image((await self._client.transport.send("GET", _there(view.frame_url))).content)

    async def latents(self, sample: int = 0) -> NDArray[np.float32]:
        """The latent frames it ended with, (C, L, h, w). Raises NotFound unless latents were asked for."""
        url = _there(self.view.samples[sample].latents_url)
        return load((await self._client.transport.send("GET", url)).content)["latents"]

    async def save(self, path: str | os.PathLike[str], sample: int = 0) -> Path:
        """Write the film: .mp4, .gif, .webp, or a .png contact sheet. Raises NotFound unless films were asked for."""
        from server.client.aio import write_film

        check_film_suffix(path := Path(path))
        data = (await self._client.transport.send("GET", _there(self.view.samples[sample].film_url))).content
        await asyncio.to_thread(write_film, path, data)
        return path

    def __repr__(self) -> str:
        told = "" if self.score is None else f", {self.score:.2f}"
        return f"<future {self.index}: {'; '.join(self.actions)}{told}{'' if self.complete else ', not complete'}>"


class AsyncRollout(AsyncEvents[AsyncFuture]):
    """`async for future in rollout` until the rollout ends; it goes on where it was after a break."""

    def __init__(self, client: "AsyncClient", view: RolloutView):
        super().__init__(client, f"/v1/rollouts/{view.id}")
        self.view = view

    @property
    def id(self) -> str:
        return self.view.id

    @property
    def futures(self) -> list[AsyncFuture]:
        """So far, in the order of their ends."""
        return self._items

    @property
    def best(self) -> AsyncFuture | None:
        """The complete future with the highest score so far; None without a goal."""
        told = [future for future in self.futures if future.complete and future.score is not None]
        return max(told, key=lambda future: (future.score or 0.0, future.confidence, -future.index), default=None)

    async def refresh(self) -> RolloutView:
        """What the service says of the rollout now."""
        self.view = await self._client.transport.ask(RolloutView, "GET", self._path)
        return self.view

    def _is_running(self) -> bool:
        return self.view.status == "running"

    def _end(self, status: Status) -> None:
        self.view = self.view.model_copy(update={"status": status})

    def _take(self, line: str) -> AsyncFuture | None:
        told = _event.validate_json(line)
        if isinstance(told, RolloutEnded):
            self.view = self.view.model_copy(update=told.model_dump(exclude={"type"}))
        return AsyncFuture(self._client, told.future) if isinstance(told, FutureTold) else None

    def __repr__(self) -> str:
        return f"<rollout {self.id}: {len(self.futures)} of {self.view.candidates} futures, {self.view.status}>"


async def begin_rollout(
    client: "AsyncClient",
    candidates: Candidates | None,
    *,
    goal: Goal | None,
    film: bool,
    facts: bool,
    text_state: bool,
    latents: bool,
    **options: Any,
) -> AsyncRollout:
    """Have the service begin; a goal picture is uploaded. Raises ServiceFailure."""
    body = {name: value for name, value in options.items() if value is not None}
    if isinstance(candidates, str):
        raise InvalidRequest(f"Candidates are a list; one sentence alone is [{candidates!r}].")
    if candidates is not None:
        body["candidates"] = [[one] if isinstance(one, str) else list(one) for one in candidates]
    if goal is not None:
        body["goal"] = await goal_body(client, goal)
    body["outputs"] = {
        "frame": "inline", "film": film, "facts": facts, "text_state": text_state, "latents": latents
    }  # fmt: skip
    return AsyncRollout(client, await client.transport.ask(RolloutView, "POST", "/v1/rollouts", json=body))


def _there(url: str | None) -> str:
    if url is None:
        raise NotFound("This future has no such thing: nothing was imagined, or it was not asked for.")
    return url
