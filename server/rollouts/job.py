"""One rollout of the service: what was asked for, what has come, and who listens. Used on the event loop."""

import asyncio
import base64
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from safetensors.torch import save

from pandora.media import encode_jpeg
from server.engine.engine import Engine
from server.engine.job import Frame
from server.errors import UnknownFuture
from server.metrics import Metrics
from server.problems import explain
from server.rollouts.bodies import (
    FutureTold,
    FutureView,
    Outputs,
    ProgressTold,
    RolloutEnded,
    SaidView,
    SampleView,
    ScoreView,
    SpreadView,
    Status,
)
from server.rollouts.imagining import Imagining
from server.rollouts.steps import Steps

if TYPE_CHECKING:
    from pandora.futures import Future, Judge, Sample, Walk
    from pandora.rollout import Tree
    from pandora.scoring import Score

log = logging.getLogger(__name__)

Film = list[tuple[Frame, ...]]
Work = Callable[[], "list[Seen]"]
Kept = TypeVar("Kept", bytes, Film)


@dataclass(kw_only=True)
class Seen:
    """A future as clients see it, and its pictures by sample."""

    view: FutureView
    frames: dict[int, bytes] = field(default_factory=dict)  # JPEG
    films: dict[int, Film] = field(default_factory=dict)
    latents: dict[int, bytes] = field(default_factory=dict)  # safetensors


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What a rollout is to do. `think` runs what judges futures, where it may take its time."""

    owner: str
    tree: "Tree"
    judge: "Judge"
    think: Callable[[Work], Awaitable["list[Seen]"]]
    outputs: Outputs
    sampling_steps: int
    deadline: float | None  # seconds
    world: str | None = None
    step: int | None = None


class RolloutJob(Imagining):
    """Begins at once. `width` says how many steps the engine shall have at a time. Raises as Engine.submit."""

    def __init__(self, asked: Asked, engine: Engine, metrics: Metrics, width: Callable[[], int], quality: int):
        super().__init__(asked.owner)
        self.asked = asked
        self.futures: list[Seen] = []  # in the order of their ends
        self._metrics = metrics
        self._width = width
        self._quality = quality
        self._queue: list[int] = []
        self._queued: set[int] = set()
        self._codes: dict[int, str] = {}
        self._halted: tuple[Status, str] | None = None  # why no more steps follow, where that is not because all ended
        self._over = False
        self._wake = asyncio.Event()
        self._steps = Steps(
            asked.tree, engine, partial(self._loop.call_soon_threadsafe, self._hear), owner=asked.owner,
            sampling_steps=asked.sampling_steps, films=asked.outputs.film, width=width(),
        )  # fmt: skip
        self._steps.feed()
        self.ended = self._loop.create_task(self._run())
        self._timer = None
        if asked.deadline is not None:
            self._timer = self._loop.call_later(asked.deadline, self.stop, "partial", "deadline")

    @property
    def best(self) -> int | None:
        """The complete future with the highest score so far."""
        scored = [(seen.view.score, seen.view) for seen in self.futures if seen.view.complete]
        told = [(score.value, score.confidence, -view.index) for score, view in scored if score is not None]
        return -max(told)[2] if told else None

    def stop(self, status: Status = "cancelled", code: str | None = None) -> None:
        """The futures that are not complete follow as far as they came."""
        if self._over:
            return
        self._over = True
        self._halted = (status, code or status)
        self._enqueue(self._steps.stop())

    def told(self, after: int) -> Sequence[FutureTold]:
        """Futures, in the order of their ends."""
        tree = self.asked.tree
        return [FutureTold(done=tree.done, total=tree.total, future=seen.view) for seen in self.futures[after:]]

    def told_progress(self) -> ProgressTold:
        return ProgressTold(done=self.asked.tree.done, total=self.asked.tree.total)

    def told_end(self) -> RolloutEnded:
        tree = self.asked.tree
        return RolloutEnded(status=self.status, code=self.code, best=self.best, done=tree.done, total=tree.total)

    def frame(self, index: int, sample: int) -> bytes:
        """A JPEG. Raises UnknownFuture."""
        return self._find("picture", index, sample, lambda seen: seen.frames)

    def film(self, index: int, sample: int) -> Film:
        """The frames of each step. Raises UnknownFuture."""
        return self._find("film", index, sample, lambda seen: seen.films)

    def latents(self, index: int, sample: int) -> bytes:
        """A safetensors file. Raises UnknownFuture."""
        return self._find("latents", index, sample, lambda seen: seen.latents)

    def _find(self, what: str, index: int, sample: int, kept: Callable[[Seen], dict[int, Kept]]) -> Kept:
        found = next((kept(seen).get(sample) for seen in self.futures if seen.view.index == index), None)
        if found is None:
            raise UnknownFuture(f"This rollout has no {what} of future {index} and this sample, or not yet.")
        return found

    # --- from the engine ---

    def _hear(self, told: list[int], error: Exception | None, over: bool) -> None:
        if self._over:
            return
        self._steps.width = self._width()
        if error is not None:
            self._codes.update(dict.fromkeys(told, explain(error)[0]))
        self._over = over
        self._enqueue(told)
        self._tell()

    def _enqueue(self, indices: Sequence[int]) -> None:
        self._queue += [index for index in indices if index not in self._queued]
        self._queued.update(indices)
        self._wake.set()

    # --- what becomes of it ---

    async def _run(self) -> None:
        try:
            while not (self._over and not self._queue):
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    await self._conclude()
        except Exception as error:
            log.exception("A rollout failed")
            self._steps.stop()
            self._halted = ("partial", explain(error)[0])
        self._end()

    async def _conclude(self) -> None:
        indices, self._queue = self._queue, []
        walks = {index: self._steps.walks(index) for index in indices}
        made = await self.asked.think(partial(self._judge, walks))
        for index in indices:
            self._steps.release(index)
        for seen in made:
            if not self.futures:
                self._metrics.first_future.observe(time.perf_counter() - self._began)
            self.futures.append(seen)
            self.bytes += sum(map(len, (*seen.frames.values(), *seen.latents.values())))
            self.bytes += sum(len(f.jpeg) for film in seen.films.values() for clip in film for f in clip)
        self._tell()

    def _end(self) -> None:
        self._over = self.is_over = True
        if self._timer is not None:  # it would keep the job, with all its films
            self._timer.cancel()
        if len(self.futures) == len(self.asked.tree.candidates) and all(seen.view.complete for seen in self.futures):
            self.status = "complete"
        else:
            self.status, self.code = self._halted or ("partial", next(iter(self._codes.values()), None))
        tree = self.asked.tree
        self._metrics.rollout_steps.inc(tree.done)
        self._metrics.rollout_steps_spared.inc(tree.plain - tree.total)
        self._metrics.rollout(self.status, time.perf_counter() - self._began)
        self._tell()

    # --- on another thread ---

    def _judge(self, walks: "dict[int, list[Walk]]") -> list[Seen]:
        candidates = self.asked.tree.candidates
        return [self._see(self.asked.judge(index, candidates[index], found), found) for index, found in walks.items()]

    def _see(self, future: "Future", walks: "Sequence[Walk]") -> Seen:
        outputs, frames, films, latents = self.asked.outputs, {}, {}, {}
        for sample, walk in zip(future.samples, walks, strict=True):
            if not walk.depth:
                continue
            if outputs.film:
                films[sample.sample] = list(walk.frames)
            if outputs.latents:
                latents[sample.sample] = save({"latents": walk.state.latents.contiguous()})
            if outputs.frame != "none":
                filmed = walk.frames[-1] if outputs.film else ()
                frames[sample.sample] = filmed[-1].jpeg if filmed else encode_jpeg(sample.frame, self._quality)
        path = f"/v1/rollouts/{self.id}/futures/{future.index}"
        spread = future.spread
        view = FutureView(
            index=future.index, actions=list(future.actions), complete=future.complete,
            score=_score(future.scores.get("goal")),
            spread=SpreadView(
                score=spread.scores.get("goal"), facts=spread.facts, pixels=spread.pixels, latents=spread.latents
            ),
            samples=[self._sample(sample, path, frames, films, latents) for sample in future.samples],
            code=None if future.complete else self._codes.get(future.index, self._halted[1] if self._halted else None),
        )  # fmt: skip
        return Seen(view=view, frames=frames, films=films, latents=latents)

    def _sample(
        self, sample: "Sample", path: str, frames: dict[int, bytes], films: dict[int, Film], latents: dict[int, bytes]
    ) -> SampleView:
        jpeg, which = frames.get(sample.sample), f"?sample={sample.sample}"
        inline = self.asked.outputs.frame == "inline"
        return SampleView(
            sample=sample.sample, seed=sample.seed, depth=sample.depth, complete=sample.complete,
            frame_url=f"{path}/frame{which}" if jpeg else None,
            frame=base64.b64encode(jpeg).decode() if jpeg and inline else None,
            film_url=f"{path}/film.mp4{which}" if sample.sample in films else None,
            latents_url=f"{path}/latents.safetensors{which}" if sample.sample in latents else None,
            facts=None if sample.facts is None else sorted(map(list, sample.facts)),
            text_state=None if (said := sample.said) is None else SaidView(text=said.text, confidence=said.confidence),
            score=_score(sample.scores.get("goal")),
        )  # fmt: skip


def _score(score: "Score | None") -> ScoreView | None:
    return None if score is None else ScoreView(value=score.value, confidence=score.confidence)
