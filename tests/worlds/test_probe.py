"""A judge that learns: what it reads, when it refuses, how it is kept, and that a short training makes one."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pandora.errors import InvalidCheckpoint, InvalidInput
from pandora.training import data
from pandora.training.data import TRAINING_SEEDS
from pandora.training.episodes import meant
from pandora.training.judge import JudgeConfig, train_on
from pandora.training.judged import Judged, Pool, episode, episodes, recorded
from pandora.training.shards import samples
from pandora.training.spoiling import blur, quantised, spoil, worsen
from pandora.worlds import make_world
from pandora.worlds import probe as probes
from pandora.worlds.base import Facts, Frame, Meaning, Outcome, PhraseSplit, World
from pandora.worlds.probe import ClipProbe, label, look, picked

COLOURS = {"red": (230, 40, 40), "green": (40, 200, 60), "blue": (60, 80, 240)}


@dataclass(frozen=True)
class Scene:
    colour: str
    column: int
    light: bool


class Dot(World):
    """A square that slides between three columns under a lamp."""

    name, size = "dot", 48
    verbs = {"left": 0, "right": 0, "light_on": 0, "light_off": 0, "wait": 0}
    arguments = ()
    attributes = {"colour": tuple(COLOURS), "light": ("on", "off"), "motion": ("none", "left", "right")}

    def reset(self, seed: int, **options: Any) -> Scene:
        assert 0 <= seed < 2 * TRAINING_SEEDS
        rng = np.random.default_rng(seed)
        return Scene(str(rng.choice(list(COLOURS))), int(rng.integers(3)), bool(rng.random() < 0.5))

    def render(self, scene: Scene) -> Frame:
        return self._draw(scene, float(scene.column))

    def _draw(self, scene: Scene, column: float) -> Frame:
        frame = np.full((self.size, self.size, 3), 200 if scene.light else 90, np.uint8)
        left = round(16 * column)
        frame[18:32, left + 1 : left + 15] = COLOURS[scene.colour]
        return frame

    def step(self, scene: Scene, meaning: Meaning) -> Outcome:
        by = {"left": -1, "right": 1}.get(meaning.verb, 0) * self.is_legal(scene, meaning)
        light = {"light_on": True, "light_off": False}.get(meaning.verb, scene.light)
        after = Scene(scene.colour, scene.column + by, light)
        frames = [self._draw(after, scene.column + by * (i + 1) / 8) for i in range(8)]
        return Outcome(after, np.stack(frames), self.is_legal(scene, meaning))

    def meanings(self, scene: Scene) -> list[Meaning]:
        return [Meaning(verb) for verb in self.verbs]

    def is_legal(self, scene: Scene, meaning: Meaning) -> bool:
        return {"left": scene.column > 0, "right": scene.column < 2}.get(meaning.verb, True)

    def say(self, scene: Scene, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        return meaning.verb

    def facts(self, scene: Scene) -> Facts:
        return frozenset({("colour", scene.colour), ("light", "on" if scene.light else "off")})

    def shown(self, scene: Scene, meaning: Meaning, after: Scene) -> Facts:
        motion = {-1: "left", 0: "none", 1: "right"}[after.column - scene.column]
        return self.facts(after) | {("motion", motion)}

    def readout(self, frame: Frame) -> Facts | None:
        return None

    def is_held_out(self, scene: Scene, meaning: Meaning) -> bool:
        return False


CONFIG = JudgeConfig(steps=60, batch=24, pool=240, checked=48, save_every=30, log_every=30, device="cpu", ema=0.8)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    config = replace(CONFIG, out=str(folder / "run"), judge=str(folder / "probe.safetensors"))
    return train_on(config, Dot())


def test_a_short_training_makes_a_judge(trained: Path) -> None:
    numbers = json.loads(trained.with_suffix(".json").read_text())
    assert numbers["clean"]["whole"] > 0.9
    assert numbers["degraded"]["whole"] > 0.9
    assert numbers["clean"]["attributes"].keys() == Dot.attributes.keys()
    assert numbers["clean"]["refused"] < 0.05
    assert numbers["spoilt"]["refused"] > 0.3
    assert "--steps 60" in numbers["command"]
    assert 0 < numbers["threshold"] <= 0.5
    judge, world = ClipProbe.open(trained), Dot()
    scene = Scene("green", 1, True)
    outcome = world.step(scene, Meaning("left"))
    start = world.render(scene)
    shown = world.shown(scene, Meaning("left"), outcome.scene)
    assert judge.read(start, outcome.frames) == shown == {("colour", "green"), ("light", "on"), ("motion", "left")}
    assert judge.confidence(start, outcome.frames) > 0.5
    other = world.step(Scene("red", 1, True), Meaning("right")).frames
    ghost = ((outcome.frames.astype(int) + other) // 2).astype(np.uint8)
    assert judge.confidence(start, ghost) < judge.confidence(start, outcome.frames)
    judge.threshold = 1.0
    assert judge.read_all([start], [outcome.frames]) == [None]


def test_it_goes_on_where_it_stopped(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained.parent / "run"
    train_on(replace(CONFIG, steps=61, out=str(run), judge=str(trained.parent / "again.safetensors")), Dot())
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == [30, 60, 61]
    assert (run / "curve.png").stat().st_size > 1000


def test_small_and_the_same_when_read_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    judge = ClipProbe({f"a{i}": ("x", "y", "z") for i in range(12)}, 0.25).eval()
    assert sum(p.numel() for p in judge.parameters()) < 500_000
    judge.save(tmp_path / "probe.safetensors")
    assert (tmp_path / "probe.safetensors").stat().st_size < 1_000_000
    again = ClipProbe.open(tmp_path / "probe.safetensors")
    assert (again.attributes, again.threshold) == (judge.attributes, 0.25)
    looks = np.random.default_rng(0).integers(0, 255, (2, 5, 128, 128, 3), np.uint8)
    for one, other in zip(judge.predict(looks), again.predict(looks), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-2)
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(InvalidCheckpoint, match="learned judge"):
        ClipProbe.open(tmp_path / "bad.safetensors")


def test_a_missing_judge_says_how_to_train_it() -> None:
    with pytest.raises(InvalidInput, match="pandora train judge --world blocks"):
        probes.load("blocks")


def test_facts_and_labels() -> None:
    facts = frozenset({("light", "off"), ("colour", "blue"), ("motion", "none")})
    assert label(Dot.attributes, facts).tolist() == [2, 1, 0]
    assert ClipProbe(Dot.attributes).facts([2, 1, 0]) == facts
    for wrong in (facts - {("light", "off")}, facts | {("light", "on")}, facts | {("wind", "high")}):
        with pytest.raises(InvalidInput, match=r"light|wind"):
            label(Dot.attributes, wrong)
    with pytest.raises(InvalidInput, match="no `attributes`"):
        train_on(CONFIG, Plain())


class Plain(Dot):
    attributes = {}


def test_what_is_looked_at() -> None:
    assert (picked(8), picked(4)) == ([1, 3, 5, 7], [0, 1, 2, 3])
    frames = np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((8, 4, 4, 3), np.uint8)
    assert look(frames[0] + 9, frames)[:, 0, 0, 0].tolist() == [9, 1, 3, 5, 7]
    with pytest.raises(InvalidInput, match="too short"):
        look(frames[0], frames[:3])


def test_clips_are_those_of_their_seed_and_evaluation_has_its_own() -> None:
    world = Dot()
    one, again, other = episode(world, 3, 4), episode(world, 3, 4), episode(world, 3, 4, evaluation=True)
    assert np.array_equal(one.looks, again.looks)
    assert not np.array_equal(one.looks, other.looks)
    assert one.looks.shape == (4, 5, 48, 48, 3)
    rendered = episodes(world, 3, 4, 1)
    assert np.array_equal(next(rendered).looks, one.looks)
    pool = Pool(world, 6)
    pool.add(one)
    pool.add(other)
    assert (len(pool), pool.seen) == (6, 8)
    assert np.array_equal(pool.looks[:2], other.looks[2:]), "the oldest gave way"
    drawn = pool.draw(5, np.random.default_rng(0))
    assert isinstance(drawn, Judged)
    assert len(drawn) == 5


def test_worse_is_not_spoilt() -> None:
    torch.manual_seed(0)
    world = Dot()
    looks = np.concatenate([episode(world, seed, 4).looks for seed in range(16)])
    seen = torch.from_numpy(looks).permute(0, 1, 4, 2, 3).float() / 255
    worse = worsen(seen)
    assert 0 <= float(worse.min()) <= float(worse.max()) <= 1
    assert 0.002 < (worse - seen).abs().mean() < 0.06
    spoilt, shows = spoil(seen)
    assert torch.equal(spoilt[:, 0], seen[:, 0]), "a start frame is never spoilt"
    assert 0.4 < shows.float().mean() <= 1
    still = seen[:, :1].expand_as(seen)[:1].repeat(5, 1, 1, 1, 1)
    assert spoil(still)[1].tolist() == [False] * 4 + [True], "of what never changes, only a smear shows"
    misty = spoil(seen[:6])[0][5]
    assert not torch.equal(misty[1:], seen[5, 1:])
    assert blur(seen, 2.0).std() < seen.std()
    assert (quantised(seen) - seen).abs().mean() < 0.02


def test_recorded_films_tell_what_they_show(tmp_path: Path) -> None:
    list(data.make(data.DataConfig(world=("nature",), out=str(tmp_path), clips=4, length=2, processes=1)))
    nature = make_world("nature")
    found = list(recorded(nature, [tmp_path]))
    assert [len(some) for some in found] == [2, 2]
    labels = [sample.label() for shard in sorted(tmp_path.glob("*.tar")) for sample in samples(shard)]
    for some, played in zip(found, labels, strict=True):
        scene = nature.reset(played["seed"], **played.get("scene", {}))
        for shown, values, action in zip(some.looks, some.labels, played["actions"], strict=True):
            meaning = meant(nature, scene, action)
            outcome = nature.step(scene, meaning)
            true = look(nature.render(scene), outcome.frames).astype(int)
            assert np.abs(shown - true).mean() < 2
            assert (values == label(nature.attributes, nature.shown(scene, meaning, outcome.scene))).all()
            scene = outcome.scene
    with pytest.raises(InvalidInput, match="folders of its own"):
        next(recorded(Dot(), [tmp_path]))
