"""Blocksworld for planners: goals in words, what can be done, and how far a state is from a goal; from facts alone."""

import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from pandora.errors import InvalidInput
from pandora.worlds.base import Fact, Facts, Meaning, Planning, Problem
from pandora.worlds.blocks import grammar, problems, telling
from pandora.worlds.blocks.state import COLUMNS, ROWS, TABLE
from pandora.worlds.said_goals import clause, read_goal
from pandora.worlds.towers import COLOURS

_COLUMNS, _ROWS = tuple(map(str, range(COLUMNS))), tuple(map(str, range(ROWS)))
_RELATIONS = frozenset(("on", TABLE, "holding", "hand"))
_FACTS = {
    "on": (COLOURS, COLOURS), TABLE: (COLOURS,), "holding": (COLOURS,), "hand": (("empty",),),
    "light": (("on", "off"),), "gripper": (_COLUMNS,), "at": (COLOURS, _COLUMNS, _ROWS),
}  # fmt: skip
_KNOWN_FACTS = (
    "`on BLOCK BLOCK`, `table BLOCK`, `holding BLOCK`, `hand empty`, `light on`, `light off`, `at BLOCK COLUMN ROW` "
    f"and `gripper COLUMN`, of the blocks {', '.join(COLOURS)}"
)
_BLOCK = r"(?:the )?(\w+)(?: block)?"
_CLAUSES = (
    clause(rf"{_BLOCK} is on the table", lambda a: (TABLE, _known(a))),
    clause(rf"{_BLOCK} is on (?:top of )?{_BLOCK}", lambda a, b: ("on", _known(a), _known(b))),
    clause(rf"the hand holds {_BLOCK}", lambda a: ("holding", _known(a))),
    clause(r"the hand is empty", lambda: ("hand", "empty")),
)
_SAY = (
    '"the red block is on the blue block", "the red block is on the table", "the hand holds the red block" or '
    '"the hand is empty"'
)
_NAMED = re.compile(r"\bthe (\w+) block\b")


@dataclass(frozen=True)
class Arrangement:
    """What stands on what: `support` gives the block below, or "table"; a held block is absent."""

    support: Mapping[str, str]
    holding: str | None

    @property
    def blocks(self) -> list[str]:
        return [c for c in COLOURS if c in self.support or c == self.holding]

    @property
    def clear(self) -> list[str]:
        """The tops of the stacks."""
        under = set(self.support.values())
        return [block for block in self.blocks if block != self.holding and block not in under]


@lru_cache(maxsize=4096)
def arrangement(facts: Facts) -> Arrangement:
    """The relations of a state's facts; positions, gripper column and light are left out."""
    support = {fact[1]: fact[2] if fact[0] == "on" else TABLE for fact in facts if fact[0] in ("on", TABLE)}
    return Arrangement(support, next((fact[1] for fact in facts if fact[0] == "holding"), None))


class BlocksPlanning(Planning):
    """The four actions of Blocksworld; goals are about what stands on what and what is held."""

    def goal(self, text: str) -> Facts:
        """Clauses such as "the red block is on the blue block", joined by "and", commas or semicolons."""
        return read_goal(text, _CLAUSES, _SAY)

    def say_goal(self, goal: Facts) -> str:
        return " and ".join(_said(fact) for fact in sorted(goal))

    def examples(self, suggestions: Sequence[str]) -> tuple[str, ...]:
        named = dict.fromkeys(name for text in suggestions for name in _NAMED.findall(text))
        first, second, third = (*named, None, None, None)[:3]
        if first is None or second is None:
            return ()
        goals = [("on", first, second), ("on", second, third or first), ("holding", first)]
        tower = [self.say_goal(frozenset([goals[0], goals[1]]))] if third else []
        return (*(_said(goal) for goal in goals), *tower)

    def say_state(self, facts: Facts) -> str:
        return telling.tell(facts)

    def read_state(self, text: str) -> Facts | None:
        return telling.understand(text)

    def actions(self, facts: Facts, rules: bool = True) -> list[str]:
        seen = arrangement(facts)
        return [grammar.canonical(meaning) for meaning in (_allowed(seen) if rules else _sayable(seen.blocks))]

    def meaning(self, action: str) -> Meaning | None:
        return _meanings().get(action)

    def key(self, facts: Facts, kinds: Collection[str] = ()) -> Hashable:
        return frozenset(fact for fact in facts if fact[0] in _RELATIONS or fact[0] in kinds)

    def check_facts(self, goal: Facts) -> None:
        for fact in sorted(goal):
            allowed = _FACTS.get(fact[0] if fact else "")
            if allowed is None or len(fact) != 1 + len(allowed) or not all(map(_in, fact[1:], allowed)):
                raise InvalidInput(f"Blocks never show {' '.join(fact)!r}. Facts are {_KNOWN_FACTS}.")
            if fact[0] == "on" and fact[1] == fact[2]:
                raise InvalidInput(f"No block is on itself, as {' '.join(fact)!r} says.")

    def distance(self, facts: Facts, goal: Facts) -> float:
        """Two actions for each block that has to move, one for a held one; never more than are really left."""
        if goal <= facts:
            return 0.0
        seen, goal = arrangement(facts), _sensible(goal)
        wanted = {fact[1]: fact[2] if fact[0] == "on" else TABLE for fact in goal if fact[0] in ("on", TABLE)}
        grasp = [fact[1] for fact in goal if fact[0] == "holding"]
        moving = sum(_must_move(block, seen.support, wanted) for block in seen.support)
        held = seen.holding is not None and seen.holding not in grasp
        return 2 * moving - sum(b in seen.support and _must_move(b, seen.support, wanted) for b in grasp) + held

    def prior(self, facts: Facts, action: str, goal: Facts) -> float:
        """1 for what makes a wanted relation, 0.5 for fetching a block that has to move, 0 for undoing one."""
        meaning = self.meaning(action)
        if meaning is None:
            return 0.0
        goal = _sensible(goal)
        block, *rest = meaning.arguments or ("",)
        if meaning.verb == "stack":
            return 1.0 if ("on", block, rest[0]) in goal else 0.1
        if meaning.verb == "put_down":
            return 1.0 if (TABLE, block) in goal else 0.3
        if meaning.verb == "unstack" and ("on", block, rest[0]) in goal:
            return 0.0
        return 0.5 if any(fact[0] == "on" and fact[1] == block and fact not in facts for fact in goal) else 0.3

    def plausible(self, before: Facts, after: Facts, action: str = "") -> bool:
        if arrangement(before).blocks != arrangement(after).blocks:
            return False
        return self.key(before) != self.key(after) or action not in self.actions(before)

    def problems(self, folder: Path | None, seed: int, layout: int) -> list[Problem]:
        drafts = problems.read(folder) if folder else problems.generate(seed)
        return [problems.pose(draft, layout, self.say_goal) for draft in drafts]

    def needs_held_out(self, problem: Problem) -> bool:
        return problems.needs_held_out(problem.scene, self.goal(problem.goal), problem.limit)


def _in(word: str, words: Collection[str]) -> bool:
    return word in words


def _sensible(goal: Facts) -> Facts:
    """The facts of a goal that have as many words as such facts have; the others never hold."""
    return frozenset(fact for fact in goal if len(fact) == (3 if fact[:1] == ("on",) else 2))


def _known(block: str) -> str:
    if block not in COLOURS:
        raise InvalidInput(f"There is no block called {block!r}. Colours: {', '.join(COLOURS)}.")
    return block


def _said(fact: Fact) -> str:
    match fact:
        case ("on", a, b):
            return f"the {a} block is on the {b} block"
        case ("table", a):
            return f"the {a} block is on the table"
        case ("holding", a):
            return f"the hand holds the {a} block"
        case ("hand", "empty"):
            return "the hand is empty"
    raise InvalidInput(f"{fact!r} is nothing that a goal of the blocks world can say.")


def _allowed(seen: Arrangement) -> list[Meaning]:
    """In RAP's order."""
    if (held := seen.holding) is not None:
        return [*(Meaning("stack", (held, block)) for block in seen.clear), Meaning("put_down", (held,))]
    below = seen.support
    return [
        Meaning("pick_up", (block,)) if below[block] == TABLE else Meaning("unstack", (block, below[block]))
        for block in seen.clear
    ]


def _sayable(blocks: list[str]) -> list[Meaning]:
    pairs = [(a, b) for a in blocks for b in blocks if a != b]
    single = [Meaning(verb, (block,)) for verb in ("pick_up", "put_down") for block in blocks]
    return [*single, *(Meaning(verb, pair) for verb in ("stack", "unstack") for pair in pairs)]


@cache
def _meanings() -> dict[str, Meaning]:
    return {grammar.canonical(meaning): meaning for meaning in _sayable(list(COLOURS))}


def _must_move(block: str, support: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether the goal wants the block elsewhere, wants another in its place, or wants what is below to move."""
    while block != TABLE and block in support:
        below = support[block]
        if wanted.get(block, below) != below:
            return True
        if below != TABLE and any(under == below and other != block for other, under in wanted.items()):
            return True
        block = below
    return False
