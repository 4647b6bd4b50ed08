"""Low-rank adaptation of pretrained models (2106.09685), by `peft`: put in, kept as `peft` keeps it, merged again."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pandora.errors import InvalidCheckpoint, InvalidConfig, UnknownName

# Whole names of the linear layers to adapt. Vision towers have layers of the same names, and roads that start at zero
# have nothing that a low rank could stay close to.
LAYOUTS = {
    "language": r"(?!.*(?:vision|visual))(?:.*\.)?layers\.\d+\.(?:self_attn|mlp)\.(?:q|k|v|o|gate|up|down)_proj",
    "video": r"(?:.*\.)?blocks\.\d+\.(?:attn[12]\.(?:to_[qkv]|to_out\.0)|ffn\.net\.(?:0\.proj|2))",
}
LORA_FILE = "adapter_model.safetensors"
_ADAPTER = "default"
_PREFIX = "base_model.model."  # of the names in peft's files


def adapt(model: nn.Module, layout: str, rank: int, without: str = "") -> None:
    """Give the layers of a layout trainable low-rank updates in float32, which start at zero; freeze all else.

    Modules named `without` are left alone. Raises UnknownName for the layout, and InvalidConfig where the rank is none
    or no layer fits.
    """
    if layout not in LAYOUTS:
        raise UnknownName("layout of low-rank updates", layout, LAYOUTS)
    if rank < 1:
        raise InvalidConfig(f"The rank of an update is at least 1, not {rank}.")
    if not any(fits(layout, name) for name, _ in model.named_modules()):
        raise InvalidConfig(f"{type(model).__name__} has no layers of the layout {layout!r} ({LAYOUTS[layout]}).")
    model.requires_grad_(False)
    excluded = rf".*\.{re.escape(without)}\..*" if without else None
    inject_adapter_in_model(
        LoraConfig(r=rank, lora_alpha=rank, target_modules=LAYOUTS[layout], exclude_modules=excluded), model
    )
    unfreeze(model)


def unfreeze(model: nn.Module) -> None:
    """Let low-rank updates be trained, in float32: autocast takes care of the products."""
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            parameter.requires_grad_(True)
            parameter.data = parameter.data.float()


def fits(layout: str, name: str) -> bool:
    """Whether a module of that name is one of the layout's layers."""
    return re.fullmatch(LAYOUTS[layout], name) is not None


def is_adapted(model: nn.Module) -> bool:
    """Whether some layer carries low-rank updates."""
    return any(isinstance(module, LoraLayer) for module in model.modules())


def save_lora(model: nn.Module, folder: Path, base: str = "", state: Mapping[str, Tensor] | None = None) -> Path:
    """Write the updates as `peft` does (adapter_config.json, adapter_model.safetensors); `base` names what they fit.

    `state` is the model's state dict where it has been gathered already. `PeftModel.from_pretrained` reads the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = _peft_config(model)
    tensors = get_peft_model_state_dict(model, None if state is None else dict(state), save_embedding_layers=False)
    stored = {f"{_PREFIX}{name}": value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(stored, str(folder / LORA_FILE), {"format": "pt"})
    before = config.base_model_name_or_path, config.inference_mode
    config.base_model_name_or_path, config.inference_mode = base, True
    try:
        config.save_pretrained(str(folder))
    finally:
        config.base_model_name_or_path, config.inference_mode = before
    return folder


def load_lora(model: nn.Module, folder: Path) -> None:
    """Put updates that `save_lora` or `peft` wrote into a plain model, frozen. Raises InvalidCheckpoint."""
    if is_adapted(model):
        raise InvalidConfig("The model carries low-rank updates already. Merge them first, or load into a plain one.")
    try:
        config = LoraConfig.from_pretrained(str(folder))
        tensors = load_file(str(folder / LORA_FILE))
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise InvalidCheckpoint(f"{folder} holds no low-rank updates that can be read: {error}") from error
    try:
        inject_adapter_in_model(config, model)
        expected = get_peft_model_state_dict(model, save_embedding_layers=False)
        given = {name.removeprefix(_PREFIX): value for name, value in tensors.items()}
        if lacking := sorted(expected.keys() ^ given.keys()):
            raise InvalidCheckpoint(f"{folder} doesn't fit {type(model).__name__}: {', '.join(lacking[:5])}.")
        set_peft_model_state_dict(model, given)
    except (ValueError, RuntimeError) as error:
        raise InvalidCheckpoint(f"{folder} doesn't fit {type(model).__name__}: {error}") from error
    model.requires_grad_(False)


def merge(model: nn.Module) -> nn.Module:
    """Add the updates to the weights they belong to and take the wrappers out, in place; the names are plain again."""
    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge(safe_merge=True)  # type: ignore[operator]  (which raises where a weight is no number)
            model.set_submodule(name, module.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config
    return model


def _peft_config(model: nn.Module) -> Any:
    configs: Any = getattr(model, "peft_config", None)
    if not configs:
        raise InvalidConfig(f"{type(model).__name__} carries no low-rank updates.")
    return configs[_ADAPTER]
