"""Sentences of the user's own: how often each is followed."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from pandora.errors import InvalidInput, UnknownName
from pandora.evaluation.measures import Bench
from pandora.evaluation.rows import Row, share
from pandora.evaluation.stories import Story, generator, new_scene, tell
from pandora.evaluation.subjects import Subject
from pandora.evaluation.verdict import Verdict, judge
from pandora.worlds.base import Meaning, World

_TRIES = 2000
_LOOKS = 60  # scenes after which a verb counts as one that never changes the state


@dataclass(frozen=True)
class Template:
    """A sentence of the user's, `{a}`, `{b}` for the verb's arguments; what it leaves out, the scene must settle."""

    verb: str
    text: str

    @property
    def slots(self) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(self.text) if name is not None}

    def say(self, meaning: Meaning) -> str:
        return self.text.format(**dict(zip("abcdefgh", meaning.arguments, strict=False)))

    def settled(self, meaning: Meaning, others: list[Meaning]) -> bool:
        """Whether no other of the legal actions agrees with the arguments that the sentence names."""
        named = [i for i in range(len(meaning.arguments)) if "abcdefgh"[i] in self.slots]
        return sum(all(other.arguments[i] == meaning.arguments[i] for i in named) for other in others) == 1


@dataclass(frozen=True)
class Followed:
    """How a template fared: in `right` of `n` scenes the state came out right, in `stayed` nothing happened."""

    template: Template
    right: int
    stayed: int
    n: int


def read(path: Path, world: World, check: Callable[[str], Any]) -> list[Template]:
    """The templates of a JSON file `{"verb": ["… {a} …", …]}`. Raises InvalidInput where anything in it can't be used.

    `check` raises on a sentence that the model doesn't take.
    """
    shape = 'Expected {"verb": ["a sentence with {a} and {b}", …], …}.'
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}. Give the path of a JSON file.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not JSON ({error}). {shape}") from error
    if not isinstance(content, dict) or not content:
        raise InvalidInput(f"{path} holds {'no phrases' if content in ({}, []) else type(content).__name__}. {shape}")
    templates = []
    for verb, texts in content.items():
        if verb not in world.verbs:
            raise UnknownName("verb", verb, world.verbs)
        if not isinstance(texts, list) or not texts:
            raise InvalidInput(f"{path}: {verb} needs a list of sentences, one at least, not {texts!r:.60}. {shape}")
        templates += [_template(path, world, verb, text, check) for text in texts]
    return templates


def _template(path: Path, world: World, verb: str, text: Any, check: Callable[[str], Any]) -> Template:
    where = f"{path}: {verb}: {text!r:.80}"
    allowed = "abcdefgh"[: world.verbs[verb]]
    names = ", ".join(f"{{{name}}}" for name in allowed) or "no placeholder"
    if not isinstance(text, str):
        raise InvalidInput(f"{where} is not a sentence. Write it as a string; {verb} takes {names}.")
    try:
        fields = [(name, spec, turned) for _, name, spec, turned in Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise InvalidInput(f"{where} has a brace too many or too few ({error}). {verb} takes {names}.") from error
    for name, spec, turned in fields:
        if name not in tuple(allowed) or spec or turned:
            raise InvalidInput(f"{where} has the unknown placeholder {{{name}}}. {verb} takes {names}.")
    longest = max(world.arguments, key=len, default="")
    try:
        check(text.format(**dict.fromkeys(allowed, longest)))
    except InvalidInput as error:
        raise InvalidInput(f"{where} can't be said. {error}") from error
    return Template(verb, text)


def measure(bench: Bench, subject: Subject, templates: list[Template], scenes: int) -> tuple[list[Row], list[Followed]]:
    """Each template said in `scenes` scenes: rows by verb and for all, and every template's fate in file order."""
    effects = {verb: _has_effect(bench.world, verb, bench.seed) for verb in dict.fromkeys(t.verb for t in templates)}
    asked = [(template, index) for template in templates for index in range(scenes)]
    verdicts: dict[int, list[Verdict]] = defaultdict(list)
    for indices in bench.batches(len(asked)):
        chosen = [asked[i] for i in indices]
        stories = [_draw(bench.world, t, effects[t.verb], bench.seed, index) for t, index in chosen]
        for i, story, clip in zip(indices, stories, next(iter(subject.imagine(stories))), strict=True):
            verdicts[i // scenes].append(judge(bench.world, story.start, clip, story.turns[0], story.facts))
        bench.advance("phrases", len(stories))
    fates = [
        Followed(t, sum(v.right for v in verdicts[i]), sum(v.stayed for v in verdicts[i]), len(verdicts[i]))
        for i, t in enumerate(templates)
    ]
    every = [verdict for i in range(len(templates)) for verdict in verdicts[i]]
    rows = [share(f"phrases.{verb}", [v.right for v in every if v.verb == verb]) for verb in effects]
    return [*rows, share("phrases.all", [v.right for v in every])], fates


def _draw(world: World, template: Template, effect: bool, seed: int, index: int) -> Story:
    """A scene where the sentence is legal, means one thing, and is seen to work where the verb has an effect at all."""
    rng = generator(seed, f"{template.verb} {template.text}", index)
    for _ in range(_TRIES):
        number, scene = new_scene(world, rng)
        legal = _legal(world, scene, template.verb)
        fitting = [meaning for meaning in legal if template.settled(meaning, legal)]
        if fitting:
            meaning = fitting[rng.integers(len(fitting))]
            story = tell(world, number, scene, meaning, template.say(meaning), rng)
            if not effect or story.turns[0].facts != story.facts:
                return story
    raise InvalidInput(
        f"No scene settles what {template.text!r} means for {template.verb}: name its arguments with placeholders."
    )


def _has_effect(world: World, verb: str, seed: int) -> bool:
    """Whether the verb changes the facts in any of a few scenes where it is legal."""
    rng, looked = generator(seed, verb, 0), 0
    for _ in range(_TRIES):
        number, scene = new_scene(world, rng)
        legal = _legal(world, scene, verb)
        if legal:
            story = tell(world, number, scene, legal[rng.integers(len(legal))], "", rng)
            if story.turns[0].facts != story.facts:
                return True
            looked += 1
        if looked == _LOOKS:
            break
    return False


def _legal(world: World, scene: Any, verb: str) -> list[Meaning]:
    return [m for m in world.meanings(scene) if m.verb == verb and world.is_legal(scene, m)]


def worst(fates: list[Followed]) -> list[Followed]:
    """The least followed first."""
    return sorted(fates, key=lambda fate: (fate.right / fate.n, fate.template.verb, fate.template.text))


def as_settings(fates: list[Followed]) -> list[dict[str, Any]]:
    """Plain values for JSON."""
    return [
        {"verb": f.template.verb, "template": f.template.text, "followed": f.right, "unchanged": f.stayed, "n": f.n}
        for f in fates
    ]
