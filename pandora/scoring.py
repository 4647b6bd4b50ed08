"""How good an imagined moment is: scorers take a state and return a value and how sure it is, or None.

A scorer is any callable of a WorldState. It returns a `Score`, a plain number (of which it is sure), or None where it
can't say. Those of here give 0 for nothing reached and 1 for all of it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from pandora.backbone import Said
from pandora.errors import InvalidInput, NothingToPlan
from pandora.media import Frame, ImageSource, to_tensor
from pandora.scenes import Scene
from pandora.types import WorldState
from pandora.world_model import WorldModel
from pandora.worlds import make_world
from pandora.worlds.base import Fact, Facts, World

Readout = Callable[[Frame], Facts | None]  # (H, W, 3) uint8 -> facts; None where the picture can't be decoded
UNRELATED = math.sqrt(2)  # root mean square distance of two unrelated pictures: latents have unit variance
_BLUR = 2.5


@dataclass(frozen=True)
class Score:
    """`value` is the scorer's own, the higher the better; `confidence` in 0..1 is how much the value can be trusted."""

    value: float
    confidence: float = 1.0


Scorer = Callable[[WorldState], Score | float | None]


def ask(scorer: Scorer, state: WorldState) -> Score | None:
    """What a scorer says of a state. A number is taken as sure, one that is not finite as None."""
    said = scorer(state)
    if said is None:
        return None
    score = said if isinstance(said, Score) else Score(float(said))
    return score if math.isfinite(score.value) and math.isfinite(score.confidence) else None


def combine(scores: Sequence[Score | None]) -> Score | None:
    """One score of several samples: the mean value of those that say something; those that don't count as confidence 0.

    None where none of them says anything.
    """
    said = [score for score in scores if score is not None]
    if not said:
        return None
    value = sum(score.value for score in said) / len(said)
    return Score(value, sum(score.confidence for score in said) / len(scores))


def readout_of(world: str) -> Readout:
    """The readout of the kind of world of that name. Raises UnknownName, which lists the valid ones."""
    return make_world(world).readout


class FactsGoal:
    """The share of a goal's facts that a picture shows, 0..1; None where the readout can't decode it.

    Raises InvalidInput for a goal without facts.
    """

    def __init__(self, facts: Iterable[Fact], readout: Readout):
        self.facts: Facts = frozenset(tuple(fact) for fact in facts)
        self._readout = readout
        if not self.facts:
            raise InvalidInput('A goal has at least one fact, such as ("on", "red", "blue").')

    def __call__(self, state: WorldState) -> Score | None:
        return self.of(self._readout(state.frame.numpy()))

    def of(self, found: Facts | None) -> Score | None:
        """The same for facts that were read already."""
        return None if found is None else Score(len(self.facts & found) / len(self.facts))


class ImageGoal:
    """How near what a state shows is to a goal picture, in the model's own latent space, 0..1.

    The distance is the root mean square over the latents of the last frame, encoded afresh: those that the video model
    made tell of the movement before it, too. The value is 1 within `near` of the goal, 0 at `far` or beyond, and linear
    between. `near` is 2.5 times the distance of the goal from the model's own drawing of it: what the shipped model
    imagines of a goal that it reaches lies within that. `far` is the distance of `start` from the goal, so that the
    value is the share of the way that is done; without `start` it is that of two unrelated pictures. The confidence is
    1 - near / far: small where the model's blur is as large as the way, 0 where the goal looks like its start.

    Computes with the model. Raises InvalidImage.
    """

    def __init__(self, model: WorldModel, image: ImageSource, start: WorldState | None = None):
        begun = model.begin(image, expert=None if start is None else start.expert)
        self._model = model.expert(begun.expert)
        self._goal = begun.latents[:, -1]
        self.near = _BLUR * _distance(self._encode(begun), self._goal)
        way = UNRELATED if start is None else _distance(self._encode(start), self._goal)
        self.confidence = max(0.0, 1.0 - self.near / way) if way > 0 else 0.0
        self.far = max(way, 2 * self.near, 1e-6)

    def __call__(self, state: WorldState) -> Score:
        done = (self.far - _distance(self._encode(state), self._goal)) / (self.far - self.near)
        return Score(min(1.0, max(0.0, done)), self.confidence)

    @torch.inference_mode()
    def _encode(self, state: WorldState) -> Tensor:
        runtime = self._model.runtime
        pixels = to_tensor(state.frame, runtime.device).to(runtime.dtype)
        return self._model.autoencoder.encode(pixels[None, :, None])[0, :, 0].float().cpu()


class SaidGoal:
    """The share of a goal's facts that the model's own words for a picture tell, 0..1.

    The confidence is the probability that the model gives to its words; None where they tell no possible state.
    Computes with the model, which has a voice.
    """

    def __init__(self, model: WorldModel, facts: Facts, read: Callable[[str], Facts | None]):
        self._model, self.facts, self._read = model, facts, read

    def __call__(self, state: WorldState) -> Score | None:
        return self.of(self.describe([state.frame.numpy()])[0])

    def describe(self, frames: Sequence[Frame]) -> Sequence[Said]:
        """The words for pictures (H, W, 3) uint8, in one batch."""
        return self._model.describe(frames)

    def of(self, said: Said) -> Score | None:
        """The same of words that were written already."""
        found = self._read(said.text)
        return None if found is None else Score(len(self.facts & found) / len(self.facts), said.confidence)


def goal_of_facts(facts: Iterable[Fact], world: str) -> FactsGoal:
    """The goal of these facts in the kind of world of that name.

    Raises InvalidInput for facts that it can never show, as far as it knows, and UnknownName.
    """
    goal = FactsGoal(facts, readout_of(world))
    _check_glance(make_world(world), goal.facts)
    with suppress(NothingToPlan):
        make_world(world).planning().check_facts(goal.facts)
    return goal


def goals_of(scene: Scene) -> tuple[str, ...]:
    """Goals in words that are worth trying; none where its kind of world knows none, or is not installed."""
    with suppress(InvalidInput):
        return make_world(scene.world).planning().examples(scene.suggestions)
    return ()


def goal_in_words(text: str, world: str, model: WorldModel | None = None) -> FactsGoal | SaidGoal:
    """The goal that a sentence names in the kind of world of that name, e.g. "the red block is on the blue block".

    A model that speaks judges by its own words for what it sees; without one the world's readout does. Raises
    InvalidInput with what can be said, UnknownName.
    """
    kind = make_world(world)
    goal = kind.planning().goal(text)
    voice = None if model is None else model.expert(model.expert_for(world))
    if voice is not None and voice.speaks:
        return SaidGoal(voice, goal, kind.planning().read_state)
    _check_glance(kind, goal)
    return FactsGoal(goal, kind.readout)


def _check_glance(world: World, goal: Facts) -> None:
    """Raises InvalidInput where it takes more than one picture to see whether a fact holds."""
    hidden = sorted(fact for fact in goal if world.glance is not None and fact[0] not in world.glance)
    if hidden:
        raise InvalidInput(
            f"One picture of the world {world.name} doesn't tell {' '.join(hidden[0])!r}: it tells "
            f"{', '.join(world.glance or ())}. Leave that out, or plan for it: a plan sees things move."
        )


def _distance(a: Tensor, b: Tensor) -> float:
    return float(torch.sqrt(torch.mean((a - b) ** 2)))
