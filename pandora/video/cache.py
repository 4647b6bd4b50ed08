"""What a chunk attends to: keys and values of earlier latent frames, as values that worlds and their forks share.

A `Cache` is what one pass of the transformer leaves. A `RollingCache` is a world's memory: pages of such entries, its
first frames (an attention sink: StreamingLLM, 2309.17453; LongLive, 2509.22622) and its newest ones. Keys are kept
before rotation, so that a page may stand at any position, in any number of worlds. A `Past` is gathered from either
once a chunk: rotated, side by side, ready for every denoising step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from pandora.errors import InvalidConfig, InvalidInput
from pandora.video.rotary import rotate

LayerCache = tuple[Tensor, Tensor]  # unrotated keys and values, each (B, N, heads, head_dim)
Cache = tuple[LayerCache, ...]  # one entry a layer, earlier latent frames first
_SLAB = 2**26  # numbers that are rotated at once: float32 copies of a whole window would be as large as the model


def append(cache: Cache | None, new: Cache) -> Cache:
    """The cache with `new` after it. Nothing is changed in place, so forks may share either."""
    if cache is None:
        return new
    return tuple((torch.cat([k, nk], 1), torch.cat([v, nv], 1)) for (k, v), (nk, nv) in zip(cache, new, strict=True))


@dataclass(frozen=True, eq=False)
class Page:
    """Keys and values of a few latent frames of one world, in every layer. Never changed, so that forks share it."""

    keys: Tensor  # (layers, frames * tokens, heads, head_dim), before rotation
    values: Tensor
    frames: int

    @property
    def tokens(self) -> int:
        return self.keys.shape[1]

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    def part(self, start: int, stop: int) -> "Page":
        """Its frames from `start` up to `stop`, in the same memory."""
        if (start, stop) == (0, self.frames):
            return self
        each = self.tokens // self.frames
        chosen = slice(start * each, stop * each)
        return Page(self.keys[:, chosen], self.values[:, chosen], stop - start)

    def is_same(self, other: "Page") -> bool:
        """Whether both are views of the same memory."""
        return self.keys.shape == other.keys.shape and self.keys.data_ptr() == other.keys.data_ptr()


def turn_pages(entries: Cache, frames: int) -> list[Page]:
    """The entries (B, N, heads, head_dim) of a pass over `frames` latent frames -> a page for each of its B rows."""
    rows = range(entries[0][0].shape[0])
    return [
        Page(torch.stack([k[row] for k, _ in entries]), torch.stack([v[row] for _, v in entries]), frames)
        for row in rows
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class RollingCache:
    """A world's memory of at most `window` latent frames: its first `sink` ones for good, then the newest.

    As long as nothing has left the window, it is what one block-causal pass over all frames computes. Afterwards it
    is more than a pass over the frames it still holds would give: deeper layers were told of frames that have left.
    """

    window: int
    sink: int = 0
    pages: tuple[Page, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.sink < self.window:
            raise InvalidConfig(f"A window of {self.window} latent frames can't keep its first {self.sink} for good.")

    @property
    def frames(self) -> int:
        return sum(page.frames for page in self.pages)

    @property
    def nbytes(self) -> int:
        """Of its pages; forks share theirs."""
        return sum(page.nbytes for page in self.pages)

    def append(self, page: Page) -> "RollingCache":
        """The memory after newer frames; the oldest behind the sink leave. This one stays as it is."""
        pages = (*self.pages, page)
        over = max(0, self.frames + page.frames - self.window)
        return replace(self, pages=_without(pages, self.sink, self.sink + over))


def _without(pages: Sequence[Page], start: int, stop: int) -> tuple[Page, ...]:
    """The pages less frames `start` up to `stop`, counted over all of them."""
    if start == stop:
        return tuple(pages)
    kept, first = [], 0
    for page in pages:
        last = first + page.frames
        for low, high in ((first, min(last, start)), (max(first, stop), last)):
            if low < high:
                kept.append(page.part(low - first, high - first))
        first = last
    return tuple(kept)


class LayerPast(NamedTuple):
    """What one layer attends to besides the chunk's own tokens; keys are rotated.

    own: each row's, (B, P, heads, head_dim); with `room` for the chunk's own tokens behind them.
    shared: of all rows alike, (1, S, heads, head_dim): neither copied nor read once a row.
    """

    own: LayerCache
    shared: LayerCache | None
    room: int

    def beside(self, key: Tensor, value: Tensor) -> LayerCache:
        """Keys and values of each row with those of the chunk behind them; where there is room, written into it."""
        keys, values = self.own
        if not self.room:
            return torch.cat([keys.type_as(key), key], 1), torch.cat([values.type_as(value), value], 1)
        keys[:, -self.room :].copy_(key)
        values[:, -self.room :].copy_(value)
        return keys, values


class Past(NamedTuple):
    """What a chunk attends to, for all its denoising steps; `rope` (N, …) is the rotation of its own N tokens."""

    rope: Tensor
    layers: tuple[LayerPast | None, ...]


def line_up(cache: Cache, rope: Tensor, room: int, dtype: torch.dtype) -> tuple[LayerPast, ...]:
    """The entries of earlier passes, rotated by `rope` and, where `room` is asked for, with that many tokens behind."""
    layers = []
    for unrotated, values in cache:
        keys = rotate(unrotated, rope)
        if room:
            keys, values = (_roomy(x, room, torch.promote_types(x.dtype, dtype)) for x in (keys, values))
        layers.append(LayerPast((keys, values), None, room))
    return tuple(layers)


def _roomy(x: Tensor, room: int, dtype: torch.dtype) -> Tensor:
    batch, tokens, heads, head_dim = x.shape
    memory = torch.empty(batch, tokens + room, heads, head_dim, dtype=dtype, device=x.device)
    memory[:, :tokens] = x
    return memory


class Buffers(NamedTuple):
    """Memory for a `Past`: keys and values (layers, B, P + room, heads, head_dim), and (layers, 1, S, …) if shared."""

    own: LayerCache
    shared: LayerCache | None
    room: int

    def past(self, rope: Tensor) -> Past:
        (keys, values), shared = self.own, self.shared
        layers = (
            LayerPast((keys[i], values[i]), None if shared is None else (shared[0][i], shared[1][i]), self.room)
            for i in range(keys.shape[0])
        )
        return Past(rope, tuple(layers))


class Placement(NamedTuple):
    """Which pages all rows of a batch share, and which they don't, each with the position of its first token."""

    shared: list[tuple[Page, int]]
    own: list[list[tuple[Page, int]]]  # for each row

    @property
    def tokens(self) -> tuple[int, int]:
        """Own, of each row, and shared."""
        own, shared = (sum(page.tokens for page, _ in placed) for placed in (self.own[0], self.shared))
        return own, shared


def place(caches: Sequence[RollingCache]) -> Placement:
    """Find what the caches of a batch share. Raises InvalidInput where they hold unequally many frames."""
    lengths = sorted({cache.frames for cache in caches})
    if len(lengths) != 1:
        raise InvalidInput(
            f"Worlds of one batch must remember equally many latent frames, not {' and '.join(map(str, lengths))}. "
            f"Step them in batches of equal length."
        )
    rows = []
    for cache in caches:
        starts = [0]
        for page in cache.pages:
            starts.append(starts[-1] + page.tokens)
        rows.append(list(zip(cache.pages, starts, strict=False)))
    first = rows[0]
    alike = [
        len(rows) > 1 and all(len(row) > i and row[i][1] == start and page.is_same(row[i][0]) for row in rows)
        for i, (page, start) in enumerate(first)
    ]
    shared = [placed for placed, same in zip(first, alike, strict=True) if same]
    known = {start for _, start in shared}
    return Placement(shared, [[placed for placed in row if placed[1] not in known] for row in rows])


def gather(placement: Placement, rope: Tensor, room: int, dtype: torch.dtype, into: Buffers | None = None) -> Buffers:
    """Rotate the pages to their positions and put them side by side, with `room` tokens behind each row's own.

    `rope` holds the rotations of all positions; `into`, of the right shapes, takes the place of new memory.
    """
    buffers = allocate(placement, room, dtype) if into is None else into
    for row, placed in enumerate(placement.own):
        _write(placed, rope, *(memory[:, row] for memory in buffers.own))
    if buffers.shared is not None:
        _write(placement.shared, rope, *(memory[:, 0] for memory in buffers.shared))
    return buffers


def allocate(placement: Placement, room: int, dtype: torch.dtype) -> Buffers:
    """New memory for what `gather` puts together."""
    page = (placement.shared or placement.own[0])[0][0]
    layers, _, heads, head_dim = page.keys.shape
    own, shared = placement.tokens

    def both(rows: int, tokens: int) -> LayerCache:
        shape = (layers, rows, tokens, heads, head_dim)
        keys, values = (torch.empty(shape, dtype=dtype, device=page.keys.device) for _ in range(2))
        return keys, values

    return Buffers(both(len(placement.own), own + room), both(1, shared) if shared else None, room)


def _write(placed: Sequence[tuple[Page, int]], rope: Tensor, keys: Tensor, values: Tensor) -> None:
    """Pages into keys and values (layers, tokens, heads, head_dim), in order."""
    at = 0
    for page, start in placed:
        there = slice(at, at + page.tokens)
        values[:, there] = page.values
        slab = max(1, _SLAB // page.keys[0].numel())
        for layer in range(0, page.keys.shape[0], slab):
            chosen = slice(layer, layer + slab)
            keys[chosen, there] = rotate(page.keys[chosen], rope[start : start + page.tokens])
        at += page.tokens
