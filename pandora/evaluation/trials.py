"""Longer tests of one ability each: to switch something on the way, to find back, to take no nonsense, to last.

A trial is a story of several actions; which clip of it is judged, and how, is the test's own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pandora.errors import InvalidInput
from pandora.evaluation.measures import Bench, join
from pandora.evaluation.rows import Row, mean, ratio, share
from pandora.evaluation.stories import Story, Walk, draw_walk, generator, new_scene, still
from pandora.evaluation.verdict import changed, judge, psnr
from pandora.worlds import make_world
from pandora.worlds.base import Facts, Frames, Meaning, World

UNDERWAY = 3  # actions before something is switched
SAME = 0.5  # of `same_view`, above which two pictures show one place
EARLY = 4  # the clip of a long walk that its last one is compared with
_TRIES = 200


@dataclass(frozen=True, eq=False)
class Trial:
    """`before` is what would be shown if the last action was not done."""

    story: Story
    before: Facts


Tried = tuple[str, Trial, list[Frames]]  # an entry's name, what was asked, and its clips, turn by turn


def can_switch(world: World) -> bool:
    return bool(world.switches)


def can_return(world: World) -> bool:
    return world.returns


def switches(bench: Bench) -> list[Row]:
    """`switch`: the weather or the like is changed in the middle of a walk; all that the clip shows is right.

    `switch.changed`: what should change is as it should be; `switch.kept`: all else is. `switch.psnr`: all
    pixels against the true ones, as no judge looks at every tree.
    """
    outcomes = _outcomes()
    pixels: dict[str, list[float]] = defaultdict(list)
    for name, trial, clips in _try(bench, "switch", lambda index: _switch(bench.world, bench.seed, index)):
        turn = trial.story.turns[-1]
        verdict = judge(bench.world, clips[-2][-1], clips[-1], turn, trial.before)
        read = verdict.facts or frozenset()
        outcomes["switch"][name].append(verdict.right)
        outcomes["switch.changed"][name].append(verdict.decoded and turn.facts - trial.before <= read)
        outcomes["switch.kept"][name].append(verdict.decoded and turn.facts & trial.before <= read)
        pixels[name].append(psnr(clips[-1], turn.frames) or 0.0)
    return [*_shares(bench, outcomes), *_decibels(bench, "switch.psnr", pixels)]


def returns(bench: Bench) -> list[Row]:
    """`return`: after a journey that ends where it began, the first view is back; `.psnr` compares the pixels.

    `return.followed`: and every clip on the way shows what it should, so that to stay at home is no way to return.
    """
    world = bench.world
    outcomes = _outcomes()
    pixels: dict[str, list[float]] = defaultdict(list)
    for name, trial, clips in _try(bench, "return", lambda index: _journey(world, bench.seed, index)):
        start, turns = trial.story.start, trial.story.turns
        starts = [start, *(clip[-1] for clip in clips[:-1])]
        back = float(world.same_view(start, np.ascontiguousarray(clips[-1][-1]))) > SAME
        way = zip(starts, clips, turns, strict=True)
        right = [judge(world, before, clip, turn, trial.before).right for before, clip, turn in way]
        outcomes["return"][name].append(back)
        outcomes["return.followed"][name].append(back and all(right))
        pixels[name].append(psnr(clips[-1][-1:], start[None]) or 0.0)
    return [*_shares(bench, outcomes), *_decibels(bench, "return.psnr", pixels)]


def nonsense(bench: Bench, others: Sequence[str]) -> list[Row]:
    """`nonsense`: told what makes sense in another world alone, the clip still shows a possible state of this one.

    `nonsense.unchanged`: and it is the state that waiting leads to. No rows where no other world is installed.
    """
    worlds = [world for name in others if name != bench.world.name and (world := _installed(name)) is not None]
    if not worlds or "wait" not in bench.world.verbs:
        return []
    outcomes = _outcomes()
    for name, trial, clips in _try(bench, "nonsense", lambda i: _nonsense(bench.world, worlds, bench.seed, i)):
        verdict = judge(bench.world, trial.story.start, clips[0], trial.story.turns[0], trial.before)
        outcomes["nonsense"][name].append(verdict.decoded)
        outcomes["nonsense.unchanged"][name].append(verdict.right)
    return _shares(bench, outcomes)


def drift(bench: Bench) -> list[Row]:
    """`drift`: how sure the judge is of the last clip of a long walk, relative to the fourth; 1 where nothing decays.

    `drift.psnr`: the same with the PSNR of what moves in the truth.
    """
    sizes, early, late = bench.sizes, _levels(), _levels()
    for indices in bench.batches(sizes.drifts):
        walks = [draw_walk(bench.world, bench.seed, index, sizes.long) for index in indices]
        for entry in bench.entries:
            chosen = walks[: max(0, entry.of(sizes.drifts) - indices[0])]
            if not chosen or entry.only is not None:
                continue
            starts = [walk.start for walk in chosen]
            for turn, clips in enumerate(entry.subject.imagine(chosen), 1):
                for part in [part for part, at in ((early, EARLY), (late, sizes.long)) if turn == at]:
                    truths = [walk.turns[turn - 1].frames for walk in chosen]
                    part["drift"][entry.name] += map(bench.world.confidence, starts, map(np.ascontiguousarray, clips))
                    part["drift.psnr"][entry.name] += map(_likeness, clips, truths)
                starts = [np.ascontiguousarray(clip[-1]) for clip in clips]
            bench.advance(f"{bench.world.name}.drift", len(chosen) * sizes.long)
    return [
        ratio(f"{bench.world.name}.{join(row, name)}", values, early[row][name])
        for row, by_entry in late.items()
        for name, values in by_entry.items()
    ]


def _try(bench: Bench, row: str, draw: Callable[[int], Trial]) -> Iterator[Tried]:
    """Every entry on its part of the trials; those of equal length are made together."""
    for indices in bench.batches(bench.sizes.trials):
        trials = [draw(index) for index in indices]
        for entry in bench.entries:
            chosen = trials[: max(0, entry.of(bench.sizes.trials) - indices[0])]
            if entry.only is not None:
                continue
            for length in sorted({len(trial.story.turns) for trial in chosen}):
                alike = [trial for trial in chosen if len(trial.story.turns) == length]
                films = zip(*entry.subject.imagine([trial.story for trial in alike]), strict=True)
                for trial, clips in zip(alike, films, strict=True):
                    yield entry.name, trial, list(clips)
            bench.advance(f"{bench.world.name}.{row}", len(chosen))


def _switch(world: World, seed: int, index: int) -> Trial:
    rng = generator(seed, "switch", index)
    for _ in range(_TRIES):
        walk = Walk(world, *new_scene(world, rng))
        for _ in range(UNDERWAY):
            walk.go(_sample(world, walk.scene, rng), rng)
        before = still(world, walk.scene)
        choices = [
            meaning
            for meaning in world.meanings(walk.scene)
            if meaning.verb in world.switches
            and world.is_legal(walk.scene, meaning)
            and not world.is_held_out(walk.scene, meaning)
            and world.shown(walk.scene, meaning, world.advance(walk.scene, meaning)) != before
        ]
        if choices:
            walk.go(choices[int(rng.integers(len(choices)))], rng)
            return Trial(walk.story, before)
    raise RuntimeError(f"{world.name} has nothing to switch in {_TRIES} scenes.")


def _sample(world: World, scene: Any, rng: np.random.Generator) -> Meaning:
    """A legal action that is neither a switch nor to wait, where there is any."""
    meaning = world.sample(scene, rng, legal=True)
    for _ in range(_TRIES):
        if meaning.verb not in (*world.switches, "wait"):
            break
        meaning = world.sample(scene, rng, legal=True)
    return meaning


def _journey(world: World, seed: int, index: int) -> Trial:
    rng = generator(seed, "journey", index)
    walk = Walk(world, *new_scene(world, rng))
    for meaning in world.journeys(walk.scene, rng):
        walk.go(meaning, rng)
    return Trial(walk.story, walk.facts)


def _nonsense(world: World, others: Sequence[World], seed: int, index: int) -> Trial:
    """A sentence of another world that means nothing in this scene; the truth is that of waiting."""
    rng = generator(seed, "nonsense", index)
    for _ in range(_TRIES):
        walk = Walk(world, *new_scene(world, rng))
        other = others[int(rng.integers(len(others)))]
        _, elsewhere = new_scene(other, rng)
        meaning = other.sample(elsewhere, rng, legal=True)
        sentence = other.say(elsewhere, meaning, rng)
        if meaning.verb not in world.verbs and world.understand(walk.scene, sentence) is None:
            walk.go(Meaning("wait"), rng, sentence=sentence)
            return Trial(walk.story, walk.facts)
    raise RuntimeError(f"All that the other worlds say makes sense in {world.name}, in {_TRIES} scenes.")


def _installed(name: str) -> World | None:
    try:
        return make_world(name)
    except (InvalidInput, ImportError):
        return None


def _likeness(clip: Frames, truth: Frames) -> float:
    """PSNR in dB over what moves in the true clip, or over all of it where nothing does."""
    moved = changed(truth, truth[0])
    return psnr(clip, truth, moved if moved.any() else None) or 0.0


Outcomes = dict[str, dict[str, list[bool]]]  # by row and entry


def _levels() -> dict[str, dict[str, list[float]]]:
    return {"drift": defaultdict(list), "drift.psnr": defaultdict(list)}


def _outcomes() -> Outcomes:
    return defaultdict(lambda: defaultdict(list))


def _shares(bench: Bench, outcomes: Outcomes) -> list[Row]:
    return [
        share(f"{bench.world.name}.{join(row, name)}", found)
        for row, by_entry in outcomes.items()
        for name, found in by_entry.items()
    ]


def _decibels(bench: Bench, row: str, pixels: Mapping[str, Sequence[float]]) -> list[Row]:
    return [mean(f"{bench.world.name}.{join(row, name)}", values, "dB") for name, values in pixels.items()]
