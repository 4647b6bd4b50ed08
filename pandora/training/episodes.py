"""An episode of a world: a random scene, what is done in it, and how that may be said.

Behaviour is random, or pursues goals of the world's own (`World.demonstrate`); either way a share of the actions is
what the rules forbid. No transition of the world's hold-out and no sentence of its held-out phrasings is ever used.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pandora.config import Config
from pandora.errors import InvalidInput
from pandora.worlds.base import Frames, Meaning, World

TRAINING_SEEDS = 10**9  # training draws scenes from seeds below, evaluation from seeds above
_SELDOM = 0.6  # share of actions without arguments that is passed over: they are easy, and show little
NONSENSE = "nonsense"  # the verb of what means nothing
WAIT = Meaning("wait")
_TRIES = 1000
_ELSEWHERE = 30  # other scenes that are looked at for each sentence


@dataclass(frozen=True, kw_only=True)
class EpisodeConfig(Config):
    """What an episode is like."""

    length: int = 0  # actions an episode; 0: as many as the world says (World.episode_clips)
    sentences: int = 8  # phrasings drawn for each action
    illegal: float = 0.18  # share of actions that the rules forbid: what fails has to be learned as well
    nonsense: float = 0.0  # share of sentences that mean nothing in their scene, so that nothing happens
    goals: float = 0.3  # share of episodes that pursue a goal, where the world has goals
    scene: tuple[str, ...] = ()  # what all scenes shall be like, such as blocks=5: options of the world's reset

    def actions_in(self, world: World) -> int:
        """Actions in an episode of this world."""
        return self.length or world.episode_clips

    def options_for(self, world: World) -> dict[str, Any]:
        """The options of `World.reset`. Raises InvalidInput for what is kept for evaluation."""
        options = {
            name.strip(): _value(text.strip()) for name, _, text in (entry.partition("=") for entry in self.scene)
        }
        check_options(world, options)
        return options


def check_options(world: World, options: Mapping[str, Any]) -> None:
    """Raises InvalidInput for scenes that are kept for evaluation."""
    for split, held in world.splits().items():
        if taken := [name for name, value in held.items() if name in options and options[name] == value]:
            raise InvalidInput(
                f"{taken[0]}={options[taken[0]]} is kept for evaluation ({split} of {world.name}); train on others."
            )


@dataclass(frozen=True)
class Episode:
    """A start picture and what followed: frames (1 + clips * frames_per_action, H, W, 3) uint8.

    An action is {"meaning", "verb", "legal", "text", "sentences", "start", "end"}: `text` is the first of the
    sentences, `start` and `end` are seconds of the film, whose first frame is the start picture. What means nothing in
    its scene has the verb "nonsense", and the meaning of what then happens, which is to wait.
    """

    frames: Frames
    actions: list[dict[str, Any]]
    behaviour: str  # "random" or "goal"


def choose(world: World, scene: Any, rng: np.random.Generator, illegal: float) -> Meaning:
    """A training action: illegal with the given probability where the scene has such, and never held out."""
    seldom = _seldom(world)
    for number in range(_TRIES):
        legal = bool(rng.random() >= illegal)
        try:
            if number > _TRIES // 10:  # all that the rules forbid here may be held out
                raise ValueError
            meaning = world.sample(scene, rng, legal)
        except ValueError:
            meaning = world.sample(scene, rng)
        if world.is_held_out(scene, meaning) or (meaning.verb in seldom and rng.random() < _SELDOM):
            continue
        return meaning
    raise RuntimeError(f"No action of this scene of {world.name} is outside the hold-out.")


def misplaced(world: World, scene: Any, rng: np.random.Generator, words: np.random.Generator, count: int) -> list[str]:
    """Sentences for training that make sense in other scenes, and none in this one: they name what is not there.

    At most `count` different ones; none where the world understands them all, or nothing can be waited for.
    """
    if WAIT not in (here := world.meanings(scene)) or world.is_held_out(scene, WAIT):
        return []
    found: dict[str, None] = {}
    for _ in range(_ELSEWHERE * count):
        elsewhere = world.reset(int(rng.integers(TRAINING_SEEDS)))
        sentence = world.say(elsewhere, world.sample(elsewhere, rng), words)
        if world.understand(scene, sentence) not in here:
            found[sentence] = None
        if len(found) == count:
            break
    return list(found)


def _seldom(world: World) -> set[str]:
    """Verbs that the interface's own draw would give more room than they need; a world with a draw of its own knows."""
    if type(world).sample is not World.sample or not any(world.verbs.values()):
        return set()
    return {verb for verb, arguments in world.verbs.items() if not arguments}


def make_episode(world: World, config: EpisodeConfig, seed: int) -> Episode:
    """The episode of that seed. Seeds of training are below `TRAINING_SEEDS`."""
    rng, words = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    scene = world.reset(seed, **config.options_for(world))
    plan = _plan(world, scene, rng) if rng.random() < config.goals else None
    behaviour = "random" if plan is None else "goal"
    frames, actions = [world.render(scene)[None]], []
    lasts = world.frames_per_action / world.fps
    for number in range(config.actions_in(world)):
        meaning, failing = None, bool(rng.random() < config.illegal)
        lost = bool(config.nonsense) and rng.random() < config.nonsense
        odd = misplaced(world, scene, rng, words, config.sentences) if lost else []
        if plan is not None and not failing and not odd:
            plan = plan or _plan(world, scene, rng) or []
            if plan and world.is_held_out(scene, plan[0]):
                plan = []
            meaning = plan[0] if plan else None
        followed = meaning is not None
        if meaning is None:
            meaning = WAIT if odd else choose(world, scene, rng, float(failing))
        if world.is_held_out(scene, meaning):
            raise RuntimeError(f"{meaning} is held out in this scene of {world.name}; it must not be written.")
        sentences = odd or list(dict.fromkeys(world.say(scene, meaning, words) for _ in range(config.sentences)))
        outcome = world.step(scene, meaning)
        frames.append(outcome.frames)
        actions.append(
            {
                "meaning": str(meaning),
                "verb": NONSENSE if odd else meaning.verb,
                "legal": outcome.legal and not odd,
                "text": sentences[0],
                "sentences": sentences,
                "start": number * lasts,
                "end": (number + 1) * lasts,
            }
        )
        if followed and plan:
            plan = plan[1:]
        elif plan and world.facts(outcome.scene) != world.facts(scene):
            plan = []  # thrown off its course: from here the goal is pursued anew
        scene = outcome.scene
    return Episode(np.concatenate(frames), actions, behaviour)


def meant(world: World, scene: Any, action: Mapping[str, Any]) -> Meaning:
    """The meaning that a label's action has in its scene. Raises InvalidInput for one that can't be meant there."""
    found = next((known for known in world.meanings(scene) if str(known) == action["meaning"]), None)
    if found is None:
        raise InvalidInput(f"{action['meaning']} can't be meant there.")
    return found


def replay(world: World, label: Mapping[str, Any]) -> Iterator[Any]:
    """The scenes of an episode, played again from its label: that before the first action first."""
    yield (scene := world.reset(label["seed"], **label.get("scene", {})))
    for action in label["actions"]:
        yield (scene := world.advance(scene, meant(world, scene, action)))


def _value(text: str) -> Any:
    """5, true and 0.5 are what they look like; anything else is a word."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _plan(world: World, scene: Any, rng: np.random.Generator) -> list[Meaning] | None:
    """The world's own demonstration; None where it has none."""
    try:
        return world.demonstrate(scene, rng)
    except InvalidInput:
        return None
