"""The measurements: single actions, long rollouts, counterfactual pairs, and the readout itself."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from pandora.evaluation.rows import Row, mean, share
from pandora.evaluation.stories import Kind, Story, draw, draw_pair, draw_walk, generator
from pandora.evaluation.subjects import Subject
from pandora.evaluation.verdict import UNTOUCHED, Mask, Verdict, changed, degrade, disturbance, judge, psnr
from pandora.worlds.base import Frame, Frames, World

MODEL, TRUTH = "", "truth"
DETAILED = "next_state.in_distribution"  # the kind that also gives PSNR and the samplers' rows
_FAILURES, _SUCCESSES, _FILMS = 3, 1, 4  # kept of each kind; kept of the rollouts


@dataclass(frozen=True)
class Entry:
    """A subject, its suffix in row names ("" for the model itself), and the part of the stories that it is given."""

    name: str
    subject: Subject
    part: float = 1.0
    only: str | None = None  # the one kind it takes part in

    def of(self, total: int) -> int:
        return ceil(self.part * total)


@dataclass(frozen=True)
class Sizes:
    clips: int = 1000  # a headline row
    walks: int = 400
    actions: int = 24  # of a walk
    pairs: int = 500
    drifts: int = 16  # long walks, on which pictures may decay
    long: int = 48  # actions of such a one
    trials: int = 200  # switches in the middle of something, journeys there and back, nonsense: of each


@dataclass(frozen=True, eq=False)
class Example:
    """A clip to look at: frames with the start picture first, made and true."""

    caption: str
    right: bool
    made: Frames
    truth: Frames
    sentences: tuple[str, ...] = ()


@dataclass
class Bench:
    """What measures what; `advance(row, clips)` hears of every clip that a subject made."""

    world: World
    entries: list[Entry]
    sizes: Sizes
    seed: int = 0
    batch: int = 16
    prefix: str = ""  # of its rows' names: that of a world beside others, with a dot
    advance: Callable[[str, int], None] = lambda row, clips: None
    examples: list[Example] = field(default_factory=list)
    films: list[Example] = field(default_factory=list)

    @property
    def detailed(self) -> str:
        """The kind of single actions whose pixels are compared, too."""
        return f"{self.prefix}followed" if self.prefix else DETAILED

    def total(self, kinds: list[Kind]) -> int:
        """How many clips will be made."""
        sizes, count = self.sizes, 0
        for entry in self.entries:
            count += sum(entry.of(sizes.clips) for kind in kinds if entry.only in (None, kind.name))
            if entry.only is None:
                count += entry.of(sizes.walks) * sizes.actions + 2 * entry.of(sizes.pairs)
        return count

    def batches(self, total: int) -> Iterator[range]:
        for start in range(0, total, self.batch):
            yield range(start, min(total, start + self.batch))


@dataclass
class Singles:
    """What was seen on one kind of single actions, by entry; `TRUTH` holds the readout of the true last frames."""

    verdicts: dict[str, list[Verdict]] = field(default_factory=lambda: defaultdict(list))
    whole: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    dynamic: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def singles(bench: Bench, kind: Kind) -> Singles:
    """Every entry on the kind's actions."""
    seen = Singles()
    for indices in bench.batches(bench.sizes.clips):
        stories = [draw(bench.world, kind, bench.seed, index) for index in indices]
        for story in stories:
            turn = story.turns[0]
            seen.verdicts[TRUTH].append(judge(bench.world, story.start, turn.frames, turn, story.facts))
        for entry in bench.entries:
            chosen = stories[: max(0, entry.of(bench.sizes.clips) - indices[0])]
            if not chosen or entry.only not in (None, kind.name):
                continue
            for story, clip in zip(chosen, next(iter(entry.subject.imagine(chosen))), strict=True):
                turn = story.turns[0]
                verdict = judge(bench.world, story.start, clip, turn, story.facts)
                seen.verdicts[entry.name].append(verdict)
                if kind.name == bench.detailed:
                    _add_psnr(seen, entry.name, clip, story)
                if entry.name == MODEL:
                    _keep(bench, kind.name, verdict, clip, story)
            bench.advance(kind.name, len(chosen))
    return seen


def single_rows(kind: Kind, seen: Singles, prefix: str = "") -> list[Row]:
    """The kind's row for every entry, and by verb for the model; `prefix` goes before the names of other rows."""
    rows = [
        share(join(kind.name, name), [verdict.right for verdict in verdicts])
        for name, verdicts in seen.verdicts.items()
        if name != TRUTH
    ]
    by_verb: dict[str, list[bool]] = defaultdict(list)
    for verdict in seen.verdicts[MODEL]:
        by_verb[verdict.verb].append(verdict.right)
    if len(by_verb) > 1:
        rows += [share(f"{kind.name}.verb.{verb}", by_verb[verb]) for verb in sorted(by_verb)]
    for what, values in (("dynamic_region", seen.dynamic), ("whole", seen.whole)):
        rows += [mean(join(f"{prefix}psnr.{what}", name), found, "dB") for name, found in values.items() if found]
    return rows


def decoding_rows(all_seen: list[Singles]) -> list[Row]:
    """How many last frames the readout rejects, over all kinds, and how many true ones it reads right."""
    rejected: dict[str, list[bool]] = defaultdict(list)
    names = set.intersection(*(set(seen.verdicts) for seen in all_seen))  # entries of one kind alone would mislead
    for seen in all_seen:
        for name in sorted(names):
            rejected[name] += [not verdict.decoded for verdict in seen.verdicts[name]]
    truth = [verdict.right for seen in all_seen for verdict in seen.verdicts[TRUTH]]
    rows = [share(join("undecodable", name), rejected[name]) for name in rejected if name != TRUTH]
    return [*rows, share("readout.true_frames", truth)]


def degraded_row(bench: Bench, decibel: float) -> Row:
    """The readout on true last frames degraded to the given PSNR."""
    right, kind = [], Kind(name=DETAILED)
    for index in range(bench.sizes.clips):
        story = draw(bench.world, kind, bench.seed, index)
        turn = story.turns[0]
        worse = degrade(turn.frames[-1], decibel, generator(bench.seed, "degrade", index))
        clip = np.concatenate([turn.frames[:-1], worse[None]])
        right.append(judge(bench.world, story.start, clip, turn, story.facts).right)
    return share("readout.degraded", right)


Walked = dict[tuple[int, str], list[bool]]  # by number of actions and entry: whether the whole state was right


def walk(bench: Bench, among: range) -> Walked:
    """Every entry on the walks of these numbers, on the subject's own frames."""
    sizes, right = bench.sizes, defaultdict(list)
    for start in range(among.start, among.stop, bench.batch):
        indices = range(start, min(among.stop, start + bench.batch))
        walks = [draw_walk(bench.world, bench.seed, index, sizes.actions) for index in indices]
        for entry in bench.entries:
            chosen = walks[: max(0, entry.of(sizes.walks) - indices[0])]
            if not chosen or entry.only is not None:
                continue
            wanted = entry.name == MODEL and indices[0] < _FILMS
            filmed = chosen[: _FILMS - len(bench.films)] if wanted else []
            films = [[walk.start[None]] for walk in filmed]
            starts = [walk.start for walk in chosen]
            for turn, clips in enumerate(entry.subject.imagine(chosen)):
                for walk, start, clip in zip(chosen, starts, clips, strict=True):
                    verdict = judge(bench.world, start, clip, walk.turns[turn], walk.facts)
                    right[turn + 1, entry.name].append(verdict.right)
                starts = [clip[-1] for clip in clips]
                for film, clip in zip(films, clips, strict=False):
                    film.append(clip)
                bench.advance("horizon", len(chosen))
            bench.films += [_film(walk, film) for walk, film in zip(filmed, films, strict=True)]
    return dict(right)


def horizon_rows(walked: list[Walked], prefix: str = "") -> list[Row]:
    """`horizon.k` for every entry: the whole state right after k actions."""
    right = defaultdict(list)
    for part in walked:
        for place, outcomes in part.items():
            right[place] += outcomes
    return [share(join(f"{prefix}horizon.{k}", name), outcomes) for (k, name), outcomes in sorted(right.items())]


def counterfactual(bench: Bench) -> list[Row]:
    """`counterfactual_pairs` and its parts: both outcomes right, what neither touches left as it was."""
    sizes = bench.sizes
    outcomes, untouched, levels = defaultdict(list), defaultdict(list), defaultdict(list)
    for indices in bench.batches(sizes.pairs):
        pairs = [draw_pair(bench.world, bench.seed, index) for index in indices]
        touched = [_touched(*pair) for pair in pairs]
        for entry in bench.entries:
            count = max(0, entry.of(sizes.pairs) - indices[0])
            chosen = [story for pair in pairs[:count] for story in pair]
            if not chosen or entry.only is not None:
                continue
            clips = next(iter(entry.subject.imagine(chosen)))
            for number, region in enumerate(touched[: len(chosen) // 2]):
                both = list(zip(chosen, clips, strict=True))[2 * number : 2 * number + 2]
                verdicts = [judge(bench.world, s.start, clip, s.turns[0], s.facts) for s, clip in both]
                differences = [disturbance(clip, story.start, region) for story, clip in both]
                outcomes[entry.name].append(all(verdict.right for verdict in verdicts))
                untouched[entry.name].append(max(differences) < UNTOUCHED)
                levels[entry.name].append(float(np.mean(differences)))
            bench.advance("counterfactual_pairs", len(chosen))
    rows = []
    for name in outcomes:
        pairs_right = [a and b for a, b in zip(outcomes[name], untouched[name], strict=True)]
        rows.append(share(join("counterfactual_pairs", name), pairs_right))
        rows.append(share(join("counterfactual_pairs.outcomes", name), outcomes[name]))
        rows.append(share(join("counterfactual_pairs.untouched", name), untouched[name]))
        rows.append(mean(join("counterfactual_pairs.difference", name), levels[name], "levels of 255"))
    return rows


def _touched(one: Story, two: Story) -> Mask:
    """Pixels (H, W) that either true clip changes at all, dilated."""
    moved = np.concatenate([changed(story.turns[0].frames, story.start, 0) for story in (one, two)])
    return np.asarray(moved.any(0))


def _add_psnr(seen: Singles, name: str, clip: Frames, story: Story) -> None:
    truth = story.turns[0].frames
    whole, dynamic = psnr(clip, truth), psnr(clip, truth, changed(truth, story.start))
    assert whole is not None
    seen.whole[name].append(whole)
    if dynamic is not None:
        seen.dynamic[name].append(dynamic)


def _keep(bench: Bench, kind: str, verdict: Verdict, clip: Frames, story: Story) -> None:
    """Remember the kind's first failures and successes."""
    label = f"{kind}, {'right' if verdict.right else 'wrong'}: "
    kept = sum(example.caption.startswith(label) for example in bench.examples)
    if kept < (_SUCCESSES if verdict.right else _FAILURES):
        turn = story.turns[0]
        made, truth = _begun(story.start, clip), _begun(story.start, turn.frames)
        bench.examples.append(Example(label + turn.sentence, verdict.right, made, truth))


def _film(walk: Story, clips: list[Frames]) -> Example:
    truth = np.concatenate([walk.start[None], *(turn.frames for turn in walk.turns)])
    sentences = tuple(turn.sentence for turn in walk.turns)
    return Example("; ".join(sentences), True, np.concatenate(clips), truth, sentences)


def _begun(start: Frame, clip: Frames) -> Frames:
    return np.concatenate([start[None], clip])


def join(row: str, entry: str) -> str:
    return f"{row}.{entry}" if entry else row
