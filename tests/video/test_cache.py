"""A rolling cache equals computing its window plainly; forks share it; what is evicted is what should be."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from pandora.errors import InvalidConfig, InvalidInput
from pandora.video import block
from pandora.video.cache import Cache, Page, RollingCache, append, place, turn_pages
from pandora.video.flow import VideoConfig, VideoModel
from pandora.video.transformer import TransformerConfig

TOKENS, STEPS = 4, 2  # tokens of a latent frame


def build(history: int = 20, sink: int = 0, chunk: int = 2) -> VideoModel:
    torch.manual_seed(0)
    transformer = TransformerConfig(
        num_attention_heads=2, attention_head_dim=24, in_channels=4, out_channels=4, text_dim=16, freq_dim=32,
        ffn_dim=64, num_layers=3, action_dim=None,
    )  # fmt: skip
    return VideoModel(
        VideoConfig(
            chunk=chunk, history=history, sink=sink, prediction="velocity", coordinates=False, transformer=transformer
        )
    ).eval()


def told(rows: int) -> Tensor:
    return torch.randn(rows, 3, 16, generator=torch.Generator().manual_seed(1))


def film(rows: int, length: int) -> Tensor:
    return torch.randn(rows, 4, length, 4, 4, generator=torch.Generator().manual_seed(2))


def next_chunk(model: VideoModel, caches: Any, rows: int, length: int = 2) -> Tensor:
    noise = torch.randn(rows, 4, length, 4, 4, generator=torch.Generator().manual_seed(3))
    return model.sample(film(rows, 1), told(rows), None, noise, STEPS, cache=caches)


def run(model: VideoModel, latents: Tensor, sizes: Sequence[int]) -> list[RollingCache]:
    """The memories after chunks of those sizes, one at a time."""
    caches = model.recall(latents[:, :, : sizes[0]], told(len(latents)))
    for start, size in zip(torch.tensor(sizes).cumsum(0).tolist(), sizes[1:], strict=False):
        caches = model.extend(caches, latents[:, :, start : start + size], told(len(latents)))
    return caches


def plainly(model: VideoModel, latents: Tensor, sizes: Sequence[int], window: int, sink: int) -> Cache:
    """The same by nothing but concatenation: frame by frame entries, and of them those that the window has."""
    context = model.transformer.embed_context(told(len(latents)))
    frames: list[Cache] = []
    start = 0
    for size in sizes:
        kept = _joined([*frames[:sink], *frames[sink:][-(window - sink) :]])
        past = model.transformer.prepare(kept, (size, 4, 4))
        entries = model.transformer.remember(latents[:, :, start : start + size], context, past)
        for i in range(size):
            cells = slice(i * TOKENS, (i + 1) * TOKENS)
            frames.append(tuple((k[:, cells], v[:, cells]) for k, v in entries))
        start += size
    kept = _joined([*frames[:sink], *frames[sink:][-(window - sink) :]])
    assert kept is not None
    return kept


def _joined(frames: Sequence[Cache]) -> Cache | None:
    joined = None
    for frame in frames:
        joined = append(joined, frame)
    return joined


@torch.no_grad()
def test_before_anything_leaves_it_is_one_block_causal_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    model, sizes = build(), [1, 2, 2]
    latents = film(2, 5)
    caches = run(model, latents, sizes)
    chunk = torch.arange(3).repeat_interleave(torch.tensor(sizes) * TOKENS)
    mask = chunk[:, None] >= chunk[None, :]

    def masked(query: Tensor, key: Tensor, value: Tensor, kernel: object) -> Tensor:
        own = mask if query.shape[2] == key.shape[2] == len(mask) else None
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, own)

    monkeypatch.setattr(block, "attention", masked)
    whole = model.transformer.remember(latents, model.transformer.embed_context(told(2)))
    for row, cache in enumerate(caches):
        keys, values = (torch.cat([getattr(page, kind) for page in cache.pages], 1) for kind in ("keys", "values"))
        torch.testing.assert_close(keys, torch.stack([k[row] for k, _ in whole]), atol=2e-6, rtol=1e-5)
        torch.testing.assert_close(values, torch.stack([v[row] for _, v in whole]), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize(("window", "sink"), [(5, 0), (5, 1), (6, 2), (3, 1), (20, 0)])
@torch.no_grad()
def test_a_rolling_window_equals_picking_its_frames(window: int, sink: int) -> None:
    model, sizes = build(window, sink), [1, 2, 2, 2, 2]
    caches = run(model, film(1, 9), sizes)
    assert caches[0].frames == min(9, window)
    expected = next_chunk(model, plainly(model, film(1, 9), sizes, window, sink), 1)
    torch.testing.assert_close(next_chunk(model, caches, 1), expected, atol=2e-6, rtol=1e-5)


@torch.no_grad()
def test_recalling_equals_having_remembered_until_something_leaves() -> None:
    model = build(history=5, sink=1)
    kept = run(model, film(1, 5), [1, 2, 2])
    recalled = model.recall(film(1, 5), told(1))
    torch.testing.assert_close(next_chunk(model, recalled, 1), next_chunk(model, kept, 1))

    rolled = run(model, film(1, 7), [1, 2, 2, 2])
    window = torch.cat([film(1, 7)[:, :, :1], film(1, 7)[:, :, -4:]], 2)
    anew = model.recall(window, told(1))
    first, last = (torch.cat([page.keys for page in caches[0].pages], 1) for caches in (rolled, anew))
    torch.testing.assert_close(first[0], last[0], atol=2e-6, rtol=1e-5)  # the first layer sees its own frame alone
    assert not torch.allclose(first[2], last[2], atol=1e-3)


@torch.no_grad()
def test_the_sink_stays_and_nothing_is_copied() -> None:
    model = build(history=6, sink=2)
    before = run(model, film(1, 5), [1, 2, 2])
    after = model.extend(before, torch.randn(1, 4, 2, 4, 4), told(1))
    assert [page.frames for page in before[0].pages] == [1, 2, 2]
    assert [page.frames for page in after[0].pages] == [1, 1, 2, 2]
    assert after[0].pages[0] is before[0].pages[0]
    assert after[0].pages[1].keys.data_ptr() == before[0].pages[1].keys.data_ptr()
    assert after[0].pages[2] is before[0].pages[2]


@torch.no_grad()
def test_forks_read_one_shared_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(history=5, sink=1)
    trunk = run(model, film(1, 3), [1, 2])
    branches = model.extend(trunk * 3, torch.randn(3, 4, 2, 4, 4), told(3))
    assert [page.is_same(trunk[0].pages[i]) for cache in branches for i, page in enumerate(cache.pages[:2])] == [
        True
    ] * 6
    assert place(branches).tokens == (2 * TOKENS, 3 * TOKENS)
    seen, shared = set(), block.shared_attention

    def watched(query: Tensor, prefix: Tensor, prefix_value: Tensor, *own: Any) -> Tensor:
        seen.add((prefix.shape[0], prefix.shape[2], own[0].shape[2], prefix.untyped_storage().nbytes()))
        return shared(query, prefix, prefix_value, *own)

    monkeypatch.setattr(block, "shared_attention", watched)
    together = next_chunk(model, branches, 3)
    width, layers = 2 * 24, 3
    assert seen == {(1, 3 * TOKENS, 4 * TOKENS, layers * 3 * TOKENS * width * 4)}  # bytes for one row, not for three
    alone = torch.cat([one_of_three(model, branches[row], row) for row in range(3)])
    torch.testing.assert_close(together, alone, atol=2e-6, rtol=1e-5)


def one_of_three(model: VideoModel, cache: RollingCache, row: int) -> Tensor:
    noise = torch.randn(3, 4, 2, 4, 4, generator=torch.Generator().manual_seed(3))[row : row + 1]
    return model.sample(film(1, 1), told(3)[row : row + 1], None, noise, STEPS, cache=[cache])


@torch.no_grad()
def test_a_batch_of_strangers_equals_each_alone() -> None:
    model = build(history=3, sink=1)
    caches = run(model, film(3, 5), [1, 2, 2])
    assert place(caches).tokens == (3 * TOKENS, 0)
    together = next_chunk(model, caches, 3)
    alone = torch.cat([one_of_three(model, cache, row) for row, cache in enumerate(caches)])
    torch.testing.assert_close(together, alone, atol=2e-6, rtol=1e-5)
    extended = model.extend(caches, film(3, 2), told(3))
    for row, cache in enumerate(caches):
        one = model.extend([cache], film(3, 2)[row : row + 1], told(3)[row : row + 1])[0]
        torch.testing.assert_close(extended[row].pages[-1].keys, one.pages[-1].keys, atol=2e-6, rtol=1e-5)


@torch.no_grad()
def test_long_windows_are_rotated_in_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(history=5, sink=1)
    caches = run(model, film(1, 5), [1, 2, 2])
    whole = next_chunk(model, caches, 1)
    monkeypatch.setattr("pandora.video.cache._SLAB", 1)
    assert torch.equal(next_chunk(model, caches, 1), whole)


@torch.no_grad()
def test_narrow_weights_keep_narrow_pages() -> None:
    model = build(history=3, sink=1)
    wide = next_chunk(model, run(model, film(1, 5), [1, 2, 2]), 1)
    model.transformer.cast(torch.bfloat16)
    caches = run(model, film(1, 5), [1, 2, 2])
    assert {page.keys.dtype for page in caches[0].pages} == {torch.bfloat16}
    assert caches[0].nbytes == 2 * 2 * 3 * 3 * TOKENS * 48  # keys and values, 2 bytes, layers, frames, width
    made = next_chunk(model, caches, 1)
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, wide, atol=0.05, rtol=0.05)


@torch.no_grad()
def test_stepping_changes_no_memory() -> None:
    model = build(history=5, sink=1)
    caches = run(model, film(2, 5), [1, 2, 2])
    before = [[page.keys.clone() for page in cache.pages] for cache in caches]
    next_chunk(model, caches, 2)
    model.extend(caches, film(2, 2), told(2))
    for cache, pages in zip(caches, before, strict=True):
        assert all(torch.equal(page.keys, keys) for page, keys in zip(cache.pages, pages, strict=True))


def test_a_row_keeps_only_its_own_memory() -> None:
    entries = tuple((torch.randn(4, 6, 2, 8), torch.randn(4, 6, 2, 8)) for _ in range(3))
    for row, page in enumerate(turn_pages(entries, 2)):
        assert page.keys.untyped_storage().nbytes() == page.keys.nbytes
        assert torch.equal(page.keys[1], entries[1][0][row])
        assert torch.equal(page.part(1, 2).values[2], entries[2][1][row, 3:])


def test_worlds_of_unequal_length_do_not_fit_one_batch() -> None:
    page = Page(torch.zeros(1, 4, 1, 4), torch.zeros(1, 4, 1, 4), 1)
    young = RollingCache(window=4).append(page)
    with pytest.raises(InvalidInput, match="1 and 2"):
        place([young, young.append(page)])


@pytest.mark.parametrize(("window", "sink"), [(0, 0), (3, 3), (3, -1)])
def test_windows_that_hold_nothing(window: int, sink: int) -> None:
    with pytest.raises(InvalidConfig):
        RollingCache(window=window, sink=sink)
