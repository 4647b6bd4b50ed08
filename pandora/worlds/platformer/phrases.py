"""How people ask a hero to run, jump and climb."""

from functools import cache

import numpy as np

from pandora.worlds.base import PhraseSplit
from pandora.worlds.wording import Grammar, Phrasings, Words

WHO = {"quest": "explorer", "siege": "knight", "wilds": "fox", "dive": "hero"}  # the game that is held out names nobody
_NAMES = {
    "explorer": Words(("the explorer", "the hero", "the girl", "our hero", "the player"), ("the adventurer", "the heroine")),
    "knight": Words(("the knight", "the hero", "our hero", "the player", "the brave knight"), ("the warrior", "the man in armour")),
    "fox": Words(("the fox", "the hero", "our hero", "the player", "the little fox"), ("the animal", "foxy")),
    "hero": Words(("the hero", "our hero", "the player"), ("the diver", "the character", "the swimmer")),
}  # fmt: skip
_PRONOUNS = {"explorer": ("she", "her"), "knight": ("he", "him"), "fox": ("it", "it")}


def _words() -> dict[str, Words]:
    """The names with their pronouns, as one who acts, and, with "whom " before it, as one who is made to."""
    found = {}
    for name, words in _NAMES.items():
        for prefix, pronoun in zip(("", "whom "), _PRONOUNS.get(name, ("", "")), strict=True):
            found[prefix + name] = Words((*words.train, pronoun) if pronoun else words.train, words.held)
    return found


_LEFT = Words(
    ("left", "to the left", "leftwards", "towards the left"), ("to the left side", "in the left direction", "westwards")
)
_RIGHT = Words(
    ("right", "to the right", "rightwards", "towards the right"),
    ("to the right side", "in the right direction", "eastwards"),
)


def _sided(side: str, train: tuple[str, ...], held: tuple[str, ...]) -> Phrasings:
    """Phrasings of one side: `<side>` is any of its words, `<bare>` the word alone."""
    words = {"left": _LEFT, "right": _RIGHT}[side]
    some, rare = "|".join(words.train), "|".join(words.held)
    kept = [text.replace("<side>", f"[{some}]").replace("<bare>", side) for text in train]
    held_words = [text.replace("<side>", f"[{rare}]") for text in train[:4]]
    return Phrasings(
        tuple(kept),
        (*held_words, *(text.replace("<side>", f"[{some}]").replace("<bare>", side) for text in held)),
    )


_RUN = (
    (
        "run <side>", "go <side>", "~{who} runs <side>", "~{who} goes <side>", "move <side>", "~{who} dashes <side>", "dash <side>",
        "sprint <side>", "race <side>", "rush <side>", "hurry <side>", "keep running <side>", "start running <side>", "run off <side>",
        "[quickly|] run <side> [as fast as you can|]", "~{who} is running <side>", "~{who} sprints <side>", "~{who} rushes off <side>",
        "~{who} hurries <side>", "~{who} moves <side>", "<bare>", "<bare> [fast|quickly]", "turn <bare> and run", "head <side>",
        "~{who} heads <side>", "make {whom} run <side>", "have {whom} run <side>", "let {whom} run <side>", "off <side> [you go|]",
        "~{who} turns <bare> and runs", "cover some ground <side>",
            "scurry <side>", "dart <side>", "trot <side>", "gallop <side>", "jog <side>", "speed <side>",
            "speed off <side>", "hasten <side>", "hustle <side>", "storm <side>", "~{who} races <side>",
            "~{who} speeds <side>", "~{who} darts <side>", "~{who} scurries <side>", "~{who} jogs <side>",
            "go <side> [quickly|fast|at full speed]", "run <side> without stopping", "make for the <bare>",
            "get going <side>", "hurry off <side>", "~{who} keeps running <side>", "a [run|sprint|dash] <side>",
            "make a dash <side>", "~{who} makes a dash <side>", "set off <side>", "~{who} sets off <side>",
            "[run|go] a few [tiles|squares|blocks] <side>", "go far <side>",
    ),
    ("bolt <side>", "~{who} tears off <side>", "leg it <side>", "scamper <side>", "~{who} makes a run for it <side>", "charge <side>", "zoom <side>"),
)  # fmt: skip
_STEP = (
    (
        "step <side>", "take [a|one] step <side>", "~{who} steps <side>", "~{who} takes [a|one] step <side>", "[a|one] step <side>",
        "one [tile|square|block] <side>", "walk one step <side>", "move one [tile|square|block] <side>", "go a little <side>",
        "move a [bit|little] <side>", "~{who} moves a [bit|little] <side>", "just a bit <side>", "go one step <side>", "walk a [bit|little] <side>",
        "~{who} goes one step <side>", "~{who} walks a single step <side>", "[a little|slightly] <side>", "take a [small|little|single] step <side>",
        "make {whom} step <side>", "have {whom} take a step <side>", "let {whom} take one step <side>", "a tiny bit <side>",
        "only one step <side>", "~{who} takes a [small|little|single] step <side>",
            "creep <side>", "tiptoe <side>", "~{who} creeps <side>", "~{who} tiptoes <side>",
            "make a [small|little] move <side>", "make [a|one] step <side>", "~{who} makes [a|one] step <side>",
            "do one step <side>", "go <side> by one [tile|square|block]", "move <side> by one",
            "move <side> slightly", "slightly more <side>", "shift <side>", "shift a [bit|little] <side>",
            "~{who} shifts a [bit|little] <side>", "just one step <side>", "not far, only a [bit|little] <side>",
            "advance one [tile|square|block] <side>", "walk <side> a [bit|little]", "walk slowly <side>",
            "~{who} walks slowly <side>", "come a [bit|little] <side>", "one small step <side>", "ease <side>",
            "a short way <side>", "~{who} goes a short way <side>", "tread <side>",
    ),
    ("edge <side>", "shuffle <side>", "~{who} inches <side>", "a touch <side>", "nudge {whom} <side>", "~{who} sidles <side>", "a single pace <side>"),
)  # fmt: skip
_LEAP = (
    (
        "jump <side>", "leap <side>", "~{who} jumps <side>", "~{who} leaps <side>", "hop <side>", "make a jump <side>", "take a leap <side>",
        "jump over to the <bare>", "~{who} hops <side>", "spring <side>", "jump across <side>", "leap across <side>", "~{who} jumps across <side>",
        "<bare> jump", "jump up and <side>", "~{who} springs <side>", "~{who} makes a jump <side>", "~{who} takes a leap <side>",
        "make {whom} jump <side>", "have {whom} jump <side>", "let {whom} jump <side>", "do a jump <side>", "clear it with a jump <side>",
        "jump onto what is on the <bare>", "jump over what is on the <bare>", "a jump <side>", "a leap <side>", "~{who} is jumping <side>",
        "turn <bare> and jump", "~{who} turns <bare> and jumps", "a [big|long] jump <side>",
            "skip <side>", "hurdle <side>", "~{who} hurdles <side>", "perform a jump <side>",
            "~{who} does a jump <side>", "take a jump <side>", "jump the gap <side>", "leap over the gap <side>",
            "~{who} leaps over the gap <side>", "jump and go <side>", "go <side> with a [jump|leap]",
            "move <side> by jumping", "jump two [tiles|blocks] <side>", "hop over <side>", "hop across <side>",
            "~{who} hops across <side>", "a hop <side>", "make a leap <side>", "~{who} makes a leap <side>",
            "land on the <bare> with a jump", "jump off <side>", "spring across <side>", "get <side> by a jump",
    ),
    ("vault <side>", "bound <side>", "~{who} bounds <side>", "~{who} vaults <side>", "fly through the air <side>", "~{who} takes off <side> in a high arc", "launch yourself <side>"),
)  # fmt: skip

_PHRASINGS = {
    "run_left": _sided("left", *_RUN),
    "run_right": _sided("right", *_RUN),
    "step_left": _sided("left", *_STEP),
    "step_right": _sided("right", *_STEP),
    "jump_left": _sided("left", *_LEAP),
    "jump_right": _sided("right", *_LEAP),
    "jump": Phrasings(
        (
            "jump", "jump up", "jump straight up", "~{who} jumps", "~{who} jumps up", "~{who} jumps straight up", "hop", "hop up",
            "leap up", "leap into the air", "jump on the spot", "jump into the air", "~{who} leaps into the air", "~{who} hops", "make a jump",
            "jump as high as you can", "jump onto the platform above", "~{who} jumps onto the platform above", "jump up through the platform",
            "reach up with a jump", "grab what is up there", "jump for what is overhead", "make {whom} jump", "have {whom} jump [up|]",
            "let {whom} jump [up|]", "spring up", "~{who} springs up", "a jump", "up in the air", "get up there with a jump", "do a jump",
            "~{who} is jumping [up and down|straight up|on the spot]", "jump vertically",
            "do a hop", "a [little|] hop", "take a jump", "jump [once|again]", "jump high", "~{who} jumps high",
            "jump in place", "~{who} jumps in place", "hop [in place|on the spot]", "hop straight up", "leap",
            "leap straight up", "leap upwards", "jump upwards", "~{who} leaps up", "~{who} leaps upwards",
            "~{who} hops up", "perform a jump", "push off the ground", "get off the ground", "rise into the air",
            "~{who} rises into the air", "jump to the floor above", "jump up to the next floor", "jump to reach it",
            "try a jump", "lift off", "skip up",
        ),
        ("bounce", "~{who} bounces up", "~{who} leaves the ground for a moment", "leap skywards", "try to hit the ceiling", "boing", "vault up onto the ledge overhead"),
    ),
    "climb_up": Phrasings(
        (
            "climb up", "climb the ladder", "go up the ladder", "climb", "~{who} climbs up", "~{who} climbs the ladder", "~{who} goes up the ladder",
            "up the ladder", "climb higher", "climb upwards", "~{who} climbs higher", "keep climbing", "head up the ladder", "start climbing up",
            "climb up to the next floor", "~{who} climbs up to the next floor", "move up the ladder", "use the ladder to go up", "climb to the top",
            "take the ladder up", "~{who} takes the ladder up", "make {whom} climb up", "have {whom} climb [up|the ladder]", "let {whom} climb [up|the ladder]",
            "go up", "up", "pull yourself up", "~{who} is climbing up", "climb up the [rope|vine|chain]", "~{who} climbs up the [rope|vine|chain]",
            "go higher", "go upwards", "get up the ladder", "climb all the way up", "climb further up",
            "go further up the ladder", "step up the ladder", "walk up the ladder", "~{who} walks up the ladder",
            "crawl up the ladder", "scramble up", "scramble up the ladder", "~{who} scrambles up", "work your way up",
            "use the ladder", "~{who} uses the ladder to get up", "upwards", "take the way up",
            "reach the top of the ladder", "~{who} climbs to the top", "climb up there", "up you go",
            "hand over hand up the ladder", "continue up the ladder", "up the [rope|vine|chain]",
            "go up the [rope|vine|chain]", "~{who} goes up the [rope|vine|chain]",
        ),
        ("ascend", "~{who} ascends", "scale the ladder", "clamber up", "~{who} clambers up rung by rung", "shin up", "mount the ladder"),
    ),
    "climb_down": Phrasings(
        (
            "climb down", "climb down the ladder", "go down the ladder", "~{who} climbs down", "~{who} climbs down the ladder",
            "~{who} goes down the ladder", "down the ladder", "climb lower", "climb downwards", "~{who} climbs lower", "head down the ladder",
            "start climbing down", "climb down to the floor below", "~{who} climbs down to the floor below", "move down the ladder",
            "use the ladder to go down", "climb to the bottom", "take the ladder down", "~{who} takes the ladder down", "make {whom} climb down",
            "have {whom} climb down", "let {whom} climb down", "go down", "down", "lower yourself", "~{who} is climbing down", "climb back down",
            "climb down the [rope|vine|chain]", "~{who} climbs down the [rope|vine|chain]", "get down from there", "slide down the ladder",
            "go lower", "go downwards", "get down the ladder", "climb all the way down", "climb further down",
            "go further down the ladder", "step down the ladder", "walk down the ladder",
            "~{who} walks down the ladder", "crawl down the ladder", "scramble down", "scramble down the ladder",
            "~{who} scrambles down", "work your way down", "~{who} uses the ladder to get down", "downwards",
            "take the way down", "reach the bottom of the ladder", "~{who} climbs to the bottom", "climb down there",
            "down you go", "hand over hand down the ladder", "continue down the ladder", "down the [rope|vine|chain]",
            "go down the [rope|vine|chain]", "~{who} goes down the [rope|vine|chain]", "let yourself down",
            "come down", "come down the ladder", "~{who} comes down",
        ),
        ("descend", "~{who} descends", "clamber down", "~{who} clambers down rung by rung", "shin down", "make your way down the rungs", "back down to earth"),
    ),
    "wait": Phrasings(
        (
            "wait", "wait [a moment|a second|here|a bit]", "do nothing", "stay [put|here|there|where you are]", "stand still", "hold still", "don't move",
            "~nothing happens", "~{who} waits", "~{who} stands still", "~{who} does nothing", "~{who} stays [put|where you see it]", "pause", "rest",
            "rest for a moment", "take a break", "~{who} takes a break", "stay as you are", "keep still", "no move", "remain where you are",
            "~{who} is waiting", "let a moment pass", "~a moment passes", "just look around", "leave {whom} alone", "make {whom} wait", "let {whom} rest",
            "do not move", "don't do anything", "take it easy", "relax", "stand there", "stay still",
            "~{who} stays still", "~{who} holds still", "~{who} does not move", "~{who} rests", "~{who} relaxes",
            "~{who} pauses", "no action", "skip a turn", "pass", "let time pass", "let some time go by",
            "wait and see", "wait for a while", "give it a moment", "hold your position", "stop moving", "stop",
            "be still", "have a rest", "sit tight",
        ),
        ("idle", "~{who} idles", "catch your breath", "~{who} catches a breath", "freeze", "hang on a second", "~not a thing happens"),
    ),
}  # fmt: skip


@cache
def grammar() -> Grammar:
    slots = {"who": tuple(_NAMES), "whom": tuple(f"whom {name}" for name in _NAMES)}
    return Grammar(_PHRASINGS, _words(), slots)


def say(game: str, verb: str, rng: np.random.Generator, split: PhraseSplit) -> str:
    """One sentence for the verb, about the game's hero."""
    return grammar().say(verb, rng, split, who=WHO[game], whom=f"whom {WHO[game]}")
