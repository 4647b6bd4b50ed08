"""What a clip shows, as one value for each attribute, which a learned judge reads from pixels."""

from pandora.worlds.base import Facts, Meaning
from pandora.worlds.tabletop.rules import is_legal
from pandora.worlds.tabletop.state import TABLE, TableScene
from pandora.worlds.towers import COLOURS

_WAYS = ("left", "right", "away", "towards")
_FAR = 0.5  # block edges: less than that is not worth telling
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    **{c: ("absent", TABLE, "held", *(f"on_{other}" for other in COLOURS if other != c)) for c in COLOURS},
    **{f"{c}_moved": ("none", *_WAYS) for c in COLOURS},
    "arm": ("still", "reached"),
    "light": ("off", "on"),
}


def shown(scene: TableScene, meaning: Meaning, after: TableScene) -> Facts:
    """Where each block is afterwards, where those that nobody carried were moved, what the arm did, and the light."""
    told = {"light": "on" if after.light else "off"}
    reached = bool(meaning.arguments) and not (meaning.verb == "drop" and is_legal(scene, meaning))
    told["arm"] = "reached" if reached else "still"
    for colour in COLOURS:
        told[colour] = _where(after, colour)
        told[f"{colour}_moved"] = _moved(scene, after, colour)
    return frozenset(told.items())


def relations_of(facts: Facts) -> Facts:
    """The relations, as `state.relations` tells them, of what was read from a clip."""
    told = dict(fact for fact in facts if len(fact) == 2)
    found: set[tuple[str, ...]] = {("light", told["light"])}
    for colour in COLOURS:
        if (where := told[colour]) == TABLE:
            found.add((TABLE, colour))
        elif where == "held":
            found.add(("holding", colour))
        elif where.startswith("on_"):
            found.add(("on", colour, where.removeprefix("on_")))
    if not any(fact[0] == "holding" for fact in found):
        found.add(("hand", "empty"))
    return frozenset(found)


def _where(scene: TableScene, colour: str) -> str:
    if colour not in scene.pose:
        return "absent"
    if colour == scene.holding:
        return "held"
    below = scene.support[colour]
    return below if below == TABLE else f"on_{below}"


def _moved(before: TableScene, after: TableScene, colour: str) -> str:
    if colour not in before.pose or colour in (before.holding, after.holding):
        return "none"
    x, y = (b - a for a, b in zip(before.pose[colour].at[:2], after.pose[colour].at[:2], strict=True))
    if max(abs(x), abs(y)) < _FAR:
        return "none"
    if abs(x) > abs(y):
        return "right" if x > 0 else "left"
    return "away" if y > 0 else "towards"
