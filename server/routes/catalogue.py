"""What there is to begin with: models, scenes, uploads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from starlette.datastructures import FormData, UploadFile

from pandora.errors import InvalidImage, InvalidInput
from pandora.scoring import goals_of
from server.bodies import ModelList, ModelView, SceneList, SceneView, UploadView
from server.service import Service, get_service
from server.uploads import Upload, read_upload
from server.users.access import get_principal
from server.users.principal import Principal

router = APIRouter(tags=["catalogue"])
TheService = Annotated[Service, Depends(get_service)]

_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_FORM = {"schema": {"type": "object", "required": ["image"], "properties": {"image": _PICTURE["schema"]}}}
_KINDS = ("image/png", "image/jpeg", "image/webp", "video/mp4", "video/webm")
_UPLOAD_BODY = {
    "required": True,
    "content": {kind: _PICTURE for kind in _KINDS} | {"multipart/form-data": _FORM},
}


@router.get("/models")
async def list_models(service: TheService) -> ModelList:
    """The model that this service runs."""
    model = service.engine.model
    config = model.config
    view = ModelView(
        id=model.name, fingerprint=model.fingerprint, worlds=list(model.worlds), width=config.width,
        height=config.height, fps=config.fps,
        frames_per_action=config.frames_per_action, sampling_steps=service.settings.sampling_steps,
    )  # fmt: skip
    return ModelList(models=[view])


@router.get("/scenes")
async def list_scenes(service: TheService) -> SceneList:
    """Start pictures that ship with the model."""
    views = [
        SceneView(
            id=scene.id, title=scene.title, world=scene.world, world_title=scene.world_title,
            suggestions=list(scene.suggestions), goals=list(goals_of(scene)),
            image_url=f"/v1/scenes/{quote(scene.id, safe='')}/image",
        )
        for scene in service.scenes.values()
    ]  # fmt: skip
    return SceneList(scenes=views)


@router.get("/scenes/{scene_id}/image", response_class=FileResponse)
async def read_scene_image(scene_id: str, service: TheService) -> FileResponse:
    """The scene's picture."""
    return FileResponse(service.scene(scene_id).image, headers={"Cache-Control": "private, max-age=3600"})


@router.post("/uploads", status_code=201, openapi_extra={"requestBody": _UPLOAD_BODY})
async def upload_picture(
    request: Request, service: TheService, principal: Annotated[Principal, Depends(get_principal)]
) -> UploadView:
    """Take a picture, or a film of which the last picture counts, as the body itself or as the form field `image`;
    `POST /v1/worlds` takes its id."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with read_form(request, max_fields=4) as form:
            taken = await take_picture(service, form.get("image"))
    else:
        taken = await _decode(service, await request.body())
    service.uploads.add(principal.owner, taken)
    return UploadView(id=taken.id, width=taken.width, height=taken.height, bytes=taken.bytes)


@asynccontextmanager
async def read_form(request: Request, max_fields: int) -> AsyncIterator[FormData]:
    """A form with at most one file. Raises InvalidInput where it can't be read as its content type says."""
    try:
        form = await request.form(max_files=1, max_fields=max_fields)
    except ValueError as error:  # of a charset that is one in name only, such as `undefined` or `punycode`
        raise InvalidInput("The form can't be read as its content type says. Send it in UTF-8.") from error
    try:
        yield form
    finally:
        await form.close()


async def take_picture(service: Service, field: UploadFile | str | None) -> Upload:
    """Decode a form field, away from the event loop. Raises InvalidImage."""
    if not isinstance(field, UploadFile):
        raise InvalidImage("The form has no file in its field `image`.")
    return await _decode(service, await field.read())


async def _decode(service: Service, data: bytes) -> Upload:
    config = service.engine.model.config
    size = (config.height, config.width)
    return await anyio.to_thread.run_sync(read_upload, data, size, limiter=service.decoding)
