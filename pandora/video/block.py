"""A block of the video transformer: three kinds of attention, a feed-forward, and modulation by time."""

from typing import TYPE_CHECKING

import torch
from diffusers.models.attention import FeedForward
from torch import Tensor, nn
from torch.nn import functional as F

from pandora.video.attention import attention, shared_attention
from pandora.video.cache import LayerCache, LayerPast
from pandora.video.kernels import Kernel
from pandora.video.rotary import rotate

if TYPE_CHECKING:
    from pandora.video.transformer import TransformerConfig


class Attention(nn.Module):
    """Multi-head attention with RMS-normed queries and keys (Wan 2.1, section 4.2); by torch's choice or `kernel`."""

    def __init__(self, width: int, heads: int, eps: float):
        super().__init__()
        self.heads = heads
        self.kernel: Kernel | None = None
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(width, width)
        self.to_v = nn.Linear(width, width)
        self.to_out = nn.ModuleList([nn.Linear(width, width), nn.Dropout(0.0)])
        self.norm_q = nn.RMSNorm(width, eps=eps)
        self.norm_k = nn.RMSNorm(width, eps=eps)

    def keys_values(self, source: Tensor) -> LayerCache:
        key = _rms(self.norm_k, self.to_k(source)).unflatten(2, (self.heads, -1))
        return key, self.to_v(source).unflatten(2, (self.heads, -1))

    def queries(self, hidden: Tensor) -> Tensor:
        return _rms(self.norm_q, self.to_q(hidden)).unflatten(2, (self.heads, -1))

    def attend(self, query: Tensor, key: Tensor, value: Tensor, shared: LayerCache | None = None) -> Tensor:
        """(B, N, heads, head_dim) -> (B, N, D); `shared` keys and values (1, S, heads, head_dim) are all rows'."""
        q, k, v = (x.transpose(1, 2) for x in (query, key.type_as(query), value.type_as(query)))
        if shared is None:
            mixed = attention(q, k, v, self.kernel)
        else:
            shared_key, shared_value = (x.type_as(query).transpose(1, 2) for x in shared)
            mixed = shared_attention(q, shared_key, shared_value, k, v, self.kernel)
        return self.to_out[0](mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Self-attention over history and chunk, cross-attention to text and to state (not modulated), feed-forward."""

    def __init__(self, config: "TransformerConfig"):
        super().__init__()
        width, eps = config.width, config.eps
        self.norm1 = nn.LayerNorm(width, eps, elementwise_affine=False)
        self.attn1 = Attention(width, config.num_attention_heads, eps)
        self.norm2 = nn.LayerNorm(width, eps) if config.cross_attn_norm else nn.Identity()
        self.attn2 = Attention(width, config.num_attention_heads, eps)
        self.norm3 = nn.LayerNorm(width, eps, elementwise_affine=False)
        self.ffn = FeedForward(width, inner_dim=config.ffn_dim, activation_fn="gelu-approximate")
        self.scale_shift_table = nn.Parameter(torch.randn(1, 6, width) / width**0.5)
        self.attn_state = None
        if config.state_dim is not None:
            self.norm_state = nn.LayerNorm(width, eps)
            self.attn_state = Attention(width, config.num_attention_heads, eps)
            silence(self.attn_state.to_out[0])

    def forward(
        self,
        x: Tensor,
        modulation: Tensor,
        rope: Tensor,
        context: LayerCache | None,
        state: LayerCache | None,
        past: LayerPast | None,
    ) -> tuple[Tensor, LayerCache]:
        """x (B, N, D); modulation (B, L, 6, D); rope: the rotation of the N tokens. Returns x and its own entry."""
        length = modulation.shape[1]
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = self._table(modulation)

        hidden = modulate(layer_norm(self.norm1, x), shift, scale, length)
        own = self.attn1.keys_values(hidden)
        query, key, value = rotate(self.attn1.queries(hidden), rope), rotate(own[0], rope), own[1]
        if past is not None:
            key, value = past.beside(key, value)
        mixed = self.attn1.attend(query, key, value, None if past is None else past.shared)
        x = _gated(x, mixed, gate, length)

        if context is not None:
            x = x + self.attn2.attend(self.attn2.queries(layer_norm(self.norm2, x)), *context)
        if state is not None and self.attn_state is not None:
            x = x + self.attn_state.attend(self.attn_state.queries(layer_norm(self.norm_state, x)), *state)
        hidden = modulate(layer_norm(self.norm3, x), ffn_shift, ffn_scale, length)
        return _gated(x, self.ffn(hidden), ffn_gate, length), own

    def remember(self, x: Tensor, modulation: Tensor) -> LayerCache:
        """The keys and values of (B, N, D), without the rest of the block."""
        shift, scale = self._table(modulation)[:2]
        return self.attn1.keys_values(modulate(layer_norm(self.norm1, x), shift, scale, modulation.shape[1]))

    def _table(self, modulation: Tensor) -> tuple[Tensor, ...]:
        """Shift, scale and gate of attention, then of the feed-forward, each (B, L, 1, D)."""
        return (self.scale_shift_table.unsqueeze(0) + modulation.float()).unsqueeze(3).unbind(2)


def logistic_gelu(x: Tensor) -> Tensor:
    """GELU in its tanh form (1606.08415, section 2), which is x sigmoid(sqrt(8 / pi) (x + 0.044715 x^3)).

    What torch compiles of this for a CPU takes a third of the time of what it makes of tanh, forward and backward.
    """
    return x * torch.sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x))


def layer_norm(norm: nn.Module, x: Tensor) -> Tensor:
    """Layer norm in fp32, as Wan does, whatever dtype the weights have."""
    if isinstance(norm, nn.Identity):
        return x
    weight, bias = (None if p is None else p.float() for p in (norm.weight, norm.bias))
    return F.layer_norm(x.float(), norm.normalized_shape, weight, bias, norm.eps).type_as(x)  # type: ignore[arg-type]


def _rms(norm: nn.RMSNorm, x: Tensor) -> Tensor:
    return F.rms_norm(x, norm.normalized_shape, norm.weight.to(x.dtype), norm.eps)


def modulate(x: Tensor, shift: Tensor, scale: Tensor, length: int) -> Tensor:
    """Scale and shift (B, N, D) by the values (B, length, 1, D) of the frame that each token is of."""
    framed = x.float().unflatten(1, (length, -1))
    return (framed * (1 + scale) + shift).flatten(1, 2).type_as(x)


def _gated(x: Tensor, update: Tensor, gate: Tensor, length: int) -> Tensor:
    framed = update.float().unflatten(1, (length, -1)) * gate
    return (x.float() + framed.flatten(1, 2)).type_as(x)


def silence(linear: nn.Module) -> None:
    """What it adds is nothing, until it is trained."""
    for parameter in linear.parameters():
        nn.init.zeros_(parameter)
