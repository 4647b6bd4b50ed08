"""The recipe: from nothing to weights that run, once."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pandora import checkpoint, presets
from pandora.errors import InvalidCheckpoint, InvalidInput, UnknownName
from pandora.training import alignment
from pandora.training.export import StoreConfig, store
from pandora.training.importing import Import, bring
from pandora.training.recipe import Recipe, run
from pandora.video.autoencoder import Autoencoder
from pandora.world_model import WorldModel
from tests.training.test_importing import film

TINY = presets.tiny()


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A recipe of seconds for a tiny model, done."""
    folder = tmp_path_factory.mktemp("recipe")
    model = presets.tiny_model()
    film(folder / "mine" / "grey.mp4", 20)
    (folder / "mine" / "films.jsonl").write_text('{"file": "grey.mp4", "caption": "the wall turns white"}')
    bring(Import(source=str(folder / "mine"), out=str(folder / "walls"), processes=1))
    alignment.save(folder / "aligned", model.backbone, model.adapter)
    transformer = replace(TINY.video.transformer, keyframes=2)
    config = Recipe(
        worlds=("blocks", "nature"), weight=("blocks=2",), films=(f"{folder / 'walls'}=3",),
        out=str(folder / "run"), data=str(folder / "data"), clips=4, minutes=0.02, batch=2, processes=1, threads=1,
        aligned=str(folder / "aligned"), device="cpu", novelty=0, model=replace(TINY.video, transformer=transformer),
        decoder=TINY.autoencoder,
    )  # fmt: skip
    assert run(config) == folder / "run" / "weights"
    return config


def test_it_ends_in_weights_that_know_all_worlds(recipe: Recipe) -> None:
    weights = Path(recipe.out) / "weights"
    model = WorldModel.from_pretrained(weights, device="cpu", threads=1)
    assert model.config.video.transformer.keyframes == 2
    for scene in ("blocks-three", "nature-"):
        picture = next(weights.glob(f"scenes/{scene}*.png"))
        state, clip = model.step(model.begin(picture), "it starts to rain")
        assert clip.frames.shape == (8, 128, 128, 3)
        assert state.latents.shape[1] == 3


def test_films_of_others_are_learned_from(recipe: Recipe) -> None:
    assert len(list(Path(recipe.films[0].partition("=")[0]).glob("*.safetensors"))) == 1
    for stage in ("autoencoder", "video", "rollout"):
        settings = json.loads((Path(recipe.out) / stage / "runs.jsonl").read_text().splitlines()[0])["config"]
        assert settings["data"].endswith(f",{recipe.films[0]}")


def test_the_decoder_learns_last_and_the_latents_stay(recipe: Recipe) -> None:
    model = Autoencoder(recipe.decoder)
    before, after, shown = (
        load_file(Path(recipe.out) / stage / "autoencoder.safetensors")
        for stage in ("autoencoder", "decoder", "weights")
    )
    learned = {name for name in before if not torch.equal(before[name], after[name])}
    assert learned
    assert not any(model.encodes(name) for name in learned)
    assert all(torch.equal(shown[name].float(), after[name].to(shown[name].dtype).float()) for name in shown)


def test_what_is_done_is_passed_over(recipe: Recipe) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(recipe.out).rglob("*") if path.is_file()}
    run(recipe)
    assert {path: path.stat().st_mtime_ns for path in Path(recipe.out).rglob("*") if path.is_file()} == before


def test_it_goes_on_where_it_stopped(recipe: Recipe) -> None:
    folder = Path(recipe.out)
    (folder / "export" / "done.json").unlink()
    trained = (folder / "rollout" / "video.safetensors").stat().st_mtime_ns
    run(recipe)
    assert (folder / "export" / "done.json").exists()
    assert (folder / "rollout" / "video.safetensors").stat().st_mtime_ns == trained


def test_what_is_given_is_not_trained_again(recipe: Recipe, tmp_path: Path) -> None:
    weights = f"{recipe.out}/weights"
    more = replace(
        recipe, start_from=weights, aligned=weights, autoencoder=f"{weights}/autoencoder.safetensors",
        out=str(tmp_path / "more"), data=recipe.data, until="video",
    )  # fmt: skip
    run(more)
    assert sorted(path.name for path in (tmp_path / "more").iterdir()) == ["data", "encode", "recipe.json", "video"]


def test_it_makes_an_expert_beside_weights(recipe: Recipe) -> None:
    weights = Path(recipe.out) / "weights"
    before = {path.name: path.read_bytes() for path in weights.glob("*.safetensors")}
    assert run(replace(recipe, expert="outdoors", bits=8)) == weights
    assert {path.name: path.read_bytes() for path in weights.glob("*.safetensors")} == before
    place = weights / "experts" / "outdoors"
    assert checkpoint.experts(weights) == {"outdoors": place}
    assert json.loads((place / "config.json").read_text())["name"] == "outdoors"
    checkpoint.verify(weights)
    with pytest.raises(InvalidCheckpoint, match="knows blocks"):  # both know the same worlds
        WorldModel.from_pretrained(weights, device="cpu", threads=1)
    shutil.rmtree(weights / "experts")
    checkpoint.write_manifest(weights)


def test_weights_are_stored_in_half_the_room(recipe: Recipe, tmp_path: Path) -> None:
    weights = shutil.copytree(Path(recipe.out) / "weights", tmp_path / "weights")
    before = WorldModel.from_pretrained(weights, device="cpu", threads=1)
    sizes = checkpoint.read_sizes(weights)
    with pytest.raises(UnknownName, match="backbone"):
        store(StoreConfig(weights=str(weights), parts=("ears",)))
    assert store(StoreConfig(weights=str(weights), parts=("adapter",))) == weights
    assert checkpoint.read_sizes(weights)["video"] == sizes["video"], "the others stay as they were"
    assert store(StoreConfig(weights=str(weights))) == weights
    after = WorldModel.from_pretrained(weights, device="cpu", threads=1)
    assert after.config == before.config
    assert after.fingerprint != before.fingerprint, "what was measured of the others is not of these"
    for name, (count, size) in checkpoint.read_sizes(weights).items():
        assert (count, size) <= sizes[name]
    picture = next(weights.glob("scenes/blocks-three*.png"))
    error = after.begin(picture).latents - before.begin(picture).latents
    assert 0 < error.abs().mean() < 0.1


def test_what_it_can_not_do_is_said(recipe: Recipe) -> None:
    with pytest.raises(UnknownName, match="stage"):
        run(replace(recipe, until="sleep"))
    with pytest.raises(InvalidInput, match="road"):
        run(replace(recipe, weight=("road=2",)))
    with pytest.raises(InvalidInput, match=r"was begun otherwise: clips 4, now 9; seed 0, now 1\. .* another --out"):
        run(replace(recipe, seed=1, clips=9, minutes=5.0))


def test_it_goes_on_from_weights_and_keeps_what_they_know(recipe: Recipe, tmp_path: Path) -> None:
    more = replace(
        recipe,
        start_from=f"{recipe.out}/weights",
        worlds=("blocks", "nature"),
        out=str(tmp_path / "more"),
        until="encode",
    )
    run(more)
    settings = json.loads((tmp_path / "more" / "autoencoder" / "runs.jsonl").read_text().splitlines()[0])["config"]
    assert settings["start_from"].startswith(recipe.out)
    assert settings["keep"] == f"{recipe.data}/blocks,{recipe.data}/nature"
    before = load_file(Path(recipe.out) / "weights" / "autoencoder.safetensors")["latents_std"]
    after = load_file(tmp_path / "more" / "autoencoder" / "autoencoder.safetensors")["latents_std"]
    assert torch.allclose(before.float(), after, atol=1e-3)
