"""Bodies of the calls about plans: actions that are imagined to reach a goal, and the tree in which they were found."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from server.bodies import ActionText, Answered, Sent
from server.limits import (
    MAX_CANDIDATES,
    MAX_CHECKS,
    MAX_DEADLINE_MS,
    MAX_PLAN_ACTIONS,
    MAX_PLAN_CALLS,
    MAX_PLAN_SAMPLES,
)
from server.rollouts.bodies import Begins, Goal, Share, Status

Think = Literal["pictures", "words"]
PlannerName = Literal["astar", "breadth_first", "beam", "mcts", "cem", "icem", "mppi", "greedy", "random"]


class PlanBudget(Sent):
    """How much a search may use; never more than the service's own limits. Rolling the plan out again comes on top."""

    calls: int | None = Field(default=None, ge=1, le=MAX_PLAN_CALLS, strict=True, description="clips of the model")
    seconds: float | None = Field(default=None, gt=0, le=MAX_DEADLINE_MS / 1000, strict=True)


class BeginPlan(Begins):
    """From exactly one of `world`, `scene` and `upload`; facts are read off what the model draws."""

    goal: Goal
    planner: PlannerName | None = Field(
        default=None, description="astar when absent, or beam where the goal is a picture, which astar can't work with"
    )
    think: Think = Field(
        default="pictures",
        description="words: the model sketches plans in words, which is quicker, and draws what a sketch goes through",
    )
    limit: int = Field(default=6, ge=1, le=MAX_PLAN_ACTIONS, strict=True, description="actions of the plan at most")
    budget: PlanBudget = PlanBudget()
    samples: int = Field(
        default=1, ge=1, le=MAX_PLAN_SAMPLES, strict=True, description="of each step; what most of them show goes on"
    )
    verify: int = Field(
        default=4, ge=0, le=MAX_CHECKS, strict=True,
        description="how often the plan is rolled out again; the share that reaches the goal is its confidence",
    )  # fmt: skip
    actions: list[ActionText] | None = Field(
        default=None, min_length=1, max_length=MAX_CANDIDATES,
        description="what may be done; what the world's rules allow in each state when absent",
    )  # fmt: skip
    sampling_steps: int | None = Field(
        default=None, ge=1, le=50, strict=True, description="denoising steps a clip; the service's when absent"
    )
    deadline_ms: int | None = Field(
        default=None, ge=1, le=MAX_DEADLINE_MS, strict=True, description="then the best so far is the answer"
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"scene": "blocks-three", "goal": {"text": "the red block is on the blue block"}},
                {
                    "world": "id from POST /v1/worlds",
                    "readout": "blocks",
                    "goal": {"facts": [["on", "red", "blue"]]},
                    "limit": 4,
                    "budget": {"calls": 100, "seconds": 60},
                    "verify": 8,
                },
            ]
        }
    )


class GoalView(Answered):
    """`text` is as it was said, or says the facts; both are null where the goal is a picture, the `upload`."""

    facts: list[list[str]] | None
    text: str | None
    upload: str | None = None


class NodeView(Answered):
    """An imagined state, after `action` in the state `parent`; the start is 0.

    `value` is the goal's score, 0 to 1. `facts`, `value` and `reached` are null where the picture can't be read.
    """

    id: int
    parent: int | None
    action: str | None
    depth: int
    value: float | None
    reached: bool | None
    facts: list[list[str]] | None
    frame_url: str
    on_plan: bool = Field(description="of the best plan so far")


class PlanStep(Answered):
    """A state on the way of the plan; `action` led there, null at the start."""

    index: int
    action: str | None
    facts: list[list[str]] | None
    value: float | None
    frame_url: str


class PlanView(Answered):
    """The best plan so far; the plan once `status` is `complete`.

    `partial`: the deadline or the budget came first, the start can't be read, the goal picture can't be told from it,
    or a step failed (`code`). Where nothing reaches the goal, `found` is false and the actions lead nearest to it.
    `confidence` is that the goal is reached, `spread` how much samples disagree on the way.
    """

    id: str
    status: Status
    code: str | None = None
    world: str | None
    step: int | None
    planner: PlannerName
    think: Think
    goal: GoalView
    found: bool | None = Field(description="null while it runs")
    actions: list[str]
    value: float | None
    confidence: Share | None
    spread: Share | None
    trials: int | None = Field(description="roll-outs that told the confidence; 0: the search's own, which went once")
    calls: int = Field(description="clips that the model made")
    seconds: float
    created_at: str
    expires_at: str | None = Field(description="null while it runs")
    steps: list[PlanStep]
    film_url: str | None = Field(description="null while it runs, and where there are no actions")
    tree: list[NodeView]


class NodeTold(Answered):
    """A line of the events: a state was imagined."""

    type: Literal["node"] = "node"
    node: NodeView


class PlanProgressTold(Answered):
    """A line of the events, once a second at least; `best` is the highest value so far."""

    type: Literal["progress"] = "progress"
    calls: int
    seconds: float
    best: float | None


class PlanEnded(Answered):
    """The last line of the events."""

    type: Literal["ended"] = "ended"
    status: Status
    code: str | None
    found: bool
    actions: list[str]
    value: float | None
    confidence: Share | None


PlanEvent = Annotated[NodeTold | PlanProgressTold | PlanEnded, Field(discriminator="type")]
