"""What `pandora data make` writes: the same bytes however it runs, nothing held out, and what others can read."""

import json
import re
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from pandora.cli.main import create_app
from pandora.errors import InvalidInput, UnknownName
from pandora.training import checking, data, datacard, looking
from pandora.training.captioned import ClipForm, ClipStream, Dropout
from pandora.training.data import DataConfig, make_episode
from pandora.training.episodes import TRAINING_SEEDS
from pandora.training.filmcodec import decode_film, encode_film
from pandora.training.films import open_films
from pandora.training.shards import NewSample, samples, write_shard
from pandora.worlds import make_world, world_names
from pandora.worlds.base import Meaning, PhraseSplit
from pandora.worlds.blocks import grammar
from pandora.worlds.blocks.world import Blocks


def settings(out: Path, **changes: Any) -> DataConfig:
    values: dict[str, Any] = {"clips": 10, "length": 2, "episodes": 3, "sentences": 3, "processes": 1, "seed": 4}
    return DataConfig(out=str(out), **(values | changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five episodes of two actions, in shards of three and two."""
    return next(data.make(settings(tmp_path_factory.mktemp("data") / "blocks")))


def labels(folder: Path) -> list[dict[str, Any]]:
    return [dict(sample.label()) for shard in sorted(folder.glob("*.tar")) for sample in samples(shard)]


def test_the_same_bytes_on_two_processes(folder: Path, tmp_path: Path) -> None:
    again = next(data.make(settings(tmp_path / "again", processes=2)))
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["00000.tar", "00001.tar", "README.md", "dataset.json"]
    for name in ("00000.tar", "00001.tar", "dataset.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    other = next(data.make(settings(tmp_path / "other", seed=5, clips=2)))
    assert not {label["seed"] for label in labels(other)} & {label["seed"] for label in labels(folder)}


def test_only_whole_shards_count(tmp_path: Path) -> None:
    made = next(data.make(settings(tmp_path / "d", clips=4, episodes=1)))
    whole = {path.name: path.read_bytes() for path in made.glob("*.tar")}
    kept = (made / "00000.tar").stat().st_mtime_ns
    (made / "00001.tar").rename(made / "00001.part")
    (made / "00001.part").write_bytes(whole["00001.tar"][:700])
    next(data.make(settings(made, clips=4, episodes=1)))
    assert {path.name: path.read_bytes() for path in made.glob("*.tar")} == whole
    assert (made / "00000.tar").stat().st_mtime_ns == kept
    assert not list(made.glob("*.part"))


def test_a_folder_grows_and_keeps_its_settings(folder: Path, tmp_path: Path) -> None:
    made = next(data.make(settings(tmp_path / "d", clips=8)))  # three episodes, and one in a shard that is not full
    (made / "00001.safetensors").write_text("of the shard that was")
    next(data.make(settings(made)))
    for name in ("00000.tar", "00001.tar"):
        assert (made / name).read_bytes() == (folder / name).read_bytes()
    assert not (made / "00001.safetensors").exists()
    with pytest.raises(InvalidInput, match=r"goals 0\.3, now 0\.5"):
        next(data.make(settings(made, goals=0.5)))
    with pytest.raises(InvalidInput, match="has 5 episodes already, and 4 were asked for"):
        next(data.make(settings(made, clips=8)))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidInput, match=r"holds files but no dataset\.json"):
        next(data.make(settings(tmp_path / "full")))
    with pytest.raises(InvalidInput, match="shares are from 0 to 1"):
        next(data.make(settings(tmp_path / "e", illegal=1.5)))


def test_nothing_held_out_is_written(folder: Path) -> None:
    found = labels(folder)
    assert [label["seed"] for label in found] == [4 * 10_000_019 + n for n in range(5)]
    for label in found:
        for action in label["actions"]:
            assert {grammar.split_of(sentence) for sentence in action["sentences"]} == {"train"}
    result = CliRunner().invoke(create_app(), ["data", "check", str(folder)])
    told = "no held-out transition, scene or phrasing (100% of the sentences could be placed)"
    assert result.stdout == f"{folder}: 10 clips in 5 episodes, {told}\n"


def spoil(folder: Path, out: Path, **changes: Any) -> Path:
    """The first sample of a folder with another label; `action` stands for its first action's meaning."""
    first = next(samples(sorted(folder.glob("*.tar"))[0]))
    label = dict(first.label()) | {name: value for name, value in changes.items() if name != "action"}
    if "action" in changes:
        label["actions"] = [{**label["actions"][0], **changes["action"]}]
    out.mkdir()
    write_shard(out / "00000.tar", [NewSample("0", first.film().read(), label)])
    return out


def test_nonsense_names_what_is_not_there(tmp_path: Path) -> None:
    made = next(data.make(settings(tmp_path / "d", clips=40, nonsense=0.5)))
    world, seen = make_world("blocks"), 0
    for label in labels(made):
        scene = world.reset(label["seed"])
        for action in label["actions"]:
            if action["verb"] == "nonsense":
                seen += 1
                assert (action["meaning"], action["legal"]) == ("wait", False)
                for sentence in action["sentences"]:
                    assert world.understand(scene, sentence) not in world.meanings(scene)
                    assert grammar.split_of(sentence) == "train"
            meaning = next(m for m in world.meanings(scene) if str(m) == action["meaning"])
            scene = world.advance(scene, meaning)
    assert 10 <= seen <= 30
    assert checking.check(made).clips == 40
    assert "--nonsense 0.5" in (made / "README.md").read_text()


def test_data_that_was_made_otherwise_is_found_out(folder: Path, tmp_path: Path) -> None:
    world, (label, *_) = make_world("blocks"), labels(folder)
    scene = world.reset(label["seed"])
    held = next(meaning for meaning in world.meanings(scene) if world.is_held_out(scene, meaning))
    legal = not label["actions"][0]["legal"]
    meaning = next(known for known in world.meanings(scene) if str(known) == label["actions"][0]["meaning"])
    rng = np.random.default_rng(0)
    phrasing = world.say(scene, meaning, rng, "held_out")
    lie = "turn off the light" if meaning.verb != "light_off" else "wait"
    for name, changes, told in (
        ("held", {"action": {"meaning": str(held)}}, f"action 1: {held} is a held-out transition"),
        ("rules", {"action": {"legal": legal}}, "is labelled against the rules"),
        ("word", {"action": {"meaning": "fly red"}}, "fly red can't be meant there"),
        ("seed", {"seed": TRAINING_SEEDS}, "seeds of training are below"),
        ("below", {"seed": -1}, "seeds of training are below"),
        ("six", {"scene": {"blocks": 6}}, "kept for evaluation"),
        ("phrase", {"action": {"sentences": [phrasing]}}, "held-out phrasing"),
        ("lie", {"action": {"text": lie}}, "is said in other words"),
        ("sense", {"action": {"verb": "nonsense", "legal": False}}, "should be nonsense is none"),
        ("odd", {"seed": "5"}, "not of this layout"),
        ("none", {"actions": None}, "not of this layout"),
        ("bare", {"actions": ["pick"]}, "not of this layout"),
        ("world", {"world": "nowhere"}, "no world named"),
    ):
        with pytest.raises(InvalidInput, match=re.escape(told)):
            checking.check(spoil(folder, tmp_path / name, **changes))
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="no episodes to check"):
        checking.check(empty)
    write_shard(empty / "00000.tar", [])
    with pytest.raises(InvalidInput, match="no episodes to check"):
        checking.check(empty)


def test_scenes_may_be_asked_for(tmp_path: Path) -> None:
    made = next(data.make(settings(tmp_path / "d", clips=4, scene=("blocks=5", "light=false"))))
    world = make_world("blocks")
    for label in labels(made):
        assert label["scene"] == {"blocks": 5, "light": False}
        scene = world.reset(label["seed"], **label["scene"])
        assert (len(scene.blocks), scene.light) == (5, False)
    assert "--scene blocks=5 --scene light=false" in (made / "README.md").read_text()
    with pytest.raises(InvalidInput, match="kept for evaluation"):
        next(data.make(settings(tmp_path / "held", scene=("blocks=6",))))
    with pytest.raises(InvalidInput, match="no option colour"):
        next(data.make(settings(tmp_path / "none", scene=("colour=red",))))
    with pytest.raises(InvalidInput, match="made otherwise"):
        next(data.make(settings(made, clips=4)))


class Tempting(Blocks):
    """Nearly everything is held out, and what it demonstrates is nothing else."""

    def is_held_out(self, scene: Any, meaning: Meaning) -> bool:
        return bool(meaning.arguments)

    def demonstrate(self, scene: Any, rng: np.random.Generator) -> list[Meaning]:
        return [meaning for meaning in self.meanings(scene) if meaning.arguments and self.is_legal(scene, meaning)]

    def say(self, scene: Any, meaning: Meaning, rng: np.random.Generator, split: PhraseSplit = "train") -> str:
        assert split == "train"
        return super().say(scene, meaning, rng, split)


@pytest.mark.parametrize("goals", [0.0, 1.0])
def test_what_is_held_out_is_never_done(goals: float) -> None:
    for seed in range(4):
        episode = make_episode(Tempting(), DataConfig(length=3, goals=goals, sentences=1), seed)
        assert {action["verb"] for action in episode.actions} <= {"light_on", "light_off", "wait"}


def test_goals_are_pursued_between_failures() -> None:
    def actions(goals: float, illegal: float) -> list[dict[str, Any]]:
        config = DataConfig(length=4, sentences=1, goals=goals, illegal=illegal)
        episodes = [make_episode(Blocks(), config, seed) for seed in range(3)]
        assert {episode.behaviour for episode in episodes} == {"goal" if goals else "random"}
        return [action for episode in episodes for action in episode.actions]

    followed = actions(goals=1.0, illegal=0.0)
    assert all(action["legal"] for action in followed)
    moving = {"pick_up", "put_down", "stack", "unstack"}
    towers = [action["verb"] in moving for action in followed]
    assert sum(towers) > 8, "a demonstration builds towers; only what is held out of it is replaced"
    assert not any(action["legal"] for action in actions(goals=1.0, illegal=1.0))
    assert not any(action["legal"] for action in actions(goals=0.0, illegal=1.0))


def test_the_large_models_read_our_shards(folder: Path) -> None:
    """The readers of labelled films find each action's sentence at the frames that show it."""
    form = ClipForm(actions=1, frames_per_action=8, fps=8.0, height=128, width=128)
    stream = ClipStream(open_films(folder), form, Dropout(text=0, image=0, both=0))
    films = {sample.key: sample for shard in folder.glob("*.tar") for sample in samples(shard)}
    for sample, _ in islice(stream, 5):
        frames = decode_film(films[sample.key].film().read())
        texts = [action["text"] for action in films[sample.key].label()["actions"]]
        begin = 8 * texts.index(sample.actions[0])
        assert np.array_equal(sample.frames, frames[begin : begin + 9])


def test_films_are_the_truth_to_the_eye(folder: Path) -> None:
    world = make_world("blocks")
    scene = world.reset(7)
    frames = np.concatenate([world.render(scene)[None], world.step(scene, world.meanings(scene)[0]).frames])
    film = encode_film(frames, 8)
    assert film == encode_film(frames, 8)
    error = np.square(decode_film(film).astype(float) - frames).mean((1, 2, 3))
    assert (10 * np.log10(255**2 / error)).min() > 45
    noisy = np.clip(frames + np.random.default_rng(0).normal(0, 4, frames.shape), 0, 255).astype(np.uint8)
    error = np.square(decode_film(encode_film(noisy, 8)).astype(float) - noisy).mean()
    assert 10 * np.log10(255**2 / error) > 44
    with pytest.raises(InvalidInput, match="not a readable film"):
        decode_film(film[:400])


def test_card_and_counts(folder: Path) -> None:
    counts = datacard.count(folder)
    assert (counts.episodes, counts.clips, counts.shards) == (5, 10, 2)
    assert counts.illegal == sum(not a["legal"] for label in labels(folder) for a in label["actions"])
    card = (folder / "README.md").read_text()
    for verb, count in counts.verbs.items():
        assert f"| {verb} | {count} | {counts.forbidden[verb]} |" in card
    assert "held_out_block_count (blocks 6)" in card
    assert "--world blocks --clips 10 --length 2 --episodes 3" in card
    asked = CliRunner().invoke(create_app(), ["data", "stats", str(folder)])
    assert asked.exit_code == 0
    assert "10 clips in 5 episodes" in asked.output
    assert (folder / "README.md").read_text() == card


def test_look(folder: Path, tmp_path: Path) -> None:
    written = looking.sheet(str(folder), episodes=2)
    fresh = looking.sheet("blocks", episodes=2, length=2)
    assert written.shape == fresh.shape
    assert written.shape[0] > 4 * 128
    assert not np.array_equal(written, fresh)
    picture = tmp_path / "sheets" / "a.png"
    asked = CliRunner().invoke(create_app(), ["data", "look", str(folder), "-o", str(picture)])
    assert asked.exit_code == 0
    assert picture.stat().st_size > 10_000
    with pytest.raises(InvalidInput, match="neither a folder of shards nor a world"):
        looking.sheet("atlantis")


def test_a_world_may_have_a_mix_of_its_own() -> None:
    class Lamp(Blocks):
        def sample(self, scene: Any, rng: np.random.Generator, legal: bool | None = None) -> Meaning:
            return Meaning("light_on") if rng.random() < 0.5 else super().sample(scene, rng, True)

    def share(world: Blocks) -> float:
        rng = np.random.default_rng(0)
        scene = world.reset(0)
        drawn = [data.choose(world, scene, rng, illegal=0.0).arguments for _ in range(200)]
        return sum(not arguments for arguments in drawn) / 200

    assert share(Lamp()) > 0.5
    assert share(Blocks()) < 0.35, "without one, what has no arguments is passed over more often"


def test_where_worlds_go(tmp_path: Path) -> None:
    assert data.folders(DataConfig()) == {"blocks": Path("data/blocks")}
    assert data.folders(DataConfig(world=("road",), out="r")) == {"road": Path("r")}
    several = data.folders(DataConfig(world=("road", "blocks"), out="r"))
    assert several == {"road": Path("r/road"), "blocks": Path("r/blocks")}
    assert list(data.folders(DataConfig(world=("all",)))) == world_names()
    with pytest.raises(UnknownName, match="all"):
        data.folders(DataConfig(world=("rod",)))
    old = {"seeds": [1, 2]}
    (tmp_path / "dataset.json").write_text(json.dumps(old))
    with pytest.raises(InvalidInput, match="not of layout 2"):
        datacard.write(tmp_path)
