"""Both stages on published models, at tiny size, from a folder of two films to a release that loads; and the parts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pandora.errors import InvalidCheckpoint, InvalidConfig, UnknownName
from pandora.pretrained.prompts import PromptEncoder
from pandora.pretrained.release import Base, Tuned, load_release, save_release
from pandora.training import instruction, text_alignment
from pandora.training.captioned import ClipBatch
from pandora.training.checkpointing import prepare_blocks, recompute_layers, roads
from pandora.training.instruction import InstructionModel, InstructionTraining, begin, roll
from pandora.training.progress import load_training
from pandora.training.text_alignment import TextAlignment, regression
from pandora.video import VideoModel
from tests.training.published import ADAPTER, FORM, PAST, READING, TEXT_DIM

RUN: dict[str, Any] = {
    "steps": 2, "batch": 2, "warmup": 1, "learning_rate": 1e-2, "precision": "no", "log_every": 1, "save_every": 1,
    "workers": 1, "device": "cpu", "reading": READING, "adapter": ADAPTER,
}  # fmt: skip


def settings(home: Path, out: Path, **changes: Any) -> InstructionTraining:
    values: dict[str, Any] = {
        "data": str(home / "films"), "out": str(out), "backbone": str(home / "backbone"),
        "video": str(home / "pipeline"), "autoencoder": str(home / "pipeline"),
        "past": PAST, "form": FORM, "video_rank": 2, "backbone_rank": 2,
    }  # fmt: skip
    return InstructionTraining(**(RUN | values | changes))


def batch(home: Path, rows: int = 2, **changes: Any) -> ClipBatch:
    torch.manual_seed(1)
    made = ClipBatch(
        torch.randint(0, 256, (rows, 9, 16, 32, 3), dtype=torch.uint8),
        [("go left", "go right")] * rows,
        torch.zeros(rows, dtype=torch.bool),
        torch.zeros(rows, dtype=torch.bool),
    )
    return replace(made, **changes)


def model(home: Path, **changes: Any) -> InstructionModel:
    torch.manual_seed(0)
    config = settings(home, home, **({"backbone_rank": 0, "history_noise": 0.0} | changes))
    made = InstructionModel(begin(config, torch.float32, "cpu"), config.history_noise)
    prepare_blocks(made.video, config.recompute)
    return made


def same_release(one: Path, other: Path) -> bool:
    files = sorted(path.relative_to(one) for path in one.rglob("*.safetensors"))
    tensors = [(load_file(one / file), load_file(other / file)) for file in files]
    return all(a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a) for a, b in tensors)


def test_two_films_to_a_release(home: Path, tmp_path: Path) -> None:
    config = settings(home, tmp_path / "run", steps=3, ema=0.5, accumulate=2, batch=1)
    release = instruction.train(config)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert all(0.1 < line["flow"] < 10 for line in lines)
    assert (release / "video-lora" / "adapter_config.json").exists()
    assert (release / "backbone-lora" / "adapter_model.safetensors").exists()
    card = (release / "README.md").read_text()
    assert f"pandora train instruction --data {home / 'films'}" in card
    assert "--past.chunk 1" in card
    assert "| video | low-rank updates |" in card
    tuned = load_release(release, dtype=torch.float32)
    fresh = begin(replace(config, backbone_rank=0), torch.float32, "cpu")
    assert not torch.equal(tuned.backbone.queries_QD, fresh.backbone.queries_QD)
    assert all(not p.requires_grad for m in (tuned.backbone, tuned.adapter, tuned.video) for p in m.parameters())  # type: ignore[union-attr]
    goes_on = instruction.train(settings(home, tmp_path / "more", start_from=str(release), steps=1))
    assert load_release(goes_on, dtype=torch.float32).release == tuned.release
    with pytest.raises(InvalidConfig, match="trained with road = text, video_rank = 2, backbone_rank = 2"):
        instruction.train(settings(home, tmp_path / "other", start_from=str(release), video_rank=4))


def test_a_stopped_run_ends_as_one_that_was_not(home: Path, tmp_path: Path) -> None:
    config = settings(home, tmp_path / "whole", steps=4, ema=0.9, learning_rate=1e-3)
    whole = instruction.train(config)
    state, header = load_training(tmp_path / "whole" / "training.safetensors")
    assert header["step"] == 4
    assert header["positions"][0][0] >= 3, "four epochs of two films"
    assert any(name.startswith("average.video.") for name in state)
    stopped = stop_after(replace(config, out=str(tmp_path / "stopped")), 2)
    assert same_release(whole, instruction.train(stopped))
    with pytest.raises(InvalidCheckpoint, match="other settings"):
        instruction.train(replace(stopped, video_rank=0))


def stop_after(config: InstructionTraining, steps: int) -> InstructionTraining:
    """A run that was stopped between two steps; its schedule is that of the whole run."""

    class Stopped(Exception):
        pass

    kept = instruction.Run._end

    def end(run: Any, step: int) -> None:
        kept(run, step)
        if step == steps:
            raise Stopped

    instruction.Run._end = end  # type: ignore[method-assign]
    try:
        with pytest.raises(Stopped):
            instruction.train(config)
    finally:
        instruction.Run._end = kept  # type: ignore[method-assign]
    return config


@pytest.mark.parametrize("road", ["text", "state", "both"])
def test_every_trained_weight_gets_a_gradient(home: Path, road: str) -> None:
    encoder = str(home / "pipeline") if road == "both" else ""
    made = model(home, road=road, backbone_rank=2, text_encoder=encoder)
    prompts = PromptEncoder.from_pretrained(encoder, torch.float32, length=6)(["go"] * 4).clone() if encoder else None
    latents = torch.randn(2, 4, 3, 2, 4)
    for parameter in made.parameters():
        if parameter.requires_grad and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    loss = made(latents, batch(home, no_text=torch.tensor([False, True])), prompts)
    loss[0].backward()
    without = [name for name, p in made.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert not without
    assert any("lora_" in name for name, p in made.named_parameters() if p.requires_grad)
    assert ("state_embedder" in str([n for n, p in made.named_parameters() if p.requires_grad])) == (road != "text")


def test_whole_blocks_are_the_transformer(home: Path) -> None:
    """Tokens into each block, recomputed or not, are what keys and values from outside are."""
    video = begin(settings(home, home, road="state"), torch.float32, "cpu").video
    assert video is not None
    for block in video.blocks:
        torch.nn.init.normal_(block.attn_state.to_out[0].weight, std=0.1)  # type: ignore[union-attr, arg-type]
    latents, time = torch.randn(2, 4, 1, 2, 4), torch.rand(2) * 1000
    text, state = torch.randn(2, 5, TEXT_DIM), torch.randn(2, 3, ADAPTER.context_width)
    _, cache = video(latents, time * 0, video.embed_context(text * 0))
    expected, _ = video(latents, time, video.embed_context(text), None, cache, state=video.embed_state(state))
    embedder = video.condition_embedder
    for recompute in (False, True):
        prepare_blocks(video, recompute)
        told, sensed = embedder.text_embedder(text), embedder.state_embedder(state)  # type: ignore[misc]
        made, _ = video(latents, time, roads(video, told), None, cache, state=roads(video, sensed))
        torch.testing.assert_close(made, expected, atol=1e-6, rtol=1e-5)


def test_training_sees_what_sampling_sees(home: Path) -> None:
    """The loss is that of the video model with its rolling memory, predicting each chunk from the clean past."""
    made = model(home)
    tuned = Tuned(begin(settings(home, home), torch.float32, "cpu").release, made.backbone, made.adapter, made.video)
    latents, one = torch.randn(2, 4, 3, 2, 4), batch(home)
    with torch.no_grad():
        told = made.condition(one, latents.device)
        torch.manual_seed(5)
        ours = made.velocity_error(latents, told, None, one.no_image)
        plain = VideoModel(tuned.video_config())
        plain.transformer.load_state_dict(
            {k.replace(".base_layer.", "."): v for k, v in made.video.state_dict().items() if ".lora_" not in k}
        )
        torch.manual_seed(5)
        errors = []
        for chunk in range(2):
            for _ in range(3):  # what `remember` draws
                torch.rand(2) if _ < 2 else torch.randn_like(latents[:, :, :1])
            time, noise = made._times(2, latents.device), torch.randn(2, 4, 1, 2, 4)
            target = latents[:, :, 1 + chunk : 2 + chunk]
            caches = plain.recall(latents[:, :, :1], plain.silence(2))
            if chunk:
                caches = plain.extend(caches, latents[:, :, 1:2], plain.silence(2))
            noisy = (1 - time.view(-1, 1, 1, 1, 1)) * target + time.view(-1, 1, 1, 1, 1) * noise
            context = plain.transformer.embed_context(told[torch.arange(2) * 2 + chunk].context_BND)
            clean = plain.predict(noisy, time, latents[:, :, :1], context, None, caches)
            errors.append(((noisy - clean) / time.view(-1, 1, 1, 1, 1) - (noise - target)).square().mean())
    torch.testing.assert_close(ours, torch.stack(errors).mean(), atol=1e-5, rtol=1e-4)


def test_the_past_may_go_without_gradients(home: Path) -> None:
    made, latents, one = model(home), torch.randn(2, 4, 3, 2, 4), batch(home)
    torch.nn.init.normal_(next(p for name, p in made.video.named_parameters() if "attn1.to_v.lora_B" in name))
    outcomes = []
    for made.past_gradient in (True, False):
        made.zero_grad()
        torch.manual_seed(4)
        loss = made(latents, one)[0]
        loss.backward()
        outcomes.append(
            (loss.item(), {n: p.grad.norm().item() for n, p in made.named_parameters() if p.grad is not None})
        )
    assert outcomes[0][0] == pytest.approx(outcomes[1][0])
    assert outcomes[0][1].keys() == outcomes[1][1].keys()
    assert outcomes[0][1] != outcomes[1][1]


def test_mixed_precision_trains_in_float32(home: Path) -> None:
    torch.manual_seed(0)
    config = settings(home, home, road="state", precision="bf16")
    made = InstructionModel(begin(config, torch.bfloat16, "cpu"))
    prepare_blocks(made.video)
    recompute_layers(made.backbone)
    assert {p.dtype for p in made.parameters() if p.requires_grad} == {torch.float32}
    assert made.video.proj_out.weight.dtype == torch.bfloat16
    latents = torch.randn(2, 4, 3, 2, 4)
    with torch.autocast("cpu", torch.bfloat16):
        loss = made(latents, batch(home))[0]
    loss.backward()
    assert loss.dtype == torch.float32
    reference = model(home, road="state", backbone_rank=2)
    torch.manual_seed(3)
    exact = reference.velocity_error(
        latents, reference.condition(batch(home), latents.device), None, torch.zeros(2).bool()
    )
    torch.manual_seed(3)
    with torch.autocast("cpu", torch.bfloat16):
        rough = made.velocity_error(latents, made.condition(batch(home), latents.device), None, torch.zeros(2).bool())
    torch.testing.assert_close(rough, exact, atol=0.05, rtol=0.05)


def test_withheld_text_and_pictures(home: Path) -> None:
    made = model(home)
    torch.nn.init.normal_(made.adapter.null_context_ND)
    open_, mute = batch(home), batch(home, no_text=torch.tensor([True, False]), actions=[("go", "go"), ("go", "")])
    with torch.no_grad():
        told = made.condition(mute, torch.device("cpu")).context_BND
        null = made.adapter.null_context_ND
        assert [torch.equal(row, null) for row in told] == [True, True, False, True]
        blind = batch(home, no_image=torch.tensor([True, True]))
        other = replace(blind, frames=255 - blind.frames)
        assert torch.equal(
            made.condition(blind, null.device).context_BND, made.condition(other, null.device).context_BND
        )
        told, latents = made.condition(open_, null.device), torch.randn(2, 4, 3, 2, 4)
        changed = latents.clone()
        changed[0, :, 0] += 1  # the first row's past
        losses = []
        for past in (latents, changed):
            for hidden in ([True, False], [False, False]):
                torch.manual_seed(2)
                losses.append(made.velocity_error(past, told, None, torch.tensor(hidden)).item())
    assert losses[0] == pytest.approx(losses[2], abs=1e-6), "pure noise tells nothing"
    assert losses[1] != pytest.approx(losses[3], abs=1e-6)


def test_the_window_rolls() -> None:
    cache = ((torch.arange(10.0).view(1, 10, 1, 1), torch.arange(10.0).view(1, 10, 1, 1)),)
    assert roll(cache, 2, 6)[0][0].flatten().tolist() == [0, 1, 6, 7, 8, 9]
    assert roll(cache, 2, 10) is cache
    assert roll(cache, 0, 3)[0][1].flatten().tolist() == [7, 8, 9]


def test_alignment_learns_and_instruction_starts_from_it(home: Path, tmp_path: Path) -> None:
    config = TextAlignment(
        **(RUN | {"steps": 12, "log_every": 2, "learning_rate": 1e-2}),
        data=str(home / "films"), out=str(tmp_path / "align"),
        backbone=str(home / "backbone"), text_encoder=str(home / "pipeline"),
        form=replace(FORM, actions=1, frames_per_action=1),
    )  # fmt: skip
    release = text_alignment.train(config)
    lines = [json.loads(line) for line in (tmp_path / "align" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < 0.7 * lines[0]["loss"]
    tuned = load_release(release, dtype=torch.float32)
    assert tuned.video is None
    encoder = PromptEncoder.from_pretrained(home / "pipeline", torch.float32, length=ADAPTER.context_tokens)
    assert torch.equal(tuned.adapter.null_context_ND, encoder([""])[0])  # type: ignore[union-attr]
    started = settings(home, tmp_path / "on", start_from=str(release), backbone_rank=0)
    first = begin(started, torch.float32, "cpu")
    assert torch.equal(first.backbone.queries_QD, tuned.backbone.queries_QD)
    assert first.video is not None
    done = load_release(instruction.train(started), dtype=torch.float32)
    assert done.release.backbone == tuned.release.backbone
    assert done.release.video.sha256
    assert not torch.equal(done.adapter.to_context.weight, tuned.adapter.to_context.weight)  # type: ignore[union-attr]


def test_regression_counts_real_tokens() -> None:
    said, target = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    mask = torch.tensor([[True, True, False, False], [True, False, False, False]])
    target = target * mask.unsqueeze(2)
    expected = (said - target).square().mean(2)[mask].mean()
    torch.testing.assert_close(regression(said, target, mask, 0.0), expected)
    beyond = said.square().mean(2)[~mask].mean()
    torch.testing.assert_close(regression(said, target, mask, 0.5), expected + 0.5 * beyond)


def narrow_release(home: Path) -> Path:
    """An adapter whose tokens are too narrow for the text road."""
    config = settings(home, home, road="state", adapter=replace(ADAPTER, context_width=20), backbone_rank=0)
    tuned = begin(config, torch.float32, "cpu")
    tuned.release, tuned.video = replace(tuned.release, video=Base(), state_dim=None), None
    return save_release(home / "narrow", tuned, {}, "")


def test_settings_that_can_not_be(home: Path) -> None:
    with pytest.raises(UnknownName, match="road"):
        settings(home, home, road="air")
    with pytest.raises(InvalidConfig, match="frames_per_action to 4"):
        settings(home, home, form=replace(FORM, frames_per_action=8))
    with pytest.raises(InvalidConfig, match="both roads"):
        settings(home, home, road="both")
    with pytest.raises(InvalidConfig, match="backbone_rank"):
        settings(home, home, anchor="a.safetensors", backbone_rank=0)
    with pytest.raises(InvalidConfig, match="share of noise"):
        settings(home, home, history_noise=1.0)
    with pytest.raises(UnknownName, match="precision"):
        settings(home, home, precision="int8")
    with pytest.raises(InvalidConfig, match="at least 1"):
        settings(home, home, accumulate=0)
    with pytest.raises(InvalidConfig, match="text road takes 24"):
        begin(settings(home, home, start_from=str(narrow_release(home))), torch.float32, "cpu")
