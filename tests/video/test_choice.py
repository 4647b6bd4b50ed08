"""Kernels are tried, not believed: what can't run here is never taken, and says why."""

from dataclasses import replace

import pytest
import torch
from diffusers.models import attention_dispatch
from torch import Tensor

from pandora.errors import InvalidConfig, UnknownName
from pandora.video import CausalVideoTransformer, TransformerConfig, choice, kernels
from pandora.video.block import Attention
from pandora.video.choice import Shape, choose, describe, examine, install, measure, shapes_of, survey
from pandora.video.kernels import EXACT, KERNELS, SDPA, SDPA_EFFICIENT, Kernel, find_kernel

CPU = torch.device("cpu")
HERE = ("cpu",)
GPU_ONLY = ("sdpa_efficient", "sdpa_cudnn", "flash_attention_2", "flash_attention_3", "xformers")
SHAPES = (Shape(batch=1, heads=2, queries=8, keys=24, head_dim=32),)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(choice.ENVIRONMENT, raising=False)


def test_every_kernel_is_tried_or_says_why_not() -> None:
    findings = {finding.name: finding for finding in survey(CPU, torch.float32, 32, SHAPES)}
    assert list(findings) == [kernel.name for kernel in KERNELS]
    for name, finding in findings.items():
        assert (finding.error is None) == bool(finding.reason or finding.by_name), name
    for name in ("sdpa", "sdpa_flash"):
        assert findings[name].error is not None
        assert findings[name].milliseconds
    assert findings["sdpa_flash"].lse
    assert not findings["sdpa"].lse
    for name in GPU_ONLY:
        assert findings[name].reason == "it runs on cuda devices only", name
    assert "hub" in findings["flash_attention_3_hub"].by_name


def test_reasons_are_said_once() -> None:
    lines = describe(survey(CPU, torch.float32, 32))
    assert lines[0].startswith("works: sdpa (error ")
    assert lines[1] == f"can't be used, since it runs on cuda devices only: {', '.join(GPU_ONLY)}"
    assert lines[-1].startswith("only by name, since it downloads compiled code from the hub: sage_attention_hub, ")


def test_packages_that_are_missing_are_named() -> None:
    """On a GPU the next thing to be missing is the package."""
    foreign = [kernel for kernel in KERNELS if kernel.backend]
    reasons = [examine(replace(kernel, devices=("cpu",)), CPU, torch.bfloat16).reason for kernel in foreign]
    for kernel, reason in zip(foreign, reasons, strict=True):
        assert reason.startswith(f"the package {kernel.package} is missing"), kernel.name


def test_foreign_kernels_are_given_their_own_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens before heads in and out, and sums as (B, heads, N), as flash-attn and SageAttention have them."""

    def foreign(q: Tensor, k: Tensor, v: Tensor, **options: object) -> object:
        output, lse = EXACT(*(x.transpose(1, 2) for x in (q, k, v)))
        told = any(options.get(name) for name in ("return_lse", "return_attn_probs"))
        return (output.transpose(1, 2), lse) if told else output.transpose(1, 2)

    monkeypatch.setattr(attention_dispatch, "flash_attn_func", foreign)
    monkeypatch.setattr(attention_dispatch, "sageattn", foreign)
    hub = attention_dispatch._HUB_KERNELS_REGISTRY[attention_dispatch.AttentionBackendName._FLASH_3_HUB]
    monkeypatch.setattr(hub, "kernel_fn", foreign)
    query, key, value = (torch.randn(2, 3, length, 16) for length in (5, 7, 7))
    expected, sums = EXACT(query, key, value)
    for name in ("flash_attention_2", "sage_attention", "flash_attention_3_hub"):
        output, lse = find_kernel(name)(query, key, value)
        torch.testing.assert_close(output, expected)
        torch.testing.assert_close(lse, sums)


def test_a_cpu_keeps_torchs_own_choice_untried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "examine", lambda *_: pytest.fail("tried"))
    found = choose(device=CPU, dtype=torch.bfloat16)
    assert found.kernel is None
    assert str(found).startswith("attention: sdpa (torch's own choice on cpu, bfloat16")


def test_a_name_forces(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("sdpa_flash", device=CPU, dtype=torch.float32).kernel is find_kernel("sdpa_flash")
    monkeypatch.setenv(choice.ENVIRONMENT, "exact")
    found = choose(device=CPU, dtype=torch.float32)
    assert found.kernel is find_kernel("exact")
    assert "asked for by name" in str(found)
    assert choose("sdpa", device=CPU, dtype=torch.float32).kernel is SDPA


@pytest.mark.parametrize("name", [*GPU_ONLY, "sage_attention", "flash_attention_3_hub"])
def test_what_cannot_run_is_refused_with_the_list(name: str) -> None:
    with pytest.raises(InvalidConfig, match=r"can't be used on cpu.* one that works here. Works: sdpa \(") as refused:
        choose(name, device=CPU, dtype=torch.float32, head_dim=32)
    assert repr(name) in str(refused.value)


def test_an_unknown_name_lists_the_valid_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'flash_attention_3'"):
        choose("flash_attention3", device=CPU, dtype=torch.float32)


def test_a_wrong_kernel_is_found_out() -> None:
    def scaled(query: Tensor, key: Tensor, value: Tensor) -> kernels.Result:
        return SDPA(query, key, value)[0] * 1.01, None

    def wrong_sums(query: Tensor, key: Tensor, value: Tensor) -> kernels.Result:
        output, lse = EXACT(query, key, value)
        assert lse is not None
        return output, lse / 0.6931

    def nothing(query: Tensor, key: Tensor, value: Tensor) -> kernels.Result:
        return torch.full_like(query, float("nan")), None

    for run in (scaled, nothing):
        assert "differs from float32" in examine(Kernel("wrong", run, HERE), CPU, torch.float32).reason
    assert not examine(Kernel("rounded", scaled, HERE, quantised=True), CPU, torch.float32).reason
    finding = examine(Kernel("sums", wrong_sums, HERE), CPU, torch.float32)
    assert not finding.reason
    assert not finding.lse
    assert finding.wrong_lse
    query = torch.randn(1, 2, 3, 8)
    output, lse = choice.silent(Kernel("sums", wrong_sums, HERE))(query, query, query)
    assert lse is None
    assert torch.equal(output, EXACT(query, query, query)[0])


def test_the_fastest_that_is_right_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice on a GPU, carried out on the CPU's kernels with times made up."""
    times = {"sdpa": 1.0, "sdpa_flash": 2.0}
    monkeypatch.setattr(choice, "measure", lambda kernel, *_: times[kernel.name])
    monkeypatch.setattr(choice, "survey", lambda device, *rest: survey(CPU, *rest))
    found = choose(device=torch.device("cuda"), dtype=torch.float32, shapes=SHAPES)
    assert found.kernel is SDPA
    assert str(found) == "attention: sdpa (cuda, float32, head dimension 32: sdpa 1.000 ms, sdpa_flash 2.000 ms)"


def test_a_kernel_that_fails_at_size_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def small_only(query: Tensor, key: Tensor, value: Tensor) -> kernels.Result:
        if key.shape[2] > 200:
            raise RuntimeError("out of memory\nand so on")
        return SDPA(query, key, value)

    monkeypatch.setattr(choice, "KERNELS", (Kernel("small", small_only, HERE), SDPA))
    large = (replace(SHAPES[0], keys=300),)
    assert survey(CPU, torch.float32, 32, large)[0].reason == "at the sizes asked for: out of memory"


@torch.no_grad()
def test_layers_take_the_kernel() -> None:
    torch.manual_seed(0)
    config = TransformerConfig(
        num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=8, ffn_dim=16,
        num_layers=2, action_dim=None,
    )  # fmt: skip
    model = CausalVideoTransformer(config)
    latents, context = torch.randn(1, 4, 2, 4, 4), model.embed_context(torch.randn(1, 3, 8))
    expected = model(latents, torch.zeros(1), context)[0]
    assert install(model, choose("exact", device=CPU, dtype=torch.float32, head_dim=12)) == 4
    assert {layer.kernel for layer in model.modules() if isinstance(layer, Attention)} == {find_kernel("exact")}
    torch.testing.assert_close(model(latents, torch.zeros(1), context)[0], expected)


def test_measure_and_shapes() -> None:
    config = TransformerConfig(num_attention_heads=2, attention_head_dim=12)
    shapes = shapes_of(config, tokens=4, past=8, context=5, batch=3)
    assert [shape.keys for shape in shapes] == [12, 5]
    assert shapes[0] == Shape(batch=3, heads=2, queries=4, keys=12, head_dim=12)
    assert measure(SDPA, shapes, CPU, torch.float32) > 0
    with pytest.raises((RuntimeError, NotImplementedError)):
        measure(SDPA_EFFICIENT, shapes, CPU, torch.float32)
