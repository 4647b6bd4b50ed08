"""Blocks and layers made ready for training at size: recomputed in the backward pass, whole units for sharding."""

from typing import Any

from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pandora.pretrained.backbone import PretrainedBackbone
from pandora.video.block import Block
from pandora.video.cache import LayerCache, LayerPast
from pandora.video.transformer import CausalVideoTransformer


def prepare_blocks(transformer: CausalVideoTransformer, recompute: bool = True) -> None:
    """Let each block take the tokens of its roads instead of their keys and values, which it makes itself.

    So all that a block's weights do happens inside its own `forward`: where processes share the weights they are
    gathered just there, and with `recompute` little but its input is kept for the backward pass. From then on the
    transformer is called with what `roads` gives in the place of a context and a state.
    """
    for block in transformer.blocks:
        assert isinstance(block, Block)
        block.forward = _Whole(block, recompute)  # type: ignore[method-assign]


def roads(transformer: CausalVideoTransformer, embedded: Tensor | None) -> Any:
    """Tokens (B, S, width) for every block of `prepare_blocks`; None where a road is closed."""
    return None if embedded is None else (embedded,) * len(transformer.blocks)


def recompute_layers(backbone: PretrainedBackbone) -> None:
    """Keep little but the inputs of the language model's layers for the backward pass; its eyes need none."""
    backbone.decoder.activation_checkpointing_enable({"use_reentrant": False})
    backbone.decoder.train()  # what `transformers` takes as a sign that there will be a backward pass


class _Whole:
    """A block's `forward` from tokens on."""

    def __init__(self, block: Block, recompute: bool):
        self.block, self.recompute = block, recompute

    def __call__(
        self,
        x: Tensor,
        modulation: Tensor,
        rope: Tensor,
        context: Tensor | None,
        state: Tensor | None,
        past: LayerPast | None,
    ) -> tuple[Tensor, LayerCache]:
        arguments = (x, modulation, rope, context, state, past)
        return checkpoint(self._run, *arguments, use_reentrant=False) if self.recompute else self._run(*arguments)

    def _run(
        self,
        x: Tensor,
        modulation: Tensor,
        rope: Tensor,
        context: Tensor | None,
        state: Tensor | None,
        past: LayerPast | None,
    ) -> tuple[Tensor, LayerCache]:
        block = self.block
        told = None if context is None else block.attn2.keys_values(context)
        sensed = None if state is None or block.attn_state is None else block.attn_state.keys_values(state)
        return Block.forward(block, x, modulation, rope, told, sensed, past)
