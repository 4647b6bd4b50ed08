"""The rules: how the viewer moves, what stands in the way, and what is kept out of training."""

from dataclasses import replace
from hashlib import sha256

from pandora.worlds.base import Meaning
from pandora.worlds.house import sight
from pandora.worlds.house.furnish import COLOURS, FURNITURE, SHAPES
from pandora.worlds.house.plan import edge
from pandora.worlds.house.state import STEPS, HouseState

VERBS = {
    "walk_forward": 0,
    "walk_back": 0,
    "turn_left": 0,
    "turn_right": 0,
    "turn_around": 0,
    "look_at": 1,
    "go_to": 1,
    "open_door": 0,
    "close_door": 0,
    "light_on": 0,
    "light_off": 0,
    "wait": 0,
}
THINGS = (
    *(kind for kind in FURNITURE if kind not in SHAPES),
    *(f"{colour}_{shape}" for shape in SHAPES for colour in COLOURS),
)
MOTIONS = ("none", "forward", "back", "bump", "left", "right", "around")
DOORS = ("still", "opens", "closes")
_TURNS = {"turn_left": 1, "turn_right": -1, "turn_around": 4}  # eighths of a circle
_NAMES = {1: "left", -1: "right", 4: "around", 0: "none"}


def motion(state: HouseState, meaning: Meaning) -> str:
    """Which of MOTIONS the viewer makes."""
    verb = meaning.verb
    if verb in _TURNS:
        return _NAMES[_TURNS[verb]]
    if verb in ("look_at", "go_to"):
        piece = sight.named(state).get(meaning.arguments[0])
        if piece is None:
            return "none"
        if (turn := sight.turn_towards(state, piece)) or verb == "look_at":
            return _NAMES[turn]
    if verb in ("walk_forward", "go_to"):
        return "forward" if state.can_step(state.heading) else "bump"
    if verb == "walk_back":
        return "back" if state.can_step((state.heading + 4) % 8) else "bump"
    return "none"


def is_legal(state: HouseState, meaning: Meaning) -> bool:
    """Whether there is room to walk, the thing can be seen, or such a door is at hand."""
    if meaning.verb in ("look_at", "go_to") and meaning.arguments[0] not in sight.named(state):
        return False
    if meaning.verb in ("open_door", "close_door"):
        return sight.door_at_hand(state, closed=meaning.verb == "open_door") is not None
    return motion(state, meaning) != "bump"


def transition(state: HouseState, meaning: Meaning) -> HouseState:
    """The state after the action; the same one where the rules forbid it."""
    if meaning.verb in ("light_on", "light_off"):
        return replace(state, light=meaning.verb == "light_on")
    if meaning.verb in ("open_door", "close_door"):
        door = sight.door_at_hand(state, closed=meaning.verb == "open_door")
        return state if door is None else replace(state, closed=state.closed ^ {door})
    kind = motion(state, meaning)
    if kind in ("forward", "back"):
        (x, y), (dx, dy) = state.cell, STEPS[state.heading]
        sign = 1 if kind == "forward" else -1
        return replace(state, cell=(x + sign * dx, y + sign * dy))
    turn = next((eighths for eighths, name in _NAMES.items() if name == kind), 0)
    return replace(state, heading=(state.heading + turn) % 8)


def meanings(state: HouseState) -> list[Meaning]:
    """What can be said here without doubt about what it refers to.

    A thing on the border between ahead and beside, and a door at the margin or far off, are left out.
    """
    found = [Meaning(verb) for verb, count in VERBS.items() if not count and not verb.endswith("_door")]
    for verb in ("open_door", "close_door"):
        if sight.is_clear_door(state, closed=verb == "open_door"):
            found.append(Meaning(verb))
    pieces = sight.named(state)
    clear = sorted(name for name, piece in pieces.items() if sight.is_clear(state, piece))
    return found + [Meaning(verb, (name,)) for verb in ("look_at", "go_to") for name in (*clear, *_absent(state))]


def _absent(state: HouseState) -> list[str]:
    """Two things that the house does not have, so that asking for them changes nothing; fewer where it has the rest."""
    there = {piece.name for piece in state.house.furnishing.pieces}
    names = [name for name in THINGS if name not in there]
    return list(dict.fromkeys(names[(state.seed + part * len(names) // 2) % len(names)] for part in (0, 1) if names))


def ahead(state: HouseState) -> str:
    """What is in the next cell straight ahead: "free", "wall", "door" or the name of what stands there."""
    (x, y), (dx, dy) = state.cell, STEPS[state.heading]
    there = (x + dx, y + dy)
    for piece in state.house.furnishing.pieces:
        if there in piece.cells:
            return piece.name
    if edge(state.cell, there) in state.closed:
        return "door"
    return "free" if state.can_step(state.heading) else "wall"


def is_held_out(state: HouseState, meaning: Meaning) -> bool:
    """A fifth of all (kind of room, what is straight ahead, light, action), by a stable hash; waiting never."""
    if meaning.verb == "wait":
        return False
    room = state.house.plan.room_of(state.cell)
    assert room is not None
    text = "\n".join((room.kind, ahead(state), str(state.light), str(meaning)))
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") % 5 == 0
