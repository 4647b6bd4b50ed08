"""Sessions, worlds and steps as the bodies that clients see."""

from typing import Any

from server.bodies import EventView, Parent, StepView, Tree, TreeStep, TreeWorld, WorldDetail, WorldView
from server.sessions.lifecycle import Status
from server.sessions.session import Session
from server.sessions.world import Event, Step, World
from server.store.store import Summary


def view_world(session: Session) -> WorldView:
    return WorldView(**_world(session.world, session))


def view_fork(world: World) -> WorldView:
    return WorldView(**_world(world))


def view_summary(summary: Summary, session: Session | None) -> WorldView:
    """A world of a list, as it is stored, with what its session does."""
    live = None if session is None or session.failed else session
    return WorldView(**_world(summary.world, live, depth=summary.depth))


def view_detail(session: Session) -> WorldDetail:
    world = session.world
    return WorldDetail(**_world(world, session), steps=[view_step(world, step) for step in world.path()])


def view_step(world: World, step: Step) -> StepView:
    return StepView(
        step=step.number, parent=step.parent, depth=step.depth, action=step.action, created_at=step.created_at,
        frames=step.frames, timings=step.timings, frame_url=_frame_url(world, step.number),
        clip_url=f"/v1/worlds/{world.id}/clips/{step.number}", description=step.description,
    )  # fmt: skip


def view_event(event: Event) -> EventView:
    return EventView(seq=event.seq, type=event.type, at=event.at, **event.facts)


def view_tree(worlds: list[World]) -> Tree:
    return Tree(worlds=[_tree_world(world) for world in worlds])


def _tree_world(world: World) -> TreeWorld:
    path = {step.number for step in world.path()}
    steps = [
        TreeStep(
            step=step.number, parent=step.parent, action=step.action, on_path=step.number in path,
            frame_url=_frame_url(world, step.number),
        )
        for step in sorted(world.steps.values(), key=lambda step: step.number)
    ]  # fmt: skip
    return TreeWorld(id=world.id, name=world.name, parent=_parent(world), head=world.head, steps=steps)


def _world(world: World, session: Session | None = None, depth: int | None = None) -> dict[str, Any]:
    return {
        "id": world.id,
        "name": world.name,
        "status": session.status.value if session else Status.IDLE.value,
        "paused": session.paused if session else False,
        "scene": world.scene,
        "seed": world.seed,
        "head": world.head,
        "depth": world.step().depth if depth is None else depth,
        "parent": _parent(world),
        "created_at": world.created_at,
        "suggestions": list(world.suggestions),
        "novelty": world.novelty,
        "frame_url": _frame_url(world, world.head),
    }


def _parent(world: World) -> Parent | None:
    return Parent(world=world.parent[0], step=world.parent[1]) if world.parent else None


def _frame_url(world: World, step: int) -> str:
    return f"/v1/worlds/{world.id}/frames/{step}"
