"""Bodies of the REST calls: what clients send, what the service answers, and its problem documents.

    GET    /v1/models                                   ModelList
    GET    /v1/scenes                                   SceneList
    GET    /v1/scenes/{id}/image                        image/png
    POST   /v1/uploads                 image            UploadView, 201            raw bytes or multipart field `image`
    POST   /v1/worlds                  CreateWorld      WorldDetail, 201           JSON, or multipart with `image`
    GET    /v1/worlds                                   WorldList
    GET    /v1/worlds/{id}                              WorldDetail
    DELETE /v1/worlds/{id}                              204
    POST   /v1/worlds/{id}/steps       TakeSteps        StepsTaken                 waits for the clips
    POST   /v1/worlds/{id}/actions     HandInAction     Receipt, 202               the clip comes on the stream
    POST   /v1/worlds/{id}/forks       ForkWorld        WorldDetail, 201; Forks where `count` is given
    POST   /v1/worlds/{id}/rewind      RewindWorld      WorldDetail
    GET    /v1/worlds/{id}/events      ?after=&limit=   EventList
    GET    /v1/worlds/{id}/tree                         Tree
    GET    /v1/worlds/{id}/frames/{step}  ?frame=       image/jpeg, or image/png if Accept says so
    GET    /v1/worlds/{id}/clips/{step}                 video/mp4
    GET    /v1/worlds/{id}/recording.mp4                video/mp4, the path so far
    POST   /v1/worlds/{id}/tickets                      Ticket, 201                for a browser's socket
    POST   /v1/rollouts                                 RolloutView, 202           `rollouts/bodies.py`
    GET    /v1/rollouts/{id}                            RolloutView
    DELETE /v1/rollouts/{id}                            204                        stops and forgets it
    GET    /v1/rollouts/{id}/events    ?after=          application/x-ndjson       futures as they are complete
    GET    /v1/rollouts/{id}/futures/{index}/frame      ?sample=  image/jpeg       and /film.mp4, /latents.safetensors
    POST   /v1/plans                                    PlanView, 202              `plans/bodies.py`
    GET    /v1/plans/{id}                               PlanView
    DELETE /v1/plans/{id}                               204                        stops and forgets it
    GET    /v1/plans/{id}/events       ?after=          application/x-ndjson       states as they are imagined
    GET    /v1/plans/{id}/nodes/{node}/frame            image/jpeg
    GET    /v1/plans/{id}/film.mp4                      video/mp4, what the plan predicts
    POST   /v1/goals/infer             InferGoals       InferredGoals              `goals/bodies.py`; waits
    WS     /v1/worlds/{id}/stream                       `protocol.py`
    GET    /healthz  /readyz  /metrics  /openapi.json  /asyncapi.json

Every error is a `Problem` (application/problem+json).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.limits import MAX_ACTION_CHARACTERS, MAX_ACTIONS_PER_CALL, MAX_FORKS_PER_CALL, MAX_NAME_CHARACTERS, MAX_SEED


class Sent(BaseModel):
    """What a client sends: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answered(BaseModel):
    """What the service sends."""

    model_config = ConfigDict(frozen=True)


Seed = Annotated[int, Field(ge=0, le=MAX_SEED, strict=True)]
Step = Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)]
# Length and emptiness of an action are the model's to judge (`invalid_action`), so the schema only tells of them.
ActionText = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": MAX_ACTION_CHARACTERS})]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
EventId = Annotated[str, Field(min_length=1, max_length=64)]


# --- bodies ----------------------------------------------------------------------------------------------------


class CreateWorld(Sent):
    """Exactly one of `scene` and `upload`; the same fields as form fields beside `image` in multipart/form-data."""

    scene: str | None = Field(default=None, max_length=80, description="id from GET /v1/scenes")
    upload: str | None = Field(default=None, max_length=80, description="id from POST /v1/uploads")
    seed: Seed = 0
    name: Name | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"scene": "blocks-tower", "seed": 7}]})


class TakeSteps(Sent):
    """Apply the actions one after another and wait."""

    actions: list[ActionText] = Field(min_length=1, max_length=MAX_ACTIONS_PER_CALL)
    expected_step: Step | None = Field(default=None, description="409 with the head when the world has moved on")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"actions": ["pick up the red block"], "expected_step": 0}]}
    )


class HandInAction(Sent):
    text: ActionText
    event_id: EventId | None = Field(default=None, description="made up by the service when absent")

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "pick up the red block", "event_id": "a1"}]})


class ForkWorld(Sent):
    """Without `count` the answer is the one fork, with its steps; with it, a list of so many."""

    count: int | None = Field(default=None, ge=1, le=MAX_FORKS_PER_CALL, strict=True)
    step: Step | None = Field(default=None, description="any committed step; the head when absent")
    seed: Seed | None = Field(default=None, description="the parent's when absent")
    name: Name | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"step": 1, "name": "what if"}, {"count": 8}]})


class RewindWorld(Sent):
    step: Step = Field(description="any committed step, also one that an earlier rewind left behind")

    model_config = ConfigDict(json_schema_extra={"examples": [{"step": 1}]})


# --- answers ---------------------------------------------------------------------------------------------------


class ModelView(Answered):
    id: str
    fingerprint: str
    worlds: list[str] = Field(description="kinds of world that the weights were trained on; none where not known")
    width: int
    height: int
    fps: float
    frames_per_action: int
    sampling_steps: int
    max_action_characters: int = MAX_ACTION_CHARACTERS


class ModelList(Answered):
    models: list[ModelView]


class SceneView(Answered):
    id: str
    title: str
    world: str
    world_title: str = Field(description="the kind of world in words")
    suggestions: list[str]
    goals: list[str] = Field(description="in words, worth planning for; none where this kind of world knows no goals")
    image_url: str


class SceneList(Answered):
    scenes: list[SceneView]


class UploadView(Answered):
    id: str
    width: int
    height: int
    bytes: int


class Parent(Answered):
    """Where a fork left its parent."""

    world: str
    step: int


class StepView(Answered):
    """A committed step. `timings` in milliseconds: queue, first_frame, generate, encode, total, the model's stages."""

    step: int
    parent: int | None
    depth: int
    action: str | None
    created_at: str
    frames: int
    timings: dict[str, float]
    description: str | None = Field(default=None, description="what the language model made of the action, if asked")
    frame_url: str
    clip_url: str


class NoveltyView(Answered):
    """How unlike a picture is to what the model was trained on."""

    score: float = Field(
        ge=0, le=1, description="share of the world's own frames that are less unusual: 0.5 is typical"
    )
    excess: float = Field(
        ge=0, description="how unusual it is, where 1 is the 99th percentile of the world's own frames"
    )
    world: str = Field(description="the nearest kind of world")
    known: bool = Field(description="whether it passes for a picture of that world; if not, expect nonsense")


class WorldView(Answered):
    id: str
    name: str
    status: Literal["idle", "queued", "generating"]
    paused: bool
    scene: str | None
    seed: int
    head: int
    depth: int
    parent: Parent | None
    created_at: str
    suggestions: list[str]
    novelty: NoveltyView | None = Field(
        default=None, description="of the picture that it began with; null for scenes, and where the model can't tell"
    )
    frame_url: str


class WorldDetail(WorldView):
    """A world with the steps on its path, oldest first."""

    steps: list[StepView]


class WorldList(Answered):
    worlds: list[WorldView]


class Forks(Answered):
    worlds: list[WorldView]


class StepsTaken(Answered):
    world: WorldView
    steps: list[StepView]


class Receipt(Answered):
    """The action was taken in; what becomes of it is told on the stream and in the events."""

    event_id: str
    text: str
    head: int


class EventView(Answered):
    """One line of a world's log. `type`: created, committed, forked, rewound, superseded, failed."""

    seq: int
    type: str
    at: str
    step: int | None = None
    parent: int | None = None
    action: str | None = None
    event_id: str | None = None
    world: str | None = None
    code: str | None = None


class EventList(Answered):
    events: list[EventView]
    next: int = Field(description="pass as ?after= to get what comes later")


class TreeStep(Answered):
    step: int
    parent: int | None
    action: str | None
    on_path: bool
    frame_url: str


class TreeWorld(Answered):
    """One world of a family; its steps include those that a rewind left behind."""

    id: str
    name: str
    parent: Parent | None
    head: int
    steps: list[TreeStep]


class Tree(Answered):
    """All worlds that descend from one start, oldest first."""

    worlds: list[TreeWorld]


class Ticket(Answered):
    """Lets one socket in, once: offered as the subprotocol `pandora.ticket.<ticket>` beside `pandora.v1`."""

    ticket: str
    expires_in: int = Field(description="seconds")


class Problem(Answered):
    """RFC 9457. `code` is stable; `head` comes with `step_conflict`, `retry_after` (seconds) with 429 and 503."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    head: int | None = None
    retry_after: int | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/unknown_world",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "There is no such world.",
                    "code": "unknown_world",
                    "instance": "/v1/worlds/nope",
                }
            ]
        }
    )
