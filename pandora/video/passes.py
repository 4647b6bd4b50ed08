"""The passes of the video transformer, as sampling calls them: one kernel after the other."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pandora.video.cache import Cache
from pandora.video.transformer import CausalVideoTransformer, Memory

Denoise = Callable[[Tensor, Tensor, Tensor | None], Tensor]  # (latents, timestep, end_timestep) -> output


class Told(NamedTuple):
    """What a chunk is told: keys and values for its cross-attention to text and state, and the pooled action."""

    text: Cache | None
    state: Cache | None
    action: Tensor | None


class Passes:
    """Runs the transformer as it is, at any shape."""

    def __init__(self, transformer: CausalVideoTransformer):
        self.transformer = transformer

    def tell(self, text: Tensor | None, state: Tensor | None, action: Tensor | None) -> Told:
        """Embed text (B, S, text_dim) and state tokens (B, S, state_dim), once an action."""
        model = self.transformer
        return Told(
            None if text is None else model.embed_context(text),
            None if state is None else model.embed_state(state),
            action,
        )

    def denoise(self, shape: torch.Size, told: Told, memory: Memory | None, flow_map: bool = False) -> Denoise:
        """A function of noisy latents of `shape` (B, C_in, L, h, w) and of times (B,), for all steps of a chunk.

        With `flow_map` it is always given the end time.
        """
        past = self.transformer.prepare(memory, shape[2:], room=not torch.is_grad_enabled())

        def run(latents: Tensor, timestep: Tensor, end_timestep: Tensor | None) -> Tensor:
            return self.transformer.denoise(latents, timestep, told.text, told.action, past, end_timestep, told.state)

        return run

    def remember(self, latents: Tensor, told: Told, memory: Memory | None) -> Cache:
        """The entries of clean latents (B, C_in, L, h, w) that follow what is remembered."""
        past = self.transformer.prepare(memory, latents.shape[2:], room=not torch.is_grad_enabled())
        return self.transformer.remember(latents, told.text, past, told.state)
