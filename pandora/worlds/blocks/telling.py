"""A state of the blocks world in plain words: "red on blue; blue on table; green in hand; hand full; light on"."""

from pandora.worlds.base import Fact, Facts
from pandora.worlds.blocks.state import TABLE
from pandora.worlds.towers import COLOURS


def tell(facts: Facts) -> str:
    """Where each block is, in the order of the colours, then the hand and the light; places are left out."""
    where = {fact[1]: f"on {fact[2]}" if fact[0] == "on" else "on table" for fact in facts if fact[0] in ("on", TABLE)}
    where |= {fact[1]: "in hand" for fact in facts if fact[0] == "holding"}
    hand = "full" if "in hand" in where.values() else "empty"
    light = [f"light {fact[1]}" for fact in facts if fact[0] == "light"]
    return "; ".join([*(f"{block} {where[block]}" for block in COLOURS if block in where), f"hand {hand}", *light])


def understand(text: str) -> Facts | None:
    """The facts of a text of `tell`; None for any other text, and for a state that can't be."""
    clauses = [tuple(clause.split()) for clause in text.lower().split(";")]
    facts: set[Fact] = set()
    for clause in clauses:
        match clause:
            case (block, "on", "table"):
                facts.add((TABLE, block))
            case (block, "on", below):
                facts.add(("on", block, below))
            case (block, "in", "hand"):
                facts.add(("holding", block))
            case ("hand", "empty"):
                facts.add(("hand", "empty"))
            case ("light", ("on" | "off") as light):
                facts.add(("light", light))
            case ("hand", "full"):
                pass
            case _:
                return None
    found = frozenset(facts)
    said = "; ".join(" ".join(clause) for clause in clauses)
    return found if tell(found) == said and _stands(found) else None


def _stands(facts: Facts) -> bool:
    """Whether at most one block is held, each carries at most one, and every stack has the table below it."""
    support = {fact[1]: fact[2] for fact in facts if fact[0] == "on"}
    if len(set(support.values())) < len(support) or sum(fact[0] == "holding" for fact in facts) > 1:
        return False
    grounded = {fact[1] for fact in facts if fact[0] == TABLE}
    while rising := {block for block, below in support.items() if below in grounded} - grounded:
        grounded |= rising
    return grounded >= support.keys()
