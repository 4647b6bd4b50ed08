"""The composed model at tiny size: values, batches, streams, seeds, forks, bad input, weights on disk."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pandora.errors import Cancelled, InvalidAction, InvalidCheckpoint, InvalidImage, InvalidInput
from pandora.presets import tiny_model
from pandora.types import Sampler, WorldState
from pandora.world_model import WorldModel


@pytest.fixture(scope="module")
def model() -> WorldModel:
    return tiny_model()


@pytest.fixture(scope="module")
def state(model: WorldModel) -> WorldState:
    return model.begin(picture(0), seed=3)


def picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return coarse.repeat(16, 0).repeat(16, 1)


def close(a: WorldState, b: WorldState) -> None:
    torch.testing.assert_close(a.latents, b.latents, atol=1e-5, rtol=1e-5)
    assert (a.frame.int() - b.frame.int()).abs().max() <= 1


def test_a_step_makes_the_next_state_and_leaves_the_old_one(model: WorldModel, state: WorldState) -> None:
    before = state.to_bytes()
    after, clip = model.step(state, "  pick up\tthe red block ")
    assert clip.frames.shape == (8, 128, 128, 3)
    assert clip.frames.dtype == np.uint8
    assert (after.step, after.actions) == (1, ("pick up the red block",))
    assert np.array_equal(clip.frames[-1], after.frame.numpy())
    assert state.to_bytes() == before
    assert set(clip.timings) == {"read_ms", "denoise_ms", "decode_ms"}


def test_the_order_of_work_never_changes_a_world(model: WorldModel, state: WorldState) -> None:
    other = model.begin(picture(1), seed=9)
    alone, _ = model.step(state, "pick up the red block")
    (left, _), _ = model.step([state, other], ["pick up the red block", "wait a moment, please"])
    (_, right), _ = model.step([other, state], ["wait a moment, please", "pick up the red block"])
    close(alone, left)
    close(alone, right)


def test_seed_and_action_matter(model: WorldModel, state: WorldState) -> None:
    plain, _ = model.step(state, "wait")
    assert torch.equal(plain.latents, model.step(state, "wait")[0].latents)
    assert not torch.equal(plain.latents, model.step(state.fork(seed=4), "wait")[0].latents)
    assert not torch.equal(plain.latents, model.step(state, "turn off the light")[0].latents)


def test_a_fork_equals_a_replay(model: WorldModel, state: WorldState) -> None:
    first, _ = model.step(state, "wait")
    forked, _ = model.step(WorldState.from_bytes(first.fork().to_bytes()), "push the red block left")
    replayed = state
    for action in ("wait", "push the red block left"):
        replayed, _ = model.step(replayed, action)
    assert torch.equal(forked.latents, replayed.latents)
    assert torch.equal(forked.frame, replayed.frame)


def test_the_stream_is_the_step_in_parts(model: WorldModel, state: WorldState) -> None:
    after, clip = model.step(state, "wait")
    parts = list(model.stream([state], ["wait"]))
    assert [part.states is None for part in parts] == [True, False]
    assert np.array_equal(np.concatenate([part.frames[0] for part in parts]), clip.frames)
    assert parts[-1].states is not None
    assert torch.equal(parts[-1].states[0].latents, after.latents)


def test_a_stream_can_be_stopped(model: WorldModel, state: WorldState) -> None:
    with pytest.raises(Cancelled):
        list(model.stream([state], ["wait"], should_stop=lambda: True))
    stream = model.stream([state], ["wait"], should_stop=iter([False, False, True]).__next__)
    assert next(stream).index == 0
    with pytest.raises(Cancelled):
        next(stream)


@pytest.mark.parametrize("action", ["", "  \n", "x" * 501, None, 7])
def test_bad_actions_are_refused(model: WorldModel, state: WorldState, action: object) -> None:
    with pytest.raises(InvalidAction):
        model.step([state], [action])  # type: ignore[list-item]


def test_odd_sentences_are_taken(model: WorldModel, state: WorldState) -> None:
    for action in ("???", "🙂", "x" * 500, "Hebe den roten Block auf!"):
        assert model.step(state, action)[0].step == 1


def test_bad_input_is_refused(model: WorldModel, state: WorldState) -> None:
    with pytest.raises(InvalidImage):
        model.begin(b"no picture")
    with pytest.raises(InvalidInput, match="seed"):
        model.begin(picture(0), seed=-1)
    with pytest.raises(InvalidInput, match="actions"):
        model.step([state], ["wait", "wait"])
    with pytest.raises(InvalidInput, match="steps"):
        Sampler(steps=0)
    for damaged in (b"", b"rubbish", state.to_bytes()[:-5]):
        with pytest.raises(InvalidInput):
            WorldState.from_bytes(damaged)
    assert model.step([], []) == ([], [])


def test_weights_come_back_from_disk(model: WorldModel, state: WorldState, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "weights", bits=None)
    loaded = WorldModel.from_pretrained(tmp_path / "weights", device="cpu", threads=1)
    assert torch.equal(loaded.step(state, "wait")[0].latents, model.step(state, "wait")[0].latents)
    assert len(loaded.fingerprint) == 64

    config = tmp_path / "weights" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"frames_per_acton": 8}))
    with pytest.raises(InvalidCheckpoint):
        WorldModel.from_pretrained(tmp_path / "weights")
