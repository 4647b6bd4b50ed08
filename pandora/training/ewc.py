"""Elastic weight consolidation (1612.00796): learn a new task and stay where the old one needs the weights to be.

    L = L_V + lambda * sum_i F_ii (theta_i - theta*_i)^2

theta* are the weights after the old task and F the diagonal of its Fisher information. With low-rank updates theta
itself stands still and the penalty falls on what the update adds to it.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pandora.errors import InvalidCheckpoint, InvalidInput

_LORA_BASE = ".base_layer"


@dataclass(frozen=True)
class Anchor:
    """The old task's weights and their Fisher diagonal, by plain parameter name (without low-rank wrappers)."""

    values: dict[str, Tensor]
    fisher: dict[str, Tensor]  # mean squared gradients of the log-likelihood, float32

    @classmethod
    def estimate(
        cls,
        model: nn.Module,
        batches: Iterable[object],
        log_likelihood: Callable[[object], Tensor],
        chosen: Callable[[str], bool] = lambda name: True,
    ) -> "Anchor":
        """From the old task: `log_likelihood(batch)` (B,) of each example of a batch, under `model` as it is now.

        Gradients are squared example by example, as the mean of squares is not the square of the mean. Parameters
        whose plain names are not `chosen` are left free. Gradients that the model held are gone afterwards. Raises
        InvalidInput where there are no batches.
        """
        named = {plain(name): parameter for name, parameter in model.named_parameters() if ".lora_" not in name}
        named = {name: parameter for name, parameter in named.items() if chosen(name)}
        before = {name: parameter.requires_grad for name, parameter in named.items()}
        fisher = {name: torch.zeros_like(parameter, dtype=torch.float32) for name, parameter in named.items()}
        examples = 0
        try:
            for parameter in named.values():
                parameter.requires_grad_(True)
            for batch in batches:
                each = log_likelihood(batch)
                for index, likelihood in enumerate(each):
                    gradients = torch.autograd.grad(
                        likelihood, list(named.values()), retain_graph=index + 1 < len(each), allow_unused=True
                    )
                    for name, gradient in zip(named, gradients, strict=True):
                        if gradient is not None:
                            fisher[name] += gradient.detach().float().square()
                    examples += 1
        finally:
            for name, parameter in named.items():
                parameter.requires_grad_(before[name])
        if not examples:
            raise InvalidInput("The Fisher diagonal needs at least one example of the old task.")
        values = {name: parameter.detach().clone() for name, parameter in named.items()}
        return cls(values, {name: total / examples for name, total in fisher.items()})

    def penalty(self, model: nn.Module) -> Tensor:
        """sum_i F_ii (theta_i - theta*_i)^2, a float32 scalar that carries gradients. Raises InvalidInput.

        Low-rank updates count by the weights that they add; a model must hold every parameter of the anchor.
        """
        total = torch.zeros((), device=next(model.parameters()).device)
        found = set()
        for name, change in _changes(model, self.values):
            # what a low-rank update adds is as large as the weight itself: made anew in the backward pass, not kept
            total = total + checkpoint(self._cost, name, change, use_reentrant=False)  # type: ignore[operator]
            found.add(name)
        if lacking := sorted(self.values.keys() - found):
            raise InvalidInput(f"The model lacks {', '.join(lacking[:5])}, which the anchor holds. Use the same model.")
        return total

    def _cost(self, name: str, change: Callable[[], Tensor]) -> Tensor:
        far = change()
        return (self.fisher[name].to(far.device).float() * far.float().square()).sum()

    def save(self, path: str | Path) -> None:
        """One safetensors file."""
        tensors = {f"value.{name}": value for name, value in self.values.items()}
        tensors |= {f"fisher.{name}": value for name, value in self.fisher.items()}
        contiguous = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        save_file(contiguous, str(path), {"format": json.dumps("pandora ewc 1")})

    @classmethod
    def load(cls, path: str | Path) -> "Anchor":
        """Inverse of `save`. Raises InvalidCheckpoint."""
        try:
            with safe_open(str(path), "pt") as file:
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a mapping)
        except (OSError, SafetensorError) as error:
            raise InvalidCheckpoint(f"{path} can't be read as an anchor: {error}.") from error
        values = {k.removeprefix("value."): v for k, v in tensors.items() if k.startswith("value.")}
        fisher = {k.removeprefix("fisher."): v for k, v in tensors.items() if k.startswith("fisher.")}
        if not values or values.keys() != fisher.keys():
            raise InvalidCheckpoint(f"{path} holds no anchor: values and Fisher diagonals must come in pairs.")
        return cls(values, fisher)


def plain(name: str) -> str:
    """A parameter's name without what low-rank wrappers put into it."""
    return name.replace(f"{_LORA_BASE}.", ".")


def _changes(model: nn.Module, values: dict[str, Tensor]) -> Iterator[tuple[str, Callable[[], Tensor]]]:
    """By plain name, what tells how far each anchored parameter is from where it was."""
    for module_name, module in model.named_modules():
        for own, parameter in module.named_parameters(recurse=False):
            name = plain(f"{module_name}.{own}" if module_name else own)
            if name not in values:
                continue
            adapted = own == "weight" and module_name.endswith(_LORA_BASE)
            layer = model.get_submodule(module_name.removesuffix(_LORA_BASE)) if adapted else None
            yield name, partial(_change, parameter, values[name], layer)


def _change(parameter: Tensor, value: Tensor, layer: nn.Module | None) -> Tensor:
    """How far a parameter is from a value; `layer` is the one whose low-rank updates add to it."""
    change = parameter - value.to(parameter)
    return change if layer is None else change + _low_rank(layer)


def _low_rank(layer: nn.Module) -> Tensor:
    """What the active adapters of a `peft` layer add to its weight; 0 where they are switched off or merged into it."""
    total = torch.zeros((), device=next(layer.parameters()).device)
    if getattr(layer, "disable_adapters", False):
        return total
    for adapter in layer.active_adapters:  # type: ignore[union-attr]
        if adapter not in layer.merged_adapters and adapter in layer.lora_A:  # type: ignore[operator]
            total = total + layer.get_delta_weight(adapter)  # type: ignore[operator]
    return total
