"""8-bit layers: near enough, smaller, put only where they may be, and refused where they can't run."""

import pytest
import torch
from torch import nn

from pandora.errors import InvalidConfig, UnknownName
from pandora.quantization import KINDS, TOLERANCE, QuantizedLinear, quantize, unavailable
from pandora.video import CausalVideoTransformer, TransformerConfig

CPU = torch.device("cpu")
HERE = [kind for kind in KINDS if not unavailable(kind, CPU)]


def linear(dtype: torch.dtype = torch.float32) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(64, 48, dtype=dtype)


def test_int8_runs_on_a_cpu() -> None:
    assert "int8" in HERE


@pytest.mark.parametrize("kind", HERE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(64,), (1, 64), (2, 40, 64)])
@torch.no_grad()
def test_error_bound(kind: str, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    exact, x = linear(dtype), torch.randn(shape, dtype=dtype)
    expected, ours = exact(x), QuantizedLinear(exact, kind)(x)
    assert ours.dtype == dtype
    assert ours.shape == expected.shape
    assert 0 < (ours - expected).float().norm() / expected.float().norm() < TOLERANCE[kind]


@torch.no_grad()
def test_a_row_does_not_depend_on_the_others() -> None:
    layer = QuantizedLinear(linear(), "int8")
    x = torch.randn(40, 64) * torch.logspace(-3, 3, 40).unsqueeze(1)
    for row in (0, 17, 39):
        assert layer(x)[row].equal(layer(x[row]))


def test_weights_keep_their_bits_when_the_module_changes_dtype() -> None:
    layer = QuantizedLinear(linear(), "fp8")
    bits, scale = layer.bits.clone(), layer.scale.clone()
    layer.to(torch.bfloat16)
    assert layer.bits.equal(bits)
    assert layer.scale.equal(scale)
    assert layer.scale.dtype == torch.float32
    assert layer.bias is not None
    assert layer.bias.dtype == torch.bfloat16


@pytest.mark.parametrize("kind", HERE)
@torch.no_grad()
def test_a_layer_can_be_compiled_whole(kind: str) -> None:
    layer, x = QuantizedLinear(linear(), kind), torch.randn(2, 40, 64)
    assert torch.compile(layer, backend="eager", fullgraph=True)(x).equal(layer(x))


@torch.no_grad()
def test_a_module_is_quantised_in_place() -> None:
    torch.manual_seed(0)
    module = nn.ModuleDict(
        {
            "ffn": nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64)),
            "odd": nn.Linear(64, 3),
            "proj_out": nn.Linear(64, 64),
        }
    )
    x = torch.randn(20, 64)
    expected = module["ffn"](x)
    done = quantize(module, "int8")
    assert done.layers == ("ffn.0", "ffn.2")
    assert done.left == ("odd", "proj_out")
    assert done.bytes_after < 0.27 * done.bytes_before
    assert "2 linear layers" in str(done)
    assert type(module["odd"]) is nn.Linear
    assert (module["ffn"](x) - expected).norm() / expected.norm() < 2 * TOLERANCE["int8"]


@torch.no_grad()
def test_a_video_transformer_keeps_its_delicate_layers() -> None:
    torch.manual_seed(0)
    config = TransformerConfig(
        num_attention_heads=2, attention_head_dim=24, in_channels=4, out_channels=4, text_dim=16, freq_dim=32,
        ffn_dim=64, num_layers=3, action_dim=32, state_dim=16,
    )  # fmt: skip
    model = CausalVideoTransformer(config).eval()
    latents, context, time = torch.randn(1, 4, 2, 4, 4), torch.randn(1, 5, 16), torch.full((1,), 500.0)
    expected = model(latents, time, model.embed_context(context))[0]
    done = quantize(model, "int8")
    assert len(done.layers) == 3 * (3 * 4 + 2)
    assert all(name.startswith("blocks.") for name in done.layers)
    assert all(name.startswith(("condition_embedder.", "proj_out")) for name in done.left)
    found = model(latents, time, model.embed_context(context))[0]
    assert 0 < (found - expected).norm() / expected.norm() < 0.05


def test_a_saved_layer_is_a_loaded_layer() -> None:
    torch.manual_seed(2)
    one, other = QuantizedLinear(linear(), "int8"), QuantizedLinear(nn.Linear(64, 48), "int8")
    other.load_state_dict(one.state_dict())
    x = torch.randn(3, 64)
    assert other(x).equal(one(x))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownName, match="int8"):
        quantize(linear(), "int4")
    with pytest.raises(InvalidConfig, match="no linear layers"):
        quantize(nn.GELU(), "int8")
    with pytest.raises(InvalidConfig, match="Change `skip`"):
        quantize(nn.Sequential(linear()), "int8", skip=("*",))
    assert "meta" in unavailable("int8", torch.device("meta"))
    with pytest.raises(InvalidConfig, match="Leave it off"):
        quantize(nn.Sequential(nn.Linear(64, 48, device="meta")), "fp8")


def test_an_old_gpu_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 0))
    assert "8.9 or more, and this device has 8.0" in unavailable("fp8", torch.device("cuda"))


def test_trying_draws_no_random_numbers() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    unavailable("int8", CPU)
    assert torch.random.get_rng_state().equal(before)
