"""The decoder LLM: any `transformers` decoder, built from a description or taken with pretrained weights."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, DynamicCache

SMALL_LANGUAGE: Mapping[str, Any] = {
    "model_type": "llama",
    "vocab_size": 18000,
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 1024,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": None,
}


class Language(nn.Module):
    """A causal decoder that reads embeddings; `description` is a `transformers` config as a dictionary."""

    def __init__(self, description: Mapping[str, Any], model: nn.Module | None = None):
        super().__init__()
        self.description = dict(description)
        values = dict(description)
        config = AutoConfig.for_model(values.pop("model_type"), **values)
        self.model: Any = AutoModel.from_config(config, attn_implementation="sdpa") if model is None else model

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Casts and moves the weights; the rotary frequencies move along and keep their precision."""
        exact = [
            (module, name, value)
            for module in self.modules()
            for name, value in module.named_buffers(recurse=False)
            if name.endswith("inv_freq")
        ]
        super()._apply(fn, recurse)
        for module, name, value in exact:
            setattr(module, name, value.to(getattr(module, name).device))
        return self

    @property
    def width(self) -> int:
        """The size D of the embeddings and the hidden states."""
        return self.model.get_input_embeddings().weight.shape[1]

    def embed(self, ids_BS: Tensor) -> Tensor:
        """Token ids (B, S) int64 -> embeddings (B, S, D)."""
        return self.model.get_input_embeddings()(ids_BS)

    def forward(self, inputs_BND: Tensor, mask_BN: Tensor) -> Tensor:
        """Embeddings (B, N, D) and a mask (B, N), 1 where real -> last hidden states (B, N, D).

        Positions count real tokens only, so padding anywhere leaves the result as it is.
        """
        mask_BN = mask_BN.long()
        positions_BN = (mask_BN.cumsum(dim=1) - 1).clamp(min=0)
        output = self.model(
            inputs_embeds=inputs_BND, attention_mask=mask_BN, position_ids=positions_BN, use_cache=False
        )
        return output.last_hidden_state

    def new_cache(self) -> DynamicCache:
        """Empty keys and values, for `extend`."""
        return DynamicCache(config=self.model.config)

    def extend(self, inputs_BND: Tensor, mask_BM: Tensor, cache: DynamicCache) -> Tensor:
        """As `forward` for the last N of M tokens; the cache holds those before them and takes up these."""
        mask_BM = mask_BM.long()
        positions_BN = (mask_BM.cumsum(dim=1) - 1).clamp(min=0)[:, -inputs_BND.shape[1] :]
        output = self.model(
            inputs_embeds=inputs_BND, attention_mask=mask_BM, position_ids=positions_BN, past_key_values=cache,
            use_cache=True,
        )  # fmt: skip
        return output.last_hidden_state


def pretrained_language(name_or_folder: str, dtype: torch.dtype = torch.bfloat16) -> Language:
    """A published decoder with its weights, by hub name or local folder."""
    model = AutoModel.from_pretrained(name_or_folder, dtype=dtype, attn_implementation="sdpa")
    return Language(describe(model.config), model)


def describe(config: Any) -> dict[str, Any]:
    """A `transformers` config as a dictionary that rebuilds the architecture; the weights' dtype is no part of it."""
    values = config.to_diff_dict() | {"model_type": config.model_type}
    return {key: value for key, value in values.items() if key not in ("dtype", "torch_dtype", "architectures")}
