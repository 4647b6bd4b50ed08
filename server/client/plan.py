"""Plans that the service finds: the states that it imagines, the actions that reach the goal, and their film."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import TypeAdapter

from pandora.media import Frame, check_film_suffix, load_image
from server.client.clip import AsyncClip
from server.client.events import AsyncEvents, Goal, goal_body
from server.client.failure import Conflict, NotFound
from server.plans.bodies import NodeTold, NodeView, PlanEnded, PlanEvent, PlanProgressTold, PlanView
from server.rollouts.bodies import Status

if TYPE_CHECKING:
    from server.client.aio import AsyncWorld

_event: TypeAdapter[PlanEvent] = TypeAdapter(PlanEvent)


class AsyncPlanNode:
    """An imagined state, after `action` in the state `parent`; the start is 0."""

    def __init__(self, world: "AsyncWorld", view: NodeView):
        self.view = view
        self._world = world

    @property
    def id(self) -> int:
        return self.view.id

    @property
    def parent(self) -> int | None:
        """Id of the state before it; None at the start."""
        return self.view.parent

    @property
    def action(self) -> str | None:
        """What led here; None at the start."""
        return self.view.action

    @property
    def depth(self) -> int:
        """Actions since the start."""
        return self.view.depth

    @property
    def value(self) -> float | None:
        """How near the goal is, 0..1; None where the picture can't be read."""
        return self.view.value

    @property
    def reached(self) -> bool | None:
        """Whether the goal is; None where the picture can't be read."""
        return self.view.reached

    def facts(self) -> frozenset[tuple[str, ...]] | None:
        """What its picture shows; None where it can't be read."""
        return None if self.view.facts is None else frozenset(map(tuple, self.view.facts))

    async def frame(self) -> Frame:
        """Its picture: (H, W, 3) uint8 RGB."""
        return load_image((await self._world.client.transport.send("GET", self.view.frame_url)).content)

    def __repr__(self) -> str:
        value = "unreadable" if self.value is None else f"{self.value:.2f}"
        return f"<state {self.id}: {self.action or 'the start'}, {value}>"


class AsyncPlan(AsyncEvents[AsyncPlanNode]):
    """`async for node in plan` until the search ends; it goes on where it was after a break. `wait` does that alone.

    What it tells of itself is the best so far; `found` is None until the end.
    """

    def __init__(self, world: "AsyncWorld", view: PlanView):
        super().__init__(world.client, f"/v1/plans/{view.id}")
        self.world = world
        self.view = view

    @property
    def id(self) -> str:
        return self.view.id

    @property
    def nodes(self) -> list[AsyncPlanNode]:
        """States in the order of imagining, as far as they were heard of."""
        return self._items

    @property
    def found(self) -> bool | None:
        """Whether the actions are predicted to reach the goal; None while it runs."""
        return self.view.found

    @property
    def actions(self) -> list[str]:
        """What reaches the goal, or leads nearest to it."""
        return self.view.actions

    @property
    def value(self) -> float | None:
        """The goal's score after them, 0..1."""
        return self.view.value

    @property
    def confidence(self) -> float:
        """How sure it is that they reach the goal, 0..1; where `view.trials` is 0 nobody tried them again."""
        return self.view.confidence or 0.0

    async def refresh(self) -> PlanView:
        """What the service says of the plan now."""
        self.view = await self._client.transport.ask(PlanView, "GET", self._path)
        return self.view

    async def wait(self) -> Self:
        """Until the search ends; the plan itself. Raises ServiceFailure."""
        while await self.next() is not None:
            pass
        return self

    async def apply(self) -> AsyncClip:
        """Wait for the plan and play it in the world; the clip of all its actions.

        Raises Conflict where no plan was found, nothing is left to do, or the world is not at the step any more that
        the plan begins with.
        """
        await self.wait()
        if not self.found:
            raise Conflict("No plan was found that reaches the goal, so none is played. `actions` leads nearest to it.")
        if not self.actions:
            raise Conflict("The goal is reached already: there is nothing to do.")
        return await self.world.act(*self.actions, expected_step=self.view.step)

    async def frames(self) -> list[Frame]:
        """The picture of the start and that after each action of the plan: (H, W, 3) uint8 RGB each."""
        urls = [step.frame_url for step in (await self.refresh()).steps]
        answers = await asyncio.gather(*(self._client.transport.send("GET", url) for url in urls))
        return [load_image(answer.content) for answer in answers]

    async def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the film of what the plan predicts: .mp4, .gif, .webp, or a .png contact sheet.

        Waits for the plan. Raises NotFound where it has no actions.
        """
        from server.client.aio import write_film

        check_film_suffix(path := Path(path))
        await self.wait()
        if (url := (await self.refresh()).film_url) is None:
            raise NotFound("This plan has no film: it has no actions.")
        data = (await self._client.transport.send("GET", url)).content
        await asyncio.to_thread(write_film, path, data)
        return path

    def _is_running(self) -> bool:
        return self.view.status == "running"

    def _end(self, status: Status) -> None:
        self.view = self.view.model_copy(update={"status": status})

    def _take(self, line: str) -> AsyncPlanNode | None:
        told = _event.validate_json(line)
        match told:
            case NodeTold():
                return AsyncPlanNode(self.world, told.node)
            case PlanProgressTold():
                self.view = self.view.model_copy(update={"calls": told.calls, "seconds": told.seconds})
            case PlanEnded():
                self.view = self.view.model_copy(update=told.model_dump(exclude={"type"}))
        return None

    def __repr__(self) -> str:
        return f"<plan {self.id}: {'; '.join(self.actions) or 'no actions'}, {self.view.status}>"


async def begin_plan(world: "AsyncWorld", goal: Goal, **options: Any) -> AsyncPlan:
    """Have the service begin; a goal picture is uploaded. Raises ServiceFailure."""
    body = {name: value for name, value in options.items() if value is not None}
    body |= {"world": world.id, "goal": await goal_body(world.client, goal)}
    return AsyncPlan(world, await world.client.transport.ask(PlanView, "POST", "/v1/plans", json=body))
