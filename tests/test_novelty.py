"""What the model says of strange pictures, and what it does to them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pandora import checkpoint
from pandora.errors import InvalidCheckpoint, InvalidInput, UnknownName
from pandora.media import to_tensor
from pandora.novelty import LIMIT, PART, NoveltyModel, Views, fit, view
from pandora.presets import tiny_model
from pandora.world_model import WorldModel


def ramps(count: int, seed: int, *, strength: float = 1.0) -> np.ndarray:
    """(count, 128, 128, 3) uint8: a soft two-coloured ramp, a bright square somewhere in its lower half."""
    rng = np.random.default_rng(seed)
    down = np.linspace(0, 1, 128)[:, None, None]
    pictures = np.empty((count, 128, 128, 3), np.uint8)
    for picture in pictures:
        high, low = 40 + 30 * rng.random(3), 150 + 60 * rng.random(3)
        picture[:] = (high + (low - high) * down).astype(np.uint8)
        x, y = rng.integers(0, 100), rng.integers(64, 100)
        picture[y : y + 24, x : x + 24] = int(240 * strength)
    return pictures


def see(model: WorldModel, pictures: np.ndarray) -> Views:
    return view(model.autoencoder, to_tensor(pictures))


@pytest.fixture(scope="module")
def model() -> WorldModel:
    """A tiny model that knows `ramps`; its autoencoder is random, and says of pictures what it says."""
    model = tiny_model()
    model.novelty_model = NoveltyModel({"ramps": fit(see(model, ramps(150, 0)), see(model, ramps(150, 1)))})
    return model


def test_what_is_alike_is_known_and_what_is_not_is_strange(model: WorldModel) -> None:
    assert model.novelty_model is not None
    known = model.novelty_model.judge(see(model, ramps(100, 2)))
    assert np.mean([one.known for one in known]) > 0.9
    assert 0.3 < np.mean([one.score for one in known]) < 0.7, "0.5 is a typical frame"
    noise = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), dtype=np.uint8)
    upside_down = ramps(20, 3)[:, ::-1].copy()
    for strange in (noise, upside_down):
        for one in model.novelty_model.judge(see(model, strange)):
            assert not one.known
            assert one.score > LIMIT
            assert one.excess > max(other.excess for other in known if other.known)
            assert one.look == "ramps"
    assert known[0].look is None or not known[0].known


def test_the_nearest_of_several_worlds_is_named(model: WorldModel) -> None:
    assert model.novelty_model is not None
    other = [pictures[:, ::-1].copy() for pictures in (ramps(120, 4), ramps(120, 5), ramps(20, 6))]
    both = NoveltyModel(model.novelty_model.worlds | {"flipped": fit(see(model, other[0]), see(model, other[1]))})
    assert {one.world for one in both.judge(see(model, other[2]))} == {"flipped"}
    assert {one.world for one in both.judge(see(model, ramps(20, 7)))} == {"ramps"}


def test_it_is_stored_beside_the_weights_and_changes_no_fingerprint(model: WorldModel, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    assert WorldModel.from_pretrained(tmp_path, device="cpu").novelty(ramps(1, 0)[0]) is None
    before = checkpoint.fingerprint(tmp_path)
    assert model.novelty_model is not None
    path = model.novelty_model.save(tmp_path)
    checkpoint.write_manifest(tmp_path)
    assert path.stat().st_size < 50_000, "six worlds have to fit into 300 kB"
    loaded = WorldModel.from_pretrained(tmp_path, device="cpu")
    assert loaded.fingerprint == before
    assert loaded.novelty_model is not None
    pictures = ramps(5, 8)
    for one, other in zip(
        loaded.novelty_model.judge(see(model, pictures)), model.novelty_model.judge(see(model, pictures)), strict=True
    ):
        assert one.score == pytest.approx(other.score, abs=1e-5)


def test_a_picture_is_taken_towards_the_look_and_stays_what_it_was(model: WorldModel) -> None:
    assert model.novelty_model is not None
    strange = ramps(1, 9)[0, ::-1].copy()
    latents = model.autoencoder.encode(to_tensor(strange)[None, :, None])
    taken = model.novelty_model.approach(latents, "ramps")
    codes = model.novelty_model.worlds["ramps"].codes

    def away(cells: torch.Tensor) -> float:
        return float(torch.cdist(cells.movedim(1, -1).flatten(0, -2), codes).amin(1).mean())

    assert taken.shape == latents.shape
    assert away(taken) < 0.85 * away(latents)
    kept = torch.corrcoef(torch.stack([taken.flatten(), latents.flatten()]))[0, 1]
    assert kept > 0.7
    plain, looked = model.begin(strange), model.begin(strange, look="ramps")
    assert not torch.equal(plain.latents, looked.latents)
    assert looked.frame.shape == plain.frame.shape
    with pytest.raises(UnknownName, match="ramps"):
        model.begin(strange, look="nowhere")


def test_what_is_no_model_of_novelty_is_refused(model: WorldModel) -> None:
    assert model.novelty_model is not None
    familiar = model.novelty_model.worlds["ramps"]
    whole = {f"ramps.{name}": tensor for name, tensor in vars(familiar).items()}
    assert NoveltyModel.of(whole).worlds.keys() == {"ramps"}
    for broken in (
        {key: tensor for key, tensor in whole.items() if not key.endswith("codes")},
        whole | {"ramps.codes": torch.zeros(3)},
        whole | {"ramps.codes": whole["ramps.codes"][:0]},
        whole | {"ramps.axes": whole["ramps.axes"][1:]},
        whole | {"ramps.steps": torch.zeros(())},
        {"odd": torch.zeros(1)},
    ):
        with pytest.raises(InvalidCheckpoint, match=PART):
            NoveltyModel.of(broken)
    with pytest.raises(InvalidInput, match="100 of each"):
        fit(see(model, ramps(5, 0)), see(model, ramps(5, 1)))
