"""Rollouts: futures of a state, imagined side by side; no world is touched."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Query, Response
from starlette.requests import HTTPConnection

from pandora.errors import InvalidInput
from pandora.futures import Judge, Said
from pandora.media import Frame
from pandora.rollout import Tree
from pandora.scoring import ImageGoal, Readout, SaidGoal, Scorer, goal_in_words, goal_of_facts, readout_of
from server.errors import RolloutTooLarge
from server.limits import MAX_CANDIDATES
from server.recording import each, film
from server.rollouts.bodies import BeginRollout, RolloutEvent, RolloutView
from server.rollouts.job import Asked, RolloutJob, Seen, Work
from server.rollouts.start import Start, check_goal, find_kind, find_start, make_image_goal
from server.routes.lines import Lines
from server.service import Service, get_service
from server.users.access import get_principal
from server.users.principal import Principal

router = APIRouter(prefix="/rollouts", tags=["rollouts"])
TheService = Annotated[Service, Depends(get_service)]
ThePrincipal = Annotated[Principal, Depends(get_principal)]

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Lines, each of them one of these.", "model": RolloutEvent}
}
_IMAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}
_LATENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}
_MP4: dict[int | str, dict[str, Any]] = {200: {"content": {"video/mp4": {}}}}


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
    with service.pool.room(principal.owner):
        start = await find_start(service, principal, body)
        readout = await _readout(body, start)
        scorer = await _scorer(service, principal, body, start)
        tree = await anyio.to_thread.run_sync(Tree, start.state, candidates, body.samples)
        judge = Judge(
            readout=readout if body.outputs.facts else None,
            describe=_voice(service, start) if body.outputs.text_state else None,
            scorers={"goal": scorer} if scorer else {},
        )
        asked = Asked(
            owner=principal.owner,
            tree=tree,
            judge=judge,
            think=partial(_think, service, judge.describe is not None or isinstance(scorer, ImageGoal | SaidGoal)),
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
    service.pool.delete(job)


@router.get("/{rollout_id}/events", response_class=Lines, responses=_EVENTS)
async def read_rollout_events(
    job: TheRollout, after: Annotated[int, Query(ge=0, le=MAX_CANDIDATES, description="skip so many futures")] = 0
) -> Lines:
    """Futures as they are complete, then the end: one JSON object a line."""
    return Lines(job.lines(after), headers={"Cache-Control": "no-store"})


@router.get("/{rollout_id}/futures/{index}/frame", response_class=Response, responses=_IMAGE)
async def read_future_frame(job: TheRollout, index: int, sample: Annotated[int, Query(ge=0)] = 0) -> Response:
    """The last frame of a sample of a future, JPEG."""
    return Response(job.frame(index, sample), media_type="image/jpeg")


@router.get("/{rollout_id}/futures/{index}/film.mp4", response_class=Response, responses=_MP4)
async def read_future_film(
    job: TheRollout, index: int, service: TheService, sample: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """The film of a sample of a future, where films were asked for."""
    clips = each(job.film(index, sample))
    data = await film(clips, service.engine.model.config.fps, service.filming)
    return Response(data, media_type="video/mp4", headers={"Content-Disposition": 'inline; filename="future.mp4"'})


@router.get("/{rollout_id}/futures/{index}/latents.safetensors", response_class=Response, responses=_LATENTS)
async def read_future_latents(job: TheRollout, index: int, sample: Annotated[int, Query(ge=0)] = 0) -> Response:
    """The latent frames that a sample of a future ended with, `latents` (C, L, h, w) float32, where asked for."""
    return Response(job.latents(index, sample), media_type="application/octet-stream")


def view(job: RolloutJob) -> RolloutView:
    tree = job.asked.tree
    return RolloutView(
        id=job.id, status=job.status, code=job.code, world=job.asked.world, step=job.asked.step,
        candidates=len(tree.candidates), samples=tree.samples, done=tree.done, total=tree.total, spared=tree.spared,
        created_at=job.created_at, expires_at=job.expires_at, best=job.best,
        futures=[seen.view for seen in job.futures],
    )  # fmt: skip


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


def _voice(service: Service, start: Start) -> Callable[[Sequence[Frame]], Sequence[Said]]:
    """Raises InvalidInput where what draws this world has none."""
    model = service.engine.model.expert(start.state.expert)
    if not model.speaks:
        raise InvalidInput("The model writes no states of this world in words; ask for `facts` alone.")
    return model.describe


async def _readout(body: BeginRollout, start: Start) -> Readout | None:
    """What reads facts, where they were asked for. Raises UnknownName, InvalidInput."""
    if not body.outputs.facts:
        return None
    return await anyio.to_thread.run_sync(readout_of, find_kind(body, start))


async def _scorer(service: Service, principal: Principal, body: BeginRollout, start: Start) -> Scorer | None:
    """Raises InvalidInput, UnknownName, UnknownUpload."""
    if (goal := body.goal) is None:
        return None
    check_goal(goal)
    if goal.facts is not None:
        return await anyio.to_thread.run_sync(goal_of_facts, list(map(tuple, goal.facts)), find_kind(body, start))
    if goal.text is not None:
        model = service.engine.model.expert(start.state.expert)
        return await anyio.to_thread.run_sync(goal_in_words, goal.text, find_kind(body, start), model)
    return await make_image_goal(service, principal, goal.upload or "", start.state)


async def _think(service: Service, with_model: bool, work: Work) -> list[Seen]:
    """Judge futures: beside the model where that is not needed, and in turn with clips where it is."""
    if with_model:
        return await asyncio.wrap_future(service.engine.call(lambda model: work()))
    return await anyio.to_thread.run_sync(work, limiter=service.decoding)
