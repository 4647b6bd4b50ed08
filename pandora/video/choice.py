"""Which attention kernel runs here, is right, and is fastest: tried on the device, not read from a list of packages.

Every kernel first has to agree with attention written out in float32; the ones that do are timed at the shapes that
will be used. On a CPU nothing is tried unless a kernel is asked for by name.
"""

import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from pandora.errors import InvalidConfig
from pandora.video.block import Attention
from pandora.video.kernels import EXACT, KERNELS, Kernel, Result, find_kernel
from pandora.video.transformer import TransformerConfig

ENVIRONMENT = "PANDORA_ATTENTION"  # a kernel's name, or auto
TOLERANCE = {torch.float32: 1e-4, torch.float16: 4e-3, torch.bfloat16: 1.5e-2}  # relative to the float32 result
QUANTISED_TOLERANCE = 8e-2
_RUNS = 10


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Of one attention call."""

    batch: int
    heads: int
    queries: int
    keys: int
    head_dim: int


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What trying one kernel showed: `reason` says why it can't be used here and is empty where it can."""

    name: str
    reason: str = ""
    by_name: str = ""  # why it is tried only where it is asked for by name
    error: float | None = None  # relative to attention in float32
    lse: bool = False  # it gives the right log-sum-exp
    wrong_lse: bool = False  # it gives one, and a wrong one
    milliseconds: float | None = None  # over all shapes

    def __str__(self) -> str:
        """Its name, and what was measured."""
        if self.error is None:
            return self.name
        details = [f"error {self.error:.1e}"]
        details += [f"{self.milliseconds:.3f} ms"] if self.milliseconds is not None else []
        details += [] if self.lse else ["no log-sum-exp"]
        return f"{self.name} ({', '.join(details)})"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """`kernel` is for `attention`, see `install`; None leaves it to torch."""

    kernel: Kernel | None
    reason: str
    findings: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        return f"attention: {self.kernel.name if self.kernel else 'sdpa'} ({self.reason})"


def choose(
    name: str = "auto",
    *,
    device: torch.device,
    dtype: torch.dtype,
    head_dim: int = 128,
    shapes: Sequence[Shape] = (),
) -> Choice:
    """The kernel of that name, or the fastest that is right on this device.

    Args:
        name: a kernel of `KERNELS`, or "auto", which obeys the environment's PANDORA_ATTENTION.
        shapes: at which "auto" times the kernels, for example those of `shapes_of`; without any it takes the first
            that works. Their head_dim takes the place of `head_dim`.

    Raises UnknownName; InvalidConfig, with the list and the reasons, where the kernel that was named can't run here.
    """
    if name == "auto":
        name = os.environ.get(ENVIRONMENT) or name
    head_dim = shapes[0].head_dim if shapes else head_dim
    where = f"{device}, {str(dtype).removeprefix('torch.')}, head dimension {head_dim}"
    if name != "auto":
        return _forced(find_kernel(name), device, dtype, head_dim, where)
    if device.type != "cuda":
        return Choice(kernel=None, reason=f"torch's own choice on {where}")
    findings = survey(device, dtype, head_dim, shapes)
    usable = [finding for finding in findings if finding.error is not None]
    if not usable:
        return Choice(kernel=None, reason=f"no kernel passed on {where}", findings=findings)
    ranked = sorted(usable, key=lambda finding: finding.milliseconds or 0.0)
    best = find_kernel(ranked[0].name)
    times = ", ".join(f"{f.name} {f.milliseconds:.3f} ms" for f in ranked if f.milliseconds is not None)
    return Choice(
        kernel=silent(best) if ranked[0].wrong_lse else best,
        reason=f"{where}: {times}" if times else f"the first that works on {where}",
        findings=findings,
    )


def silent(kernel: Kernel) -> Kernel:
    """The same kernel without a log-sum-exp: one that is wrong must not merge branches with their past."""
    return replace(kernel, run=lambda query, key, value: (kernel.run(query, key, value)[0], None))


def install(module: nn.Module, choice: Choice) -> int:
    """Give every attention layer of `module` the chosen kernel; returns how many there are."""
    layers = [part for part in module.modules() if isinstance(part, Attention)]
    for layer in layers:
        layer.kernel = choice.kernel
    return len(layers)


def shapes_of(config: TransformerConfig, tokens: int, past: int, context: int, batch: int = 1) -> tuple[Shape, ...]:
    """The attention calls of one layer: `tokens` denoised beside `past` cached ones, and `context` action tokens."""
    heads, head_dim = config.num_attention_heads, config.attention_head_dim
    return tuple(
        Shape(batch=batch, heads=heads, queries=tokens, keys=keys, head_dim=head_dim)
        for keys in (past + tokens, context)
    )


def survey(
    device: torch.device, dtype: torch.dtype, head_dim: int = 128, shapes: Sequence[Shape] = ()
) -> tuple[Finding, ...]:
    """Every kernel tried, and timed where shapes are given; one that "auto" passes over is only listed."""
    findings = []
    for kernel in KERNELS:
        if kernel.by_name:
            findings.append(Finding(name=kernel.name, by_name=kernel.by_name))
            continue
        finding = examine(kernel, device, dtype, head_dim)
        if finding.error is not None and shapes:
            try:
                finding = replace(finding, milliseconds=measure(kernel, shapes, device, dtype))
            except Exception as error:  # out of memory, or out of the kernel's range
                finding = Finding(name=kernel.name, reason=f"at the sizes asked for: {_first_line(error)}")
        findings.append(finding)
    return tuple(findings)


def describe(findings: Sequence[Finding]) -> list[str]:
    """What works, what can't be used, and what is tried only by name; kernels of one reason in one line."""
    reasons: dict[str, list[str]] = {}
    for finding in findings:
        works = "works" if finding.error is not None else ""
        by_name = f"only by name, since {finding.by_name}" if finding.by_name else ""
        reasons.setdefault(works or by_name or f"can't be used, since {finding.reason}", []).append(str(finding))
    return [f"{reason}: {', '.join(names)}" for reason, names in reasons.items()]


@torch.inference_mode()
def examine(kernel: Kernel, device: torch.device, dtype: torch.dtype, head_dim: int = 128) -> Finding:
    """Run a kernel on a few hundred tokens, whole and with keys that a batch shares, against float32."""
    generator = torch.Generator().manual_seed(0)
    drawn = (torch.randn(2, 2, length, head_dim, generator=generator) for length in (80, 144, 144))
    query, key, value = (x.to(device, dtype) for x in drawn)
    errors, right_sums, gives_sums = [], True, False
    if device.type not in kernel.devices:
        return Finding(name=kernel.name, reason=f"it runs on {' and '.join(kernel.devices)} devices only")
    try:
        if missing := kernel.prepare():
            return Finding(name=kernel.name, reason=missing)
        for rows in (key.shape[0], 1):
            keys, values = (x[:rows].expand_as(x) for x in (key, value))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # FlexAttention's, that it is not compiled
                output, lse = kernel(query, keys, values)
            expected, sums = EXACT(query.float(), keys.float(), values.float())
            errors.append(_relative(output, expected))
            right_sums, gives_sums = right_sums and _agree(lse, sums), gives_sums or lse is not None
    except Exception as error:  # what a foreign kernel raises is its own business
        return Finding(name=kernel.name, reason=_first_line(error))
    allowed = QUANTISED_TOLERANCE if kernel.quantised else TOLERANCE.get(dtype, 0.0)
    error = max(errors)
    if not error <= allowed:  # NaN is no agreement
        reason = f"it differs from float32 by {error:.1e}, and {allowed:.1e} is allowed"
        return Finding(name=kernel.name, reason=reason)
    return Finding(name=kernel.name, error=error, lse=right_sums, wrong_lse=gives_sums and not right_sums)


@torch.inference_mode()
def measure(kernel: Kernel, shapes: Sequence[Shape], device: torch.device, dtype: torch.dtype) -> float:
    """Milliseconds of one call at each shape, together, warm."""
    total = 0.0
    for shape in shapes:
        query, key, value = (
            torch.randn(shape.batch, length, shape.heads, shape.head_dim, device=device, dtype=dtype).transpose(1, 2)
            for length in (shape.queries, shape.keys, shape.keys)
        )
        total += _time(lambda q=query, k=key, v=value: kernel(q, k, v), device)
    return total


def _forced(kernel: Kernel, device: torch.device, dtype: torch.dtype, head_dim: int, where: str) -> Choice:
    finding = examine(kernel, device, dtype, head_dim)
    if not finding.reason:
        return Choice(kernel=kernel, reason=f"asked for by name; {where}", findings=(finding,))
    others = [other for other in survey(device, dtype, head_dim) if other.name != kernel.name]
    raise InvalidConfig(
        f"The attention kernel {kernel.name!r} can't be used on {where}: {finding.reason.rstrip('.')}. Use auto, or "
        f"one that works here. {'; '.join(describe(others)).capitalize()}."
    )


def _relative(output: Tensor, expected: Tensor) -> float:
    return ((output.float() - expected).norm() / expected.norm()).item()


def _agree(lse: Tensor | None, expected: Tensor | None) -> bool:
    if lse is None or expected is None or lse.shape != expected.shape:
        return False
    return bool(((lse - expected).abs() < 5e-2).all())


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]


def _time(call: Callable[[], Result], device: torch.device) -> float:
    for _ in range(3):
        call()
    if device.type != "cuda":
        since = time.perf_counter()
        for _ in range(_RUNS):
            call()
        return (time.perf_counter() - since) * 1000 / _RUNS
    with torch.cuda.device(device):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(_RUNS):
            call()
        end.record()
        end.synchronize()
    return start.elapsed_time(end) / _RUNS
