"""What the backbone says, measured against the truth as the frames are, and against the frames."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from pandora.errors import InvalidInput
from pandora.evaluation.measures import DETAILED, Bench
from pandora.evaluation.rows import Row, mean, share
from pandora.evaluation.stories import Kind, Story, draw
from pandora.evaluation.subjects import Told
from pandora.worlds.base import Frame, Planning, World

Outcomes = dict[str, list[bool]]
_NAMES = ("seen", "next", "thought", "seen_generated", "agrees")


class Speaks(Protocol):
    """The part of `WorldModel` that is measured."""

    def describe(self, frames: Sequence[Frame]) -> Sequence[Any]: ...
    def foresee(self, texts: Sequence[str], actions: Sequence[str]) -> Sequence[Any]: ...


def words(bench: Bench, kind: Kind) -> list[Row]:
    """The rows `text_state.…` of one kind of actions; none where the model, or the world, has no words for states."""
    told, planning = bench.entries[0].subject, _planning(bench.world)
    if planning is None or not isinstance(told, Told) or not getattr(told.model, "speaks", False):
        return []
    outcomes: Outcomes = defaultdict(list)
    sure: list[float] = []
    for indices in bench.batches(bench.sizes.clips):
        stories = [draw(bench.world, kind, bench.seed, index) for index in indices]
        _compare(bench, kind, planning, told, stories, outcomes, sure)
        bench.advance(f"text_state, {kind.name}", 0)
    part = kind.name.removeprefix("next_state.")
    rows = [share(f"text_state.{name}.{part}", outcomes[name]) for name in _NAMES if name in outcomes]
    return [*rows, mean(f"text_state.optimism.{part}", np.subtract(sure, outcomes["next"]).tolist(), "share")]


def _compare(
    bench: Bench,
    kind: Kind,
    planning: Planning,
    told: Told,
    stories: list[Story],
    outcomes: Outcomes,
    sure: list[float],
) -> None:
    model: Any = told.model
    before = [planning.say_state(story.facts) for story in stories]
    after = [planning.say_state(story.turns[0].facts) for story in stories]
    sentences = [story.turns[0].sentence for story in stories]
    seen = model.describe([story.start for story in stories])
    following = model.foresee([said.text for said in seen], sentences)
    thought = model.foresee(before, sentences)
    for row, text in enumerate(before):
        outcomes["seen"].append(_same(seen[row].text, text))
        outcomes["next"].append(_same(following[row].text, after[row]))
        outcomes["thought"].append(_same(thought[row].text, after[row]))
        sure.append(seen[row].confidence * following[row].confidence)
    if kind.name == DETAILED:
        clips = next(iter(told.imagine(stories)))
        generated = model.describe([clip[-1] for clip in clips])
        for row, clip in enumerate(clips):
            facts = bench.world.readout(np.ascontiguousarray(clip[-1]))
            if facts is not None:
                outcomes["seen_generated"].append(_same(generated[row].text, planning.say_state(facts)))
            outcomes["agrees"].append(_same(generated[row].text, following[row].text))


def _planning(world: World) -> Planning | None:
    try:
        return world.planning()
    except InvalidInput:
        return None


def _same(said: str, truth: str) -> bool:
    """Whether two texts are one, but for spaces."""
    return said.replace(" ", "") == truth.replace(" ", "")
