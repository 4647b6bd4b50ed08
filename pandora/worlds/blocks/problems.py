"""Blocksworld problems as scenes: the public PDDL ones, or drawn ones; and which of them need held-out transitions.

A draft speaks of blocks by letter. A layout gives the letters colours and the stacks places, by a fixed seed.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

from pandora.errors import InvalidInput
from pandora.worlds.base import Facts, Meaning, Problem
from pandora.worlds.blocks.rules import is_held_out, is_legal, transition
from pandora.worlds.blocks.state import COLUMNS, ROWS, TABLE, BlocksState, Stack, relations
from pandora.worlds.towers import COLOURS

SOURCES = (
    "examples/CoT/blocksworld/data/split_v1/split_v1_step_{2,4,6,8,10,12}_data.json of maitrix-org/llm-reasoners, as "
    "split_v1/step_{2,4,6,8,10,12}.json, and llm_planning_analysis/instances/blocksworld/generated_basic* of "
    "karthikv792/LLMs-Planning, as pddl/generated_basic*"
)
GENERATED = 180
_COUNTS = ((3, 98), (4, 440), (5, 52))  # blocks, and how many public problems have so many
_LONGEST = 12


@dataclass(frozen=True)
class Draft:
    """A problem without a look: what each letter stands on, the goal's (above, below) pairs, the shortest plan."""

    id: str
    support: dict[str, str]
    goal: tuple[tuple[str, str], ...]
    length: int


def read(folder: Path) -> list[Draft]:
    """The public problems in a folder, shortest first. Raises InvalidInput where files are missing."""
    lists = sorted((folder / "split_v1").glob("step_*.json"), key=lambda path: int(path.stem.split("_")[1]))
    if not lists:
        raise InvalidInput(f"{folder} has no split_v1/step_*.json. Put there {SOURCES}.")
    drafts = []
    for path in lists:
        for name, _, length in json.loads(path.read_text(encoding="utf-8")):
            file = folder / "pddl" / Path(name).parent.name / Path(name).name
            if not file.is_file():
                raise InvalidInput(f"{file} is missing. Put there {SOURCES}.")
            support, goal = parse(file.read_text(encoding="utf-8"))
            drafts.append(Draft(f"{file.parent.name}/{file.stem}", support, goal, int(length)))
    return drafts


def parse(pddl: str) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """What each block stands on, and the goal's pairs, of a problem of the four-operator domain."""
    start, _, goal = pddl.partition("(:goal")
    support = dict(re.findall(r"\(on (\w+) (\w+)\)", start))
    support |= {block: TABLE for block in re.findall(r"\(ontable (\w+)\)", start)}
    pairs = tuple(re.findall(r"\(on (\w+) (\w+)\)", goal))
    if not support or not pairs:
        raise InvalidInput("This is no Blocksworld problem: it lacks an (:init …) or a (:goal …) with (on a b).")
    return support, pairs


@cache
def generate(seed: int, count: int = GENERATED) -> tuple[Draft, ...]:
    """Problems like the public ones, drawn by the seed, shortest first."""
    drafts = []
    for index in range(count):
        rng = np.random.default_rng([seed, index, 0x90A1])
        blocks = random_count(rng)
        length = None
        while length is None:
            start, goal = (random_support(blocks, rng) for _ in range(2))
            pairs = tuple((a, b) for a, b in goal.items() if b != TABLE)
            draft = Draft(f"generated/{seed}-{index}", start, pairs, 0)
            scene = place(draft, 0)
            names = colours(draft, 0)
            length = shortest(scene, goal_facts(pairs, names), _LONGEST) if pairs else None
            length = length or None  # not a problem where nothing is to be done
        drafts.append(Draft(draft.id, draft.support, draft.goal, length))
    return tuple(sorted(drafts, key=lambda draft: draft.length))


def pose(draft: Draft, layout: int, say: Callable[[Facts], str]) -> Problem:
    """The draft in one of its layouts."""
    goal = say(goal_facts(draft.goal, colours(draft, layout)))
    return Problem(f"{draft.id}@{layout}", place(draft, layout), goal, draft.length, len(draft.support))


def colours(draft: Draft, layout: int) -> dict[str, str]:
    """The colour of each letter."""
    return dict(zip(sorted(draft.support), map(str, _generator(draft, layout).permutation(COLOURS)), strict=False))


def place(draft: Draft, layout: int) -> BlocksState:
    """The start as a lit scene with an empty hand: stacks in random columns and rows."""
    rng, names = _generator(draft, layout), colours(draft, layout)
    rng.permutation(COLOURS)  # drawn by `colours`
    columns = [int(column) for column in rng.permutation(COLUMNS)]
    stacks = []
    for block in sorted(letter for letter, below in draft.support.items() if below == TABLE):
        tower: list[str] = []
        top: str | None = block
        while top is not None:
            tower.append(names[top])
            top = next((above for above, below in draft.support.items() if below == top), None)
        stacks.append(Stack(columns.pop(), int(rng.integers(ROWS)), tuple(tower)))
    return BlocksState(tuple(sorted(stacks)), int(rng.integers(COLUMNS)), look=10**9 + int(rng.integers(10**9)))


def shortest(
    scene: BlocksState, goal: Facts, most: int, allowed: Callable[[BlocksState, Meaning], bool] | None = None
) -> int | None:
    """How many actions the shortest plan has that takes `allowed` transitions only; None where `most` don't do."""
    level, seen = [scene], {relations(scene)}
    for depth in range(most + 1):
        if any(goal <= relations(state) for state in level):
            return depth
        following = []
        for state in level:
            for meaning in legal_actions(state):
                if allowed is None or allowed(state, meaning):
                    after = transition(state, meaning)
                    if (key := relations(after)) not in seen:
                        seen.add(key)
                        following.append(after)
        level = following
    return None


def needs_held_out(scene: BlocksState, goal: Facts, length: int) -> bool:
    """Whether every plan of that length takes a transition that training is kept from."""
    return shortest(scene, goal, length, lambda state, meaning: not is_held_out(state, meaning)) is None


def legal_actions(state: BlocksState) -> list[Meaning]:
    """What the rules allow of picking up, putting down, stacking and unstacking."""
    tops = [stack.blocks[-1] for stack in state.stacks]
    if (held := state.holding) is not None:
        choices = [Meaning("put_down", (held,)), *(Meaning("stack", (held, top)) for top in tops)]
    else:
        below = state.support
        choices = [Meaning("pick_up", (t,)) if below[t] == TABLE else Meaning("unstack", (t, below[t])) for t in tops]
    return [meaning for meaning in choices if is_legal(state, meaning)]


def goal_facts(pairs: tuple[tuple[str, str], ...], names: dict[str, str]) -> Facts:
    """That each block of these pairs is on the other, by their letters' colours."""
    return frozenset(("on", names[above], names[below]) for above, below in pairs)


def _generator(draft: Draft, layout: int) -> np.random.Generator:
    return np.random.default_rng([crc32(draft.id.encode()), layout, 0x1A7])


def random_count(rng: np.random.Generator) -> int:
    """How many blocks a problem has, as often as the public ones have so many."""
    sizes, weights = zip(*_COUNTS, strict=True)
    return int(rng.choice(sizes, p=np.array(weights) / sum(weights)))


def random_support(blocks: int, rng: np.random.Generator) -> dict[str, str]:
    """Letters from the bottom up on the table or on the top of a stack."""
    support: dict[str, str] = {}
    tops: list[str] = []
    for letter in (str(name) for name in rng.permutation(list("abcde")[:blocks])):
        index = int(rng.integers(-1, len(tops)))
        support[letter] = TABLE if index < 0 else tops[index]
        tops = [top for top in tops if top != support[letter]] + [letter]
    return support
