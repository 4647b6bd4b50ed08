"""The nature world: land and water under weather, hours and wind, and a camp fire."""

from dataclasses import replace
from typing import Any

import numpy as np

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import Example, Facts, Frame, Frames, Meaning, Outcome, PhraseSplit, World
from pandora.worlds.nature import motion, rules, state
from pandora.worlds.nature.examples import examples
from pandora.worlds.nature.phrases import grammar
from pandora.worlds.nature.render import render
from pandora.worlds.nature.state import FIRES, HELD_LANDS, HOURS, LANDS, PANS, VIEWS, WEATHERS, WINDS, NatureState


class Nature(World):
    """Scenes are `NatureState` values. See `World` for the calls; `reset` takes `land`, `fire` and `hour`.

    Whatever moves while the state rests (water, flames, rain) comes round once a clip, so that a state looks the same
    after every action that leads to it; only clouds go on with the wind.
    """

    name = "nature"
    verbs = rules.VERBS
    arguments = ()
    attributes = {"weather": WEATHERS, "hour": HOURS, "wind": WINDS, "fire": FIRES, "pan": PANS}
    switches = (*rules.WEATHER, *rules.HOUR, *rules.WIND)
    episode_clips = 8

    def reset(
        self, seed: int, *, land: str | None = None, fire: str | None = None, hour: str | None = None, **options: Any
    ) -> NatureState:
        """A random scene; None draws the land (of `LANDS`; a canyon is kept for evaluation), the fire and the hour.

        Raises InvalidInput for options that there are not, UnknownName for values that there are not.
        """
        if options:
            raise InvalidInput(f"Nature.reset has no option {', '.join(options)}; it takes land, fire and hour.")
        for kind, value, valid in (("land", land, (*LANDS, *HELD_LANDS)), ("fire", fire, FIRES), ("hour", hour, HOURS)):
            if value is not None and value not in valid:
                raise UnknownName(kind, value, valid)
        rng = np.random.default_rng([seed, 0x4A7])

        def draw(values: tuple[str, ...], shares: list[float] | None = None) -> str:
            return str(rng.choice(values, p=shares))

        drawn = NatureState(
            weather=draw(WEATHERS, [0.4, 0.15, 0.15, 0.15, 0.15]),
            hour=draw(HOURS),
            wind=draw(WINDS),
            fire=draw(FIRES),
            view=int(rng.choice(VIEWS)),
            land=draw(LANDS),
            pit=bool(rng.random() < 0.85),
            look=seed,
            drift=int(rng.integers(state.CLOUD_PERIOD)),
        )
        pit = drawn.pit or fire in ("low", "high")
        burning = fire or (drawn.fire if pit else "none")
        return replace(drawn, land=land or drawn.land, hour=hour or drawn.hour, pit=pit, fire=burning)

    def render(self, scene: NatureState) -> Frame:
        return render(motion.place_of(scene), motion.rest(scene))

    def step(self, scene: NatureState, meaning: Meaning) -> Outcome:
        self._check(meaning)
        after = rules.transition(scene, meaning)
        place = motion.place_of(scene)
        poses = motion.animate(scene, meaning, after, self.frames_per_action)
        return Outcome(after, np.stack([render(place, pose) for pose in poses]), rules.is_legal(scene, meaning))

    def advance(self, scene: NatureState, meaning: Meaning) -> NatureState:
        self._check(meaning)
        return rules.transition(scene, meaning)

    def _check(self, meaning: Meaning) -> None:
        if meaning.verb not in self.verbs:
            raise UnknownName("verb of the nature world", meaning.verb, self.verbs)
        if meaning.arguments:
            raise InvalidInput(f"{meaning.verb} takes no arguments, not {len(meaning.arguments)}.")

    def meanings(self, scene: NatureState) -> list[Meaning]:
        return [Meaning(verb) for verb in self.verbs]

    def is_legal(self, scene: NatureState, meaning: Meaning) -> bool:
        return rules.is_legal(scene, meaning)

    def say(self, scene: NatureState, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        return grammar().say(meaning.verb, rng, split)

    def understand(self, scene: NatureState, text: str) -> Meaning | None:
        said = grammar().parse(text)
        return super().understand(scene, text) if said is None else Meaning(said.verb)

    def split_of(self, text: str) -> PhraseSplit | None:
        return grammar().split_of(text)

    def facts(self, scene: NatureState) -> Facts:
        return state.facts(scene)

    def readout(self, frame: Frame) -> Facts | None:
        """Weather, hour, wind and fire of one picture, by the learned judge, which is made for clips."""
        facts = self.read(frame, np.repeat(frame[None], self.frames_per_action, axis=0))
        return None if facts is None else frozenset(fact for fact in facts if fact[0] != "pan")

    def shown(self, scene: NatureState, meaning: Meaning, after: NatureState) -> Facts:
        """One value for each of `attributes`: how it is at the end, and whether the view turned."""
        pan = {-1: "left", 0: "none", 1: "right"}[after.view - scene.view]
        return frozenset(
            {("weather", after.weather), ("hour", after.hour), ("wind", after.wind), ("fire", after.fire), ("pan", pan)}
        )

    def read(self, start: Frame, frames: Frames) -> Facts | None:
        from pandora.worlds import probe

        return probe.load(self.name).read(start, frames)

    def confidence(self, start: Frame, frames: Frames) -> float:
        from pandora.worlds import probe

        return probe.load(self.name).confidence(start, frames)

    def is_held_out(self, scene: NatureState, meaning: Meaning) -> bool:
        return rules.is_held_out(scene, meaning)

    def splits(self) -> dict[str, dict[str, Any]]:
        return {"held_out_land": {"land": HELD_LANDS[0]}}

    def examples(self) -> list[Example]:
        return examples()

    def demonstrate(self, scene: NatureState, rng: np.random.Generator) -> list[Meaning]:
        """Legal actions, one after the other, that lead to a random other weather, hour, wind, fire and view."""
        goal = replace(
            scene,
            weather=str(rng.choice(WEATHERS)),
            hour=str(rng.choice(HOURS)),
            wind=str(rng.choice(WINDS)),
            fire=str(rng.choice(FIRES)) if scene.pit else "none",
            view=int(rng.choice(VIEWS)),
        )
        actions: list[Meaning] = []
        while choices := _towards(scene, goal):
            actions.append(Meaning(choices[rng.integers(len(choices))]))
            scene = rules.transition(scene, actions[-1])
        return actions


def _towards(scene: NatureState, goal: NatureState) -> list[str]:
    """The verbs that bring the scene nearer to the goal and are possible; none where it is reached."""
    verbs: list[str] = []
    if scene.fire != goal.fire:
        if goal.fire == "none":
            verbs.append("put_out_fire")
        elif scene.fire == "none":  # wet wood doesn't burn, so it has to be dry first
            return ["clear_sky"] if scene.weather in rules.WET else ["light_fire"]
        else:
            verbs.append("fire_up" if goal.fire == "high" else "fire_down")
    if scene.view != goal.view:
        verbs.append("look_right" if goal.view > scene.view else "look_left")
    for table, now, wanted in (
        (rules.WEATHER, scene.weather, goal.weather),
        (rules.HOUR, scene.hour, goal.hour),
        (rules.WIND, scene.wind, goal.wind),
    ):
        if now != wanted:
            verbs.extend(verb for verb, value in table.items() if value == wanted)
    return verbs
