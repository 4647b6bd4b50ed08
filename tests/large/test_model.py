"""The large tier steps as the small one does: batches equal singles, forks share, what was stored goes on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pandora.errors import Cancelled, InvalidConfig, InvalidInput
from pandora.large import Kept, LargeConfig, LargeWorldModel
from pandora.types import Sampler, WorldState
from tests.large.conftest import CONFIG, make

STEPS = Sampler(steps=2)
PICTURE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def state(large: LargeWorldModel) -> WorldState:
    return large.begin(PICTURE, seed=3)


def kept(state: WorldState) -> Kept:
    assert isinstance(state.carried, Kept)
    return state.carried


def test_a_clip_has_its_frames_and_its_states_come_last(large: LargeWorldModel, state: WorldState) -> None:
    parts = list(large.stream([state], ["it starts to rain"], STEPS))
    assert [len(part.frames[0]) for part in parts] == [4, 4, 0]
    assert [part.states is None for part in parts] == [True, True, False]
    after, clip = large.step(state, "it starts to rain", STEPS)
    assert clip.frames.shape == (large.config.frames_per_action, 64, 96, 3)
    assert np.array_equal(clip.frames[-1], after.frame.numpy())
    assert (after.step, after.actions, state.step) == (1, ("it starts to rain",), 0)
    assert {"read_ms", "denoise_ms", "decode_ms", "carry_ms"} <= clip.timings.keys()


def test_batch_equals_singles_also_where_worlds_are_of_unequal_age(large: LargeWorldModel, state: WorldState) -> None:
    older, _ = large.step(state, "turn left", STEPS)
    states, actions = [state, older, state], ["turn left", "turn right", "turn right"]
    together, clips = large.step(states, actions, STEPS)
    for row, (one, action) in enumerate(zip(states, actions, strict=True)):
        alone, clip = large.step(one, action, STEPS)
        assert np.abs(clip.frames.astype(int) - clips[row].frames).max() <= 1
        torch.testing.assert_close(alone.latents, together[row].latents, atol=1e-4, rtol=1e-4)
        assert kept(alone).cache.frames == kept(together[row]).cache.frames


def test_what_is_said_and_the_seed_decide(large: LargeWorldModel, state: WorldState) -> None:
    left, _ = large.step(state, "turn left", STEPS)
    again, _ = large.step(state, "turn left", STEPS)
    assert torch.equal(left.latents, again.latents)
    right, _ = large.step(state, "turn right", STEPS)
    other, _ = large.step(state.fork(4), "turn left", STEPS)
    assert not torch.allclose(left.latents, right.latents)
    assert not torch.allclose(left.latents, other.latents)


def test_the_window_rolls_and_keeps_its_sink(large: LargeWorldModel, state: WorldState) -> None:
    first, lengths = state.latents[:, :1], []
    for _ in range(4):
        state, _ = large.step(state, "go on", STEPS)
        lengths.append(state.latents.shape[1])
        assert kept(state).cache.frames == lengths[-1]
        assert torch.equal(state.latents[:, :1], first)
    assert lengths == [3, 5, 5, 5]


def test_forks_share_what_they_remember(large: LargeWorldModel, state: WorldState) -> None:
    before, _ = large.step(state, "go on", STEPS)
    left, right = large.step([before, before.fork(9)], ["turn left", "turn right"], STEPS)[0]
    shared = kept(before).cache.pages
    for branch in (left, right):
        assert all(one.is_same(other) for one, other in zip(kept(branch).cache.pages, shared, strict=False))
    assert before.nbytes > kept(before).cache.nbytes


def test_what_was_stored_goes_on(large: LargeWorldModel, state: WorldState) -> None:
    """While nothing has left the window, what is made again from latents is what was carried, but for rounding."""
    stored = WorldState.from_bytes(state.to_bytes())
    assert stored.carried is None
    (one, _), (other, _) = (large.step(start, "turn left", STEPS) for start in (state, stored))
    torch.testing.assert_close(one.latents, other.latents, atol=1e-4, rtol=1e-4)
    later = WorldState.from_bytes(one.to_bytes())
    after, clip = large.step(later, "go on", STEPS)
    assert after.step == 2
    assert clip.frames.std() > 0


def test_roads_can_be_closed(state: WorldState) -> None:
    told = {}
    for road in ("off", "text", "state", "both"):
        model = make(replace(CONFIG, road=road))
        start = model.begin(PICTURE, seed=3)
        told[road] = [model.step(start, action, STEPS)[0].latents for action in ("turn left", "turn right")]
    assert torch.equal(*told["off"]), "nothing is said"
    assert all(not torch.equal(*told[road]) for road in ("text", "state", "both"))
    assert not torch.equal(told["text"][0], told["both"][0])


def test_without_a_backbone_the_text_road_is_enough() -> None:
    model = make(replace(CONFIG, road="text", backbone=""), backbone=None, adapter=None)
    state = model.begin(PICTURE)
    assert kept(state).prefix is None
    left, right = (model.step(state, action, STEPS)[0] for action in ("turn left", "turn right"))
    assert not torch.equal(left.latents, right.latents)
    with pytest.raises(InvalidConfig, match="state road"):
        make(replace(CONFIG, road="both", backbone=""), backbone=None, adapter=None)
    with pytest.raises(InvalidConfig, match="text encoder"):
        make(replace(CONFIG, road="text"), prompts=None)


def test_a_description_is_written_and_can_be_stopped() -> None:
    model = make(replace(CONFIG, rewrite=3))
    state = model.begin(PICTURE)
    plain, _ = make().step(make().begin(PICTURE), "turn left", STEPS)
    told, _ = model.step(state, "turn left", STEPS)
    assert not torch.equal(plain.latents, told.latents)
    assert isinstance(told.description, str)
    assert WorldState.from_bytes(told.to_bytes()).description == told.description
    assert (plain.description, state.description) == (None, None)
    with pytest.raises(Cancelled):
        list(model.stream([state], ["turn left"], STEPS, should_stop=lambda: True))


def test_what_is_heard_early_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    state, prompts = model.begin(PICTURE), model.reader.prompts
    assert prompts is not None
    asked: list[list[str]] = []
    encode = prompts.forward
    monkeypatch.setattr(prompts, "forward", lambda sentences: asked.append(sentences) or encode(sentences))
    plain, _ = model.step(state, "turn left", STEPS)
    model.anticipate("turn right")
    model.anticipate("turn right")
    early, _ = model.step(state, "turn right", STEPS)
    assert asked == [["turn left"], ["turn right"]]
    again, _ = make().step(make().begin(PICTURE), "turn right", STEPS)
    assert torch.equal(early.latents, again.latents)
    assert not torch.equal(plain.latents, early.latents)


def test_what_can_not_be_is_refused(large: LargeWorldModel) -> None:
    with pytest.raises(InvalidConfig, match="multiples of 16"):
        LargeConfig(height=100)
    with pytest.raises(InvalidConfig, match="window"):
        LargeConfig(window=4, sink=3, chunk=3)
    with pytest.raises(InvalidConfig, match="rewrite"):
        LargeConfig(rewrite=4, backbone="")
    with pytest.raises(InvalidInput, match="kept by name"):
        large.save_pretrained("x")
    assert not large.speaks
