"""Which goal an actor has, told while its film is seen: episodes, tracks, and how often the likeliest goal is the one.

An episode is drawn by seed and number (`worlds/blocks/intents.py`): a scene of three to five blocks and four candidate
goals, towers of its blocks. Each goal is at least four actions away, so none is met at the start; none follows from
another; half of a shortest plan for one is on no shortest plan for another, so that half of the film can be enough;
any of them is the actor's with the same chance. The actor acts in the true simulator, until its goal is
reached: at each step one of the actions that begin a shortest plan, and with probability 0.1 any action that is
allowed. The simulator renders the film. Whoever watches knows the candidates, as facts, and has seen a share of the
film, rounded down to whole actions. Where several goals are likeliest, each counts for its part; by chance it would be
one in four.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from rich.console import Console

from pandora.config import DEFAULT_STEPS
from pandora.planning.benchmark.loading import LateModel
from pandora.planning.benchmark.running import append, progress_bar, read, spread
from pandora.planning.imagined import Imagined, Steps
from pandora.planning.interface import Budget, Dynamics
from pandora.planning.inverse import Actor, Inference, Watcher, resting
from pandora.planning.simulated import Simulated
from pandora.types import Frames, Sampler
from pandora.worlds.blocks import intents
from pandora.worlds.blocks.intents import Intent
from pandora.worlds.blocks.world import Blocks

WATCHERS = {
    "film": "sees the film alone; what else could have been done, and what each goal asks for, the model imagines",
    "actions": "sees the first picture and hears what is done; the model imagines where that leads",
    "oracle": "sees the film, and plans with the true simulator",
    "heuristic": "takes the goal of which most holds in the last picture that was seen",
}
IMAGINING = ("film", "actions")  # what depends on the weights
SEEN = (0.0, 0.25, 0.5, 0.75, 1.0)
CHANCE = 0.25
_TIE = 1e-9


@dataclass(frozen=True, kw_only=True)
class WatchSetup:
    """How it is measured. `calls` bounds the clips of one look of a learned model; `noise` is the actor's."""

    weights: Path
    fingerprint: str = ""  # of the weights
    device: str = "auto"
    seed: int = 0
    steps: int = DEFAULT_STEPS
    redraws: int = 2
    calls: int = 16
    noise: float = 0.1
    actor: Actor = field(default_factory=Actor)

    def mark(self, track: str) -> str:
        """Changes with whatever may change a track's result."""
        values: dict[str, object] = {"seed": self.seed, "noise": self.noise}
        if track != "heuristic":
            values |= {"actor": asdict(self.actor)}
        if track in IMAGINING:
            values |= {name: getattr(self, name) for name in ("fingerprint", "steps", "redraws", "calls")}
        return sha256(repr(sorted(values.items())).encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What became of an episode: the posterior at the start and after each of its actions.

    `told` says which actions were evidence.
    """

    track: str
    episode: int
    things: int
    wanted: int
    history: tuple[tuple[float, ...], ...]
    told: tuple[bool, ...]
    calls: int
    seconds: float
    mark: str = ""

    def after(self, seen: float) -> tuple[float, ...]:
        """The posterior when that share of the film has been seen."""
        return self.history[int(seen * (len(self.history) - 1) + _TIE)]

    def hit(self, seen: float) -> float:
        """Whether the wanted goal is then the likeliest, 0..1: its part where several are."""
        shares = self.after(seen)
        likeliest = [goal for goal, share in enumerate(shares) if share >= max(shares) - _TIE]
        return (self.wanted in likeliest) / len(likeliest)


class WatchBench(LateModel):
    """The blocks world, its episodes, and the model, loaded when it is first needed."""

    def __init__(
        self, setup: WatchSetup, world: Blocks | None = None, model: Steps | None = None, threads: int | str = "auto"
    ):
        super().__init__(setup.weights, setup.device, threads, model)
        self.setup, self.world = setup, world or Blocks()
        self.planning = self.world.planning()

    def watch(self, track: str, episode: int) -> Watched:
        """One episode, watched by one track."""
        intent = intents.draw(self.setup.seed, episode, noise=self.setup.noise)
        watchers: dict[str, Callable[[Intent], Inference]] = {
            "film": self._film, "actions": self._actions, "oracle": self._oracle, "heuristic": self._heuristic,
        }  # fmt: skip
        found = watchers[track](intent)
        return Watched(
            track=track, episode=episode, things=len(intent.scene.blocks), wanted=intent.wanted,
            history=found.history, told=found.told, calls=found.calls, seconds=round(found.seconds, 4),
            mark=self.setup.mark(track),
        )  # fmt: skip

    def film(self, intent: Intent) -> Frames:
        """The picture of the start and the clip of every action, (1 + 8 * actions, 128, 128, 3) uint8."""
        scene, clips = intent.scene, [self.world.render(intent.scene)[None]]
        for action in intent.actions:
            outcome = self.world.step(scene, action)
            clips.append(outcome.frames)
            scene = outcome.scene
        return np.concatenate(clips)

    def _watcher(self, dynamics: Dynamics, intent: Intent, budget: Budget | None = None) -> Watcher:
        return Watcher.of_facts(dynamics, self.planning, intent.goals, actor=self.setup.actor, budget=budget)

    def _film(self, intent: Intent) -> Inference:
        dynamics = self._imagined(intent)
        states = [dynamics.init(frame) for frame in resting(self.film(intent), self.world.frames_per_action)]
        return self._watcher(dynamics, intent, Budget(calls=self.setup.calls)).watch(states)

    def _actions(self, intent: Intent) -> Inference:
        dynamics, rng = self._imagined(intent), np.random.default_rng(crc32(intent.id.encode()))
        scene, sentences = intent.scene, []
        for action in intent.actions:
            sentences.append(self.world.say(scene, action, rng))
            scene = self.world.advance(scene, action)
        watcher = self._watcher(dynamics, intent, Budget(calls=self.setup.calls))
        return watcher.follow(dynamics.init(self.world.render(intent.scene)), sentences)

    def _oracle(self, intent: Intent) -> Inference:
        dynamics, scenes = Simulated(self.world), [intent.scene]
        for action in intent.actions:
            scenes.append(self.world.advance(scenes[-1], action))
        return self._watcher(dynamics, intent).watch([dynamics.init(scene) for scene in scenes])

    def _heuristic(self, intent: Intent) -> Inference:
        seen = [self.world.readout(frame) for frame in resting(self.film(intent), self.world.frames_per_action)]
        history = []
        for facts in seen:
            if facts is None:
                history.append(history[-1] if history else (1 / len(intent.goals),) * len(intent.goals))
                continue
            parts = [self.planning.progress(facts, goal) for goal in intent.goals]
            best = [part == max(parts) for part in parts]
            history.append(tuple(is_best / sum(best) for is_best in best))
        return Inference(history=tuple(history), told=tuple(f is not None for f in seen[1:]), calls=0, seconds=0.0)

    def _imagined(self, intent: Intent) -> Imagined:
        seed = crc32(f"{intent.id} {self.setup.seed}".encode())
        sampler = Sampler(steps=self.setup.steps)
        return Imagined(self.model, self.world, redraws=self.setup.redraws, sampler=sampler, seed=seed)


def watch_all(
    setup: WatchSetup,
    tracks: Sequence[str],
    episodes: int,
    out: Path | None = None,
    processes: int = 1,
    console: Console | None = None,
    bench: WatchBench | None = None,
) -> list[Watched]:
    """The first `episodes` episodes, watched by every track; in no particular order. See `run` for the rest."""
    bench = bench or WatchBench(setup)
    marks = {track: setup.mark(track) for track in tracks}
    done = {
        (found.track, found.episode): found
        for found in _read(out)
        if marks.get(found.track) == found.mark and found.episode < episodes
    }
    tasks = [(track, episode) for track in tracks for episode in range(episodes)]
    left = [task for task in tasks if task not in done]
    with progress_bar("watching", len(tasks), len(done), console) as tell:
        for found in spread(left, partial(_watch, bench), partial(_begin, setup), processes):
            if out:
                append(out, asdict(found))
            done[found.track, found.episode] = found
            hits = [other.hit(0.5) for other in done.values() if other.track == found.track]
            tell(f"{found.track} {sum(hits) / len(hits):.2f}")
    return list(done.values())


def _watch(bench: WatchBench, task: tuple[str, int]) -> Watched:
    return bench.watch(*task)


def _begin(setup: WatchSetup) -> Callable[[tuple[str, int]], Watched]:
    return partial(_watch, WatchBench(setup, threads=1))


def _read(out: Path | None) -> list[Watched]:
    found = []
    for content in read(out):
        try:
            history = tuple(tuple(map(float, row)) for row in content["history"])
            values: dict[str, Any] = {**content, "history": history, "told": tuple(content["told"])}
            found.append(Watched(**values))
        except (TypeError, KeyError):
            continue
    return found
