"""The speech stage at tiny size: what it reads, that it resumes, and that it keeps what the video model is told."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pandora import presets
from pandora.backbone import Backbone
from pandora.training import alignment, data, encoding, speech
from pandora.video import save_autoencoder
from pandora.worlds import make_world

SHIPPED = Path(__file__).resolve().parents[2] / "weights" / "pandora-small"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    made = data.DataConfig(out=str(folder / "data"), clips=12, length=2, episodes=3, sentences=3, processes=1)
    list(data.make(made))
    torch.manual_seed(0)
    model = presets.tiny_model()
    weights = save_autoencoder(model.autoencoder, folder)
    list(encoding.encode(encoding.Encoding(data=str(folder / "data"), autoencoder=str(weights), device="cpu")))
    silent = Backbone(replace(model.config.backbone, voice=0), model.backbone.tokenizer)
    alignment.save(folder / "aligned", silent, model.adapter)
    return folder


def settings(folder: Path, **changes: object) -> speech.SpeechConfig:
    config = speech.SpeechConfig(
        data=str(folder / "data"), aligned=str(folder / "aligned"), out=str(folder / "out"), steps=2, batch=2,
        log_every=1, save_every=1,
    )  # fmt: skip
    return replace(config, **changes)  # type: ignore[arg-type]


def test_states_before_and_after_belong_to_the_frame(folder: Path) -> None:
    world = make_world("blocks")
    planning = world.planning()
    lessons = speech.Episodes(str(folder / "data"), world).draw(8, np.random.default_rng(0))
    assert lessons.frames.shape == (8, 128, 128, 3)
    for frame, state, after in zip(lessons.frames.numpy(), lessons.states, lessons.after, strict=True):
        seen = world.readout(frame)
        assert seen is not None
        assert planning.say_state(seen) == state
        assert planning.read_state(after) is not None


def test_it_resumes_and_its_voice_is_kept(folder: Path) -> None:
    out = speech.train(settings(folder))
    speech.train(settings(folder, steps=3))
    steps = [json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3]
    backbone, adapter = alignment.load(out)
    assert backbone.voice is not None
    assert backbone.tokenizer.end[0] in backbone.voice.words_W.tolist()
    assert len(set(backbone.voice.words_W.tolist())) == backbone.config.voice < len(backbone.tokenizer)
    assert (out / "curve.png").stat().st_size > 1000
    before = alignment.load(folder / "aligned")[1]
    assert all(torch.equal(a, b) for a, b in zip(adapter.parameters(), before.parameters(), strict=True))
    again = speech.with_voice(backbone, [])
    assert again is backbone


def test_what_the_video_model_is_told_is_kept(folder: Path) -> None:
    """The loss that keeps the conditioning is silent where it is as it was, and leads a lost one back there."""
    torch.manual_seed(0)
    before, adapter = alignment.load(SHIPPED)
    episodes = speech.Episodes(str(folder / "data"), make_world("blocks"))
    learner = speech.Learner(speech.with_voice(copy.deepcopy(before), episodes.texts), episodes.texts)
    losses = speech.Losses(settings(folder, keep=1.0), learner, adapter, before)
    lessons = episodes.draw(4, np.random.default_rng(0))
    heard = speech.Episodes(str(folder / "data"), None).draw(12, np.random.default_rng(1))
    assert heard.states == []
    assert any(heard.earlier)
    assert not all(heard.earlier)

    def keep() -> torch.Tensor:
        return losses(lessons, heard, np.random.default_rng(0))[0]["keep"]

    assert keep() < 1e-6
    parameters = [learner.backbone.queries_QD, *learner.backbone.language.model.layers.parameters()]
    with torch.no_grad():
        for p in parameters:
            p.add_(p.std() * torch.randn_like(p))
    lost = keep().item()
    assert lost > 0.01
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        keep().backward()
        optimizer.step()
    assert keep() < 0.5 * lost


def test_it_goes_on_from_an_earlier_run_and_keeps_what_aligned_tells(folder: Path) -> None:
    earlier = speech.train(settings(folder, out=str(folder / "earlier"), learning_rate=0.1, ema=0.0))
    out = speech.train(settings(folder, out=str(folder / "later"), start_from=str(earlier), learning_rate=0.0))
    (begun, _), (later, adapter), (_, told) = map(alignment.load, (earlier, out, folder / "aligned"))
    assert all(torch.equal(a, b) for a, b in zip(begun.parameters(), later.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(adapter.parameters(), told.parameters(), strict=True))
    last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["keep"] > 0
