"""How much memory a computation takes at once, without carrying it out: meta tensors go through the real code."""

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Of a state, such as an autoencoder's `begin_memory`; meta tensors will do."""
    return sum(tensor.nbytes for tensor in tensors)


def peak_bytes(call: Callable[[], object]) -> int:
    """The most bytes that tensors made by a call take at once, run one operation after another.

    Meta tensors will do, so that calls of any size can be counted on any machine. Operators that write all attention
    scores out on meta tensors are counted so; a kernel of `pandora.video.kernels` does not.
    """
    counter = _Live()
    with torch.no_grad(), counter:
        result = call()
    del result
    return counter.peak


class _Live(TorchDispatchMode):
    """Counts memory that appears after the mode is entered, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.known.update(storage for storage in _storages((args, kwargs)))
        result = func(*args, **(kwargs or {}))
        for storage in _storages(result):
            if storage not in self.known:
                self.known.add(storage)
                self._add(storage.nbytes())
                weakref.finalize(storage, self._add, -storage.nbytes())
        self.peak = max(self.peak, self.live)
        return result

    def _add(self, count: int) -> None:
        self.live += count


def _storages(tree: Any) -> list[torch.UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
