"""Every stage at tiny size, end to end: data, autoencoder, encoding, video model, own rollouts; all resumable."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pandora import presets
from pandora.errors import InvalidConfig, PandoraError
from pandora.training import alignment, autoencoder, data, encoding, rollout, video
from pandora.training.clips import Clips, Emphasis
from pandora.training.joint import Films
from pandora.training.lora import add_lora, fold
from pandora.training.metric import visible_metric
from pandora.training.pool import Pool
from pandora.training.progress import load_training
from pandora.training.unseen import Unseen
from pandora.video import Autoencoder, AutoencoderConfig

TINY = presets.tiny()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of frames, an autoencoder trained on them, latents, and an untrained backbone and adapter."""
    folder = tmp_path_factory.mktemp("stages")
    made = data.DataConfig(out=str(folder / "data"), clips=12, length=2, episodes=3, sentences=3, processes=1)
    assert list(data.make(made)) == [folder / "data"]
    stage = autoencoder.AutoencoderTraining(
        data=str(folder / "data"), out=str(folder / "ae"), steps=4, batch=2, log_every=2, save_every=2,
        model=TINY.autoencoder, device="cpu",
    )  # fmt: skip
    weights = autoencoder.train(stage)
    latents = encoding.Encoding(data=stage.data, autoencoder=str(weights), device="cpu")
    assert [path.name for path in encoding.encode(latents)] == ["00000.safetensors", "00001.safetensors"]
    model = presets.tiny_model()
    alignment.save(folder / "aligned", model.backbone, model.adapter)
    return folder


def settings(folder: Path, **changes: object) -> video.VideoTraining:
    config = video.VideoTraining(
        data=str(folder / "data"), aligned=str(folder / "aligned"), out=str(folder / "video"), steps=2, batch=2,
        log_every=1, save_every=1, model=TINY.video, device="cpu", autoencoder="",
    )  # fmt: skip
    return replace(config, **changes)  # type: ignore[arg-type]


def test_an_autoencoder_goes_on_without_moving_the_latents_it_keeps(folder: Path, tmp_path: Path) -> None:
    begun = str(folder / "ae" / "autoencoder.safetensors")
    settings = autoencoder.AutoencoderTraining(data=str(folder / "data"), batch=4, frames=5)
    video = autoencoder.to_video(next(autoencoder.batches(settings, start=0)), torch.device("cpu"))

    def load(path: str) -> Autoencoder:
        model = Autoencoder(TINY.autoencoder)
        model.load_state_dict(load_file(path))
        return model.eval()

    def shift(name: str, weight: float) -> float:
        stage = autoencoder.AutoencoderTraining(
            data=str(folder / "data"), out=str(tmp_path / name), start_from=begun, keep=str(folder / "data"),
            keep_weight=weight, keep_batch=4, steps=30, batch=2, frames=5, log_every=10, save_every=15,
            learning_rate=3e-3, model=TINY.autoencoder, device="cpu",
        )  # fmt: skip
        after = load(str(autoencoder.train(stage)))
        with torch.no_grad():
            return float((after.encode(video) - load(begun).encode(video)).square().mean())

    assert shift("kept", 10.0) < 0.5 * shift("free", 1e-9)
    with pytest.raises(InvalidConfig, match="start_from"):
        autoencoder.train(autoencoder.AutoencoderTraining(out=str(tmp_path / "none"), keep=str(folder / "data")))


def test_a_decoder_learns_alone(folder: Path, tmp_path: Path) -> None:
    begun = folder / "ae" / "autoencoder.safetensors"
    stage = autoencoder.AutoencoderTraining(
        data=str(folder / "data"), out=str(tmp_path / "run"), start_from=str(begun), decoder_only=True, steps=4,
        batch=2, frames=5, log_every=2, save_every=2, model=TINY.autoencoder, device="cpu",
    )  # fmt: skip
    before, after = load_file(begun), load_file(autoencoder.train(stage))
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    model = Autoencoder(TINY.autoencoder)
    assert changed
    assert not any(model.encodes(name) for name in changed)
    with pytest.raises(InvalidConfig, match="start_from"):
        autoencoder.train(replace(stage, start_from="", out=str(tmp_path / "none")))
    larger = AutoencoderConfig.from_dict(TINY.autoencoder.to_dict() | {"encoder_blocks": 2, "frame_blocks": 1})
    grown = load_file(autoencoder.train(replace(stage, out=str(tmp_path / "grown"), model=larger)))
    video = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    model.load_state_dict(before)
    more = Autoencoder(larger)
    more.load_state_dict(grown)
    with torch.no_grad():
        torch.testing.assert_close(more.encode(video), model.encode(video))  # what it lacked was silent
    for file, reason in (("grown/autoencoder.safetensors", "no place for"), ("words.safetensors", "no autoencoder")):
        save_file({} if "words" in file else grown, tmp_path / file)
        with pytest.raises(InvalidConfig, match=reason):
            autoencoder.train(replace(stage, start_from=str(tmp_path / file), out=str(tmp_path / "none")))
    with pytest.raises(InvalidConfig, match="leave keep away"):
        autoencoder.train(replace(stage, keep=stage.data))


def test_clips_begin_with_a_world_that_stood_still(folder: Path) -> None:
    clips = Clips(str(folder / "data"), history=2, chunk=2)
    assert (clips.size, clips.length((0, 1))) == (12, 2)
    start, later = past = clips.past([((0, 1), 0), ((0, 1), 1)])
    assert torch.equal(start[:, 0], start[:, 1])
    batch = clips.batch([((0, 1), 0), ((0, 1), 1)], past, np.random.default_rng(0))
    assert torch.equal(batch.target[0], later)
    assert batch.sentences[1] in clips.shards[0].labels[1]["actions"][1]["sentences"]
    assert batch.earlier[0] == ()


def test_video_training_resumes_at_the_exact_step(folder: Path) -> None:
    out = folder / "video"
    video.train(settings(folder))
    video.train(settings(folder, steps=3))
    steps = [json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3]
    tensors, header = load_training(out / "training.safetensors")
    assert header["step"] == 3
    assert any(key.startswith("optimizer.1.") for key in tensors)
    assert (out / "curve.png").stat().st_size > 1000


def test_several_processes_train_one_model(folder: Path, tmp_path: Path) -> None:
    video.train(settings(folder, out=str(tmp_path), processes=2))
    start = json.loads((tmp_path / "runs.jsonl").read_text())
    assert start["machine"]["processes"] == 2
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2]  # told once, not by each
    momenta = [value for key, value in load_training(tmp_path / "training.safetensors")[0].items() if "momentum" in key]
    alone = [key for key in load_training(folder / "video" / "training.safetensors")[0] if "momentum" in key]
    assert len(momenta) == len(alone), "of the matrices that the other process steps, as well"
    assert all(momentum.any() for momentum in momenta)
    with pytest.raises(PandoraError, match="No encoded shards"):
        video.train(settings(folder, data=str(tmp_path / "none"), processes=2))


def test_what_begins_silent_may_be_added_to_a_run(folder: Path) -> None:
    """Learned places and key frames, to a model that was trained without."""
    before = settings(folder)
    video.train(before)
    size = 16 // TINY.video.transformer.patch_size[1]
    added = replace(before.model.transformer, places=(before.model.chunk, size, size), keyframes=2)
    home = folder / "placed"
    video.train(
        replace(before, out=str(home), start_from=before.out, model=replace(before.model, transformer=added), steps=1)
    )
    known, found = (load_file(Path(run) / "video.safetensors") for run in (before.out, home))
    new = {name.partition(".")[2].partition(".")[0] for name in set(found) - set(known)}
    assert new == {"place_embedding", "keyframe_embedding"}


def test_own_rollouts_tune_backbone_and_adapter(folder: Path) -> None:
    video.train(settings(folder))
    before, _ = load_training(folder / "video" / "adapter.safetensors")
    values = settings(folder).to_dict() | {
        "model": TINY.video, "out": str(folder / "rollout"),
        "start_from": str(folder / "video"), "own": 0.5,
        "tune": True, "tune_rate": 1.0, "steps": 3, "learning_rate": 1e-2,
    }  # fmt: skip
    rollout.train(rollout.RolloutTraining(**values))
    after, _ = load_training(folder / "rollout" / "adapter.safetensors")
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[key], after[key]) for key in before)


def test_the_pool_feeds_the_model_its_own_clips(folder: Path) -> None:
    clips = Clips(str(folder / "data"), history=2, chunk=2)
    pool = Pool(clips, rows=3, own=2, rng=np.random.default_rng(0))
    pool.places[:2] = [((0, 0), 0), ((0, 1), 1)]
    made = torch.full((2, *pool.histories[0].shape), 7.0)
    pool.advance(made, [0.3, 0.2, 0.1])
    assert pool.places[0] == ((0, 0), 1)
    assert pool.places[1][1] == 0
    assert (pool.histories[0] == 7).all(), "the first row goes on from what it made"
    assert not (pool.histories[1] == 7).any(), "the second had finished its episode"
    assert not (pool.histories[2] == 7).any(), "the third reads the truth"


def test_the_decoder_learns_along_and_the_latents_stay(folder: Path) -> None:
    weights = str(folder / "ae" / "autoencoder.safetensors")
    together = settings(folder, out=str(folder / "joint"), autoencoder=weights, joint=2, steps=3, save_every=3)
    video.train(together)
    before, after = load_file(weights), load_file(folder / "joint" / "autoencoder.safetensors")
    assert before.keys() == after.keys()
    moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert any(name.startswith("decoder.") for name in moved)
    assert "to_pixels.weight" in moved
    assert not any(name.startswith(("encoder.", "patch_in", "to_latent", "latents_")) for name in moved)
    with pytest.raises(InvalidConfig, match="autoencoder"):
        video.train(settings(folder, out=str(folder / "none"), joint=2))


def test_films_are_those_of_the_clips(folder: Path) -> None:
    clips = Clips(str(folder / "data"), history=1, chunk=2)
    places = [((0, 1), 0), ((0, 1), 1), ((1, 0), 1)]
    films = Films(clips)(places)
    assert films.shape == (3, 8, 128, 128, 3)
    pictures = clips.store.pictures([(0, 1)], [1])
    assert torch.equal(films[0, -1], pictures[0]), "the last frame of a clip is the picture before the next"


def test_what_goes_wrong_is_drawn_more_often(folder: Path) -> None:
    emphasis = Emphasis(floor=0.2, memory=0.5)
    assert emphasis.chance("stack") == 1.0, "nothing is known yet"
    emphasis.learn(["stack", "wait", "push_left"], [0.4, 0.01, 0.2])
    assert [emphasis.chance(kind) for kind in ("stack", "push_left", "wait")] == [1.0, 0.5, 0.2]
    emphasis.learn(["stack"], [0.2])
    assert emphasis.chance("push_left") == pytest.approx(2 / 3), "what is learnt counts less"
    stressed = Emphasis(floor=0.2, stress=video.stress_of(["unstack=4"]))
    stressed.learn(["stack", "unstack"], [0.4, 0.2])
    assert (stressed.chance("unstack"), stressed.chance("stack")) == (1.0, 0.5)
    with pytest.raises(InvalidConfig, match="unstack=4"):
        video.stress_of(["unstack"])
    clips = Clips(str(folder / "data"), history=1, chunk=2)
    kinds = sorted({clips.kind((shard, row), clip) for shard in range(2) for row in range(3) for clip in range(2)})
    emphasis.errors = {kind: float(kind == kinds[0]) for kind in kinds}
    emphasis.floor = 0.0
    rng = np.random.default_rng(0)
    assert {clips.kind(*clips.place(rng, emphasis)) for _ in range(20)} == {kinds[0]}


def test_the_metric_tells_what_an_error_looks_like(folder: Path) -> None:
    torch.manual_seed(0)
    decoder = Autoencoder(TINY.autoencoder).eval()
    clips = Clips(str(folder / "data"), history=1, chunk=2)
    metric = visible_metric(decoder, clips, invisible=0.0)
    frame = clips.latents((0, 0))[None, :, 1:2]
    memory = decoder.begin_memory(1, *frame.shape[-2:])
    told, seen = [], []
    with torch.inference_mode():
        still, _ = decoder.decode_step(frame, memory)
        for _ in range(24):
            error = torch.randn(TINY.autoencoder.latent_channels)
            moved = frame.clone()
            moved[0, :, 0, 8, 8] += 0.1 * error
            seen.append((decoder.decode_step(moved, memory)[0] - still).square().sum())
            told.append((metric @ error).square().sum())
    assert torch.corrcoef(torch.stack([torch.stack(told), torch.stack(seen)]))[0, 1] > 0.95


def test_training_counts_errors_by_what_is_seen_of_them(folder: Path) -> None:
    weights = folder / "ae" / "autoencoder.safetensors"
    video.train(settings(folder, out=str(folder / "seen"), autoencoder=str(weights)))
    lines = [json.loads(line) for line in (folder / "seen" / "metrics.jsonl").read_text().splitlines()]
    assert all(line["seen"] != line["moving"] for line in lines)


def test_what_is_unseen_is_measured_against_standing_still(folder: Path) -> None:
    torch.manual_seed(0)
    model = video.Trainer(settings(folder))
    unseen = Unseen(Clips(str(folder / "data"), history=1, chunk=2), count=5, batch=2)
    still = {
        name: torch.zeros_like(value) if "proj_out" in name else value for name, value in model.state_dict().items()
    }
    before = {name: value.clone() for name, value in model.state_dict().items()}
    told = unseen(model, model.state_dict())
    assert unseen(model, still) == {"blocks": pytest.approx(1.0, abs=1e-3)}, "the residual is nothing"
    assert told["blocks"] != pytest.approx(1.0, abs=1e-3)
    assert unseen(model, model.state_dict()) == told
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    home = folder / "watched"
    video.train(settings(folder, out=str(home), unseen=str(folder / "data"), unseen_clips=2, unseen_every=2, steps=3))
    lines = [json.loads(line) for line in (home / "metrics.jsonl").read_text().splitlines()]
    assert ["unseen.blocks" in line for line in lines] == [False, True, True]


def test_low_rank_updates_fold_into_plain_weights() -> None:
    model = presets.tiny_model()
    plain = set(model.backbone.state_dict())
    add_lora(model.backbone, rank=4)
    trained = [name for name, p in model.backbone.language.named_parameters() if p.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    for name, parameter in model.backbone.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    frames = torch.zeros(1, 32, 32, 3, dtype=torch.uint8)
    ids, mask = model.backbone.tokenize(["wait"], [()])
    expected = model.backbone(frames, ids, mask)
    folded = fold(model.backbone.state_dict())
    assert set(folded) == plain
    fresh = presets.tiny_model().backbone
    fresh.load_state_dict(folded)
    torch.testing.assert_close(fresh(frames, ids, mask), expected, atol=1e-5, rtol=1e-5)
