"""Every way to attend gives what attention in float32 gives; parts merge into the whole; a shared prefix is shared."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as sdpa

from pandora.video.attention import attention, attention_with_lse, merge, shared_attention
from pandora.video.kernels import EXACT, SDPA, SDPA_FLASH, Kernel, _dispatched, find_kernel

DISPATCHED = partial(_dispatched, "native", "", False)


def draw(batch: int, *lengths: int, heads: int = 3, head_dim: int = 24) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(batch, heads, length, head_dim, generator=generator) for length in lengths]


@pytest.mark.parametrize("name", ["sdpa", "sdpa_flash", "exact"])
def test_kernels_that_run_on_a_cpu_equal_torch(name: str) -> None:
    query, key, value = draw(2, 7, 19, 19)
    torch.testing.assert_close(attention(query, key, value, find_kernel(name)), sdpa(query, key, value))


@pytest.mark.filterwarnings("ignore:.*flex_attention called without torch.compile")
@torch.no_grad()
def test_flex_attention_equals_torch() -> None:
    query, key, value = draw(2, 7, 19, 19)
    output, lse = attention_with_lse(query, key, value, find_kernel("flex_attention"))
    torch.testing.assert_close(output, sdpa(query, key, value))
    torch.testing.assert_close(lse, attention_with_lse(query, key, value, EXACT)[1])


def test_without_a_kernel_nothing_changes() -> None:
    query, key, value = draw(2, 7, 19, 19)
    assert attention(query, key, value).equal(sdpa(query, key, value))
    query, key, value = query.bfloat16(), key.bfloat16(), value.bfloat16()
    scores = torch.matmul(query * 24**-0.5, key.transpose(-1, -2))
    assert attention(query, key, value).equal(torch.matmul(scores.softmax(-1), value))


@pytest.mark.parametrize("kernel", [None, SDPA, SDPA_FLASH])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_log_sum_exp(kernel: Kernel | None, dtype: torch.dtype, tolerance: float) -> None:
    query, key, value = (x.to(dtype) for x in draw(2, 7, 19, 19))
    output, lse = attention_with_lse(query, key, value, kernel)
    scores = torch.matmul(query.float(), key.float().transpose(-1, -2)) * 24**-0.5
    assert lse.dtype == torch.float32
    assert output.dtype == dtype
    torch.testing.assert_close(lse, scores.logsumexp(-1), atol=tolerance, rtol=0)
    expected = sdpa(query.float(), key.float(), value.float())
    torch.testing.assert_close(output.float(), expected, atol=tolerance, rtol=0)


def test_parts_merge_into_the_whole() -> None:
    query, key, value = draw(2, 5, 30, 30)
    parts = [attention_with_lse(query, key[:, :, s], value[:, :, s]) for s in (slice(4), slice(4, 20), slice(20, 30))]
    output, lse = merge(parts)
    whole, whole_lse = attention_with_lse(query, key, value)
    torch.testing.assert_close(output, whole)
    torch.testing.assert_close(lse, whole_lse)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_shared_prefix_equals_an_expanded_one(batch: int) -> None:
    query, key, value = draw(batch, 5, 6, 6)
    shared_key, shared_value = (x[:1] for x in draw(1, 11, 11))
    whole_key = torch.cat([shared_key.expand(batch, -1, -1, -1), key], 2)
    whole_value = torch.cat([shared_value.expand(batch, -1, -1, -1), value], 2)
    ours = shared_attention(query, shared_key, shared_value, key, value)
    torch.testing.assert_close(ours, sdpa(query, whole_key, whole_value))
    alone = shared_attention(query, shared_key, shared_value)
    keys, values = (x.expand(batch, -1, -1, -1) for x in (shared_key, shared_value))
    torch.testing.assert_close(alone, sdpa(query, keys, values))


@pytest.mark.parametrize("kernel", [SDPA, SDPA_FLASH, EXACT, Kernel("through diffusers", DISPATCHED, backend="native")])
def test_kernels_can_be_compiled_whole(kernel: Kernel) -> None:
    query, key, value = draw(2, 7, 19, 19)
    compiled = torch.compile(lambda q, k, v: attention(q, k, v, kernel), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(query, key, value), sdpa(query, key, value))


def test_merging_can_be_compiled_whole() -> None:
    query, key, value = draw(2, 5, 6, 6)
    shared_key, shared_value = draw(1, 11, 11)

    def run(query: Tensor, shared_key: Tensor, shared_value: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return shared_attention(query, shared_key, shared_value, key, value, SDPA_FLASH)

    compiled = torch.compile(run, backend="eager", fullgraph=True)
    arguments = (query, shared_key, shared_value, key, value)
    torch.testing.assert_close(compiled(*arguments), run(*arguments))
