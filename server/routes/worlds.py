"""Worlds: begin, act, fork, rewind, look, delete."""

from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from pandora.errors import InvalidInput, UnknownName
from pandora.media import Frame, encode_png, load_image
from server.accounting import note
from server.bodies import (
    CreateWorld,
    EventList,
    Forks,
    ForkWorld,
    HandInAction,
    Receipt,
    RewindWorld,
    StepsTaken,
    TakeSteps,
    Tree,
    WorldDetail,
    WorldList,
)
from server.errors import UnknownStep
from server.limits import MAX_SEED
from server.recording import film
from server.routes.catalogue import read_form, take_picture
from server.routes.views import (
    view_detail,
    view_event,
    view_fork,
    view_step,
    view_summary,
    view_tree,
    view_world,
)
from server.service import Service, get_service, get_session
from server.sessions.session import Session
from server.sessions.world import Step
from server.users.access import get_principal
from server.users.principal import Principal

router = APIRouter(prefix="/worlds", tags=["worlds"])
TheService = Annotated[Service, Depends(get_service)]
TheSession = Annotated[Session, Depends(get_session)]
ThePrincipal = Annotated[Principal, Depends(get_principal)]

_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}  # a step never changes
_FORM_FIELDS = {
    "image": {"type": "string", "format": "binary"},
    "seed": {"type": "integer", "example": 7},
    "name": {"type": "string", "example": "my desk"},
}
_CREATE_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": CreateWorld.model_json_schema(),
            "examples": {
                "scene": {"value": {"scene": "blocks-tower", "seed": 7}},
                "upload": {"value": {"upload": "id from POST /v1/uploads", "name": "my desk"}},
            },
        },
        "multipart/form-data": {"schema": {"type": "object", "required": ["image"], "properties": _FORM_FIELDS}},
    },
}
_MP4: dict[int | str, dict[str, Any]] = {200: {"content": {"video/mp4": {}}}}
_IMAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}, "image/png": {}}}}


@router.post("", status_code=201, openapi_extra={"requestBody": _CREATE_BODY})
async def create_world(
    request: Request, response: Response, service: TheService, principal: ThePrincipal
) -> WorldDetail:
    """Begin a world from a preset scene, an upload, or a picture in the form field `image`."""
    picture: Frame | None = None
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with read_form(request, max_fields=8) as form:
            body = _from_form({key: value for key, value in form.items() if isinstance(value, str)})
            if "image" in form:
                picture = (await take_picture(service, form["image"])).picture
    else:
        body = _from_json(await request.body())
    if sum(source is not None for source in (body.scene, body.upload, picture)) != 1:
        raise InvalidInput(
            "A world begins from exactly one of: a scene, an upload, a picture in the form field `image`."
        )
    suggestions: tuple[str, ...] = ()
    name, scene = body.name or "Untitled", None
    if body.scene is not None:
        if body.scene not in service.scenes:
            raise UnknownName("scene", body.scene, service.scenes)
        scene = service.scenes[body.scene]
        suggestions, name = scene.suggestions, body.name or scene.title
        picture = await anyio.to_thread.run_sync(load_image, scene.image, limiter=service.decoding)
    elif body.upload is not None:
        picture = service.uploads.get(principal.owner, body.upload).picture
    assert picture is not None, "one source was checked above"
    async with service.access.room(principal):
        session = await service.sessions.begin(
            picture, owner=principal.owner, name=name, seed=body.seed, scene=scene, suggestions=suggestions
        )
    note(world=session.world.id)
    response.headers["Location"] = f"/v1/worlds/{session.world.id}"
    return view_detail(session)


@router.get("")
async def list_worlds(service: TheService, principal: ThePrincipal) -> WorldList:
    """The caller's own worlds, oldest first."""
    return WorldList(worlds=[view_summary(*found) for found in await service.sessions.owned(principal.owner)])


@router.get("/{world_id}")
async def read_world(session: TheSession) -> WorldDetail:
    """A world and the steps on its path."""
    return view_detail(session)


@router.delete("/{world_id}", status_code=204)
async def delete_world(session: TheSession, service: TheService) -> None:
    """End a world; its viewers hear `ended`. Forks of it live on."""
    await service.sessions.delete(session)


@router.post("/{world_id}/steps")
async def take_steps(body: TakeSteps, session: TheSession) -> StepsTaken:
    """Apply actions one after another and wait until the last is committed."""
    steps = await session.take(body.actions, body.expected_step)
    await session.settled()
    return StepsTaken(world=view_world(session), steps=[view_step(session.world, step) for step in steps])


@router.post("/{world_id}/actions", status_code=202)
async def hand_in_action(body: HandInAction, session: TheSession) -> Receipt:
    """Hand in an action for the live stream; the newest replaces one that has not begun."""
    receipt = session.hand_in(body.text, body.event_id)
    return Receipt(event_id=receipt.event_id, text=receipt.text, head=session.world.head)


@router.post("/{world_id}/forks", status_code=201)
async def fork_world(
    body: ForkWorld, response: Response, session: TheSession, service: TheService, principal: ThePrincipal
) -> WorldDetail | Forks:
    """New worlds that go on from any committed step of this one: one, or as many as `count` says."""
    count = body.count or 1
    async with service.access.room(principal, count):
        children = await service.sessions.fork(session, count, body.step, body.seed, body.name)
    if body.count is not None:
        return Forks(worlds=[view_fork(child) for child in children])
    response.headers["Location"] = f"/v1/worlds/{children[0].id}"
    return view_detail(await service.sessions.find(children[0].id, session.world.owner))


@router.post("/{world_id}/rewind")
async def rewind_world(body: RewindWorld, session: TheSession) -> WorldDetail:
    """Move the head to any committed step; what runs or waits is cancelled, what was committed stays."""
    await session.rewind(body.step)
    return view_detail(session)


@router.get("/{world_id}/events")
async def list_events(
    session: TheSession,
    service: TheService,
    after: Annotated[int, Query(ge=0, description="skip this many")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> EventList:
    """The world's log, oldest first."""
    found = await service.sessions.events(session, after, limit)
    return EventList(events=[view_event(event) for event in found], next=after + len(found))


@router.get("/{world_id}/tree")
async def read_tree(session: TheSession, service: TheService) -> Tree:
    """All worlds of this world's family, with all their steps."""
    return view_tree(await service.sessions.family(session))


@router.get("/{world_id}/frames/{step}", response_class=Response, responses=_IMAGE)
async def read_frame(
    request: Request, step: int, session: TheSession, service: TheService,
    frame: Annotated[int | None, Query(ge=0, description="0-based within the clip; the last when absent")] = None,
) -> Response:  # fmt: skip
    """A frame of a step: JPEG, or PNG where only that is accepted (exact, for the last frame)."""
    clip = await session.clip(step)
    index = len(clip) - 1 if frame is None else frame
    if index >= len(clip):
        raise UnknownStep(f"Step {step} has {len(clip)} frame(s); there is no frame {index}.")
    headers = _FOREVER | {"Vary": "Accept, Authorization"}
    if not request.headers.get("accept", "").startswith("image/png"):
        return Response(clip[index].jpeg, media_type="image/jpeg", headers=headers)
    exact = (await session.state(step)).frame.numpy() if index == len(clip) - 1 else None

    def draw() -> bytes:
        return encode_png(load_image(clip[index].jpeg) if exact is None else exact)

    png = await anyio.to_thread.run_sync(draw, limiter=service.decoding)
    return Response(png, media_type="image/png", headers=headers)


@router.get("/{world_id}/clips/{step}", response_class=Response, responses=_MP4)
async def read_clip(step: int, session: TheSession, service: TheService) -> Response:
    """The film of one step."""
    return await _film(service, session, [session.world.step(step)])


@router.get("/{world_id}/recording.mp4", response_class=Response, responses=_MP4)
async def read_recording(session: TheSession, service: TheService) -> Response:
    """The film from the start picture to the head."""
    return await _film(service, session, session.world.path())


async def _film(service: Service, session: Session, steps: list[Step]) -> Response:
    clips = (await session.clip(step.number) for step in steps)
    data = await film(clips, service.engine.model.config.fps, service.filming)
    return Response(data, media_type="video/mp4", headers={"Content-Disposition": 'inline; filename="pandora.mp4"'})


def _from_json(data: bytes) -> CreateWorld:
    try:
        return CreateWorld.model_validate_json(data)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_context=False)) from None


def _from_form(fields: dict[str, str]) -> CreateWorld:
    values: dict[str, Any] = dict(fields)
    if (seed := fields.get("seed", "")).isdecimal() and len(seed) <= len(str(MAX_SEED)):  # Python reads 4300 at most
        values["seed"] = int(seed)
    try:
        return CreateWorld.model_validate(values)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_context=False)) from None
