"""A learned world as dynamics: pictures are generated, and the state is read off the last of them."""

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Protocol, Self

import numpy as np

from pandora.media import ImageSource, load_image
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
    ) -> tuple[list[Any], Sequence[Clip]]: ...


@dataclass(frozen=True, eq=False)
class Moment:
    """A generated moment: the model's state, what was read off its frame, and how many samples disagreed, 0..1."""

    world: Any
    facts: Facts | None
    spread: float = 0.0
    seed: int = 0  # of its future
    born: tuple[Any, str] | None = None  # the model's state before it, and what was said; None of what was looked at


class Imagined(Dynamics):
    """A `WorldModel` in a world with a readout. Facts come from generated frames alone, never from the simulator.

    Each step is sampled `samples` times; the state that most of them show goes on, and the share of the others is the
    spread. A frame that can't be read, that lost or gained things or, with `rules`, that shows no change where they
    allow the action, has no facts and is drawn again with other noise, `redraws` times at most. `batch` clips are made
    at a time.
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
        rules: bool = True,
    ):
        self.model, self.world, self.planning = model, world, world.planning()
        self.samples, self.redraws, self.sampler, self.batch = samples, redraws, sampler, batch
        self.seed, self.rules = seed, rules
        self._cached: dict[tuple[Facts | None, int, Action], Moment] = {}

    @classmethod
    def of(cls, model: Steps, kind: str, **options: Any) -> Self:
        """The same for the kind of world of that name. Raises UnknownName, which lists the valid ones."""
        return cls(model, make_world(kind), **options)

    def init(self, observation: ImageSource) -> Moment:
        """The moment that a picture shows; where the model's own copy can't be read, the picture is.

        In a world whose judge has to see things move, what waiting looks like is read.
        """
        self._cached.clear()
        picture = observation if isinstance(observation, np.ndarray) else load_image(observation)
        world = self.model.begin(picture, seed=self.seed)
        if self.world.attributes:
            after, clips = self.model.step([world], ["wait"], self.sampler)
            if (facts := self._look(_frame(world), after[0], clips, 0)) is not None:
                return Moment(world, facts, seed=self.seed)
        facts = self.world.readout(_frame(world))
        return Moment(world, self.world.readout(picture) if facts is None else facts, seed=self.seed)

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
        return None if state.facts is None else self.planning.key(state.facts, self.kinds)

    @property
    def calls_each(self) -> int:
        return self.samples

    def spread(self, state: Moment) -> float:
        return state.spread

    def resample(self, state: Moment, seed: int) -> Moment:
        other = _fork_seed(state.seed, seed)
        return replace(state, world=state.world.fork(other), seed=other)

    def film(self, states: Sequence[Moment]) -> Frames:
        """What was imagined on the way to these moments, a clip each, (T, H, W, 3) uint8.

        The clips are made again from what they were made of, so that they show what the search saw. A start that was
        looked at has no clip; where there is nothing else its picture is shown.
        """
        born = [state.born for state in states if state.born is not None]
        clips: list[Frames] = []
        for first in range(0, len(born), self.batch):
            worlds, texts = zip(*born[first : first + self.batch], strict=True)
            clips += [clip.frames for clip in self.model.step(worlds, texts, self.sampler)[1]]
        return np.concatenate(clips) if clips else _frame(states[0].world)[None]

    def _imagine(self, pairs: list[tuple[Moment, Action]]) -> list[tuple[Moment, int]]:
        """The next moment of each pair and how many clips it took."""
        rows: list[list[Moment]] = [[] for _ in pairs]  # what each sample shows
        calls = [0] * len(pairs)
        for draw in range(1 + self.redraws):
            wanted = [
                (place, self.samples * draw + sample)
                for place, row in enumerate(rows)
                for sample in range(self.samples)
                if not draw or row[sample].facts is None
            ]
            shown = self._draw([(*pairs[place], number) for place, number in wanted])
            for (place, number), moment in zip(wanted, shown, strict=True):
                calls[place] += 1
                if draw:
                    rows[place][number % self.samples] = moment
                else:
                    rows[place].append(moment)
        return list(zip(map(self._agree, rows), calls, strict=True))

    def _draw(self, wanted: list[tuple[Moment, Action, int]]) -> list[Moment]:
        """What follows; another number is other noise, which goes on from there."""
        before = [moment if number == 0 else self.resample(moment, number) for moment, _, number in wanted]
        texts = [self._say(moment, action) for moment, action, _ in wanted]
        shown: list[Moment] = []
        for first in range(0, len(before), self.batch):
            part = slice(first, first + self.batch)
            worlds, clips = self.model.step([moment.world for moment in before[part]], texts[part], self.sampler)
            for index, world in enumerate(worlds):
                moment, action, text = before[first + index], wanted[first + index][1], texts[first + index]
                found = self._look(_frame(moment.world), world, clips, index)
                facts = self._believe(moment, action, found)
                shown.append(Moment(world, facts, seed=moment.seed, born=(moment.world, text)))
        return shown

    def _say(self, moment: Moment, action: Action) -> str:
        return action

    def _agree(self, shown: list[Moment]) -> Moment:
        """The moment that most samples show, the first of them for one."""
        keys = [self.key(moment) for moment in shown]
        (key, votes), *_ = Counter(keys).most_common()
        return replace(shown[keys.index(key)], spread=1 - votes / len(shown))

    def _look(self, before: Frame, world: Any, clips: Sequence[Clip], index: int) -> Facts | None:
        """What is read off a clip, where that tells more than its last picture.

        That one is the state's own: the rest of a clip may have gone through a codec.
        """
        last = _frame(world)
        if type(self.world).read is World.read:
            return self.world.readout(last)
        return self.world.read(before, np.concatenate([clips[index].frames[:-1], last[None]]))

    def _believe(self, before: Moment, action: Action, facts: Facts | None) -> Facts | None:
        if facts is None or before.facts is None:
            return None
        return facts if self.planning.plausible(before.facts, facts, action if self.rules else "") else None


class Ablated(Imagined):
    """The same model told something else: what was said in another, random scene. What is left is chance and habit."""

    def _say(self, moment: Moment, action: Action) -> str:
        facts = [] if moment.facts is None else sorted(moment.facts)
        number = random.Random(f"{self.seed}|{facts}|{action}").randrange(2**31)
        rng, scene = np.random.default_rng(number), self.world.reset(10**9 + number)
        return self.world.say(scene, self.world.sample(scene, rng, legal=True), rng)


def _fork_seed(seed: int, number: int) -> int:
    """Of the future that is drawn with another number; those of forks of forks don't meet again."""
    digest = blake2b(f"{seed}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % _SEEDS


def _frame(world: Any) -> Frame:
    """The last picture of a model's state, (H, W, 3) uint8."""
    return np.ascontiguousarray(world.frame.numpy() if hasattr(world.frame, "numpy") else world.frame)
