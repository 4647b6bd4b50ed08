"""True frames of a world, drawn anew: what its pictures look like, at rest and in motion."""

from collections.abc import Iterator

import numpy as np

from pandora.worlds.base import Frame, World

_STEPS, _OF_CLIP = 3, 2  # actions a scene, and frames of each one's clip
OF_SCENE = 1 + _STEPS * _OF_CLIP  # frames of a scene


def draw_frames(world: World, count: int, seed: int) -> Iterator[Frame]:
    """`count` frames (H, W, 3) uint8 of scenes whose seeds go up from `seed`; the same seed gives the same frames."""
    made = 0
    while made < count:
        scene, rng = world.reset(seed), np.random.default_rng([seed, 0x0DD])
        frames = [world.render(scene)]
        for _ in range(_STEPS):
            outcome = world.step(scene, world.sample(scene, rng))
            frames += [outcome.frames[i] for i in rng.choice(len(outcome.frames), _OF_CLIP, replace=False)]
            scene = outcome.scene
        for frame in frames[: count - made]:
            yield np.ascontiguousarray(frame)
        made += len(frames)
        seed += 1
