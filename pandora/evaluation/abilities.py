"""What is measured in every world, under the world's name: `road.followed` and its kin, and the longer trials.

A clip is right where `World.read` reads off it all that `World.shown` says of the true one.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import ceil

import numpy as np

from pandora.evaluation import trials
from pandora.evaluation.measures import TRUTH, Bench, Singles, horizon_rows, join, single_rows, singles, walk
from pandora.evaluation.rows import Row, share
from pandora.evaluation.stories import Kind, draw, generator
from pandora.evaluation.verdict import degrade_all, judge
from pandora.evaluation.workers import Job, Workers
from pandora.worlds.base import World

HORIZONS = (4, 8, 24)
DECIBEL = 33.0  # of the true clips that the judge is tried on beside the clean ones
TRANSFER = "transfer"  # how the names of splits begin that are worlds apart
_TRIES = 500  # scenes in which an action of each kind must be found
_WALKS = 25  # in one job
# The rows of a world whose rows carry no name, as they are called under its name.
_PLAIN = {
    "next_state.in_distribution": "followed",
    "next_state": "followed",
    "unchanged.illegal": "followed.illegal",
    "unchanged.wait": "followed.wait",
    "readout.true_frames": "judge",
    "readout.degraded": "judge.degraded",
}


def kinds(world: World, seed: int = 0) -> list[Kind]:
    """The single actions that a world has, by what may be asked about them."""
    row = f"{world.name}.followed"
    asked = [
        Kind(name=row),
        Kind(name=f"{row}.held_out_phrasings", phrasing="held_out"),
        Kind(name=f"{row}.held_out_transitions", held_out=True),
        *(Kind(name=f"{row}.{name}", options=options, held_out=None) for name, options in world.splits().items()),
        Kind(name=f"{row}.illegal", legal=False, changes=None),
    ]
    asked += [Kind(name=f"{row}.wait", verb="wait", changes=None)] if "wait" in world.verbs else []
    return [kind for kind in asked if _has(world, kind, seed)]


def check(world: World) -> None:
    """Raises InvalidInput where the world's clips can't be judged yet."""
    story = draw(world, Kind(name="check", changes=None, held_out=None), 0, 0)
    world.read(story.start, story.turns[0].frames)


def total(bench: Bench, asked: Sequence[Kind], single: bool = True) -> int:
    """How many clips will be made; a trial counts as one. Without `single`, only those of `longer`."""
    sizes, world = bench.sizes, bench.world
    count = 0
    for entry in (entry for entry in bench.entries if entry.only is None):
        if single:
            count += entry.of(sizes.clips) * len(asked) + entry.of(sizes.walks) * sizes.actions
        count += entry.of(sizes.drifts) * sizes.long
        count += entry.of(sizes.trials) * (1 + trials.can_switch(world) + trials.can_return(world))
    return count


def measure(bench: Bench, workers: Workers | None = None, others: Sequence[str] = ()) -> list[Row]:
    """Every row of a world under its name; `others` names the worlds that nonsense is taken from."""
    workers, asked, prefix = workers or Workers(), kinds(bench.world, bench.seed), bench.prefix
    count = bench.sizes.walks
    walks = [range(first, min(count, first + _WALKS)) for first in range(0, count, _WALKS)]
    jobs: list[Job] = [partial(walk, among=among) for among in walks]
    jobs += [partial(singles, kind=kind) for kind in asked]
    *found, degraded = workers.run(bench, [*jobs, *longer(bench.world, others), degraded_row])
    walked, seen, extra = found[: len(walks)], found[len(walks) :][: len(asked)], found[len(walks) + len(asked) :]
    rows = [row for kind, singled in zip(asked, seen, strict=True) for row in single_rows(kind, singled, prefix)]
    rows.sort(key=lambda row: row.name.startswith(f"{prefix}psnr"))
    rows += _transfer(prefix, asked, seen)
    rows += [row for row in horizon_rows(walked, prefix) if _is_horizon(row, prefix, bench.sizes.actions)]
    rows += [row for some in extra for row in some]
    truth = [verdict.right for singled in seen for verdict in singled.verdicts[TRUTH]]
    return [*rows, share(f"{prefix}judge", truth), degraded]


def longer(world: World, others: Sequence[str]) -> list[Job]:
    """The longer trials, each a job that gives rows under the world's name, also where its other rows carry none."""
    jobs: list[Job] = [trials.drift, partial(trials.nonsense, others=tuple(others))]
    jobs += [trials.switches] if trials.can_switch(world) else []
    return [*jobs, trials.returns] if trials.can_return(world) else jobs


def renamed(world: World, rows: Sequence[Row]) -> list[Row]:
    """The rows without a name again, as other worlds call theirs: `next_state.in_distribution` is `blocks.followed`."""
    again = []
    for row in rows:
        for old, new in _PLAIN.items():
            if row.name == old or row.name.startswith(f"{old}."):
                again.append(replace(row, name=f"{world.name}.{new}{row.name.removeprefix(old)}"))
                break
        else:
            if row.name.startswith("horizon.") and _is_horizon(row, ""):
                again.append(replace(row, name=f"{world.name}.{row.name}"))
    return [row for row in again if ".verb." not in row.name and ".steps_" not in row.name]


def degraded_row(bench: Bench) -> Row:
    """The judge on true clips blurred and noised to `DECIBEL`."""
    right, kind = [], Kind(name=f"{bench.world.name}.followed")
    for index in range(ceil(bench.sizes.clips / 4)):
        story = draw(bench.world, kind, bench.seed, index)
        rng = generator(bench.seed, "degrade", index)
        film = degrade_all(np.concatenate([story.start[None], story.turns[0].frames]), DECIBEL, rng)
        right.append(judge(bench.world, film[0], film[1:], story.turns[0], story.facts).right)
    return share(f"{bench.prefix}judge.degraded", right)


def _transfer(prefix: str, asked: Sequence[Kind], seen: Sequence[Singles]) -> list[Row]:
    """All actions in splits that are worlds apart, together."""
    far = [some for kind, some in zip(asked, seen, strict=True) if _split(kind).startswith(TRANSFER)]
    names = [name for name in (far[0].verdicts if far else ()) if name != TRUTH]
    return [
        share(f"{prefix}{join(TRANSFER, name)}", [verdict.right for some in far for verdict in some.verdicts[name]])
        for name in names
    ]


def _split(kind: Kind) -> str:
    return kind.name.partition(".followed.")[2]


def _is_horizon(row: Row, prefix: str, last: int = 0) -> bool:
    number = row.name.removeprefix(f"{prefix}horizon.").split(".")[0]
    return number.isdigit() and int(number) in (*HORIZONS, last)


def _has(world: World, kind: Kind, seed: int) -> bool:
    try:
        draw(world, kind, seed, 0, _TRIES)
    except RuntimeError:
        return False
    return True
