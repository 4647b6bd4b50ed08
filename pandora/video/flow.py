"""The video model: flow matching over chunks of latent frames, with x-prediction, given the latents so far.

A noisy chunk is x_t = (1 - t) x_0 + t e with t in 0..1. The transformer sees it beside the last clean latent frame
(channel concatenation, as Wan's image-to-video checkpoints do) and attends to the cached history. With
prediction = "residual" its output is the change from that last latent frame, so that what stands still costs nothing
and does not drift. Predicting x rather than noise keeps few-step rollouts stable (DIAMOND, section 3.2).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from pandora.config import Config
from pandora.errors import Cancelled, InvalidConfig
from pandora.video.transformer import Cache, CausalVideoTransformer, TransformerConfig

Prediction = Literal["residual", "x", "velocity"]


@dataclass(frozen=True, kw_only=True)
class VideoConfig(Config):
    chunk: int = 2  # latent frames made at once: one action
    history: int = 1  # latent frames attended to
    prediction: Prediction = "residual"
    coordinates: bool = True  # two more input channels, x and y in -1..1: rotary positions alone are only relative
    time_shift: float = 1.0  # > 1 spends more of the path at high noise (Wan 2.1, section 4.3)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)

    def __post_init__(self) -> None:
        if self.prediction not in ("residual", "x", "velocity"):
            raise InvalidConfig(f"prediction must be residual, x or velocity, not {self.prediction!r}")
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

    def remember(self, history: Tensor) -> Cache:
        """Clean latents (B, C, L, h, w) -> their cache. It knows no action, so branches from one state share it."""
        silence = history.new_zeros(history.shape[0], 1, self.config.transformer.text_dim)
        return self.transformer.remember(self._beside(history, history), self.transformer.embed_context(silence))

    def predict(
        self, noisy: Tensor, time: Tensor, last: Tensor, context: Cache, action: Tensor | None, cache: Cache
    ) -> Tensor:
        """The clean chunk x_0 (B, C, L, h, w) float32 behind `noisy` at time (B,) in 0..1.

        `last` (B, C, 1, h, w) is the newest clean latent frame; context from `transformer.embed_context`.
        """
        frames = self._beside(noisy, last.expand_as(noisy))
        out = self.transformer(frames, time * 1000, context, action, cache)[0].float()
        if self.config.prediction == "residual":
            return last + out
        if self.config.prediction == "x":
            return out
        return noisy - time.view(-1, 1, 1, 1, 1) * out

    def sample(
        self,
        history: Tensor,
        context: Tensor,
        action: Tensor | None,
        noise: Tensor,
        steps: int,
        should_stop: Callable[[], bool] | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """Euler steps along the flow from `noise` (B, C, chunk, h, w) to the next chunk, float32.

        Raises Cancelled as soon as `should_stop()` is true between two steps.
        """
        cache = self.remember(history) if cache is None else cache
        tokens = self.transformer.embed_context(context)
        last = history[:, :, -1:].float()
        times = self.schedule(steps)
        x = noise.float()
        for now, following in zip(times, [*times[1:], 0.0], strict=True):
            if should_stop is not None and should_stop():
                raise Cancelled("The caller stopped this step between two denoising steps; the world is unchanged.")
            clean = self.predict(x, x.new_full((x.shape[0],), now), last, tokens, action, cache)
            x = clean + (following / now) * (x - clean)
        return x

    def schedule(self, steps: int) -> list[float]:
        """Times in 1..0, the first of them 1, without the final 0."""
        shift = self.config.time_shift
        even = [1 - index / steps for index in range(steps)]
        return [shift * u / (1 + (shift - 1) * u) for u in even]

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
