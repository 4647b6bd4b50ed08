"""Bodies of the calls about rollouts: steps imagined from a state, which no world keeps."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from server.bodies import ActionText, Answered, Seed, Sent, Step
from server.limits import MAX_ACTIONS_PER_CALL, MAX_CANDIDATES, MAX_DEADLINE_MS, MAX_GOAL_FACTS, MAX_SAMPLES

Word = Annotated[str, Field(min_length=1, max_length=40)]
Id = Annotated[str, Field(max_length=80)]
Share = Annotated[float, Field(ge=0, le=1)]
Status = Literal["running", "complete", "partial", "cancelled"]


class Goal(Sent):
    """Exactly one of its fields."""

    facts: list[Annotated[list[Word], Field(min_length=1, max_length=8)]] | None = Field(
        default=None, min_length=1, max_length=MAX_GOAL_FACTS, description="scores the share of them that is met"
    )
    upload: Id | None = Field(default=None, description="id from POST /v1/uploads: a picture to come near to")
    text: ActionText | None = Field(default=None, description="a goal in words, as the kind of world knows them")


class Outputs(Sent):
    """What futures carry beside their scores."""

    frame: Literal["url", "inline", "none"] = Field(
        default="url", description="the last frame of each sample, as an address or as a JPEG in base64"
    )
    film: bool = Field(default=False, description="addresses of films of what was imagined, MP4")
    facts: bool = Field(default=False, description="what the last frame of each sample shows")
    text_state: bool = Field(default=False, description="the same in the model's own words, where it has a voice")
    latents: bool = Field(
        default=False, description="addresses of the model's latent frames of each sample, safetensors"
    )


class Begins(Sent):
    """From exactly one of `world`, `scene` and `upload`."""

    world: Annotated[str, Field(max_length=80, pattern="^[0-9A-Za-z_-]+$")] | None = None
    step: Step | None = Field(default=None, description="any committed step of `world`; the head when absent")
    scene: Id | None = Field(default=None, description="id from GET /v1/scenes")
    upload: Id | None = Field(default=None, description="id from POST /v1/uploads")
    seed: Seed | None = Field(default=None, description="of sample 0; that of the world, or 0, when absent")
    readout: Id | None = Field(
        default=None, description="kind of world whose facts are read, such as blocks; that of the scene when absent"
    )


class BeginRollout(Begins):
    """From exactly one of `world`, `scene` and `upload`; either `candidates`, or `actions` to make them of."""

    candidates: list[Annotated[list[ActionText], Field(min_length=1, max_length=MAX_ACTIONS_PER_CALL)]] | None = Field(
        default=None, min_length=1, max_length=MAX_CANDIDATES, description="what to do, in order; any length"
    )
    actions: list[ActionText] | None = Field(
        default=None, min_length=1, max_length=MAX_CANDIDATES,
        description=f"every sequence of `horizon` of these is a candidate, {MAX_CANDIDATES} at most",
    )  # fmt: skip
    horizon: int = Field(default=1, ge=1, le=MAX_ACTIONS_PER_CALL, strict=True, description="with `actions`")
    samples: int = Field(
        default=1, ge=1, le=MAX_SAMPLES, strict=True,
        description="of each candidate; sample s has the same seed in all, sample 0 is what would really happen",
    )  # fmt: skip
    deadline_ms: int | None = Field(
        default=None, ge=1, le=MAX_DEADLINE_MS, strict=True, description="then the rest comes as far as it got"
    )
    sampling_steps: int | None = Field(
        default=None, ge=1, le=50, strict=True, description="denoising steps a clip; the service's when absent"
    )
    outputs: Outputs = Outputs()
    goal: Goal | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scene": "blocks-three",
                    "candidates": [["pick up the red block", "put it on the blue block"], ["wait"]],
                    "samples": 2,
                    "goal": {"facts": [["on", "red", "blue"]]},
                },
                {
                    "world": "id from POST /v1/worlds",
                    "actions": ["pick up the red block", "put it down", "wait"],
                    "horizon": 2,
                    "deadline_ms": 20000,
                    "outputs": {"frame": "inline", "film": True, "facts": True, "text_state": False},
                },
            ]
        }
    )


class ScoreView(Answered):
    """`value`: 1 is the goal and 0 nothing of it; `confidence`: how much it can be trusted, 0 to 1."""

    value: float
    confidence: Share


class SaidView(Answered):
    """A state as the model's backbone says it, and the probability that it gives to these words."""

    text: str
    confidence: Share


class SampleView(Answered):
    """`depth` actions were imagined. `score` and `facts` are null where there is nothing to say or it can't be said."""

    sample: int
    seed: int
    depth: int
    complete: bool
    frame_url: str | None = None
    frame: str | None = Field(default=None, description="JPEG, base64")
    film_url: str | None = None
    latents_url: str | None = None
    facts: list[list[str]] | None = None
    text_state: SaidView | None = None
    score: ScoreView | None = None


class SpreadView(Answered):
    """How much the complete samples of a future differ; null where fewer than two tell."""

    score: float | None = Field(description="standard deviation of the values")
    facts: Share | None = Field(description="share of the pairs of samples that show different facts")
    pixels: float | None = Field(description="variance of the last frames, of values in 0..1")
    latents: float | None = Field(description="variance of the last latents")


class FutureView(Answered):
    """One candidate. `score` is the mean of its samples'; `code` says why it is not complete."""

    index: int
    actions: list[str]
    complete: bool
    score: ScoreView | None
    spread: SpreadView
    samples: list[SampleView]
    code: str | None = None


class RolloutView(Answered):
    """`partial`: the deadline came first, or steps failed (`code`). `futures` are in the order of their ends."""

    id: str
    status: Status
    code: str | None = None
    world: str | None
    step: int | None
    candidates: int
    samples: int
    done: int = Field(description="steps that were imagined")
    total: int = Field(description="steps that there are, shared beginnings counted once")
    spared: Share = Field(description="share of the work that shared beginnings save")
    created_at: str
    expires_at: str | None = Field(description="null while it runs")
    best: int | None = Field(description="index of the complete future with the highest score so far")
    futures: list[FutureView]


class FutureTold(Answered):
    """A line of the events: a future is complete, or as complete as it will be."""

    type: Literal["future"] = "future"
    done: int
    total: int
    future: FutureView


class ProgressTold(Answered):
    """A line of the events, once a second at least."""

    type: Literal["progress"] = "progress"
    done: int
    total: int


class RolloutEnded(Answered):
    """The last line of the events."""

    type: Literal["ended"] = "ended"
    status: Status
    code: str | None
    best: int | None
    done: int
    total: int


RolloutEvent = Annotated[FutureTold | ProgressTold | RolloutEnded, Field(discriminator="type")]
