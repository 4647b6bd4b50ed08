"""Goals of a hero: to reach what the room is about, to collect, to beat, to be somewhere; from facts alone.

A picture shows where the hero, the coins and the foes are, and not what the room is made of: what an action comes to,
only the pictures tell.
"""

from collections.abc import Collection, Hashable, Iterator, Sequence
from pathlib import Path

from pandora.errors import InvalidInput
from pandora.worlds.base import Fact, Facts, Meaning, Planning, Problem
from pandora.worlds.platformer import problems
from pandora.worlds.platformer.rules import CLIMB, JUMP, RUN, is_held_out
from pandora.worlds.platformer.state import CELLS, GAMES, Scene
from pandora.worlds.said_goals import clause, read_goal

_FARTHEST = max(RUN, *(game.span for game in GAMES.values()))  # columns that an action crosses
_HIGHEST = max(JUMP, CLIMB)  # rows that an action leads up
_NEVER = float("inf")
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
_PLURALS = {"cherry": "cherries", "gem": "gems", "pearl": "pearls", "coin": "coins"}
_COINS = "|".join((*_PLURALS.values(), *_PLURALS, "treasures", "treasure"))
_FOES = "|".join(f"{game.foe}s?" for game in GAMES.values()) + "|foes?|enemies|enemy|monsters?"
_GOALS = "|".join((*(game.goal for game in GAMES.values()), "goal", "exit"))
_WHO = "|".join(("hero", *(game.hero for game in GAMES.values())))
_CLAUSES = (
    clause(rf"(?:reach |get to |be at )(?:the )?(?:{_GOALS})", lambda: ("reached",)),
    clause(rf"the (?:{_GOALS}) is reached", lambda: ("reached",)),
    clause(rf"the (?:{_WHO}) (?:is at|reaches|has reached) the (?:{_GOALS})", lambda: ("reached",)),
    clause(rf"(?:collect|take|get) (?:all|every|all of)(?: the)? (?:{_COINS})", lambda: ("coins", "0")),
    clause(rf"(?:all(?: the)? (?:{_COINS}) are collected|everything is collected)", lambda: ("coins", "0")),
    clause(rf"({'|'.join(_NUMBERS)}) (?:{_COINS}) (?:is|are) left", lambda word: ("coins", str(_NUMBERS.index(word)))),
    clause(rf"(?:beat|defeat) (?:all|every)(?: the)? (?:{_FOES})", lambda: ("foes", "0")),
    clause(rf"all(?: the)? (?:{_FOES}) are beaten", lambda: ("foes", "0")),
    clause(rf"({'|'.join(_NUMBERS)}) (?:{_FOES}) (?:is|are) left", lambda word: ("foes", str(_NUMBERS.index(word)))),
    clause(rf"the (?:{_WHO}) is in column (\d) of row (\d)", lambda column, row: ("hero", column, row)),
    clause(rf"the (?:{_WHO}) (?:looks|faces) (?:to the )?(left|right)", lambda side: ("facing", side)),
    clause(rf"the (?:{_WHO}) (?:hangs|is) on (?:a|the) (?:ladder|vine|rope|chain)", lambda: ("facing", "away")),
)
_SAY = (
    '"the goal is reached", "all coins are collected", "two coins are left", "all foes are beaten" or "the hero is in '
    'column 3 of row 5" (0 to 7, from the top left)'
)
_ACTIONS = {
    "run_right": "run to the right", "run_left": "run to the left", "step_right": "take a step to the right",
    "step_left": "take a step to the left", "jump_right": "jump to the right", "jump_left": "jump to the left",
    "jump": "jump straight up", "climb_up": "climb up", "climb_down": "climb down",
}  # fmt: skip
_MEANINGS = {said: Meaning(verb) for verb, said in _ACTIONS.items()}


class PlatformerPlanning(Planning):
    """All actions but waiting can be tried anywhere. Columns and rows count from the top left."""

    def goal(self, text: str) -> Facts:
        return _goal(text)

    def say_goal(self, goal: Facts) -> str:
        self.check_facts(goal)
        return " and ".join(_said(fact) for fact in sorted(goal))

    def examples(self, suggestions: Sequence[str]) -> tuple[str, ...]:
        return "the goal is reached", "all coins are collected", "all foes are beaten"

    def actions(self, facts: Facts, rules: bool = True) -> list[str]:
        return list(_ACTIONS.values())

    def meaning(self, action: str) -> Meaning | None:
        return _MEANINGS.get(action)

    def key(self, facts: Facts, kinds: Collection[str] = ()) -> Hashable:
        kept = {"hero", "coin", "foe", "goal", *kinds}
        return frozenset(fact for fact in facts if fact[0] in kept)

    def check_facts(self, goal: Facts) -> None:
        for fact in sorted(goal):
            if not any(_fits(fact, known) for known in _KNOWN):
                known = ", ".join(f"`{' '.join(one)}`" for one in _KNOWN)
                raise InvalidInput(f"The platformer never shows {' '.join(fact)!r}. Facts are {known}.")

    def distance(self, facts: Facts, goal: Facts) -> float:
        """As many actions as the farthest of what has to be touched needs in a room without walls."""
        missing = goal - facts
        if not missing:
            return 0.0
        hero = next(_places(facts, "hero"))
        left = [1.0]
        for fact in missing:
            match fact:
                case ("reached",):
                    left += [_way(hero, place) for place in _places(facts, "goal")]
                case ("hero", x, y):
                    left.append(_way(hero, (int(x), int(y))))
                case ("coins" | "foes" as kind, count):
                    ways = sorted(_way(hero, place) for place in _places(facts, kind[:-1]))
                    needed = len(ways) - int(count)
                    left.append(ways[needed - 1] if needed > 0 else _NEVER)
        return max(left)

    def prior(self, facts: Facts, action: str, goal: Facts) -> float:
        """0.8 for the side where more of what is wanted lies, 0.2 for the other one, 0.5 for neither."""
        meaning = self.meaning(action)
        if meaning is None:
            return 0.0
        kinds = {"reached": "goal", "coins": "coin", "foes": "foe"}
        wanted = [place for fact in goal - facts if fact[0] in kinds for place in _places(facts, kinds[fact[0]])]
        wanted += [(int(fact[1]), int(fact[2])) for fact in goal - facts if fact[0] == "hero"]
        column = next(_places(facts, "hero"))[0]
        side = sum((x > column) - (x < column) for x, _ in wanted)
        if not side or not meaning.verb.endswith(("_left", "_right")):
            return 0.5
        return 0.8 if meaning.verb.endswith("_right") == (side > 0) else 0.2

    def plausible(self, before: Facts, after: Facts, action: str = "") -> bool:
        """Nothing comes to be, the goal stays where it is, and nobody flies."""
        if set(_places(after, "coin")) - set(_places(before, "coin")):
            return False
        if set(_places(after, "foe")) - set(_places(before, "foe")):
            return False
        if set(_places(after, "goal")) != set(_places(before, "goal")) or ("reached",) in before - after:
            return False
        (x, y), (old_x, old_y) = next(_places(after, "hero")), next(_places(before, "hero"))
        return abs(x - old_x) <= _FARTHEST and old_y - y <= _HIGHEST

    def problems(self, folder: Path | None, seed: int, layout: int) -> list[Problem]:
        if folder is not None:
            raise InvalidInput("The problems of the platformer are drawn; leave the folder of data away.")
        return [problems.pose(*draft, layout) for draft in problems.generate(seed, _goal)]

    def needs_held_out(self, problem: Problem) -> bool:
        def trained(scene: Scene, verb: str) -> bool:
            return not is_held_out(scene, Meaning(verb))

        return problems.shortest(problem.scene, self.goal(problem.goal), problem.limit, trained) is None


def _goal(text: str) -> Facts:
    return read_goal(text, _CLAUSES, _SAY)


_PLACES = tuple(map(str, range(CELLS)))
_KNOWN = (("reached",), ("coins", "NUMBER"), ("foes", "NUMBER"), ("hero", "COLUMN", "ROW"), ("facing", "left"),
          ("facing", "right"), ("facing", "away"))  # fmt: skip


def _fits(fact: Fact, known: Fact) -> bool:
    return len(fact) == len(known) and all(
        word == said or (said.isupper() and (word.isdecimal() if said == "NUMBER" else word in _PLACES))
        for word, said in zip(fact, known, strict=True)
    )


def _places(facts: Facts, kind: str) -> Iterator[tuple[int, int]]:
    return ((int(fact[1]), int(fact[2])) for fact in facts if fact[0] == kind)


def _way(hero: tuple[int, int], place: tuple[int, int]) -> float:
    """Actions at least, one where the hero is there already: it has to be touched."""
    across, up = abs(place[0] - hero[0]), hero[1] - place[1]
    return float(max(1, -(-across // _FARTHEST), -(-up // _HIGHEST)))


def _said(fact: Fact) -> str:
    match fact:
        case ("reached",):
            return "the goal is reached"
        case ("coins" | "foes" as kind, "0"):
            return "all coins are collected" if kind == "coins" else "all foes are beaten"
        case ("coins" | "foes" as kind, count) if int(count) < len(_NUMBERS):
            return f"{_NUMBERS[int(count)]} {kind} {'is' if count == '1' else 'are'} left"
        case ("hero", column, row):
            return f"the hero is in column {column} of row {row}"
        case ("facing", "away"):
            return "the hero hangs on a ladder"
        case ("facing", side):
            return f"the hero looks to the {side}"
    raise InvalidInput(f"{fact!r} is nothing that a goal of the platformer can say.")
