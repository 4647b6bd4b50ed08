"""Scaled dot-product attention without a mask, over (B, heads, N, head_dim) tensors of one dtype.

A `Kernel` says who computes it (`pandora.video.choice` finds the fastest); without one, torch's own choice does.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from pandora.video.kernels import EXACT, SDPA_EFFICIENT, SDPA_FLASH, Kernel


def attention(query: Tensor, key: Tensor, value: Tensor, kernel: Kernel | None = None) -> Tensor:
    """Attention of queries (B, heads, N, head_dim) over keys (B, heads, M, head_dim); a tensor like `query` comes back.

    On a CPU in bfloat16 the fused kernel's backward pass runs at a tenth of the speed of plain matrix products
    (64 ms against 19 ms for 16 x 4 heads, 128 queries, 256 keys), so there the products are written out.
    """
    if kernel is not None:
        return kernel(query, key, value)[0]
    if query.device.type == "cpu" and query.dtype == torch.bfloat16:
        scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2))
        return torch.matmul(scores.softmax(-1), value)
    return F.scaled_dot_product_attention(query, key, value)


def attention_with_lse(
    query: Tensor, key: Tensor, value: Tensor, kernel: Kernel | None = None
) -> tuple[Tensor, Tensor]:
    """As `attention`, with the natural logarithm of each query's sum of exponentials, (B, heads, N) float32.

    Where `kernel` keeps that sum to itself, a kernel of torch's that gives it takes its place. For inference.
    """
    if kernel is not None:
        output, lse = kernel(query, key, value)
        if lse is not None:
            return output, lse
    output, lse = _lse_kernel(query)(query, key, value)
    assert lse is not None
    return output, lse


def merge(parts: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Attention over all keys, from (output, log-sum-exp) over each part of them (Flash-Decoding; Hydragen, 2024)."""
    lse = torch.stack([part for _, part in parts]).logsumexp(0)
    output = torch.stack([out.float() * (part - lse).exp().unsqueeze(-1) for out, part in parts]).sum(0)
    return output.to(parts[0][0].dtype), lse


def shared_attention(
    query: Tensor,
    shared_key: Tensor,
    shared_value: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    kernel: Kernel | None = None,
) -> Tensor:
    """Attention of a batch whose rows share a prefix, and may each have keys of their own behind it.

    query (B, heads, N, head_dim); shared_key and shared_value (1, heads, P, head_dim); key and value
    (B, heads, M, head_dim) or None. The prefix is neither copied nor read once a row: all rows' queries stand in one
    row before it, and the two parts are merged by their log-sum-exp (Hydragen, 2024). Equal to `attention` over
    expanded and concatenated keys up to rounding. For inference.
    """
    batch, heads, length, _ = query.shape
    rows = query.transpose(0, 1).reshape(1, heads, batch * length, -1)

    def apart(folded: Tensor) -> Tensor:
        return folded[0].unflatten(1, (batch, length)).transpose(0, 1)

    if key is None or value is None:
        return apart(attention(rows, shared_key, shared_value, kernel))
    prefix, prefix_lse = attention_with_lse(rows, shared_key, shared_value, kernel)
    own = attention_with_lse(query, key, value, kernel)
    return merge([(apart(prefix), apart(prefix_lse)), own])[0]


def _lse_kernel(query: Tensor) -> Kernel:
    if query.device.type == "cuda":  # every GPU that has bfloat16 has the flash kernel
        return SDPA_FLASH if query.dtype == torch.bfloat16 else SDPA_EFFICIENT
    return SDPA_FLASH if query.device.type == "cpu" else EXACT
