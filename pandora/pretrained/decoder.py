"""Passes of a causal decoder over a batch in which several spans of new tokens share what was read before them.

A row of the batch is one prefix and the spans that follow it side by side: each sees the prefix and itself. So N
actions from one state read its keys and values once, at a batch size of one, instead of N copies of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers.cache_utils import Cache, DynamicLayer

from pandora.pretrained.prefix import Prefix

ALL, NOBODY = -1, -2  # who owns a key: a span by its number in the row, every span, or none (padding)


@dataclass(frozen=True, eq=False)
class Span:
    """New tokens in one piece. Positions (P, S) int64 on the CPU: P is 1, or 3 for time, row and column (M-RoPE)."""

    embeds_SD: Tensor
    positions_PS: Tensor
    visual_S: Tensor  # bool, on the CPU: where DeepStack features are added
    deepstack: tuple[Tensor, ...] = ()  # (visual tokens, D) a layer

    @property
    def length(self) -> int:
        return self.embeds_SD.shape[0]


class _Lent(DynamicLayer):
    """A layer's keys and values for the length of one pass: what the pass appends is used and forgotten."""

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        return torch.cat([self.keys, key_states], dim=2), torch.cat([self.values, value_states], dim=2)  # type: ignore[list-item]


class Passes:
    """The keys and values of a batch of B prefixes, padded on the left to one length, and passes that go on from them.

    With `keep`, a pass sees what the passes before it read; without, each starts from the prefixes. The prefixes stay
    as they are in either case. Prefixes and new tokens are padded to multiples of `pad_to`, so that a compiled decoder
    meets few shapes.
    """

    def __init__(
        self,
        decoder: Any,
        prefixes: Sequence[Prefix | None],
        device: torch.device,
        keep: bool = True,
        pad_to: int = 1,
    ):
        self.decoder, self.keep, self.pad_to = decoder, keep, pad_to
        self.lengths = [0 if prefix is None else prefix.length for prefix in prefixes]
        self.width = max(self.lengths) + -max(self.lengths) % pad_to
        columns_K = torch.arange(self.width, device=device)
        padding_B1 = self.width - torch.tensor(self.lengths, device=device)[:, None]
        self.owners_BK = torch.where(columns_K >= padding_B1, ALL, NOBODY)
        layers = [DynamicLayer() if keep else _Lent() for _ in range(decoder.config.num_hidden_layers)]
        if self.width:
            for index, layer in enumerate(layers):
                keys = [None if prefix is None else prefix.keys[index] for prefix in prefixes]
                values = [None if prefix is None else prefix.values[index] for prefix in prefixes]
                layer.keys, layer.values = self._stack(keys), self._stack(values)
                layer.dtype, layer.device, layer.is_initialized = layer.keys.dtype, layer.keys.device, True
        self.cache = Cache(layers=list(layers))

    def read(self, rows: Sequence[Sequence[Span]]) -> Tensor:
        """The last hidden states (B, S, D) of B rows of spans, each row's spans one after another, then padding."""
        embeds_BSD = self._pad([torch.cat([span.embeds_SD for span in row]) for row in rows])
        owners = [[number for number, span in enumerate(row) for _ in range(span.length)] for row in rows]
        owners_BS1 = self._pad([torch.tensor(row)[:, None] for row in owners], NOBODY)
        positions_BSP = self._pad([torch.cat([span.positions_PS for span in row], 1).T for row in rows])
        extra: dict[str, Any] = {}
        if any(span.deepstack for row in rows for span in row):
            spans = [span for row in rows for span in row if span.deepstack]
            visual_BS1 = self._pad([torch.cat([span.visual_S for span in row])[:, None] for row in rows])
            extra["visual_pos_masks"] = visual_BS1[..., 0].to(embeds_BSD.device)
            extra["deepstack_visual_embeds"] = [
                torch.cat(layer) for layer in zip(*(span.deepstack for span in spans), strict=True)
            ]
        device = embeds_BSD.device
        return self.step(embeds_BSD, owners_BS1[..., 0].to(device), positions_BSP.to(device), **extra)

    def step(self, embeds_BSD: Tensor, owners_BS: Tensor, positions_BSP: Tensor, **extra: Any) -> Tensor:
        """The last hidden states (B, S, D) of tokens whose span in their row is `owners_BS`, int64, on the device."""
        length = embeds_BSD.shape[1]
        asks = owners_BS[:, :, None]
        before_BSK = (self.owners_BK[:, None] == ALL) | (self.owners_BK[:, None] == asks)
        causal_SS = torch.ones(length, length, dtype=torch.bool, device=embeds_BSD.device).tril()
        mask_BSK = torch.cat([before_BSK, (owners_BS[:, None] == asks) & causal_SS], 2)
        positions = positions_BSP[..., 0] if positions_BSP.shape[-1] == 1 else positions_BSP.permute(2, 0, 1)
        if self.keep:
            self.owners_BK = torch.cat([self.owners_BK, owners_BS], 1)
        return self.decoder(
            inputs_embeds=embeds_BSD,
            attention_mask=mask_BSK[:, None],
            position_ids=positions,
            past_key_values=self.cache if self.keep or self.width else None,
            use_cache=self.keep or self.width > 0,
            **extra,
        ).last_hidden_state

    def kept(self, row: int, length: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Keys and values of a row, each (1, heads, N, head_dim) a layer: of its prefix and `length` new tokens."""
        start, end = self.width - self.lengths[row], self.width + length
        layers: list[Any] = self.cache.layers
        keys = tuple(layer.keys[row : row + 1, :, start:end].clone() for layer in layers)
        return keys, tuple(layer.values[row : row + 1, :, start:end].clone() for layer in layers)

    def _stack(self, tensors: Sequence[Tensor | None]) -> Tensor:
        if len(tensors) == 1 and tensors[0] is not None and tensors[0].shape[2] == self.width:
            return tensors[0]
        like = next(tensor for tensor in tensors if tensor is not None)
        filled = [like[:, :, :0] if tensor is None else tensor for tensor in tensors]
        return torch.cat([F.pad(tensor, (0, 0, self.width - tensor.shape[2], 0)) for tensor in filled])

    def _pad(self, rows: Sequence[Tensor], value: int = 0) -> Tensor:
        """Rows (S, D) of several lengths to (B, S, D), padded on the right."""
        padded_BSD = pad_sequence(list(rows), batch_first=True, padding_value=value)
        return F.pad(padded_BSD, (0, 0, 0, -padded_BSD.shape[1] % self.pad_to), value=value)
