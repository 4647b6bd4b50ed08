"""The causal video transformer, with the module names and shapes of diffusers' `WanTransformer3DModel`.

In full-sequence mode (no cache) it computes what that class computes, so its checkpoints load by name. It adds:

- a cache: `forward` takes the keys and values of earlier latent frames and returns those of its own input. Keys are
  kept before rotation, so that positions can be re-based when old frames leave the window (LongLive, 2026);
- a timestep per latent frame (diffusion forcing): clean history has t = 0;
- optional modulation by a pooled action vector beside cross-attention (the better injector at small scale,
  nano-world-model's ablation), starting at zero so that an untrained one changes nothing;
- an optional end time for flow maps, under the names that AnyFlow checkpoints use.
"""

from dataclasses import dataclass

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.embeddings import PixArtAlphaTextProjection, TimestepEmbedding, Timesteps
from torch import Tensor, nn
from torch.nn import functional as F

from pandora.config import Config
from pandora.errors import InvalidConfig
from pandora.video.attention import attention

LayerCache = tuple[Tensor, Tensor]  # unrotated keys and values, each (B, N, heads, head_dim)
Cache = tuple[LayerCache, ...]  # one entry a layer, earlier latent frames first


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(Config):
    patch_size: tuple[int, int, int] = (1, 2, 2)
    num_attention_heads: int = 4
    attention_head_dim: int = 64
    in_channels: int = 66
    out_channels: int = 32
    text_dim: int = 256
    freq_dim: int = 256
    ffn_dim: int = 1024
    num_layers: int = 8
    cross_attn_norm: bool = True
    eps: float = 1e-6
    rope_max_seq_len: int = 1024
    action_dim: int | None = 256  # width of the pooled action vector, None: no action modulation
    flow_map: bool = False
    flow_map_gate: float = 0.25  # AnyFlow's mixing weight of the end time

    @property
    def width(self) -> int:
        return self.num_attention_heads * self.attention_head_dim

    def __post_init__(self) -> None:
        if self.attention_head_dim % 2 or self.attention_head_dim < 12:
            raise InvalidConfig(f"attention_head_dim must be even and at least 12, not {self.attention_head_dim}")
        if self.patch_size[0] != 1:
            raise InvalidConfig(f"patch_size must have 1 latent frame in time, not {self.patch_size[0]}")


class Attention(nn.Module):
    """Multi-head attention with RMS-normed queries and keys (Wan 2.1, section 4.2)."""

    def __init__(self, width: int, heads: int, eps: float):
        super().__init__()
        self.heads = heads
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

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        q, k, v = (x.transpose(1, 2) for x in (query, key.type_as(query), value.type_as(query)))
        return self.to_out[0](attention(q, k, v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Self-attention over history and chunk, cross-attention to the action, feed-forward; the second not modulated."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        width, eps = config.width, config.eps
        self.norm1 = nn.LayerNorm(width, eps, elementwise_affine=False)
        self.attn1 = Attention(width, config.num_attention_heads, eps)
        self.norm2 = nn.LayerNorm(width, eps) if config.cross_attn_norm else nn.Identity()
        self.attn2 = Attention(width, config.num_attention_heads, eps)
        self.norm3 = nn.LayerNorm(width, eps, elementwise_affine=False)
        self.ffn = FeedForward(width, inner_dim=config.ffn_dim, activation_fn="gelu-approximate")
        self.scale_shift_table = nn.Parameter(torch.randn(1, 6, width) / width**0.5)

    def forward(
        self,
        x: Tensor,
        context: LayerCache,
        modulation: Tensor,
        rope: Tensor,
        rope_past: Tensor,
        past: LayerCache | None,
    ) -> tuple[Tensor, LayerCache]:
        """x (B, N, D); modulation (B, L, 6, D); rope (N, head_dim/2) complex, rope_past for the cached keys."""
        length = modulation.shape[1]
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = self._table(modulation)

        hidden = _modulate(_norm(self.norm1, x), shift, scale, length)
        own = self.attn1.keys_values(hidden)
        query, key, value = rotate(self.attn1.queries(hidden), rope), rotate(own[0], rope), own[1]
        if past is not None:
            key = torch.cat([rotate(past[0], rope_past).type_as(key), key], 1)
            value = torch.cat([past[1].type_as(value), value], 1)
        x = _gated(x, self.attn1.attend(query, key, value), gate, length)

        x = x + self.attn2.attend(self.attn2.queries(_norm(self.norm2, x)), *context)
        hidden = _modulate(_norm(self.norm3, x), ffn_shift, ffn_scale, length)
        return _gated(x, self.ffn(hidden), ffn_gate, length), own

    def remember(self, x: Tensor, modulation: Tensor) -> LayerCache:
        """The keys and values of (B, N, D), without the rest of the block."""
        shift, scale = self._table(modulation)[:2]
        return self.attn1.keys_values(_modulate(_norm(self.norm1, x), shift, scale, modulation.shape[1]))

    def _table(self, modulation: Tensor) -> tuple[Tensor, ...]:
        """Shift, scale and gate of attention, then of the feed-forward, each (B, L, 1, D)."""
        return (self.scale_shift_table.unsqueeze(0) + modulation.float()).unsqueeze(3).unbind(2)


class ConditionEmbedder(nn.Module):
    """Time, optional end time and action vector -> modulation; adapter tokens -> cross-attention context."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        width = config.width
        self.gate = config.flow_map_gate
        self.timesteps_proj = Timesteps(config.freq_dim, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedder = TimestepEmbedding(config.freq_dim, width)
        self.delta_embedder = TimestepEmbedding(config.freq_dim, width) if config.flow_map else None
        self.time_proj = nn.Linear(width, width * 6)
        self.text_embedder = PixArtAlphaTextProjection(config.text_dim, width, act_fn="gelu_tanh")
        self.action_embedder = None
        if config.action_dim is not None:
            silent = nn.Linear(width, width)
            nn.init.zeros_(silent.weight)
            nn.init.zeros_(silent.bias)
            self.action_embedder = nn.Sequential(nn.Linear(config.action_dim, width), nn.SiLU(), silent)

    def embed_time(self, time: Tensor, end: Tensor | None, action: Tensor | None) -> tuple[Tensor, Tensor]:
        """time, end (B, L) in 0..1000; action (B, D_action) -> temb (B, L, D), modulation (B, L, 6, D)."""
        dtype = self.time_proj.weight.dtype
        temb = self.time_embedder(self.timesteps_proj(time.flatten()).to(dtype)).view(*time.shape, -1)
        if self.delta_embedder is not None:
            target = time if end is None else end
            delta = self.delta_embedder(self.timesteps_proj(target.flatten()).to(dtype)).view_as(temb)
            temb = (1 - self.gate) * temb + self.gate * delta
        if self.action_embedder is not None and action is not None:
            temb = temb + self.action_embedder(action.to(dtype)).unsqueeze(1)
        return temb, self.time_proj(F.silu(temb)).unflatten(2, (6, -1))


class CausalVideoTransformer(nn.Module):
    """Denoises a chunk of latent frames given the cached latent frames before it."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        width = config.width
        self.patch_embedding = nn.Conv3d(config.in_channels, width, config.patch_size, config.patch_size)
        self.condition_embedder = ConditionEmbedder(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm_out = nn.LayerNorm(width, config.eps, elementwise_affine=False)
        patch = config.patch_size[1] * config.patch_size[2]
        self.proj_out = nn.Linear(width, config.out_channels * patch)
        self.scale_shift_table = nn.Parameter(torch.randn(1, 2, width) / width**0.5)

    def embed_context(self, context: Tensor) -> Cache:
        """Adapter tokens (B, S, text_dim) -> per-layer cross-attention keys and values, computed once an action."""
        embedded = self.condition_embedder.text_embedder(context.to(self.proj_out.weight.dtype))
        return tuple(block.attn2.keys_values(embedded) for block in self.blocks)  # type: ignore[union-attr]

    def remember(self, latents: Tensor, context: Cache) -> Cache:
        """The cache of clean latents (B, C_in, L, h, w): `forward` at time 0, less what only its output needs."""
        length, height, width = latents.shape[2:]
        rows, columns = height // self.config.patch_size[1], width // self.config.patch_size[2]
        x = self.patch(latents)
        time = torch.zeros(x.shape[0], length, device=x.device)
        _, modulation = self.condition_embedder.embed_time(time, None, None)
        rope = rope_3d(self.config.attention_head_dim, length, rows, columns, x.device)
        entries = []
        for block, told in zip(self.blocks[:-1], context, strict=False):
            x, entry = block(x, told, modulation, rope, rope[:0], None)
            entries.append(entry)
        return (*entries, self.blocks[-1].remember(x, modulation))  # type: ignore[operator]

    def forward(
        self,
        latents: Tensor,
        timestep: Tensor,
        context: Cache,
        action: Tensor | None = None,
        cache: Cache | None = None,
        end_timestep: Tensor | None = None,
    ) -> tuple[Tensor, Cache]:
        """Denoise, attending to the cache.

        latents (B, C_in, L, h, w); timestep and end_timestep (B,) or (B, L) in 0..1000; context from `embed_context`;
        action (B, action_dim); cache from earlier calls, of any length: its frames take positions 0.. and the latents
        follow. Returns (B, C_out, L, h, w) and the cache entries of these latents.
        """
        length, height, width = latents.shape[2:]
        rows, columns = height // self.config.patch_size[1], width // self.config.patch_size[2]
        time = timestep.unsqueeze(1).expand(-1, length) if timestep.ndim == 1 else timestep
        end = end_timestep
        end = end.unsqueeze(1).expand(-1, length) if end is not None and end.ndim == 1 else end

        x = self.patch(latents)
        temb, modulation = self.condition_embedder.embed_time(time, end, action)
        before = 0 if cache is None else cache[0][0].shape[1] // (rows * columns)
        rope = rope_3d(self.config.attention_head_dim, before + length, rows, columns, x.device)
        rope_past, rope_own = rope[: before * rows * columns], rope[before * rows * columns :]
        own = []
        for index, block in enumerate(self.blocks):
            past = None if cache is None else cache[index]
            x, entry = block(x, context[index], modulation, rope_own, rope_past, past)
            own.append(entry)

        shift, scale = (self.scale_shift_table.unsqueeze(0) + temb.float().unsqueeze(2)).unsqueeze(3).unbind(2)
        x = self.proj_out(_modulate(_norm(self.norm_out, x), shift, scale, length))
        return self.unpatch(x, length, rows, columns), tuple(own)

    def patch(self, latents: Tensor) -> Tensor:
        """(B, C, L, h, w) -> (B, N, D), as a linear layer over patches (the same weights, faster than conv3d)."""
        _, p, q = self.config.patch_size
        batch, _, length, height, width = latents.shape
        cells = latents.unflatten(4, (width // q, q)).unflatten(3, (height // p, p))  # B C L rows p columns q
        tokens = cells.permute(0, 2, 3, 5, 1, 4, 6).reshape(batch, length * (height // p) * (width // q), -1)
        weight = self.patch_embedding.weight.flatten(1)
        return F.linear(tokens.to(weight.dtype), weight, self.patch_embedding.bias)

    def unpatch(self, x: Tensor, length: int, rows: int, columns: int) -> Tensor:
        _, p, q = self.config.patch_size
        cells = x.reshape(x.shape[0], length, rows, columns, p, q, -1)
        return cells.permute(0, 6, 1, 2, 4, 3, 5).reshape(x.shape[0], -1, length, rows * p, columns * q)


def append(cache: Cache | None, new: Cache) -> Cache:
    """The cache with `new` after it. Nothing is changed in place, so forks may share either."""
    if cache is None:
        return new
    return tuple((torch.cat([k, nk], 1), torch.cat([v, nv], 1)) for (k, v), (nk, nv) in zip(cache, new, strict=True))


def rope_3d(head_dim: int, length: int, rows: int, columns: int, device: torch.device) -> Tensor:
    """Rotations (length * rows * columns, head_dim / 2) complex64: axes split as in Wan's rotary embedding."""
    spatial = 2 * (head_dim // 6)
    parts = []
    for dim, count in ((head_dim - 2 * spatial, length), (spatial, rows), (spatial, columns)):
        inverse = 1.0 / 10000 ** (torch.arange(0, dim, 2, device=device, dtype=torch.float64) / dim)
        angles = torch.outer(torch.arange(count, device=device, dtype=torch.float64), inverse)
        parts.append(torch.polar(torch.ones_like(angles), angles))
    time, row, column = parts
    grid = (length, rows, columns, -1)
    table = torch.cat(
        [time[:, None, None].expand(grid), row[None, :, None].expand(grid), column[None, None].expand(grid)], 3
    )
    return table.flatten(0, 2).to(torch.complex64)


def rotate(x: Tensor, rope: Tensor) -> Tensor:
    """Rotate adjacent pairs of (B, N, heads, head_dim) by rope (N, head_dim / 2)."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * rope.unsqueeze(1)).flatten(-2).type_as(x)


def _norm(norm: nn.Module, x: Tensor) -> Tensor:
    """Layer norm in fp32, as Wan does, whatever dtype the weights have."""
    if isinstance(norm, nn.Identity):
        return x
    weight, bias = (None if p is None else p.float() for p in (norm.weight, norm.bias))
    return F.layer_norm(x.float(), norm.normalized_shape, weight, bias, norm.eps).type_as(x)  # type: ignore[arg-type]


def _rms(norm: nn.RMSNorm, x: Tensor) -> Tensor:
    return F.rms_norm(x, norm.normalized_shape, norm.weight.to(x.dtype), norm.eps)


def _modulate(x: Tensor, shift: Tensor, scale: Tensor, length: int) -> Tensor:
    framed = x.float().unflatten(1, (length, -1))
    return (framed * (1 + scale) + shift).flatten(1, 2).type_as(x)


def _gated(x: Tensor, update: Tensor, gate: Tensor, length: int) -> Tensor:
    framed = update.float().unflatten(1, (length, -1)) * gate
    return (x.float() + framed.flatten(1, 2)).type_as(x)
