"""The client without `await`: each call runs that of `aio.py` on an event loop of its own thread."""

import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self, overload

from pandora.media import Frame, ImageSource
from server.bodies import (
    EventView,
    ModelView,
    NoveltyView,
    Parent,
    Receipt,
    SceneView,
    StepView,
    Tree,
    UploadView,
    WorldDetail,
    WorldView,
)
from server.client.aio import DEFAULT_URL, PATIENCE, TIMEOUT, AsyncClient, AsyncWorld
from server.client.clip import AsyncClip
from server.client.events import Goal
from server.client.goals import CandidateGoals
from server.client.imagined import PlanNode, Rollout
from server.client.live import Stream
from server.client.plan import AsyncPlan
from server.client.rollout import Candidates
from server.client.runner import Runner
from server.goals.bodies import InferredGoals
from server.plans.bodies import PlannerName, PlanView, Think


class Client:
    """A service. `timeout`: seconds for one answer; `patience`: seconds to wait in all where the service is busy."""

    def __init__(
        self, base_url: str = DEFAULT_URL, key: str | None = None, *, timeout: float = TIMEOUT,
        patience: float = PATIENCE,
    ):  # fmt: skip
        self._client = AsyncClient(base_url, key, timeout=timeout, patience=patience)
        self._runner = Runner(self._client.close)
        self.worlds = Worlds(self._client, self._runner)

    def models(self) -> list[ModelView]:
        """The models that the service runs."""
        return self._runner.run(self._client.models())

    def scenes(self) -> list[SceneView]:
        """Start pictures that ship with the model."""
        return self._runner.run(self._client.scenes())

    def upload(self, image: ImageSource) -> UploadView:
        """Hand in a picture to begin worlds from: a path, the bytes of a file, a PIL image or an array."""
        return self._runner.run(self._client.upload(image))

    def infer_goals(
        self, goals: CandidateGoals, pictures: Sequence[ImageSource], *, readout: str,
        prior: Sequence[float] | None = None, beta: float | None = None, samples: int = 1, seed: int | None = None,
    ) -> InferredGoals:  # fmt: skip
        """Which of several goals somebody has who is seen in a film; waits. See `World.infer_goals`.

        `pictures` are those of the start and after each action, at least two; `readout` is the kind of world they show.
        """
        work = self._client.infer_goals(
            goals, pictures, readout=readout, prior=prior, beta=beta, samples=samples, seed=seed
        )
        return self._runner.run(work)

    def fps(self) -> float:
        """Frames a second of the model's films; asked for once."""
        return self._runner.run(self._client.fps())

    def close(self) -> None:
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Worlds:
    """The caller's worlds."""

    def __init__(self, client: AsyncClient, runner: Runner):
        self._client = client
        self._runner = runner

    def create(
        self, *, scene: str | None = None, image: ImageSource | None = None, upload: str | None = None, seed: int = 0,
        name: str | None = None,
    ) -> "World":  # fmt: skip
        """Begin a world from a scene, a picture (as `Client.upload` takes it) or the id of an upload.

        `scene` is an id, or a kind of world, such as "blocks", whose first scene is taken.
        """
        work = self._client.worlds.create(scene=scene, image=image, upload=upload, seed=seed, name=name)
        return World(self._runner.run(work), self._runner)

    def list(self) -> "list[World]":
        """All of them, oldest first."""
        return [World(world, self._runner) for world in self._runner.run(self._client.worlds.list())]

    def get(self, world: str) -> "World":
        """By id. Raises NotFound."""
        return World(self._runner.run(self._client.worlds.get(world)), self._runner)


class World:
    """A world. What it tells of itself is what the service said last; `refresh` asks again."""

    def __init__(self, world: AsyncWorld, runner: Runner):
        self._world = world
        self._runner = runner

    @property
    def id(self) -> str:
        return self._world.id

    @property
    def name(self) -> str:
        return self._world.name

    @property
    def view(self) -> WorldView:
        """All that the service said last."""
        return self._world.view

    @property
    def head(self) -> int:
        """The step that the next action continues."""
        return self._world.head

    @property
    def parent(self) -> Parent | None:
        """Where this world left another, if it is a fork."""
        return self._world.parent

    @property
    def novelty(self) -> NoveltyView | None:
        """How unlike its start picture is to what the model knows; None for scenes, and where the model can't tell."""
        return self._world.novelty

    def refresh(self) -> WorldDetail:
        """What the service says of the world now, with the steps on its path."""
        return self._runner.run(self._world.refresh())

    def act(self, *actions: str, expected_step: int | None = None) -> "Clip":
        """Apply actions one after another and wait until the last is committed.

        With `expected_step`, Conflict (and its `head`) where the world is at another step.
        """
        clip = self._runner.run(self._world.act(*actions, expected_step=expected_step))
        return Clip(self, clip, self._runner)

    def hand_in(self, text: str, event_id: str | None = None) -> Receipt:
        """Hand in an action for those who watch, and don't wait; the newest replaces one that has not begun."""
        return self._runner.run(self._world.hand_in(text, event_id))

    @overload
    def fork(
        self, count: None = None, *, step: int | None = None, seed: int | None = None, name: str | None = None
    ) -> "World": ...

    @overload
    def fork(
        self, count: int, *, step: int | None = None, seed: int | None = None, name: str | None = None
    ) -> "list[World]": ...

    def fork(
        self, count: int | None = None, *, step: int | None = None, seed: int | None = None, name: str | None = None
    ) -> "World | list[World]":
        """A new world that goes on from the head or any committed `step`; with `count`, a list of so many."""
        if count is None:
            return World(self._runner.run(self._world.fork(step=step, seed=seed, name=name)), self._runner)
        forks = self._runner.run(self._world.fork(count, step=step, seed=seed, name=name))
        return [World(fork, self._runner) for fork in forks]

    def rewind(self, step: int) -> Self:
        """Move the head to any committed step; what runs or waits is cancelled."""
        self._runner.run(self._world.rewind(step))
        return self

    def events(self, after: int = 0) -> list[EventView]:
        """The world's log, oldest first, without the first `after` entries."""
        return self._runner.run(self._world.events(after))

    def tree(self) -> Tree:
        """All worlds of this world's family, with all their steps."""
        return self._runner.run(self._world.tree())

    def frame(self, step: int | None = None, index: int | None = None) -> Frame:
        """A frame of a step, the last of the head by default: (H, W, 3) uint8 RGB. The last one is exact."""
        return self._runner.run(self._world.frame(step, index))

    def recording(self, path: str | os.PathLike[str]) -> Path:
        """Write the film from the start picture to the head: .mp4, .gif, .webp, or a .png contact sheet."""
        return self._runner.run(self._world.recording(path))

    def delete(self) -> None:
        """End the world; its forks live on."""
        self._runner.run(self._world.delete())

    def rollouts(
        self, candidates: Candidates | None = None, *, actions: Sequence[str] | None = None, horizon: int | None = None,
        goal: Goal | None = None, samples: int = 1, deadline: float | None = None, step: int | None = None,
        seed: int | None = None, sampling_steps: int | None = None, film: bool = False, facts: bool = False,
        text_state: bool = False, latents: bool = False, readout: str | None = None,
    ) -> Rollout:  # fmt: skip
        """Imagine futures from the head or any committed `step`, while the world stays as it is; see Rollout.

        `candidates` are lists of sentences, or else every sequence of `horizon` of `actions` is one. `goal` is facts,
        such as [("on", "red", "blue")], or a picture, as `Client.upload` takes it; a str is a goal in words. After
        `deadline` seconds the rest comes as far as it got.
        """
        work = self._world.rollouts(
            candidates, actions=actions, horizon=horizon, goal=goal, samples=samples, deadline=deadline, step=step,
            seed=seed, sampling_steps=sampling_steps, film=film, facts=facts, text_state=text_state, latents=latents,
            readout=readout,
        )  # fmt: skip
        return Rollout(self._runner.run(work), self._runner)

    def plan(
        self, goal: Goal, *, planner: PlannerName | None = None, think: Think | None = None, limit: int | None = None,
        calls: int | None = None, seconds: float | None = None, samples: int = 1, verify: int | None = None,
        actions: Sequence[str] | None = None, deadline: float | None = None, step: int | None = None,
        seed: int | None = None, sampling_steps: int | None = None, readout: str | None = None,
    ) -> "Plan":  # fmt: skip
        """Search for actions that reach a goal, from the head or any committed `step`; see Plan.

        The world stays as it is, until `Plan.apply`. `goal` is words, such as "the red block is on the blue block",
        facts, or a picture. At most `limit` actions, found with `calls` clips of the model and in `seconds`; each step
        is sampled `samples` times, and the plan rolled out `verify` times to say how sure it is. After `deadline`
        seconds the best so far is the answer. Only `actions` are taken, if they are given. With `think`
        "words" plans are sketched in words, and only what a sketch goes through is drawn.
        """
        work = self._world.plan(
            goal, planner=planner, think=think, limit=limit, calls=calls, seconds=seconds, samples=samples,
            verify=verify, actions=actions, deadline=deadline, step=step, seed=seed,
            sampling_steps=sampling_steps, readout=readout,
        )  # fmt: skip
        return Plan(self, self._runner.run(work), self._runner)

    def infer_goals(
        self, goals: CandidateGoals, *, prior: Sequence[float] | None = None, beta: float | None = None,
        samples: int = 1, step: int | None = None, seed: int | None = None, readout: str | None = None,
    ) -> InferredGoals:  # fmt: skip
        """Which of several goals somebody has by what was done up to the head, or any committed `step`; waits.

        Goals are words, such as "the red block is on the blue block", or facts. `prior` has a weight for
        each, all equal if None. `beta` is how rational they act.
        """
        work = self._world.infer_goals(
            goals, prior=prior, beta=beta, samples=samples, step=step, seed=seed, readout=readout
        )
        return self._runner.run(work)

    def stream(self, resume_from: int | None = None) -> Stream:
        """What happens from now on, or from step `resume_from` on, frame by frame; see Stream."""
        return Stream(self._world.stream(resume_from), self._runner)

    def __repr__(self) -> str:
        return repr(self._world)


class Clip:
    """One or several steps. Their frames are fetched when they are first asked for, and kept."""

    def __init__(self, world: World, clip: AsyncClip, runner: Runner):
        self.world = world
        self._clip = clip
        self._runner = runner

    @property
    def step(self) -> int:
        """The number of the last step."""
        return self._clip.step

    @property
    def steps(self) -> list[StepView]:
        return self._clip.steps

    @property
    def frames(self) -> list[Frame]:
        """Every frame of every step, in order: (H, W, 3) uint8 RGB."""
        return self._runner.run(self._clip.frames())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the film: .mp4, .gif, .webp, or a .png contact sheet. Raises UnknownName."""
        return self._runner.run(self._clip.save(path))

    def __repr__(self) -> str:
        return repr(self._clip)


class Plan:
    """`for node in plan` until the search ends; it goes on where it was after a break. `wait` does that alone.

    What it tells of itself is the best so far; `found` is None until the end.
    """

    def __init__(self, world: World, plan: AsyncPlan, runner: Runner):
        self.world = world
        self._plan = plan
        self._runner = runner
        weakref.finalize(self, runner.later, plan.close).atexit = False

    @property
    def id(self) -> str:
        return self._plan.id

    @property
    def view(self) -> PlanView:
        """All that the service said last."""
        return self._plan.view

    @property
    def nodes(self) -> list[PlanNode]:
        """States in the order of imagining, as far as they were heard of."""
        return [PlanNode(node, self._runner) for node in self._plan.nodes]

    @property
    def found(self) -> bool | None:
        """Whether the actions are predicted to reach the goal; None while it runs."""
        return self._plan.found

    @property
    def actions(self) -> list[str]:
        """What reaches the goal, or leads nearest to it."""
        return self._plan.actions

    @property
    def value(self) -> float | None:
        """The goal's score after them, 0..1."""
        return self._plan.value

    @property
    def confidence(self) -> float:
        """How sure it is that they reach the goal, 0..1."""
        return self._plan.confidence

    def refresh(self) -> PlanView:
        """What the service says of the plan now."""
        return self._runner.run(self._plan.refresh())

    def next(self) -> PlanNode | None:
        """The next state; None when there are no more. Raises ServiceFailure."""
        found = self._runner.run(self._plan.next())
        return None if found is None else PlanNode(found, self._runner)

    def wait(self) -> Self:
        """Until the search ends; the plan itself. Raises ServiceFailure."""
        self._runner.run(self._plan.wait())
        return self

    def apply(self) -> Clip:
        """Wait for the plan and play it in the world; the clip of all its actions.

        Raises Conflict where no plan was found, nothing is left to do, or the world is not at the step any more that
        the plan begins with.
        """
        return Clip(self.world, self._runner.run(self._plan.apply()), self._runner)

    def frames(self) -> list[Frame]:
        """The picture of the start and that after each action of the plan: (H, W, 3) uint8 RGB each."""
        return self._runner.run(self._plan.frames())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Wait for the plan and write what it predicts, as `Clip.save`. Raises NotFound where it has no actions."""
        return self._runner.run(self._plan.save(path))

    def cancel(self) -> None:
        """Stop it. Who iterates gets the rest as far as it came; the service forgets it."""
        self._runner.run(self._plan.cancel())

    def close(self) -> None:
        """Listen no more; the work goes on."""
        self._runner.run(self._plan.close())

    def __iter__(self) -> Iterator[PlanNode]:
        return self

    def __next__(self) -> PlanNode:
        if (node := self.next()) is None:
            raise StopIteration
        return node

    def __repr__(self) -> str:
        return repr(self._plan)
