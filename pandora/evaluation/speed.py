"""How fast the large tier is on this device: from a sentence to the first new frame, sustained, in branches and worlds.

Every figure is of one run, beside the device's own peak and beside the same chunk made the plain way: diffusers'
transformer over the whole window at every denoising step, without a cache, and its autoencoder. Sentences are never
said twice, so nothing is read from memory that a user would wait for.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import Tensor

from pandora import roofline
from pandora.evaluation.rows import Row, mean, statistic
from pandora.large.config import LargeConfig
from pandora.large.loading import Loaded, Report, Speed, assemble
from pandora.large.model import LargeWorldModel
from pandora.pretrained.autoencoder import TieredAutoencoder
from pandora.runtime import Runtime
from pandora.types import Sampler, WorldState
from pandora.video import choice

ACTIONS = (
    "pick up the red block", "turn left", "it starts to rain", "the door opens", "walk towards the window", "stop",
    "switch on the lamp", "push the cup off the table",
)  # fmt: skip
STAGES = ("read", "denoise", "decode", "carry")
BRANCHES, WORLDS = (1, 2, 4, 8, 16), (1, 2, 4, 8)
_WINDOW = 12  # latent frames


@dataclass(frozen=True, kw_only=True)
class Case:
    """One config of parts that are loaded already. `plain` and `scaling` say what is measured besides."""

    name: str
    config: LargeConfig
    plain: bool = False
    branches: Sequence[int] = ()
    worlds: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long it is measured."""

    clips: int = 30  # timed from sentence to frame
    runs: int = 5  # of each other timing


def cases(config: LargeConfig) -> list[Case]:
    """Clips at the config's size and at 256x256, and frame by frame; branches and worlds at 256.

    A chunk attends to 12 latent frames, itself among them, whatever the preset's window.
    """
    config = replace(config, window=_WINDOW - config.chunk)
    small = replace(config, height=256, width=256)
    frame = replace(config, chunk=1, window=_WINDOW - 1, sink=min(1, config.sink), steps=2)
    return [
        Case(name=f"clip{config.height}", config=config, plain=True),
        Case(name="clip256", config=small, branches=BRANCHES, worlds=WORLDS),
        Case(name=f"frame{config.height}", config=frame),
    ]


class Clock:
    """A model, a world whose window is full, and sentences that were never said before."""

    def __init__(self, model: LargeWorldModel):
        self.model, self.sampler = model, Sampler(steps=model.config.steps)
        self._number = count()
        grey = np.full((model.config.height, model.config.width, 3), 128, np.uint8)
        state = model.begin(grey)
        for _ in range(2 + (model.config.window - 1) // model.config.chunk):
            state, _ = model.step(state, self.say(), self.sampler)
        self.state = state

    def say(self) -> str:
        number = next(self._number)
        return f"{ACTIONS[number % len(ACTIONS)]}, for the {number + 1}. time"

    def act(self) -> tuple[float, float, dict[str, float]]:
        """Milliseconds to the first new frame and to the next state, and those of the model's stages."""
        timings: dict[str, float] = {}
        began = time.perf_counter()
        first, state = 0.0, None
        for part in self.model.stream([self.state], [self.say()], self.sampler, timings=timings):
            first = first or 1000 * (time.perf_counter() - began)
            state = part.states[0] if part.states else None
        assert state is not None
        self.state = state
        return first, 1000 * (time.perf_counter() - began), timings

    def together(self, states: Sequence[WorldState], runs: int) -> float:
        """Seconds of one step of these states in one batch."""
        device = self.model.runtime.device
        return roofline.timed(lambda: self.model.step(states, [self.say() for _ in states], self.sampler), device, runs)


def measure(
    loaded: Loaded,
    runtime: Runtime,
    chosen: Sequence[Case],
    speed: Speed,
    effort: Effort,
    report: Report,
    keep: Callable[[list[Row]], None] = lambda rows: None,
) -> list[Row]:
    """All rows of the cases, and the device's peaks; `keep` hears of all there are so far after every case."""
    weights = dict(loaded.transformer.state_dict())  # as they are before anything is quantised
    peak = roofline.measure_peak(runtime.device, runtime.dtype)
    report(f"peak: {peak}")
    rows = [_plain("peak.tflops", peak.flops / 1e12, "TFLOP/s"), _plain("peak.gigabytes", peak.bytes / 1e9, "GB/s")]
    for case in chosen:
        asked = replace(speed, branches=tuple(case.branches), batches=tuple(case.worlds) or (1,))
        began = time.perf_counter()
        model = assemble(case.config, loaded, runtime, asked, report)
        clock = Clock(model)
        report(f"{case.name}: ready after {time.perf_counter() - began:.0f} s")
        found = [*_latency(case, clock, effort), *_roofline(case, clock, loaded, peak, effort)]
        found += _attention(case, loaded, runtime)
        if case.plain:
            found += _against_plain(case, clock, loaded, weights, effort, report)
        found += _branches(case, clock, effort) + _worlds(case, clock, effort)
        for row in found:
            report(f"{row.name}: {row.value:.4g} {row.unit}")
        rows += found
        keep(rows)
    return rows


def _latency(case: Case, clock: Clock, effort: Effort) -> list[Row]:
    _reset_memory(clock.model.runtime.device)
    acted = [clock.act() for _ in range(effort.clips)]
    first, whole = [one[0] for one in acted], [one[1] for one in acted]
    film = case.config.frames_per_action
    rows = [
        statistic(f"{case.name}.first_frame_p{q}_ms", first, "ms", partial(np.percentile, q=q, axis=-1))
        for q in (50, 95)
    ]
    rows += [
        mean(f"{case.name}.{stage}_ms", [one[2].get(f"{stage}_ms", 0.0) for one in acted], "ms") for stage in STAGES
    ]
    name = f"{case.name}.frames_per_second"
    rows.append(statistic(name, whole, "frames/s", lambda taken: 1000 * film / taken.mean(-1)))
    if clock.model.runtime.device.type == "cuda":
        rows.append(_plain(f"{case.name}.memory_gib", torch.cuda.max_memory_allocated() / 2**30, "GiB"))
    return rows


def _roofline(case: Case, clock: Clock, loaded: Loaded, peak: roofline.Peak, effort: Effort) -> list[Row]:
    """The denoising pass against the device's peaks."""
    model, config = clock.model, case.config
    video, state = model.video, clock.state
    kept, device = state.carried, model.runtime.device
    weight = video.transformer.proj_out.weight
    cells = state.latents.shape[2:]
    _, patch_h, patch_w = video.transformer.config.patch_size
    frame = (cells[0] // patch_h) * (cells[1] // patch_w)
    shape = torch.Size((1, video.transformer.config.in_channels, config.chunk, *cells))
    latents = torch.randn(shape, device=device)
    with torch.inference_mode():
        told = model.reader.read([kept.prefix], [clock.say()], lambda: False)  # type: ignore[union-attr]
        spoken = video.passes.tell(told.text, told.state, None)
        run = video.passes.denoise(shape, spoken, [kept.cache], config.sampler == "flow_map")  # type: ignore[union-attr]
        now, end = latents.new_full((1,), 500.0), latents.new_zeros(1) if config.sampler == "flow_map" else None
        seconds = roofline.timed(lambda: run(latents, now, end), device, effort.runs)
    work = roofline.denoise(
        video.transformer.config, length=config.chunk, tokens=config.chunk * frame, past=config.window * frame,
        context=0 if told.text is None else told.text.shape[1], state=0 if told.state is None else told.state.shape[1],
        itemsize=weight.element_size(),
    )  # fmt: skip
    return [
        _plain(f"{case.name}.denoise_pass_ms", 1000 * seconds, "ms"),
        _plain(f"{case.name}.denoise_pass_tflop", work.flops / 1e12, "TFLOP"),
        _plain(f"{case.name}.share_of_peak", work.flops / seconds / peak.flops, "share"),
        _plain(f"{case.name}.share_of_roofline", roofline.share_of_peak(work, seconds, peak), "share"),
    ]


def _attention(case: Case, loaded: Loaded, runtime: Runtime) -> list[Row]:
    """Every kernel that runs and is right here, at the case's sizes; on a CPU there is nothing to choose from."""
    if runtime.device.type != "cuda":
        return []
    spatial, config = loaded.autoencoder.spatial, loaded.transformer.config
    _, patch_h, patch_w = config.patch_size
    frame = (case.config.height // spatial // patch_h) * (case.config.width // spatial // patch_w)
    shapes = choice.shapes_of(config, case.config.chunk * frame, case.config.window * frame, 512)
    found = choice.survey(runtime.device, runtime.dtype, config.attention_head_dim, shapes)
    return [
        _plain(f"{case.name}.attention.{one.name}_ms", one.milliseconds, "ms")
        for one in found
        if one.milliseconds is not None
    ]


def _against_plain(
    case: Case, clock: Clock, loaded: Loaded, weights: Mapping[str, Tensor], effort: Effort, report: Report
) -> list[Row]:
    """The same chunk by diffusers' classes: no cache, so the window passes through all layers at every step.

    Only the chunk is decoded, by the full autoencoder; what its decoder would need of earlier frames is left out.
    """
    model, config = clock.model, case.config
    device, ours = model.runtime.device, model.video.transformer.config
    names = ("num_attention_heads", "attention_head_dim", "in_channels", "out_channels", "text_dim", "freq_dim")
    sizes = {name: getattr(ours, name) for name in (*names, "ffn_dim", "num_layers")}
    with torch.device("meta"):
        plain: Any = WanTransformer3DModel(**sizes)
    plain.load_state_dict({name: weights[name] for name in plain.state_dict()}, assign=True)
    plain.rope = type(plain.rope)(ours.attention_head_dim, ours.patch_size, ours.rope_max_seq_len).to(device)
    dtype = weights["proj_out.weight"].dtype
    autoencoder = loaded.autoencoder.full if isinstance(loaded.autoencoder, TieredAutoencoder) else loaded.autoencoder
    cells = clock.state.latents.shape[2:]
    latents = torch.randn(1, ours.in_channels, config.window + config.chunk, *cells, device=device, dtype=dtype)

    def draw() -> Tensor:
        told = model.reader.encode([clock.say()])
        text = latents.new_zeros(1, 1, ours.text_dim) if told is None else told.to(dtype)
        x = latents
        for _ in range(config.steps):
            x = plain(x, x.new_full((1,), 500.0), text, return_dict=False)[0].to(dtype)
        return x

    def decode() -> None:
        autoencoder.model.decode(latents[:, :, -config.chunk :], return_dict=False)

    with torch.inference_mode():
        drawing, decoding = (roofline.timed(call, device, effort.runs) for call in (draw, decode))
    mine = float(np.mean([clock.act()[1] for _ in range(effort.runs)])) / 1000
    report(f"{case.name}: the plain way takes {drawing + decoding:.2f} s a chunk, ours {mine:.2f} s")
    return [
        _plain(f"{case.name}.plain_draw_seconds", drawing, "s"),
        _plain(f"{case.name}.plain_decode_seconds", decoding, "s"),
        _plain(f"{case.name}.speedup_plain", (drawing + decoding) / mine, "ratio"),
    ]


def _branches(case: Case, clock: Clock, effort: Effort) -> list[Row]:
    """Counterfactual branches of one state in one batch; what they take before they differ, and while they are made."""
    rows: list[Row] = []
    if not case.branches:
        return rows
    alone = clock.together([clock.state], effort.runs)
    for number in case.branches:
        ratio = clock.together([clock.state.fork(seed) for seed in range(number)], effort.runs) / alone
        rows.append(_plain(f"branches{number}.time_ratio", ratio, "ratio"))
    most, device = max(case.branches), clock.model.runtime.device
    before = _allocated(device)
    held = [clock.state.fork(seed) for seed in range(most)]
    added = (_allocated(device) - before) / len(held)
    rows.append(_plain(f"branches{most}.memory_share", added / clock.state.nbytes, "share"))
    if device.type == "cuda":
        _reset_memory(device)
        clock.together(held, 1)
        peak = torch.cuda.max_memory_allocated(device) - before
        rows.append(_plain(f"branches{most}.working_gib", peak / 2**30, "GiB"))
    return rows


def _worlds(case: Case, clock: Clock, effort: Effort) -> list[Row]:
    """Worlds with pasts of their own, in one batch."""
    rows, worlds = [], [clock.state]
    for number in case.worlds:
        while len(worlds) < number:
            clock.act()
            worlds.append(clock.state)
        seconds = clock.together(worlds[:number], effort.runs)
        rows.append(
            _plain(f"worlds{number}.frames_per_second", number * case.config.frames_per_action / seconds, "frames/s")
        )
    return rows


def _reset_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _allocated(device: torch.device) -> int:
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else 0


def _plain(name: str, value: float, unit: str) -> Row:
    """A figure of one measurement, which has no interval."""
    return Row(name, float(value), unit, float(value), float(value), 1)
