"""The causal video transformer, with the module names and shapes of diffusers' `WanTransformer3DModel`.

In full-sequence mode (no cache) it computes what that class computes, so its checkpoints load by name. It adds:

- a cache: `forward` takes the keys and values of earlier latent frames and returns those of its own input. Keys are
  kept before rotation, so that positions can be re-based when old frames leave the window (LongLive, 2026);
- a timestep per latent frame (diffusion forcing): clean history has t = 0;
- an optional second cross-attention in every block, the state road: to the adapter's tokens beside the text encoder's,
  with an output projection that starts at zero, so that an untrained one changes nothing;
- optional modulation by a pooled action vector beside cross-attention (the better injector at small scale,
  nano-world-model's ablation), starting at zero so that an untrained one changes nothing;
- an optional end time for flow maps, under the names that AnyFlow checkpoints use;
- optional key frames before the history, in patches of twice the side: see `pandora.video.keyframes`;
- optional learned vectors for the places of a chunk's tokens, starting at zero: rain that always falls alike, or how
  far a view shifts where, is then looked up, not worked out from coordinates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from diffusers.models.embeddings import PixArtAlphaTextProjection, TimestepEmbedding, Timesteps
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from pandora.config import Config
from pandora.errors import InvalidConfig, InvalidInput
from pandora.video.block import Block, layer_norm, logistic_gelu, modulate, silence
from pandora.video.cache import Buffers, Cache, LayerCache, Past, RollingCache, gather, line_up, place
from pandora.video.keyframes import COARSE, KeyframeEmbedding, place_keyframes
from pandora.video.rotary import as_real, rope_3d

_WIDE = ("time_embedder", "delta_embedder", "norm2", "scale_shift_table")
_AXES = 3  # frames, rows, columns
Memory = Cache | Sequence[RollingCache]  # entries of earlier passes, or a rolling cache for each row


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
    state_dim: int | None = None  # width of the tokens on the state road, None: no such road
    keyframes: int = 0  # earlier moments that every history begins with
    places: tuple[int, int, int] | None = None  # a chunk's latent frames, rows and columns of tokens, None: not learned
    flow_map: bool = False
    flow_map_gate: float = 0.25  # AnyFlow's mixing weight of the end time

    @property
    def width(self) -> int:
        return self.num_attention_heads * self.attention_head_dim

    def __post_init__(self) -> None:
        if self.attention_head_dim % 2 or self.attention_head_dim < 12:
            raise InvalidConfig(f"attention_head_dim must be even and at least 12, not {self.attention_head_dim}")
        if self.places is not None and (len(self.places) != _AXES or min(self.places) < 1):
            raise InvalidConfig(f"places must be a chunk's latent frames, rows and columns, not {self.places}")
        if self.patch_size[0] != 1:
            raise InvalidConfig(f"patch_size must have 1 latent frame in time, not {self.patch_size[0]}")


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
            silence(silent)
            self.action_embedder = nn.Sequential(nn.Linear(config.action_dim, width), nn.SiLU(), silent)
        self.state_embedder = None
        if config.state_dim is not None:
            self.state_embedder = PixArtAlphaTextProjection(config.state_dim, width, act_fn="gelu_tanh")

    def embed_time(self, time: Tensor, end: Tensor | None, action: Tensor | None) -> tuple[Tensor, Tensor]:
        """time, end (B, L) in 0..1000; action (B, D_action) -> temb (B, L, D), modulation (B, L, 6, D)."""
        dtype = self.time_proj.weight.dtype
        temb = self._embed(self.time_embedder, time)
        if self.delta_embedder is not None:
            delta = self._embed(self.delta_embedder, time if end is None else end)
            temb = (1 - self.gate) * temb + self.gate * delta
        if self.action_embedder is not None and action is not None:
            temb = temb + self.action_embedder(action.to(dtype)).unsqueeze(1)
        return temb, self.time_proj(F.silu(temb)).unflatten(2, (6, -1))

    def _embed(self, embedder: TimestepEmbedding, time: Tensor) -> Tensor:
        """Sinusoids in the embedder's own dtype, which may be wider than that of what follows."""
        own, following = embedder.linear_1.weight.dtype, self.time_proj.weight.dtype
        embedded = embedder(self.timesteps_proj(time.flatten()).to(own)).view(*time.shape, -1)
        return embedded if own == following else embedded.to(following)


class CausalVideoTransformer(nn.Module):
    """Denoises a chunk of latent frames given the cached latent frames before it."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        width = config.width
        self.patch_embedding = nn.Conv3d(config.in_channels, width, config.patch_size, config.patch_size)
        self.place_embedding = None
        if config.places:
            self.place_embedding = nn.Parameter(torch.zeros(*config.places, width))
        self.keyframe_embedding = None
        if config.keyframes:
            self.keyframe_embedding = KeyframeEmbedding(config.in_channels, config.patch_size[1], width)
            self.keyframe_embedding.begin(self.patch_embedding)
        self.condition_embedder = ConditionEmbedder(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm_out = nn.LayerNorm(width, config.eps, elementwise_affine=False)
        patch = config.patch_size[1] * config.patch_size[2]
        self.proj_out = nn.Linear(width, config.out_channels * patch)
        self.scale_shift_table = nn.Parameter(torch.randn(1, 2, width) / width**0.5)
        self.gradient_checkpointing = False  # whether a backward pass computes each block again instead of keeping it

    def cast(self, dtype: torch.dtype) -> Self:
        """Weights to `dtype` in place, but what diffusers, too, keeps in float32: embedders of time, tables, norms."""
        for name, parameter in self.named_parameters():
            wide = any(part in name for part in _WIDE)
            parameter.data = parameter.data.to(torch.float32 if wide else dtype)
        return self

    def compile_blocks(self) -> None:
        """Have torch compile the blocks, which share what is compiled: to train. Needs a C++ compiler, or triton.

        The first steps then take a minute or two, in which whatever shapes and modes occur are compiled one by one.
        """
        torch._dynamo.config.recompile_limit = max(32, torch._dynamo.config.recompile_limit)
        for block in self.blocks:
            block.get_submodule("ffn.net.0").gelu = logistic_gelu  # type: ignore[assignment]
            block.compile(dynamic=True)

    def begin_roads(self) -> None:
        """Start anew what no published checkpoint has: the state road and the action modulation, silent at the end."""
        embedder = self.condition_embedder
        fresh = [embedder.action_embedder, embedder.state_embedder]
        for block in self._blocks():
            fresh += [block.attn_state, block.norm_state if block.attn_state is not None else None]
        for road in filter(None, fresh):
            for module in road.modules():
                if isinstance(module, nn.Linear | nn.RMSNorm | nn.LayerNorm):
                    module.reset_parameters()
        if embedder.action_embedder is not None:
            silence(embedder.action_embedder[-1])
        for block in self._blocks():
            if block.attn_state is not None:
                silence(block.attn_state.to_out[0])

    def embed_context(self, context: Tensor) -> Cache:
        """Text tokens (B, S, text_dim) -> per-layer cross-attention keys and values, computed once an action.

        A published Wan transformer knows prompts of 512 tokens, padded with zeros.
        """
        embedded = self.condition_embedder.text_embedder(context.to(self.proj_out.weight.dtype))
        return tuple(block.attn2.keys_values(embedded) for block in self._blocks())

    def embed_state(self, state: Tensor) -> Cache:
        """State tokens (B, S, state_dim) -> the same for the state road. Raises InvalidConfig without one."""
        embedder = self.condition_embedder.state_embedder
        if embedder is None:
            raise InvalidConfig("This transformer has no state road. Set state_dim to the width of the state tokens.")
        embedded = embedder(state.to(self.proj_out.weight.dtype))
        return tuple(block.attn_state.keys_values(embedded) for block in self._blocks() if block.attn_state is not None)

    def prepare(
        self,
        memory: Memory | None,
        grid: Sequence[int],
        room: bool = False,
        into: Buffers | None = None,
    ) -> Past:
        """What a chunk of latents attends to, put together once for all its passes; `grid` is the chunk's (L, h, w).

        With `room` the chunk's own keys and values are written behind the past in place: faster, and without gradients.
        `into` is memory for a rolling cache's past. Raises InvalidInput for rolling caches of unequal length.
        """
        length, rows, columns = (size // patch for size, patch in zip(grid, self.config.patch_size, strict=True))
        tokens, weight = length * rows * columns, self.proj_out.weight
        behind = tokens if room else 0

        def table(before: int) -> Tensor:
            rope = rope_3d(self.config.attention_head_dim, before + length, rows, columns, weight.device)
            return rope if weight.device.type == "cpu" else as_real(rope)

        if self.config.keyframes and memory is not None:
            return self._prepare_keyframes(memory, (length, rows, columns), behind)
        if memory is None or (isinstance(memory[0], RollingCache) and not memory[0].pages):
            return Past(table(0), (None,) * self.config.num_layers)
        if isinstance(memory[0], RollingCache):
            placement = place(memory)  # type: ignore[arg-type]
            rope = table(sum(placement.tokens) // (rows * columns))
            return gather(placement, rope, behind, weight.dtype, into).past(rope[-tokens:])
        before: int = memory[0][0].shape[1]
        rope = table(before // (rows * columns))
        return Past(rope[before:], line_up(memory, rope[:before], behind, weight.dtype))  # type: ignore[arg-type]

    def remember(
        self, latents: Tensor, context: Cache | None, past: Past | None = None, state: Cache | None = None
    ) -> Cache:
        """The cache of clean latents (B, C_in, L, h, w): `forward` at time 0, less what only its output needs.

        Where the config has key frames the first of the latents are these.
        """
        past = self.prepare(None, latents.shape[2:]) if past is None else past
        x, times = self._embed_past(latents), latents.shape[2]
        if self.config.keyframes:  # tokens of unequal frames, but all of them at time 0
            rows, columns = (latents.shape[axis] // self.config.patch_size[axis - 2] for axis in (3, 4))
            times, past = 1, past._replace(rope=self._past_rope(latents.shape[2], rows, columns))
        time = torch.zeros(x.shape[0], times, device=x.device)
        _, modulation = self.condition_embedder.embed_time(time, None, None)
        entries = []
        for index, block in enumerate(self.blocks[:-1]):
            x, entry = block(x, modulation, past.rope, _layer(context, index), _layer(state, index), past.layers[index])
            entries.append(entry)
        return (*entries, self.blocks[-1].remember(x, modulation))  # type: ignore[operator]

    def forward(
        self,
        latents: Tensor,
        timestep: Tensor,
        context: Cache | None,
        action: Tensor | None = None,
        cache: Memory | None = None,
        end_timestep: Tensor | None = None,
        state: Cache | None = None,
    ) -> tuple[Tensor, Cache]:
        """Denoise, attending to the cache.

        latents (B, C_in, L, h, w); timestep and end_timestep (B,) or (B, L) in 0..1000; context from `embed_context`
        and state from `embed_state`, None where a road is closed; action (B, action_dim); cache from earlier calls, of
        any length: its frames take positions 0.. and the latents follow. Returns (B, C_out, L, h, w) and the cache
        entries of these latents.
        """
        past = self.prepare(cache, latents.shape[2:])
        own: list[LayerCache] = []
        return self._run(latents, timestep, context, action, past, end_timestep, state, own), tuple(own)

    def denoise(
        self,
        latents: Tensor,
        timestep: Tensor,
        context: Cache | None,
        action: Tensor | None,
        past: Past,
        end_timestep: Tensor | None = None,
        state: Cache | None = None,
    ) -> Tensor:
        """As `forward`, given a past that `prepare` put together, and without entries of these latents."""
        return self._run(latents, timestep, context, action, past, end_timestep, state, None)

    def _run(
        self,
        latents: Tensor,
        timestep: Tensor,
        context: Cache | None,
        action: Tensor | None,
        past: Past,
        end: Tensor | None,
        state: Cache | None,
        own: list[LayerCache] | None,
    ) -> Tensor:
        length, height, width = latents.shape[2:]
        time = timestep.unsqueeze(1).expand(-1, length) if timestep.ndim == 1 else timestep
        end = end.unsqueeze(1).expand(-1, length) if end is not None and end.ndim == 1 else end

        x = self.patch(latents)
        temb, modulation = self.condition_embedder.embed_time(time, end, action)
        for index, block in enumerate(self.blocks):
            told = (x, modulation, past.rope, _layer(context, index), _layer(state, index), past.layers[index])
            again = self.gradient_checkpointing and torch.is_grad_enabled()
            x, entry = checkpoint(block, *told, use_reentrant=False) if again else block(*told)  # type: ignore[misc]
            if own is not None:
                own.append(entry)

        shift, scale = (self.scale_shift_table.unsqueeze(0) + temb.float().unsqueeze(2)).unsqueeze(3).unbind(2)
        x = self.proj_out(modulate(layer_norm(self.norm_out, x), shift, scale, length))
        return self.unpatch(x, length, height // self.config.patch_size[1], width // self.config.patch_size[2])

    def _embed_past(self, latents: Tensor) -> Tensor:
        """(B, C, L, h, w) -> tokens (B, N, D), those of key frames first."""
        if self.keyframe_embedding is None:
            return self.patch(latents)
        keyframes = self.config.keyframes
        return torch.cat([self.keyframe_embedding(latents[:, :, :keyframes]), self.patch(latents[:, :, keyframes:])], 1)

    def _prepare_keyframes(self, memory: Memory, grid: tuple[int, int, int], behind: int) -> Past:
        """As `prepare`, of a cache that begins with key frames."""
        if isinstance(memory[0], RollingCache):
            raise InvalidConfig("Rolling caches hold no key frames. Give the past as latents, or set keyframes to 0.")
        length, rows, columns = grid
        coarse = self.config.keyframes * (rows // COARSE) * (columns // COARSE)
        recent = (memory[0][0].shape[1] - coarse) // (rows * columns)
        rope = self._past_rope(self.config.keyframes + recent + length, rows, columns)
        tokens, weight = length * rows * columns, self.proj_out.weight
        return Past(rope[-tokens:], line_up(memory, rope[:-tokens], behind, weight.dtype))  # type: ignore[arg-type]

    def _past_rope(self, length: int, rows: int, columns: int) -> Tensor:
        """Rotations of frames of which the first are key frames."""
        device = self.proj_out.weight.device
        rope = rope_3d(self.config.attention_head_dim, length, rows, columns, device)
        rope = place_keyframes(rope.unflatten(0, (length, rows, columns)), self.config.keyframes)
        return rope if device.type == "cpu" else as_real(rope)

    def _blocks(self) -> Iterator[Block]:
        yield from self.blocks  # type: ignore[misc]

    def patch(self, latents: Tensor) -> Tensor:
        """(B, C, L, h, w) -> (B, N, D), as a linear layer over patches (the same weights, faster than conv3d)."""
        _, p, q = self.config.patch_size
        batch, _, length, height, width = latents.shape
        cells = latents.unflatten(4, (width // q, q)).unflatten(3, (height // p, p))  # B C L rows p columns q
        tokens = cells.permute(0, 2, 3, 5, 1, 4, 6).reshape(batch, length * (height // p) * (width // q), -1)
        weight = self.patch_embedding.weight.flatten(1)
        embedded = F.linear(tokens.to(weight.dtype), weight, self.patch_embedding.bias)
        if self.place_embedding is None:
            return embedded
        return embedded + self._places(self.place_embedding, length, height // p, width // q).type_as(embedded)

    @staticmethod
    def _places(table: Tensor, length: int, rows: int, columns: int) -> Tensor:
        """What the tokens of frames that end with a chunk know of their places, (N, D). Raises InvalidInput."""
        chunk, *known = table.shape[:_AXES]
        if [rows, columns] != known:
            raise InvalidInput(f"This model knows pictures of {known[0]} x {known[1]} tokens, not {rows} x {columns}.")
        return table[(torch.arange(length, device=table.device) - length) % chunk].flatten(0, 2)

    def unpatch(self, x: Tensor, length: int, rows: int, columns: int) -> Tensor:
        _, p, q = self.config.patch_size
        cells = x.reshape(x.shape[0], length, rows, columns, p, q, -1)
        return cells.permute(0, 6, 1, 2, 4, 3, 5).reshape(x.shape[0], -1, length, rows * p, columns * q)


def _layer(entries: Cache | None, index: int) -> LayerCache | None:
    return None if entries is None else entries[index]
