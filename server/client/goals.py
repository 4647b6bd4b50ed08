"""Goals that the service tells from what was done in a world, or in a film."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from server.client.events import fact_list
from server.goals.bodies import InferredGoals

if TYPE_CHECKING:
    from server.client.aio import AsyncClient

CandidateGoals = Iterable[str | Iterable[Sequence[str]]]  # in words, or as facts


async def infer_goals(client: "AsyncClient", goals: CandidateGoals, **options: Any) -> InferredGoals:
    """Have the service infer, and wait. Raises ServiceFailure."""
    body = {name: value for name, value in options.items() if value is not None}
    asked = [{"text": goal} if isinstance(goal, str) else {"facts": fact_list(goal)} for goal in goals]
    return await client.transport.ask(InferredGoals, "POST", "/v1/goals/infer", json=body | {"goals": asked})
