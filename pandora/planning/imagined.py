"""A learned world as dynamics: pictures are generated, and the state is read off the last of them."""

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from pandora.planning.interface import Action, Dynamics, State
from pandora.types import Clip, Frames, Sampler
from pandora.worlds import make_world
from pandora.worlds.base import Facts, Frame, World

_SEEDS = 2**53


class Steps(Protocol):
    """The part of `WorldModel` that is planned with."""

    def begin(self, image: Frame, seed: int = 0) -> Any: ...
    def step(
        self, states: Sequence[Any], actions: Sequence[str], sampler: Sampler | None = None
    ) -> tuple[list[Any], list[Clip]]: ...


@dataclass(frozen=True, eq=False)
class Moment:
    """A generated moment: the model's state, what was read off its frame, and how many samples disagreed, 0..1."""

    world: Any
    facts: Facts | None
    spread: float = 0.0
    seed: int = 0  # of its future


class Imagined(Dynamics):
    """A `WorldModel` in a world with a readout. Facts come from generated frames alone, never from the simulator.

    Each step is sampled `samples` times; the state that most of them show goes on, and the share of the others is the
    spread. A frame that can't be read, that lost or gained things, or that shows no change where the rules allow the
    action, has no facts and is drawn again with other noise, `redraws` times at most. `batch` clips are made at a time.
    A step from a state that decodes as one stepped before is not made again until `init` is called.
    """

    def __init__(
        self,
        model: Steps,
        world: World,
        *,
        samples: int = 1,
        redraws: int = 2,
        sampler: Sampler | None = None,
        batch: int = 16,
        seed: int = 0,
    ):
        self.model, self.world, self.planning = model, world, world.planning()
        self.samples, self.redraws, self.sampler, self.batch, self.seed = samples, redraws, sampler, batch, seed
        self._cached: dict[tuple[Facts | None, int, Action], Moment] = {}

    @classmethod
    def of(cls, model: Steps, kind: str, **options: Any) -> Self:
        """The same for the kind of world of that name. Raises UnknownName, which lists the valid ones."""
        return cls(model, make_world(kind), **options)

    def init(self, observation: Frame) -> Moment:
        """The moment that a picture (H, W, 3) uint8 shows; where the model's own copy can't be read, the picture is."""
        self._cached.clear()
        world = self.model.begin(observation, seed=self.seed)
        facts = self.world.readout(_frame(world))
        return Moment(world, self.world.readout(observation) if facts is None else facts, seed=self.seed)

    def step(self, states: Sequence[Moment], actions: Sequence[Action]) -> list[tuple[State, dict[str, Any]]]:
        """Also says how many clips each step took, as "calls"; none where it was made before."""
        asked = [(state.facts, state.seed, action) for state, action in zip(states, actions, strict=True)]
        fresh = {pair: place for place, pair in enumerate(asked) if pair not in self._cached}
        made = self._imagine([(states[place], actions[place]) for place in fresh.values()])
        spent = {place: calls for place, (_, calls) in zip(fresh.values(), made, strict=True)}
        self._cached |= zip(fresh, (moment for moment, _ in made), strict=True)
        return [(self._cached[pair], {"calls": spent.get(place, 0)}) for place, pair in enumerate(asked)]

    def facts(self, state: Moment) -> Facts | None:
        return state.facts

    def key(self, state: Moment) -> Hashable | None:
        return None if state.facts is None else self.planning.key(state.facts)

    def spread(self, state: Moment) -> float:
        return state.spread

    def resample(self, state: Moment, seed: int) -> Moment:
        other = (state.seed + 7919 * (seed + 1)) % _SEEDS
        return Moment(state.world.fork(other), state.facts, state.spread, other)

    def film(self, start: Moment, actions: Sequence[Action]) -> Frames:
        """The clips of a plan one after the other, (T, H, W, 3) uint8, made again from its start."""
        world, clips = start.world, []
        for action in actions:
            (world,), (clip,) = self.model.step([world], [action], self.sampler)
            clips.append(clip.frames)
        return np.concatenate(clips) if clips else _frame(start.world)[None]

    def _imagine(self, pairs: list[tuple[Moment, Action]]) -> list[tuple[Moment, int]]:
        """The next moment of each pair and how many clips it took."""
        rows: list[list[tuple[Any, Facts | None]]] = [[] for _ in pairs]  # what each sample shows
        calls = [0] * len(pairs)
        for draw in range(1 + self.redraws):
            wanted = [
                (place, self.samples * draw + sample)
                for place, row in enumerate(rows)
                for sample in range(self.samples)
                if not draw or row[sample][1] is None
            ]
            after = self._draw([(*pairs[place], number) for place, number in wanted])
            for (place, number), world in zip(wanted, after, strict=True):
                shown = (world, self._read(*pairs[place], world))
                calls[place] += 1
                if draw:
                    rows[place][number % self.samples] = shown
                else:
                    rows[place].append(shown)
        agreed = [self._agree(moment, row) for (moment, _), row in zip(pairs, rows, strict=True)]
        return list(zip(agreed, calls, strict=True))

    def _draw(self, wanted: list[tuple[Moment, Action, int]]) -> list[Any]:
        """The model's next states; another number is other noise."""
        worlds = [moment.world if number == 0 else self.resample(moment, number).world for moment, _, number in wanted]
        texts = [self._say(moment, action) for moment, action, _ in wanted]
        after: list[Any] = []
        for first in range(0, len(worlds), self.batch):
            part = slice(first, first + self.batch)
            after += self.model.step(worlds[part], texts[part], self.sampler)[0]
        return after

    def _say(self, moment: Moment, action: Action) -> str:
        return action

    def _agree(self, before: Moment, shown: list[tuple[Any, Facts | None]]) -> Moment:
        """The moment that most samples show, the first of them for one."""
        keys = [None if facts is None else self.planning.key(facts) for _, facts in shown]
        (key, votes), *_ = Counter(keys).most_common()
        world, facts = shown[keys.index(key)]
        return Moment(world, facts, 1 - votes / len(shown), before.seed)

    def _read(self, before: Moment, action: Action, world: Any) -> Facts | None:
        facts = self.world.readout(_frame(world))
        if facts is None or before.facts is None or not self.planning.plausible(before.facts, facts, action):
            return None
        return facts


class Ablated(Imagined):
    """The same model told something else: what was said in another, random scene. What is left is chance and habit."""

    def _say(self, moment: Moment, action: Action) -> str:
        facts = [] if moment.facts is None else sorted(moment.facts)
        number = random.Random(f"{self.seed}|{facts}|{action}").randrange(2**31)
        rng, scene = np.random.default_rng(number), self.world.reset(10**9 + number)
        return self.world.say(scene, self.world.sample(scene, rng, legal=True), rng)


def _frame(world: Any) -> Frame:
    """The last picture of a model's state, (H, W, 3) uint8."""
    return np.ascontiguousarray(world.frame.numpy() if hasattr(world.frame, "numpy") else world.frame)
