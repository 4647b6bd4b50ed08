"""Bodies of the call that tells goals from what was done."""

from typing import Annotated

from pydantic import ConfigDict, Field

from server.bodies import ActionText, Answered, Sent
from server.limits import MAX_ACTIONS_PER_CALL, MAX_BETA, MAX_GOAL_FACTS, MAX_GOALS, MAX_PLAN_SAMPLES, MAX_PRIOR
from server.rollouts.bodies import Begins, Id, Share, Word


class CandidateGoal(Sent):
    """Exactly one of its fields."""

    facts: list[Annotated[list[Word], Field(min_length=1, max_length=8)]] | None = Field(
        default=None, min_length=1, max_length=MAX_GOAL_FACTS, description="all of them shall hold"
    )
    text: ActionText | None = Field(
        default=None, description="in the words of the kind of world, such as `the red block is on the blue block`"
    )


class InferGoals(Begins):
    """What was done in a `world` up to `step` is watched; after a `scene` or an `upload`, `actions` or `pictures`."""

    goals: list[CandidateGoal] = Field(min_length=2, max_length=MAX_GOALS, description="what may be wanted")
    actions: list[ActionText] | None = Field(
        default=None, min_length=1, max_length=MAX_ACTIONS_PER_CALL, description="with `scene` or `upload`, in order"
    )
    pictures: list[Id] | None = Field(
        default=None, min_length=1, max_length=MAX_ACTIONS_PER_CALL,
        description="with `scene` or `upload`, of a film: ids from POST /v1/uploads of what was seen after each action",
    )  # fmt: skip
    prior: list[Annotated[float, Field(ge=0, le=MAX_PRIOR, strict=True)]] | None = Field(
        default=None, max_length=MAX_GOALS, description="a weight for each goal; all equal when absent"
    )
    beta: float | None = Field(
        default=None,
        ge=0,
        le=MAX_BETA,
        strict=True,
        description="how rational the actor is; 0 tells nothing, 2 when absent",
    )
    samples: int = Field(
        default=1, ge=1, le=MAX_PLAN_SAMPLES, strict=True, description="of each step; what most of them show counts"
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scene": "blocks-three",
                    "actions": ["pick up the red block"],
                    "goals": [
                        {"text": "the red block is on the blue block"},
                        {"facts": [["on", "blue", "red"]]},
                    ],
                },
                {
                    "world": "id from POST /v1/worlds",
                    "readout": "blocks",
                    "goals": [{"text": "the red block is on the blue block"}, {"text": "the hand holds the red block"}],
                    "beta": 1.5,
                },
                {
                    "upload": "id from POST /v1/uploads",
                    "readout": "blocks",
                    "pictures": ["id from POST /v1/uploads"],
                    "goals": [{"text": "the red block is on the blue block"}, {"text": "the hand holds the red block"}],
                    "prior": [2, 1],
                },
            ]
        }
    )


class InferredGoal(Answered):
    """`text` is as it was said, or says the facts; null where the kind of world has no words for them."""

    index: int
    text: str | None
    facts: list[list[str]]
    prior: Share
    posterior: Share


class InferredStep(Answered):
    """What was known after a step: of a world its number, otherwise how many actions were done.

    `evidence` is false where the picture can't be read, before or after: then nothing was learnt.
    """

    step: int
    posterior: list[Share] = Field(description="by goal; of sum 1")
    evidence: bool


class InferredGoals(Answered):
    """`history` begins with what was known at first. `complete` is false where the service's limits came first.

    Then the actions that are left were estimated for a part of the steps.
    """

    goals: list[InferredGoal]
    steps: int = Field(description="that were watched")
    history: list[InferredStep]
    complete: bool
    calls: int = Field(description="clips that the model made")
    seconds: float
