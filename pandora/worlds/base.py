"""What a world with known truth offers: scenes, free-text actions, frames, and a readout of facts from pixels.

The interface knows no particular world. A world is a stateless rulebook; a scene is an immutable value.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pandora.errors import InvalidInput, NothingToPlan

Frame = NDArray[np.uint8]  # (H, W, 3) RGB, 0..255
Frames = NDArray[np.uint8]  # (T, H, W, 3) RGB, 0..255
Fact = tuple[str, ...]  # ("on", "red", "blue")
Facts = frozenset[Fact]
PhraseSplit = Literal["train", "held_out"]


@dataclass(frozen=True)
class Meaning:
    """What a sentence asks for: a verb of the world and its arguments, e.g. Meaning("stack", ("red", "blue"))."""

    verb: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.verb, *self.arguments))


@dataclass(frozen=True)
class Outcome:
    """The result of one action: the next scene, the clip that leads there, and whether the rules allowed it."""

    scene: Any
    frames: Frames
    legal: bool


@dataclass(frozen=True)
class Example:
    """A scene worth beginning with: an id, a title, and sentences that fit it."""

    id: str
    title: str
    scene: Any
    suggestions: tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """A start, a goal in words, and how many actions a plan may take: as many as the shortest plan has."""

    id: str
    scene: Any
    goal: str
    limit: int
    things: int  # how many objects the scene has


class Planning(ABC):
    """What planners may ask a world about facts, be they true or predicted; no scene and no simulator is involved.

    Actions and goals are sentences; a goal's meaning is a set of facts.
    """

    @abstractmethod
    def goal(self, text: str) -> Facts:
        """The facts that a sentence asks for. Raises InvalidInput where it can't be read."""

    @abstractmethod
    def say_goal(self, goal: Facts) -> str:
        """The sentence for these facts; the inverse of `goal`."""

    def examples(self, suggestions: Sequence[str]) -> tuple[str, ...]:
        """Goals worth trying where these sentences fit; none where they don't say enough of the scene."""
        return ()

    def say_state(self, facts: Facts) -> str:
        """The state in plain words, always in the same order; what no planner needs is left out."""
        raise InvalidInput("This world has no words for its states.")

    def read_state(self, text: str) -> Facts | None:
        """The facts that a text of `say_state` tells; None where it is none, or contradicts itself."""
        return None

    @abstractmethod
    def actions(self, facts: Facts, rules: bool = True) -> list[str]:
        """What can be said in this state, in a fixed order: what the rules allow, or, without `rules`, anything."""

    def meaning(self, action: str) -> Meaning | None:
        """What a sentence of `actions` means; None for any other, which `World.understand` may still read."""
        return None

    def key(self, facts: Facts, kinds: Collection[str] = ()) -> Hashable:
        """Equal for states that search need not tell apart: it looks at one of them only.

        `kinds` are the first words of facts that a goal speaks of: states that differ in these are told apart.
        """
        return facts

    def check_facts(self, goal: Facts) -> None:
        """Raises InvalidInput for a goal with a fact that this world can never show; by default none is known."""
        return

    def progress(self, facts: Facts, goal: Facts) -> float:
        """The share of the goal's facts that hold, 0..1."""
        return len(goal & facts) / len(goal) if goal else 1.0

    def distance(self, facts: Facts, goal: Facts) -> float:
        """How many actions are left at least."""
        return 0.0 if goal <= facts else 1.0

    def prior(self, facts: Facts, action: str, goal: Facts) -> float:
        """How promising an action looks before it is tried, 0..1."""
        return 0.5

    def plausible(self, before: Facts, after: Facts, action: str = "") -> bool:
        """Whether a prediction may be right: it has the same things, and what the rules allow changed something."""
        return True

    def problems(self, folder: Path | None, seed: int, layout: int) -> list[Problem]:
        """The benchmark's problems, from a folder of public ones or, without one, drawn by the seed.

        Another `layout` is the same problem in another picture. Raises InvalidInput where the folder has none.
        """
        raise InvalidInput("This world has no planning problems.")

    def needs_held_out(self, problem: Problem) -> bool:
        """Whether every shortest plan takes a transition that training is kept from."""
        return False


class World(ABC):
    """A simulator with text actions, exact state and a readout. Scenes are opaque outside the world's own module."""

    name: str
    size: int = 128  # frames are size x size
    fps: int = 8
    frames_per_action: int = 8
    verbs: dict[str, int]  # verb -> number of arguments; a verb takes as many in every world
    arguments: tuple[str, ...]  # every value an argument can take
    attributes: Mapping[str, tuple[str, ...]] = {}  # what a learned judge reads from clips, with its values
    glance: tuple[str, ...] | None = None  # first words of the facts that one picture is enough for; None: of all
    switches: tuple[str, ...] = ()  # verbs that change the weather, the hour and the like, and nothing else
    episode_clips: int = 6  # actions in a training episode
    returns: bool = False  # whether it has journeys that end with the first view

    @abstractmethod
    def reset(self, seed: int, **options: Any) -> Any:
        """A random scene; the same seed and options give the same scene and pixels."""

    @abstractmethod
    def render(self, scene: Any) -> Frame:
        """The picture of a resting scene."""

    @abstractmethod
    def step(self, scene: Any, meaning: Meaning) -> Outcome:
        """Apply an action. What the rules forbid is attempted visibly and leaves the facts as they were."""

    def advance(self, scene: Any, meaning: Meaning) -> Any:
        """The scene after the action, as `step` makes it; worlds that can, spare the frames."""
        return self.step(scene, meaning).scene

    @abstractmethod
    def meanings(self, scene: Any) -> list[Meaning]:
        """Every action that can be said in this scene, legal or not, in a fixed order."""

    @abstractmethod
    def is_legal(self, scene: Any, meaning: Meaning) -> bool: ...

    @abstractmethod
    def say(self, scene: Any, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        """One sentence for the meaning, drawn from the grammar; `split` picks the trained or the held-out phrasings."""

    def understand(self, scene: Any, text: str) -> Meaning | None:
        """What a sentence means in this scene; None where it is not understood. At least `str(meaning)` always is."""
        return next((meaning for meaning in self.meanings(scene) if str(meaning) == text), None)

    def split_of(self, text: str) -> PhraseSplit | None:
        """Whether training may use a sentence, or evaluation alone; None for one that the world can't place."""
        return None

    @abstractmethod
    def facts(self, scene: Any) -> Facts:
        """The whole state, exactly, as facts."""

    @abstractmethod
    def readout(self, frame: Frame) -> Facts | None:
        """The facts read from pixels alone, or None where the picture can't be decoded."""

    def shown(self, scene: Any, meaning: Meaning, after: Any) -> Facts:
        """What the clip of an action truly shows, from `scene` to `after`, as far as `read` can tell it from pixels.

        More than the state afterwards where motion matters (that the car braked), less where the state can't be seen.
        """
        return self.facts(after)

    def read(self, start: Frame, frames: Frames) -> Facts | None:
        """What a clip shows, from pixels alone: `start` is the picture before it. None where it can't be decoded."""
        return self.readout(frames[-1])

    def confidence(self, start: Frame, frames: Frames) -> float:
        """How sure `read` is of this clip, 0..1."""
        return float(self.read(start, frames) is not None)

    def journeys(self, scene: Any, rng: np.random.Generator) -> list[Meaning]:
        """Legal actions after which the first view is back; drawn anew at each call. None where it has none."""
        return []

    def same_view(self, one: Frame, other: Frame) -> float:
        """Whether two pictures show the same place seen the same way: 0..1, above 0.5 where they do."""
        raise InvalidInput(f"The world {self.name} does not tell views apart.")

    @abstractmethod
    def is_held_out(self, scene: Any, meaning: Meaning) -> bool:
        """Whether this (state, action) transition is kept out of all training clips, in any rendering."""

    def demonstrate(self, scene: Any, rng: np.random.Generator) -> list[Meaning]:
        """Actions, one after the other, that pursue a goal of the world's own; random ones where it has none."""
        raise InvalidInput(f"The world {self.name} pursues no goals.")

    def sample(self, scene: Any, rng: np.random.Generator, legal: bool | None = None) -> Meaning:
        """A random action: a verb, then its arguments, so that rare verbs are as frequent as common ones.

        `legal` keeps to what the rules allow (True) or forbid (False). ValueError where the scene has no such action.
        """
        choices = [m for m in self.meanings(scene) if legal is None or self.is_legal(scene, m) == legal]
        if not choices:
            raise ValueError(f"The scene has no {'legal' if legal else 'illegal'} action.")
        verbs = sorted({meaning.verb for meaning in choices})
        verb = verbs[rng.integers(len(verbs))]
        fitting = [meaning for meaning in choices if meaning.verb == verb]
        return fitting[rng.integers(len(fitting))]

    def splits(self) -> dict[str, dict[str, Any]]:
        """Scenes unlike those of training, by name: the options of `reset` that draw them."""
        return {}

    def examples(self) -> list[Example]:
        """Scenes that ship with the weights as start pictures."""
        return []

    def planning(self) -> Planning:
        """What planners need to know. Raises NothingToPlan where the world has no goals."""
        raise NothingToPlan(f"The world {self.name} has no goals to plan for.")
