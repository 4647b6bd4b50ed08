"""Rollouts: futures of a state, imagined side by side; no world is touched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection

from pandora.errors import InvalidInput, UnknownName
from pandora.futures import Judge
from pandora.media import load_image
from pandora.rollout import Tree
from pandora.scoring import FactsGoal, ImageGoal, Readout, Scorer, goal_in_words, readout_of
from server.accounting import note
from server.errors import IncompatibleModel, RolloutTooLarge
from server.limits import MAX_CANDIDATES
from server.openapi import LINES
from server.recording import film
from server.rollouts.bodies import (
    BeginRollout,
    FutureTold,
    Goal,
    ProgressTold,
    RolloutEnded,
    RolloutEvent,
    RolloutView,
)
from server.rollouts.job import Asked, RolloutJob, Seen, Work
from server.service import Service, get_service
from server.users.access import get_principal
from server.users.principal import Principal

if TYPE_CHECKING:
    from pandora.types import WorldState

router = APIRouter(prefix="/rollouts", tags=["rollouts"])
TheService = Annotated[Service, Depends(get_service)]
ThePrincipal = Annotated[Principal, Depends(get_principal)]

HEARTBEAT = 1.0  # seconds between lines of the events at most
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Lines, each of them one of these.", "model": RolloutEvent}
}
_IMAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}
_MP4: dict[int | str, dict[str, Any]] = {200: {"content": {"video/mp4": {}}}}


class Lines(StreamingResponse):
    """JSON objects, one a line."""

    media_type = LINES


async def get_rollout(
    connection: HTTPConnection, rollout_id: str, principal: Annotated[Principal, Depends(get_principal)]
) -> RolloutJob:
    """For `Depends`. Raises UnknownRollout, also for rollouts of others."""
    return (await get_service(connection)).rollouts.find(rollout_id, principal.owner)


TheRollout = Annotated[RolloutJob, Depends(get_rollout)]


@router.post("", status_code=202)
async def begin_rollout(
    body: BeginRollout, response: Response, service: TheService, principal: ThePrincipal
) -> RolloutView:
    """Imagine many futures of a world, a scene or an upload; they come on `/events` as they are complete."""
    service.store.check_open()
    candidates = _candidates(service, body)
    with service.rollouts.room(principal.owner):
        start = await _start(service, principal, body)
        readout = await _readout(body, start.kind)
        scorer = await _scorer(service, principal, body.goal, readout, start.state)
        tree = await anyio.to_thread.run_sync(Tree, start.state, candidates, body.samples)
        judge = Judge(readout=readout if body.outputs.facts else None, scorers={"goal": scorer} if scorer else {})
        asked = Asked(
            owner=principal.owner,
            tree=tree,
            judge=judge,
            think=partial(_think, service, isinstance(scorer, ImageGoal)),
            outputs=body.outputs,
            sampling_steps=body.sampling_steps or service.settings.sampling_steps,
            deadline=None if body.deadline_ms is None else body.deadline_ms / 1000,
            world=body.world,
            step=start.step,
        )
        job = service.rollouts.begin(asked)
    response.headers["Location"] = f"/v1/rollouts/{job.id}"
    return view(job)


@router.get("/{rollout_id}")
async def read_rollout(job: TheRollout) -> RolloutView:
    """How far a rollout is, and the futures so far."""
    return view(job)


@router.delete("/{rollout_id}", status_code=204)
async def delete_rollout(job: TheRollout, service: TheService) -> None:
    """Stop a rollout and forget it; who listens to its events hears the end."""
    service.rollouts.delete(job)


@router.get("/{rollout_id}/events", response_class=Lines, responses=_EVENTS)
async def read_rollout_events(
    job: TheRollout, after: Annotated[int, Query(ge=0, le=MAX_CANDIDATES, description="skip so many futures")] = 0
) -> Lines:
    """Futures as they are complete, then the end: one JSON object a line."""
    return Lines(_lines(job, after), headers={"Cache-Control": "no-store"})


@router.get("/{rollout_id}/futures/{index}/frame", response_class=Response, responses=_IMAGE)
async def read_future_frame(job: TheRollout, index: int, sample: Annotated[int, Query(ge=0)] = 0) -> Response:
    """The last frame of a sample of a future, JPEG."""
    return Response(job.frame(index, sample), media_type="image/jpeg")


@router.get("/{rollout_id}/futures/{index}/film.mp4", response_class=Response, responses=_MP4)
async def read_future_film(
    job: TheRollout, index: int, service: TheService, sample: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """The film of a sample of a future, where films were asked for."""
    clips = job.film(index, sample)
    data = await anyio.to_thread.run_sync(film, clips, service.engine.model.config.fps, limiter=service.decoding)
    return Response(data, media_type="video/mp4", headers={"Content-Disposition": 'inline; filename="future.mp4"'})


def view(job: RolloutJob) -> RolloutView:
    tree = job.asked.tree
    return RolloutView(
        id=job.id, status=job.status, code=job.code, world=job.asked.world, step=job.asked.step,
        candidates=len(tree.candidates), samples=tree.samples, done=tree.done, total=tree.total, spared=tree.spared,
        created_at=job.created_at, expires_at=job.expires_at, best=job.best,
        futures=[seen.view for seen in job.futures],
    )  # fmt: skip


async def _lines(job: RolloutJob, sent: int) -> AsyncIterator[str]:
    tree = job.asked.tree
    while True:
        news, is_over = job.news, job.is_over
        fresh = job.futures[sent:]
        sent += len(fresh)
        for seen in fresh:
            yield FutureTold(done=tree.done, total=tree.total, future=seen.view).model_dump_json() + "\n"
        if is_over:
            ended = RolloutEnded(status=job.status, code=job.code, best=job.best, done=tree.done, total=tree.total)
            yield ended.model_dump_json() + "\n"
            return
        if not fresh:
            yield ProgressTold(done=tree.done, total=tree.total).model_dump_json() + "\n"
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT):
                await news.wait()


# --- what a rollout is made of ---


def _candidates(service: Service, body: BeginRollout) -> list[list[str]]:
    """What is to be imagined, tidied. Raises InvalidInput, InvalidAction, RolloutTooLarge."""
    model = service.engine.model
    if (body.candidates is None) == (body.actions is None):
        raise InvalidInput("A rollout takes either `candidates`, or `actions` and a `horizon` to make them of.")
    if body.actions is not None:
        actions = list(dict.fromkeys(model.check_action(text) for text in body.actions))
        if len(actions) ** body.horizon > MAX_CANDIDATES:
            raise RolloutTooLarge(
                f"{len(actions)} actions over {body.horizon} steps make too many candidates: {MAX_CANDIDATES} "
                "are the most that is allowed. Take fewer actions or a shorter horizon."
            )
        candidates = [list(sequence) for sequence in product(actions, repeat=body.horizon)]
    else:
        known = {text: model.check_action(text) for candidate in body.candidates or [] for text in candidate}
        candidates = [[known[text] for text in candidate] for candidate in body.candidates or []]
    beginnings = {tuple(candidate[:length]) for candidate in candidates for length in range(1, len(candidate) + 1)}
    steps, most = len(beginnings) * body.samples, service.settings.max_rollout_steps
    if steps > most:
        raise RolloutTooLarge(
            f"This rollout has {steps:,} steps; at most {most:,} are allowed. Ask for less at a time."
        )
    return candidates


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """The state to begin from, which committed step it is, and the kind of its world, where these are known."""

    state: "WorldState"
    step: int | None = None
    kind: str | None = None


async def _start(service: Service, principal: Principal, body: BeginRollout) -> Start:
    """Raises InvalidInput, UnknownWorld, UnknownStep, UnknownUpload, UnknownName, IncompatibleModel."""
    if sum(source is not None for source in (body.world, body.scene, body.upload)) != 1:
        raise InvalidInput("A rollout begins from exactly one of: a world, a scene, an upload.")
    if body.step is not None and body.world is None:
        raise InvalidInput("`step` names a committed step of a `world`; scenes and uploads have none.")
    if body.world is not None:
        session = await service.sessions.find(body.world, principal.owner)
        note(world=body.world)
        step = session.world.step(body.step)
        if step.model != service.engine.model.fingerprint:
            raise IncompatibleModel
        state = await session.state(step.number)
        known = service.scenes.get(session.world.scene or "")
        seed = session.world.seed if body.seed is None else body.seed
        return Start(state=state.fork(seed), step=step.number, kind=known.world if known else None)
    kind = None
    if body.scene is not None:
        if body.scene not in service.scenes:
            raise UnknownName("scene", body.scene, service.scenes)
        scene = service.scenes[body.scene]
        kind, picture = scene.world, await anyio.to_thread.run_sync(load_image, scene.image, limiter=service.decoding)
    else:
        picture = service.uploads.get(principal.owner, body.upload or "").picture
    begun = service.engine.call(lambda model: model.begin(picture, seed=body.seed or 0))
    return Start(state=await asyncio.wrap_future(begun), kind=kind)


async def _readout(body: BeginRollout, kind: str | None) -> Readout | None:
    """What reads facts, where they are needed. Raises UnknownName, InvalidInput."""
    if not body.outputs.facts and not (body.goal and body.goal.facts):
        return None
    if (name := body.readout or kind) is None:
        raise InvalidInput("Facts are read by the rules of a kind of world. Name it in `readout`, such as blocks.")
    return await anyio.to_thread.run_sync(readout_of, name)


async def _scorer(
    service: Service, principal: Principal, goal: Goal | None, readout: Readout | None, state: "WorldState"
) -> Scorer | None:
    """Raises InvalidInput, UnknownUpload, UnsupportedGoal."""
    if goal is None:
        return None
    if sum(given is not None for given in (goal.facts, goal.upload, goal.text)) != 1:
        raise InvalidInput("A goal is exactly one of: facts, an upload, a text.")
    if goal.facts is not None:
        assert readout is not None, "a goal of facts needs one"
        return FactsGoal(map(tuple, goal.facts), readout)
    if goal.text is not None:
        return goal_in_words(service.engine.model, goal.text)
    picture = service.uploads.get(principal.owner, goal.upload or "").picture
    made = service.engine.call(lambda model: ImageGoal(model, picture, start=state))
    return await asyncio.wrap_future(made)


async def _think(service: Service, with_model: bool, work: Work) -> list[Seen]:
    """Judge futures: beside the model where that is not needed, and in turn with clips where it is."""
    if with_model:
        return await asyncio.wrap_future(service.engine.call(lambda model: work()))
    return await anyio.to_thread.run_sync(work, limiter=service.decoding)
