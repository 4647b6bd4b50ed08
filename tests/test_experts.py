"""Whole models as the experts of one: whose a picture is, worlds of several in one batch, folders in a folder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pandora import checkpoint, presets
from pandora.errors import InvalidCheckpoint, InvalidInput
from pandora.media import to_tensor
from pandora.novelty import NoveltyModel, fit, view
from pandora.scenes import read_scenes
from pandora.training import novelty
from pandora.types import WorldState
from pandora.world_model import WorldModel

ACTION = "turn left"


def pictures(count: int, seed: int, *, flipped: bool) -> np.ndarray:
    """(count, 128, 128, 3) uint8: dark above and light below with a bright square, or upside down."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(40, 200, 128)[:, None, None] + 20 * rng.random((count, 1, 1, 3))
    frames = np.repeat(ramp, 128, 2).astype(np.uint8)
    for frame, (x, y) in zip(frames, rng.integers(0, 100, (count, 2)), strict=True):
        frame[y : y + 24, x : x + 24] = 240
    return frames[:, ::-1].copy() if flipped else frames


def expert(seed: int, world: str, *, flipped: bool) -> WorldModel:
    """A tiny model of random weights that knows one of the two kinds of picture."""
    model = presets.tiny_model(seed)
    model.config = replace(model.config, worlds=(world,))
    views = [view(model.autoencoder, to_tensor(pictures(120, lot, flipped=flipped))) for lot in (0, 1)]
    model.novelty_model = NoveltyModel({world: fit(*views)})
    return model


@pytest.fixture(scope="module")
def alone() -> WorldModel:
    return expert(1, "sky", flipped=True)


@pytest.fixture(scope="module")
def model(alone: WorldModel) -> WorldModel:
    return expert(0, "ground", flipped=False).with_experts({"upper": alone})


@pytest.fixture
def folder(model: WorldModel, alone: WorldModel, tmp_path: Path) -> Path:
    """Both, as they are stored."""
    for one, place in ((model, tmp_path), (alone, tmp_path / "experts" / "upper")):
        one.save_pretrained(place, bits=None)
        assert one.novelty_model is not None
        one.novelty_model.save(place)
        checkpoint.write_manifest(place)
    checkpoint.write_manifest(tmp_path)
    return tmp_path


def test_a_picture_begins_with_the_expert_that_it_is_most_like(model: WorldModel, alone: WorldModel) -> None:
    assert model.worlds == ("ground", "sky")
    for flipped, name, world in ((False, "", "ground"), (True, "upper", "sky")):
        for picture in pictures(8, 2, flipped=flipped):
            assert model.begin(picture).expert == name
            found = model.novelty(picture)
            assert found is not None
            assert found.world == world
    picture = pictures(1, 3, flipped=True)[0]
    assert torch.equal(model.begin(picture, seed=4).latents, alone.begin(picture, seed=4).latents)
    assert model.begin(pictures(1, 3, flipped=False)[0], look="sky").expert == "upper", "the look says whose it is"


def test_worlds_of_several_experts_in_one_batch_are_what_they_are_alone(model: WorldModel, alone: WorldModel) -> None:
    ground, sky = pictures(2, 5, flipped=False), pictures(2, 5, flipped=True)
    states = [model.begin(picture, seed=9) for picture in (ground[0], sky[0], ground[1], sky[1])]
    timings: dict[str, float] = {}
    parts = list(model.stream(states, [ACTION] * 4, timings=timings))
    assert set(timings) == {"read_ms", "denoise_ms", "decode_ms"}
    after = parts[-1].states or []
    assert [state.expert for state in after] == ["", "upper", "", "upper"]
    for row, drawn_by in enumerate((model, alone, model, alone)):
        by_itself, clip = drawn_by.step(replace(states[row], expert=""), ACTION)
        torch.testing.assert_close(after[row].latents, by_itself.latents, atol=1e-5, rtol=1e-5)
        frames = np.concatenate([part.frames[row] for part in parts])
        assert np.abs(frames.astype(int) - clip.frames).max() <= 1
    again, _ = model.step(after, [ACTION] * 4)
    assert [state.step for state in again] == [2] * 4


def test_a_state_keeps_its_expert_and_needs_it(model: WorldModel, alone: WorldModel) -> None:
    state = model.begin(pictures(1, 6, flipped=True)[0])
    assert WorldState.from_bytes(state.to_bytes()).expert == "upper"
    with pytest.raises(InvalidInput, match="upper"):
        alone.step(state, ACTION)


def test_experts_lie_in_the_folder_of_the_weights(folder: Path, model: WorldModel) -> None:
    loaded = WorldModel.from_pretrained(folder, device="cpu", threads=1)
    assert list(loaded.experts) == ["upper"]
    state = model.begin(pictures(1, 7, flipped=True)[0])
    assert torch.equal(loaded.step(state, ACTION)[0].latents, model.step(state, ACTION)[0].latents)
    own, theirs = checkpoint.fingerprint(folder), checkpoint.fingerprint(folder / "experts" / "upper")
    assert (loaded.fingerprint_of(""), loaded.fingerprint_of(loaded.expert_for("sky"))) == (own, theirs)
    assert (checkpoint.fingerprint_for(folder, "ground"), checkpoint.fingerprint_for(folder, "sky")) == (own, theirs)
    assert loaded.fingerprints == {loaded.fingerprint, own, theirs}
    assert len({loaded.fingerprint, own, theirs}) == 3, "a stored world needs all of it as it was"

    (file,) = (folder / "experts" / "upper").glob("video*.safetensors")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InvalidCheckpoint, match="experts/upper/video"):
        WorldModel.from_pretrained(folder, device="cpu")


def test_what_is_measured_of_weights_outlives_new_experts(folder: Path) -> None:
    before = checkpoint.fingerprint(folder)
    config = folder / "experts" / "upper" / "config.json"
    config.write_text(config.read_text() + " ")
    for place in (config.parent, folder):
        checkpoint.write_manifest(place)
    assert checkpoint.fingerprint(folder) == before
    shown = config.parent / "measured" / "eval.json"
    shown.parent.mkdir()
    shown.write_text("{}")
    assert not any("measured" in name for name in checkpoint.write_manifest(folder))


def test_scenes_of_experts_are_offered_behind_the_own(folder: Path) -> None:
    entry = '[{"id": "%s", "world": "%s", "title": "T", "image": "a.png", "suggestions": []}]'
    for place, name in ((folder, "ground"), (folder / "experts" / "upper", "sky")):
        (place / "scenes").mkdir()
        (place / "scenes" / "scenes.json").write_text(entry % (name, name))
    found = read_scenes(folder)
    assert list(found) == ["ground", "sky"]
    assert found["sky"].image == folder / "experts" / "upper" / "scenes" / "a.png"


def test_models_that_do_not_fit_are_no_experts(alone: WorldModel) -> None:
    def model() -> WorldModel:
        return expert(0, "ground", flipped=False)

    slow = expert(2, "sea", flipped=True)
    slow.config = replace(slow.config, fps=4)
    with pytest.raises(InvalidCheckpoint, match="clips"):
        model().with_experts({"sea": slow})
    with pytest.raises(InvalidCheckpoint, match="ground"):
        model().with_experts({"twin": model()})
    with pytest.raises(InvalidCheckpoint, match="second knows sky, as the expert first does"):
        presets.tiny_model(3).with_experts({"first": alone, "second": alone})
    with pytest.raises(InvalidCheckpoint, match="beside"):
        model().with_experts({"nested": expert(3, "sea", flipped=True).with_experts({"upper": alone})})
    with pytest.raises(InvalidCheckpoint, match="novelty"):
        presets.tiny_model().with_experts({"upper": alone})


def test_what_tells_strange_pictures_is_measured_anew(folder: Path, model: WorldModel, monkeypatch) -> None:
    """Of weights with experts as well, which without it can't be loaded, and of an expert alone."""
    (folder / "novelty.safetensors").unlink()
    checkpoint.write_manifest(folder)
    with pytest.raises(InvalidCheckpoint, match="pandora train novelty"):
        WorldModel.from_pretrained(folder, device="cpu", threads=1)
    assert model.novelty_model is not None
    found = {"ground": model.novelty_model.worlds["ground"]}
    monkeypatch.setattr(novelty, "learn", lambda autoencoder, name, frames, seed: found.get(name, found["ground"]))
    novelty.measure(novelty.NoveltyConfig(weights=str(folder)))
    assert list(WorldModel.from_pretrained(folder, device="cpu", threads=1).experts) == ["upper"]
    novelty.measure(novelty.NoveltyConfig(weights=str(folder / "experts" / "upper")))
    checkpoint.verify(folder)
