"""The service from Python: worlds to talk to, over HTTP and WebSocket. Needs no torch and no model.

    from server.client import Client

    with Client("http://127.0.0.1:8000") as client:
        world = client.worlds.create(scene="blocks")
        clip = world.act("pick up the red block")
        clip.save("clip.mp4")
        branches = world.fork(8)
        for future in world.rollouts([["wait"], ["put it down", "wait"]], goal=[("clear", "red")]):
            print(future.actions, future.score)
        plan = world.plan("the red block is on the blue block")
        for state in plan:
            print(state.action, state.value)
        if plan.found:
            plan.apply()
        told = world.infer_goals(["the red block is on the blue block", "the blue block is on the red block"])
        print([goal.posterior for goal in told.goals])
        with world.stream() as live:
            live.hand_in("put it on the blue block")
            for frame in live:
                show(frame.array)

`AsyncClient` is the same with `await`. Requests are safe to repeat, so both repeat them where the service is busy or a
connection broke; a stream comes back by itself and goes on where it was.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server.client.aio import AsyncClient, AsyncWorld, AsyncWorlds
    from server.client.clip import AsyncClip
    from server.client.failure import (
        AccessDenied,
        Conflict,
        InvalidRequest,
        NotFound,
        Overloaded,
        ServiceFailure,
        Unavailable,
        Unreachable,
    )
    from server.client.frame import LiveFrame
    from server.client.imagined import Future, PlanNode, Rollout
    from server.client.live import Stream
    from server.client.plan import AsyncPlan, AsyncPlanNode
    from server.client.rollout import AsyncFuture, AsyncRollout
    from server.client.stream import AsyncStream
    from server.client.sync import Client, Clip, Plan, World, Worlds

__all__ = [
    "AccessDenied",
    "AsyncClient",
    "AsyncClip",
    "AsyncFuture",
    "AsyncPlan",
    "AsyncPlanNode",
    "AsyncRollout",
    "AsyncStream",
    "AsyncWorld",
    "AsyncWorlds",
    "Client",
    "Clip",
    "Conflict",
    "Future",
    "InvalidRequest",
    "LiveFrame",
    "NotFound",
    "Overloaded",
    "Plan",
    "PlanNode",
    "Rollout",
    "ServiceFailure",
    "Stream",
    "Unavailable",
    "Unreachable",
    "World",
    "Worlds",
]

_ROOMS = ("aio", "clip", "failure", "frame", "imagined", "live", "plan", "rollout", "stream", "sync")


def __getattr__(name: str) -> Any:
    """Rooms are entered when something of theirs is asked for, so that the command line starts without them."""
    if name in __all__:
        for room in _ROOMS:
            module = import_module(f"server.client.{room}")
            if getattr(getattr(module, name, None), "__module__", None) == module.__name__:
                return getattr(module, name)
    raise AttributeError(f"{__name__} has no {name!r}; it has {', '.join(__all__)}.")
