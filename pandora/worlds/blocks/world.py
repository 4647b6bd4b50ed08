"""The blocks world: a robot gripper over a table with two to six coloured blocks."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import Example, Facts, Frame, Meaning, Outcome, PhraseSplit, Planning, World
from pandora.worlds.blocks import motion, rules, state
from pandora.worlds.blocks.examples import examples
from pandora.worlds.blocks.render import render
from pandora.worlds.blocks.state import COLUMNS, ROWS, BlocksState, Stack
from pandora.worlds.towers import COLOURS, TABLE, next_action, random_towers


class Blocks(World):
    """Scenes are `BlocksState` values. See `World` for the calls; `reset` takes `blocks` (2..6), `light`, `holding`."""

    name = "blocks"
    verbs = rules.VERBS
    arguments = COLOURS

    def reset(
        self,
        seed: int,
        *,
        blocks: int | None = None,
        light: bool | None = None,
        holding: bool | None = None,
        **options: Any,
    ) -> BlocksState:
        """A random scene of `blocks` blocks (None: 2..5, as six are kept for evaluation).

        It is lit or not (None: 3 in 4 are), and one of the blocks is held or none (None: 3 in 10 hold one).
        """
        if options:
            raise InvalidInput(f"Blocks.reset has no option {', '.join(options)}; it takes blocks, light and holding.")
        if blocks is not None and not 2 <= blocks <= len(COLOURS):
            raise InvalidInput(f"blocks is {blocks}; it must be 2 to {len(COLOURS)}.")
        rng = np.random.default_rng([seed, 0xB10C])
        count = int(rng.integers(2, 6)) if blocks is None else blocks
        colours = [str(colour) for colour in rng.permutation(COLOURS)[:count]]
        lit = bool(rng.random() < 0.75)
        holds = bool(rng.random() < 0.3)
        held = colours.pop() if (holds if holding is None else holding) else None
        columns = [int(c) for c in rng.permutation(COLUMNS)]
        spread = rng.uniform(0.2, 0.9)
        towers: list[list[str]] = []
        for colour in colours:
            if not towers or rng.random() < spread:
                towers.append([colour])
            else:
                towers[rng.integers(len(towers))].append(colour)
        stacks = [Stack(columns.pop(), int(rng.integers(ROWS)), tuple(tower)) for tower in towers]
        gripper = int(rng.integers(COLUMNS))
        return BlocksState(tuple(sorted(stacks)), gripper, held, lit if light is None else light, seed)

    def render(self, scene: BlocksState) -> Frame:
        return render(motion.rest(scene), scene.look)

    def step(self, scene: BlocksState, meaning: Meaning) -> Outcome:
        self._check(meaning)
        after = rules.transition(scene, meaning)
        poses = motion.animate(scene, meaning, after, self.frames_per_action)
        frames = np.stack([render(pose, scene.look) for pose in poses])
        return Outcome(after, frames, rules.is_legal(scene, meaning))

    def advance(self, scene: BlocksState, meaning: Meaning) -> BlocksState:
        self._check(meaning)
        return rules.transition(scene, meaning)

    def _check(self, meaning: Meaning) -> None:
        if meaning.verb not in self.verbs:
            raise UnknownName("verb of the blocks world", meaning.verb, self.verbs)
        if (given := len(meaning.arguments)) != (wanted := self.verbs[meaning.verb]):
            raise InvalidInput(f"{meaning.verb} takes {wanted} blocks, not {given}.")
        for block in meaning.arguments:
            if block not in COLOURS:
                raise UnknownName("block", block, COLOURS)

    def meanings(self, scene: BlocksState) -> list[Meaning]:
        """Every verb with every choice of distinct blocks of the scene."""
        blocks = scene.blocks
        pairs = [(a, b) for a in blocks for b in blocks if a != b]
        choices = {0: [()], 1: [(block,) for block in blocks], 2: pairs}
        return [Meaning(verb, arguments) for verb, count in self.verbs.items() for arguments in choices[count]]

    def is_legal(self, scene: BlocksState, meaning: Meaning) -> bool:
        return rules.is_legal(scene, meaning)

    def say(self, scene: BlocksState, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        from pandora.worlds.blocks import grammar

        return grammar.say(scene, meaning, rng, split)

    def understand(self, scene: BlocksState, text: str) -> Meaning | None:
        """Reads every sentence of the grammar; what it leaves open ("put it down") is filled in from the scene."""
        from pandora.worlds.blocks import grammar

        parsed = grammar.parse(text)
        if parsed is None:
            return super().understand(scene, text)
        meaning = grammar.resolve(scene, parsed)
        return meaning if set(meaning.arguments) <= set(COLOURS) else None

    def split_of(self, text: str) -> PhraseSplit | None:
        from pandora.worlds.blocks import grammar

        return grammar.split_of(text)

    def facts(self, scene: BlocksState) -> Facts:
        return state.facts(scene)

    def readout(self, frame: Frame) -> Facts | None:
        from pandora.worlds.blocks import readout

        return readout.readout(frame)

    def is_held_out(self, scene: BlocksState, meaning: Meaning) -> bool:
        return rules.is_held_out(scene, meaning)

    def splits(self) -> dict[str, dict[str, Any]]:
        return {"held_out_block_count": {"blocks": len(COLOURS)}}

    def examples(self) -> list[Example]:
        return examples()

    def planning(self) -> Planning:
        from pandora.worlds.blocks.planning import BlocksPlanning

        return BlocksPlanning()

    def demonstrate(self, scene: BlocksState, rng: np.random.Generator) -> list[Meaning]:
        """Legal actions, one after the other, that rebuild the scene's blocks into random new towers."""
        goal = random_towers(scene.blocks, rng)
        while _towards(scene, goal) is None:
            goal = random_towers(scene.blocks, rng)
        actions: list[Meaning] = []
        while (action := _towards(scene, goal)) is not None:
            actions.append(action)
            scene = rules.transition(scene, action)
        return actions


def _towards(scene: BlocksState, goal: Mapping[str, str]) -> Meaning | None:
    """As `towers.next_action`, where to lift a block off another one is a verb of its own."""
    action = next_action(scene, goal)
    if action is not None and action.verb == "pick_up":
        (block,) = action.arguments
        if (below := scene.support[block]) != TABLE:
            return Meaning("unstack", (block, below))
    return action
