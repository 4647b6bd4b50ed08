"""Attention kernels by name, behind one call: torch's own, and those that diffusers' dispatcher reaches.

Which of them run, and which is fastest, depends on device, dtype and head dimension: see `pandora.video.choice`.
The dispatcher and FlexAttention are imported when they are first used, since they are slow to import.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from pandora.errors import UnknownName

Result = tuple[Tensor, Tensor | None]
_HUB = "it downloads compiled code from the hub"
_KERNELS = "kernels>=0.12.3"
_QUANTISED = "it rounds to 8 bits"


@dataclass(frozen=True, eq=False)
class Kernel:
    """Attention over (B, heads, N, head_dim): the output, and the log-sum-exp (B, heads, N) float32 or None."""

    name: str
    run: Callable[[Tensor, Tensor, Tensor], Result]
    devices: tuple[str, ...] = ("cuda",)
    backend: str = ""  # diffusers' name for it, where its dispatcher makes the call
    package: str = ""  # that the dispatcher needs for it
    by_name: str = ""  # why it is taken only where it is asked for by name
    quantised: bool = False

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Result:
        return self.run(query, key, value)

    def prepare(self) -> str:
        """Check packages, and fetch a hub kernel: what is missing, or nothing. Raises what the hub's library raises."""
        if self.backend:
            from diffusers.models.attention_dispatch import attention_backend

            try:
                with attention_backend(self.backend):
                    pass
            except RuntimeError:
                return f"the package {self.package} is missing, too old, or built for another torch"
        return ""


def _sdpa(query: Tensor, key: Tensor, value: Tensor) -> Result:
    return F.scaled_dot_product_attention(query, key, value), None


def _exact(query: Tensor, key: Tensor, value: Tensor) -> Result:
    scores = torch.matmul(query.float() / math.sqrt(query.shape[-1]), key.float().transpose(-1, -2))
    return torch.matmul(scores.softmax(-1), value.float()).to(query.dtype), scores.logsumexp(-1)


def _flash(query: Tensor, key: Tensor, value: Tensor) -> Result:
    if query.device.type == "cpu":
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, key, value)
    output, lse = torch.ops.aten._scaled_dot_product_flash_attention(query, key, value)[:2]
    return output, lse[..., : query.shape[2]]


def _efficient(query: Tensor, key: Tensor, value: Tensor) -> Result:
    output, lse = torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, None, True)[:2]
    return output, lse[..., : query.shape[2]]  # padded to whole tiles


def _cudnn(query: Tensor, key: Tensor, value: Tensor) -> Result:
    parts = (x.contiguous() for x in (query, key, value))  # cuDNN's results are wrong for other layouts
    output, lse = torch.ops.aten._scaled_dot_product_cudnn_attention(*parts, None, True)[:2]
    return output, lse.reshape(query.shape[:3])


def _flex(query: Tensor, key: Tensor, value: Tensor) -> Result:
    from torch.nn.attention.flex_attention import AuxRequest, flex_attention

    alone = query.device.type == "cuda" and not torch.compiler.is_compiling()
    run: Any = _compiled_flex() if alone else flex_attention
    output, aux = run(query, key, value, return_aux=AuxRequest(lse=True))
    return output, aux.lse


@cache
def _compiled_flex() -> Callable[..., Any]:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False)


def _dispatched(backend: str, lse: str, tokens_first: bool, query: Tensor, key: Tensor, value: Tensor) -> Result:
    """Through diffusers' dispatcher, which has (B, N, heads, head_dim); `lse` is its keyword for the log-sum-exp."""
    from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    wanted = {lse: True} if lse else None
    result = dispatch_attention_fn(q, k, v, attention_kwargs=wanted, backend=AttentionBackendName(backend))
    if not lse:
        return result.transpose(1, 2), None
    output, sums = result
    return output.transpose(1, 2), (sums.transpose(1, 2) if tokens_first else sums).float()


def _through(
    name: str, backend: str, package: str, lse: str = "", tokens_first: bool = False, **options: Any
) -> Kernel:
    run = partial(_dispatched, backend, lse, tokens_first)
    return Kernel(name, run, backend=backend, package=package, **options)


_ALL = ("cuda", "cpu", "mps", "xpu")
EXACT = Kernel("exact", _exact, devices=_ALL, by_name="it writes all scores out in float32")
SDPA = Kernel("sdpa", _sdpa, devices=_ALL)
SDPA_FLASH = Kernel("sdpa_flash", _flash, devices=("cuda", "cpu"))
SDPA_EFFICIENT = Kernel("sdpa_efficient", _efficient)
_FLEX = "without a mask it has nothing to skip, and it takes long to compile"
KERNELS: tuple[Kernel, ...] = (
    SDPA,
    SDPA_FLASH,
    SDPA_EFFICIENT,
    Kernel("sdpa_cudnn", _cudnn),
    _through("flash_attention_2", "flash", "flash-attn>=2.6.3", "return_lse"),
    _through("flash_attention_3", "_flash_3", "flash-attn-3 (built from source)", "return_lse", tokens_first=True),
    _through("xformers", "xformers", "xformers>=0.0.29"),
    EXACT,
    Kernel("flex_attention", _flex, devices=("cuda", "cpu"), by_name=_FLEX),
    _through("sage_attention", "sage", "sageattention>=2.1.1", "return_lse", by_name=_QUANTISED, quantised=True),
    _through("sage_attention_hub", "sage_hub", _KERNELS, "return_lse", by_name=_HUB, quantised=True),
    _through("flash_attention_2_hub", "flash_hub", _KERNELS, "return_lse", by_name=_HUB),
    _through("flash_attention_3_hub", "_flash_3_hub", _KERNELS, "return_attn_probs", by_name=_HUB),
    _through("flash_attention_4_hub", "flash_4_hub", _KERNELS, by_name=_HUB),
)


def find_kernel(name: str) -> Kernel:
    """The kernel of that name. Raises UnknownName, listing the valid ones."""
    for kernel in KERNELS:
        if kernel.name == name:
            return kernel
    raise UnknownName("attention kernel", name, ["auto", *(kernel.name for kernel in KERNELS)])
