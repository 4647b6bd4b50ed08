"""What the stages read: several folders by weight, episodes of any length, only what was encoded of the same films."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from pandora import presets
from pandora.errors import InvalidConfig, InvalidInput
from pandora.training.autoencoder import AutoencoderTraining, batches
from pandora.training.clips import Clips, Emphasis
from pandora.training.encoded import Encoded
from pandora.training.encoding import Encoder, Encoding, encode
from pandora.training.filmcodec import decode_film, encode_film
from pandora.training.mixture import parse_mixture
from pandora.training.pool import Pool
from pandora.training.shards import NewSample, write_shard
from pandora.training.store import InMemory, OnDisk
from pandora.training.windows import Windows
from pandora.video import Autoencoder, load_autoencoder, save_autoencoder

MODEL = presets.tiny().autoencoder


def sample(world: str, number: int, clips: int) -> NewSample:
    """A film whose frame i is of one shade, 5 * i; its actions are called by their number."""
    shades = 5 * np.arange(1 + 8 * clips, dtype=np.uint8)[:, None, None, None]
    frames = np.broadcast_to(shades, (1 + 8 * clips, 32, 32, 3))
    actions = [
        {"meaning": f"go {i}", "verb": "go" if i else "stop", "legal": True, "sentences": [f"{world} {number} {i}"]}
        for i in range(clips)
    ]
    label = {"world": world, "fps": 8, "frames_per_action": 8, "actions": actions}
    return NewSample(f"{world}-{number}", encode_film(frames, 8), label)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders: `short` has two episodes of two actions, `long` a shard of mixed lengths, an empty one, another."""
    home = tmp_path_factory.mktemp("mixture")
    torch.manual_seed(0)
    save_autoencoder(Autoencoder(MODEL), home)
    for name, shards in {"short": [[2, 2]], "long": [[3, 1, 3], [], [4]]}.items():
        (home / name).mkdir()
        for shard, lengths in enumerate(shards):
            episodes = [sample(name, 10 * shard + i, clips) for i, clips in enumerate(lengths)]
            write_shard(home / name / f"{shard:05d}.tar", episodes)
    list(encode(encoding(home, f"{home}/short,{home}/long")))
    return home


def encoding(home: Path, data: str, **changes: str) -> Encoding:
    values = {"autoencoder": str(home / "autoencoder.safetensors"), "device": "cpu"} | changes
    return Encoding(data=data, **values)  # type: ignore[arg-type]


def test_weights_of_folders() -> None:
    assert parse_mixture("data/blocks") == {Path("data/blocks"): 1.0}
    assert parse_mixture("a=3, b") == {Path("a"): 0.75, Path("b"): 0.25}
    for bad in ("a=0", "a=x", "=2", "a,a", "", "a=-1", "a=inf"):
        with pytest.raises(InvalidConfig, match="data/blocks"):
            parse_mixture(bad)


def test_lengths_may_differ(home: Path) -> None:
    clips = Clips(f"{home}/long", history=2, chunk=2)
    assert clips.size == 11
    assert [clips.length((0, row)) for row in range(3)] == [3, 1, 3]
    film = decode_film(sample("long", 2, 3).film)
    whole = clips.latents((0, 2))
    assert whole.shape == (MODEL.latent_channels, 7, 4, 4)
    past = clips.past([((0, 2), 2), ((1, 0), 0)])
    assert torch.equal(past[0], whole[:, 3:5])
    assert torch.equal(past[1], clips.latents((1, 0))[:, :1].expand_as(past[1]))
    batch = clips.batch([((0, 2), 2), ((1, 0), 3)], past, np.random.default_rng(0))
    assert torch.equal(batch.target[0], whole[:, 5:])
    assert torch.equal(batch.frames[0], torch.from_numpy(film[16]))
    assert int(batch.frames[1].float().mean().round()) == 5 * 24
    assert batch.sentences == ["long 2 2", "long 20 3"]
    assert all(said in ((), tuple(f"long 20 {i}" for i in range(3))) for said in batch.earlier[1:])


@pytest.mark.parametrize("remembered", [0, 3])
def test_memory_serves_what_the_disk_does(home: Path, remembered: int) -> None:
    served = []
    for store in (OnDisk(), InMemory(torch.device("cpu"))):
        clips = Clips(f"{home}/long,{home}/short", history=2, chunk=2, keyframes=remembered, store=store)
        places = [((number, row), clip) for number, shard in enumerate(clips.shards)
                  for row, count in enumerate(shard.clips) for clip in range(count)]  # fmt: skip
        served.append(clips.batch(places, clips.past(places), np.random.default_rng(0)))
    disk, memory = served
    assert torch.equal(disk.history, memory.history)
    assert torch.equal(disk.target, memory.target)
    assert torch.equal(disk.frames, memory.frames)
    assert disk.history.shape[2] == remembered + 2


def test_latents_are_those_of_the_film(home: Path) -> None:
    torch.manual_seed(0)
    model = Autoencoder(MODEL)
    films = [decode_film(sample("long", i, clips).film) for i, clips in enumerate((3, 1, 3))]
    alone = [Encoder(model.eval(), torch.device("cpu"), batch=1)([film])[0] for film in films]
    shard = Encoded(home / "long" / "00000.safetensors")
    for row, latents in enumerate(alone):
        stored = shard.latents(row, 0, len(latents)).movedim(1, 0)
        torch.testing.assert_close(stored, torch.from_numpy(latents).float(), atol=0.02, rtol=0.02)


def test_folders_are_drawn_by_weight(home: Path) -> None:
    clips = Clips(f"{home}/short=3,{home}/long=1", history=1, chunk=2)
    rng = np.random.default_rng(0)
    emphasis = Emphasis(floor=0.1)
    emphasis.errors = {"short/go": 0.001, "short/stop": 1.0, "long/go": 5.0, "long/stop": 5.0}
    drawn = Counter(clips.kind(*clips.place(rng, emphasis)) for _ in range(800))
    assert 0.70 < (drawn["short/go"] + drawn["short/stop"]) / 800 < 0.80, "emphasis leaves the weights as they are"
    assert drawn["short/stop"] > 5 * drawn["short/go"], "and stresses what goes worst within a world"


def test_rows_that_walk_through_episodes_see_folders_by_weight_too(home: Path) -> None:
    """Those of long episodes are begun less often, for their clips are all seen."""
    clips, walked = Clips(f"{home}/short=1,{home}/long=1", history=1, chunk=2), Counter[str]()
    pool = Pool(clips, 6, 6, np.random.default_rng(0))
    for _ in range(600):
        walked.update(pool.worlds)
        pool.advance(pool.histories[:, :, -2:], [1.0] * 6)
    assert 0.45 < walked["short"] / walked.total() < 0.55


def test_emphasis_compares_within_a_world() -> None:
    emphasis = Emphasis(floor=0.1, memory=0.5, stress={"stop": 4.0, "road/go": 2.0})
    emphasis.learn(["blocks/go", "blocks/stop", "road/go", "road/wait"], [0.4, 0.1, 8.0, 8.0])
    kinds = ("blocks/go", "blocks/stop", "road/go", "road/wait")
    assert [emphasis.chance(kind) for kind in kinds] == [1.0, 1.0, 1.0, 0.5]


def test_stale_latents_are_made_anew(home: Path, tmp_path: Path) -> None:
    shard, made = tmp_path / "00000.tar", tmp_path / "00000.safetensors"
    write_shard(shard, [sample("a", 0, 1)])
    list(encode(encoding(home, str(tmp_path))))
    first = made.stat().st_mtime_ns
    list(encode(encoding(home, str(tmp_path))))
    assert made.stat().st_mtime_ns == first
    write_shard(shard, [sample("a", 0, 2)])
    list(encode(encoding(home, str(tmp_path))))
    assert Encoded(made).clips == [2]
    torch.manual_seed(1)
    (tmp_path / "run").mkdir()
    seen = load_autoencoder(home / "autoencoder.safetensors")
    torch.nn.init.zeros_(seen.to_pixels.weight)
    shows_otherwise = save_autoencoder(seen, tmp_path / "run")
    before = made.stat().st_mtime_ns
    list(encode(encoding(home, str(tmp_path), autoencoder=str(shows_otherwise))))
    assert made.stat().st_mtime_ns == before, "what only shows latents does not change them"
    other = save_autoencoder(Autoencoder(MODEL), tmp_path / "run")
    list(encode(encoding(home, str(tmp_path), autoencoder=str(other))))
    with pytest.raises(InvalidInput, match="different autoencoders"):
        Clips(f"{home}/short,{tmp_path}", history=1, chunk=2)
    made.write_bytes(made.read_bytes()[:50])
    with pytest.raises(InvalidInput, match="no encoded shard"):
        Clips(str(tmp_path), history=1, chunk=2)


def test_what_is_not_there_is_said(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="pandora data encode --data"):
        Clips(f"{home}/short,{tmp_path}", history=1, chunk=2)
    with pytest.raises(InvalidInput, match=r"2 latent frames .* has 3"):
        Clips(f"{home}/short", history=1, chunk=3)
    with pytest.raises(InvalidInput, match="pandora data make"):
        list(encode(encoding(home, str(tmp_path))))
    with pytest.raises(InvalidInput, match="pandora data make"):
        Windows(str(tmp_path), 9)
    write_shard(tmp_path / "00000.tar", [NewSample("a", sample("a", 0, 1).film, sample("a", 0, 2).label)])
    with pytest.raises(InvalidInput, match="9 frames and 2 actions of 8"):
        list(encode(encoding(home, str(tmp_path))))


def test_windows_are_the_same_whenever_they_are_drawn(home: Path) -> None:
    config = AutoencoderTraining(data=f"{home}/short=1,{home}/long=3", frames=9, batch=3, steps=12)
    whole = list(batches(config, 0))
    assert whole[0].shape == (3, 9, 32, 32, 3)
    for step, again in enumerate(batches(config, 7), 7):
        assert torch.equal(again, whole[step])
    firsts = {5 * round(int(film[0, 0, 0, 0]) / 5) for batch in whole for film in batch}
    assert len(firsts) > 3
    assert {shade % 20 for shade in firsts} == {0}, "they begin at multiples of four frames"
    assert torch.equal(next(iter(batches(config, 3))), whole[3]), "it may be left at any time"


def test_films_stay_in_memory_as_long_as_there_is_room(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    monkeypatch.setattr(
        "pandora.training.windows.decode_film", lambda film, name: (decoded.append(name), decode_film(film))[1]
    )
    film = 33 * 32 * 32 * 3  # bytes of the largest
    for room, most in ((1.0, 6), (film / 1e9, 30), (0.0, 30)):
        decoded.clear()
        windows = Windows(f"{home}/short,{home}/long", 9, room)
        list(windows.batches(0, 0, 10, 3))
        assert windows.used == sum(kept.nbytes for kept in windows.kept.values()) <= room * 1e9
        assert len(decoded) == most if not room else len(decoded) <= most + 4  # two readers may miss the same film
