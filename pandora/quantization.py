"""Linear layers in 8 bits: int8 or fp8 weights, activations rounded as they come, products in torch's own kernels.

Weights have one scale an output channel, activations one a token (the dynamic W8A8 scheme of LLM.int8(), 2022, and
of FP8 inference on Hopper, without calibration). Nothing is quantised unless `quantize` is called.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from pandora.errors import InvalidConfig, UnknownName

KINDS = {"int8": torch.int8, "fp8": torch.float8_e4m3fn}
TOLERANCE = {"int8": 3e-2, "fp8": 6e-2}  # relative error of one layer on normal inputs
SKIP = ("lm_head", "proj_out", "*embed*", "time_proj", "*.time_proj", "*visual*", "*vision*")  # few or delicate weights
_ALIGNED = 16  # both kernels want widths of whole tiles
_LEAST_ROWS = 32  # int8 products of fewer rows are refused on a GPU, so that rows are added
_LARGEST = {"int8": 127.0, "fp8": 448.0}


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """What `quantize` did: names of the layers that are 8-bit now and of those left, and the bytes of both."""

    kind: str
    layers: tuple[str, ...]
    left: tuple[str, ...]
    bytes_before: int
    bytes_after: int

    def __str__(self) -> str:
        sizes = f"{self.bytes_before / 2**30:.2f} to {self.bytes_after / 2**30:.2f} GiB"
        return f"{self.kind}: {len(self.layers)} linear layers, {sizes}; {len(self.left)} stay as they are"


class QuantizedLinear(nn.Module):
    """A linear layer with 8-bit weights (out, in) and a float32 scale (out, 1). For inference."""

    bits: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear, kind: str):
        super().__init__()
        self.kind = kind
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight, scale = _round(linear.weight.detach(), kind)
        # As plain bytes: `module.to(dtype)` casts whatever is floating point, and fp8 must stay what it is.
        self.register_buffer("bits", weight.view(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out) in the dtype of x."""
        rows = x.reshape(-1, self.in_features)
        rounded, scale = _round(rows, self.kind)
        weight = self.bits.view(KINDS[self.kind]).t()
        out = _product(rounded, weight, scale, self.scale.t(), x.dtype)
        if self.bias is not None:
            out = out + self.bias.to(x.dtype)
        return out.reshape(*x.shape[:-1], self.out_features)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "QuantizedLinear":
        exact = self.scale
        super()._apply(fn, recurse)
        self.scale = exact.to(self.bits.device)
        return self

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, kind={self.kind}"


def quantize(module: nn.Module, kind: str, skip: Sequence[str] = SKIP) -> Quantized:
    """Put 8-bit layers in the place of the linear layers of `module`, which is changed.

    Args:
        kind: "int8" or "fp8" (e4m3).
        skip: patterns (as of file names) over dotted module names that stay as they are.

    Raises UnknownName for another kind; InvalidConfig where the device can't, or where no layer is left to quantise.
    """
    if kind not in KINDS:
        raise UnknownName("quantisation", kind, KINDS)
    linears = list(_linears(module))
    if not linears:
        raise InvalidConfig(f"{type(module).__name__} has no linear layers to quantise.")
    reason = unavailable(kind, linears[0][2].weight.device)
    if reason:
        raise InvalidConfig(f"{kind} can't be used on {linears[0][2].weight.device}: {reason} Leave it off.")
    layers, left, before, after = [], [], 0, 0
    for name, parent, linear in linears:
        whole = linear.in_features % _ALIGNED == 0 and linear.out_features % _ALIGNED == 0
        if not whole or any(fnmatchcase(name, pattern) for pattern in skip):
            left.append(name)
            continue
        smaller = QuantizedLinear(linear, kind)
        before += linear.weight.nbytes
        after += smaller.bits.nbytes + smaller.scale.nbytes
        setattr(parent, name.rpartition(".")[2], smaller)
        layers.append(name)
    if not layers:
        raise InvalidConfig(
            f"None of the {len(left)} linear layers of {type(module).__name__} can be quantised: each is skipped by "
            f"{', '.join(skip) or 'nothing'} or has a width that is no multiple of {_ALIGNED}. Change `skip`."
        )
    return Quantized(kind=kind, layers=tuple(layers), left=tuple(left), bytes_before=before, bytes_after=after)


def unavailable(kind: str, device: torch.device) -> str:
    """Why that kind can't be used on the device; empty where a layer tried there is right. Raises UnknownName."""
    if kind not in KINDS:
        raise UnknownName("quantisation", kind, KINDS)
    if device.type == "cuda":
        needed = (8, 9) if kind == "fp8" else (8, 0)
        found = torch.cuda.get_device_capability(device)
        if found < needed:
            capability = ".".join(map(str, found))
            return f"it needs compute capability {needed[0]}.{needed[1]} or more, and this device has {capability}."
    elif device.type != "cpu":
        return f"there are 8-bit products on CUDA and CPU devices, not on {device.type}."
    generator = torch.Generator().manual_seed(0)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    weight, x = (torch.randn(rows, 64, generator=generator).to(device, dtype) for rows in (48, 40))
    linear = nn.Linear(64, 48, bias=False, device="meta")
    linear.weight = nn.Parameter(weight)
    try:
        with torch.inference_mode():
            expected = linear(x).float()
            error = (QuantizedLinear(linear, kind)(x).float() - expected).norm() / expected.norm()
    except (RuntimeError, NotImplementedError) as failed:
        return f"torch {torch.__version__} has no such product here ({str(failed).strip().splitlines()[0][:160]})."
    allowed = TOLERANCE[kind]
    return "" if error <= allowed else f"a trial layer is off by {error:.1e}, and {allowed:.1e} is allowed."


def _linears(module: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Linear]]:
    """Dotted name, parent and layer; subclasses of nn.Linear have meanings of their own and are left alone."""
    for prefix, parent in list(module.named_modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear:
                yield f"{prefix}.{name}".lstrip("."), parent, child


def _round(x: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """Rows (N, D) in 8 bits, and the float32 scale (N, 1) that takes them back."""
    exact = x.float()
    scale = exact.abs().amax(1, keepdim=True).clamp(min=1e-12) / _LARGEST[kind]
    scaled = exact / scale
    return (scaled.round() if kind == "int8" else scaled).to(KINDS[kind]), scale


def _product(x: Tensor, weight: Tensor, x_scale: Tensor, weight_scale: Tensor, dtype: torch.dtype) -> Tensor:
    """(N, D) times (D, E), both in 8 bits, with scales (N, 1) and (1, E) -> (N, E) of `dtype`."""
    if x.dtype == torch.int8:
        rows = x.shape[0]
        padded = nn.functional.pad(x, (0, 0, 0, max(0, _LEAST_ROWS - rows)))
        return (torch._int_mm(padded, weight)[:rows].float() * x_scale * weight_scale).to(dtype)
    product = torch._scaled_mm(
        x, weight, scale_a=x_scale, scale_b=weight_scale, out_dtype=torch.bfloat16, use_fast_accum=True
    )
    return product.to(dtype)
