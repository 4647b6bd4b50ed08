"""Goals of a drive: the weather, the hour, the lane, and whether the car stands or drives."""

from collections.abc import Collection, Hashable, Sequence

from pandora.errors import InvalidInput
from pandora.worlds.base import Facts, Meaning, Planning
from pandora.worlds.road.rules import ATTRIBUTES, HOURS, SIDES, SKIES, VERBS
from pandora.worlds.said_goals import clause, read_goal

_KINDS = ("weather", "hour", "lane", "speed")  # of facts that stay until an action changes them

_SAID = {
    ("weather", "clear"): "the sky is clear",
    ("weather", "rain"): "it rains",
    ("weather", "snow"): "it snows",
    ("weather", "fog"): "it is foggy",
    ("hour", "day"): "it is day",
    ("hour", "dusk"): "it is dusk",
    ("hour", "night"): "it is night",
    ("lane", "left"): "the car is in the left lane",
    ("lane", "right"): "the car is in the right lane",
    ("speed", "driving"): "the car drives",
    ("speed", "stopped"): "the car stands",
}
_CLAUSES = (
    clause(r"(?:the sky|the weather|it) is (?:clear|dry|sunny|fine)", lambda: ("weather", "clear")),
    clause(r"it (?:rains|is raining|is rainy)", lambda: ("weather", "rain")),
    clause(r"it (?:snows|is snowing|is snowy)", lambda: ("weather", "snow")),
    clause(r"(?:it is (?:foggy|misty)|there is (?:fog|mist))", lambda: ("weather", "fog")),
    clause(r"it is (?:day|daytime|light|morning)", lambda: ("hour", "day")),
    clause(r"it is (?:dusk|evening|twilight|getting dark)", lambda: ("hour", "dusk")),
    clause(r"it is (?:night|dark|night-time)", lambda: ("hour", "night")),
    clause(r"(?:(?:the car|we|i) (?:is|are|am) )?(?:in|on) the (left|right) lane", lambda side: ("lane", side)),
    clause(r"(?:the car|it) (?:stands|stops|has stopped|is standing)(?: still)?", lambda: ("speed", "stopped")),
    clause(r"(?:the car|it) (?:drives|is driving|moves|is moving)", lambda: ("speed", "driving")),
)
_SAY = (
    '"it is night" (day, dusk), "it rains" (snows, is foggy), "the sky is clear", "the car is in the left lane" or '
    '"the car stands" (drives)'
)
_ACTIONS = {
    "drive": "drive on", "brake": "brake", "turn_left": "turn left", "turn_right": "turn right",
    "lane_left": "change to the left lane", "lane_right": "change to the right lane", "clear_sky": "the sky clears",
    "rain": "it starts to rain", "snow": "it begins to snow", "fog": "fog rolls in", "day": "it is day",
    "dusk": "evening comes", "night": "it is night",
}  # fmt: skip
_MEANINGS = {said: Meaning(verb) for verb, said in _ACTIONS.items()}


class RoadPlanning(Planning):
    """Every action but waiting can be said at any time; whether it works, the pictures tell."""

    def goal(self, text: str) -> Facts:
        return read_goal(text, _CLAUSES, _SAY)

    def say_goal(self, goal: Facts) -> str:
        self.check_facts(goal)
        return " and ".join(_SAID[fact[0], fact[1]] for fact in sorted(goal))

    def examples(self, suggestions: Sequence[str]) -> tuple[str, ...]:
        return "it is night and it snows", "the car stands and it is foggy", "the sky is clear and it is dusk"

    def actions(self, facts: Facts, rules: bool = True) -> list[str]:
        """With `rules`, none that makes what is so already; driving on is always something."""
        return [said for verb, said in _ACTIONS.items() if verb == "drive" or not (rules and _made_by(verb) in facts)]

    def meaning(self, action: str) -> Meaning | None:
        return _MEANINGS.get(action)

    def key(self, facts: Facts, kinds: Collection[str] = ()) -> Hashable:
        return frozenset(fact for fact in facts if fact[0] in _KINDS)

    def check_facts(self, goal: Facts) -> None:
        for fact in sorted(goal):
            if fact not in _SAID:
                known = "; ".join(f"{kind}: {', '.join(ATTRIBUTES[kind])}" for kind in _KINDS)
                raise InvalidInput(f"No goal of the road world is {' '.join(fact)!r}. Goals are {known}.")

    def distance(self, facts: Facts, goal: Facts) -> float:
        """One action for each thing that is not as it shall be."""
        return float(len(goal - facts))

    def prior(self, facts: Facts, action: str, goal: Facts) -> float:
        """1 for what makes a wanted fact, 0.5 for setting off, which a change of lanes needs, 0.1 for the rest."""
        meaning = self.meaning(action)
        if meaning is None:
            return 0.0
        if _made_by(meaning.verb) in goal - facts:
            return 1.0
        return 0.5 if meaning.verb == "drive" else 0.1


def _made_by(verb: str) -> tuple[str, str]:
    """The fact that an action of this verb makes, where it makes one."""
    if verb in SKIES:
        return "weather", SKIES[verb]
    if verb in HOURS:
        return "hour", verb
    if verb in ("drive", "brake"):
        return "speed", "driving" if verb == "drive" else "stopped"
    return ("lane", SIDES[verb]) if verb.startswith("lane_") else ("", "")


assert set(_ACTIONS) == set(VERBS) - {"wait"}
