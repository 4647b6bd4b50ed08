"""Skeletons: every phrasing of a verb as a template with slots, composed from shared frames and the verb's phrases."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from pandora.worlds.blocks import phrases as p
from pandora.worlds.blocks.phrases import Frame, Phrases
from pandora.worlds.blocks.phrases_hand import PICK_UP, PUT_DOWN, STACK, UNSTACK
from pandora.worlds.blocks.phrases_scene import (
    LIGHT_OFF,
    LIGHT_ON,
    PUSH_AWAY,
    PUSH_LEFT,
    PUSH_RIGHT,
    PUSH_TOWARDS,
    WAIT,
)

PHRASES: dict[str, Phrases] = {
    "pick_up": PICK_UP, "put_down": PUT_DOWN, "stack": STACK, "unstack": UNSTACK, "push_left": PUSH_LEFT,
    "push_right": PUSH_RIGHT, "push_away": PUSH_AWAY, "push_towards": PUSH_TOWARDS, "light_on": LIGHT_ON,
    "light_off": LIGHT_OFF, "wait": WAIT,
}  # fmt: skip
_CHANCE_HELD = 6  # per cent of the composed skeletons that a hash holds out
_SHARES = {  # of the phrasing mass, by production
    "imperative": 36, "base": 18, "ing": 4, "s": 6, "passive": 8, "topic": 3, "clause": 6, "small": 5, "order": 6,
    "telegram": 8,
}  # fmt: skip
_IRREGULAR = {
    "take": "taken", "get": "got", "put": "put", "set": "set", "let": "let", "lay": "laid", "hold": "held", "bring":
    "brought", "send": "sent", "draw": "drawn", "shut": "shut", "cut": "cut", "make": "made", "give": "given",
    "catch": "caught", "leave": "left", "build": "built", "stick": "stuck", "thrust": "thrust", "choose": "chosen",
    "light": "lit", "go": "gone", "do": "done", "stand": "stood", "have": "had", "keep": "kept", "shine": "shone",
    "sweep": "swept", "slide": "slid", "split": "split", "blow": "blown", "cast": "cast", "come": "come", "freeze":
    "frozen", "sit": "sat", "sleep": "slept", "withdraw": "withdrawn", "hang": "hung", "be": "been", "drive":
    "driven",
}  # fmt: skip
_DOUBLING = re.compile(
    "(get|put|set|let|grab|grip|drop|shut|cut|flip|sit|stop|dim|drag|nab|tug|skip|tap|fit|cap|top|plop|strip"
    "|propel|jog|split|prod|transfer|ungrip)"
)
PLURAL_FORMS = {"gets": "get", "needs": "need", "has": "have", "is": "are", "goes": "go", "comes": "come"}


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A sentence with slots. `situated`: only said where the acting block is where the verb wants it to be."""

    template: str
    kind: str
    production: str
    weight: float
    held: bool
    situated: bool


@dataclass(frozen=True)
class _Phrase:
    text: str
    weight: float
    held: bool
    situated: bool
    passive: bool
    plain: bool


def expand(text: str) -> Iterator[str]:
    """Every choice of `[x|y]`, whitespace collapsed."""
    parts = [part.split("|") for part in re.split(r"\[([^\]]*)\]", text)]
    choices = [part if i % 2 else ["|".join(part)] for i, part in enumerate(parts)]
    for choice in product(*choices):
        yield " ".join("".join(choice).split())


def _phrases(texts: tuple[str, ...], weight: float, held: bool = False, plain: bool = False) -> Iterator[_Phrase]:
    for marked in texts:
        text = marked.lstrip("~?")
        marks = marked[: len(marked) - len(text)]
        for choice in expand(text):
            yield _Phrase(choice, weight, held, "?" in marks, "~" not in marks, plain)


def _verb_phrases(phrases: Phrases) -> list[_Phrase]:
    own = [
        *_phrases(phrases.common, 12, plain=True), *_phrases(phrases.usual, 3), *_phrases(phrases.rare, 1),
        *_phrases(phrases.held, 1.5, held=True),
    ]  # fmt: skip
    return own + (_with_held_object(own) if phrases.takes_held_object else [])


def _with_held_object(own: list[_Phrase]) -> list[_Phrase]:
    """The same phrases said of "it" or "the block in the hand"."""
    made = []
    for phrase in own:
        if "{a}" not in phrase.text or phrase.situated:
            continue
        if re.match(r"\w+ (go of )?\{a\}", phrase.text):
            made.append(_replaced(phrase, "it", 0.5))
        if phrase.weight >= 3:
            made.append(_replaced(phrase, "{h}", 0.15))
    return made


def _replaced(phrase: _Phrase, by: str, share: float) -> _Phrase:
    return replace(phrase, text=phrase.text.replace("{a}", by), weight=phrase.weight * share, situated=True)


def inflect(verb_phrase: str, form: Callable[[str], str]) -> str:
    """The phrase with its head (and every verb marked ^) in another form."""
    head, _, rest = verb_phrase.partition(" ")
    return re.sub(r"\^(\w+)", lambda m: form(m[1]), f"{form(head)} {rest}").strip()


def gerund(verb: str) -> str:
    if _DOUBLING.fullmatch(verb):
        return f"{verb}{verb[-1]}ing"
    return f"{verb[:-1]}ing" if verb.endswith("e") and not verb.endswith(("ee", "be")) else f"{verb}ing"


def third_person(verb: str) -> str:
    if verb in {"be", "have"}:
        return {"be": "is", "have": "has"}[verb]
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}es" if verb.endswith(("ch", "sh", "ss", "x", "z", "o")) else f"{verb}s"


def participle(verb: str) -> str:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if _DOUBLING.fullmatch(verb):
        return f"{verb}{verb[-1]}ed"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ied"
    return f"{verb}d" if verb.endswith("e") else f"{verb}ed"


def _passive(phrase: _Phrase) -> dict[str, str] | None:
    """Object and participle where the object follows the head or its particle."""
    match = re.fullmatch(r"(\w+)((?: (?:up|down|on|off|out|back|in|go of))?) (\{[abhl]\})(.*)", phrase.text)
    if match is None or not phrase.passive or "^" in phrase.text or match[1] in {"get", "have", "reach", "go", "hang"}:
        return None
    tail = match[4].replace(match[3], "it")
    return {"x": match[3], "pp": f"{participle(match[1])}{match[2]}{tail}"}


def _topic(phrase: _Phrase) -> dict[str, str] | None:
    """The object and the phrase said of "it"."""
    match = re.match(r"\w+ (\{[abl]\})", phrase.text)
    return {"x": match[1], "vp": _plain(phrase.text).replace(match[1], "it")} if match else None


def _plain(text: str) -> str:
    return text.replace("^", "")


def _compose(
    production: str, frames: tuple[tuple[Frame, ...], tuple[Frame, ...]], fills: list[tuple[dict[str, str], _Phrase]]
) -> Iterator[Skeleton]:
    for group, held in zip(frames, (False, True), strict=True):
        for (weight, kind, frame), (fill, phrase) in product(group, fills):
            for text in expand(frame):
                for slot, words in fill.items():
                    text = text.replace(f"{{{slot}}}", words)
                out = held or phrase.held or _is_chosen(text)
                yield Skeleton(text, kind, production, weight * phrase.weight, out, phrase.situated)


def _is_chosen(text: str) -> bool:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % 100 < _CHANCE_HELD


def _sentences(production: str, kind: str, train: tuple[str, ...], held: tuple[str, ...]) -> Iterator[Skeleton]:
    for phrase in (*_phrases(train, 1), *_phrases(held, 1, held=True)):
        out = phrase.held or _is_chosen(phrase.text)
        yield Skeleton(phrase.text, kind, production, 1, out, phrase.situated)


def _clauses(train: tuple[str, ...], held: tuple[str, ...]) -> list[tuple[dict[str, str], _Phrase]]:
    """Results may hold already, so they are only said where the verb applies."""
    found = [*_phrases(train, 1), *_phrases(held, 1, held=True)]
    return [({"c": f.text}, _Phrase(f.text, f.weight, f.held, True, False, False)) for f in found]


def _all(verb: str) -> Iterator[Skeleton]:
    phrases = PHRASES[verb]
    verb_phrases = _verb_phrases(phrases)
    for phrase in verb_phrases:
        out = phrase.held or (not phrase.plain and _is_chosen(phrase.text))
        yield Skeleton(_plain(phrase.text), "imp", "imperative", phrase.weight, out, phrase.situated)
    passives = [(fill, phrase) for phrase in verb_phrases if (fill := _passive(phrase))]
    topics = [(fill, phrase) for phrase in verb_phrases if not phrase.situated and (fill := _topic(phrase))]
    base = [({"vp": _plain(phrase.text)}, phrase) for phrase in verb_phrases]
    ing = [({"ing": inflect(phrase.text, gerund)}, phrase) for phrase in verb_phrases]
    third = [({"s": inflect(phrase.text, third_person)}, phrase) for phrase in verb_phrases]
    yield from _compose("base", (p.BASE_FRAMES, p.BASE_FRAMES_HELD), base)
    yield from _compose("ing", (p.ING_FRAMES, p.ING_FRAMES_HELD), ing)
    yield from _compose("s", (p.S_FRAMES, p.S_FRAMES_HELD), third)
    yield from _compose("passive", (p.PASSIVE_FRAMES, p.PASSIVE_FRAMES_HELD), passives)
    yield from _compose("topic", (p.TOPIC_FRAMES, p.TOPIC_FRAMES_HELD), topics)
    clauses = _clauses(phrases.clauses, phrases.clauses_held)
    yield from _compose("clause", (p.CLAUSE_FRAMES, p.CLAUSE_FRAMES_HELD), clauses)
    small = _clauses(phrases.small, phrases.small_held)
    yield from _compose("small", (p.SMALL_FRAMES, p.SMALL_FRAMES_HELD), small)
    yield from _sentences("order", "req", phrases.orders, phrases.orders_held)
    yield from _sentences("telegram", "tel", phrases.telegrams, phrases.telegrams_held)


def skeletons(verb: str, key: Callable[[str], str]) -> dict[str, Skeleton]:
    """The verb's skeletons by normal form, the first of equal ones kept; weights are shares of the phrasing mass."""
    unique: dict[str, Skeleton] = {}
    for skeleton in _all(verb):
        unique.setdefault(key(skeleton.template), skeleton)
    totals: dict[str, float] = {}
    for skeleton in unique.values():
        totals[skeleton.production] = totals.get(skeleton.production, 0) + skeleton.weight
    return {k: replace(s, weight=s.weight / totals[s.production] * _SHARES[s.production]) for k, s in unique.items()}
