"""The road world: drive through town and country, and let the weather and the hour change."""

from typing import Any, cast

import numpy as np

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import Example, Facts, Frame, Frames, Meaning, Outcome, PhraseSplit, World
from pandora.worlds.road import rules, state
from pandora.worlds.road.examples import examples
from pandora.worlds.road.look import STYLES
from pandora.worlds.road.planning import RoadPlanning
from pandora.worlds.road.state import BLOCK, HOURS, LANES, WEATHERS, RoadState


class Road(World):
    """Scenes are `RoadState` values. See `World` for the calls.

    `reset` takes `weather`, `hour`, `lane`, `driving` (bool), `at_junction` (bool) and `style` ("seen", or "unseen":
    facades, roofs and cars that training never shows); None draws one. Judged by a probe that is trained on its clips.
    """

    name = "road"
    verbs = rules.VERBS
    arguments = ()
    attributes = rules.ATTRIBUTES
    glance: tuple[str, ...] = ("weather", "hour", "lane", "junction")
    switches = rules.SWITCHES

    def reset(
        self,
        seed: int,
        *,
        weather: str | None = None,
        hour: str | None = None,
        lane: str | None = None,
        driving: bool | None = None,
        at_junction: bool | None = None,
        style: str = "seen",
        **options: Any,
    ) -> RoadState:
        """A random moment of a drive. Raises InvalidInput or UnknownName for what the world doesn't have."""
        if options:
            valid = "weather, hour, lane, driving, at_junction and style"
            raise InvalidInput(f"Road.reset has no option {', '.join(options)}; it takes {valid}.")
        for kind, value, values in (
            ("weather", weather, WEATHERS),
            ("hour", hour, HOURS),
            ("lane", lane, LANES),
            ("style", style, STYLES),
        ):
            if value is not None and value not in values:
                raise UnknownName(kind, value, values)
        rng = np.random.default_rng([seed, 0x60AD])
        drawn = (rng.choice(WEATHERS, p=(0.46, 0.18, 0.18, 0.18)), rng.choice(HOURS, p=(0.46, 0.27, 0.27)))
        side, moves, near = rng.choice(LANES), bool(rng.random() < 0.6), bool(rng.random() < 0.4)
        driving = moves if driving is None else driving
        near = near if at_junction is None else at_junction
        far = [a for a in range(5 if driving else 0, BLOCK, 10) if a not in state.TURN_AT]
        other = int(rng.choice(far))
        return RoadState(
            seed=seed,
            x=int(rng.integers(-40, 40)),
            y=int(rng.integers(-40, 40)),
            heading=int(rng.integers(4)),
            along=(45 if driving else 50) if near else other,
            lane=cast(state.Lane, lane or str(side)),
            driving=driving,
            weather=cast(state.Weather, weather or str(drawn[0])),
            hour=cast(state.Hour, hour or str(drawn[1])),
            clock=int(rng.integers(100)),
            style=style,
        )

    def render(self, scene: RoadState) -> Frame:
        from pandora.worlds.road import motion
        from pandora.worlds.road.render import draw

        return draw(scene, motion.rest(scene))

    def step(self, scene: RoadState, meaning: Meaning) -> Outcome:
        from pandora.worlds.road import motion
        from pandora.worlds.road.render import draw

        after = self.advance(scene, meaning)
        poses = motion.animate(scene, meaning, after, self.frames_per_action)
        return Outcome(after, np.stack([draw(scene, pose) for pose in poses]), self.is_legal(scene, meaning))

    def advance(self, scene: RoadState, meaning: Meaning) -> RoadState:
        if meaning.verb not in self.verbs:
            raise UnknownName("verb of the road world", meaning.verb, self.verbs)
        if meaning.arguments:
            raise InvalidInput(f"{meaning.verb} takes no arguments in the road world, not {meaning.arguments}.")
        return rules.transition(scene, meaning)

    def meanings(self, scene: RoadState) -> list[Meaning]:
        return [Meaning(verb) for verb in self.verbs]

    def is_legal(self, scene: RoadState, meaning: Meaning) -> bool:
        return rules.is_legal(scene, meaning)

    def say(self, scene: RoadState, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        from pandora.worlds.road import grammar

        return grammar.say(meaning, rng, split)

    def understand(self, scene: RoadState, text: str) -> Meaning | None:
        from pandora.worlds.road import grammar

        return super().understand(scene, text) or grammar.parse(text)

    def split_of(self, text: str) -> PhraseSplit | None:
        from pandora.worlds.road import grammar

        return grammar.split_of(text)

    def facts(self, scene: RoadState) -> Facts:
        """Weather, hour, speed, lane and heading; the place, which flows on while the car drives, is left out."""
        return state.facts(scene)

    def shown(self, scene: RoadState, meaning: Meaning, after: RoadState) -> Facts:
        return rules.shown(scene, meaning, after)

    def readout(self, frame: Frame) -> Facts | None:
        """Weather, hour, lane and whether a junction is near: what a single picture is enough for."""
        read = self.read(frame, np.repeat(frame[None], self.frames_per_action, 0))
        return None if read is None else frozenset(fact for fact in read if fact[0] in self.glance)

    def read(self, start: Frame, frames: Frames) -> Facts | None:
        from pandora.worlds import probe

        return probe.load(self.name).read(start, frames)

    def confidence(self, start: Frame, frames: Frames) -> float:
        from pandora.worlds import probe

        return probe.load(self.name).confidence(start, frames)

    def is_held_out(self, scene: RoadState, meaning: Meaning) -> bool:
        return rules.is_held_out(scene, meaning)

    def sample(self, scene: RoadState, rng: np.random.Generator, legal: bool | None = None) -> Meaning:
        """Driving about half of the time; where one can turn, or has to change lanes first, that is likelier."""
        choices = [m for m in self.meanings(scene) if legal is None or self.is_legal(scene, m) == legal]
        if not choices:
            raise ValueError(f"The scene has no {'legal' if legal else 'illegal'} action.")
        weights = np.asarray([_weight(scene, meaning) for meaning in choices])
        return choices[rng.choice(len(choices), p=weights / weights.sum())]

    def demonstrate(self, scene: RoadState, rng: np.random.Generator) -> list[Meaning]:
        """To a street around the corner: into a lane, on to the junction, a turn, and a stop there."""
        side, lane = str(rng.choice(LANES)), str(rng.choice(LANES))
        verbs: list[str] = []

        def do(verb: str) -> None:
            nonlocal scene
            verbs.append(verb)
            scene = rules.transition(scene, Meaning(verb))

        if scene.at_junction and rng.random() < 0.3:
            do("drive")  # the next junction, not this one
        while not scene.at_junction:
            wants = scene.driving and scene.lane != lane and scene.along < 35
            do(f"lane_{lane}" if wants else "drive")
        if scene.driving and rng.random() < 0.4:
            do("brake")  # looks first
        do(f"turn_{side}")
        for _ in range(int(rng.integers(0, 3))):
            do("drive")
        do("brake")
        return [Meaning(verb) for verb in verbs]

    def planning(self) -> RoadPlanning:
        return RoadPlanning()

    def splits(self) -> dict[str, dict[str, Any]]:
        return {"unseen_streets": {"style": "unseen"}}

    def examples(self) -> list[Example]:
        return examples()


def _weight(scene: RoadState, meaning: Meaning) -> float:
    verb = meaning.verb
    if verb.startswith("turn_"):
        return 4.0 if scene.at_junction else 0.5
    if verb.startswith("lane_"):
        return 1.4 if rules.is_legal(scene, meaning) else 0.5
    if verb == "drive":
        return 5.0 if not scene.driving else 3.5
    if verb == "brake":
        return 2.0 if scene.driving else 0.3
    if verb in rules.SWITCHES:
        return 0.2 if rules.SKIES.get(verb, verb) in (scene.weather, scene.hour) else 1.1
    return 1.0
