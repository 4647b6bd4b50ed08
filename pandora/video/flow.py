"""The video model: flow matching over chunks of latent frames, with x-prediction, given the latents so far.

A noisy chunk is x_t = (1 - t) x_0 + t e with t in 0..1. The transformer sees it beside the last clean latent frame
(channel concatenation, as Wan's image-to-video checkpoints do) and attends to the cached history. With
prediction = "residual" its output is the change from that last latent frame, so that what stands still costs nothing
and does not drift. Predicting x rather than noise keeps few-step rollouts stable (DIAMOND, section 3.2).

The history is given as latents, from which `remember` makes a cache, or as a `RollingCache` for each world: a value
that `recall` makes from latents and `extend` carries on by one pass over the newest chunk. `sample` takes either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from pandora.config import Config
from pandora.errors import InvalidConfig
from pandora.video import keyframes
from pandora.video.cache import Cache, RollingCache, turn_pages
from pandora.video.passes import Passes
from pandora.video.sampling import SAMPLERS, SamplerName, integrate, schedule
from pandora.video.transformer import CausalVideoTransformer, Memory, TransformerConfig

Prediction = Literal["residual", "x", "velocity"]
Road = Literal["off", "text", "state", "both"]


@dataclass(frozen=True, kw_only=True)
class VideoConfig(Config):
    chunk: int = 2  # latent frames made at once: one action
    history: int = 1  # newest latent frames attended to, besides the transformer's key frames
    sink: int = 0  # of them: the world's first frames, which never leave (StreamingLLM, 2309.17453; LongLive)
    prediction: Prediction = "residual"
    coordinates: bool = True  # two more input channels, x and y in -1..1: rotary positions alone are only relative
    time_shift: float = 1.0  # > 1 spends more of the path at high noise (Wan 2.1, section 4.3)
    sampler: SamplerName = "euler"
    road: Road = "text"  # which cross-attentions are open: to the tokens of a text encoder, or to the adapter's
    transformer: TransformerConfig = field(default_factory=TransformerConfig)

    def __post_init__(self) -> None:
        if self.prediction not in ("residual", "x", "velocity"):
            raise InvalidConfig(f"prediction must be residual, x or velocity, not {self.prediction!r}")
        if self.sampler not in SAMPLERS:
            raise InvalidConfig(f"sampler must be {', '.join(SAMPLERS)}, not {self.sampler!r}")
        if self.sampler == "flow_map" and not self.transformer.flow_map:
            raise InvalidConfig("sampler 'flow_map' needs a transformer with flow_map: one that is told where it ends")
        if self.road not in ("off", "text", "state", "both"):
            raise InvalidConfig(f"road must be off, text, state or both, not {self.road!r}")
        if self.road in ("state", "both") and self.transformer.state_dim is None:
            raise InvalidConfig(f"road {self.road!r} needs a transformer with state_dim, the width of the state tokens")
        if not 0 <= self.sink < self.history:
            raise InvalidConfig(f"sink must be at least 0 and less than history, {self.history}, not {self.sink}")
        if self.transformer.keyframes and self.sink:
            raise InvalidConfig("Key frames take the place of a sink. Set sink to 0, or keyframes to 0.")
        channels = self.transformer.out_channels * (1 if self.prediction == "velocity" else 2) + 2 * self.coordinates
        if self.transformer.in_channels != channels:
            raise InvalidConfig(
                f"prediction {self.prediction!r} and coordinates {self.coordinates} need in_channels = {channels}"
            )


class VideoModel(nn.Module):
    """Remembers history as a cache, and denoises the next chunk."""

    def __init__(self, config: VideoConfig):
        super().__init__()
        self.config = config
        self.transformer = CausalVideoTransformer(config.transformer)
        self.static: Passes | None = None  # in the place of the plain ones; see pandora.video.static

    def begin(self, latent: Tensor) -> Tensor:
        """The past (C, keyframes + history, h, w) of a world whose first latent is (C, 1, h, w)."""
        return keyframes.begin(latent, self.config.transformer.keyframes, self.config.history)

    def carry(self, past: Tensor, chunk: Tensor) -> Tensor:
        """The past of one world after its next chunk (C, L, h, w); both stay as they are."""
        return keyframes.carry(past, chunk, self.config.transformer.keyframes)

    @property
    def passes(self) -> Passes:
        return self.static or Passes(self.transformer)

    def remember(self, history: Tensor) -> Cache:
        """Clean latents (B, C, L, h, w) -> their cache. It knows no action, so branches from one state share it."""
        passes, silence = self.passes, self.silence(history.shape[0])
        return passes.remember(self._beside(history, history), passes.tell(*self._open(silence, None), None), None)

    def silence(self, batch: int) -> Tensor:
        """Text tokens (B, 1, text_dim) that say nothing."""
        return self.transformer.proj_out.weight.new_zeros(batch, 1, self.config.transformer.text_dim)

    @torch.no_grad()
    def recall(self, latents: Tensor, context: Tensor | None = None, state: Tensor | None = None) -> list[RollingCache]:
        """The memories of B worlds whose clean latents are these: (B, C, L, h, w), L at most `history`, oldest first.

        For a world's first picture (L = 1), and wherever a memory is not at hand or is to be told something new (the
        KV-recache of LongLive). Chunk by chunk; context and state as in `extend`, the same for all chunks.
        """
        empty = RollingCache(window=self.config.history, sink=self.config.sink)
        caches, length, chunk = [empty] * latents.shape[0], latents.shape[2], self.config.chunk
        first = length % chunk or chunk
        for start, stop in zip([0, *range(first, length, chunk)], [*range(first, length + 1, chunk)], strict=True):
            caches = self.extend(caches, latents[:, :, start:stop], context, state)
        return caches

    @torch.no_grad()
    def extend(
        self,
        caches: Sequence[RollingCache],
        latents: Tensor,
        context: Tensor | None = None,
        state: Tensor | None = None,
    ) -> list[RollingCache]:
        """The memories of B worlds after clean latents (B, C, L, h, w), by one pass over these; `caches` stay as is.

        `context` (B, S, text_dim) and `state` (B, S, state_dim) are what the chunk was told; None closes that road. A
        memory that was told nothing but `silence` serves every action. Raises InvalidInput where the worlds remember
        unequally many frames.
        """
        passes = self.passes
        told = passes.tell(*self._open(context, state), None)
        entries = passes.remember(self._beside(latents, latents), told, caches)
        pages = turn_pages(entries, latents.shape[2])
        return [cache.append(page) for cache, page in zip(caches, pages, strict=True)]

    def predict(
        self,
        noisy: Tensor,
        time: Tensor,
        last: Tensor,
        context: Cache | None,
        action: Tensor | None,
        cache: Memory,
        state: Cache | None = None,
        end: Tensor | None = None,
    ) -> Tensor:
        """The clean chunk x_0 (B, C, L, h, w) float32 behind `noisy` at time (B,) in 0..1.

        `last` (B, C, 1, h, w) is the newest clean latent frame; context from `transformer.embed_context`, state from
        `transformer.embed_state`; end (B,) in 0..1 for flow maps.
        """
        frames, end = self._beside(noisy, last.expand_as(noisy)), None if end is None else end * 1000
        out = self.transformer(frames, time * 1000, context, action, cache, end, state)[0]
        return self._clean(out, noisy, time, last)

    def sample(
        self,
        history: Tensor,
        context: Tensor | None,
        action: Tensor | None,
        noise: Tensor,
        steps: int,
        should_stop: Callable[[], bool] | None = None,
        cache: Memory | None = None,
        state: Tensor | None = None,
        fresh: Tensor | None = None,
    ) -> Tensor:
        """From `noise` (B, C, chunk, h, w) to the next chunk, float32, by the config's sampler.

        history (B, C, L, h, w): clean latents, of which only the last is read where `cache` is given: what `remember`
        or `extend` returned. context (B, S, text_dim), state (B, S, state_dim) and action (B, action_dim) say what
        happens; None closes a road. fresh (B, draws(steps) - 1, C, chunk, h, w) is more noise, for the sampler
        "renoise" alone. Raises Cancelled as soon as `should_stop()` is true between two steps.
        """
        passes = self.passes
        memory = self.remember(history) if cache is None else cache
        told = passes.tell(*self._open(context, state), action)
        last, rows = history[:, :, -1:].float(), noise.shape[0]
        flow_map = self.config.sampler == "flow_map"
        shape = torch.Size((rows, self.config.transformer.in_channels, *noise.shape[2:]))
        denoise = passes.denoise(shape, told, memory, flow_map)

        def predict(x: Tensor, now: float, following: float) -> Tensor:
            time = x.new_full((rows,), now)
            end = x.new_full((rows,), following) * 1000 if flow_map else None
            out = denoise(self._beside(x, last.expand_as(x)), time * 1000, end)
            return self._clean(out, x, time, last)

        if self.config.sampler == "renoise" and fresh is None:
            fresh = noise.new_empty(rows, 0, *noise.shape[1:])
        elif self.config.sampler != "renoise":
            fresh = None
        return integrate(predict, noise.float(), self.schedule(steps), fresh, should_stop)

    def schedule(self, steps: int) -> list[float]:
        """Times in 1..0, the first of them 1, without the final 0."""
        return schedule(steps, self.config.time_shift)

    def draws(self, steps: int) -> int:
        """How many chunks of noise `sample` takes: `noise` alone, or one a step where the sampler noises afresh."""
        return steps if self.config.sampler == "renoise" else 1

    def _open(self, context: Tensor | None, state: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """The tokens on the roads that the config has open."""
        road = self.config.road
        return context if road in ("text", "both") else None, state if road in ("state", "both") else None

    def _clean(self, out: Tensor, noisy: Tensor, time: Tensor, last: Tensor) -> Tensor:
        """The transformer's output as a guess at x_0."""
        out = out.float()
        if self.config.prediction == "residual":
            return last + out
        if self.config.prediction == "x":
            return out
        return noisy - time.view(-1, 1, 1, 1, 1) * out

    def _beside(self, latents: Tensor, last: Tensor) -> Tensor:
        parts = [latents] if self.config.prediction == "velocity" else [latents, last.type_as(latents)]
        if self.config.coordinates:
            batch, _, length, height, width = latents.shape
            across = torch.linspace(-1, 1, width, device=latents.device).expand(height, width)
            down = torch.linspace(-1, 1, height, device=latents.device).unsqueeze(1).expand(height, width)
            grid = torch.stack([across, down]).to(latents.dtype)
            parts.append(grid[None, :, None].expand(batch, -1, length, -1, -1))
        return torch.cat(parts, 1)


def diffuse(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """x_t for time (B,) in 0..1."""
    t = time.view(-1, 1, 1, 1, 1)
    return (1 - t) * clean + t * noise
