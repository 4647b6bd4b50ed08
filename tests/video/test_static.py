"""Recorded passes equal the plain ones; every pass is one graph; where nothing can be recorded it says why."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from pandora.video.cache import RollingCache
from pandora.video.flow import VideoConfig, VideoModel
from pandora.video.passes import Passes
from pandora.video.rotary import as_real
from pandora.video.static import Recording, StaticPasses, Step, accelerate, steps_of
from pandora.video.transformer import TransformerConfig

STEP = {"chunk": 2, "height": 4, "width": 4, "text": 3, "state": 2}


@pytest.fixture(autouse=True)
def fresh_compiler() -> None:
    torch._dynamo.reset()


def build(sampler: str = "euler", action_dim: int | None = 8) -> VideoModel:
    torch.manual_seed(0)
    transformer = TransformerConfig(
        num_attention_heads=2, attention_head_dim=24, in_channels=4, out_channels=4, text_dim=16, freq_dim=32,
        ffn_dim=32, num_layers=2, action_dim=action_dim, state_dim=8, flow_map=True,
    )  # fmt: skip
    config = {"chunk": 2, "history": 5, "sink": 1, "prediction": "velocity", "coordinates": False, "road": "both"}
    model = VideoModel(VideoConfig(transformer=transformer, sampler=sampler, **config))  # type: ignore[arg-type]
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return model.eval().requires_grad_(False)


def told(rows: int, device: torch.device | str = "cpu") -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    text, state = torch.randn(rows, 3, 16, generator=generator), torch.randn(rows, 2, 8, generator=generator)
    return {"context": text.to(device), "state": state.to(device)}


def live(model: VideoModel, rows: int, chunks: int) -> tuple[list[Tensor], list[RollingCache]]:
    """A few steps of worlds that begin with a picture."""
    generator, device = torch.Generator().manual_seed(2), model.transformer.proj_out.weight.device
    history, made = torch.randn(rows, 4, 1, 4, 4, generator=generator).to(device), []
    said = told(rows, device)
    caches = model.recall(history, **said)
    for _ in range(chunks):
        noise, action = torch.randn(rows, 4, 2, 4, 4, generator=generator), torch.randn(rows, 8, generator=generator)
        now = (said["context"], action.to(device), noise.to(device), 2, None, caches, said["state"])
        history = model.sample(history, *now)
        caches = model.extend(caches, history, **said)
        made.append(history)
    return made, caches


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    counted, replay = [0], Recording.replay

    def watched(self: Recording) -> Sequence[Tensor]:
        counted[0] += 1
        return replay(self)

    monkeypatch.setattr(Recording, "replay", watched)
    return counted


@pytest.mark.parametrize("backend", [None, "eager"])
@pytest.mark.parametrize(("sampler", "rows"), [("flow_map", 1), ("euler", 2)])
@torch.inference_mode()
def test_recorded_steps_equal_plain_ones(sampler: str, rows: int, backend: str | None, replays: list[int]) -> None:
    model = build(sampler)
    expected, _ = live(model, rows, 4)
    model.static = StaticPasses(model.transformer, backend, capture=False)
    for step in steps_of(model.config, 4, 4, [rows], text=3, state=2, young=True)[1:]:
        model.static.record(step, sampler == "flow_map")
    replays[0] = 0
    made, _ = live(model, rows, 4)
    for ours, theirs in zip(made, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)
    # every chunk embeds what it is told twice, once to be denoised and once to be remembered, and so does the picture
    told_of, denoised, remembered = 2 * 4 + 1, 2 * 3, 3
    assert replays[0] == told_of + denoised + remembered


@torch.inference_mode()
def test_a_past_is_gathered_once_for_denoising_and_remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    model, gathered = build(), []
    model.static = StaticPasses(model.transformer, None, capture=False)
    model.static.record(Step(batch=1, past=5, **STEP))
    prepare = model.transformer.prepare

    def watched(memory: Any, *sizes: Any, **options: Any) -> Any:
        gathered.append(memory)
        return prepare(memory, *sizes, **options)

    monkeypatch.setattr(model.transformer, "prepare", watched)
    caches = model.recall(torch.randn(1, 4, 5, 4, 4), **told(1))
    gathered.clear()
    live_on(model, caches)
    assert gathered == [caches]
    live_on(model, model.recall(torch.randn(1, 4, 5, 4, 4), **told(1)))
    live_on(model, caches)
    assert gathered[-1] == caches
    model.static.record(Step(batch=1, past=5, **STEP))
    live_on(model, caches)
    assert gathered[-1] == caches


def live_on(model: VideoModel, caches: list[RollingCache]) -> None:
    noise, action = torch.randn(1, 4, 2, 4, 4), torch.randn(1, 8)
    chunk = model.sample(noise, told(1)["context"], action, noise, 2, None, caches, told(1)["state"])
    model.extend(caches, chunk, **told(1))


@torch.inference_mode()
def test_forks_are_recorded_with_their_shared_past(replays: list[int]) -> None:
    model = build()
    trunk = live(model, 1, 1)[1]
    branches = model.extend(trunk * 2, torch.randn(2, 4, 2, 4, 4), **told(2))
    noise, action, history = torch.randn(2, 4, 2, 4, 4), torch.randn(2, 8), torch.zeros(2, 4, 1, 4, 4)

    def sample() -> Tensor:
        return model.sample(history, told(2)["context"], action, noise, 2, None, branches, told(2)["state"])

    expected = sample()
    model.static = StaticPasses(model.transformer, None, capture=False)
    model.static.record(Step(batch=2, past=5, shared=3, **STEP))
    replays[0] = 0
    torch.testing.assert_close(sample(), expected, atol=1e-6, rtol=1e-5)
    assert replays[0] == 1 + 2


@pytest.mark.parametrize(("room", "real"), [(False, False), (True, True)])
@torch.no_grad()
def test_every_pass_is_one_graph(room: bool, real: bool) -> None:
    """`fullgraph` raises where the compiler would have to leave a pass for Python."""
    model = build().transformer
    context, state = model.embed_context(told(2)["context"]), model.embed_state(told(2)["state"])
    latents, time, action = torch.randn(2, 4, 2, 4, 4), torch.full((2,), 700.0), torch.randn(2, 8)
    memory = model.remember(torch.randn(2, 4, 1, 4, 4), context)
    past = model.prepare(memory, (2, 4, 4), room)
    if real:
        past = past._replace(rope=as_real(past.rope))
    passes: Any = (
        (model.denoise, (latents, time, context, action, past, time / 2, state)),
        (model.remember, (latents, context, past, state)),
        (model.embed_context, (told(2)["context"],)),
    )
    for run, inputs in passes:
        compiled = torch.compile(run, backend="eager", fullgraph=True, dynamic=False)
        torch.testing.assert_close(compiled(*inputs), run(*inputs), atol=1e-6, rtol=1e-5)


def test_without_cuda_it_says_so_and_changes_nothing() -> None:
    model, said = build(), []
    assert not accelerate(model, [Step(past=5, **STEP)], said.append)
    assert said == ["static passes: off, for CUDA graphs need a CUDA device and the weights are on cpu"]
    assert type(model.passes) is Passes


def test_young_worlds_take_other_steps() -> None:
    steps = steps_of(build().config, 4, 6, [1, 4], text=3, young=True)
    assert [(step.batch, step.past) for step in steps] == [(1, 1), (1, 3), (1, 5), (4, 1), (4, 3), (4, 5)]
    assert steps_of(build().config, 4, 6) == [Step(past=5, chunk=2, height=4, width=6)]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a CUDA device")
@torch.inference_mode()
def test_captured_steps_equal_plain_ones() -> None:
    model, said = build().cuda(), []
    expected, _ = live(model, 1, 4)
    assert accelerate(model, [Step(past=5, **STEP)], said.append), said
    made, _ = live(model, 1, 4)
    for ours, theirs in zip(made, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)
