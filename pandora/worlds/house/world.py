"""The house world: a viewer who walks and turns through furnished rooms, opens doors and switches the light."""

from typing import Any

import numpy as np

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import Example, Facts, Frame, Frames, Meaning, Outcome, PhraseSplit, World
from pandora.worlds.house import draw, motion, roaming, rules, state, telling, views
from pandora.worlds.house.examples import examples
from pandora.worlds.house.state import HouseState


class House(World):
    """Scenes are `HouseState` values. See `World` for the calls; `reset` takes `light` and `held_out_rooms`."""

    name = "house"
    verbs = rules.VERBS
    arguments = rules.THINGS
    attributes = {"motion": rules.MOTIONS, "light": ("on", "off"), "door": rules.DOORS}
    switches = ("light_on", "light_off")
    episode_clips = 12  # long enough to go and come back
    returns = True

    def reset(
        self, seed: int, *, light: bool | None = None, held_out_rooms: bool = False, **options: Any
    ) -> HouseState:
        """A viewer somewhere in a house with room ahead; lit or not (None: 6 in 7), nearly half of the doors closed.

        `held_out_rooms` finishes every room as no room of training is finished.
        """
        if options:
            raise InvalidInput(f"House.reset has no option {', '.join(options)}; it takes light and held_out_rooms.")
        rng = np.random.default_rng([seed, 0x5EED])
        home = state.house(seed, held_out_rooms)
        closed = frozenset(door for door in sorted(home.plan.doors) if rng.random() < 0.45)
        lit = bool(rng.random() < 6 / 7)
        free = [cell for room in home.plan.rooms for cell in room.cells if cell not in home.blocked]
        drawn = [
            HouseState(
                seed, free[rng.integers(len(free))], int(rng.integers(8)),
                light=lit if light is None else light, closed=closed, held_out=held_out_rooms,
            )
            for _ in range(24)
        ]  # fmt: skip
        return next((scene for scene in drawn if roaming.view_depth(scene) >= 2), drawn[0])

    def render(self, scene: HouseState) -> Frame:
        return draw.draw(scene.seed, scene.held_out, motion.rest(scene), self.size)

    def step(self, scene: HouseState, meaning: Meaning) -> Outcome:
        after = self.advance(scene, meaning)
        poses = motion.animate(scene, meaning, after, self.frames_per_action)
        frames = np.stack([draw.draw(scene.seed, scene.held_out, pose, self.size) for pose in poses])
        return Outcome(after, frames, rules.is_legal(scene, meaning))

    def advance(self, scene: HouseState, meaning: Meaning) -> HouseState:
        self._check(meaning)
        return rules.transition(scene, meaning)

    def _check(self, meaning: Meaning) -> None:
        if meaning.verb not in self.verbs:
            raise UnknownName("verb of the house world", meaning.verb, self.verbs)
        if (given := len(meaning.arguments)) != (wanted := self.verbs[meaning.verb]):
            raise InvalidInput(f"{meaning.verb} takes {wanted} things, not {given}.")
        for thing in meaning.arguments:
            if thing not in self.arguments:
                raise UnknownName("thing", thing, self.arguments)

    def meanings(self, scene: HouseState) -> list[Meaning]:
        """Every action that can be said here without doubt; things are named only while they can be seen."""
        return rules.meanings(scene)

    def is_legal(self, scene: HouseState, meaning: Meaning) -> bool:
        return rules.is_legal(scene, meaning)

    def say(self, scene: HouseState, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        return telling.say(meaning, rng, split)

    def understand(self, scene: HouseState, text: str) -> Meaning | None:
        """Reads every sentence of the grammar, and `str` of every meaning, be the thing in sight or not."""
        return telling.understand(text)

    def split_of(self, text: str) -> PhraseSplit | None:
        return telling.split_of(text)

    def facts(self, scene: HouseState) -> Facts:
        return state.facts(scene)

    def readout(self, frame: Frame) -> Facts | None:
        """None: one picture of an unknown house does not tell where in it one stands; clips are read by `read`."""
        return None

    def shown(self, scene: HouseState, meaning: Meaning, after: HouseState) -> Facts:
        """How the viewer moved, the light at the end, and whether a door slid."""
        door = "still"
        if scene.closed != after.closed:
            door = "opens" if len(after.closed) < len(scene.closed) else "closes"
        light = "on" if after.light else "off"
        return frozenset({("motion", rules.motion(scene, meaning)), ("light", light), ("door", door)})

    def read(self, start: Frame, frames: Frames) -> Facts | None:
        from pandora.worlds import probe

        return probe.load(self.name).read(start, frames)

    def confidence(self, start: Frame, frames: Frames) -> float:
        from pandora.worlds import probe

        return probe.load(self.name).confidence(start, frames)

    def same_view(self, one: Frame, other: Frame) -> float:
        """Whether two pictures show the same place seen the same way: 0..1, above 0.5 where they do."""
        return views.same_view(one, other)

    def journeys(self, scene: HouseState, rng: np.random.Generator) -> list[Meaning]:
        """Four to eight legal actions after which the first view is back: a full circle, there and back, and such."""
        return roaming.journey(scene, rng)

    def is_held_out(self, scene: HouseState, meaning: Meaning) -> bool:
        return rules.is_held_out(scene, meaning)

    def sample(self, scene: HouseState, rng: np.random.Generator, legal: bool | None = None) -> Meaning:
        """What a curious viewer does: mostly walk and look around, seldom into walls."""
        return roaming.sample(scene, rng, legal)

    def demonstrate(self, scene: HouseState, rng: np.random.Generator) -> list[Meaning]:
        """The way to a piece of furniture, in another room where one is near enough; or a journey there and back."""
        way = roaming.to_a_thing(scene, rng) if rng.random() < 0.5 else []
        return way or roaming.journey(scene, rng)

    def splits(self) -> dict[str, dict[str, Any]]:
        return {"held_out_rooms": {"held_out_rooms": True}}

    def examples(self) -> list[Example]:
        return examples()
