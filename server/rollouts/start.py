"""Where imagining begins: a step of a world, a scene or an upload; and goals that are pictures."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from pandora.errors import InvalidInput, UnknownName
from pandora.media import Frame, load_image
from pandora.scoring import ImageGoal
from server.accounting import note
from server.errors import IncompatibleModel
from server.rollouts.bodies import Begins, Goal
from server.service import Service
from server.users.principal import Principal

if TYPE_CHECKING:
    from pandora.types import WorldState
    from pandora.world_model import WorldModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """The state to begin from, which committed step it is, and the kind of its world, where these are known."""

    state: "WorldState"
    step: int | None = None
    kind: str | None = None
    picture: Frame | None = None  # that the state was begun with, (H, W, 3) uint8


async def find_start(service: Service, principal: Principal, body: Begins) -> Start:
    """Raises InvalidInput, UnknownWorld, UnknownStep, UnknownUpload, UnknownName, IncompatibleModel."""
    if sum(source is not None for source in (body.world, body.scene, body.upload)) != 1:
        raise InvalidInput("Imagining begins from exactly one of: a world, a scene, an upload.")
    if body.step is not None and body.world is None:
        raise InvalidInput("`step` names a committed step of a `world`; scenes and uploads have none.")
    if body.world is not None:
        session = await service.sessions.find(body.world, principal.owner)
        note(world=body.world)
        step = session.world.step(body.step)
        if step.model not in service.engine.model.fingerprints:
            raise IncompatibleModel
        state = await session.state(step.number)
        known = service.scenes.get(session.world.scene or "")
        seed = session.world.seed if body.seed is None else body.seed
        return Start(state=state.fork(seed), step=step.number, kind=known.world if known else None)
    seed = body.seed or 0
    if body.scene is None:
        picture = service.uploads.get(principal.owner, body.upload or "").picture
        return Start(state=await begin_upload(service, picture, seed), picture=picture)
    if body.scene not in service.scenes:
        raise UnknownName("scene", body.scene, service.scenes)
    scene = service.scenes[body.scene]
    picture = await anyio.to_thread.run_sync(load_image, scene.image, limiter=service.decoding)
    begun = service.engine.call(lambda model: model.begin(picture, seed=seed, expert=model.expert_for(scene.world)))
    return Start(state=await asyncio.wrap_future(begun), kind=scene.world, picture=picture)


async def begin_upload(service: Service, picture: Frame, seed: int, expert: str | None = None) -> "WorldState":
    """The state that a world of an uploaded picture (H, W, 3) uint8 begins with, drawn by an expert that is known."""

    def begin(model: "WorldModel") -> "WorldState":
        novelty = model.novelty(picture)
        return model.begin(picture, seed=seed, look=novelty.look if novelty else None, expert=expert)

    return await asyncio.wrap_future(service.engine.call(begin))


def find_kind(body: Begins, start: Start) -> str:
    """The kind of world whose facts are read. Raises InvalidInput where nobody says it."""
    if (name := body.readout or start.kind) is None:
        raise InvalidInput("Facts are read by the rules of a kind of world. Name it in `readout`, such as blocks.")
    return name


def check_goal(goal: Goal) -> None:
    """Raises InvalidInput unless exactly one of its fields is given."""
    if sum(given is not None for given in (goal.facts, goal.upload, goal.text)) != 1:
        raise InvalidInput("A goal is exactly one of: facts, an upload, a text.")


async def make_image_goal(service: Service, principal: Principal, upload: str, state: "WorldState") -> ImageGoal:
    """What scores the likeness to an upload. Raises UnknownUpload."""
    picture = service.uploads.get(principal.owner, upload).picture
    return await asyncio.wrap_future(service.engine.call(lambda model: ImageGoal(model, picture, start=state)))
