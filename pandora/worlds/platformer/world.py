"""The platformer: a hero who runs, jumps and climbs through a room, in several games and tile sets."""

from functools import lru_cache
from typing import Any

import numpy as np

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import Example, Facts, Frame, Frames, Meaning, Outcome, PhraseSplit, World
from pandora.worlds.platformer import rules, state
from pandora.worlds.platformer.planning import PlatformerPlanning
from pandora.worlds.platformer.state import (
    CELL,
    GAMES,
    HELD_OUT_GAME,
    HELD_OUT_TILES,
    SUNKEN,
    TILE_SETS,
    TRAINED_GAMES,
    TRAINED_TILES,
    Scene,
)

_RARE = {"jump": 4.0, "climb_up": 3.0, "climb_down": 3.0}  # how much readier they are drawn where they can be done
_DULL = {"wait": 0.4, "step_left": 0.8, "step_right": 0.8}


class Platformer(World):
    """Scenes are `Scene` values. See `World` for the calls; `reset` takes `game` and `tiles`."""

    name = "platformer"
    verbs = rules.VERBS
    arguments = ()

    def reset(self, seed: int, *, game: str | None = None, tiles: str | None = None, **options: Any) -> Scene:
        """A random room of a game (None: one of training's) in a tile set (None: the same; the diver's is the reef)."""
        from pandora.worlds.platformer import levels

        if options:
            raise InvalidInput(f"Platformer.reset has no option {', '.join(options)}; it takes game and tiles.")
        if game is not None and game not in GAMES:
            raise UnknownName("game", game, tuple(GAMES))
        if tiles is not None and tiles not in TILE_SETS:
            raise UnknownName("tile set", tiles, TILE_SETS)
        rng = np.random.default_rng([seed, 0x91A7])
        drawn = TRAINED_GAMES[rng.integers(len(TRAINED_GAMES))], TRAINED_TILES[rng.integers(len(TRAINED_TILES))]
        game = game or drawn[0]
        return levels.draw(rng, game, tiles or (SUNKEN if game == HELD_OUT_GAME else drawn[1]), seed)

    def render(self, scene: Scene) -> Frame:
        from pandora.worlds.platformer.render import render, rest

        return render(scene, rest(scene))

    def step(self, scene: Scene, meaning: Meaning) -> Outcome:
        from pandora.worlds.platformer.motion import animate

        self._check(meaning)
        found = _moved(scene, meaning.verb)
        frames = animate(scene, meaning.verb, found, self.frames_per_action)
        return Outcome(found.after, frames, self.is_legal(scene, meaning))

    def advance(self, scene: Scene, meaning: Meaning) -> Scene:
        self._check(meaning)
        return _moved(scene, meaning.verb).after

    def _check(self, meaning: Meaning) -> None:
        if meaning.verb not in self.verbs:
            raise UnknownName("verb of the platformer world", meaning.verb, tuple(self.verbs))
        if meaning.arguments:
            raise InvalidInput(f"{meaning.verb} takes no arguments, not {len(meaning.arguments)}.")

    def meanings(self, scene: Scene) -> list[Meaning]:
        return [Meaning(verb) for verb in self.verbs]

    def is_legal(self, scene: Scene, meaning: Meaning) -> bool:
        """Whether it changes anything. Running into a wall, jumping at nothing and falling into water do not."""
        return meaning.verb == "wait" or _moved(scene, meaning.verb).after != scene

    def sample(self, scene: Scene, rng: np.random.Generator, legal: bool | None = None) -> Meaning:
        """As in `World`, with more of what is rarely possible, and less waiting."""
        choices = [m for m in self.meanings(scene) if legal is None or self.is_legal(scene, m) == legal]
        if not choices:
            raise ValueError(f"The scene has no {'legal' if legal else 'illegal'} action.")
        able = [self.is_legal(scene, m) for m in choices]
        weights = np.array(
            [_DULL.get(m.verb, _RARE.get(m.verb, 1.0) if can else 1.0) for m, can in zip(choices, able, strict=True)]
        )
        return choices[rng.choice(len(choices), p=weights / weights.sum())]

    def say(self, scene: Scene, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        from pandora.worlds.platformer import phrases

        self._check(meaning)
        return phrases.say(scene.game, meaning.verb, rng, split)

    def understand(self, scene: Scene, text: str) -> Meaning | None:
        from pandora.worlds.platformer.phrases import grammar

        said = grammar().parse(text)
        return Meaning(said.verb) if said else super().understand(scene, text)

    def split_of(self, text: str) -> PhraseSplit | None:
        from pandora.worlds.platformer.phrases import grammar

        return grammar().split_of(text)

    def facts(self, scene: Scene) -> Facts:
        return state.facts(scene)

    def readout(self, frame: Frame) -> Facts | None:
        from pandora.worlds.platformer import readout

        return readout.read(frame)

    def shown(self, scene: Scene, meaning: Meaning, after: Scene) -> Facts:
        """The facts afterwards, with ("arced",) where the hero jumped high, and ("lost",) where he came to grief."""
        from pandora.worlds.platformer.motion import poses
        from pandora.worlds.platformer.readout import ARC

        found = _moved(scene, meaning.verb)
        base = min(scene.hero[1], after.hero[1]) * CELL
        way = poses(scene, meaning.verb, found, self.frames_per_action)
        arced = any(pose.shown and base - round(pose.y) >= ARC for pose in way)
        on_the_way = ({("arced",)} if arced else set()) | ({("lost",)} if found.lost else set())
        return state.facts(after) | on_the_way

    def read(self, start: Frame, frames: Frames) -> Facts | None:
        from pandora.worlds.platformer import readout

        return readout.read_clip(start, frames)

    def is_held_out(self, scene: Scene, meaning: Meaning) -> bool:
        return rules.is_held_out(scene, meaning)

    def demonstrate(self, scene: Scene, rng: np.random.Generator) -> list[Meaning]:
        """Some of the coins, then the goal, each on a shortest way; a wait where nothing is left to do."""
        from pandora.worlds.platformer.goals import tour

        return tour(scene, rng) or [Meaning("wait")]

    def planning(self) -> PlatformerPlanning:
        return PlatformerPlanning()

    def splits(self) -> dict[str, dict[str, Any]]:
        return {"transfer_tiles": {"tiles": HELD_OUT_TILES}, "transfer_game": {"game": HELD_OUT_GAME}}

    def examples(self) -> list[Example]:
        from pandora.worlds.platformer.examples import examples

        return examples()


@lru_cache(maxsize=256)
def _moved(scene: Scene, verb: str) -> rules.Move:
    return rules.move(scene, verb)
