"""Goals told from what was done: inverse planning; no world is touched."""

import asyncio
from functools import partial
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends, Request

from pandora.errors import InvalidInput
from pandora.planning import Imagined
from server.errors import IncompatibleModel, Stopping
from server.goals.bodies import InferGoals, InferredGoals
from server.goals.watching import Deed, Watching
from server.limits import MAX_PLAN_CALLS, MAX_WATCHED_STEPS
from server.plans.search import Bounds
from server.plans.steps import EngineSteps
from server.rollouts.start import Start, begin_upload, find_kind, find_start
from server.service import Service, get_service
from server.users.access import get_principal
from server.users.principal import Principal

router = APIRouter(prefix="/goals", tags=["goals"])
TheService = Annotated[Service, Depends(get_service)]
ThePrincipal = Annotated[Principal, Depends(get_principal)]

_GLANCE = 0.25  # seconds between two looks at whether somebody still waits


@router.post("/infer")
async def infer_goals(
    body: InferGoals, request: Request, service: TheService, principal: ThePrincipal
) -> InferredGoals:
    """Tell which of several goals somebody has by what was done, as far as shortest plans are what they act by.

    Waits for the answer. What else could have been done, and how much each goal then asks for, the model imagines; the
    world stays as it is.
    """
    service.store.check_open()
    _check(body)
    with service.pool.room(principal.owner):
        steps, watching = await _prepare(service, principal, body)
        own = anyio.CapacityLimiter(1)  # the pool says how many there may be
        work = asyncio.ensure_future(anyio.to_thread.run_sync(watching.infer, limiter=own))
        try:
            while not (await asyncio.wait([work], timeout=_GLANCE))[0]:
                steps.width = service.pool.width()
                if service.store.closing:
                    steps.stop(Stopping("The service is stopping."))
                elif await request.is_disconnected():
                    steps.stop()
            return work.result()
        finally:
            steps.stop()


def _check(body: InferGoals) -> None:
    """Raises InvalidInput."""
    if sum(given is not None for given in (body.world, body.actions, body.pictures)) != 1:
        raise InvalidInput(
            "Goals are told from a `world` and what was done in it, or from a `scene` or an `upload` and what "
            "followed: either `actions` or `pictures`."
        )
    if any((goal.facts is None) == (goal.text is None) for goal in body.goals):
        raise InvalidInput("A goal is exactly one of: facts, a text.")


async def _prepare(service: Service, principal: Principal, body: InferGoals) -> tuple[EngineSteps, Watching]:
    """Raises as find_start, UnknownName, InvalidInput, InvalidAction."""
    settings, model = service.settings, service.engine.model
    start = await find_start(service, principal, body)
    state, first = start.state, 0
    observation = state.frame.numpy() if start.picture is None else start.picture
    deeds = [Deed(step=index + 1, action=model.check_action(text)) for index, text in enumerate(body.actions or ())]
    seen = [service.uploads.get(principal.owner, picture).picture for picture in body.pictures or ()]
    for index, picture in enumerate(seen):
        deeds.append(Deed(step=index + 1, state=await begin_upload(service, picture, state.seed, state.expert)))
    if body.world is not None:
        before, *deeds = await _done(service, principal, body.world, start)
        assert before.state is not None, "it was read"
        state, first, observation = before.state, before.step, before.state.frame.numpy()
    steps = EngineSteps(
        service.engine, state, owner=principal.owner, sampling_steps=settings.sampling_steps, width=service.pool.width()
    )
    imagine = partial(Imagined.of, samples=body.samples, batch=MAX_PLAN_CALLS, seed=state.seed)
    dynamics = await anyio.to_thread.run_sync(imagine, steps, find_kind(body, start))  # the first takes a while
    bounds = Bounds(
        calls=settings.max_plan_calls, bytes=settings.max_plan_bytes, nodes=settings.max_plan_nodes,
        seconds=settings.max_plan_seconds,
    )  # fmt: skip
    return steps, Watching(dynamics, steps, body, observation, deeds, first, bounds)


async def _done(service: Service, principal: Principal, world: str, start: Start) -> list[Deed]:
    """The last committed steps up to that of `start`, with their states; the first of them is where watching begins.

    Raises IncompatibleModel.
    """
    session = await service.sessions.find(world, principal.owner)
    path = session.world.path(start.step)[-MAX_WATCHED_STEPS - 1 :]
    if any(step.model not in service.engine.model.fingerprints for step in path):
        raise IncompatibleModel
    states = [(await session.state(step.number)).fork(start.state.seed) for step in path]
    return [
        Deed(step=step.number, action=step.action, state=state)
        for step, state in zip(path, states, strict=True)
    ]  # fmt: skip
