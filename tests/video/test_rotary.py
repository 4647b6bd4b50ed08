"""The real form of the rotary table turns as the complex one does."""

import pytest
import torch

from pandora.video.rotary import as_real, rope_3d, rotate


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("head_dim", [12, 24, 64, 128])
def test_real_equals_complex(head_dim: int, dtype: torch.dtype) -> None:
    rope = rope_3d(head_dim, 3, 4, 5, torch.device("cpu"))
    x = torch.randn(2, 60, 3, head_dim, generator=torch.Generator().manual_seed(0)).to(dtype)
    turned = rotate(x, rope)
    torch.testing.assert_close(rotate(x, as_real(rope)), turned, atol=1e-6, rtol=0)
    assert turned.dtype == dtype
    torch.testing.assert_close(turned.float().norm(dim=-1), x.float().norm(dim=-1), atol=2e-2, rtol=1e-2)


def test_a_leading_axis_of_layers_turns_as_each_layer_does() -> None:
    rope = rope_3d(24, 1, 2, 3, torch.device("cpu"))
    layers = torch.randn(4, 6, 2, 24, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rotate(layers, rope)[2], rotate(layers[2:3], rope)[0])
