"""Plans: actions that are imagined to reach a goal, and the tree they were found in; no world is touched."""

from functools import partial
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Query, Response
from starlette.requests import HTTPConnection

from pandora.planning import Imagined, Reasoner, Sketched, Verified, Worded
from server.limits import MAX_PLAN_CALLS, MAX_TEXTS_AT_ONCE
from server.plans.bodies import BeginPlan, PlanEvent, PlanView
from server.plans.goals import aim_at_facts, aim_at_picture
from server.plans.job import Asked, PlanJob
from server.plans.planners import check_words, choose_planner, make_planner
from server.plans.search import Search
from server.plans.steps import EngineSteps, EngineVoice
from server.recording import each, film
from server.rollouts.start import check_goal, find_kind, find_start, make_image_goal
from server.routes.lines import Lines
from server.service import Service, get_service
from server.users.access import get_principal
from server.users.principal import Principal

router = APIRouter(prefix="/plans", tags=["plans"])
TheService = Annotated[Service, Depends(get_service)]
ThePrincipal = Annotated[Principal, Depends(get_principal)]

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Lines, each of them one of these.", "model": PlanEvent}
}
_IMAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}
_MP4: dict[int | str, dict[str, Any]] = {200: {"content": {"video/mp4": {}}}}


async def get_plan(
    connection: HTTPConnection, plan_id: str, principal: Annotated[Principal, Depends(get_principal)]
) -> PlanJob:
    """For `Depends`. Raises UnknownPlan, also for plans of others."""
    return (await get_service(connection)).plans.find(plan_id, principal.owner)


ThePlan = Annotated[PlanJob, Depends(get_plan)]


@router.post("", status_code=202)
async def begin_plan(body: BeginPlan, response: Response, service: TheService, principal: ThePrincipal) -> PlanView:
    """Search for actions that reach a goal, in what the model imagines; what it imagines comes on `/events`.

    The world stays as it is. To have a plan played, send its actions to the world.
    """
    service.store.check_open()
    check_goal(body.goal)
    choose_planner(body.planner, body.goal.upload is not None)
    sentences = tuple(dict.fromkeys(map(service.engine.model.check_action, body.actions or ())))
    with service.pool.room(principal.owner):
        job = service.plans.begin(*await _prepare(service, principal, body, sentences))
    response.headers["Location"] = f"/v1/plans/{job.id}"
    return job.view()


@router.get("/{plan_id}")
async def read_plan(job: ThePlan) -> PlanView:
    """How far a plan is: the best so far, and all states that were imagined."""
    return job.view()


@router.delete("/{plan_id}", status_code=204)
async def delete_plan(job: ThePlan, service: TheService) -> None:
    """Stop a plan and forget it; who listens to its events hears the end."""
    service.pool.delete(job)


@router.get("/{plan_id}/events", response_class=Lines, responses=_EVENTS)
async def read_plan_events(
    job: ThePlan, after: Annotated[int, Query(ge=0, le=MAX_PLAN_CALLS, description="skip so many states")] = 0
) -> Lines:
    """States as they are imagined, then the end: one JSON object a line."""
    return Lines(job.lines(after), headers={"Cache-Control": "no-store"})


@router.get("/{plan_id}/nodes/{node}/frame", response_class=Response, responses=_IMAGE)
async def read_plan_frame(job: ThePlan, node: int) -> Response:
    """The last frame of an imagined state, JPEG."""
    return Response(job.frame(node), media_type="image/jpeg")


@router.get("/{plan_id}/film.mp4", response_class=Response, responses=_MP4)
async def read_plan_film(job: ThePlan, service: TheService) -> Response:
    """The film of what the plan predicts, once the search has ended; the start where there are no actions."""
    data = await film(each(job.clips()), service.engine.model.config.fps, service.filming)
    return Response(data, media_type="video/mp4", headers={"Content-Disposition": 'inline; filename="plan.mp4"'})


async def _prepare(
    service: Service, principal: Principal, body: BeginPlan, sentences: tuple[str, ...]
) -> tuple[Asked, Search]:
    """Raises as find_start and make_image_goal, UnknownName, InvalidInput, UnsupportedGoal."""
    start = await find_start(service, principal, body)
    check_words(body, service.engine.model.expert(start.state.expert).speaks)
    sampling_steps = body.sampling_steps or service.settings.sampling_steps
    steps = EngineSteps(
        service.engine, start.state, owner=principal.owner, sampling_steps=sampling_steps, width=service.pool.width()
    )
    imagine = partial(Imagined.of, samples=body.samples, batch=MAX_PLAN_CALLS, seed=start.state.seed)
    dynamics = await anyio.to_thread.run_sync(imagine, steps, find_kind(body, start))  # the first takes a while
    upload = body.goal.upload
    if upload is not None:
        picture = await make_image_goal(service, principal, upload, start.state)
        config, goal = aim_at_picture(picture, upload, dynamics, steps, sentences)
    else:
        config, goal = aim_at_facts(body.goal, dynamics, sentences)
    name = choose_planner(body.planner, upload is not None)
    planner = make_planner(name, start.state.seed, upload is not None)
    if body.think == "words":
        voice = EngineVoice(steps, start.state.expert)
        planner = Sketched(planner, Worded(voice, dynamics.world, batch=MAX_TEXTS_AT_ONCE))
    reasoner = Reasoner(dynamics, config, planner)
    observation = start.state.frame.numpy() if start.picture is None else start.picture
    bounds = service.plans.bounds(body.budget)
    most = service.settings.max_plan_seconds
    asked = Asked(
        owner=principal.owner, goal=goal, planner=name, think=body.think, world=body.world, step=start.step,
        deadline=most if body.deadline_ms is None else min(most, body.deadline_ms / 1000),
    )  # fmt: skip
    return asked, Search(Verified(reasoner, samples=body.verify), steps, observation, body.limit, bounds)
