"""How well strange pictures are told from those of trained worlds, and what becomes of drawings that are acted on."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from pandora.errors import InvalidInput
from pandora.evaluation.cartoons import cartoon, in_place
from pandora.evaluation.rows import Row, mean, share
from pandora.evaluation.strangers import SPOILT, leaves, nonsense, photograph, photographs, spoil
from pandora.novelty import LIMIT, Novelty
from pandora.world_model import WorldModel
from pandora.worlds import make_world, world_names
from pandora.worlds.base import Frame, Meaning, World
from pandora.worlds.footage import OF_SCENE, draw_frames

FIRST_SEED = 10**9  # of scenes that training never draws
ACTIONS = 4  # on the model's own frames
_BATCH = 16
_KNOWN = 5  # times as many true frames as of other kinds: false alarms are rare

MEANING = {
    "false_alarms": f"true frames of trained worlds, of scenes never trained on, whose score is over {LIMIT}",
    "false_alarms.own_frames": f"the model's own frames, {ACTIONS} actions on, that it takes for strange",
    "nearest": "true frames whose world is named",
    "caught": "pictures of that kind whose score is over the limit",
    "auroc": "how often a picture of that kind is more unusual than a true frame",
    "spoilt": "true frames, spoilt in that way, that are taken for strange",
    "drawings": "drawings of blocks that are acted on: the block that was named ends where it should, all blocks do, "
    "and the whole state is read rightly; as they are, and taken into the look of the world (`gain`: what that adds, "
    "drawing by drawing); `true` are frames",
}


def measure(
    model: WorldModel, count: int, seed: int = 0, report: Callable[[str], None] = lambda text: None
) -> list[Row]:
    """All rows, `count` pictures of each kind. Raises InvalidInput where the weights can't tell strange pictures."""
    if model.novelty_model is None:
        raise InvalidInput("These weights can't tell strange pictures. Fit that first: pandora train novelty")
    rng = np.random.default_rng([seed, 0x57A])
    report("true frames")
    many = _KNOWN * count
    known = [frame for name in model.worlds for frame in draw_frames(make_world(name), many, FIRST_SEED + seed)]
    typical, rows, scenes = judge(model, known), [], len(model.worlds) * -(-many // OF_SCENE)
    if len(model.worlds) > 1:
        own = [name for name in model.worlds for _ in range(many)]
        rows.append(share("nearest", [one.world == name for one, name in zip(typical, own, strict=True)], scenes))
    rows.append(share("false_alarms", [not one.known for one in typical], scenes))
    rows.append(share("false_alarms.own_frames", [not one.known for one in judge(model, imagined(model, count, seed))]))
    for kind, pictures in strangers(model, count, seed, rng):
        report(kind)
        found = judge(model, pictures)
        drawn = len(photographs()) if kind == "photographs" else 0
        rows.append(share(f"caught.{kind}", [not one.known for one in found], drawn))
        rows.append(auroc(f"auroc.{kind}", typical, found))
    for kind in SPOILT:
        report(kind)
        found = judge(model, [spoil(frame, kind, rng) for frame in known[:: max(1, len(known) // count)]])
        rows.append(share(f"spoilt.{kind}", [not one.known for one in found], scenes))
    rows.append(mean("milliseconds", [_milliseconds(model, frame) for frame in known[:_BATCH]], "ms"))
    if "blocks" in model.worlds:
        report("drawings that are acted on")
        rows += drawings(model, count, seed)
    return [replace(row, name=f"novelty.{row.name}") for row in rows]


def settings(model: WorldModel, count: int, seed: int) -> dict[str, Any]:
    """What the rows are of."""
    return {
        "model": model.name, "fingerprint": model.fingerprint, "worlds": list(model.worlds), "count": count,
        "seed": seed, "limit": LIMIT, "photographs": list(photographs()), "meaning": MEANING,
    }  # fmt: skip


def judge(model: WorldModel, pictures: Sequence[Frame]) -> list[Novelty]:
    found = [model.novelty(picture) for picture in pictures]
    return [one for one in found if one is not None]


def strangers(model: WorldModel, count: int, seed: int, rng: np.random.Generator) -> Iterator[tuple[str, list[Frame]]]:
    """Kinds of pictures that the weights were not trained on; other worlds as far as they can be made here."""
    for kind, make in {"photographs": photograph, "dead_leaves": leaves, "nonsense": nonsense}.items():
        yield kind, [make(rng) for _ in range(count)]
    blocks = make_world("blocks")
    yield "drawings", [cartoon(blocks.reset(FIRST_SEED + seed + i), rng) for i in range(count)]
    for name in world_names():
        if name in model.worlds:
            continue
        try:
            world = make_world(name)
        except (InvalidInput, ImportError):  # its simulator is not installed
            continue
        yield name, list(draw_frames(world, count, FIRST_SEED + seed))


def imagined(model: WorldModel, count: int, seed: int) -> list[Frame]:
    """The model's own last frames after some actions in each of its worlds."""
    frames: list[Frame] = []
    for name in model.worlds:
        world = make_world(name)
        for first in range(0, count, _BATCH):
            seeds = [FIRST_SEED + seed + i for i in range(first, min(first + _BATCH, count))]
            scenes = [world.reset(one) for one in seeds]
            draws = [np.random.default_rng([one, 0x1A6]) for one in seeds]
            states = [model.begin(world.render(scene), seed=0) for scene in scenes]
            for _ in range(ACTIONS):
                meant = [world.sample(scene, rng) for scene, rng in zip(scenes, draws, strict=True)]
                said = [world.say(*one) for one in zip(scenes, meant, draws, strict=True)]
                states, _ = model.step(states, said)
                scenes = [world.advance(scene, one) for scene, one in zip(scenes, meant, strict=True)]
            frames += [state.frame.numpy() for state in states]
    return frames


def auroc(name: str, typical: Sequence[Novelty], strange: Sequence[Novelty]) -> Row:
    """The share of pairs in which the strange picture is the more unusual, ties by halves."""
    low = np.sort([one.excess for one in typical])
    high = np.array([one.excess for one in strange])
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return mean(name, (below / (2 * len(low))).tolist(), "share")


def drawings(model: WorldModel, count: int, seed: int) -> list[Row]:
    """Blocks drawn by hand, then one action that moves a block: as drawn, in the world's look, and as true frames."""
    world, rng = make_world("blocks"), np.random.default_rng([seed, 0xD2A])
    scenes = [world.reset(FIRST_SEED + seed + i, light=True) for i in range(count)]
    meant = [_move(world, scene, rng) for scene in scenes]
    said = [world.say(scene, meaning, rng) for scene, meaning in zip(scenes, meant, strict=True)]
    drawn, real = [cartoon(scene, rng) for scene in scenes], [world.render(scene) for scene in scenes]
    after = [world.advance(scene, meaning) for scene, meaning in zip(scenes, meant, strict=True)]
    truths = [world.render(scene) for scene in after]
    found: dict[str, dict[str, list[bool]]] = {}
    for kind, pictures, look in (("plain", drawn, None), ("in_look", drawn, "blocks"), ("true", real, None)):
        frames: list[Frame] = []
        for i in range(0, count, _BATCH):
            states = [model.begin(picture, seed=0, look=look) for picture in pictures[i : i + _BATCH]]
            states, _ = model.step(states, said[i : i + _BATCH])
            frames += [state.frame.numpy() for state in states]
        ends = list(zip(frames, truths, scenes, meant, strict=True))
        found[kind] = {
            "moved": [in_place(frame, truth, one.arguments[:1]) for frame, truth, _, one in ends],
            "all_blocks": [in_place(frame, truth, scene.blocks) for frame, truth, scene, _ in ends],
            "state_read": [world.readout(frame) == world.facts(end) for frame, end in zip(frames, after, strict=True)],
        }
    rows = [share(f"drawings.{kind}.{what}", hits) for kind, told in found.items() for what, hits in told.items()]
    for what, before in found["plain"].items():
        gains = [float(b) - float(a) for a, b in zip(before, found["in_look"][what], strict=True)]
        rows.append(mean(f"drawings.gain.{what}", gains, "share"))
    return rows


def _milliseconds(model: WorldModel, frame: Frame) -> float:
    began = time.perf_counter()
    model.novelty(frame)
    return (time.perf_counter() - began) * 1000


def _move(world: World, scene: Any, rng: np.random.Generator) -> Meaning:
    """A legal action that names a block."""
    while not (meaning := world.sample(scene, rng, legal=True)).arguments:
        pass
    return meaning


def as_json(rows: Sequence[Row], told: dict[str, Any]) -> dict[str, Any]:
    return {"rows": [asdict(row) for row in rows], "settings": told}
